/**
 * Ported numbers: which numbers left the network of their prefix, millions of them.
 *
 * Open addressing by lines: a number lies in the line of eight that its hash names or, where that is
 * full, in one of those after it. Most lookups, and most numbers are not ported, read one cache line;
 * a search by halves in sorted numbers reads twenty. Filled to 85 in 100: 11.8 bytes a number.
 */
import type { PortedColumns } from "./source.js";
import type { Tables } from "./tables.js";

/** Numbers that are looked up together at most. */
export const TOGETHER_MAX = 32;
const LINE = 8;
const FILLED = 0.85;
const LOW_DIGITS = 8;
const LOW = 10 ** LOW_DIGITS;

/** Index of the network that the number was ported to; -1: it is not among them. */
export function portedNetwork(tables: Tables, digits: Uint8Array, at: number, end: number): number {
  placePorted(tables, digits, at, end, 0);
  return portedAt(tables, 0);
}

/** Numbers that are looked up together: where in memory each would be, and what they are. */
const places = new Int32Array(TOGETHER_MAX);
const wanted = new Float64Array(TOGETHER_MAX);

/**
 * Finds the line of a number. Then `portedAt` with the same slot, below TOGETHER_MAX, tells the
 * network; between the two `askPorted` has all lines come at once.
 */
export function placePorted(
  tables: Tables,
  digits: Uint8Array,
  at: number,
  end: number,
  slot: number,
): void {
  const numbers = tables.portedNumbers;
  if (numbers.length === 0) return;
  // In two parts that are small integers: a chain of multiplied doubles takes three times as long.
  const middle = Math.max(at, end - LOW_DIGITS);
  let high = 0;
  for (let index = at; index < middle; index += 1) high = (high * 10 + digits[index]! - 0x30) | 0;
  let low = 0;
  for (let index = middle; index < end; index += 1) low = (low * 10 + digits[index]! - 0x30) | 0;
  const number = high * LOW + low;
  const place = lineOf(numbers.length / LINE, high, low);
  wanted[slot] = number;
  places[slot] = place;
}

/** Reads the lines of the first slots. @returns what nobody needs, so that it is not left out. */
export function askPorted({ portedNumbers }: Tables, count: number): number {
  if (portedNumbers.length === 0) return 0;
  let sum = 0;
  for (let slot = 0; slot < count; slot += 1) {
    // Arrays begin where they like: what is laid out to be one line may be parts of two.
    const place = places[slot]!;
    sum += portedNumbers[place]! + portedNumbers[place + LINE - 1]!;
  }
  return sum;
}

/** Index of the network that the number was ported to; -1: it is not among them. */
export function portedAt({ portedNumbers, portedOf, portedNetworks }: Tables, slot: number) {
  if (portedNumbers.length === 0) return -1;
  const number = wanted[slot]!;
  const place = placeFrom(portedNumbers, places[slot]!, number);
  return portedNumbers[place] === number ? portedNetworks[portedOf[place]!]! : -1;
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
    const line = lineOf(lines, high, number - high * LOW);
    const place = placeFrom(numbers, line, number);
    numbers[place] = number;
    of[place] = ported.of[index]!;
  }
  return { numbers, of };
}

/** Where the line of a number begins. @param high the number without its last LOW_DIGITS. */
function lineOf(lines: number, high: number, low: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return Math.floor(((hash ^ (hash >>> 15)) >>> 0) * 2 ** -32 * lines) * LINE;
}

/** Where the number is, or would be put, at or after `line`. */
function placeFrom(numbers: Float64Array, line: number, number: number): number {
  let place = line;
  for (;;) {
    const found = numbers[place]!;
    if (found === number || found === 0) return place;
    place += 1;
    if (place === numbers.length) place = 0;
  }
}
