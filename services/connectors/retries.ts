/**
 * Retries: what the same carrier is to try again much later goes to slot `r`, in frames that
 * next-frames.ts makes; the chunk is the pause in seconds, so that each refusal records when. A frame
 * that is early is given back (jobs.ts).
 */
import { DISPATCH } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  fixed32Of,
  newFields,
  putFixed32,
  putRaw,
  putVarint,
  RECORDS,
  readFields,
  varintOf,
  writeUint32,
} from "../../core/stream/frame.js";
import { SLOTS } from "../../core/subjects.js";
import { packPlace } from "../../workers/task.js";
import type { Job } from "./job.js";
import type { NextPlace } from "./next-frames.js";

const SLOT = SLOTS.indexOf("r");

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

export function atSameLater(carrier: string, { pauseSeconds, fromMs }: Later): NextPlace {
  const notBeforeMs = fromMs + 1_000 * pauseSeconds;
  return { carrier, slot: SLOT, chunk: pauseSeconds, notBeforeMs, put: putRetried };
}

const record = newFields();

/** The record as it was, one hop further, with the count of its retries: the last place counts. */
function putRetried(writer: FrameWriter, job: Job, index: number): void {
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
