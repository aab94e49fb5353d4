/** Growing deck: columns of a deck whose rows are not counted beforehand. */
import type { DeckColumns } from "../../../workers/source.js";

export interface GrowingDeck {
  /** MATCH, digits as a number, how many they are, index of the terms. */
  add(kind: number, code: number, length: number, terms: number): void;
  columns(): DeckColumns;
}

const ROWS_FIRST = 1_024;

export function openColumns(): GrowingDeck {
  let kinds = new Uint8Array(ROWS_FIRST);
  let codes = new Float64Array(ROWS_FIRST);
  let lengths = new Uint8Array(ROWS_FIRST);
  let of = new Uint32Array(ROWS_FIRST);
  let count = 0;

  function grow(): void {
    const old = { kinds, codes, lengths, of };
    kinds = new Uint8Array(count * 2);
    codes = new Float64Array(count * 2);
    lengths = new Uint8Array(count * 2);
    of = new Uint32Array(count * 2);
    kinds.set(old.kinds);
    codes.set(old.codes);
    lengths.set(old.lengths);
    of.set(old.of);
  }

  return {
    add(kind, code, length, terms) {
      if (count === kinds.length) grow();
      kinds[count] = kind;
      codes[count] = code;
      lengths[count] = length;
      of[count] = terms;
      count += 1;
    },
    columns: () => ({
      count,
      kinds: kinds.slice(0, count),
      codes: codes.slice(0, count),
      lengths: lengths.slice(0, count),
      terms: of.slice(0, count),
    }),
  };
}
