/**
 * Difference of a deck: the rows of a file against the deck in force, and the deck that results.
 *
 * In: both as columns. Out: what is new, changed, unchanged, ceased; rows that change the past or
 * jump; and the rows to store. History stays: a price that changes ends its old row at that time.
 * `replace`: what the file no longer has ceases at `ceaseMs`, or else with the first change of the
 * file that is not past. `merge`: it stays.
 *
 * A million rows against a million, each the same, take a second: rows that stand alone on either
 * side are settled by comparing numbers, and texts are made for the few changes that are told.
 */
import { formatMicros } from "../../../core/money.js";
import { indexDeck } from "../../../workers/deck-index.js";
import type { ParsedDeck } from "../../../workers/parse-deck.js";
import type { DeckColumns, DeckSource } from "../../../workers/source.js";
import { type CheckOptions, checkPast, largestOf, openJumpCheck } from "./deck-checks.js";
import { compareSides, matchText, openSide, type Side } from "./deck-sides.js";
import { openTerms, type Terms } from "./deck-terms.js";
import { openColumns } from "./growing-deck.js";
import { type ImportDiff, openChanges, priceText } from "./outcome.js";
import { cut, overlay, type Period, type Step, stepsOf } from "./timeline.js";

export interface DeckDiffOptions extends CheckOptions {
  readonly merge: boolean;
  /** When what is no longer there ceases. */
  readonly ceaseMs?: number;
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
  const oldRows = present?.rows ?? EMPTY;
  const old = openSide(oldRows, present?.terms ?? [], terms, indexDeck(oldRows));
  const now = openSide(fresh.rows, fresh.terms, terms, fresh.index, fresh.lines);
  const notes = openNotes(terms, options, present === undefined ? undefined : old);

  const add = ({ rows }: Side, row: number, index: number): void =>
    out.add(rows.kinds[row]!, rows.codes[row]!, rows.lengths[row]!, index);
  function settle(of: Side, row: number, was: readonly Period[], next: readonly Period[]): void {
    const steps = stepsOf(was, next);
    if (steps.length === 0) notes.unchanged();
    else notes.differs(of, row, steps);
    for (const { core, fromMs, toMs } of next) add(of, row, terms.indexOf(core, fromMs, toMs));
  }

  const rest = compareSides(old, now, {
    single(row, first) {
      if (first < 0) {
        const { fromMs, core, line } = now.periodOf(row);
        notes.differs(now, row, [{ fromMs, before: -1, after: core, line }]);
        add(now, row, now.outOf(row));
        return true;
      }
      // It costs the same, and the file's row does not begin before: as it was.
      if (!isSame(old.periodOf(first), now.periodOf(row))) return false;
      notes.unchanged();
      add(old, first, old.outOf(first));
      return true;
    },
    many: (row, was, mine) => settle(now, row, was, overlay(was, mine, options.merge)),
  });

  const ceaseMs = options.ceaseMs ?? notes.firstMs() ?? options.nowMs;
  rest((row, was) => {
    // What ended before is history: it is neither there nor ceases.
    const ended = !options.merge && was.every(({ toMs }) => toMs <= ceaseMs);
    if (ended) for (const one of was) add(old, row, terms.indexOf(one.core, one.fromMs, one.toMs));
    else settle(old, row, was, options.merge ? was : cut(was, ceaseMs, Number.POSITIVE_INFINITY));
  });
  return { diff: notes.diff(), rows: out.columns(), terms: terms.all };
}

function isSame(was: Period, fresh: Period): boolean {
  return was.core === fresh.core && was.fromMs <= fresh.fromMs && was.toMs === fresh.toMs;
}

/** Counts and tells what differs, and refuses what must not. `old`: the deck in force, if any. */
function openNotes(terms: Terms, options: DeckDiffOptions, old: Side | undefined) {
  const changes = openChanges();
  const counts = { added: 0, changed: 0, raised: 0, lowered: 0, unchanged: 0, ceased: 0 };
  /** When the first change of the file begins that is not past. */
  let firstMs = Number.POSITIVE_INFINITY;
  const textOf = (core: number): string =>
    core < 0 ? "" : priceText(terms.core(core), formatMicros);
  const jumps = old === undefined ? undefined : openJumpCheck(terms, old, options);

  function tellStep(of: Side, row: number, step: Step): void {
    const what = whatOf(step);
    const { before, after } = what === "changed" ? largestOf(terms, step.before, step.after) : NONE;
    const points = before > 0 ? Math.round(((after - before) / before) * 10_000) : undefined;
    if (!changes.wants(what, points)) return;
    const { senderKind, trafficClass } = terms.core(step.before < 0 ? step.after : step.before);
    changes.add({
      what,
      match: matchText(of.rows, row),
      senderKind,
      trafficClass,
      before: textOf(step.before),
      after: textOf(step.after),
      ...(points === undefined ? {} : { basisPoints: points }),
      effectiveFromMs: step.fromMs,
      line: step.line,
    });
  }

  return {
    unchanged(): void {
      counts.unchanged += 1;
    },
    differs(of: Side, row: number, steps: readonly Step[]): void {
      const first = steps[0]!;
      const line = first.line || steps.find((step) => step.line > 0)?.line || of.lineOf(row);
      const what = whatOf(first);
      counts[what] += 1;
      if (what === "changed") {
        const { before, after } = largestOf(terms, first.before, first.after);
        if (after !== before) counts[after > before ? "raised" : "lowered"] += 1;
      }
      if (what !== "ceased" && first.fromMs >= options.nowMs) {
        firstMs = Math.min(firstMs, first.fromMs);
      }
      if (jumps !== undefined) {
        checkPast(first, line, options);
        steps.some((step) => jumps(of, row, step, line));
      }
      for (const [at, step] of steps.entries()) {
        // What has ceased goes on doing so at each step that was to come.
        const goesOn = at > 0 && step.after < 0 && steps[at - 1]!.after < 0;
        if (!goesOn) tellStep(of, row, step);
      }
    },
    firstMs: (): number | undefined => (firstMs === Number.POSITIVE_INFINITY ? undefined : firstMs),
    diff: (): ImportDiff => ({ ...counts, changes: changes.all() }),
  };
}

const NONE = { before: 0, after: 0 };

function whatOf({ before, after }: Step): "added" | "changed" | "ceased" {
  return before < 0 ? "added" : after < 0 ? "ceased" : "changed";
}
