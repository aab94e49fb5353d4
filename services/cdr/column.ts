/**
 * Columns in ClickHouse's Native format, filled without an object per value.
 *
 * Three shapes: fixed width (a typed array that is the column's bytes), text that comes in row order
 * (length and bytes, one after another), and dictionary (each value once, rows hold its number: what
 * ClickHouse calls LowCardinality, so that the server need not look a value up again either).
 * Format: https://clickhouse.com/docs/interfaces/formats/Native; a typed array's bytes are the
 * column's only on little-endian machines.
 */
import assert from "node:assert";
import { endianness } from "node:os";

assert(endianness() === "LE", "columns are written as the machine stores numbers");

/** Values of a column in row order: varint length and bytes each. */
export interface TextColumn {
  bytes: Uint8Array;
  at: number;
}

export function newTextColumn(bytesHint: number): TextColumn {
  return { bytes: new Uint8Array(bytesHint), at: 0 };
}

export function putTextValue(
  column: TextColumn,
  source: Uint8Array,
  from: number,
  end: number,
): void {
  const length = end - from;
  if (column.bytes.length - column.at < length + 5) column.bytes = grown(column, length + 5);
  const bytes = column.bytes;
  let at = putVarint(bytes, column.at, length);
  for (let read = from; read < end; read += 1) bytes[at++] = source[read]!;
  column.at = at;
}

function grown(column: { bytes: Uint8Array; at: number }, room: number): Uint8Array {
  const larger = new Uint8Array(Math.max(column.bytes.length * 2, column.at + room));
  larger.set(column.bytes.subarray(0, column.at));
  return larger;
}

/** Writes a varint at `at` and returns where it ends. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest > 127) {
    bytes[end++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[end++] = rest;
  return end;
}

/** Distinct values of a column. Number 0 is the empty one. */
export interface Dictionary {
  /** The values as a text column. */
  readonly values: TextColumn;
  count: number;
  /** Where value n's content starts and ends in `values.bytes`, at [2n] and [2n + 1]. */
  places: Int32Array;
  /** Open addressing: value number + 1, 0 for free. */
  slots: Int32Array;
  /** The number given out last: neighbours are often equal. */
  last: number;
}

const SLOTS_MIN = 256;
/** Rows refer to values by 16 bits. */
export const DICTIONARY_VALUES_MAX = 65_536;

export function newDictionary(): Dictionary {
  const dictionary = {
    values: newTextColumn(1_024),
    count: 0,
    places: new Int32Array(SLOTS_MIN),
    slots: new Int32Array(SLOTS_MIN),
    last: 0,
  };
  clearDictionary(dictionary);
  return dictionary;
}

export function clearDictionary(dictionary: Dictionary): void {
  dictionary.slots.fill(0);
  dictionary.count = 1;
  dictionary.last = 0;
  dictionary.values.at = 1;
  dictionary.values.bytes[0] = 0;
  dictionary.places[0] = 1;
  dictionary.places[1] = 1;
}

/** The number of the value `source[from, end)`. At most DICTIONARY_VALUES_MAX between two clears. */
export function intern(
  dictionary: Dictionary,
  source: Uint8Array,
  from: number,
  end: number,
): number {
  if (from === end) return 0;
  if (isValue(dictionary, dictionary.last, source, from, end)) return dictionary.last;
  let hash = 0x811c9dc5;
  for (let at = from; at < end; at += 1) hash = Math.imul(hash ^ source[at]!, 0x01000193);
  hash ^= hash >>> 15;
  const mask = dictionary.slots.length - 1;
  let slot = hash & mask;
  for (;;) {
    const number = dictionary.slots[slot]! - 1;
    if (number < 0) break;
    if (isValue(dictionary, number, source, from, end)) {
      dictionary.last = number;
      return number;
    }
    slot = (slot + 1) & mask;
  }
  const number = addValue(dictionary, source, from, end);
  dictionary.slots[slot] = number + 1;
  dictionary.last = number;
  if (dictionary.count * 2 > dictionary.slots.length) growDictionary(dictionary);
  return number;
}

function isValue(
  dictionary: Dictionary,
  number: number,
  source: Uint8Array,
  from: number,
  end: number,
): boolean {
  let at = dictionary.places[2 * number]!;
  if (dictionary.places[2 * number + 1]! - at !== end - from) return false;
  const bytes = dictionary.values.bytes;
  for (let read = from; read < end; read += 1) if (bytes[at++] !== source[read]) return false;
  return true;
}

function addValue(dictionary: Dictionary, source: Uint8Array, from: number, end: number): number {
  const number = dictionary.count;
  assert(number < DICTIONARY_VALUES_MAX, "a dictionary is full");
  putTextValue(dictionary.values, source, from, end);
  dictionary.places[2 * number] = dictionary.values.at - (end - from);
  dictionary.places[2 * number + 1] = dictionary.values.at;
  dictionary.count = number + 1;
  return number;
}

function growDictionary(dictionary: Dictionary): void {
  const slots = new Int32Array(dictionary.slots.length * 2);
  const places = new Int32Array(slots.length);
  places.set(dictionary.places.subarray(0, 2 * dictionary.count));
  const mask = slots.length - 1;
  const bytes = dictionary.values.bytes;
  for (let number = 1; number < dictionary.count; number += 1) {
    let hash = 0x811c9dc5;
    const end = places[2 * number + 1]!;
    for (let at = places[2 * number]!; at < end; at += 1) {
      hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    }
    hash ^= hash >>> 15;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = number + 1;
  }
  dictionary.slots = slots;
  dictionary.places = places;
}

/** A column of a block: its name, its type as ClickHouse spells it, and its bytes. */
export type BlockColumn = Readonly<{ name: string; type: string; parts: readonly Uint8Array[] }>;

/** The first `rows` numbers of a typed array as a column. */
export function fixedColumn(
  name: string,
  type: string,
  values: Uint8Array | Uint16Array | Uint32Array | Float64Array,
  numbers: number,
): BlockColumn {
  const bytes = new Uint8Array(
    values.buffer,
    values.byteOffset,
    numbers * values.BYTES_PER_ELEMENT,
  );
  return { name, type, parts: [bytes] };
}

export function textColumn(name: string, column: TextColumn): BlockColumn {
  return { name, type: "String", parts: [column.bytes.subarray(0, column.at)] };
}

/** Serialization of LowCardinality: version 1; 16-bit numbers; keys stand in the block, all new. */
const DICTIONARY_VERSION = 1n;
const DICTIONARY_FLAGS = 0x601n;

export function dictionaryColumn(
  name: string,
  dictionary: Dictionary,
  numbers: Uint16Array,
  rows: number,
): BlockColumn {
  const head = new BigUint64Array([DICTIONARY_VERSION, DICTIONARY_FLAGS, BigInt(dictionary.count)]);
  const count = new BigUint64Array([BigInt(rows)]);
  return {
    name,
    type: "LowCardinality(String)",
    parts: [
      new Uint8Array(head.buffer),
      dictionary.values.bytes.subarray(0, dictionary.values.at),
      new Uint8Array(count.buffer),
      new Uint8Array(numbers.buffer, numbers.byteOffset, rows * 2),
    ],
  };
}

/** A block of `rows` rows. Nothing is copied: the parts must not change until it is sent. */
export function nativeBlock(columns: readonly BlockColumn[], rows: number): Uint8Array[] {
  const head = new Uint8Array(10);
  const headEnd = putVarint(head, putVarint(head, 0, columns.length), rows);
  const parts: Uint8Array[] = [head.subarray(0, headEnd)];
  for (const { name, type, parts: data } of columns) {
    const names = newTextColumn(name.length + type.length + 4);
    for (const text of [name, type]) {
      const bytes = Buffer.from(text, "utf8");
      putTextValue(names, bytes, 0, bytes.length);
    }
    parts.push(names.bytes.subarray(0, names.at), ...data);
  }
  return parts;
}

/** A UUID as ClickHouse stores it: two little-endian halves. `index` counts 32-bit words. */
export function putUuid(words: Uint32Array, index: number, source: Uint8Array, at: number): void {
  words[index] = bigEndian32(source, at + 4);
  words[index + 1] = bigEndian32(source, at);
  words[index + 2] = bigEndian32(source, at + 12);
  words[index + 3] = bigEndian32(source, at + 8);
}

export function bigEndian32(source: Uint8Array, at: number): number {
  return (
    ((source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!) >>> 0
  );
}

/** A whole number from 0 to 2^53 - 1 as 64 bits. `index` counts 32-bit words. */
export function putWide(words: Uint32Array, index: number, value: number): void {
  const low = value >>> 0;
  words[index] = low;
  words[index + 1] = (value - low) / 2 ** 32;
}
