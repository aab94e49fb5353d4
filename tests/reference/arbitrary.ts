/**
 * Arbitrary: random table sets and messages for properties, small and dense, so that rows collide,
 * nest and contradict each other as often as they can.
 */
import fc from "fast-check";
import { type RateTerms, ROUNDING, TIERS, type TierScheme } from "../../workers/source.js";

/** The time that messages are accepted around; rates begin and end a few steps from it. */
export const NOON_MS = Date.UTC(2026, 10, 24, 12);
const STEP_MS = 3_600_000;
const boundary = fc.integer({ min: -2, max: 2 }).map((steps) => NOON_MS + steps * STEP_MS);
export const anyTimeMs = fc.oneof(
  boundary,
  boundary.map((atMs) => atMs - 1),
  fc.integer({ min: NOON_MS - 3 * STEP_MS, max: NOON_MS + 3 * STEP_MS }),
);

const price = fc.oneof(
  fc.nat({ max: 99 }).map((step) => step * 1_000),
  fc.nat({ max: 90_000 }),
);
const fee = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 20_000 }));
const window = fc
  .tuple(fc.option(boundary, { nil: 0 }), fc.option(boundary, { nil: 0 }))
  .map(([one, other]) =>
    one !== 0 && other !== 0 && one >= other ? [other, one + STEP_MS] : [one, other],
  );

export const anyTerms: fc.Arbitrary<RateTerms> = fc
  .record({
    window,
    senderKind: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 })),
    trafficClass: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      fc.integer({ min: 1, max: 3 }),
    ),
    unit: fc.constantFrom("segment" as const, "segment" as const, "message" as const),
    priceMicros: price,
    increment: fc.constantFrom(1, 1, 1, 2, 3, 5),
    messageFeeMicros: fee,
    segmentFeeMicros: fee,
    minimumMicros: fee,
    chargeBasis: fc.constantFrom(0, 0, 1, 2),
    rounding: fc.constantFrom(...Object.values(ROUNDING)),
    decimals: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ window: [effectiveFromMs, effectiveToMs], ...rest }) => ({
    effectiveFromMs: effectiveFromMs!,
    effectiveToMs: effectiveToMs!,
    ...rest,
  }));

export const anyTiers: fc.Arbitrary<TierScheme> = fc
  .tuple(
    fc.constantFrom(TIERS.graduated, TIERS.volume),
    fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 4 }),
    fc.array(price, { minLength: 5, maxLength: 5 }),
  )
  .map(([mode, froms, prices]) => ({
    mode,
    steps: [0, ...froms.sort((a, b) => a - b)].map((from, index) => ({
      from,
      priceMicros: prices[index]!,
    })),
  }));
