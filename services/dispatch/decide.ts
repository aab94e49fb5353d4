/**
 * Decide: the account rules, record by record, over verdicts that the pool has made.
 *
 * In the order in which records came: a repeat changes nothing, a key that names another message is
 * a conflict, a key that cannot be remembered is refused, a recipient who asked to be left alone is;
 * what is left and has a route is reserved and gets its place in a dispatch frame. A verdict is
 * changed in place, at fixed offsets.
 */
import { acceptedDay, REASON, STATE } from "../../core/message.js";
import { readUint32, readUint53, writeUint32, writeUint53 } from "../../core/stream/frame.js";
import { INDEX, INDEX_STRIDE, VERDICT_AT } from "../../workers/task.js";
import { KEY_OTHER, KEY_SAME } from "./keys.js";
import { monthOf } from "./months.js";
import type { Plan } from "./plan.js";
import type { Part, TierPrice } from "./routed.js";
import { applyVerdict, keyRoom, type PartitionState } from "./state.js";
import { NONE_SUPPRESSED, type Suppressed } from "./suppressed.js";
import { NO_TERMS, type Terms } from "./terms.js";

/** Not a reason: the verdict stands, or it is a repeat. */
const STANDS = 0;
const REPEAT = -1;

/** Decides the records of one part: changes state and verdicts, and plans their dispatch. */
export function decidePart(
  state: PartitionState,
  part: Part,
  plan: Plan,
  decidedAtMs: number,
  suppressed: Suppressed = NONE_SUPPRESSED,
  terms: Terms = NO_TERMS,
): void {
  const { verdicts, from, to } = part;
  const { index } = part.result;
  plan.begin(part);
  for (let record = from; record < to; record += 1) {
    const base = record * INDEX_STRIDE;
    const at = index[base + INDEX.verdictAt]!;
    const outcome = judge(state, verdicts, at);
    if (outcome === REPEAT) change(verdicts, at, 0, 0);
    else if (outcome !== STANDS) change(verdicts, at, STATE.REJECTED, outcome);
    else if (
      readUint32(verdicts, at + VERDICT_AT.state) === STATE.ROUTED &&
      suppressed.blocks(verdicts, at, index[base + INDEX.verdictEnd]!)
    )
      change(verdicts, at, STATE.REJECTED, REASON.OPTED_OUT);
    if (readUint32(verdicts, at + VERDICT_AT.state) === STATE.ROUTED) {
      const segments = index[base + INDEX.segments]!;
      const tier = index[base + INDEX.tier]!;
      if (tier !== 0) setTierPrice(state, part.result.tierPrice, verdicts, at, tier, segments);
      const refused = judgeTerms(state, terms, verdicts, at, index[base + INDEX.lane]!);
      if (refused !== STANDS) change(verdicts, at, STATE.REJECTED, refused);
    }
    if (readUint32(verdicts, at + VERDICT_AT.state) === STATE.ROUTED) {
      const segments = index[base + INDEX.segments]!;
      const lane = index[base + INDEX.lane]!;
      const bytes = index[base + INDEX.dispatchEnd]! - index[base + INDEX.dispatchAt]!;
      const carrier = index[base + INDEX.carrier]!;
      const once = index[base + INDEX.once]!;
      const account = readUint32(verdicts, at + VERDICT_AT.account);
      const place = plan.take(account, carrier, lane, once, bytes, segments);
      writeUint32(verdicts, at + VERDICT_AT.place, place);
    } else {
      plan.skip();
    }
    // `judge` ends with that search.
    applyVerdict(state, verdicts, at, index[base + INDEX.verdictEnd]!, decidedAtMs, true);
  }
}

/** The pool does not know what the account has had this month; what came before in this turn counts. */
function setTierPrice(
  state: PartitionState,
  tierPrice: TierPrice,
  bytes: Uint8Array,
  at: number,
  tier: number,
  segments: number,
): void {
  const place = state.accounts.place(readUint32(bytes, at + VERDICT_AT.account));
  const month = monthOf(readUint53(bytes, at + VERDICT_AT.acceptedAtMs));
  const priceMicros = tierPrice(tier, state.months.segments(place, month), segments);
  writeUint53(bytes, at + VERDICT_AT.priceMicros, priceMicros);
}

/** What the account's terms make of a message that has a route and a price. */
function judgeTerms(
  state: PartitionState,
  terms: Terms,
  bytes: Uint8Array,
  at: number,
  lane: number,
): number {
  const { accounts } = state;
  const acceptedAtMs = readUint53(bytes, at + VERDICT_AT.acceptedAtMs);
  const priceMicros = readUint53(bytes, at + VERDICT_AT.priceMicros);
  const place = accounts.place(readUint32(bytes, at + VERDICT_AT.account));
  const day = acceptedDay(acceptedAtMs);
  const month = monthOf(acceptedAtMs);
  return terms.judge(accounts, place, priceMicros, acceptedAtMs, day, month, lane);
}

/** What the rules make of the verdict at `at`: STANDS, REPEAT or the reason to reject it. */
function judge(state: PartitionState, bytes: Uint8Array, at: number): number {
  const acceptedAtMs = readUint53(bytes, at + VERDICT_AT.acceptedAtMs);
  const routed = readUint32(bytes, at + VERDICT_AT.state) === STATE.ROUTED;
  // Not a time, or no price: nothing that a gateway or a deck may hold.
  if (Number.isNaN(acceptedAtMs)) return REASON.INTERNAL;
  if (routed && Number.isNaN(readUint53(bytes, at + VERDICT_AT.priceMicros)))
    return REASON.NO_PRICE;
  const tagLow = readUint32(bytes, at + VERDICT_AT.keyTag);
  const tagHigh = readUint32(bytes, at + VERDICT_AT.keyTag + 4);
  if ((tagLow | tagHigh) !== 0) {
    const idLow = readUint32(bytes, at + VERDICT_AT.messageId + 8);
    const idHigh = readUint32(bytes, at + VERDICT_AT.messageId + 12);
    const seconds = Math.floor(acceptedAtMs / 1_000);
    const known = state.keys.look(tagLow, tagHigh, idLow, idHigh, seconds);
    if (known === KEY_SAME) return REPEAT;
    if (known === KEY_OTHER) return REASON.IDEMPOTENCY_CONFLICT;
    const place = state.accounts.place(readUint32(bytes, at + VERDICT_AT.account));
    if (!keyRoom(state, place, seconds)) return REASON.IDEMPOTENCY_FULL;
  }
  if (!routed) return STANDS;
  // Without a key an id is unique; one that is here all the same is charged once.
  const day = acceptedDay(acceptedAtMs);
  return state.reservations.find(bytes, at + VERDICT_AT.messageId, day) ? REPEAT : STANDS;
}

/** Nothing is dispatched, reserved or bought then. */
function change(bytes: Uint8Array, at: number, rank: number, reason: number): void {
  writeUint32(bytes, at + VERDICT_AT.state, rank);
  writeUint32(bytes, at + VERDICT_AT.reason, reason);
  writeUint32(bytes, at + VERDICT_AT.place, 0);
  writeUint53(bytes, at + VERDICT_AT.priceMicros, 0);
  writeUint53(bytes, at + VERDICT_AT.costMicros, 0);
}
