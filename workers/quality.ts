/**
 * Quality: how well carriers deliver to a country, as points to order them by.
 */
import { SCORE_NONE } from "./choice.js";

/** A p95 of this or more costs as much as not delivering one message in five. */
const P95_MS_MAX = 60_000;
const P95_MS_PER_POINT = 30;

/**
 * Points of a carrier in a country: the rate of delivery in 1/10000, less one for each 30 ms of the
 * 95th percentile up to a minute. SCORE_NONE: nothing is known.
 * @param quality as in RouteTask.
 * @param countries how many the tables have; `country` is an index among them, -1: none of them.
 */
export function scoreOf(
  quality: Int32Array | undefined,
  countries: number,
  carrier: number,
  country: number,
): number {
  if (quality === undefined || country < 0) return SCORE_NONE;
  const at = 2 * (carrier * countries + country);
  const rate = quality[at];
  if (rate === undefined || rate < 0) return SCORE_NONE;
  const p95Ms = Math.min(Math.max(quality[at + 1]!, 0), P95_MS_MAX);
  return rate - Math.floor(p95Ms / P95_MS_PER_POINT);
}

/**
 * Points of a carrier of which nothing is known, among those of a list: the mean of the others. So
 * it is tried before the worse half, and becomes known.
 */
export function middlingScore(
  quality: Int32Array | undefined,
  countries: number,
  carriers: Int32Array,
  country: number,
): number {
  let sum = 0;
  let known = 0;
  for (let index = 0; index < carriers.length; index += 1) {
    const score = scoreOf(quality, countries, carriers[index]!, country);
    if (score === SCORE_NONE) continue;
    sum += score;
    known += 1;
  }
  return known === 0 ? 0 : Math.floor(sum / known);
}
