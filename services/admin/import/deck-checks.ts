/**
 * Checks of a deck's difference: how large a change is, and which changes must not be.
 *
 * Refused are changes of the past and jumps, each unless that is meant. What a new row changes is
 * measured by what rated its numbers before (deck-before.ts).
 */
import { formatMicros } from "../../../core/money.js";
import { rowBefore } from "./deck-before.js";
import { matchText, type Side } from "./deck-sides.js";
import type { Terms } from "./deck-terms.js";
import type { ProblemReason } from "./outcome.js";
import type { Step } from "./timeline.js";

export interface CheckOptions {
  readonly nowMs: number;
  readonly allowRetroactive: boolean;
  /** A larger change of a price for one segment is refused; Infinity: none is. */
  readonly changePercentMax: number;
  readonly columns: { readonly price: string; readonly effective: string };
  readonly tell: (reason: ProblemReason, line: number, column: string, problem: string) => void;
}

export interface Change {
  /** Micro-units, of a message of so many segments. */
  readonly before: number;
  readonly after: number;
  readonly segments: number;
}

/** Of a price for messages, so that one for a segment and one for a message can be compared. */
const LONG_SEGMENTS = 3;

/**
 * What one segment cost and will cost. With tiers, where in the month the two are farthest apart: a
 * price that rises for large accounts alone is no small change. Where a price for a segment becomes
 * one for a message, or back, a message of three segments is measured too.
 */
export function largestOf(terms: Terms, before: number, after: number): Change {
  const changeAt = (from: number, segments: number): Change => ({
    before: terms.segmentMicros(before, from, segments),
    after: terms.segmentMicros(after, from, segments),
    segments,
  });
  const isOtherUnit = terms.core(before).unit !== terms.core(after).unit;
  let largest = changeAt(0, 1);
  for (const segments of isOtherUnit ? [1, LONG_SEGMENTS] : [1]) {
    for (const core of [before, after]) {
      for (const { from } of terms.places(core)) {
        const change = changeAt(from, segments);
        if (partOf(change) > partOf(largest)) largest = change;
      }
    }
  }
  return largest;
}

/** Of the price before; Infinity: from 0 to something. */
function partOf({ before, after }: Change): number {
  return before === after ? 0 : Math.abs(after - before) / before;
}

export function checkPast(first: Step, line: number, options: CheckOptions): void {
  if (first.fromMs >= options.nowMs || options.allowRetroactive) return;
  const when = first.fromMs === 0 ? "from the beginning" : new Date(first.fromMs).toISOString();
  const problem = `changes the past (${when}): --allow-retroactive if that is meant`;
  options.tell("retroactive", line, options.columns.effective, problem);
}

/** True: it jumps, and has been told. `row` of `of` is where the step is. */
export function openJumpCheck(terms: Terms, old: Side, options: CheckOptions) {
  return (of: Side, row: number, step: Step, line: number): boolean => {
    if (step.after < 0 || options.changePercentMax === Number.POSITIVE_INFINITY) return false;
    let core = step.before;
    let whose = "";
    if (core < 0) {
      const found = rowBefore(old, of, row, step.fromMs);
      if (found < 0) return false;
      core = old.periodOf(found).core;
      whose = ` (${matchText(old.rows, found)})`;
    }
    const change = largestOf(terms, core, step.after);
    const percent = partOf(change) * 100;
    if (percent <= options.changePercentMax) return false;
    const how = change.before === 0 ? "from 0" : `by ${percent.toFixed(1)} %`;
    const long = change.segments === 1 ? "" : ` for ${change.segments} segments`;
    const [was, will] = [formatMicros(change.before), formatMicros(change.after)];
    const problem = `changes ${was}${whose} ${how} to ${will}${long}: more than --max-change`;
    options.tell("jump", step.line || line, options.columns.price, problem);
    return true;
  };
}
