/**
 * Goal: a table set is used whole and unharmed or not at all, and the sample's is right.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { Verdict } from "../../../core/proto/floe/v1/frames.js";
import { compileFolder, compileTables } from "../../../workers/compile-tables.js";
import { destinationOf, networkOf } from "../../../workers/destinations.js";
import { segmentPrice } from "../../../workers/rating.js";
import { chooseRoutes, newChoice } from "../../../workers/routing.js";
import type { TableSource } from "../../../workers/table-source.js";
import { openTables, planIndex, type Tables } from "../../../workers/tables.js";
import { route, SOURCE, shared } from "./kit.js";

const tables = suite("tables");
const SAMPLE = fileURLToPath(new URL("../../../../deploy/local/sample", import.meta.url));
/** In the sample on purpose: Belgium, Austria, and a country code that nobody has. */
const UNROUTABLE = /^\+(32|43|999)/;
const choice = newChoice();

function refusal(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    assert.ok(isFloeError(error, "tables.invalid"));
    const { problem, problems } = error.details;
    return Array.isArray(problems) ? problems : [String(problem)];
  }
  throw new Error("nothing was refused");
}

function destination(opened: Tables, digits: string): number {
  return destinationOf(opened, Buffer.from(digits), 0, digits.length);
}

function countryOf(opened: Tables, digits: string): string | undefined {
  const network = networkOf(opened, destination(opened, digits));
  if (network < 0) return undefined;
  const { bytes: pieces, at } = opened.networkPieces;
  return Verdict.decode(pieces.slice(at[network]!, at[network + 1]!)).country;
}

tables("a flipped bit anywhere refuses the image, and so does a missing end", () => {
  const image = compileTables(SOURCE);
  openTables(shared(image));
  for (let at = 0; at < image.length; at += 1) {
    const damaged = image.slice();
    damaged[at]! ^= 1 << (at % 8);
    assert.is(refusal(() => openTables(shared(damaged))).length, 1, `byte ${at}`);
  }
  assert.equal(
    refusal(() => openTables(shared(image.slice(0, -8)))),
    ["is not complete"],
  );
  assert.equal(
    refusal(() => openTables(new SharedArrayBuffer(0))),
    ["is too short"],
  );
});

tables("equal sources are equal bytes, whatever the order of plans' tables", () => {
  assert.is(Buffer.compare(compileTables(SOURCE), compileTables({ ...SOURCE })), 0);
  assert.is(openTables(compileTables(SOURCE).buffer).version, 42);
});

tables("plans are found by number, up to the highest, and no other is", () => {
  const plans = Array.from({ length: 500 }, (_, index) => ({
    plan: 4_294_967_295 - index * 65_536,
    name: "many",
    currency: "GBP",
    chargeBasis: 1,
  }));
  const opened = openTables(compileTables({ ...SOURCE, plans, prices: [] }).buffer);
  for (const [index, { plan }] of plans.entries()) assert.is(planIndex(opened, plan), index);
  for (const plan of [0, 1, 65_536, 4_294_967_294]) assert.is(planIndex(opened, plan), -1);
});

const wrong: readonly (readonly [string, Partial<TableSource>, string])[] = [
  [
    "a carrier's name that is no token",
    { carriers: [...SOURCE.carriers, { name: "A.b", currency: "GBP", comparisonRateMicros: 0 }] },
    "carriers[2] name: must be a-z, 0-9 and dashes, at most 32",
  ],
  [
    "a carrier twice",
    { carriers: [...SOURCE.carriers, SOURCE.carriers[0]!] },
    "carriers[2] name: was there before",
  ],
  [
    "a route of an unknown carrier",
    { routes: [route("44", "gamma", 1)] },
    "routes[0] carrier: is not among the carriers",
  ],
  [
    "a route twice",
    { routes: [route("44", "alpha", 1), route("44", "alpha", 2)] },
    "routes[1] prefix: was there before",
  ],
  [
    "a prefix of 16 digits",
    { routes: [route("1234567890123456", "alpha", 1)] },
    "routes[0] prefix: must be 1 to 15 digits, not beginning with 0",
  ],
  [
    "a fraction of a micro-unit",
    { routes: [route("44", "alpha", 0.5)] },
    "routes[0] cost: must be from 0 to 1,000,000",
  ],
  [
    "a price of an unknown plan",
    { prices: [{ plan: 9, prefix: "44", priceMicros: 1 }] },
    "prices[0] plan: is not among the plans",
  ],
  [
    "a network code without its country's",
    { networks: [{ prefix: "44", country: "GB", mcc: "", mnc: "15" }] },
    "networks[0] mnc: mcc and mnc go together",
  ],
];
for (const [name, change, problem] of wrong) {
  tables(`refuses ${name}`, () => {
    assert.equal(
      refusal(() => compileTables({ ...SOURCE, ...change })),
      [problem],
    );
  });
}

tables("carriers of several currencies need rates to compare them", () => {
  const carriers = [
    { name: "alpha", currency: "GBP", comparisonRateMicros: 1_000_000 },
    { name: "beta", currency: "EUR", comparisonRateMicros: 0 },
  ];
  assert.equal(
    refusal(() => compileTables({ ...SOURCE, carriers })),
    ["carriers[1] comparison_rate: is needed where carriers have several currencies"],
  );
  const rated = [carriers[0]!, { ...carriers[1]!, comparisonRateMicros: 850_000 }];
  const routes = [route("44", "alpha", 28_000), route("44", "beta", 30_000)];
  const opened = openTables(compileTables({ ...SOURCE, carriers: rated, routes }).buffer);
  assert.is(chooseRoutes(opened, destination(opened, "447700900123"), 0, choice), 2);
  assert.equal([...choice.costsMicros.slice(0, 2)], [30_000, 28_000]);
});

tables("the sample routes and prices every valid message it has, at both carriers", () => {
  const opened = openTables(compileFolder(`${SAMPLE}/tables`).buffer);
  assert.equal(opened.carriers, ["alpha", "beta"]);
  const messages: readonly { to: string }[] = parse(
    readFileSync(`${SAMPLE}/messages.csv`, "utf8"),
    { columns: true },
  );
  const first = [0, 0];
  const countries = new Set<string>();
  for (const { to } of messages) {
    if (!/^\+[1-9]\d{6,14}$/.test(to) || UNROUTABLE.test(to)) continue;
    const digits = Buffer.from(to.slice(1));
    const routes = chooseRoutes(opened, destination(opened, to.slice(1)), 2, choice);
    assert.ok(routes > 0, to.slice(0, 5));
    first[choice.carriers[0]!]! += 1;
    for (const plan of [1, 2]) {
      const price = segmentPrice(opened, planIndex(opened, plan), digits, 0, digits.length);
      assert.ok(price > choice.costsMicros[0]!, to.slice(0, 5));
    }
    countries.add(countryOf(opened, to.slice(1)) ?? "?");
  }
  assert.ok(countries.size >= 12 && !countries.has("?"), [...countries].join());
  assert.ok(first[0]! > 100 && first[1]! > 100, first.join());
});

tables("the sample has Belgium without a route and Austria without a price", () => {
  const opened = openTables(compileFolder(`${SAMPLE}/tables`).buffer);
  const price = (digits: string) =>
    segmentPrice(opened, planIndex(opened, 1), Buffer.from(digits), 0, digits.length);
  const routes = (digits: string) => chooseRoutes(opened, destination(opened, digits), 2, choice);
  assert.is(countryOf(opened, "32470000000"), "BE");
  assert.is(routes("32470000000"), 0);
  assert.is(price("32470000000"), 64_000);
  assert.is(countryOf(opened, "436640000000"), "AT");
  assert.is(routes("436640000000"), 2);
  assert.is(price("436640000000"), -1);
});

tables.run();
