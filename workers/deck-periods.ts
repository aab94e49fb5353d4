/**
 * Periods of a deck: rows of one match, sender kind and class that follow each other in time.
 *
 * Carriers send a row for each change of a price and no end of the one before: it ends where the
 * next begins. Two that begin together, or one whose named end is after the next begins, overlap,
 * and nobody could say which holds. So does an endless row with one that ends before anything
 * follows: a price for June alone may or may not mean that the old one comes back in July.
 */
import { type DeckIndex, indexDeck } from "./deck-index.js";
import type { DeckColumns, RateTerms } from "./source.js";

export interface Periods {
  readonly rows: DeckColumns;
  readonly terms: readonly RateTerms[];
}

export interface ClosedPeriods extends Periods {
  /** Of the rows, for whoever compares them next. */
  readonly index: DeckIndex;
}

/** @param tell is given two rows that overlap, the later of the file first. */
export function closePeriods(
  deck: Periods,
  tell: (row: number, other: number) => void,
): ClosedPeriods {
  const { rows } = deck;
  const index = indexDeck(rows);
  const terms = [...deck.terms];
  const of = rows.terms.slice(0, rows.count);
  const closed = new Map<string, number>();
  const close = (row: number, effectiveToMs: number): void => {
    const key = `${of[row]} ${effectiveToMs}`;
    let at = closed.get(key);
    if (at === undefined) {
      at = terms.push({ ...terms[of[row]!]!, effectiveToMs }) - 1;
      closed.set(key, at);
    }
    of[row] = at;
  };
  for (let row = 0; row < rows.count; row += 1) {
    const { kinds, codes, lengths } = rows;
    if (index.next(row) < 0) continue;
    if (index.first(kinds[row]!, codes[row]!, lengths[row]!) !== row) continue;
    const chain: number[] = [];
    for (let one = row; one >= 0; one = index.next(one)) chain.push(one);
    closeChain(chain, (one) => terms[of[one]!]!, close, tell);
  }
  return { rows: { ...rows, terms: of }, terms, index };
}

function closeChain(
  chain: readonly number[],
  termsOf: (row: number) => RateTerms,
  close: (row: number, effectiveToMs: number) => void,
  tell: (row: number, other: number) => void,
): void {
  const sorted = [...chain].sort((a, b) => {
    const [one, other] = [termsOf(a), termsOf(b)];
    return (
      one.senderKind - other.senderKind ||
      one.trafficClass - other.trafficClass ||
      one.effectiveFromMs - other.effectiveFromMs ||
      a - b
    );
  });
  for (let at = 1; at < sorted.length; at += 1) {
    const [row, after] = [sorted[at - 1]!, sorted[at]!];
    const [one, other] = [termsOf(row), termsOf(after)];
    if (one.senderKind !== other.senderKind || one.trafficClass !== other.trafficClass) continue;
    if (
      one.effectiveFromMs === other.effectiveFromMs ||
      one.effectiveToMs > other.effectiveFromMs
    ) {
      tell(Math.max(row, after), Math.min(row, after));
    } else if (one.effectiveToMs === 0) {
      if (endsInGap(sorted, at, termsOf)) tell(Math.max(row, after), Math.min(row, after));
      else close(row, other.effectiveFromMs);
    }
  }
}

function endsInGap(
  sorted: readonly number[],
  at: number,
  termsOf: (row: number) => RateTerms,
): boolean {
  const { effectiveToMs, senderKind, trafficClass } = termsOf(sorted[at]!);
  if (effectiveToMs === 0) return false;
  const after = sorted[at + 1];
  if (after === undefined) return true;
  const next = termsOf(after);
  return (
    next.senderKind !== senderKind ||
    next.trafficClass !== trafficClass ||
    next.effectiveFromMs !== effectiveToMs
  );
}
