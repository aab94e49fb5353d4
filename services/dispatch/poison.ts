/**
 * Poison: a request frame that failed in the pool three times, taken record by record.
 *
 * Only the record that fails pays: it gets the verdict REJECTED (INTERNAL), so that it too ends in
 * a CDR. One whose id cannot be read cannot be told of; it is counted and logged. What an operator
 * must mend is nobody's poison and is thrown.
 */

import assert from "node:assert";
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
  putRaw,
  RECORDS,
  readFields,
  written,
} from "../../core/stream/frame.js";
import { INDEX, INDEX_STRIDE } from "../../workers/task.js";
import { type Held, type Part, type Routed, type RoutedResult, routed } from "./routed.js";
import { isForOperator, type Router } from "./router.js";

export interface Salvaged {
  readonly routed: Routed;
  /** Records that got REJECTED (INTERNAL). */
  readonly rejected: number;
  /** Records without an id that can be read. */
  readonly unreadable: number;
}

/** A message accepted further than this from when its frame was stored has a wrong clock. */
const PLAUSIBLE_MS = 8 * 86_400_000;

/** Routes a frame record by record. @throws what `route` throws for the operator. */
export async function salvage(router: Router, held: Held): Promise<Salvaged> {
  const parts: Part[] = [];
  let [rejected, unreadable] = [0, 0];
  for (const frame of singles(held.data)) {
    const part = await routeOne(router, held, frame);
    if (part !== undefined) {
      parts.push(part);
      continue;
    }
    const verdict = rejection(frame);
    if (verdict === undefined) unreadable += 1;
    else parts.push(verdict);
    if (verdict !== undefined) rejected += 1;
  }
  return { routed: routed(held, parts), rejected, unreadable };
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

/** Each record as a frame of its own, under the header of its frame. As far as it can be walked. */
function singles(data: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const first = nextField(data, 0, data.length, RECORDS) === 1 ? headEnd(data) : 0;
  for (let at = 0; nextField(data, at, data.length, RECORDS) === 1; at = found.end) {
    const writer = newWriter(first + found.end - found.at + 8);
    putRaw(writer, data, 0, first);
    putBytes(writer, RECORDS, data, found.at, found.end);
    frames.push(written(writer));
  }
  return frames;
}

/** Where the header ends, before the tag of the record that `found` is on. */
function headEnd(data: Uint8Array): number {
  let lengthBytes = 1;
  // The length stands right before the value, in one to five octets: all but its last have bit 7.
  while (lengthBytes < 5 && data[found.at - lengthBytes - 1]! > 127) lengthBytes += 1;
  return found.at - lengthBytes - 1;
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
