/**
 * Index of a deck: its rows by what they match (kind, digits), for overlaps and differences.
 *
 * Open addressing over typed arrays; rows of one match are chained in their order. A million rows
 * take 12 MB and no strings.
 */
import type { DeckColumns } from "./source.js";

export interface DeckIndex {
  /** First row that matches exactly this; -1: none. */
  first(kind: number, code: number, length: number): number;
  /** Next row of the same match; -1: none. */
  next(row: number): number;
}

export function indexDeck(rows: DeckColumns): DeckIndex {
  const { count, kinds, codes, lengths } = rows;
  let size = 16;
  while (size < count * 2) size *= 2;
  const slots = new Int32Array(size).fill(-1);
  const next = new Int32Array(count).fill(-1);
  const slotOf = (kind: number, code: number, length: number): number => {
    let slot = hashOf(kind, code, length) & (size - 1);
    for (;;) {
      const row = slots[slot]!;
      if (row < 0) return slot;
      if (codes[row] === code && lengths[row] === length && kinds[row] === kind) return slot;
      slot = (slot + 1) & (size - 1);
    }
  };
  // From the last, so that the chain has the rows in their order.
  for (let row = count - 1; row >= 0; row -= 1) {
    const slot = slotOf(kinds[row]!, codes[row]!, lengths[row]!);
    next[row] = slots[slot]!;
    slots[slot] = row;
  }
  return {
    first: (kind, code, length) => slots[slotOf(kind, code, length)]!,
    next: (row) => next[row]!,
  };
}

/** `| 0` takes the low 32 bits of a double without the division that `%` is. */
function hashOf(kind: number, code: number, length: number): number {
  const high = (code / 4_294_967_296) | 0;
  let hash =
    Math.imul(code | 0, 0x9e3779b1) ^ Math.imul((high * 64 + length) * 4 + kind, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return (hash ^ (hash >>> 13)) >>> 0;
}
