/**
 * Goal: CSV files become rows, or every problem is told with file, line and column, none applied.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { compileTables } from "../../../workers/compile-tables.js";
import { parseTables, readTables, type TableTexts } from "../../../workers/parse-tables.js";

const csv = suite("parse tables");

const GOOD: TableTexts = {
  carriers: "name,currency\nalpha,GBP\nbeta,GBP\n",
  plans: "plan,name,currency,charge_basis\n1,standard,GBP,submit\n2,late,GBP,delivered\n",
  networks: "prefix,country,mcc,mnc\n44,GB,,\n447700,GB,234,01\n",
  routes: [
    "prefix,carrier,cost,priority,traffic_class",
    "44,alpha,0.0287,,",
    "44,beta,0.0294,3,",
    "44,beta,0.0279,,authentication",
    "",
  ].join("\n"),
  prices: "plan,prefix,price\n1,44,0.0365\n",
};

function problemsOf(change: Partial<TableTexts>): readonly string[] {
  try {
    parseTables({ ...GOOD, ...change }, 1);
  } catch (error) {
    assert.ok(isFloeError(error, "import.invalid"));
    const { problems } = error.details;
    assert.ok(Array.isArray(problems));
    return problems;
  }
  return [];
}

csv("right files become rows that compile", () => {
  const source = parseTables(GOOD, 7);
  assert.equal(source.carriers[0], { name: "alpha", currency: "GBP", comparisonRateMicros: 0 });
  assert.equal(source.plans[1], { plan: 2, name: "late", currency: "GBP", chargeBasis: 2 });
  assert.equal(source.networks[1], { prefix: "447700", country: "GB", mcc: "234", mnc: "01" });
  assert.equal(
    source.routes.map(({ costMicros, priority, trafficClass }) => [
      costMicros,
      priority,
      trafficClass,
    ]),
    [
      [28_700, 0, 0],
      [29_400, 3, 0],
      [27_900, 0, 1],
    ],
  );
  assert.equal(source.prices, [{ plan: 1, prefix: "44", priceMicros: 36_500 }]);
  assert.is(source.version, 7);
  compileTables(source);
});

csv("columns come in any order, remarks and a byte order mark do not matter", () => {
  const networks = '﻿# remark\nmnc,mcc,country,prefix\n\n01,234,GB,447700\n# , more\n"",,"GB",44\n';
  assert.equal(parseTables({ ...GOOD, networks }, 1).networks, [
    { prefix: "447700", country: "GB", mcc: "234", mnc: "01" },
    { prefix: "44", country: "GB", mcc: "", mnc: "" },
  ]);
});

csv("tells every wrong cell of every file, once, by the line it stands on", () => {
  const problems = problemsOf({
    carriers: "name,currency\nalpha,GBP\n\n# a remark\nBeta!,pounds\nalpha,GBP\n",
    routes: [
      "prefix,carrier,cost,priority,traffic_class",
      "44,alpha,0.02871234,,",
      "+44,alpha,0.0287,,",
      "44,gamma,0.0287,-1,night",
      "",
    ].join("\n"),
    prices: "plan,prefix,price\n1,44,3 pence\n1,353,-0.01\n1,353,0.01\n9,44,0.01\n",
  });
  assert.equal([...problems].sort(), [
    "carriers.csv:5 currency: must be three capital letters (ISO 4217)",
    "carriers.csv:5 name: must be a-z, 0-9 and dashes, at most 32",
    "carriers.csv:6 name: was there before",
    "prices.csv:2 price: must be a decimal number with at most 6 decimals",
    "prices.csv:3 price: must be from 0 to 1,000,000",
    "prices.csv:4 prefix: was there before",
    "prices.csv:5 plan: is not among the plans",
    "routes.csv:2 cost: must be a decimal number with at most 6 decimals",
    "routes.csv:3 prefix: must be 1 to 15 digits, not beginning with 0",
    "routes.csv:4 carrier: is not among the carriers",
    "routes.csv:4 priority: must be a whole number",
    "routes.csv:4 traffic_class: must be authentication, transactional, promotional or empty",
  ]);
});

csv("tells missing, unknown and doubled columns", () => {
  assert.equal([...problemsOf({ prices: "plan,price,price,colour\n1,0.01,0.02,red\n" })].sort(), [
    "prices.csv:1 colour: is no column of this file",
    "prices.csv:1 header: names a column twice",
    "prices.csv:1 prefix: is missing",
  ]);
  assert.ok(problemsOf({ plans: "" }).includes("plans.csv:1 plan: is missing"));
});

csv("tells a record with another number of cells, and one with broken quotes", () => {
  assert.equal(problemsOf({ networks: "prefix,country,mcc,mnc\n44,GB,\n44,GB,,\n" }), [
    "networks.csv:2 row: has 3 cells, the header 4",
  ]);
  assert.ok(
    problemsOf({ networks: 'prefix,country,mcc,mnc\n44,GB,,\n353,"IE",,\n32,"BE,,\n' }).includes(
      "networks.csv:4 quotes: CSV_QUOTE_NOT_CLOSED",
    ),
  );
});

csv("names the files that a folder does not have", () => {
  try {
    readTables("/nonexistent", 1);
    assert.unreachable();
  } catch (error) {
    assert.ok(isFloeError(error, "import.invalid"));
    assert.is((error.details["problems"] as readonly string[]).length, 5);
  }
});

csv.run();
