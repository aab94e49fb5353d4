/**
 * Cells: what a deck has for a key, while tables are compiled (rates.ts says what a cell is).
 *
 * Terms are interned over all decks, lists of terms too: a deck of a million rows has some hundred
 * different terms, and twenty decks share many. Nothing here makes an object for a row.
 */
import { CELL_INDEX, CELL_LIST, CELL_ONE, LIST_LAST } from "./rates.js";
import { encodeTerms } from "./rating.js";
import type { DeckSource, RateTerms } from "./source.js";

export interface Cells {
  /** Numbers of a deck's terms, by their index in the deck. */
  number(terms: readonly RateTerms[]): Int32Array;
  /**
   * The cells of a deck for keys from 0 to `keys`, without the last.
   * @param keyOf of each row; -1: the row is not meant.
   * @param numbers as `number` gave them for the deck's terms.
   * @param tell is given two rows of one key of which nobody could say which holds.
   */
  group(
    deck: DeckSource,
    keyOf: Int32Array,
    keys: number,
    numbers: Int32Array,
    tell: (row: number, other: number) => void,
  ): Int32Array;
  /** The cell that says `first`, and where that does not apply `then`. */
  chain(first: number, then: number): number;
  sections(): {
    terms: Float64Array;
    tiers: Float64Array;
    termsConditions: Int32Array;
    /** fromMs, toMs (doubles), then trafficClass, senderKind (words), one after another. */
    conditions: Uint8Array;
    lists: Int32Array;
  };
}

export function openCells(): Cells {
  const rates: RateTerms[] = [];
  const conditions: number[] = [];
  const numbers = new Map<string, number>();
  const conditionNumbers = new Map<string, number>();
  const conditionRates: RateTerms[] = [];
  const lists = openLists();

  function conditionOf(rate: RateTerms): number {
    const { effectiveFromMs, effectiveToMs, senderKind, trafficClass } = rate;
    const key = `${effectiveFromMs} ${effectiveToMs} ${senderKind} ${trafficClass}`;
    let condition = conditionNumbers.get(key);
    if (condition === undefined) {
      condition = conditionRates.push(rate) - 1;
      conditionNumbers.set(key, condition);
    }
    return condition;
  }
  // The first condition is "always": a cell above 0 says so by itself.
  conditionOf(ALWAYS);

  function numberOf(rate: RateTerms): number {
    const key = keyOf(rate);
    let number = numbers.get(key);
    if (number === undefined) {
      number = rates.push(rate) - 1;
      numbers.set(key, number);
      conditions.push(conditionOf(rate));
    }
    return number;
  }

  const one = (number: number) => (conditions[number] === 0 ? number + 1 : CELL_ONE | number);

  function cellOf(sorted: readonly number[]): number {
    const complete = sorted.findIndex((number) => conditions[number] === 0);
    const end = complete < 0 ? sorted.length : complete + 1;
    return end === 1 ? one(sorted[0]!) : CELL_LIST | lists.place(sorted, end);
  }

  function termsOf(cell: number): readonly number[] {
    if (cell >= 0) return cell === 0 ? [] : [cell - 1];
    const place = cell & CELL_INDEX;
    return (cell & CELL_LIST) === CELL_ONE ? [place] : lists.read(place);
  }

  return {
    number: (terms) => Int32Array.from(terms, numberOf),
    chain(first, then) {
      if (first === 0 || then === 0) return first || then;
      return first > 0 ? first : cellOf([...termsOf(first), ...termsOf(then)]);
    },
    group({ rows }, keyOfRow, keys, numberOfTerms, tell) {
      const { cells, next } = chainRows(keyOfRow, keys);
      const found: number[] = [];
      for (let key = 0; key < keys; key += 1) {
        let row = cells[key]! - 1;
        if (row < 0) continue;
        if (next === undefined || next[row] === 0) {
          cells[key] = one(numberOfTerms[rows.terms[row]!]!);
          continue;
        }
        found.length = 0;
        for (; row >= 0; row = next[row]! - 1) insert(found, row, rows.terms, numberOfTerms, rates);
        tellOverlaps(found, rows.terms, numberOfTerms, rates, tell);
        for (const [at, one] of found.entries()) found[at] = numberOfTerms[rows.terms[one]!]!;
        cells[key] = cellOf(found);
      }
      return cells;
    },
    sections() {
      const { words, tiers } = encodeTerms(rates);
      return {
        terms: words,
        tiers,
        termsConditions: Int32Array.from(conditions),
        conditions: encodeConditions(conditionRates),
        lists: lists.words(),
      };
    },
  };
}

const ALWAYS: RateTerms = {
  effectiveFromMs: 0,
  effectiveToMs: 0,
  senderKind: 0,
  trafficClass: 0,
  unit: "segment",
  priceMicros: 0,
  increment: 1,
  messageFeeMicros: 0,
  segmentFeeMicros: 0,
  minimumMicros: 0,
  chargeBasis: 0,
  rounding: 0,
  decimals: 6,
};

/** Equal terms have equal keys, whatever order their fields were given in. */
function keyOf(rate: RateTerms): string {
  const { tiers } = rate;
  const steps = tiers?.steps.map(({ from, priceMicros }) => `${from}:${priceMicros}`).join();
  const scheme = tiers === undefined ? "" : `${tiers.mode} ${steps}`;
  return [
    rate.effectiveFromMs,
    rate.effectiveToMs,
    rate.senderKind,
    rate.trafficClass,
    rate.unit,
    rate.priceMicros,
    rate.increment,
    rate.messageFeeMicros,
    rate.segmentFeeMicros,
    rate.minimumMicros,
    rate.chargeBasis,
    rate.rounding,
    rate.decimals,
    scheme,
  ].join(" ");
}

/** Of each key its last row + 1, and of each row the one before with the same key, + 1. */
function chainRows(keyOfRow: Int32Array, keys: number) {
  const cells = new Int32Array(keys);
  let next: Int32Array | undefined;
  for (let row = 0; row < keyOfRow.length; row += 1) {
    const key = keyOfRow[row]!;
    if (key < 0) continue;
    if (cells[key] !== 0) {
      next ??= new Int32Array(keyOfRow.length);
      next[row] = cells[key]!;
    }
    cells[key] = row + 1;
  }
  return { cells, next };
}

/** Puts a row in its place among those of its key, in the order of precedence. */
function insert(
  found: number[],
  row: number,
  termsOfRow: Uint32Array,
  numbers: Int32Array,
  rates: readonly RateTerms[],
): void {
  const rate = rates[numbers[termsOfRow[row]!]!]!;
  let at = found.length;
  while (at > 0 && precedes(rate, rates[numbers[termsOfRow[found[at - 1]!]!]!]!)) at -= 1;
  found.splice(at, 0, row);
}

/** Whether `one` is looked at before `other`: a class (each has its own), a sender's kind, the later. */
function precedes(one: RateTerms, other: RateTerms): boolean {
  if (one.trafficClass !== other.trafficClass) return one.trafficClass > other.trafficClass;
  if (one.senderKind !== other.senderKind) return one.senderKind > other.senderKind;
  return one.effectiveFromMs > other.effectiveFromMs;
}

/** Rows that begin together: nobody could say which holds. Import refuses more (deck-periods.ts). */
function tellOverlaps(
  found: readonly number[],
  termsOfRow: Uint32Array,
  numbers: Int32Array,
  rates: readonly RateTerms[],
  tell: (row: number, other: number) => void,
): void {
  for (let at = 1; at < found.length; at += 1) {
    const one = rates[numbers[termsOfRow[found[at - 1]!]!]!]!;
    const other = rates[numbers[termsOfRow[found[at]!]!]!]!;
    if (!precedes(one, other)) tell(found[at - 1]!, found[at]!);
  }
}

/** Lists of numbers, equal ones once; the last of each is marked. */
function openLists() {
  let words = new Int32Array(1_024);
  let used = 0;
  let slots = new Int32Array(1_024).fill(-1);
  let count = 0;

  function hash(ids: readonly number[], end: number): number {
    let sum = end;
    for (let at = 0; at < end; at += 1) sum = Math.imul(sum ^ ids[at]!, 0x9e3779b1) ^ (sum >>> 15);
    return sum ^ (sum >>> 16);
  }

  function read(place: number): number[] {
    const ids: number[] = [];
    for (let at = place; ; at += 1) {
      ids.push(words[at]! & CELL_INDEX);
      if ((words[at]! & LIST_LAST) !== 0) return ids;
    }
  }

  function isList(place: number, ids: readonly number[], end: number): boolean {
    for (let at = 0; at < end; at += 1) {
      const marked = at === end - 1 ? ids[at]! | LIST_LAST : ids[at]!;
      if (words[place + at] !== marked) return false;
    }
    return true;
  }

  function grow(): void {
    const larger = new Int32Array(slots.length * 2).fill(-1);
    for (const place of slots) {
      if (place < 0) continue;
      const ids = read(place);
      let slot = hash(ids, ids.length) & (larger.length - 1);
      while (larger[slot] !== -1) slot = (slot + 1) & (larger.length - 1);
      larger[slot] = place;
    }
    slots = larger;
  }

  return {
    read,
    words: () => words.slice(0, used),
    place(ids: readonly number[], end: number): number {
      if (count * 2 >= slots.length) grow();
      let slot = hash(ids, end) & (slots.length - 1);
      while (slots[slot] !== -1) {
        if (isList(slots[slot]!, ids, end)) return slots[slot]!;
        slot = (slot + 1) & (slots.length - 1);
      }
      if (used + end > words.length) {
        const larger = new Int32Array(Math.max(words.length * 2, used + end));
        larger.set(words);
        words = larger;
      }
      const place = used;
      for (let at = 0; at < end; at += 1) words[place + at] = ids[at]!;
      words[place + end - 1]! |= LIST_LAST;
      used += end;
      slots[slot] = place;
      count += 1;
      return place;
    },
  };
}

function encodeConditions(rates: readonly RateTerms[]): Uint8Array {
  const count = rates.length;
  const bytes = new Uint8Array(count * 24);
  const times = new Float64Array(bytes.buffer, 0, 2 * count);
  const words = new Int32Array(bytes.buffer, 16 * count, 2 * count);
  for (const [index, rate] of rates.entries()) {
    times[index] = rate.effectiveFromMs;
    times[count + index] = rate.effectiveToMs === 0 ? Infinity : rate.effectiveToMs;
    words[index] = rate.trafficClass;
    words[count + index] = rate.senderKind;
  }
  return bytes;
}
