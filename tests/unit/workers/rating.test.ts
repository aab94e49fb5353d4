/**
 * Goal: what a message costs under every kind of terms.
 * Method: amounts calculated by hand, in micro-units.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  amountOf,
  basisOf,
  boundOf,
  encodeTerms,
  isTiered,
  tierAmount,
} from "../../../workers/rating.js";
import { type RateTerms, ROUNDING, TIERS } from "../../../workers/source.js";
import { TERMS } from "./kit.js";

const rating = suite("rating");

function amount(terms: Partial<RateTerms>, segments: number): number {
  return amountOf(encodeTerms([{ ...TERMS, ...terms }]), 0, segments);
}

const cases: readonly (readonly [string, Partial<RateTerms>, number, number])[] = [
  ["a segment costs the price", { priceMicros: 36_500 }, 1, 36_500],
  ["three segments cost three times the price", { priceMicros: 36_500 }, 3, 109_500],
  ["a rate by message counts one", { priceMicros: 36_500, unit: "message" }, 3, 36_500],
  ["units go up to a multiple of the increment", { priceMicros: 100, increment: 4 }, 5, 800],
  ["and stay where they are one", { priceMicros: 100, increment: 4 }, 8, 800],
  [
    "one message is rounded up to the increment, too",
    { priceMicros: 100, increment: 2, unit: "message" },
    5,
    200,
  ],
  ["the fee comes once", { priceMicros: 100, messageFeeMicros: 7 }, 3, 307],
  ["the segment fee for each segment", { priceMicros: 100, segmentFeeMicros: 7 }, 3, 321],
  [
    "also where the unit is the message",
    { priceMicros: 100, segmentFeeMicros: 7, unit: "message" },
    3,
    121,
  ],
  ["it is at least the minimum", { priceMicros: 100, minimumMicros: 250 }, 2, 250],
  [
    "fees count towards the minimum",
    { priceMicros: 100, messageFeeMicros: 60, minimumMicros: 250 },
    2,
    260,
  ],
  ["up: to the next step", { priceMicros: 12_301, decimals: 4, rounding: ROUNDING.up }, 1, 12_400],
  ["up: what is on a step stays", { priceMicros: 12_300, decimals: 4 }, 1, 12_300],
  ["down", { priceMicros: 12_399, decimals: 4, rounding: ROUNDING.down }, 1, 12_300],
  [
    "middle: below half",
    { priceMicros: 12_349, decimals: 4, rounding: ROUNDING.middle },
    1,
    12_300,
  ],
  [
    "middle: half goes up",
    { priceMicros: 12_350, decimals: 4, rounding: ROUNDING.middle },
    1,
    12_400,
  ],
  ["whole units", { priceMicros: 1, decimals: 0 }, 1, 1_000_000],
  ["the message is rounded, not the segment", { priceMicros: 12_301, decimals: 4 }, 3, 37_000],
  ["the minimum is rounded, too", { minimumMicros: 12_301, decimals: 4 }, 1, 12_400],
  ["nothing costs nothing", { priceMicros: 0 }, 12, 0],
];
for (const [name, terms, segments, micros] of cases) {
  rating(`${name}: ${micros}`, () => {
    assert.is(amount(terms, segments), micros);
  });
}

const steps = [
  { from: 0, priceMicros: 30_000 },
  { from: 1_000, priceMicros: 25_000 },
  { from: 1_002, priceMicros: 20_000 },
];

rating("graduated: each segment at the price of its place, across two steps", () => {
  const tables = { terms: encodeTerms([{ ...TERMS, tiers: { mode: TIERS.graduated, steps } }]) };
  assert.ok(isTiered(tables.terms, 0));
  assert.is(amountOf(tables.terms, 0, 2), 60_000);
  assert.is(tierAmount(tables, 0, 0, 2), 60_000);
  // Segments 1,000 and 1,001 to 1,002, of which the first is still at the first price.
  assert.is(tierAmount(tables, 0, 999, 1), 30_000);
  assert.is(tierAmount(tables, 0, 999, 2), 55_000);
  assert.is(tierAmount(tables, 0, 999, 5), 30_000 + 2 * 25_000 + 2 * 20_000);
  assert.is(tierAmount(tables, 0, 5_000_000, 3), 60_000);
});

rating("whole-volume: all segments of a message at the price of its first", () => {
  const tables = { terms: encodeTerms([{ ...TERMS, tiers: { mode: TIERS.volume, steps } }]) };
  assert.is(tierAmount(tables, 0, 999, 5), 150_000);
  assert.is(tierAmount(tables, 0, 1_000, 5), 125_000);
  assert.is(tierAmount(tables, 0, 1_002, 5), 100_000);
});

rating("tiers replace the price; fees, minimum and rounding stay", () => {
  const rate = { ...TERMS, messageFeeMicros: 1, segmentFeeMicros: 10, decimals: 4 };
  const tables = { terms: encodeTerms([{ ...rate, tiers: { mode: TIERS.graduated, steps } }]) };
  // 30,000 + 25,000 + 1 + 20, up to a multiple of 100.
  assert.is(tierAmount(tables, 0, 999, 2), 55_100);
});

rating("an untiered rate does not ask what was before", () => {
  const tables = { terms: encodeTerms([{ ...TERMS, priceMicros: 7 }]) };
  assert.not(isTiered(tables.terms, 0));
  assert.is(tierAmount(tables, 0, 10 ** 9, 3), 21);
});

rating("rates keep to their own numbers, and name their charge basis", () => {
  const tiers = { mode: TIERS.volume, steps };
  const terms = encodeTerms([
    { ...TERMS, priceMicros: 5, chargeBasis: 2 },
    { ...TERMS, tiers },
    { ...TERMS, priceMicros: 7, minimumMicros: 8, chargeBasis: 1 },
    { ...TERMS, tiers: { ...tiers, steps: [{ from: 0, priceMicros: 9 }] } },
  ]);
  assert.equal(
    [0, 1, 2, 3].map((index) => amountOf(terms, index, 1)),
    [5, 30_000, 8, 9],
  );
  assert.equal(
    [0, 1, 2].map((index) => basisOf(terms, index)),
    [2, 0, 1],
  );
});

rating("an amount that is not exact trips an assertion", () => {
  assert.throws(() => amount({ priceMicros: 2 ** 53 - 1, messageFeeMicros: 1 }, 1), /money/);
  assert.throws(() => amount({ priceMicros: 2 ** 52 }, 3), /money/);
});

rating("the bounds of a tiered price are those of its steps, fees and minimum included", () => {
  const steps = [
    { from: 0, priceMicros: 30_000 },
    { from: 10, priceMicros: 45_000 },
    { from: 20, priceMicros: 20_000 },
  ];
  const tiered = { ...TERMS, messageFeeMicros: 7, tiers: { mode: TIERS.graduated, steps } };
  const terms = encodeTerms([tiered, { ...TERMS, priceMicros: 500 }]);
  assert.equal([boundOf(terms, 0, 2, false), boundOf(terms, 0, 2, true)], [40_007, 90_007]);
  assert.equal([boundOf(terms, 1, 3, false), boundOf(terms, 1, 3, true)], [1_500, 1_500]);
  for (let before = 0; before < 30; before += 1) {
    const amountMicros = tierAmount({ terms }, 0, before, 3);
    assert.ok(amountMicros >= boundOf(terms, 0, 3, false));
    assert.ok(amountMicros <= boundOf(terms, 0, 3, true));
  }
});

rating.run();
