/**
 * Rating: what a message costs under the terms of a rate. Pure; whole micro-units only.
 *
 * In this order: units (segments, or 1 for a message) rounded up to a multiple of the increment;
 * units * price; plus the fee of the message; plus the fee of each segment; at least the minimum;
 * rounded to so many decimals of the currency. Sell decks and buy decks alike.
 *
 * Most rates are a price for a segment and nothing else. These prices lie by themselves, so that the
 * twenty that a message meets come from the cache; what else a rate says fills one line of it.
 * CGRateS names where they exist: price Rate, increment RateIncrement, message fee ConnectFee,
 * rounding RoundingMethod and RoundingDecimals.
 */
import assert from "node:assert";
import { SEGMENT_MICROS_MAX } from "../core/limits.js";
import { type RateTerms, ROUNDING, TIERS } from "./source.js";

/**
 * Rates by index. `words` has, for each, its price if that is all there is to it (else NOT_PLAIN);
 * and after these of all, for each, TERM_WORDS numbers in the places of TERM.
 */
export interface Terms {
  readonly words: Float64Array;
  /** Steps of the tiered ones: how many, then `from` and price of each. */
  readonly tiers: Float64Array;
  /** Of each its charge basis, and IS_TIERED: what every message asks comes from few lines. */
  readonly forms: Uint8Array;
}

/** The rate is more than a price for a segment. */
export const NOT_PLAIN = -1;
const TERM_WORDS = 8;
/** Places of one rate's numbers. */
const TERM = {
  priceMicros: 0,
  messageFeeMicros: 1,
  segmentFeeMicros: 2,
  minimumMicros: 3,
  /** Units are billed in multiples of it. */
  increment: 4,
  /** Rounded to a multiple of so many micro-units (10^(6 - decimals)). */
  roundMicros: 5,
  /** Bits: FORM. */
  form: 6,
  /** Place in `tiers`; -1: no tiers. */
  tiersAt: 7,
} as const;
/** Bits of TERM.form: unit is the message, charge basis, rounding, tier mode. */
const FORM_MESSAGE = 1;
const FORM_BASIS_SHIFT = 1;
const FORM_ROUNDING_SHIFT = 3;
const FORM_TIERS_SHIFT = 5;
const FORM_PAIR = 3;
/** Bit of Terms.forms above the charge basis. */
const IS_TIERED = 4;

/** Rows of a deck are many and terms few: equal ones are to be given once. */
export function encodeTerms(rates: readonly RateTerms[]): Terms {
  const words = new Float64Array(rates.length * (1 + TERM_WORDS));
  const tiers: number[] = [];
  for (const [index, rate] of rates.entries()) {
    const at = placeOf(words, index);
    words[index] = isPlain(rate) ? rate.priceMicros : NOT_PLAIN;
    words[at + TERM.priceMicros] = rate.tiers?.steps[0]?.priceMicros ?? rate.priceMicros;
    words[at + TERM.messageFeeMicros] = rate.messageFeeMicros;
    words[at + TERM.segmentFeeMicros] = rate.segmentFeeMicros;
    words[at + TERM.minimumMicros] = rate.minimumMicros;
    words[at + TERM.increment] = rate.increment;
    words[at + TERM.roundMicros] = 10 ** (6 - rate.decimals);
    words[at + TERM.form] =
      (rate.unit === "message" ? FORM_MESSAGE : 0) |
      (rate.chargeBasis << FORM_BASIS_SHIFT) |
      (rate.rounding << FORM_ROUNDING_SHIFT) |
      ((rate.tiers?.mode ?? 0) << FORM_TIERS_SHIFT);
    words[at + TERM.tiersAt] = rate.tiers === undefined ? -1 : tiers.length;
    if (rate.tiers === undefined) continue;
    tiers.push(rate.tiers.steps.length);
    for (const { from, priceMicros } of rate.tiers.steps) tiers.push(from, priceMicros);
  }
  return openTerms(words, Float64Array.from(tiers));
}

/** Rates as an image has them. */
export function openTerms(words: Float64Array, tiers: Float64Array): Terms {
  const forms = new Uint8Array(words.length / (1 + TERM_WORDS));
  for (let index = 0; index < forms.length; index += 1) {
    const at = placeOf(words, index);
    const basis = (words[at + TERM.form]! >>> FORM_BASIS_SHIFT) & FORM_PAIR;
    forms[index] = basis | (words[at + TERM.tiersAt]! < 0 ? 0 : IS_TIERED);
  }
  return { words, tiers, forms };
}

/** Where the numbers of a rate begin. */
function placeOf(words: Float64Array, index: number): number {
  return ((words.length / (1 + TERM_WORDS)) | 0) + index * TERM_WORDS;
}

/** Whose products are exact, too. */
function isPlain(rate: RateTerms): boolean {
  const { messageFeeMicros, segmentFeeMicros, minimumMicros } = rate;
  return (
    rate.unit === "segment" &&
    rate.tiers === undefined &&
    rate.increment === 1 &&
    rate.decimals === 6 &&
    messageFeeMicros + segmentFeeMicros + minimumMicros === 0 &&
    rate.priceMicros <= SEGMENT_MICROS_MAX
  );
}

/**
 * What a message of `segments` segments costs under rate `index`; a tiered one at the price of an
 * account's first segments of the month. Trips an assertion rather than be inexact.
 */
export function amountOf(terms: Terms, index: number, segments: number): number {
  const { words } = terms;
  const plainMicros = words[index]!;
  if (plainMicros !== NOT_PLAIN) return segments * plainMicros;
  const at = placeOf(words, index);
  if (words[at + TERM.tiersAt]! >= 0) return tierAmountOf(terms, index, 0, segments);
  const units = unitsOf(words, at, segments);
  return finish(words, at, units * words[at + TERM.priceMicros]!, segments);
}

/**
 * What a message of `segments` segments costs under rate `index` where the account has had
 * `segmentsBefore` segments in the month. Graduated: each unit at the price of its own place;
 * whole-volume: all at that of the first. An untiered rate costs what `amountOf` says.
 */
export function tierAmountOf(
  terms: Terms,
  index: number,
  segmentsBefore: number,
  segments: number,
): number {
  const { words, tiers } = terms;
  const at = placeOf(words, index);
  const tiersAt = words[at + TERM.tiersAt]!;
  if (tiersAt < 0) return amountOf(terms, index, segments);
  const units = unitsOf(words, at, segments);
  const graduated = modeOf(words, at) === TIERS.graduated;
  let amountMicros = 0;
  let place = segmentsBefore;
  let rest = units;
  const last = tiersAt + 1 + 2 * (tiers[tiersAt]! - 1);
  for (let step = tiersAt + 1; step <= last && rest > 0; step += 2) {
    const to = step === last ? Number.POSITIVE_INFINITY : tiers[step + 2]!;
    if (place >= to) continue;
    const here = graduated ? Math.min(rest, to - place) : rest;
    amountMicros += here * tiers[step + 1]!;
    place += here;
    rest -= here;
  }
  return finish(words, at, amountMicros, segments);
}

/**
 * Between what a message may cost, whatever the account has had: all of it at the lowest or at the
 * highest price of the rate's steps. Of an untiered rate both are what `amountOf` says.
 */
export function boundOf(terms: Terms, index: number, segments: number, highest: boolean): number {
  const { words, tiers } = terms;
  if (words[index]! !== NOT_PLAIN) return segments * words[index]!;
  const at = placeOf(words, index);
  const tiersAt = words[at + TERM.tiersAt]!;
  if (tiersAt < 0) return amountOf(terms, index, segments);
  const last = tiersAt + 1 + 2 * (tiers[tiersAt]! - 1);
  let priceMicros = tiers[tiersAt + 2]!;
  for (let step = tiersAt + 3; step <= last; step += 2) {
    const own = tiers[step + 1]!;
    if (highest ? own > priceMicros : own < priceMicros) priceMicros = own;
  }
  return finish(words, at, unitsOf(words, at, segments) * priceMicros, segments);
}

/** `tierAmountOf` with the rates of a table set, as INDEX.tier - 1 names them. */
export function tierAmount(
  tables: { readonly terms: Terms },
  index: number,
  segmentsBefore: number,
  segments: number,
): number {
  return tierAmountOf(tables.terms, index, segmentsBefore, segments);
}

/** Whether the price depends on the account's segments of the month. */
export function isTiered(terms: Terms, index: number): boolean {
  return (terms.forms[index]! & IS_TIERED) !== 0;
}

/** floe.v1.ChargeBasis of the rate; 0: that of the plan. */
export function basisOf(terms: Terms, index: number): number {
  return terms.forms[index]! & FORM_PAIR;
}

function modeOf(words: Float64Array, at: number): number {
  return (words[at + TERM.form]! >>> FORM_TIERS_SHIFT) & FORM_PAIR;
}

function unitsOf(words: Float64Array, at: number, segments: number): number {
  const units = (words[at + TERM.form]! & FORM_MESSAGE) !== 0 ? 1 : segments;
  const increment = words[at + TERM.increment]!;
  return increment === 1 ? units : Math.ceil(units / increment) * increment;
}

/** Fees, minimum and rounding. */
function finish(words: Float64Array, at: number, unitsMicros: number, segments: number): number {
  const feesMicros =
    words[at + TERM.messageFeeMicros]! + segments * words[at + TERM.segmentFeeMicros]!;
  const sumMicros = Math.max(unitsMicros + feesMicros, words[at + TERM.minimumMicros]!);
  assert(Number.isSafeInteger(sumMicros) && sumMicros >= 0, "money overflow");
  const roundMicros = words[at + TERM.roundMicros]!;
  if (roundMicros === 1) return sumMicros;
  const over = sumMicros % roundMicros;
  if (over === 0) return sumMicros;
  const down = sumMicros - over;
  const rounding = (words[at + TERM.form]! >>> FORM_ROUNDING_SHIFT) & FORM_PAIR;
  if (rounding === ROUNDING.down) return down;
  return rounding === ROUNDING.middle && over * 2 < roundMicros ? down : down + roundMicros;
}
