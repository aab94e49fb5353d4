/**
 * Ported numbers: which numbers left the network of their prefix, millions of them.
 *
 * Open addressing by lines: a number lies in the line of eight that its hash names or, where that is
 * full, in one of those after it. Most lookups, and most numbers are not ported, read one cache line;
 * a search by halves in sorted numbers reads twenty. Filled to 85 in 100: 11.8 bytes a number.
 */
import type { PortedColumns } from "./source.js";
import type { Tables } from "./tables.js";

const LINE = 8;
const FILLED = 0.85;
const LOW_DIGITS = 8;
const LOW = 10 ** LOW_DIGITS;

/** Index of the network that the number was ported to; -1: it is not among them. */
export function portedNetwork(tables: Tables, digits: Uint8Array, at: number, end: number): number {
  const numbers = tables.portedNumbers;
  if (numbers.length === 0) return -1;
  // In two parts that are small integers: a chain of multiplied doubles takes three times as long.
  const middle = Math.max(at, end - LOW_DIGITS);
  let high = 0;
  for (let index = at; index < middle; index += 1) high = (high * 10 + digits[index]! - 0x30) | 0;
  let low = 0;
  for (let index = middle; index < end; index += 1) low = (low * 10 + digits[index]! - 0x30) | 0;
  const number = high * LOW + low;
  const place = placeOf(numbers, number, high, low);
  return numbers[place] === number ? tables.portedNetworks[tables.portedOf[place]!]! : -1;
}

export interface PortedLines {
  /** 0: free. */
  readonly numbers: Float64Array;
  /** Of each place: index into the ids of the source. */
  readonly of: Uint16Array;
}

export function compilePorted(ported: PortedColumns): PortedLines {
  const count = ported.numbers.length;
  // At least one place stays free, where searches end.
  const lines = count === 0 ? 0 : Math.ceil((count + 1) / (LINE * FILLED));
  const numbers = new Float64Array(lines * LINE);
  const of = new Uint16Array(lines * LINE);
  for (let index = 0; index < count; index += 1) {
    const number = ported.numbers[index]!;
    const high = Math.floor(number / LOW);
    const place = placeOf(numbers, number, high, number - high * LOW);
    numbers[place] = number;
    of[place] = ported.of[index]!;
  }
  return { numbers, of };
}

/** Where the number is, or would be put. @param high the number without its last LOW_DIGITS. */
function placeOf(numbers: Float64Array, number: number, high: number, low: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  const lines = numbers.length / LINE;
  let place = Math.floor(((hash ^ (hash >>> 15)) >>> 0) * 2 ** -32 * lines) * LINE;
  for (;;) {
    const found = numbers[place]!;
    if (found === number || found === 0) return place;
    place += 1;
    if (place === numbers.length) place = 0;
  }
}
