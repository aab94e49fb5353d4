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
import type { Refusal } from "../../core/grpc/refuse.js";
import { BATCH_MESSAGES_MAX } from "../../core/limits.js";
import { LANE_HIGH, LANES, laneOfClass, partitionOf } from "../../core/message.js";
import { found, nextField } from "../../core/stream/frame.js";
import type { Outbox, OutboxKey } from "../../core/stream/outbox.js";
import type { AccountState } from "./authenticate.js";
import type { Identity, KeyedMessage } from "./identity.js";
import { takePace, tooFast } from "./pace.js";
import { ID_BYTES, RECORD_BYTES, requestKey, writeRecord } from "./record.js";
import { ACCOUNT_FULL, OUTBOX_FULL } from "./refuse.js";
import type { RememberedKeys } from "./remembered.js";
import { FATE, openTakenPool, type Slot, type Taken } from "./taken.js";
import { check, seen } from "./validate.js";

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
  /** Answers them now, with what is known: the process cannot wait any longer. */
  answerAll(): void;
}

export interface AcceptOptions {
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly identity: Identity;
  readonly remembered: RememberedKeys;
  readonly partitions: number;
  readonly recordsMax: number;
  readonly bytesMax: number;
  /** One account may have so many of the records, and as large a part of the bytes. */
  readonly accountRecordsMax: number;
  /** How many gateways share the rates of accounts. Default: this one alone. */
  gateways?(): number;
}

/** How often calls that wait are compared with their deadlines, while there are any. */
const OVERDUE_TICK_MS = 10;

export function openAcceptor(options: AcceptOptions): Acceptor {
  const { clock, outbox, identity, remembered, partitions } = options;
  const { gateways = () => 1 } = options;
  const accountBytesMax = (options.bytesMax * options.accountRecordsMax) / options.recordsMax;
  const keys: OutboxKey[] = [];
  const pool = openTakenPool(settled);
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
    // A request that is larger than the share by itself is taken while nothing else waits.
    const bytes = account.waitingBytes + request.length;
    if (account.waitingBytes > 0 && bytes > accountBytesMax) return ACCOUNT_FULL;
    // Last: what is refused for another reason uses up nothing of it.
    const waitMs = takePace(account.pace, count, gateways(), clock.monotonicMs());
    if (waitMs > 0) return tooFast(waitMs);
    account.waitingBytes = bytes;
    const slot = pool.get(count);
    slot.account = account;
    slot.requestBytes = request.length;
    slot.answer = answer;
    slot.answerByMs = answerByMs;
    slot.acceptedAtMs = clock.nowMs();
    const partition = partitionOf(account.account, partitions);
    keyed.account = account.account;
    const view = new DataView(request.buffer, request.byteOffset, request.length);
    keyed.bytes = request;
    keyed.view = view;
    let at = 0;
    for (let index = 0; index < count; index += 1) {
      assert(nextField(request, at, request.length, field) === 1, "counted before");
      at = found.end;
      takeOne(slot, index, found.at, at, partition);
    }
    settleOne(slot);
    return undefined;
  }

  function takeOne(slot: Slot, index: number, at: number, end: number, partition: number): void {
    const { bytes, view } = keyed;
    const problems = check(bytes, view, at, end);
    slot.problems[index] = problems;
    if (problems !== 0) {
      slot.fates[index] = FATE.invalid;
      return;
    }
    const { ids, tags, acceptedAtMs } = slot;
    const idAt = ID_BYTES * index;
    if (seen.keyEnd === seen.keyAt) {
      tags[2 * index] = 0;
      tags[2 * index + 1] = 0;
      identity.fresh(acceptedAtMs, ids, idAt);
    } else {
      keyIdentity(at, end, ids, idAt, tags, 2 * index);
      if (remembered.conflicts(tags[2 * index]!, tags[2 * index + 1]!, ids, idAt, acceptedAtMs)) {
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
    writeRecord(writer, slot, index, bytes, view, at, end);
    slot.fates[index] = FATE.waiting;
    slot.outstanding += 1;
    slot.account!.waiting += 1;
    key.end(slot.settled[index]);
  }

  function keyIdentity(
    at: number,
    end: number,
    ids: Uint8Array,
    idAt: number,
    tags: Int32Array,
    tagAt: number,
  ): void {
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
    slot.account!.waitingBytes -= slot.requestBytes;
    if (!slot.answered) answerNow(slot);
    pool.put(slot);
  }

  function settled(slot: Slot, index: number, error: FloeError | undefined): void {
    slot.account!.waiting -= 1;
    if (error === undefined) {
      const { tags, ids, acceptedAtMs } = slot;
      const low = tags[2 * index]!;
      const high = tags[2 * index + 1]!;
      if ((low | high) !== 0) remembered.remember(low, high, ids, ID_BYTES * index, acceptedAtMs);
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

  return {
    take,
    inFlight: () => waiting.length,
    answerAll() {
      while (waiting.length > 0) answerNow(waiting[waiting.length - 1]!);
    },
  };
}
