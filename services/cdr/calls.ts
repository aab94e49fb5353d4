/** Usage frames into rows of `api_calls`. */
import { USAGE } from "../../core/stream/fields.js";
import { fixed32Of, fixed64Of, newFields, readFields, varintOf } from "../../core/stream/frame.js";
import type { Batch } from "./batch.js";
import { type Dictionary, intern, putTextValue, putUuid, putWide } from "./column.js";

const CODE_MAX = 255;
const fields = newFields();

/** Takes the UsageRecord in `bytes[at, end)`. @returns false if it is malformed. */
export function takeCall(batch: Batch, bytes: Uint8Array, at: number, end: number): boolean {
  if (!readFields(bytes, at, end, fields)) return false;
  const idAt = fields[2 * USAGE.callId]!;
  const atMs = fixed64Of(bytes, fields, USAGE.atMs);
  const code = varintOf(fields, USAGE.code);
  if (idAt < 0 || fields[2 * USAGE.callId + 1] !== 16) return false;
  if (Number.isNaN(atMs) || code > CODE_MAX) return false;
  const { calls } = batch;
  const row = calls.count;
  calls.count = row + 1;
  calls.account[row] = fixed32Of(bytes, fields, USAGE.account);
  putUuid(calls.id, 4 * row, bytes, idAt);
  putWide(calls.at, 2 * row, atMs);
  calls.keyId[row] = internField(calls.dictionaries.keyId, bytes, USAGE.keyId);
  calls.method[row] = internField(calls.dictionaries.method, bytes, USAGE.method);
  const peer = fields[2 * USAGE.peer]!;
  putTextValue(calls.peer, bytes, peer, peer < 0 ? peer : peer + fields[2 * USAGE.peer + 1]!);
  calls.accepted[row] = fixed32Of(bytes, fields, USAGE.accepted);
  calls.refused[row] = fixed32Of(bytes, fields, USAGE.refused);
  calls.code[row] = code;
  calls.requestBytes[row] = varintOf(fields, USAGE.requestBytes);
  calls.durationMicros[row] = varintOf(fields, USAGE.durationMicros);
  return true;
}

function internField(dictionary: Dictionary, bytes: Uint8Array, field: number): number {
  const at = fields[2 * field]!;
  return at < 0 ? 0 : intern(dictionary, bytes, at, at + fields[2 * field + 1]!);
}
