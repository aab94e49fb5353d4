/** Goal: amounts are read from and written as decimal texts exactly, or not at all. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatMicros, parseMicros } from "../../../core/money.js";

const money = suite("money");

const parsed: readonly (readonly [string, number | undefined])[] = [
  ["0.0312", 31_200],
  ["12", 12_000_000],
  ["-0.5", -500_000],
  ["0.000001", 1],
  ["-0", 0],
  ["0.29", 290_000],
  ["9007199254.740991", Number.MAX_SAFE_INTEGER],
  ["9007199254.740992", undefined],
  ["0.0000001", undefined],
  ["0.0312000", undefined],
  ["1,5", undefined],
  ["1e3", undefined],
  [".5", undefined],
  ["5.", undefined],
  ["", undefined],
  [" 1", undefined],
  ["NaN", undefined],
];
for (const [text, micros] of parsed) {
  money(`reads "${text}" as ${micros ?? "nothing"}`, () => {
    // `Object.is`, since zero must have no sign.
    assert.ok(Object.is(parseMicros(text), micros));
  });
}

const written: readonly (readonly [number | bigint, string])[] = [
  [31_200, "0.0312"],
  [12_000_000, "12.00"],
  [-500_000, "-0.50"],
  [1n, "0.000001"],
  [0, "0.00"],
  [2n ** 63n - 1n, "9223372036854.775807"],
];
for (const [micros, text] of written) {
  money(`writes ${micros} as ${text}`, () => {
    assert.is(formatMicros(micros), text);
  });
}

money("an amount that is not exact trips an assertion", () => {
  assert.throws(() => formatMicros(0.5), /inexact money/);
});

money.run();
