/**
 * State of a partition: a fold over its decision frames, and nothing else.
 *
 * `applyVerdict` and `applySettlement` change it, live and in a replay alike. Live they run while
 * the frame is being made, before its append: the records of one turn must see each other, and a
 * draft beside the tables would cost more than the rules. That is safe because nobody hears of a
 * turn before its append, and an append that fails in any way ends the owner: the state is dropped
 * and read from the log again. Covers need the frame's sequence, so they follow the append.
 */
import assert from "node:assert";
import { acceptedDay, REASON, STATE } from "../../core/message.js";
import {
  COVER,
  DECISION_FRAME,
  SETTLEMENT,
  SETTLEMENT_ADJUST,
  SETTLEMENT_COMMIT,
  SETTLEMENT_DEBIT,
  SETTLEMENT_RELEASE,
  VERDICT,
} from "../../core/stream/fields.js";
import {
  type Fields,
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  nextField,
  readFields,
  readUint32,
  readUint53,
  textOf,
  varintOf,
} from "../../core/stream/frame.js";
import { VERDICT_AT } from "../../workers/task.js";
import { type Accounts, openAccounts } from "./accounts.js";
import { type Covered, openCovered } from "./covered.js";
import { type Currencies, openCurrencies } from "./currencies.js";
import { type Keys, openKeys } from "./keys.js";
import { type Months, monthOf, monthOfDay, openMonths } from "./months.js";
import { openReferences, type References } from "./references.js";
import {
  ADJUSTED,
  openReservations,
  RELEASED,
  type Reservation,
  type Reservations,
} from "./reservations.js";

export interface PartitionState {
  readonly limits: StateLimits;
  readonly accounts: Accounts;
  readonly reservations: Reservations;
  readonly keys: Keys;
  readonly currencies: Currencies;
  readonly months: Months;
  readonly references: References;
  /** By floe.v1.Lane; 0 is not used. */
  readonly covered: readonly Covered[];
  /** Attempts up to this stream sequence are reflected. */
  attemptsThrough: number;
  /**
   * How far the log says so: what was read since then and settled nothing may belong to a decision
   * of another owner that is not read yet. A snapshot holds this one.
   */
  attemptsLogged: number;
  /** Sequence of the last frame, 0: none, and when it was decided. */
  sequence: number;
  decidedAtMs: number;
  /** Highest epoch that wrote. */
  epoch: number;
}

export interface StateLimits {
  /** Idempotency keys that are remembered, in all and for one account. */
  readonly keysMax: number;
  readonly accountKeysMax: number;
}

export function openState(limits: StateLimits): PartitionState {
  return {
    limits,
    accounts: openAccounts(),
    reservations: openReservations(),
    keys: openKeys(limits.keysMax),
    currencies: openCurrencies(),
    months: openMonths(),
    references: openReferences(),
    covered: Array.from({ length: 4 }, openCovered),
    attemptsThrough: 0,
    attemptsLogged: 0,
    sequence: 0,
    decidedAtMs: 0,
    epoch: 0,
  };
}

const fields = newFields();
const record = newFields();
const reservation: Reservation = {
  account: 0,
  priceMicros: 0,
  chargeBasis: 0,
  currency: 0,
  expiresAtMs: 0,
};

/** Why a frame of the log cannot be applied: its text says what is wrong with it. */
export type FrameFault = "malformed" | "gap" | undefined;

/**
 * Applies a frame of the log.
 * @returns "gap" if it does not follow the last one, "malformed" if it cannot be read; the state is
 *   of no use then.
 */
export function applyFrame(state: PartitionState, bytes: Uint8Array, sequence: number): FrameFault {
  if (!readFields(bytes, 0, bytes.length, fields)) return "malformed";
  if (fixed64Of(bytes, fields, DECISION_FRAME.previousSequence) !== state.sequence) return "gap";
  const decidedAtMs = fixed64Of(bytes, fields, DECISION_FRAME.decidedAtMs);
  const attemptsThrough = fixed64Of(bytes, fields, DECISION_FRAME.attemptsThrough);
  const epoch = fixed64Of(bytes, fields, DECISION_FRAME.epoch);
  if (!applyVerdicts(state, bytes, sequence, decidedAtMs)) return "malformed";
  for (let at = 0; ; at = found.end) {
    const next = nextField(bytes, at, bytes.length, DECISION_FRAME.settlements);
    if (next === 0) break;
    if (next === -1 || !readFields(bytes, found.at, found.end, record)) return "malformed";
    applySettlementRecord(state, bytes, record, decidedAtMs);
  }
  state.attemptsThrough = Math.max(state.attemptsThrough, attemptsThrough);
  state.attemptsLogged = state.attemptsThrough;
  state.decidedAtMs = decidedAtMs;
  state.epoch = Math.max(state.epoch, epoch);
  state.sequence = sequence;
  return undefined;
}

/** Covers and records: a cover's records are the next `count`. */
function applyVerdicts(
  state: PartitionState,
  bytes: Uint8Array,
  sequence: number,
  decidedAtMs: number,
): boolean {
  const end = bytes.length;
  let verdict = 0;
  for (let at = 0; ; ) {
    const next = nextField(bytes, at, end, DECISION_FRAME.covers);
    if (next === 0) return true;
    if (next === -1 || !readFields(bytes, found.at, found.end, record)) return false;
    at = found.end;
    const lane = varintOf(record, COVER.lane);
    const requestSequence = fixed64Of(bytes, record, COVER.sequence);
    const publishId = textOf(bytes, record, COVER.publishId);
    const count = fixed32Of(bytes, record, COVER.count);
    let acceptedAtMs = decidedAtMs;
    for (let index = 0; index < count; index += 1) {
      if (nextField(bytes, verdict, end, DECISION_FRAME.records) !== 1) return false;
      verdict = found.end;
      const from = found.at;
      if (!isVerdict(bytes, from, found.end)) return false;
      // A gateway whose clock is ahead must not end the time of the ids of others.
      if (index === 0) {
        acceptedAtMs = Math.min(decidedAtMs, readUint53(bytes, from + VERDICT_AT.acceptedAtMs));
      }
      applyVerdict(state, bytes, from, found.end, decidedAtMs, false);
    }
    state.covered[lane]?.add(requestSequence, publishId, sequence, acceptedAtMs, decidedAtMs);
  }
}

/** Whether a verdict has its fixed fields where workers/task.ts says: all of them were written so. */
export function isVerdict(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at >= VERDICT_AT.expiresAtMs + 8 &&
    bytes[at] === 0x0a &&
    bytes[at + 1] === 16 &&
    bytes[at + VERDICT_AT.acceptedAtMs - 1] === 0x11 &&
    bytes[at + VERDICT_AT.expiresAtMs - 1] === 0x51
  );
}

/**
 * Applies the verdict in `bytes[at, end)`, all account rules done.
 * @param live its rules were just done, the search for its message among them; false: a replay.
 */
export function applyVerdict(
  state: PartitionState,
  bytes: Uint8Array,
  at: number,
  end: number,
  decidedAtMs: number,
  live: boolean,
): void {
  const rank = readUint32(bytes, at + VERDICT_AT.state);
  if (rank === 0) return;
  const place = state.accounts.place(readUint32(bytes, at + VERDICT_AT.account));
  const acceptedAtMs = readUint53(bytes, at + VERDICT_AT.acceptedAtMs);
  const tagLow = readUint32(bytes, at + VERDICT_AT.keyTag);
  const tagHigh = readUint32(bytes, at + VERDICT_AT.keyTag + 4);
  const reason = readUint32(bytes, at + VERDICT_AT.reason);
  if ((tagLow | tagHigh) !== 0 && reason !== REASON.IDEMPOTENCY_FULL) {
    const nowSeconds = Math.floor(decidedAtMs / 1_000);
    const seconds = Math.floor(acceptedAtMs / 1_000);
    // A conflict was remembered only where there was room; of the others the log says that there was.
    const isSure = !live && reason !== REASON.IDEMPOTENCY_CONFLICT;
    const has = isSure ? madeRoom(state, seconds, nowSeconds) : keyRoom(state, place, seconds);
    if (has) rememberKey(state, bytes, at, tagLow, tagHigh, seconds, place, nowSeconds);
  }
  if (rank !== STATE.ROUTED) return;
  const day = acceptedDay(acceptedAtMs);
  const idAt = at + VERDICT_AT.messageId;
  assert(live || !state.reservations.find(bytes, idAt, day), "a message is reserved for once");
  const readable = readFields(bytes, at + VERDICT_AT.expiresAtMs + 8, end, record);
  assert(readable, "a verdict can be read");
  reservation.account = place;
  reservation.priceMicros = readUint53(bytes, at + VERDICT_AT.priceMicros);
  reservation.chargeBasis = varintOf(record, VERDICT.chargeBasis);
  reservation.currency = state.currencies.number(bytes, record, VERDICT.currency);
  reservation.expiresAtMs = readUint53(bytes, at + VERDICT_AT.expiresAtMs);
  assert(reservation.priceMicros >= 0, "a price is a whole number below 2^53");
  state.reservations.insert(bytes, idAt, day, reservation);
  const month = monthOf(acceptedAtMs);
  state.accounts.reserve(place, reservation.priceMicros, day, month);
  state.months.add(place, month, varintOf(record, VERDICT.segments));
}

/** A rejected message holds its key too: its repeat is the same message, rejected once. */
function rememberKey(
  state: PartitionState,
  bytes: Uint8Array,
  at: number,
  tagLow: number,
  tagHigh: number,
  seconds: number,
  place: number,
  nowSeconds: number,
): void {
  const idLow = readUint32(bytes, at + VERDICT_AT.messageId + 8);
  const idHigh = readUint32(bytes, at + VERDICT_AT.messageId + 12);
  state.keys.add(tagLow, tagHigh, idLow, idHigh, seconds, place, nowSeconds);
  state.accounts.addKeys(place, 1);
}

/** Whether one more key of the account can be remembered. */
export function keyRoom(state: PartitionState, place: number, acceptedSeconds: number): boolean {
  // What was accepted at no time at all is rejected, and is in no hour.
  if (Number.isNaN(acceptedSeconds)) return false;
  const { accountKeysMax } = state.limits;
  return state.accounts.keys(place) < accountKeysMax && state.keys.room(acceptedSeconds);
}

/**
 * Makes room for a key that the log says was remembered. Live, keys of hours long past are dropped by
 * time, which is in no log: a replay drops as few of them as it must.
 */
function madeRoom(state: PartitionState, seconds: number, nowSeconds: number): boolean {
  if (Number.isNaN(seconds)) return false;
  const bounded = Math.min(seconds, nowSeconds + 3_600);
  return state.keys.makeRoom(bounded, (place) => state.accounts.addKeys(place, -1));
}

function applySettlementRecord(
  state: PartitionState,
  bytes: Uint8Array,
  of: Fields,
  decidedAtMs: number,
): void {
  const account = fixed32Of(bytes, of, SETTLEMENT.account);
  const kind = fixed32Of(bytes, of, SETTLEMENT.kind);
  const amountMicros = fixed64Of(bytes, of, SETTLEMENT.amountMicros);
  let sequence: number;
  if (kind > SETTLEMENT_ADJUST) {
    const reference = textOf(bytes, of, SETTLEMENT.reference);
    const atMs = fixed64Of(bytes, of, SETTLEMENT.atMs);
    sequence = applyCredit(state, { account, kind, amountMicros, reference, atMs, decidedAtMs });
  } else {
    const idAt = of[2 * SETTLEMENT.messageId]!;
    const day = acceptedDay(fixed64Of(bytes, of, SETTLEMENT.acceptedAtMs));
    const known = state.reservations.find(bytes, idAt, day);
    sequence = applySettlement(
      state,
      known,
      kind,
      state.accounts.place(account),
      amountMicros,
      day,
    );
  }
  const told = fixed64Of(bytes, of, SETTLEMENT.ledgerSequence);
  assert(sequence === told, "an account's ledger has no gap");
  const balanceAt = of[2 * SETTLEMENT.balanceAfterMicros]!;
  if (balanceAt < 0) return;
  const place = state.accounts.place(account);
  assert(
    readUint32(bytes, balanceAt) === state.accounts.bookLow(place) &&
      (readUint32(bytes, balanceAt + 4) | 0) === state.accounts.bookHigh(place),
    "an account's ledger leads to its balance",
  );
}

/**
 * Applies a settlement of a message accepted on `day`; the cursor of the reservations is on it if
 * `known`.
 * @returns the ledger sequence of the account, the next one.
 */
export function applySettlement(
  state: PartitionState,
  known: boolean,
  kind: number,
  place: number,
  amountMicros: number,
  day: number,
): number {
  if (kind === SETTLEMENT_ADJUST) {
    // In a replay the released entry may have ended meanwhile.
    if (known) state.reservations.setStatus(ADJUSTED);
    return state.accounts.adjust(place, amountMicros, day, monthOfDay(day));
  }
  assert(known, "what is settled was reserved");
  if (kind === SETTLEMENT_COMMIT) {
    state.reservations.remove();
    return state.accounts.commit(place, amountMicros);
  }
  assert(kind === SETTLEMENT_RELEASE, "a settlement is of a kind that is known");
  state.reservations.setStatus(RELEASED);
  return state.accounts.release(place, amountMicros, day, monthOfDay(day));
}

export interface AppliedCredit {
  readonly account: number;
  readonly kind: number;
  readonly amountMicros: number;
  readonly reference: string;
  readonly atMs: number;
  /** Of the frame that it is in. */
  readonly decidedAtMs: number;
}

/** Applies what is given or taken by hand. @returns the ledger sequence of the account. */
export function applyCredit(state: PartitionState, credit: AppliedCredit): number {
  const { accounts, references } = state;
  const { account, kind, amountMicros, reference, atMs } = credit;
  const place = accounts.place(account);
  const ledgerSequence =
    kind === SETTLEMENT_DEBIT
      ? accounts.debit(place, amountMicros)
      : accounts.credit(place, amountMicros);
  const [bookLow, bookHigh] = [accounts.bookLow(place), accounts.bookHigh(place)];
  const entry = { kind, amountMicros, ledgerSequence, atMs, bookLow, bookHigh };
  references.add(account, reference, monthOf(credit.decidedAtMs), entry);
  return ledgerSequence;
}
