/**
 * Money, the slow way: whole numbers without bound, quotients never computed but compared.
 */
import assert from "node:assert";
import {
  type ExchangeRateRow,
  type RateTerms,
  ROUNDING,
  TIERS,
  type TierScheme,
} from "../../workers/source.js";

/** `numerator / denominator`; the denominator is above 0. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export function whole(value: number | bigint): Fraction {
  return { numerator: BigInt(value), denominator: 1n };
}

export function times(one: Fraction, other: Fraction): Fraction {
  return {
    numerator: one.numerator * other.numerator,
    denominator: one.denominator * other.denominator,
  };
}

/** Below, at or above 0 as `one` is less than, equal to or more than `other`. */
export function compare(one: Fraction, other: Fraction): -1 | 0 | 1 {
  const left = one.numerator * other.denominator;
  const right = other.numerator * one.denominator;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Up: away from zero; middle: half away from zero; down: cut off. Amounts are never negative. */
export function roundTo(micros: bigint, rounding: number, decimals: number): bigint {
  const step = 10n ** BigInt(6 - decimals);
  const rest = micros % step;
  const down = micros - rest;
  if (rest === 0n || rounding === ROUNDING.down) return down;
  if (rounding === ROUNDING.up) return down + step;
  assert(rounding === ROUNDING.middle);
  return rest * 2n >= step ? down + step : down;
}

/** Units that are billed: segments, or the message as one, up to a multiple of the increment. */
export function unitsOf({ unit, increment }: RateTerms, segments: number): bigint {
  const units = unit === "segment" ? segments : 1;
  return BigInt(Math.ceil(units / increment) * increment);
}

/** What a message of so many segments costs by a row without tiers. */
export function amountOf(terms: RateTerms, segments: number): bigint {
  return finish(terms, segments, unitsOf(terms, segments) * BigInt(terms.priceMicros));
}

/** Fees on top of what the units cost, at least the minimum, rounded. */
function finish(terms: RateTerms, segments: number, unitsMicros: bigint): bigint {
  const fees = BigInt(terms.messageFeeMicros) + BigInt(segments) * BigInt(terms.segmentFeeMicros);
  const minimum = BigInt(terms.minimumMicros);
  const sum = unitsMicros + fees;
  return roundTo(sum > minimum ? sum : minimum, terms.rounding, terms.decimals);
}

/** The same by a row with tiers, when the account has had `before` segments in the month. */
export function tierAmountOf(terms: RateTerms, before: bigint, segments: number): bigint {
  const { tiers } = terms;
  assert(tiers !== undefined);
  const units = unitsOf(terms, segments);
  let micros = 0n;
  for (let unit = 0n; unit < units; unit += 1n) {
    const place = tiers.mode === TIERS.graduated ? before + unit : before;
    micros += BigInt(stepOf(tiers, place));
  }
  return finish(terms, segments, micros);
}

function stepOf({ steps }: TierScheme, place: bigint): number {
  let price = steps[0]!.priceMicros;
  for (const step of steps) if (BigInt(step.from) <= place) price = step.priceMicros;
  return price;
}

/** What one unit of a currency was worth at a time; undefined: nothing says. */
export function rateAt(
  rates: readonly ExchangeRateRow[],
  currency: string,
  atMs: number,
): bigint | undefined {
  let best: ExchangeRateRow | undefined;
  for (const row of rates) {
    if (row.currency !== currency || row.effectiveFromMs > atMs) continue;
    if (best === undefined || row.effectiveFromMs > best.effectiveFromMs) best = row;
  }
  return best === undefined ? undefined : BigInt(best.rateNanos);
}
