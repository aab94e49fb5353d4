/**
 * Frames: their bytes, read and written in place.
 *
 * proto/floe/v1/frames.proto is the schema. Nothing here builds an object per record: a reader gets
 * the places of a record's fields in one reused Int32Array, a writer puts fields into one growing
 * buffer. A record walked this way costs 0.03-0.1 us, with ts-proto 0.9 us, which is the oracle in
 * tests/property. All readers are total: whatever the bytes are, they return false or undefined,
 * they never throw and never read beyond `end`.
 *
 * Wire format: https://protobuf.dev/programming-guides/encoding
 */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** The field that holds the records, in every frame. */
export const RECORDS = 8;

/** Highest field number that `readFields` keeps. */
export const FIELD_MAX = 35;

/**
 * Places of one message's fields: at [2n] the offset of field n's value, -1 if absent; at [2n + 1]
 * its length in bytes, or for a varint the low 32 bits of its value (signed).
 */
export type Fields = Int32Array;

export function newFields(): Fields {
  return new Int32Array(2 * (FIELD_MAX + 1)).fill(-1);
}

/**
 * Notes where the fields of the message in `bytes[at, end)` stand. Of a field that occurs several
 * times the last place is kept (as protobuf asks for singular fields; walk repeated ones with
 * `nextField`). Fields above FIELD_MAX and groups are passed over, or refused.
 * @returns false if the bytes are not a protobuf message.
 */
export function readFields(bytes: Uint8Array, at: number, end: number, into: Fields): boolean {
  into.fill(-1);
  while (at < end) {
    // The tag: one byte for fields to 15, two to 2,047.
    let tag = bytes[at++]!;
    if (tag > 127) {
      if (at >= end) return false;
      const high = bytes[at++]!;
      if (high > 127) return false;
      tag = (tag & 127) | (high << 7);
    }
    const field = tag >>> 3;
    if (field === 0) return false;
    const kind = tag & 7;
    let place: number;
    let extent: number;
    if (kind === LENGTH) {
      let length = 0;
      let shift = 0;
      for (;;) {
        if (at >= end || shift > 28) return false;
        const octet = bytes[at++]!;
        length |= (octet & 127) << shift;
        if (octet < 128) break;
        shift += 7;
      }
      if (length < 0 || length > end - at) return false;
      place = at;
      extent = length;
      at += length;
    } else if (kind === FIXED64) {
      if (end - at < 8) return false;
      place = at;
      extent = 8;
      at += 8;
    } else if (kind === FIXED32) {
      if (end - at < 4) return false;
      place = at;
      extent = 4;
      at += 4;
    } else if (kind === VARINT) {
      place = at;
      extent = 0;
      let shift = 0;
      for (;;) {
        if (at >= end || shift > 63) return false;
        const octet = bytes[at++]!;
        if (shift < 32) extent |= (octet & 127) << shift;
        if (octet < 128) break;
        shift += 7;
      }
    } else {
      return false;
    }
    if (field <= FIELD_MAX) {
      into[2 * field] = place;
      into[2 * field + 1] = extent;
    }
  }
  return true;
}

/** Where `nextField` found something: set by it, read by its caller before the next call. */
export const found = { at: 0, end: 0 };

/**
 * Finds the next occurrence of the length-delimited field `wanted` in `bytes[at, end)`, and sets
 * `found.at` and `found.end` to its value. Walk with `at = found.end`.
 * @returns 1: found; 0: no more; -1: the bytes from `at` on are malformed.
 */
export function nextField(bytes: Uint8Array, at: number, end: number, wanted: number): 1 | 0 | -1 {
  while (at < end) {
    let tag = bytes[at++]!;
    if (tag > 127) {
      if (at >= end) return -1;
      const high = bytes[at++]!;
      if (high > 127) return -1;
      tag = (tag & 127) | (high << 7);
    }
    const kind = tag & 7;
    if (tag >>> 3 === 0) return -1;
    if (kind === LENGTH) {
      let length = 0;
      let shift = 0;
      for (;;) {
        if (at >= end || shift > 28) return -1;
        const octet = bytes[at++]!;
        length |= (octet & 127) << shift;
        if (octet < 128) break;
        shift += 7;
      }
      if (length < 0 || length > end - at) return -1;
      if (tag >>> 3 === wanted) {
        found.at = at;
        found.end = at + length;
        return 1;
      }
      at += length;
    } else if (kind === FIXED64) {
      at += 8;
    } else if (kind === FIXED32) {
      at += 4;
    } else if (kind === VARINT) {
      let shift = 0;
      for (;;) {
        if (at >= end || shift > 63) return -1;
        if (bytes[at++]! < 128) break;
        shift += 7;
      }
    } else {
      return -1;
    }
    if (at > end) return -1;
  }
  return 0;
}

/** Whether field `field` is there. */
export function has(fields: Fields, field: number): boolean {
  return fields[2 * field]! >= 0;
}

/** A varint field's low 32 bits as an unsigned number; 0 if absent. */
export function varintOf(fields: Fields, field: number): number {
  return fields[2 * field]! < 0 ? 0 : fields[2 * field + 1]! >>> 0;
}

/** A fixed32 field; 0 if absent. */
export function fixed32Of(bytes: Uint8Array, fields: Fields, field: number): number {
  const at = fields[2 * field]!;
  return at < 0 ? 0 : readUint32(bytes, at);
}

/**
 * A fixed64 field below 2^53; 0 if absent.
 * @returns NaN beyond 2^53: such a value is no time and no price.
 */
export function fixed64Of(bytes: Uint8Array, fields: Fields, field: number): number {
  const at = fields[2 * field]!;
  return at < 0 ? 0 : readUint53(bytes, at);
}

/** A string field as text; "" if absent. */
export function textOf(bytes: Uint8Array, fields: Fields, field: number): string {
  const at = fields[2 * field]!;
  return at < 0 ? "" : readText(bytes, at, at + fields[2 * field + 1]!);
}

const textView = { of: undefined as ArrayBufferLike | undefined, buffer: Buffer.alloc(0) };

/** UTF-8 text of `bytes[at, end)`; malformed sequences become U+FFFD. */
export function readText(bytes: Uint8Array, at: number, end: number): string {
  // Buffer.prototype works on any Uint8Array; one view per array buffer, not one per call.
  if (textView.of !== bytes.buffer) {
    textView.of = bytes.buffer;
    textView.buffer = Buffer.from(bytes.buffer as ArrayBuffer);
  }
  const base = bytes.byteOffset;
  return textView.buffer.toString("utf8", base + at, base + end);
}

/** Little endian, as protobuf's fixed32. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

/** Little endian fixed64 below 2^53, else NaN. */
export function readUint53(bytes: Uint8Array, at: number): number {
  const high = readUint32(bytes, at + 4);
  return high >= 0x200000 ? Number.NaN : high * 2 ** 32 + readUint32(bytes, at);
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** A whole number from 0 to 2^53 - 1. */
export function writeUint53(bytes: Uint8Array, at: number, value: number): void {
  const low = value >>> 0;
  writeUint32(bytes, at, low);
  writeUint32(bytes, at + 4, (value - low) / 2 ** 32);
}

/** A buffer that grows, and how far it is filled. `put*` append to it. */
export interface FrameWriter {
  bytes: Uint8Array;
  at: number;
}

export function newWriter(bytesHint = 4_096): FrameWriter {
  return { bytes: newBytes(bytesHint), at: 0 };
}

/** Not zeroed. No Buffer, because its `slice` is a view where a Uint8Array's is a copy. */
function newBytes(count: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(count).buffer);
}

/** What was written, without a copy: valid until the writer is written to or reset. */
export function written(writer: FrameWriter): Uint8Array {
  return writer.bytes.subarray(0, writer.at);
}

/** Makes room for `count` more bytes. `put*` call it; call it once before writing by hand. */
export function reserve(writer: FrameWriter, count: number): void {
  if (writer.bytes.length - writer.at >= count) return;
  const size = Math.max(writer.bytes.length * 2, writer.at + count);
  const larger = newBytes(size);
  larger.set(writer.bytes.subarray(0, writer.at));
  writer.bytes = larger;
}

function putTag(bytes: Uint8Array, at: number, field: number, kind: number): number {
  const tag = (field << 3) | kind;
  if (tag < 128) {
    bytes[at] = tag;
    return at + 1;
  }
  bytes[at] = (tag & 127) | 128;
  bytes[at + 1] = tag >>> 7;
  return at + 2;
}

/** Always written, zero too, so that its place can be overwritten. Returns the value's offset. */
export function putFixed32(writer: FrameWriter, field: number, value: number): number {
  reserve(writer, 6);
  const at = putTag(writer.bytes, writer.at, field, FIXED32);
  writeUint32(writer.bytes, at, value);
  writer.at = at + 4;
  return at;
}

/** Always written, zero too. Returns the value's offset. */
export function putFixed64(writer: FrameWriter, field: number, value: number): number {
  reserve(writer, 10);
  const at = putTag(writer.bytes, writer.at, field, FIXED64);
  writeUint53(writer.bytes, at, value);
  writer.at = at + 8;
  return at;
}

/** A 64-bit number by its halves. */
export function putFixed64Halves(
  writer: FrameWriter,
  field: number,
  low: number,
  high: number,
): void {
  reserve(writer, 10);
  const at = putTag(writer.bytes, writer.at, field, FIXED64);
  writeUint32(writer.bytes, at, low >>> 0);
  writeUint32(writer.bytes, at + 4, high >>> 0);
  writer.at = at + 8;
}

/** An unsigned number below 2^32 (enum, bool, uint32); zero is left out. */
export function putVarint(writer: FrameWriter, field: number, value: number): void {
  if (value === 0) return;
  reserve(writer, 7);
  const bytes = writer.bytes;
  let at = putTag(bytes, writer.at, field, VARINT);
  let rest = value >>> 0;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  writer.at = at;
}

/** Copies `source[from, end)` as a length-delimited field; an empty one is left out. */
export function putBytes(
  writer: FrameWriter,
  field: number,
  source: Uint8Array,
  from = 0,
  end = source.length,
): void {
  const length = end - from;
  if (length === 0) return;
  reserve(writer, length + 7);
  const bytes = writer.bytes;
  let at = putTag(bytes, writer.at, field, LENGTH);
  let rest = length;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  // Below about 64 bytes a loop beats the call into the runtime.
  if (length < 64) for (let index = from; index < end; index += 1) bytes[at++] = source[index]!;
  else {
    bytes.set(source.subarray(from, end), at);
    at += length;
  }
  writer.at = at;
}

/** A text as UTF-8; "" is left out. For constants on a hot path, encode once and use `putBytes`. */
export function putText(writer: FrameWriter, field: number, text: string): void {
  if (text !== "") putBytes(writer, field, Buffer.from(text, "utf8"));
}

/** Copies bytes that are whole fields already. */
export function putRaw(writer: FrameWriter, source: Uint8Array, from: number, end: number): void {
  reserve(writer, end - from);
  writer.bytes.set(source.subarray(from, end), writer.at);
  writer.at += end - from;
}

/** Bytes between the start of a nested message's tag and its first field, for fields to 15. */
export const NESTED_HEAD = 4;

/**
 * Begins a nested message. Its length is unknown yet, so it gets a varint of three bytes
 * (protobuf allows padded varints; 2 MiB at most).
 * @returns the mark that `endNested` wants.
 */
export function beginNested(writer: FrameWriter, field: number): number {
  reserve(writer, 5);
  writer.at = putTag(writer.bytes, writer.at, field, LENGTH) + 3;
  return writer.at;
}

export function endNested(writer: FrameWriter, mark: number): void {
  const length = writer.at - mark;
  writer.bytes[mark - 3] = (length & 127) | 128;
  writer.bytes[mark - 2] = ((length >>> 7) & 127) | 128;
  writer.bytes[mark - 1] = length >>> 14;
}
