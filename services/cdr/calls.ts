/** Usage frames into rows of `api_calls`. */
import { USAGE } from "../../core/stream/fields.js";
import { fixed32Of, fixed64Of, readFields, varintOf } from "../../core/stream/frame.js";
import type { Batch } from "./batch.js";
import { putTextValue, putUuid, putWide, type Source } from "./column.js";
import { internField } from "./decisions.js";
import { fields } from "./record.js";

const CODE_MAX = 255;

/** Takes the UsageRecord in `bytes[at, end)`. @returns false if it is malformed. */
export function takeCall(batch: Batch, source: Source, at: number, end: number): boolean {
  const { bytes } = source;
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
  putUuid(calls.id, 4 * row, source.view, idAt);
  putWide(calls.at, 2 * row, atMs);
  calls.keyId[row] = internField(calls.dictionaries.keyId, source, USAGE.keyId);
  calls.method[row] = internField(calls.dictionaries.method, source, USAGE.method);
  const peer = fields[2 * USAGE.peer]!;
  const peerBytes = peer < 0 ? 0 : fields[2 * USAGE.peer + 1]!;
  putTextValue(calls.peer, source, Math.max(0, peer), Math.max(0, peer) + peerBytes);
  calls.accepted[row] = fixed32Of(bytes, fields, USAGE.accepted);
  calls.refused[row] = fixed32Of(bytes, fields, USAGE.refused);
  calls.code[row] = code;
  calls.requestBytes[row] = varintOf(fields, USAGE.requestBytes);
  calls.durationMicros[row] = varintOf(fields, USAGE.durationMicros);
  return true;
}
