/**
 * Difference of a deck: the rows of a file against the deck in force, and the deck that results.
 *
 * In: both as columns. Out: what is new, changed, unchanged, ceased; rows that change the past or
 * jump; and the rows to store. History stays: a price that changes ends its old row at that time.
 * `replace`: what the file no longer has ceases at `ceaseMs`, or else with the first change of the
 * file that is not past. `merge`: it stays.
 *
 * A million rows against a million take 1.5 s: almost all matches have one row on either side that
 * costs the same, and those are settled by comparing numbers.
 */
import { formatMicros } from "../../../core/money.js";
import { type DeckIndex, indexDeck } from "../../../workers/deck-index.js";
import type { ParsedDeck } from "../../../workers/parse-deck.js";
import { type DeckColumns, type DeckSource, MATCH } from "../../../workers/source.js";
import { openTerms, type Terms } from "./deck-terms.js";
import { openColumns } from "./growing-deck.js";
import { type ImportDiff, openChanges, type ProblemReason, priceText } from "./outcome.js";
import { cut, overlay, type Period, type Step, stepsOf } from "./timeline.js";

export interface DeckDiffOptions {
  readonly merge: boolean;
  readonly nowMs: number;
  readonly allowRetroactive: boolean;
  /** A larger change of a price for one segment is refused; Infinity: none is. */
  readonly changePercentMax: number;
  /** When what is no longer there ceases. */
  readonly ceaseMs?: number;
  readonly columns: { readonly price: string; readonly effective: string };
  readonly tell: (reason: ProblemReason, line: number, column: string, problem: string) => void;
}

export interface DeckDifference {
  readonly diff: ImportDiff;
  readonly rows: DeckColumns;
  readonly terms: Terms["all"];
}

const EMPTY: DeckColumns = {
  count: 0,
  kinds: new Uint8Array(0),
  codes: new Float64Array(0),
  lengths: new Uint8Array(0),
  terms: new Uint32Array(0),
};

export function diffDeck(
  present: DeckSource | undefined,
  fresh: ParsedDeck,
  options: DeckDiffOptions,
): DeckDifference {
  const terms = openTerms();
  const out = openColumns();
  const changes = openChanges();
  const counts = { added: 0, changed: 0, raised: 0, lowered: 0, unchanged: 0, ceased: 0 };
  const old = side(present?.rows ?? EMPTY, present?.terms ?? [], terms);
  const now = side(fresh.rows, fresh.terms, terms, fresh.lines);
  /** When the first change of the file begins that is not past. */
  let firstMs = Number.POSITIVE_INFINITY;

  function write(row: Side, at: number, periods: readonly Period[]): void {
    const { kinds, codes, lengths } = row.rows;
    for (const { core, fromMs, toMs } of periods) {
      const index = terms.indexOf(core, fromMs, toMs);
      out.add(kinds[at]!, codes[at]!, lengths[at]!, index);
    }
  }

  function note(row: Side, at: number, steps: readonly Step[]): void {
    const first = steps[0]!;
    const line = first.line || steps.find((step) => step.line > 0)?.line || row.lineOf(at);
    const what = first.before < 0 ? "added" : first.after < 0 ? "ceased" : "changed";
    counts[what] += 1;
    if (what !== "ceased" && first.fromMs >= options.nowMs)
      firstMs = Math.min(firstMs, first.fromMs);
    const before = first.before < 0 ? 0 : terms.segmentMicros(first.before);
    const after = first.after < 0 ? 0 : terms.segmentMicros(first.after);
    if (what === "changed" && after !== before) counts[after > before ? "raised" : "lowered"] += 1;
    if (present !== undefined) check(steps, first, line);
    const { senderKind, trafficClass } = terms.core(Math.max(first.before, first.after));
    changes.add({
      what,
      match: matchText(row.rows, at),
      senderKind,
      trafficClass,
      before: first.before < 0 ? "" : priceText(terms.core(first.before), formatMicros),
      after: first.after < 0 ? "" : priceText(terms.core(first.after), formatMicros),
      ...(what === "changed" && before > 0
        ? { basisPoints: Math.round(((after - before) / before) * 10_000) }
        : {}),
      effectiveFromMs: first.fromMs,
      line: first.line,
    });
  }

  function check(steps: readonly Step[], first: Step, line: number): void {
    if (first.fromMs < options.nowMs && !options.allowRetroactive) {
      const when = first.fromMs === 0 ? "from the beginning" : new Date(first.fromMs).toISOString();
      options.tell(
        "retroactive",
        line,
        options.columns.effective,
        `changes the past (${when}): --allow-retroactive if that is meant`,
      );
    }
    for (const step of steps) {
      if (step.before < 0 || step.after < 0) continue;
      const before = terms.segmentMicros(step.before);
      const after = terms.segmentMicros(step.after);
      const percent = before === after ? 0 : (Math.abs(after - before) / before) * 100;
      if (percent <= options.changePercentMax) continue;
      const told = before === 0 ? "from 0" : `by ${percent.toFixed(1)} %`;
      const problem = `changes ${formatMicros(before)} ${told} to ${formatMicros(after)}`;
      options.tell(
        "jump",
        step.line || line,
        options.columns.price,
        `${problem}: more than --max-change`,
      );
      return;
    }
  }

  function settle(row: Side, at: number, was: readonly Period[], next: readonly Period[]): void {
    const steps = stepsOf(was, next);
    if (steps.length === 0) counts.unchanged += 1;
    else note(row, at, steps);
    write(row, at, next);
  }

  const rest = compare(old, now, (was, fresh, at) => {
    // One row on either side that costs the same, and the file's does not begin before: as it was.
    const [one, other] = [was[0], fresh[0]];
    if (was.length === 1 && fresh.length === 1 && isSame(one!, other!)) {
      counts.unchanged += 1;
      write(now, at, was);
    } else settle(now, at, was, overlay(was, fresh, options.merge));
  });

  const ceaseMs =
    options.ceaseMs ?? (firstMs === Number.POSITIVE_INFINITY ? options.nowMs : firstMs);
  rest((was, at) => {
    if (options.merge) {
      counts.unchanged += 1;
      write(old, at, was);
      return;
    }
    const next = cut(was, ceaseMs, Number.POSITIVE_INFINITY);
    // What ended before is history: it is neither there nor ceases.
    if (was.every(({ toMs }) => toMs <= ceaseMs)) write(old, at, was);
    else settle(old, at, was, next);
  });
  return {
    diff: { ...counts, changes: changes.all() },
    rows: out.columns(),
    terms: terms.all,
  };
}

function isSame(was: Period, fresh: Period): boolean {
  return was.core === fresh.core && was.fromMs <= fresh.fromMs && was.toMs === fresh.toMs;
}

interface Side {
  readonly rows: DeckColumns;
  readonly index: DeckIndex;
  periodOf(row: number): Period;
  lineOf(row: number): number;
  /** Sender kind and class, as one number. */
  applies(row: number): number;
}

function side(
  rows: DeckColumns,
  all: DeckSource["terms"],
  terms: Terms,
  lines?: Uint32Array,
): Side {
  const cores = terms.coresOf(all);
  const lineOf = (row: number): number => lines?.[row] ?? 0;
  return {
    rows,
    index: indexDeck(rows),
    lineOf,
    periodOf(row) {
      const index = rows.terms[row]!;
      const { effectiveFromMs: fromMs, effectiveToMs } = all[index]!;
      const toMs = effectiveToMs === 0 ? Number.POSITIVE_INFINITY : effectiveToMs;
      return { fromMs, toMs, core: cores[index]!, line: lineOf(row) };
    },
    applies(row) {
      const { senderKind, trafficClass } = all[rows.terms[row]!]!;
      return senderKind * 16 + trafficClass;
    },
  };
}

type Rest = (each: (was: readonly Period[], row: number) => void) => void;

/**
 * Calls `each` for every match, sender kind and class of the file, with the periods of both sides.
 * The result calls for what only the deck in force has.
 */
function compare(
  old: Side,
  now: Side,
  each: (was: readonly Period[], fresh: readonly Period[], row: number) => void,
): Rest {
  const met = new Uint8Array(old.rows.count);
  const { count, kinds, codes, lengths } = now.rows;
  for (let row = 0; row < count; row += 1) {
    const [kind, code, length] = [kinds[row]!, codes[row]!, lengths[row]!];
    if (now.index.first(kind, code, length) !== row) continue;
    const first = old.index.first(kind, code, length);
    for (const mine of groups(now, row)) {
      const was = first < 0 ? [] : groupOf(old, first, now.applies(mine[0]!));
      for (const one of was) met[one] = 1;
      each(periods(old, was), periods(now, mine), mine[0]!);
    }
  }
  return (left) => {
    for (let row = 0; row < old.rows.count; row += 1) {
      if (met[row] === 1) continue;
      const was = groupOf(old, row, old.applies(row));
      for (const one of was) met[one] = 1;
      left(periods(old, was), row);
    }
  };
}

function periods(of: Side, rows: readonly number[]): readonly Period[] {
  const found = rows.map(of.periodOf);
  return found.length < 2 ? found : closed(found.sort((a, b) => a.fromMs - b.fromMs));
}

/** A deck written by hand may have endless rows that the next one ends. */
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
