/**
 * Terms while decks are compared: numbers for what they cost, and the table of those that result.
 *
 * A `core` is terms without their times. A deck has few, rows have many: all work on rows is with
 * numbers.
 */
import type { RateTerms } from "../../../workers/source.js";

export interface Terms {
  /** Number of each of `terms`, by its index. */
  coresOf(terms: readonly RateTerms[]): Int32Array;
  core(number: number): RateTerms;
  /**
   * What a message of `segments` (1) costs by it, in micro-units, to an account that has had so many
   * in the month: the measure of a change. All segments at the price of the first.
   */
  segmentMicros(core: number, segmentsBefore?: number, segments?: number): number;
  /** Segments of the month at which that may change: 0, and the steps of tiers. */
  places(core: number): readonly { readonly from: number }[];
  /** Index into `all` of these terms in this time. `toMs` Infinity: no end. */
  indexOf(core: number, fromMs: number, toMs: number): number;
  readonly all: readonly RateTerms[];
}

export function openTerms(): Terms {
  const cores: RateTerms[] = [];
  const numbers = new Map<string, number>();
  const segments: (readonly Place[])[] = [];
  const all: RateTerms[] = [];
  /** By core, then by beginning, then by end: keys of text would cost more than all the rest. */
  const indices: Map<number, Map<number, number>>[] = [];

  function coreOf(terms: RateTerms): number {
    const timeless = { ...terms, effectiveFromMs: 0, effectiveToMs: 0 };
    const key = keyOf(timeless);
    let number = numbers.get(key);
    if (number === undefined) {
      number = cores.push(timeless) - 1;
      segments.push(placesOf(timeless));
      numbers.set(key, number);
    }
    return number;
  }

  return {
    coresOf: (terms) => Int32Array.from(terms, coreOf),
    core: (number) => cores[number]!,
    segmentMicros(number, segmentsBefore = 0, count = 1) {
      const places = segments[number]!;
      const place = places.findLast(({ from }) => from <= segmentsBefore) ?? places[0]!;
      return messageMicros(cores[number]!, place.priceMicros, count);
    },
    places: (number) => segments[number]!,
    indexOf(core, fromMs, toMs) {
      indices[core] ??= new Map();
      let byEnd = indices[core].get(fromMs);
      if (byEnd === undefined) {
        byEnd = new Map();
        indices[core].set(fromMs, byEnd);
      }
      let index = byEnd.get(toMs);
      if (index === undefined) {
        const effectiveToMs = toMs === Number.POSITIVE_INFINITY ? 0 : toMs;
        index = all.push({ ...cores[core]!, effectiveFromMs: fromMs, effectiveToMs }) - 1;
        byEnd.set(toMs, index);
      }
      return index;
    },
    all,
  };
}

/** Fields in one order, whatever the order in which they were written. */
function keyOf(terms: RateTerms): string {
  const { tiers } = terms;
  return JSON.stringify([
    terms.senderKind,
    terms.trafficClass,
    terms.unit,
    terms.priceMicros,
    terms.increment,
    terms.messageFeeMicros,
    terms.segmentFeeMicros,
    terms.minimumMicros,
    terms.chargeBasis,
    terms.rounding,
    terms.decimals,
    tiers === undefined
      ? 0
      : [tiers.mode, tiers.steps.map((step) => [step.from, step.priceMicros])],
  ]);
}

interface Place {
  readonly from: number;
  readonly priceMicros: number;
}

function placesOf(terms: RateTerms): readonly Place[] {
  return terms.tiers?.steps ?? [{ from: 0, priceMicros: terms.priceMicros }];
}

/** As workers/rating.ts adds it up, but not rounded: half of a small change would be rounding. */
function messageMicros(terms: RateTerms, priceMicros: number, segments: number): number {
  const units = terms.unit === "message" ? 1 : segments;
  const unitsMicros = Math.ceil(units / terms.increment) * terms.increment * priceMicros;
  const sumMicros = unitsMicros + terms.messageFeeMicros + segments * terms.segmentFeeMicros;
  return Math.max(terms.minimumMicros, sumMicros);
}
