/**
 * Goal: route choice and rating agree with slow, obvious references on arbitrary tables.
 * Method: few carriers, costs and digits, so that prefixes nest and costs tie; BigInt for money.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CANDIDATES_MAX, SEGMENT_MICROS_MAX, SEGMENTS_MAX } from "../../../core/limits.js";
import { compileTables } from "../../../workers/compile-tables.js";
import { destinationOf, networkOf } from "../../../workers/destinations.js";
import { oldAmountOf as amountOf, NO_PRICE, segmentPrice } from "../../../workers/rating.js";
import { chooseRoutes, newChoice } from "../../../workers/routing.js";
import type { NetworkRow, PriceRow, RouteRow, TableSource } from "../../../workers/table-source.js";
import { openTables, planIndex } from "../../../workers/tables.js";

const routing = suite("routing");
const CARRIERS = ["alpha", "bravo", "carol", "delta", "echo-2"] as const;
const PLANS = [1, 77, 4_294_967_295] as const;

const prefix = fc.string({ unit: fc.constantFrom("1", "2"), minLength: 1, maxLength: 4 });
const number = fc.string({ unit: fc.constantFrom("1", "2", "3"), minLength: 7, maxLength: 9 });
const amount = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 2 ** 31, max: 2 ** 34 }),
  fc.constant(SEGMENT_MICROS_MAX),
);
const routes: fc.Arbitrary<RouteRow[]> = fc.uniqueArray(
  fc.record({
    prefix,
    carrier: fc.constantFrom(...CARRIERS),
    costMicros: amount,
    priority: fc.integer({ min: 0, max: 2 }),
    trafficClass: fc.constantFrom(0, 0, 0, 1, 2, 3),
  }),
  { maxLength: 30, selector: (row) => `${row.prefix} ${row.carrier} ${row.trafficClass}` },
);
const networks: fc.Arbitrary<NetworkRow[]> = fc.uniqueArray(
  fc.record({
    prefix,
    country: fc.constant("GB"),
    mcc: fc.constant("234"),
    mnc: fc.constantFrom("01", "02"),
  }),
  { maxLength: 12, selector: (row) => row.prefix },
);
const prices: fc.Arbitrary<PriceRow[]> = fc.uniqueArray(
  fc.record({ plan: fc.constantFrom(...PLANS), prefix, priceMicros: amount }),
  { maxLength: 20, selector: (row) => `${row.plan} ${row.prefix}` },
);
/** Millionths of a unit for comparing: the second currency is worth 0.8, the third 2. */
const RATES = [1_000_000, 800_000, 2_000_000] as const;
const currencies = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 5, maxLength: 5 });

function sourceOf(
  networkRows: readonly NetworkRow[],
  routeRows: readonly RouteRow[],
  priceRows: readonly PriceRow[],
  currencyOf: readonly number[],
): TableSource {
  return {
    version: 1,
    carriers: CARRIERS.map((name, index) => ({
      name,
      currency: ["GBP", "EUR", "KWD"][currencyOf[index]!]!,
      comparisonRateMicros: RATES[currencyOf[index]!]!,
    })),
    plans: PLANS.map((plan) => ({ plan, name: "plan", currency: "GBP", chargeBasis: 1 })),
    networks: networkRows,
    routes: routeRows,
    prices: priceRows,
  };
}

/** Rows of the longest prefix alone; a row for the class replaces the carrier's row for all. */
function expectedRoutes(source: TableSource, to: string, trafficClass: number) {
  const known = source.routes.filter((row) => to.startsWith(row.prefix));
  const longest = Math.max(...known.map((row) => row.prefix.length));
  const rows = known.filter((row) => row.prefix.length === longest);
  const taken = CARRIERS.flatMap((carrier) => {
    const own = rows.filter((row) => row.carrier === carrier);
    const special = own.find((row) => row.trafficClass === trafficClass);
    return special ?? own.find((row) => row.trafficClass === 0) ?? [];
  });
  const worth = (row: RouteRow) =>
    BigInt(row.costMicros) *
    BigInt(source.carriers.find(({ name }) => name === row.carrier)!.comparisonRateMicros);
  return taken
    .sort((a, b) => {
      if (worth(a) !== worth(b)) return worth(a) < worth(b) ? -1 : 1;
      return a.priority - b.priority || (a.carrier < b.carrier ? -1 : 1);
    })
    .slice(0, CANDIDATES_MAX)
    .map((row) => [row.carrier, row.costMicros]);
}

routing(
  "the longest prefix decides alone, of networks and of routes; then cost, priority, name",
  () => {
    const choice = newChoice();
    fc.assert(
      fc.property(
        networks,
        routes,
        currencies,
        fc.array(number, { minLength: 1 }),
        fc.integer({ min: 0, max: 4 }),
        (networkRows, routeRows, currencyOf, numbers, trafficClass) => {
          const source = sourceOf(networkRows, routeRows, [], currencyOf);
          const tables = openTables(compileTables(source).buffer);
          // Unspecified and unknown classes count as transactional.
          const counted = trafficClass === 1 || trafficClass === 3 ? trafficClass : 2;
          for (const to of numbers) {
            const bytes = Buffer.from(to);
            const destination = destinationOf(tables, bytes, 0, bytes.length);
            const count = chooseRoutes(tables, destination, trafficClass, choice);
            const chosen = Array.from({ length: count }, (_, index) => [
              tables.carriers[choice.carriers[index]!],
              choice.costsMicros[index],
            ]);
            assert.is(choice.count, count);
            assert.equal(chosen, expectedRoutes(source, to, counted));
            const known = networkRows.filter((row) => to.startsWith(row.prefix));
            const own = known.sort((a, b) => b.prefix.length - a.prefix.length)[0];
            assert.is(networkRows[networkOf(tables, destination)], own);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  },
);

routing("a message costs the plan's longest-prefix price times its segments, exactly", () => {
  fc.assert(
    fc.property(
      prices,
      fc.array(number, { minLength: 1 }),
      fc.integer({ min: 1, max: SEGMENTS_MAX }),
      (priceRows, numbers, segments) => {
        const tables = openTables(
          compileTables(sourceOf([], [], priceRows, [0, 0, 0, 0, 0])).buffer,
        );
        for (const to of numbers) {
          for (const plan of [...PLANS, 2]) {
            const known = priceRows
              .filter((row) => row.plan === plan && to.startsWith(row.prefix))
              .sort((a, b) => b.prefix.length - a.prefix.length)[0];
            const bytes = Buffer.from(to);
            const price = segmentPrice(tables, planIndex(tables, plan), bytes, 0, bytes.length);
            assert.is(price, known?.priceMicros ?? NO_PRICE);
            if (known === undefined) continue;
            assert.is(
              BigInt(amountOf(price, segments)),
              BigInt(known.priceMicros) * BigInt(segments),
            );
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

routing("an amount that is not exact trips an assertion", () => {
  assert.throws(() => amountOf(Number.MAX_SAFE_INTEGER, 2), /money overflow/);
  assert.throws(() => amountOf(0.5, 1), /money overflow/);
});

routing.run();
