/**
 * Settle: what happened to a record becomes an attempt that the stream has.
 *
 * In: SUBMITTED, REFUSED or IN_DOUBT, of a job's record. Out: attempts in the outbox and in the
 * memory, and a word when each is durable. One that the stream did not take is written again, for
 * as long as the process lives, since what it says has happened and cannot be asked for again.
 */
import type { Clock } from "../../core/clock.js";
import { STATE } from "../../core/message.js";
import {
  ATTEMPT,
  ATTEMPT_IN_DOUBT,
  ATTEMPT_RECEIPT,
  ATTEMPT_REFUSED,
  ATTEMPT_SUBMITTED,
} from "../../core/stream/fields.js";
import { type FrameWriter, putBytes, putFixed32, putVarint } from "../../core/stream/frame.js";
import type { Settled } from "../../core/stream/outbox.js";
import type { PublishAck } from "../../core/stream/stream.js";
import {
  ATTEMPT_BYTES,
  type AttemptKeys,
  newAttemptStart,
  putBind,
  putCarrierId,
  putRefusal,
  putStart,
  putToken,
  type Refusal,
} from "./attempts.js";
import { type Job, LONG_ID_BYTES, type Long, RECORD } from "./job.js";
import { beginRemembered, entry, type Memory, moveToPart, newRemembered } from "./memory.js";
import { newRecordHead, readHead } from "./record.js";

export interface SettleOptions {
  readonly clock: Clock;
  readonly memory: Memory;
  readonly keys: AttemptKeys;
  /** Milliseconds since 1970: of the read that is being taken, or now. */
  nowMs(): number;
  /** Attempts are urgent now: many answers are not durable yet. */
  urgent(): boolean;
  /** The record's SUBMITTED is durable. */
  submitted(job: Job, index: number): void;
}

export interface Settle {
  /** A new job's own part. */
  adopt(job: Job): void;
  /** The carrier took it, under this id. */
  submitted(
    job: Job,
    index: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    bind: Uint8Array,
  ): void;
  /** It took a long message, but for the parts that are refused. */
  longSubmitted(job: Job, index: number, long: Long, bind: Uint8Array): void;
  /** `then` gets the sequence of the attempt's frame once that is durable. */
  refused(
    job: Job,
    index: number,
    state: number,
    refusal: Refusal,
    then: (sequence: number) => void,
  ): void;
  doubted(job: Job, index: number, bind: Uint8Array, then: () => void): void;
  /** Answers whose attempt is not durable. */
  unrecorded(): number;
}

/** After a publish that failed. */
const WRITE_AFTER_MS = 1_000;
const NO_BIND = new Uint8Array(0);

export function openSettle(options: SettleOptions): Settle {
  const { clock, memory, keys } = options;
  const head = newRecordHead();
  const start = newAttemptStart();
  const remembered = newRemembered();
  let unrecorded = 0;

  /** Fills `start` from the record. False: it has no id; it cannot have been sent then. */
  function startOf(job: Job, index: number, kind: number, state: number): boolean {
    const at = job.places[2 * index]!;
    if (!readHead(job.bytes, at, job.places[2 * index + 1]!, head)) return false;
    start.bytes = head.bytes;
    start.startAt = head.startAt;
    start.token = job.bytes;
    start.tokenAt = head.tokenAt;
    start.hop = head.hop + (job.doubts?.[index] ?? 0);
    start.kind = kind;
    start.state = state;
    start.atMs = options.nowMs();
    return true;
  }

  // ---- SUBMITTED

  /** What the memory keeps of every part, in one place. */
  function remember(job: Job, kind: number, parts: number): void {
    remembered.bytes = start.bytes;
    remembered.startAt = start.startAt;
    remembered.token = start.token;
    remembered.tokenAt = start.tokenAt;
    beginRemembered(remembered, kind, job.partition, start.hop, parts);
    memory.together(parts, start.atMs);
  }

  function settleSubmitted(job: Job, index: number, bind: Uint8Array): void {
    job.status[index] = RECORD.answered;
    unrecorded += 1;
    if (!putSubmitted(job, index, bind))
      clock.after(WRITE_AFTER_MS, () => writeAgain(job, index, bind));
  }

  /** Writes SUBMITTED from `start` and what the memory holds at `hit`. False: the outbox is full. */
  function putSubmitted(job: Job, index: number, bind: Uint8Array): boolean {
    const { hit } = memory;
    const parts = entry.parts(hit);
    const key = keys.of(job.partition);
    const kept = job.kept?.get(index);
    const writer = key.begin(ATTEMPT_BYTES + parts * (LONG_ID_BYTES + 2) + (kept?.length ?? 0));
    if (writer === undefined) return false;
    putStart(writer, start);
    putCarrierId(writer, hit.texts, entry.carrierIdAt(hit), entry.carrierIdEnd(hit));
    for (let part = 2; part <= parts; part += 1) {
      moveToPart(hit, part);
      putCarrierId(writer, hit.texts, entry.carrierIdAt(hit), entry.carrierIdEnd(hit));
    }
    putToken(writer, start);
    putBind(writer, bind);
    if (kept !== undefined) putBytes(writer, ATTEMPT.tlvs, kept);
    job.leaving[job.leavingNext % job.count] = index;
    job.leavingNext += 1;
    key.end(job.settled, options.urgent());
    return true;
  }

  function writeAgain(job: Job, index: number, bind: Uint8Array): void {
    startOf(job, index, ATTEMPT_SUBMITTED, STATE.SUBMITTED);
    if (!memory.findAttempt(start.bytes, start.startAt, start.hop)) {
      // Forgotten meanwhile: that it was submitted still counts, its id is lost.
      remember(job, ATTEMPT_SUBMITTED, 1);
      memory.add(remembered);
    }
    if (!putSubmitted(job, index, bind))
      clock.after(WRITE_AFTER_MS, () => writeAgain(job, index, bind));
  }

  function settledOf(job: Job): Settled {
    return (error) => {
      const index = job.leaving[job.leavingFirst % job.count]!;
      job.leavingFirst += 1;
      if (error !== undefined) {
        clock.after(WRITE_AFTER_MS, () => writeAgain(job, index, NO_BIND));
        return;
      }
      unrecorded -= 1;
      options.submitted(job, index);
    };
  }

  // ---- REFUSED and IN_DOUBT: rare, so each has a closure of its own

  /** Writes an attempt until it is durable, then calls `then`. */
  function write(
    job: Job,
    put: (into: FrameWriter) => void,
    then: (ack: PublishAck) => void,
  ): void {
    const key = keys.of(job.partition);
    const writer = key.begin(2 * ATTEMPT_BYTES);
    if (writer === undefined) {
      clock.after(WRITE_AFTER_MS, () => write(job, put, then));
      return;
    }
    put(writer);
    key.end((error, ack) => {
      if (error === undefined && ack !== undefined) then(ack);
      else clock.after(WRITE_AFTER_MS, () => write(job, put, then));
    }, true);
  }

  function refused(
    job: Job,
    index: number,
    state: number,
    refusal: Refusal,
    then: (sequence: number) => void,
  ): void {
    job.status[index] = RECORD.answered;
    unrecorded += 1;
    write(
      job,
      (writer) => {
        startOf(job, index, ATTEMPT_REFUSED, state);
        putStart(writer, start);
        putToken(writer, start);
        putRefusal(writer, refusal);
      },
      ({ sequence }) => {
        unrecorded -= 1;
        startOf(job, index, ATTEMPT_REFUSED, state);
        remember(job, ATTEMPT_REFUSED, 1);
        remembered.partState = refusal.final ? 1 : 0;
        remembered.sequence = sequence;
        memory.add(remembered);
        then(sequence);
      },
    );
  }

  function doubted(job: Job, index: number, bind: Uint8Array, then: () => void): void {
    job.status[index] = RECORD.answered;
    unrecorded += 1;
    write(
      job,
      (writer) => {
        startOf(job, index, ATTEMPT_IN_DOUBT, 0);
        putStart(writer, start);
        putToken(writer, start);
        putBind(writer, bind);
      },
      ({ sequence }) => {
        unrecorded -= 1;
        startOf(job, index, ATTEMPT_IN_DOUBT, 0);
        remember(job, ATTEMPT_IN_DOUBT, 1);
        remembered.sequence = sequence;
        memory.add(remembered);
        then();
      },
    );
  }

  // ---- long messages

  function longSubmitted(job: Job, index: number, long: Long, bind: Uint8Array): void {
    startOf(job, index, ATTEMPT_SUBMITTED, STATE.SUBMITTED);
    remember(job, ATTEMPT_SUBMITTED, long.parts);
    for (let part = 0; part < long.parts; part += 1) {
      const at = part * LONG_ID_BYTES;
      remembered.part = part + 1;
      remembered.partState = long.refused & (1 << part) ? STATE.REJECTED : 0;
      remembered.carrierId = long.ids;
      remembered.carrierIdAt = at;
      remembered.carrierIdEnd = at + long.idLengths[part]!;
      memory.add(remembered);
    }
    moveToPart(memory.hit, 1);
    const { refused, parts, status } = long;
    settleSubmitted(job, index, bind);
    // Behind it: who reads a part's fate before the message is known cannot keep it.
    for (let part = 0; part < parts; part += 1) {
      if (refused & (1 << part)) partRefused(job, part + 1, parts, status, bind);
    }
  }

  /** The part of a long message that the carrier did not take, as if a receipt had said so. */
  function partRefused(
    job: Job,
    part: number,
    parts: number,
    status: number,
    bind: Uint8Array,
  ): void {
    const key = keys.of(job.partition);
    const writer = key.begin(2 * ATTEMPT_BYTES);
    // Without it the merge waits for a receipt that does not come: the sweep ends the message.
    if (writer === undefined) return;
    start.kind = ATTEMPT_RECEIPT;
    putStart(writer, start);
    putToken(writer, start);
    putFixed32(writer, ATTEMPT.error, status);
    putFixed32(writer, ATTEMPT.part, part);
    putFixed32(writer, ATTEMPT.parts, parts);
    putBind(writer, bind);
    putVarint(writer, ATTEMPT.partState, STATE.REJECTED);
    key.end();
  }

  return {
    adopt(job) {
      job.settled = settledOf(job);
    },
    submitted(job, index, bytes, at, end, bind) {
      startOf(job, index, ATTEMPT_SUBMITTED, STATE.SUBMITTED);
      remember(job, ATTEMPT_SUBMITTED, 1);
      remembered.carrierId = bytes;
      remembered.carrierIdAt = at;
      remembered.carrierIdEnd = end;
      memory.add(remembered);
      settleSubmitted(job, index, bind);
    },
    longSubmitted,
    refused,
    doubted,
    unrecorded: () => unrecorded,
  };
}
