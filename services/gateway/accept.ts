/**
 * Accept: the messages of one call become request records in the outbox, and the call is answered
 * when the stream has confirmed all of them.
 *
 * In: a request as received, walked in place. Out: a fate for each message. The bytes of a message
 * go into its record as the customer sent them; partition by account, lane by traffic class. What
 * one call needs (fates, ids, a settled function for each place) lies in a `Taken`, which is used
 * again for another call: the path builds no object and no promise for a message.
 *
 * A call is answered at its deadline at the latest: what is not confirmed by then is UNCONFIRMED,
 * and a confirmation that comes later changes nothing but the counts.
 */
import assert from "node:assert";
import type { Clock } from "../../core/clock.js";
import type { FloeError } from "../../core/errors.js";
import { BATCH_MESSAGES_MAX } from "../../core/limits.js";
import { LANE_HIGH, LANES, laneOfClass, partitionOf } from "../../core/message.js";
import { REQUEST, REQUEST_FRAME } from "../../core/stream/fields.js";
import {
  type FrameWriter,
  found,
  nextField,
  putFixed32,
  putFixed64,
  putVarint,
  reserve,
  writeUint32,
  writeUint53,
} from "../../core/stream/frame.js";
import type { Outbox, OutboxKey, Settled } from "../../core/stream/outbox.js";
import { requestSubject } from "../../core/subjects.js";
import type { AccountState } from "./authenticate.js";
import type { Identity, KeyedMessage } from "./identity.js";
import { ACCOUNT_FULL, OUTBOX_FULL, type Refusal } from "./refuse.js";
import type { RememberedKeys } from "./remembered.js";
import { check, seen } from "./validate.js";

/** What became of a message. */
export const FATE = {
  waiting: 0,
  stored: 1,
  invalid: 2,
  conflict: 3,
  outboxFull: 4,
  streamFull: 5,
  unconfirmed: 6,
} as const;

/** The messages of one call, by place. Valid until `answer` returns. */
export interface Taken {
  readonly count: number;
  /** FATE of each. */
  readonly fates: Uint8Array;
  /** Bits of PROBLEM of each; not 0 for those that are invalid. */
  readonly problems: Int32Array;
  /** 16 bytes for each. */
  readonly ids: Uint8Array;
  /** How many are stored. */
  readonly stored: number;
}

export interface Acceptor {
  /**
   * Takes the `count` messages (1 to BATCH_MESSAGES_MAX) that lie in field `field` of `request`.
   * `answer` is called once, with their fates, perhaps before `take` returns.
   * @param answerByMs monotonic time of the answer at the latest.
   * @returns why none of them was taken (then `answer` is not called), else undefined.
   */
  take(
    request: Uint8Array,
    field: number,
    count: number,
    account: AccountState,
    answerByMs: number,
    answer: (taken: Taken) => void,
  ): Refusal | undefined;
  /** Calls that are not answered yet. */
  inFlight(): number;
}

export interface AcceptOptions {
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly identity: Identity;
  readonly remembered: RememberedKeys;
  readonly partitions: number;
  readonly recordsMax: number;
  readonly accountRecordsMax: number;
}

/** REQUESTS may wait so long for company while the process is above its frame budget. */
const LINGER_MS = 5;
/** How often calls that wait are compared with their deadlines, while there are any. */
const OVERDUE_TICK_MS = 10;
/** Sizes of a `Taken`: unary calls, small batches, the usual, the largest. */
const CAPACITIES = [1, 16, 128, BATCH_MESSAGES_MAX] as const;
/** Kept for use again, of each size. */
const POOL_MAX = 64;
/** A record without its message, and the tag and length of that. */
const RECORD_BYTES = 46 + 4;

const ID_TAG = (REQUEST.messageId << 3) | 2;
const ACCEPTED_TAG = (REQUEST.acceptedAtMs << 3) | 1;
const ACCOUNT_TAG = (REQUEST.account << 3) | 5;
const PLAN_TAG = (REQUEST.plan << 3) | 5;
const KEY_TAG_TAG = (REQUEST.keyTag << 3) | 1;
const MESSAGE_TAG = (REQUEST.message << 3) | 2;

interface Slot extends Taken {
  readonly capacity: number;
  count: number;
  stored: number;
  /** Key tag of each, low and high half; both 0: no key. */
  readonly tags: Int32Array;
  readonly settled: Settled[];
  /** Records without a fate, and one for the taking itself. */
  outstanding: number;
  answered: boolean;
  answer: (taken: Taken) => void;
  answerByMs: number;
  account: AccountState | undefined;
  /** Place in `waiting`; -1: not there. */
  place: number;
}

export function openAcceptor(options: AcceptOptions): Acceptor {
  const { clock, outbox, identity, remembered, partitions } = options;
  const keys: OutboxKey[] = [];
  const pools: Slot[][] = CAPACITIES.map(() => []);
  const waiting: Slot[] = [];
  let ticking = false;
  const keyed: KeyedMessage = {
    account: 0,
    bytes: new Uint8Array(0),
    view: new DataView(new ArrayBuffer(0)),
    at: 0,
    end: 0,
    keyAt: 0,
    keyEnd: 0,
    tags: 0,
  };

  function keyOf(lane: number, partition: number): OutboxKey {
    const at = partition * LANES.length + lane - LANE_HIGH;
    const key = keys[at] ?? outbox.key(requestKey(lane, partition));
    keys[at] = key;
    return key;
  }

  function take(
    request: Uint8Array,
    field: number,
    count: number,
    account: AccountState,
    answerByMs: number,
    answer: (taken: Taken) => void,
  ): Refusal | undefined {
    assert(count >= 1 && count <= BATCH_MESSAGES_MAX);
    // Asked for all of them at once: a half-accepted batch is worse than one to repeat.
    if (outbox.waiting() + count > options.recordsMax) return OUTBOX_FULL;
    if (account.waiting + count > options.accountRecordsMax) return ACCOUNT_FULL;
    const slot = slotFor(count);
    slot.account = account;
    slot.answer = answer;
    slot.answerByMs = answerByMs;
    const nowMs = clock.nowMs();
    const partition = partitionOf(account.account, partitions);
    keyed.account = account.account;
    keyed.bytes = request;
    let at = 0;
    for (let index = 0; index < count; index += 1) {
      assert(nextField(request, at, request.length, field) === 1, "counted before");
      at = found.end;
      takeOne(slot, index, request, found.at, at, partition, nowMs);
    }
    settleOne(slot);
    return undefined;
  }

  function takeOne(
    slot: Slot,
    index: number,
    request: Uint8Array,
    at: number,
    end: number,
    partition: number,
    nowMs: number,
  ): void {
    const problems = check(request, at, end);
    slot.problems[index] = problems;
    if (problems !== 0) {
      slot.fates[index] = FATE.invalid;
      return;
    }
    const { ids, tags } = slot;
    const idAt = 16 * index;
    if (seen.keyEnd === seen.keyAt) {
      tags[2 * index] = 0;
      tags[2 * index + 1] = 0;
      identity.fresh(nowMs, ids, idAt);
    } else {
      keyIdentity(request, at, end, ids, idAt, tags, 2 * index);
      if (remembered.conflicts(tags[2 * index]!, tags[2 * index + 1]!, ids, idAt, nowMs)) {
        slot.fates[index] = FATE.conflict;
        return;
      }
    }
    const key = keyOf(laneOfClass(seen.trafficClass), partition);
    const writer = key.begin(RECORD_BYTES + end - at);
    if (writer === undefined) {
      slot.fates[index] = FATE.outboxFull;
      return;
    }
    writeRecord(writer, slot, index, nowMs, request, at, end);
    slot.fates[index] = FATE.waiting;
    slot.outstanding += 1;
    slot.account!.waiting += 1;
    key.end(slot.settled[index]);
  }

  function keyIdentity(
    request: Uint8Array,
    at: number,
    end: number,
    ids: Uint8Array,
    idAt: number,
    tags: Int32Array,
    tagAt: number,
  ): void {
    if (keyed.view.buffer !== request.buffer || keyed.view.byteOffset !== request.byteOffset) {
      keyed.view = new DataView(request.buffer, request.byteOffset, request.length);
    }
    keyed.at = at;
    keyed.end = end;
    keyed.keyAt = seen.keyAt;
    keyed.keyEnd = seen.keyEnd;
    keyed.tags = seen.tags;
    identity.keyed(keyed, ids, idAt);
    identity.tag(keyed, tags, tagAt);
  }

  /** One record of the slot, or its taking, has come to its end. */
  function settleOne(slot: Slot): void {
    slot.outstanding -= 1;
    if (slot.outstanding > 0) {
      if (slot.place < 0 && !slot.answered) wait(slot);
      return;
    }
    if (!slot.answered) answerNow(slot);
    recycle(slot);
  }

  function settled(slot: Slot, index: number, error: FloeError | undefined): void {
    slot.account!.waiting -= 1;
    if (error === undefined) {
      const { tags, ids } = slot;
      const low = tags[2 * index]!;
      const high = tags[2 * index + 1]!;
      if ((low | high) !== 0) remembered.remember(low, high, ids, 16 * index, clock.nowMs());
      slot.fates[index] = FATE.stored;
      slot.stored += 1;
    } else {
      slot.fates[index] = error.code === "stream.full" ? FATE.streamFull : FATE.unconfirmed;
    }
    settleOne(slot);
  }

  function answerNow(slot: Slot): void {
    slot.answered = true;
    if (slot.place >= 0) {
      const last = waiting.pop()!;
      if (last !== slot) {
        waiting[slot.place] = last;
        last.place = slot.place;
      }
      slot.place = -1;
    }
    slot.answer(slot);
  }

  function wait(slot: Slot): void {
    slot.place = waiting.length;
    waiting.push(slot);
    if (ticking) return;
    ticking = true;
    clock.after(OVERDUE_TICK_MS, tick);
  }

  function tick(): void {
    const nowMs = clock.monotonicMs();
    for (let index = waiting.length - 1; index >= 0; index -= 1) {
      const slot = waiting[index]!;
      if (nowMs >= slot.answerByMs) answerNow(slot);
    }
    ticking = waiting.length > 0;
    if (ticking) clock.after(OVERDUE_TICK_MS, tick);
  }

  function slotFor(count: number): Slot {
    const size = CAPACITIES.findIndex((capacity) => count <= capacity);
    const slot = pools[size]!.pop() ?? newSlot(CAPACITIES[size]!);
    slot.count = count;
    slot.stored = 0;
    slot.answered = false;
    // The taking itself is one, so that nothing is answered before all are taken.
    slot.outstanding = 1;
    while (slot.settled.length < count) {
      const index = slot.settled.length;
      slot.settled.push((error) => settled(slot, index, error));
    }
    return slot;
  }

  function recycle(slot: Slot): void {
    slot.account = undefined;
    slot.answer = nobody;
    const pool = pools[CAPACITIES.indexOf(slot.capacity as (typeof CAPACITIES)[number])]!;
    if (pool.length < POOL_MAX) pool.push(slot);
  }

  return { take, inFlight: () => waiting.length };
}

function requestKey(lane: number, partition: number) {
  return {
    subject: requestSubject(lane, partition),
    lingerMs: LINGER_MS,
    header(writer: FrameWriter, nowMs: number): void {
      putFixed32(writer, REQUEST_FRAME.partition, partition);
      putVarint(writer, REQUEST_FRAME.lane, lane);
      putFixed64(writer, REQUEST_FRAME.publishedAtMs, nowMs);
    },
  };
}

function nobody(): void {}

function newSlot(capacity: number): Slot {
  return {
    capacity,
    count: 0,
    stored: 0,
    fates: new Uint8Array(capacity),
    problems: new Int32Array(capacity),
    ids: new Uint8Array(16 * capacity),
    tags: new Int32Array(2 * capacity),
    settled: [],
    outstanding: 0,
    answered: true,
    answer: nobody,
    answerByMs: 0,
    account: undefined,
    place: -1,
  };
}

/** A RequestRecord. Room is made for all of it, so it is written by hand. */
function writeRecord(
  writer: FrameWriter,
  slot: Slot,
  index: number,
  nowMs: number,
  request: Uint8Array,
  from: number,
  end: number,
): void {
  reserve(writer, RECORD_BYTES + end - from);
  const into = writer.bytes;
  let at = writer.at;
  into[at] = ID_TAG;
  into[at + 1] = 16;
  const idAt = 16 * index;
  for (let octet = 0; octet < 16; octet += 1) into[at + 2 + octet] = slot.ids[idAt + octet]!;
  into[at + 18] = ACCEPTED_TAG;
  writeUint53(into, at + 19, nowMs);
  into[at + 27] = ACCOUNT_TAG;
  writeUint32(into, at + 28, slot.account!.account);
  into[at + 32] = PLAN_TAG;
  writeUint32(into, at + 33, slot.account!.plan);
  into[at + 37] = KEY_TAG_TAG;
  writeUint32(into, at + 38, slot.tags[2 * index]!);
  writeUint32(into, at + 42, slot.tags[2 * index + 1]!);
  into[at + 46] = MESSAGE_TAG;
  at += 47;
  // MESSAGE_BYTES_MAX is below 2^14: one or two octets.
  const length = end - from;
  if (length > 127) {
    into[at++] = (length & 127) | 128;
    into[at++] = length >>> 7;
  } else into[at++] = length;
  if (length < 64) for (let octet = from; octet < end; octet += 1) into[at++] = request[octet]!;
  else {
    into.set(request.subarray(from, end), at);
    at += length;
  }
  writer.at = at;
}
