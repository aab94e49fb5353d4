/**
 * Poison: a request frame that failed in the pool three times, taken record by record.
 *
 * Only the record that fails pays: it gets the verdict REJECTED (INTERNAL), so that it too ends in
 * a CDR, and it becomes a dead letter. One whose id cannot be read is a dead letter and no more, and
 * so is what stands behind a length that cannot be true. What an operator must mend is nobody's
 * poison and is thrown.
 */
import assert from "node:assert";
import type { DeadLetter } from "../../core/dead-letters.js";
import { REASON, STATE } from "../../core/message.js";
import { REQUEST, VERDICT } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type Fields,
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  newWriter,
  nextField,
  putBytes,
  putFixed32,
  putFixed64,
  RECORDS,
  readFields,
  written,
} from "../../core/stream/frame.js";
import { headerEnd, single, tailFrom } from "../../core/stream/single.js";
import { INDEX, INDEX_STRIDE } from "../../workers/task.js";
import { type Held, type Part, type Routed, type RoutedResult, routed } from "./routed.js";
import { isForOperator, type Router } from "./router.js";

export interface Salvaged {
  readonly routed: Routed;
  /** Records that got REJECTED (INTERNAL). */
  readonly rejected: number;
  /** Records without an id that can be read; a tail that cannot be walked counts as one. */
  readonly unreadable: number;
  /** One for each of both. */
  readonly letters: readonly DeadLetter[];
}

/** A message accepted further than this from when its frame was stored has a wrong clock. */
const PLAUSIBLE_MS = 8 * 86_400_000;

/** Routes a frame record by record. @throws what `route` throws for the operator. */
export async function salvage(router: Router, held: Held): Promise<Salvaged> {
  const parts: Part[] = [];
  const letters: DeadLetter[] = [];
  const { frames, tail } = singles(held.data);
  for (const [record, frame] of frames.entries()) {
    const part = await routeOne(router, held, frame);
    if (part !== undefined) {
      parts.push(part);
      continue;
    }
    letters.push(letterOf(held, record, frame));
    const verdict = rejection(frame);
    if (verdict !== undefined) parts.push(verdict);
  }
  if (tail !== undefined) letters.push(letterOf(held, frames.length, tail));
  const rejected = letters.filter(({ reason }) => reason === "crashed").length;
  const unreadable = letters.length - rejected;
  return { routed: routed(held, parts), rejected, unreadable, letters };
}

function letterOf(held: Held, record: number, frame: Uint8Array): DeadLetter {
  const { sequence, storedAtMs } = held;
  const { subject } = held.delivery;
  const where = { stream: "REQUESTS", subject, sequence, storedAtMs, record, frame } as const;
  const read = readRecord(frame);
  if (read === undefined) return { ...where, reason: "unreadable" };
  const at = read[2 * REQUEST.messageId]!;
  const messageId = frame.slice(at, at + 16);
  return {
    ...where,
    reason: "crashed",
    messageId,
    account: fixed32Of(frame, read, REQUEST.account),
  };
}

/** The record's verdict from the pool; undefined if it fails there. */
async function routeOne(router: Router, held: Held, frame: Uint8Array): Promise<Part | undefined> {
  const { acceptedFromMs, acceptedToMs } = held;
  try {
    const result = await router.route([{ data: frame, acceptedFromMs, acceptedToMs }]);
    return result.counts[0] === 1 ? wholePart(result) : undefined;
  } catch (error) {
    if (isForOperator(error) && isPlausible(frame, held.storedAtMs)) throw error;
    // If nothing at all is routed any more, the record is not to blame.
    await router.probe();
    return undefined;
  }
}

export function wholePart(result: RoutedResult): Part {
  const verdicts = new Uint8Array(result.verdicts);
  const dispatches = new Uint8Array(result.dispatches);
  return { result, verdicts, dispatches, from: 0, to: result.index.length / INDEX_STRIDE };
}

/**
 * Each record as a frame of its own, under the header of its frame, as far as it can be walked; and
 * what is behind that, under the same header.
 */
function singles(data: Uint8Array): { frames: Uint8Array[]; tail: Uint8Array | undefined } {
  const frames: Uint8Array[] = [];
  const header = headerEnd(data, [RECORDS]);
  let at = 0;
  for (;;) {
    const kind = nextField(data, at, data.length, RECORDS);
    if (kind === 0) return { frames, tail: undefined };
    if (kind < 0) return { frames, tail: tailFrom(data, at === 0 ? 0 : header, at) };
    const { at: from, end } = found;
    frames.push(single(data, header, RECORDS, from, end));
    at = end;
  }
}

const fields = newFields();

function isPlausible(frame: Uint8Array, storedAtMs: number): boolean {
  const record = readRecord(frame);
  if (record === undefined) return false;
  const acceptedAtMs = fixed64Of(frame, record, REQUEST.acceptedAtMs);
  return Math.abs(acceptedAtMs - storedAtMs) < PLAUSIBLE_MS;
}

/** Fields of the only record, with an id and fixed fields of their sizes; undefined: not readable. */
function readRecord(frame: Uint8Array): Fields | undefined {
  if (nextField(frame, 0, frame.length, RECORDS) !== 1) return undefined;
  readFields(frame, found.at, found.end, fields);
  if (fields[2 * REQUEST.messageId + 1] !== 16) return undefined;
  if (fields[2 * REQUEST.messageId]! + 16 > found.end) return undefined;
  const sizes = [
    [REQUEST.acceptedAtMs, 8],
    [REQUEST.account, 4],
    [REQUEST.plan, 4],
    [REQUEST.keyTag, 8],
  ] as const;
  for (const [field, bytes] of sizes) {
    if (fields[2 * field + 1] !== bytes) fields[2 * field] = -1;
  }
  return fields;
}

/** The verdict REJECTED (INTERNAL) about the only record of a frame. */
function rejection(frame: Uint8Array): Part | undefined {
  const record = readRecord(frame);
  if (record === undefined) return undefined;
  const idAt = record[2 * REQUEST.messageId]!;
  const acceptedAtMs = fixed64Of(frame, record, REQUEST.acceptedAtMs);
  const at = Number.isNaN(acceptedAtMs) ? 0 : acceptedAtMs;
  const tagAt = record[2 * REQUEST.keyTag]!;
  const writer = newWriter(128);
  const mark = beginNested(writer, RECORDS);
  putBytes(writer, VERDICT.messageId, frame, idAt, idAt + 16);
  putFixed64(writer, VERDICT.acceptedAtMs, at);
  putFixed32(writer, VERDICT.account, fixed32Of(frame, record, REQUEST.account));
  putFixed32(writer, VERDICT.state, STATE.REJECTED);
  putFixed32(writer, VERDICT.reason, REASON.INTERNAL);
  putFixed32(writer, VERDICT.place, 0);
  putFixed64(writer, VERDICT.priceMicros, 0);
  putFixed64(writer, VERDICT.costMicros, 0);
  const keyTagAt = putFixed64(writer, VERDICT.keyTag, 0);
  if (tagAt >= 0) writer.bytes.set(frame.subarray(tagAt, tagAt + 8), keyTagAt);
  putFixed64(writer, VERDICT.expiresAtMs, at);
  endNested(writer, mark);
  const index = new Int32Array(INDEX_STRIDE);
  index[INDEX.verdictAt] = mark;
  index[INDEX.verdictEnd] = writer.at;
  index[INDEX.carrier] = -1;
  const verdicts = new Uint8Array(written(writer));
  const result: RoutedResult = {
    verdicts: verdicts.buffer,
    verdictsEnd: verdicts.length,
    dispatches: new ArrayBuffer(0),
    dispatchesEnd: 0,
    index,
    counts: [1],
    carriers: [],
    tablesVersion: 0,
    tierPrice: () => assert.fail("what is rejected has no price"),
  };
  return { result, verdicts, dispatches: new Uint8Array(0), from: 0, to: 1 };
}
