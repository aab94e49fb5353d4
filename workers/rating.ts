/**
 * Rating: what a message is sold for. Pure; whole micro-units only, never a fraction.
 *
 * A price below what the carrier costs is allowed for now: nothing here compares the two, because
 * they may be in different currencies. REASON.BELOW_COST waits for a margin rule with exchange rates.
 */
import assert from "node:assert";
import { longestPrefix } from "./prefixes.js";
import type { Tables } from "./tables.js";

/** Result of `segmentPrice` where the plan has no price for the number. */
export const NO_PRICE = -1;

/**
 * The plan's price of one segment to the number with the digits `digits[at, end)`, in micro-units
 * of the plan's currency: that of the longest prefix that the plan has. NO_PRICE if it has none.
 * @param plan index, as `planIndex` gives it; -1 (no such plan) has no price.
 */
export function segmentPrice(
  tables: Tables,
  plan: number,
  digits: Uint8Array,
  at: number,
  end: number,
): number {
  if (plan < 0) return NO_PRICE;
  const value = longestPrefix(tables.nodes, tables.planRoots[plan]!, digits, at, end);
  return value === 0 ? NO_PRICE : tables.prices[value - 1]!;
}

/** What `segments` segments cost at `segmentMicros` each. Trips an assertion rather than round. */
export function amountOf(segmentMicros: number, segments: number): number {
  const amountMicros = segmentMicros * segments;
  assert(Number.isSafeInteger(amountMicros) && amountMicros >= 0, "money overflow");
  return amountMicros;
}
