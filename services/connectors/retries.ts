/**
 * Retries: the dispatch frames (slot `r`) of what the same carrier is to try again much later.
 *
 * Records of one job whose refusals are in one attempt frame and wait equally long make one frame,
 * `<parent>/<sequence of the attempt frame>/<subject>/<pause in seconds>`: each refusal records its
 * place, so a redelivered parent makes the same. A frame that is early is given back (jobs.ts).
 */
import { type Clock, sleep } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { laneName } from "../../core/message.js";
import { framesTotal, recordsTotal } from "../../core/metrics.js";
import { DISPATCH, DISPATCH_FRAME } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  fixed32Of,
  newFields,
  newWriter,
  putFixed32,
  putFixed64,
  putRaw,
  putText,
  putVarint,
  RECORDS,
  readFields,
  varintOf,
  writeUint32,
  written,
} from "../../core/stream/frame.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { dispatchSubject, SLOTS } from "../../core/subjects.js";
import { packPlace } from "../../workers/task.js";
import type { Job } from "./job.js";

const SLOT = SLOTS.indexOf("r");
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;

/** The same carrier tries again, so long after its refusal. */
export interface Later {
  readonly pauseSeconds: number;
  /** When it refused, milliseconds since 1970. */
  readonly fromMs: number;
}

/** Place of the frame of what waits `pauseSeconds` (up to 16 bits). */
export function retryPlace(lane: number, pauseSeconds: number): number {
  return packPlace(lane, SLOT, pauseSeconds);
}

/** What `retryPlace` says; undefined: it is the place of another frame. */
export function laterOf(place: number, fromMs: number): Later | undefined {
  if (((place >>> 8) & 0xff) !== SLOT) return undefined;
  return { pauseSeconds: place >>> 16, fromMs };
}

export interface Retries {
  /** A record's refusal is durable in the attempt frame with this sequence. */
  add(job: Job, index: number, sequence: number, again: boolean, later: Later): void;
  /** Nothing is published any more; what was not stored is made again by its redelivered parent. */
  stop(): void;
}

export interface RetriesOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly carrier: string;
  /** The record's next frame is stored. */
  moved(job: Job, index: number): void;
}

interface Group {
  readonly job: Job;
  readonly sequence: number;
  readonly again: boolean;
  readonly later: Later;
  readonly indexes: number[];
}

const record = newFields();

export function openRetries(options: RetriesOptions): Retries {
  const { client, clock, log, carrier } = options;
  let groups: Group[] = [];
  let stopped = false;

  async function publish(group: Group): Promise<void> {
    const { job, sequence, later, indexes } = group;
    const subject = dispatchSubject(carrier, job.lane, SLOTS[SLOT]!);
    // What goes out at most once must have one name, whichever refusal of it was read.
    const cause = job.once ? `r${indexes[0]}` : sequence;
    const id = `${job.identity}/${cause}/${subject}/${later.pauseSeconds}`;
    const data = retryFrame(carrier, group, id, clock.nowMs());
    for (let pauseMs = PAUSE_MS_MIN; !stopped; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        await client.publish(subject, data, { id });
        framesTotal.inc({ stream: "DISPATCH", direction: "out" });
        recordsTotal.inc({ stream: "DISPATCH", direction: "out" }, indexes.length);
        for (const index of indexes) options.moved(job, index);
        return;
      } catch (err) {
        if (!isFloeError(err)) throw err;
        log.warn({ err, lane: laneName(job.lane) }, "a retry is not stored yet");
      }
      await sleep(clock, pauseMs);
    }
  }

  return {
    add(job, index, sequence, again, later) {
      const open = groups.find(
        (group) =>
          !job.once &&
          group.job === job &&
          group.sequence === sequence &&
          group.later.pauseSeconds === later.pauseSeconds,
      );
      if (open !== undefined) {
        open.indexes.push(index);
        return;
      }
      groups.push({ job, sequence, again, later, indexes: [index] });
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

function retryFrame(carrier: string, group: Group, identity: string, nowMs: number): Uint8Array {
  const { job, again, later, indexes } = group;
  const writer = newWriter(job.bytes.length + 256);
  putText(writer, DISPATCH_FRAME.carrier, carrier);
  putVarint(writer, DISPATCH_FRAME.lane, job.lane);
  putFixed32(writer, DISPATCH_FRAME.slot, SLOT);
  putFixed64(writer, DISPATCH_FRAME.causedAtMs, nowMs);
  putText(writer, DISPATCH_FRAME.identity, identity);
  putVarint(writer, DISPATCH_FRAME.again, again ? 1 : 0);
  putFixed32(writer, DISPATCH_FRAME.partition, job.partition);
  putVarint(writer, DISPATCH_FRAME.atMostOnce, job.once ? 1 : 0);
  putFixed64(writer, DISPATCH_FRAME.notBeforeMs, later.fromMs + 1_000 * later.pauseSeconds);
  for (const index of indexes) putRecord(writer, job, index);
  return written(writer);
}

/** The record as it was, one hop further, with the count of its retries: the last place counts. */
function putRecord(writer: FrameWriter, job: Job, index: number): void {
  const { bytes } = job;
  const start = job.places[2 * index]!;
  const end = job.places[2 * index + 1]!;
  readFields(bytes, start, end, record);
  const hop = fixed32Of(bytes, record, DISPATCH.hop) + (job.doubts?.[index] ?? 0) + 1;
  const retries = varintOf(record, DISPATCH.retries) + (job.tries?.[index] ?? 0) + 1;
  const hopAt = record[2 * DISPATCH.hop]!;
  const mark = beginNested(writer, RECORDS);
  const from = writer.at;
  putRaw(writer, bytes, start, end);
  // In its place, where readers look for it first.
  if (hopAt >= 0) writeUint32(writer.bytes, from + hopAt - start, hop);
  else putFixed32(writer, DISPATCH.hop, hop);
  putVarint(writer, DISPATCH.retries, retries);
  endNested(writer, mark);
}
