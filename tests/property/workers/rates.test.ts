/**
 * Goal: what tables say of networks and rates is what a scan over all rows says.
 * Method: random sources whose rows nest, collide and contradict each other, against the slow
 * reference of tests/reference; messages of every class, kind of sender and time around boundaries.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileTables } from "../../../workers/compile.js";
import { countryOf, destinationOf, lookedUp, networkOf } from "../../../workers/destinations.js";
import { buyTerms, sellTerms } from "../../../workers/rates.js";
import { amountOf, tierAmountOf } from "../../../workers/rating.js";
import { CHANNELS, type DeckSource, type TableSource } from "../../../workers/source.js";
import { openTables, planIndex, type Tables } from "../../../workers/tables.js";
import { anySource, anyTimeMs, NUMBERS, PLANS } from "../../reference/arbitrary.js";
import { buyDeck, rateOf, rowsOf, sellDeck } from "../../reference/decks.js";
import { networkOf as expectedNetwork } from "../../reference/networks.js";

const rates = suite("rates");
const anyNumber = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.constantFrom(...NUMBERS).map((number) => `${number.slice(0, 5)}9999999`),
  fc.string({ unit: fc.constantFrom("1", "4", "9"), minLength: 7, maxLength: 15 }),
);
const anyQuery = fc.record({
  number: anyNumber,
  trafficClass: fc.integer({ min: 1, max: 3 }),
  senderKind: fc.integer({ min: 1, max: 3 }),
  atMs: anyTimeMs,
});

/** Terms are shared over decks: equal ones are known by what they cost. */
function costs(tables: Tables, index: number): readonly number[] | undefined {
  if (index < 0) return undefined;
  return [1, 2, 3].flatMap((segments) => [
    amountOf(tables.terms, index, segments),
    tierAmountOf(tables.terms, index, 99, segments),
  ]);
}

function openOf(source: TableSource): Tables {
  return openTables(compileTables(source).buffer);
}

rates("networks, countries and ported numbers are those of a scan over all rows", () => {
  fc.assert(
    fc.property(anySource, fc.array(anyNumber, { minLength: 5 }), (source, numbers) => {
      const tables = openOf(source);
      for (const number of numbers) {
        const digits = Buffer.from(number);
        const destination = destinationOf(tables, digits, 0, digits.length);
        const network = networkOf(tables, destination, digits, 0, digits.length);
        const { country, mcc, mnc, ported } = expectedNetwork(source, number);
        assert.is(lookedUp.ported, ported);
        assert.is(tables.countries[countryOf(tables, network)] ?? "", country);
        assert.is(tables.networks[network]?.mcc ?? "", mcc);
        assert.is(tables.networks[network]?.mnc ?? "", mnc);
      }
    }),
    { numRuns: 500 },
  );
});

rates("the terms that apply are those of a scan over all rows, bought and sold", () => {
  // The same deck on both sides gives the same numbers: sources are compared by the amounts.
  fc.assert(
    fc.property(
      anySource,
      fc.array(anyQuery, { minLength: 5, maxLength: 20 }),
      (source, queries) => {
        const tables = openOf(source);
        for (const query of queries) {
          const digits = Buffer.from(query.number);
          const end = digits.length;
          const { trafficClass, senderKind, atMs } = query;
          const destination = destinationOf(tables, digits, 0, end);
          const network = networkOf(tables, destination, digits, 0, end);
          const { mcc, mnc } = expectedNetwork(source, query.number);
          const expected = (deck: DeckSource | undefined) => {
            if (deck === undefined) return undefined;
            const terms = rateOf(rowsOf(deck), { ...query, mcc, mnc })?.terms;
            if (terms === undefined) return undefined;
            // Through the same amounts, by a set that has this row alone.
            const rows = {
              count: 1,
              kinds: Uint8Array.of(0),
              codes: Float64Array.of(0),
              lengths: Uint8Array.of(0),
              terms: Uint32Array.of(0),
            };
            const only = { ...terms, effectiveFromMs: 0, effectiveToMs: 0, trafficClass: 0 };
            const alone = { ...deck, rows, terms: [{ ...only, senderKind: 0 }] };
            return costs(openOf({ ...source, decks: [alone] }), 0);
          };
          for (const [channel, name] of CHANNELS.entries()) {
            for (const [index, carrier] of tables.carriers.entries()) {
              const found = buyTerms(
                tables,
                index,
                channel,
                destination,
                network,
                trafficClass,
                senderKind,
                atMs,
              );
              assert.equal(costs(tables, found), expected(buyDeck(source, carrier, name)));
            }
            for (const plan of PLANS) {
              const found = sellTerms(
                tables,
                planIndex(tables, plan),
                channel,
                destination,
                digits,
                0,
                end,
                network,
                trafficClass,
                senderKind,
                atMs,
              );
              assert.equal(costs(tables, found), expected(sellDeck(source, plan, name)));
            }
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

rates.run();
