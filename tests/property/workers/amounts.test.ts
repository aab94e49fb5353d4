/**
 * Goal: what a message costs is exact: units, fees, minimum, rounding and tiers.
 * Method: arithmetic of unbounded whole numbers as reference, tiers unit by unit; rounding against
 * its definition as a fraction, so that a fault shared with the reference would show.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SEGMENTS_MAX } from "../../../core/limits.js";
import { amountOf, encodeTerms, isTiered, tierAmountOf } from "../../../workers/rating.js";
import { type RateTerms, ROUNDING, TIERS } from "../../../workers/source.js";
import { anyTerms, anyTiers } from "../../reference/arbitrary.js";
import * as reference from "../../reference/money.js";

const amounts = suite("amounts");
const segments = fc.integer({ min: 1, max: SEGMENTS_MAX });
const tiered: fc.Arbitrary<RateTerms> = fc
  .tuple(anyTerms, anyTiers)
  .map(([terms, tiers]) => ({ ...terms, tiers }));
/** Around steps, where one off shows, and far beyond them. */
const before = fc.oneof(fc.nat({ max: 120 }), fc.nat({ max: 2 ** 40 }));

amounts("a rate without tiers costs what exact arithmetic says", () => {
  fc.assert(
    fc.property(fc.array(anyTerms, { minLength: 1, maxLength: 6 }), segments, (rates, count) => {
      const terms = encodeTerms(rates);
      for (const [index, rate] of rates.entries()) {
        const expected = reference.amountOf(rate, count);
        assert.is(BigInt(amountOf(terms, index, count)), expected);
        assert.is(BigInt(tierAmountOf(terms, index, 1_000, count)), expected);
        assert.is(isTiered(terms, index), false);
      }
    }),
    { numRuns: 2_000 },
  );
});

amounts("tiers count each unit at its place, or all of a message at that of its first", () => {
  fc.assert(
    fc.property(
      fc.array(tiered, { minLength: 1, maxLength: 4 }),
      before,
      segments,
      (rates, place, count) => {
        const terms = encodeTerms(rates);
        for (const [index, rate] of rates.entries()) {
          const expected = reference.tierAmountOf(rate, BigInt(place), count);
          assert.is(BigInt(tierAmountOf(terms, index, place, count)), expected);
          assert.is(BigInt(amountOf(terms, index, count)), reference.tierAmountOf(rate, 0n, count));
          assert.is(isTiered(terms, index), true);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

amounts("a graduated month costs the same however it is cut into messages", () => {
  const plain = fc.tuple(anyTiers, fc.array(segments, { minLength: 1, maxLength: 30 }));
  fc.assert(
    fc.property(plain, ([{ steps }, counts]) => {
      const rate: RateTerms = {
        effectiveFromMs: 0,
        effectiveToMs: 0,
        senderKind: 0,
        trafficClass: 0,
        unit: "segment",
        priceMicros: 0,
        increment: 1,
        messageFeeMicros: 0,
        segmentFeeMicros: 0,
        minimumMicros: 0,
        chargeBasis: 0,
        rounding: ROUNDING.up,
        decimals: 6,
        tiers: { mode: TIERS.graduated, steps },
      };
      const terms = encodeTerms([rate]);
      let place = 0;
      let sum = 0;
      for (const count of counts) {
        sum += tierAmountOf(terms, 0, place, count);
        place += count;
      }
      let expected = 0;
      for (let one = 0; one < place; one += 1) {
        expected += steps.filter(({ from }) => from <= one).at(-1)!.priceMicros;
      }
      assert.is(sum, expected);
    }),
    { numRuns: 1_000 },
  );
});

amounts("rounding gives the multiple that its definition as a fraction names", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 10 ** 12 }),
      fc.integer({ min: 0, max: 6 }),
      fc.constantFrom(...Object.values(ROUNDING)),
      (micros, decimals, rounding) => {
        const rounded = amountOf(encodeTerms([roundedOnly(micros, rounding, decimals)]), 0, 1);
        const step = 10 ** (6 - decimals);
        assert.is(rounded % step, 0, "a multiple of the last decimal");
        const change = rounded - micros;
        assert.ok(Math.abs(change) < step, "to a neighbour");
        if (micros % step === 0) assert.is(change, 0);
        else if (rounding === ROUNDING.up) assert.ok(change > 0);
        else if (rounding === ROUNDING.down) assert.ok(change < 0);
        else assert.ok(2 * change <= step && 2 * change > -step, "halves go up");
      },
    ),
    { numRuns: 3_000 },
  );
});

function roundedOnly(priceMicros: number, rounding: number, decimals: number): RateTerms {
  return {
    effectiveFromMs: 0,
    effectiveToMs: 0,
    senderKind: 0,
    trafficClass: 0,
    unit: "message",
    priceMicros,
    increment: 1,
    messageFeeMicros: 0,
    segmentFeeMicros: 0,
    minimumMicros: 0,
    chargeBasis: 0,
    rounding,
    decimals,
  };
}

amounts.run();
