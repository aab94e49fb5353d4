/**
 * Codes: countries, currencies and senders as small numbers, so that tables may be indexed by them.
 */

const LETTERS = 26;
const FIRST = 0x41;
const HASH_START = 0x811c9dc5 | 0;

/** What `countryCode` gives for what is no country: tables by country have a place for it. */
export const COUNTRY_UNKNOWN = LETTERS * LETTERS;
export const COUNTRY_CODES = COUNTRY_UNKNOWN + 1;

/** ISO 3166-1 alpha-2 as a number below COUNTRY_UNKNOWN; that itself for anything else. */
export function countryCode(country: string): number {
  const code = lettersOf(country, 2);
  return code < 0 ? COUNTRY_UNKNOWN : code;
}

/** ISO 4217 as a number; -1 for anything else. */
export function currencyCode(currency: string): number {
  return lettersOf(currency, 3);
}

function lettersOf(text: string, count: number): number {
  if (text.length !== count) return -1;
  let code = 0;
  for (let index = 0; index < count; index += 1) {
    const letter = text.charCodeAt(index) - FIRST;
    if (letter < 0 || letter >= LETTERS) return -1;
    code = code * LETTERS + letter;
  }
  return code;
}

/** A hash of `bytes[at, end)`, for tables in open addressing (FNV-1a, then mixed). */
export function hashOf(bytes: Uint8Array, at: number, end: number): number {
  let hash = HASH_START;
  for (let index = at; index < end; index += 1) {
    hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  }
  return mix(hash);
}

/** Spreads a word over all its bits (the finalizer of MurmurHash3). */
export function mix(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Keys of octets, each with a number from 1: open addressing over one array of octets. */
export interface ByteKeys {
  readonly slots: Int32Array;
  readonly bytes: Uint8Array;
  readonly at: Int32Array;
}

/** Key n of `keys` gets the number n + 1. Equal keys: the first has it. */
export function byteKeys(keys: readonly Uint8Array[]): ByteKeys {
  let size = 8;
  while (size < keys.length * 2) size *= 2;
  const at = new Int32Array(keys.length + 1);
  for (const [index, key] of keys.entries()) at[index + 1] = at[index]! + key.length;
  const table = { slots: new Int32Array(size), bytes: Buffer.concat(keys), at };
  for (const [index, key] of keys.entries()) {
    let slot = hashOf(key, 0, key.length) & (size - 1);
    while (table.slots[slot] !== 0) slot = (slot + 1) & (size - 1);
    table.slots[slot] = index + 1;
  }
  return table;
}

/** The number of the key `bytes[at, end)`, whose hash is known; 0 if it is none. */
export function findKey(
  keys: ByteKeys,
  hash: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const mask = keys.slots.length - 1;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const number = keys.slots[slot]!;
    if (number === 0) return 0;
    if (isKey(keys, number, bytes, at, end)) return number;
  }
}

/** Whether key `number` is `bytes[at, end)`. */
export function isKey(
  keys: ByteKeys,
  number: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): boolean {
  const from = keys.at[number - 1]!;
  if (keys.at[number]! - from !== end - at) return false;
  for (let index = at; index < end; index += 1) {
    if (keys.bytes[from + index - at] !== bytes[index]) return false;
  }
  return true;
}

/** Whole numbers to 2^32 - 1, each with a number from 1. */
export interface NumberKeys {
  readonly keys: Uint32Array;
  readonly values: Int32Array;
}

/** @param entries without repeats; values from 1. */
export function numberKeys(
  entries: readonly (readonly [key: number, value: number])[],
): NumberKeys {
  let size = 8;
  while (size < entries.length * 2) size *= 2;
  const table = { keys: new Uint32Array(size), values: new Int32Array(size) };
  for (const [key, value] of entries) {
    let slot = mix(key) & (size - 1);
    while (table.values[slot] !== 0) slot = (slot + 1) & (size - 1);
    table.keys[slot] = key;
    table.values[slot] = value;
  }
  return table;
}

/** The value of a key; 0 if it is none. */
export function numberOf(table: NumberKeys, key: number): number {
  const mask = table.keys.length - 1;
  for (let slot = mix(key) & mask; ; slot = (slot + 1) & mask) {
    const value = table.values[slot]!;
    if (value === 0 || table.keys[slot] === key) return value;
  }
}
