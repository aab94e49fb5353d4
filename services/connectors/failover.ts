/**
 * Failover: the dispatch frames that take refused records to their next carrier.
 *
 * Records of one job whose refusals are in one attempt frame and name the same carrier make one
 * frame, published as `<parent>/<sequence of the attempt frame>/<subject>/<chunk>`. All of that
 * can be read from the stream again, so a redelivered parent makes exactly the same frames, marked
 * `again`. A part of a frame fits a frame, so there is one chunk.
 */
import { type Clock, sleep } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { laneName } from "../../core/message.js";
import { framesTotal, recordsTotal } from "../../core/metrics.js";
import { CANDIDATE, DISPATCH, DISPATCH_FRAME } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  found,
  newFields,
  newWriter,
  nextField,
  putBytes,
  putFixed32,
  putFixed64,
  putRaw,
  putText,
  putVarint,
  RECORDS,
  readFields,
  textOf,
  written,
} from "../../core/stream/frame.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { dispatchSubject, SLOTS } from "../../core/subjects.js";
import { packPlace } from "../../workers/task.js";
import type { Job } from "./job.js";

const SLOT = SLOTS.indexOf("f");
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;

export interface Failover {
  /** The first candidate of a record that `known` names; undefined: none is left. */
  next(job: Job, index: number): { carrier: string; place: number } | undefined;
  /** A record's refusal is durable in the attempt frame with this sequence. */
  add(job: Job, index: number, carrier: string, sequence: number, again: boolean): void;
  /** Nothing is published any more; what was not stored is made again by its redelivered parent. */
  stop(): void;
}

export interface FailoverOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Carriers that take messages. */
  known(carrier: string): boolean;
  /** The record's next frame is stored. */
  moved(job: Job, index: number): void;
}

interface Group {
  readonly job: Job;
  readonly carrier: string;
  readonly sequence: number;
  readonly again: boolean;
  readonly indexes: number[];
}

const record = newFields();
const candidate = newFields();

export function openFailover(options: FailoverOptions): Failover {
  const { client, clock, log } = options;
  let groups: Group[] = [];
  let stopped = false;

  async function publish(group: Group): Promise<void> {
    const { job, carrier, sequence, indexes } = group;
    const subject = dispatchSubject(carrier, job.lane, SLOTS[SLOT]!);
    // What goes out at most once must have one name, whichever refusal of it was read.
    const cause = job.once ? `r${indexes[0]}` : sequence;
    const id = `${job.identity}/${cause}/${subject}/0`;
    const data = failoverFrame(group, id, clock.nowMs());
    for (let pauseMs = PAUSE_MS_MIN; !stopped; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        await client.publish(subject, data, { id });
        framesTotal.inc({ stream: "DISPATCH", direction: "out" });
        recordsTotal.inc({ stream: "DISPATCH", direction: "out" }, indexes.length);
        for (const index of indexes) options.moved(job, index);
        return;
      } catch (err) {
        if (!isFloeError(err)) throw err;
        log.warn({ err, next: carrier, lane: laneName(job.lane) }, "failover is not stored yet");
      }
      await sleep(clock, pauseMs);
    }
  }

  return {
    next(job, index) {
      const end = job.places[2 * index + 1]!;
      for (let at = job.places[2 * index]!; ; at = found.end) {
        if (nextField(job.bytes, at, end, DISPATCH.candidates) !== 1) return undefined;
        const carrier = candidateAt(job.bytes, found.at, found.end);
        if (options.known(carrier)) return { carrier, place: packPlace(job.lane, SLOT, 0) };
      }
    },
    add(job, index, carrier, sequence, again) {
      const open = groups.find(
        (group) =>
          !job.once &&
          group.job === job &&
          group.carrier === carrier &&
          group.sequence === sequence,
      );
      if (open !== undefined) {
        open.indexes.push(index);
        return;
      }
      groups.push({ job, carrier, sequence, again, indexes: [index] });
      // All refusals of one attempt frame are told in one go: what follows them takes them together.
      if (groups.length === 1) {
        queueMicrotask(() => {
          const ready = groups;
          groups = [];
          for (const group of ready) void publish(group);
        });
      }
    },
    stop() {
      stopped = true;
    },
  };
}

function candidateAt(bytes: Uint8Array, at: number, end: number): string {
  return readFields(bytes, at, end, candidate) ? textOf(bytes, candidate, CANDIDATE.carrier) : "";
}

function failoverFrame(group: Group, identity: string, nowMs: number): Uint8Array {
  const { job, carrier, again, indexes } = group;
  const writer = newWriter(job.bytes.length + 256);
  putText(writer, DISPATCH_FRAME.carrier, carrier);
  putVarint(writer, DISPATCH_FRAME.lane, job.lane);
  putFixed32(writer, DISPATCH_FRAME.slot, SLOT);
  const causedAtMs = job.once && again ? job.causedAtMs : nowMs;
  putFixed64(writer, DISPATCH_FRAME.causedAtMs, causedAtMs);
  putText(writer, DISPATCH_FRAME.identity, identity);
  putVarint(writer, DISPATCH_FRAME.again, again ? 1 : 0);
  putFixed32(writer, DISPATCH_FRAME.partition, job.partition);
  putVarint(writer, DISPATCH_FRAME.atMostOnce, job.once ? 1 : 0);
  for (const index of indexes) putRecord(writer, job, index, carrier);
  return written(writer);
}

/** The record as it was, one hop further, for `carrier`: its sender, and the candidates behind it. */
function putRecord(writer: FrameWriter, job: Job, index: number, carrier: string): void {
  const { bytes } = job;
  const start = job.places[2 * index]!;
  const end = job.places[2 * index + 1]!;
  readFields(bytes, start, end, record);
  const hopAt = record[2 * DISPATCH.hop]!;
  const hop = (hopAt < 0 ? 0 : bytes[hopAt]! | (bytes[hopAt + 1]! << 8)) + 1;
  const doubts = job.doubts?.[index] ?? 0;
  const mark = beginNested(writer, RECORDS);
  let passed = false;
  let senderAt = -1;
  let senderLength = 0;
  for (let at = start; at < end; ) {
    const next = endOfField(bytes, at, end);
    if (next < 0) break;
    const field = fieldAt(bytes, at);
    const isCandidate = field === DISPATCH.candidates;
    const isKept = field !== DISPATCH.hop && field !== DISPATCH.sender;
    if (isKept && (!isCandidate || passed)) putRaw(writer, bytes, at, next);
    if (isCandidate && !passed) {
      nextField(bytes, at, next, DISPATCH.candidates);
      passed = candidateAt(bytes, found.at, found.end) === carrier;
      senderAt = passed ? candidate[2 * CANDIDATE.sender]! : -1;
      senderLength = candidate[2 * CANDIDATE.sender + 1]!;
    }
    // Hop keeps its place in the order of fields, where readers look for it first.
    if (field === DISPATCH.account) putFixed32(writer, DISPATCH.hop, hop + doubts);
    at = next;
  }
  // The sender that was for the carrier before is not for this one: its own, or the message's.
  if (senderAt >= 0 && senderLength > 0) {
    putBytes(writer, DISPATCH.sender, bytes, senderAt, senderAt + senderLength);
  }
  endNested(writer, mark);
}

function fieldAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  return (first < 128 ? first : (first & 127) | (bytes[at + 1]! << 7)) >>> 3;
}

/** Where the field that begins at `at` ends, -1: malformed. `readFields` has accepted the record. */
function endOfField(bytes: Uint8Array, at: number, end: number): number {
  const kind = bytes[at]! & 7;
  let next = at + (bytes[at]! < 128 ? 1 : 2);
  if (kind === 1) return next + 8;
  if (kind === 5) return next + 4;
  let value = 0;
  for (let shift = 0; next < end; shift += 7) {
    const octet = bytes[next++]!;
    value |= (octet & 127) << shift;
    if (octet < 128) return kind === 2 ? next + value : next;
  }
  return -1;
}
