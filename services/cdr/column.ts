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

/** Bytes and a view of the same: a view reads four or eight of them in one instruction. */
export interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function newSource(bytes: Uint8Array): Source {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}

/** Values of a column in row order: varint length and bytes each. */
export interface TextColumn {
  bytes: Uint8Array;
  view: DataView;
  at: number;
}

export function newTextColumn(bytesHint: number): TextColumn {
  return { ...newSource(new Uint8Array(bytesHint)), at: 0 };
}

export function putTextValue(column: TextColumn, source: Source, from: number, end: number): void {
  const length = end - from;
  // Ten for the length and for what is copied beyond the end.
  if (column.bytes.length - column.at < length + 16) grow(column, length + 16);
  const at = putVarint(column.bytes, column.at, length);
  copyBytes(column, at, source, from, end);
  column.at = at + length;
}

/** Makes room for `room` more bytes. */
export function grow(column: TextColumn, room: number): void {
  const bytes = new Uint8Array(Math.max(column.bytes.length * 2, column.at + room));
  bytes.set(column.bytes.subarray(0, column.at));
  column.bytes = bytes;
  column.view = new DataView(bytes.buffer);
}

/** Copies `source[from, end)` to `at`. */
export function copyBytes(
  into: Source,
  at: number,
  source: Source,
  from: number,
  end: number,
): void {
  let read = from;
  let write = at;
  for (const last = end - 3; read < last; read += 4) {
    into.view.setInt32(write, source.view.getInt32(read, true), true);
    write += 4;
  }
  for (; read < end; read += 1) into.bytes[write++] = source.bytes[read]!;
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

/**
 * Distinct values of a column, found by keys: the values themselves, or the bytes that they are made
 * from. Number 0 is the empty value.
 */
export interface Dictionary {
  readonly values: TextColumn;
  readonly keys: TextColumn;
  count: number;
  /** Where key n starts and ends in `keys`, at [2n] and [2n + 1]. */
  places: Int32Array;
  /** Open addressing: number + 1, 0 for free. */
  slots: Int32Array;
  /** The number that `internSame` gave out last. */
  last: number;
  /** Where the key that was not found belongs. */
  missed: number;
}

const SLOTS_MIN = 256;
/** A dictionary grows when half of its slots are taken and one more: that one has places, too. */
const PLACES_MORE = 4;
/** Rows refer to values by 16 bits. */
export const DICTIONARY_VALUES_MAX = 65_536;

export function newDictionary(): Dictionary {
  const dictionary = {
    values: newTextColumn(1_024),
    keys: newTextColumn(1_024),
    count: 0,
    places: new Int32Array(SLOTS_MIN + PLACES_MORE),
    slots: new Int32Array(SLOTS_MIN),
    last: 0,
    missed: 0,
  };
  clearDictionary(dictionary);
  return dictionary;
}

export function clearDictionary(dictionary: Dictionary): void {
  dictionary.slots.fill(0);
  dictionary.count = 1;
  dictionary.last = 0;
  dictionary.keys.at = 0;
  dictionary.values.at = 1;
  dictionary.values.bytes[0] = 0;
  dictionary.places[0] = 0;
  dictionary.places[1] = 0;
}

/** The number of a value. At most DICTIONARY_VALUES_MAX between two clears. */
export function intern(dictionary: Dictionary, source: Source, from: number, end: number): number {
  if (from >= end) return 0;
  const number = find(dictionary, source, from, end);
  return number < 0 ? add(dictionary, source, from, end, source, from, end) : number;
}

/** The same for a column whose neighbours are equal more often than not. */
export function internSame(
  dictionary: Dictionary,
  source: Source,
  from: number,
  end: number,
): number {
  if (from >= end) return 0;
  const { last } = dictionary;
  if (isKey(dictionary, last, source, from, end)) return last;
  const number = intern(dictionary, source, from, end);
  dictionary.last = number;
  return number;
}

/** The number that belongs to a key, -1 if there is none: `add` it then, before the next `find`. */
export function find(dictionary: Dictionary, source: Source, from: number, end: number): number {
  const { slots } = dictionary;
  const mask = slots.length - 1;
  for (let slot = hashOf(source, from, end) & mask; ; slot = (slot + 1) & mask) {
    const number = slots[slot]! - 1;
    if (number < 0) {
      dictionary.missed = slot;
      return -1;
    }
    if (isKey(dictionary, number, source, from, end)) return number;
  }
}

/** Gives the key that was not found the next number and its value. */
export function add(
  dictionary: Dictionary,
  source: Source,
  from: number,
  end: number,
  value: Source,
  valueFrom: number,
  valueEnd: number,
): number {
  const number = dictionary.count;
  assert(number < DICTIONARY_VALUES_MAX, "a dictionary is full");
  const { keys } = dictionary;
  if (keys.bytes.length - keys.at < end - from) grow(keys, end - from);
  copyBytes(keys, keys.at, source, from, end);
  dictionary.places[2 * number] = keys.at;
  keys.at += end - from;
  dictionary.places[2 * number + 1] = keys.at;
  putTextValue(dictionary.values, value, valueFrom, valueEnd);
  dictionary.slots[dictionary.missed] = number + 1;
  dictionary.count = number + 1;
  if (dictionary.count * 2 > dictionary.slots.length) growDictionary(dictionary);
  return number;
}

function isKey(
  dictionary: Dictionary,
  number: number,
  source: Source,
  from: number,
  end: number,
): boolean {
  let at = dictionary.places[2 * number]!;
  if (dictionary.places[2 * number + 1]! - at !== end - from) return false;
  const { keys } = dictionary;
  let read = from;
  for (const last = end - 3; read < last; read += 4) {
    if (keys.view.getInt32(at, true) !== source.view.getInt32(read, true)) return false;
    at += 4;
  }
  for (; read < end; read += 1) if (keys.bytes[at++] !== source.bytes[read]) return false;
  return true;
}

function hashOf(source: Source, from: number, end: number): number {
  const { view, bytes } = source;
  let hash = Math.imul(end - from, 0x9e3779b1);
  let read = from;
  // Two words at a time: multiplications that do not wait for one another.
  for (const last = end - 7; read < last; read += 8) {
    const one = Math.imul(view.getInt32(read, true), 0x85ebca6b);
    const other = Math.imul(view.getInt32(read + 4, true), 0xc2b2ae35);
    hash = Math.imul(hash ^ one, 0x01000193) ^ (other >>> 7) ^ other;
  }
  for (; read < end; read += 1) hash = Math.imul(hash ^ bytes[read]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

function growDictionary(dictionary: Dictionary): void {
  const slots = new Int32Array(dictionary.slots.length * 2);
  const places = new Int32Array(slots.length + PLACES_MORE);
  places.set(dictionary.places.subarray(0, 2 * dictionary.count));
  const mask = slots.length - 1;
  for (let number = 1; number < dictionary.count; number += 1) {
    let slot = hashOf(dictionary.keys, places[2 * number]!, places[2 * number + 1]!) & mask;
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
      const source = newSource(Buffer.from(text, "utf8"));
      putTextValue(names, source, 0, source.bytes.length);
    }
    parts.push(names.bytes.subarray(0, names.at), ...data);
  }
  return parts;
}

/** A UUID as ClickHouse stores it: two little-endian halves. `index` counts 32-bit words. */
export function putUuid(words: Uint32Array, index: number, view: DataView, at: number): void {
  words[index] = view.getUint32(at + 4);
  words[index + 1] = view.getUint32(at);
  words[index + 2] = view.getUint32(at + 12);
  words[index + 3] = view.getUint32(at + 8);
}

/** 16 bytes as they are. `index` counts 32-bit words. */
export function putBlock(words: Uint32Array, index: number, view: DataView, at: number): void {
  words[index] = view.getUint32(at, true);
  words[index + 1] = view.getUint32(at + 4, true);
  words[index + 2] = view.getUint32(at + 8, true);
  words[index + 3] = view.getUint32(at + 12, true);
}

/** A whole number from 0 to 2^53 - 1 as 64 bits. `index` counts 32-bit words. */
export function putWide(words: Uint32Array, index: number, value: number): void {
  const low = value >>> 0;
  words[index] = low;
  words[index + 1] = (value - low) / 2 ** 32;
}

/** What `putWide` put. */
export function wideAt(words: Uint32Array, index: number): number {
  return words[index + 1]! * 2 ** 32 + words[index]!;
}
