/**
 * Failover: which carrier a refused record goes to next, and what it is there. Frames of such records
 * are made by next-frames.ts, in slot `f`; there is one chunk.
 */
import { CANDIDATE, DISPATCH } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  found,
  newFields,
  nextField,
  putBytes,
  putFixed32,
  putRaw,
  RECORDS,
  readFields,
  textOf,
} from "../../core/stream/frame.js";
import { SLOTS } from "../../core/subjects.js";
import { packPlace } from "../../workers/task.js";
import type { Job } from "./job.js";
import type { NextPlace } from "./next-frames.js";

const SLOT = SLOTS.indexOf("f");

const record = newFields();
const candidate = newFields();

/** The first candidate of a record that `known` names; undefined: none is left. */
export function nextCarrier(
  job: Job,
  index: number,
  known: (carrier: string) => boolean,
): { carrier: string; place: number } | undefined {
  const end = job.places[2 * index + 1]!;
  for (let at = job.places[2 * index]!; ; at = found.end) {
    if (nextField(job.bytes, at, end, DISPATCH.candidates) !== 1) return undefined;
    const carrier = candidateAt(job.bytes, found.at, found.end);
    if (known(carrier)) return { carrier, place: packPlace(job.lane, SLOT, 0) };
  }
}

export function atNextCarrier(carrier: string): NextPlace {
  return { carrier, slot: SLOT, chunk: 0, put: putMoved };
}

function candidateAt(bytes: Uint8Array, at: number, end: number): string {
  return readFields(bytes, at, end, candidate) ? textOf(bytes, candidate, CANDIDATE.carrier) : "";
}

/** The record as it was, one hop further, for `carrier`: its sender, and the candidates behind it. */
function putMoved(writer: FrameWriter, job: Job, index: number, carrier: string): void {
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
