/**
 * Ported numbers: which numbers left the network of their prefix, millions of them.
 *
 * Numbers lie in buckets by hash, in four columns: where each bucket begins, the numbers, of each
 * the index of its id, and of each id the network. A lookup reads two cache lines or three, and a
 * number takes 12 bytes at most: 8 and 2, and 4 for each two to four of them. A search by halves in
 * sorted numbers reads twenty lines.
 */
import type { PortedColumns } from "./source.js";
import type { Tables } from "./tables.js";

/** Index of the network that the number was ported to; -1: it is not among them. */
export function portedNetwork(tables: Tables, digits: Uint8Array, at: number, end: number): number {
  const starts = tables.portedAt;
  if (starts.length === 0) return -1;
  let number = 0;
  for (let index = at; index < end; index += 1) number = number * 10 + digits[index]! - 0x30;
  const bucket = bucketOf(number, starts.length - 2);
  const last = starts[bucket + 1]!;
  for (let place = starts[bucket]!; place < last; place += 1) {
    if (tables.portedNumbers[place] === number) {
      return tables.portedNetworks[tables.portedOf[place]!]!;
    }
  }
  return -1;
}

export interface PortedBuckets {
  /** Empty: there are no ported numbers. */
  readonly at: Int32Array;
  readonly numbers: Float64Array;
  readonly of: Uint16Array;
}

export function compilePorted(ported: PortedColumns): PortedBuckets {
  const count = ported.numbers.length;
  if (count === 0) {
    return { at: new Int32Array(0), numbers: new Float64Array(0), of: new Uint16Array(0) };
  }
  let buckets = 1;
  while (buckets * 4 < count) buckets *= 2;
  const at = new Int32Array(buckets + 1);
  for (let index = 0; index < count; index += 1) {
    at[bucketOf(ported.numbers[index]!, buckets - 1) + 1]! += 1;
  }
  for (let bucket = 0; bucket < buckets; bucket += 1) at[bucket + 1]! += at[bucket]!;
  const next = at.slice();
  const numbers = new Float64Array(count);
  const of = new Uint16Array(count);
  for (let index = 0; index < count; index += 1) {
    const bucket = bucketOf(ported.numbers[index]!, buckets - 1);
    const place = next[bucket]!;
    next[bucket] = place + 1;
    numbers[place] = ported.numbers[index]!;
    of[place] = ported.of[index]!;
  }
  return { at, numbers, of };
}

/** @param mask buckets, a power of two, less 1. */
function bucketOf(number: number, mask: number): number {
  const high = Math.floor(number / 2 ** 32);
  let hash = Math.imul(number | 0, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) & mask;
}
