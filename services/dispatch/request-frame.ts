/**
 * Request frames, as far as the owner itself reads them: how many records, how old.
 */
import { REQUEST, REQUEST_FRAME } from "../../core/stream/fields.js";
import {
  fixed64Of,
  found,
  newFields,
  nextField,
  readFields,
  readUint53,
} from "../../core/stream/frame.js";

/** What `readRequestFrame` found: read by its caller before the next call. */
export const frameFacts = { publishedAtMs: 0, records: 0, acceptedFromMs: 0, acceptedToMs: 0 };

const fields = newFields();
/** Writers put the id (18 bytes) and then the time of acceptance first. */
const ACCEPTED_TAG_AT = 18;
const ACCEPTED_TAG = (REQUEST.acceptedAtMs << 3) | 1;

/** @returns false if the frame as a whole cannot be walked. Records may be bad all the same. */
export function readRequestFrame(bytes: Uint8Array): boolean {
  if (!readFields(bytes, 0, bytes.length, fields)) return false;
  frameFacts.publishedAtMs = fixed64Of(bytes, fields, REQUEST_FRAME.publishedAtMs);
  frameFacts.acceptedFromMs = Number.POSITIVE_INFINITY;
  frameFacts.acceptedToMs = 0;
  let records = 0;
  for (let at = 0; ; at = found.end) {
    const next = nextField(bytes, at, bytes.length, REQUEST_FRAME.records);
    if (next === 0) break;
    if (next === -1) return false;
    records += 1;
    const acceptedAtMs = acceptedIn(bytes, found.at, found.end);
    if (acceptedAtMs < frameFacts.acceptedFromMs) frameFacts.acceptedFromMs = acceptedAtMs;
    if (acceptedAtMs > frameFacts.acceptedToMs) frameFacts.acceptedToMs = acceptedAtMs;
  }
  frameFacts.records = records;
  return true;
}

/** Times beyond these are no times (2001 to 2100): the pool refuses such a record. */
const TIME_MS_MIN = 10 ** 12;
const TIME_MS_MAX = 4_102_444_800_000;

/** NaN if it cannot be read or is no time. */
function acceptedIn(bytes: Uint8Array, at: number, end: number): number {
  const acceptedAtMs = acceptedField(bytes, at, end);
  return acceptedAtMs >= TIME_MS_MIN && acceptedAtMs < TIME_MS_MAX ? acceptedAtMs : Number.NaN;
}

function acceptedField(bytes: Uint8Array, at: number, end: number): number {
  if (end - at >= ACCEPTED_TAG_AT + 9 && bytes[at + ACCEPTED_TAG_AT] === ACCEPTED_TAG) {
    return readUint53(bytes, at + ACCEPTED_TAG_AT + 1);
  }
  if (!readFields(bytes, at, end, fields)) return Number.NaN;
  return fixed64Of(bytes, fields, REQUEST.acceptedAtMs);
}
