/**
 * Goal: no message is sold below the margin that its rule sets, whatever currencies price and cost
 * are in, and none is refused that keeps it.
 * Method: one carrier, one plan, one rate each; costs around the limit, where one micro-unit
 * decides; the inequality in unbounded whole numbers.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REASON } from "../../../core/message.js";
import { compileTables } from "../../../workers/compile.js";
import type { TableSource } from "../../../workers/source.js";
import {
  ACCEPTED_AT_MS,
  deck,
  plan,
  requestFrame,
  requestTo,
  rule,
  runFrames,
  SOURCE,
  shared,
} from "../../unit/workers/kit.js";

const margins = suite("margins");

interface Case {
  readonly priceMicros: number;
  readonly segments: number;
  readonly marginMicros: number;
  readonly marginBasisPoints: number;
  readonly allowLoss: boolean;
  readonly sameCurrency: boolean;
  /** Worth of the plan's and the carrier's currency. */
  readonly soldNanos: number;
  readonly boughtNanos: number;
  /** How far the cost is from the highest that is allowed. */
  readonly off: number;
}

const nanos = fc.oneof(
  fc.integer({ min: 500_000_000, max: 2_000_000_000 }),
  fc.integer({ min: 1, max: 10 ** 15 }),
);
const cases: fc.Arbitrary<Case> = fc.record({
  priceMicros: fc.oneof(fc.nat({ max: 200_000 }), fc.nat({ max: 10 ** 12 })),
  segments: fc.integer({ min: 1, max: 12 }),
  marginMicros: fc.oneof(fc.constant(0), fc.nat({ max: 100_000 })),
  marginBasisPoints: fc.integer({ min: 0, max: 10_000 }),
  allowLoss: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  sameCurrency: fc.boolean(),
  soldNanos: nanos,
  boughtNanos: nanos,
  off: fc.integer({ min: -2, max: 2 }),
});

/** What price less margin is, of the whole message; the margin in percent is rounded up. */
function limitOf({ priceMicros, segments, marginMicros, marginBasisPoints }: Case): bigint {
  const price = BigInt(priceMicros) * BigInt(segments);
  const percent = (price * BigInt(marginBasisPoints) + 9_999n) / 10_000n;
  return price - (percent > BigInt(marginMicros) ? percent : BigInt(marginMicros));
}

/** A cost for one segment near the highest that keeps the margin; undefined: out of bounds. */
function costOf(one: Case): number | undefined {
  const limit = limitOf(one);
  const [sold, bought] = one.sameCurrency
    ? [1n, 1n]
    : [BigInt(one.soldNanos), BigInt(one.boughtNanos)];
  const cost = (limit * sold) / (bought * BigInt(one.segments)) + BigInt(one.off);
  return cost < 0n || cost > 10n ** 12n ? undefined : Number(cost);
}

function sourceOf(one: Case, costMicros: number): TableSource {
  const { marginMicros, marginBasisPoints, allowLoss } = one;
  return {
    ...SOURCE,
    carriers: [{ name: "alpha", languages: [] }],
    plans: [plan(1, "GBP")],
    decks: [
      deck({ carrier: "alpha" }, one.sameCurrency ? "GBP" : "USD", [
        { of: "", priceMicros: costMicros },
      ]),
      deck({ plan: 1 }, "GBP", [{ of: "", priceMicros: one.priceMicros }]),
    ],
    rules: [rule("only", "cost(*)", { marginMicros, marginBasisPoints, allowLoss })],
    exchangeRates: [
      { currency: "GBP", effectiveFromMs: 0, rateNanos: one.soldNanos },
      { currency: "USD", effectiveFromMs: 0, rateNanos: 1 },
      { currency: "USD", effectiveFromMs: ACCEPTED_AT_MS, rateNanos: one.boughtNanos },
      { currency: "USD", effectiveFromMs: ACCEPTED_AT_MS + 1, rateNanos: 1 },
    ],
  };
}

margins("a message is routed just when its price less its cost is the margin or more", () => {
  const seen = { routed: 0, below: 0 };
  fc.assert(
    fc.property(cases, (one) => {
      const costMicros = costOf(one);
      if (costMicros === undefined) return;
      const image = shared(compileTables(sourceOf(one, costMicros)));
      const text = one.segments === 1 ? "a" : "a".repeat(153 * one.segments);
      const record = requestTo("+447400123456", { body: { $case: "text", text } });
      const [verdict] = runFrames([requestFrame([record])], image).verdicts;
      const cost = BigInt(costMicros) * BigInt(one.segments);
      const kept = one.sameCurrency
        ? cost <= limitOf(one)
        : cost * BigInt(one.boughtNanos) <= limitOf(one) * BigInt(one.soldNanos);
      assert.is(verdict!.segments, one.segments);
      assert.is(verdict!.reason, kept || one.allowLoss ? REASON.NONE : REASON.BELOW_COST);
      if (verdict!.reason !== REASON.NONE) {
        seen.below += 1;
        return;
      }
      seen.routed += 1;
      assert.is(verdict!.costMicros, cost);
      assert.is(verdict!.costCurrency, one.sameCurrency ? "GBP" : "USD");
      assert.is(verdict!.priceMicros, BigInt(one.priceMicros) * BigInt(one.segments));
    }),
    { numRuns: 3_000, includeErrorInReport: true },
  );
  assert.ok(seen.routed > 500 && seen.below > 500, JSON.stringify(seen));
});

margins.run();
