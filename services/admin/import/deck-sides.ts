/**
 * Sides of a comparison: the deck in force and the deck of a file, and which rows of the one belong
 * to which of the other.
 *
 * Rows belong together that match the same and apply to the same sender kind and class. Almost all
 * matches have one row on either side; `single` may settle those by numbers alone, all others are
 * given as periods.
 */
import type { DeckIndex } from "../../../workers/deck-index.js";
import { type DeckColumns, type DeckSource, MATCH } from "../../../workers/source.js";
import type { Terms } from "./deck-terms.js";
import type { Period } from "./timeline.js";

export interface Side {
  readonly rows: DeckColumns;
  readonly index: DeckIndex;
  periodOf(row: number): Period;
  lineOf(row: number): number;
  /** Sender kind and class, as one number. */
  applies(row: number): number;
  /** Index of the row's terms among those that result, as they are. */
  outOf(row: number): number;
}

/** Conditions of terms as one number: three sender kinds, and classes below this. */
export const CLASSES_MAX = 16;

export function openSide(
  rows: DeckColumns,
  all: DeckSource["terms"],
  terms: Terms,
  index: DeckIndex,
  lines?: Uint32Array,
): Side {
  const cores = terms.coresOf(all);
  const applies = Int32Array.from(all, (one) => one.senderKind * CLASSES_MAX + one.trafficClass);
  const out = new Int32Array(all.length).fill(-1);
  const lineOf = (row: number): number => lines?.[row] ?? 0;
  const endOf = (at: number): number => all[at]!.effectiveToMs || Number.POSITIVE_INFINITY;
  return {
    rows,
    index,
    lineOf,
    periodOf(row) {
      const at = rows.terms[row]!;
      const { effectiveFromMs: fromMs } = all[at]!;
      return { fromMs, toMs: endOf(at), core: cores[at]!, line: lineOf(row) };
    },
    applies: (row) => applies[rows.terms[row]!]!,
    outOf(row) {
      const at = rows.terms[row]!;
      if (out[at]! < 0) out[at] = terms.indexOf(cores[at]!, all[at]!.effectiveFromMs, endOf(at));
      return out[at]!;
    },
  };
}

export interface Compared {
  /** One row of the file and one of the deck in force (-1: none). False: it is for `many`. */
  single(row: number, was: number): boolean;
  many(row: number, was: readonly Period[], fresh: readonly Period[]): void;
}

/** Calls `left` for what only the deck in force has, with its first row. */
export type Rest = (left: (row: number, was: readonly Period[]) => void) => void;

/** Goes through the rows of the file; the result goes through the rest of the deck in force. */
export function compareSides(old: Side, now: Side, { single, many }: Compared): Rest {
  const met = new Uint8Array(old.rows.count);
  const { count, kinds, codes, lengths } = now.rows;
  for (let row = 0; row < count; row += 1) {
    const [kind, code, length] = [kinds[row]!, codes[row]!, lengths[row]!];
    const alone = now.index.next(row) < 0;
    const mine = now.index.first(kind, code, length);
    if (mine !== row) continue;
    const first = old.rows.count === 0 ? -1 : old.index.first(kind, code, length);
    if (alone && (first < 0 || isOne(old, first, now.applies(row))) && single(row, first)) {
      if (first >= 0) met[first] = 1;
      continue;
    }
    for (const group of groups(now, row)) {
      const was = first < 0 ? [] : groupOf(old, first, now.applies(group[0]!));
      for (const one of was) met[one] = 1;
      many(group[0]!, periodsOf(old, was), periodsOf(now, group));
    }
  }
  return (left) => {
    for (let row = 0; row < old.rows.count; row += 1) {
      if (met[row] === 1) continue;
      const was = groupOf(old, row, old.applies(row));
      for (const one of was) met[one] = 1;
      left(row, periodsOf(old, was));
    }
  };
}

function isOne(of: Side, row: number, applies: number): boolean {
  return of.index.next(row) < 0 && of.applies(row) === applies;
}

function periodsOf(of: Side, rows: readonly number[]): readonly Period[] {
  const found = rows.map(of.periodOf);
  return found.length < 2 ? found : closed(found.sort((a, b) => a.fromMs - b.fromMs));
}

/** A deck that was not imported may have endless rows that the next one ends. */
function closed(sorted: readonly Period[]): readonly Period[] {
  return sorted.map((one, at) => {
    const next = sorted[at + 1];
    return next !== undefined && next.fromMs < one.toMs ? { ...one, toMs: next.fromMs } : one;
  });
}

/** Rows of the chain that begins at `row`, by sender kind and class. */
function groups(of: Side, row: number): readonly (readonly number[])[] {
  if (of.index.next(row) < 0) return [[row]];
  const found = new Map<number, number[]>();
  for (let one = row; one >= 0; one = of.index.next(one)) {
    const key = of.applies(one);
    const group = found.get(key);
    if (group === undefined) found.set(key, [one]);
    else group.push(one);
  }
  return [...found.values()];
}

function groupOf(of: Side, row: number, applies: number): readonly number[] {
  const found: number[] = [];
  for (let one = row; one >= 0; one = of.index.next(one)) {
    if (of.applies(one) === applies) found.push(one);
  }
  return found;
}

/** "prefix 447", "network 234-10", "mcc 234", "default". */
export function matchText({ kinds, codes, lengths }: DeckColumns, row: number): string {
  const digits = String(codes[row]).padStart(lengths[row]!, "0");
  switch (kinds[row]) {
    case MATCH.prefix:
      return `prefix ${digits}`;
    case MATCH.mcc:
      return `mcc ${digits}`;
    case MATCH.network:
      return `network ${digits.slice(0, 3)}-${digits.slice(3)}`;
    default:
      return "default";
  }
}
