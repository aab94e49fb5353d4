/**
 * What held before for the numbers of a new row: the row of the deck in force that rated them.
 *
 * A new row takes numbers from a less specific one: `4477 5.00` under `44 0.0312` is no first price
 * but a jump. The less specific rows are those that routing looks at (ARCHITECTURE, precedence): of
 * a prefix its shorter ones, of a network its country (mcc), and at last the default row. Which
 * country a prefix is in is not in a deck, so that an mcc row is not found for it.
 */
import { MATCH } from "../../../workers/source.js";
import { CLASSES_MAX, type Side } from "./deck-sides.js";

const MCC_DIGITS = 3;

/** Row of `old` that rated the numbers of row `row` of `of` at `ms`; -1: none did. */
export function rowBefore(old: Side, of: Side, row: number, ms: number): number {
  const kind = of.rows.kinds[row]!;
  const applies = of.applies(row);
  let code = of.rows.codes[row]!;
  let length = of.rows.lengths[row]!;
  let found = holding(old, kind, code, length, applies, ms);
  if (kind === MATCH.prefix) {
    while (found < 0 && length > 1) {
      code = Math.floor(code / 10);
      length -= 1;
      found = holding(old, kind, code, length, applies, ms);
    }
  } else if (kind === MATCH.network && found < 0) {
    const mcc = Math.floor(code / 10 ** (length - MCC_DIGITS));
    found = holding(old, MATCH.mcc, mcc, MCC_DIGITS, applies, ms);
  }
  return found < 0 && kind !== MATCH.default
    ? holding(old, MATCH.default, 0, 0, applies, ms)
    : found;
}

/** Of the rows of one match the one that counts: class, then sender kind, then the later. */
function holding(
  old: Side,
  kind: number,
  code: number,
  length: number,
  applies: number,
  ms: number,
): number {
  let found = -1;
  let rank = -1;
  let fromMs = 0;
  for (let row = old.index.first(kind, code, length); row >= 0; row = old.index.next(row)) {
    const period = old.periodOf(row);
    if (ms < period.fromMs || ms >= period.toMs) continue;
    const mine = rankOf(old.applies(row), applies);
    if (mine < 0 || mine < rank || (mine === rank && period.fromMs < fromMs)) continue;
    found = row;
    rank = mine;
    fromMs = period.fromMs;
  }
  return found;
}

/** How near a row's conditions are to those of the new row; -1: it is for other messages. */
function rankOf(old: number, applies: number): number {
  const oldClass = old % CLASSES_MAX;
  const oldKind = (old - oldClass) / CLASSES_MAX;
  const ownClass = applies % CLASSES_MAX;
  const ownKind = (applies - ownClass) / CLASSES_MAX;
  if (oldClass !== 0 && oldClass !== ownClass) return -1;
  if (oldKind !== 0 && oldKind !== ownKind) return -1;
  return (oldClass === 0 ? 0 : 2) + (oldKind === 0 ? 0 : 1);
}
