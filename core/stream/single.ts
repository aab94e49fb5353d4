/**
 * Single: one record of a frame as a frame of its own, under the header that it had: what is done
 * again, or buried, record by record.
 */
import { found, newWriter, nextField, putBytes, putRaw, written } from "./frame.js";

/** Where the header of a frame ends: before the first of its `repeated` fields; its end if none is. */
export function headerEnd(bytes: Uint8Array, repeated: readonly number[]): number {
  let first = bytes.length;
  for (const field of repeated) {
    if (nextField(bytes, 0, bytes.length, field) !== 1) continue;
    let lengthBytes = 1;
    // The length stands right before the value, in one to five octets: all but its last have bit 7.
    while (lengthBytes < 5 && bytes[found.at - lengthBytes - 1]! > 127) lengthBytes += 1;
    first = Math.min(first, found.at - lengthBytes - 1);
  }
  return first;
}

/** The header and the record of `field` at `bytes[at, end)`. */
export function single(
  bytes: Uint8Array,
  header: number,
  field: number,
  at: number,
  end: number,
): Uint8Array {
  const writer = newWriter(header + end - at + 8);
  putRaw(writer, bytes, 0, header);
  putBytes(writer, field, bytes, at, end);
  return written(writer);
}

/** The header and all that stands from `at` on, which cannot be walked. */
export function tailFrom(bytes: Uint8Array, header: number, at: number): Uint8Array {
  const writer = newWriter(header + bytes.length);
  if (at > header) putRaw(writer, bytes, 0, header);
  putRaw(writer, bytes, at, bytes.length);
  return written(writer);
}
