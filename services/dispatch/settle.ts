/**
 * Settle: what attempts mean for money, and the settlements that say so.
 *
 * In: attempt frames in the order of the stream. Out: settlement records, written into segments that
 * ride in decision frames; a segment ends at the end of an attempt frame and knows how far attempts
 * are reflected once it is in the log. State changes here, before the append (state.ts says why).
 */
import { acceptedDay, STATE } from "../../core/message.js";
import { counter } from "../../core/metrics.js";
import {
  ATTEMPT,
  ATTEMPT_FRAME,
  ATTEMPT_IN_DOUBT,
  ATTEMPT_RECEIPT,
  ATTEMPT_REFUSED,
  ATTEMPT_SUBMITTED,
  ATTEMPT_TIMED_OUT,
  CHARGE_ON_DELIVERED,
  DECISION_FRAME,
  SETTLEMENT,
  SETTLEMENT_ADJUST,
  SETTLEMENT_COMMIT,
  SETTLEMENT_RELEASE,
} from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  nextField,
  putBytes,
  putFixed32,
  putFixed64,
  putFixed64Halves,
  readFields,
  varintOf,
} from "../../core/stream/frame.js";
import { HELD, RELEASED } from "./reservations.js";
import type { Shares } from "./shares.js";
import { applySettlement, type PartitionState } from "./state.js";

const settledTotal = counter("floe_dispatch_settlements_total", "Settlements.", ["kind"]);
const notHeldTotal = counter(
  "floe_dispatch_attempts_not_held_total",
  "Attempts of messages whose money is settled or unknown: they change nothing.",
);
/** By settlement kind. */
const KIND_NAMES = ["", "commit", "release", "adjust"] as const;

const record = newFields();
const counts = [0, 0, 0, 0];

/** Kind of settlement that an attempt leads to, 0: none. */
export function outcomeOf(kind: number, rank: number, final: boolean, chargeBasis: number): number {
  switch (kind) {
    case ATTEMPT_SUBMITTED:
      return chargeBasis === CHARGE_ON_DELIVERED ? 0 : SETTLEMENT_COMMIT;
    case ATTEMPT_RECEIPT:
      // Any receipt proves submission.
      if (chargeBasis !== CHARGE_ON_DELIVERED) return SETTLEMENT_COMMIT;
      if (rank >= STATE.PARTIALLY_DELIVERED) return SETTLEMENT_COMMIT;
      return rank >= STATE.UNKNOWN ? SETTLEMENT_RELEASE : 0;
    case ATTEMPT_REFUSED:
      return final ? SETTLEMENT_RELEASE : 0;
    case ATTEMPT_TIMED_OUT:
      return SETTLEMENT_RELEASE;
    default:
      return 0;
  }
}

/**
 * Settles what an attempt frame brings: changes the state and appends records to `writer`.
 * @param shares told what waits at carriers no more.
 * @returns the number of settlements; -1 - that number if the frame is malformed: what stands before
 *   the fault counts.
 */
export function settleFrame(
  state: PartitionState,
  bytes: Uint8Array,
  writer: FrameWriter,
  shares?: Shares,
): number {
  counts.fill(0);
  const carrier = shares === undefined ? -1 : carrierOf(bytes, shares);
  let notHeld = 0;
  let malformed = false;
  for (let at = 0; ; at = found.end) {
    const next = nextField(bytes, at, bytes.length, ATTEMPT_FRAME.records);
    if (next === 0) break;
    malformed = next === -1 || !readFields(bytes, found.at, found.end, record);
    if (malformed) break;
    if (carrier >= 0 && isFirst(bytes)) {
      shares!.ended(fixed32Of(bytes, record, ATTEMPT.account), carrier);
    }
    const kind = settleRecord(state, bytes, writer);
    if (kind < 0) notHeld += 1;
    else counts[kind] = counts[kind]! + 1;
  }
  for (let kind = SETTLEMENT_COMMIT; kind <= SETTLEMENT_ADJUST; kind += 1) {
    if (counts[kind]! > 0) settledTotal.inc({ kind: KIND_NAMES[kind]! }, counts[kind]!);
  }
  if (notHeld > 0) notHeldTotal.inc(notHeld);
  const count = counts[1]! + counts[2]! + counts[3]!;
  return malformed ? -1 - count : count;
}

/** The number of the frame's carrier; -1: it names none. */
function carrierOf(bytes: Uint8Array, shares: Shares): number {
  if (nextField(bytes, 0, bytes.length, ATTEMPT_FRAME.carrier) !== 1) return -1;
  return shares.carrier(
    Buffer.from(bytes.buffer, bytes.byteOffset + found.at, found.end - found.at).toString("latin1"),
  );
}

/** Whether the attempt in `record` is the first of its message: it waits at its carrier no more. */
function isFirst(bytes: Uint8Array): boolean {
  if (fixed32Of(bytes, record, ATTEMPT.hop) !== 0) return false;
  switch (fixed32Of(bytes, record, ATTEMPT.kind)) {
    case ATTEMPT_SUBMITTED:
    case ATTEMPT_REFUSED:
    case ATTEMPT_IN_DOUBT:
      return true;
    case ATTEMPT_TIMED_OUT:
      // Else there was a submission before.
      return fixed32Of(bytes, record, ATTEMPT.state) === STATE.EXPIRED;
    default:
      return false;
  }
}

/** Settles the attempt in `record`: the kind of settlement, 0: none, -1: its message is not held. */
function settleRecord(state: PartitionState, bytes: Uint8Array, writer: FrameWriter): number {
  const kind = fixed32Of(bytes, record, ATTEMPT.kind);
  const money =
    kind === ATTEMPT_SUBMITTED ||
    kind === ATTEMPT_RECEIPT ||
    kind === ATTEMPT_REFUSED ||
    kind === ATTEMPT_TIMED_OUT;
  if (!money || record[2 * ATTEMPT.messageId + 1] !== 16) return 0;
  const idAt = record[2 * ATTEMPT.messageId]!;
  const acceptedAtMs = fixed64Of(bytes, record, ATTEMPT.acceptedAtMs);
  const { reservations, accounts } = state;
  const day = acceptedDay(acceptedAtMs);
  if (!reservations.find(bytes, idAt, day)) return -1;
  const rank = fixed32Of(bytes, record, ATTEMPT.state);
  const status = reservations.status();
  let settlement = 0;
  if (status === HELD) {
    const final = varintOf(record, ATTEMPT.final) !== 0;
    settlement = outcomeOf(kind, rank, final, reservations.chargeBasis());
  } else if (status === RELEASED && kind === ATTEMPT_RECEIPT) {
    settlement = rank >= STATE.PARTIALLY_DELIVERED ? SETTLEMENT_ADJUST : 0;
  }
  if (settlement === 0) return 0;
  const place = reservations.account();
  const priceMicros = reservations.priceMicros();
  const currency = reservations.currency();
  const ledgerSequence = applySettlement(state, true, settlement, place, priceMicros, day);
  const mark = beginNested(writer, DECISION_FRAME.settlements);
  putBytes(writer, SETTLEMENT.messageId, bytes, idAt, idAt + 16);
  putFixed64(writer, SETTLEMENT.acceptedAtMs, acceptedAtMs);
  putFixed32(writer, SETTLEMENT.account, accounts.number(place));
  putFixed32(writer, SETTLEMENT.kind, settlement);
  putFixed64(writer, SETTLEMENT.amountMicros, priceMicros);
  putFixed64(writer, SETTLEMENT.ledgerSequence, ledgerSequence);
  putFixed64(writer, SETTLEMENT.atMs, fixed64Of(bytes, record, ATTEMPT.atMs));
  putBytes(writer, SETTLEMENT.currency, state.currencies.code(currency));
  const { bookLow, bookHigh } = accounts;
  putFixed64Halves(writer, SETTLEMENT.balanceAfterMicros, bookLow(place), bookHigh(place));
  endNested(writer, mark);
  return settlement;
}
