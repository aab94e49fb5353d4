/**
 * Goal: amounts of two currencies compare exactly, by the rates of their time.
 * Method: unbounded whole numbers as reference; amounts and rates to their bounds, and pairs that
 * differ by the least there is, which fractions of 53 bits cannot tell apart.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { currencyCode } from "../../../workers/codes.js";
import {
  compareProducts,
  compileExchange,
  openExchange,
  rateAt,
} from "../../../workers/exchange.js";
import { anySource, anyTimeMs } from "../../reference/arbitrary.js";
import * as reference from "../../reference/money.js";

const exchange = suite("exchange rates");
const amount = fc.oneof(fc.nat({ max: 1_000_000 }), fc.maxSafeNat());
const rate = fc.oneof(
  fc.integer({ min: 1, max: 10 ** 15 }),
  fc.constantFrom(1, 999_999_999, 1_000_000_000, 10 ** 15 - 1, 10 ** 15),
);

function sign(value: number | bigint): number {
  return value < 0 ? -1 : value > 0 ? 1 : 0;
}

exchange("products compare as unbounded whole numbers do", () => {
  fc.assert(
    fc.property(amount, rate, amount, rate, (a, r, b, s) => {
      assert.is(
        sign(compareProducts(a, r, b, s)),
        sign(BigInt(a) * BigInt(r) - BigInt(b) * BigInt(s)),
      );
    }),
    { numRuns: 20_000 },
  );
});

exchange("neighbours of an equal worth are told apart", () => {
  fc.assert(
    fc.property(amount, rate, rate, fc.integer({ min: -1, max: 1 }), (a, r, s, off) => {
      const equal = (BigInt(a) * BigInt(r)) / BigInt(s) + BigInt(off);
      if (equal < 0n || equal > BigInt(Number.MAX_SAFE_INTEGER)) return;
      const b = Number(equal);
      assert.is(
        sign(compareProducts(a, r, b, s)),
        sign(BigInt(a) * BigInt(r) - BigInt(b) * BigInt(s)),
      );
      assert.is(
        sign(compareProducts(b, s, a, r)),
        sign(BigInt(b) * BigInt(s) - BigInt(a) * BigInt(r)),
      );
    }),
    { numRuns: 20_000 },
  );
});

exchange(
  "a rate holds from its time to the currency's next one, in whatever order it is asked",
  () => {
    fc.assert(
      fc.property(anySource, fc.array(anyTimeMs, { maxLength: 20 }), (source, times) => {
        const opened = openExchange(compileExchange(source));
        for (const atMs of times) {
          for (const currency of ["EUR", "GBP", "USD", "JPY"]) {
            const expected = reference.rateAt(source.exchangeRates, currency, atMs) ?? 0n;
            assert.is(BigInt(rateAt(opened, currencyCode(currency), atMs)), expected);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  },
);

exchange.run();
