/**
 * Goal: CSV files become rows, or every problem is told with file, line and column, none applied.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { compileTables } from "../../../workers/compile.js";
import { parseFolder, readFolder } from "../../../workers/parse-folder.js";
import { MATCH, type TableSource } from "../../../workers/source.js";

const folder = suite("parse folder");

type Texts = Readonly<Record<string, string>>;
const GOOD: Texts = {
  "carriers.csv": "name,languages,currency\nalpha,,GBP\nbeta,tr es,GBP\n",
  "plans.csv":
    "plan,name,currency,charge_basis,smart_encoding\n1,standard,GBP,submit,\n2,late,GBP,delivered,yes\n",
  "networks.csv": "prefix,country,mcc,mnc\n44,GB,,\n447700,GB,234,01\n",
  "costs.csv": [
    "carrier,prefix,price,traffic_class",
    "alpha,44,0.0287,",
    "beta,44,0.0294,",
    "beta,44,0.0279,authentication",
    "",
  ].join("\n"),
  "prices.csv": "plan,prefix,price\n1,44,0.0365\n",
};

function parse(change: Texts = {}, without: readonly string[] = []): TableSource {
  const files = Object.entries({ ...GOOD, ...change })
    .filter(([name]) => !without.includes(name))
    .map(([name, text]) => [name, Buffer.from(text)]);
  return parseFolder(Object.fromEntries(files), 7);
}

function problems(change: Texts, without: readonly string[] = []): readonly string[] {
  try {
    parse(change, without);
  } catch (error) {
    assert.ok(isFloeError(error, "import.invalid"));
    const told = error.details["problems"];
    assert.ok(Array.isArray(told));
    return told;
  }
  return [];
}

folder("right files become rows that compile", () => {
  const source = parse();
  assert.equal(source.carriers, [
    { name: "alpha", languages: [] },
    { name: "beta", languages: ["tr", "es"] },
  ]);
  assert.equal(source.plans[1], {
    plan: 2,
    name: "late",
    currency: "GBP",
    chargeBasis: 2,
    smartEncoding: true,
    possibleNumbers: false,
  });
  assert.equal(source.networks.prefixes, ["44", "447700"]);
  assert.equal(source.networks.ids[source.networks.of[1]!], {
    country: "GB",
    mcc: "234",
    mnc: "01",
  });
  const decks = source.decks.map(({ owner, channel, currency, rows }) => [
    "carrier" in owner ? owner.carrier : owner.plan,
    channel,
    currency,
    rows.count,
  ]);
  assert.equal(decks, [
    ["alpha", "sms", "GBP", 1],
    ["beta", "sms", "GBP", 2],
    [1, "sms", "GBP", 1],
  ]);
  const beta = source.decks[1]!;
  assert.equal([...beta.rows.kinds.slice(0, 2)], [MATCH.prefix, MATCH.prefix]);
  assert.equal(
    beta.terms.map(({ priceMicros, trafficClass }) => [priceMicros, trafficClass]),
    [
      [29_400, 0],
      [27_900, 1],
    ],
  );
  assert.is(source.version, 7);
  compileTables(source);
});

folder("every optional file has its place", () => {
  const source = parse(
    {
      "costs/alpha.csv":
        "MCCMNC,PriceSubmit,PriceDelivered,Currency,Effective\n23410,0.0,0.016,EUR,2026-01-01T00:00:00+00:00\n",
      "prices/late.csv": "prefix,price,tiers\n44,,graduated 0:0.03 1000:0.025\n",
      "default_networks.csv": "country,mcc,mnc\nGB,234,10\n",
      "ported.csv": "number,mcc,mnc\n+447700900123,234,01\n",
      "exchange_rates.csv": "currency,rate,effective\nGBP,1,\nEUR,0.85,2026-01-01\n",
      "routes.csv": "rule,order,prefix,strategy\nuk,1,44,priority(beta) else cost(*)\n",
      "senders.csv":
        "id,country,carrier,alphanumeric,replacement,registered\ngb,GB,,registered,,7:Floe|My Bank\n",
      "guards.csv":
        "account,countries,other_countries,price_ceiling,never_carriers\n7,GB:allow|FR:monitor,block,0.5,beta\n",
    },
    ["costs.csv", "prices.csv"],
  );
  const [bought, sold] = source.decks;
  assert.equal([bought!.owner, bought!.currency], [{ carrier: "alpha" }, "EUR"]);
  assert.equal([bought!.terms[0]!.priceMicros, bought!.terms[0]!.chargeBasis], [16_000, 2]);
  assert.equal(bought!.rows.kinds[0], MATCH.network);
  assert.equal([sold!.owner, sold!.currency], [{ plan: 2 }, "GBP"]);
  assert.is(sold!.terms[0]!.tiers?.steps.length, 2);
  assert.equal(source.defaultNetworks, [{ country: "GB", mcc: "234", mnc: "10" }]);
  assert.equal([...source.ported.numbers], [447_700_900_123]);
  assert.is(source.ported.ids[source.ported.of[0]!]?.country, "GB");
  assert.equal(source.exchangeRates[1], {
    currency: "EUR",
    effectiveFromMs: Date.UTC(2026, 0, 1),
    rateNanos: 850_000_000,
  });
  assert.is(source.rules[0]?.strategy, "priority(beta) else cost(*)");
  assert.equal(source.senderRules[0]?.registered, [
    { account: 7, sender: "Floe" },
    { account: 0, sender: "My Bank" },
  ]);
  assert.equal(source.guards[0]?.countries, { GB: "allow", FR: "monitor" });
  assert.is(source.guards[0]?.priceCeilingMicros, 500_000);
  compileTables(source);
});

folder("columns come in any order, remarks and a byte order mark do not matter", () => {
  const text = '﻿# remark\nmnc,mcc,country,prefix\n\n01,234,GB,447700\n# , more\n"",,"GB",44\n';
  assert.equal(parse({ "networks.csv": text }).networks.prefixes, ["447700", "44"]);
});

folder("tells every wrong cell of every file by the line it stands on", () => {
  const told = problems({
    "default_networks.csv": "country,mcc,mnc,colour\nGB,234,10,red\n",
    "networks.csv": "prefix,country,mcc,mnc\n44,GB,,\n044,GB,,\n",
    "costs.csv": "carrier,prefix,price\nalpha,44,0.02871234\nalpha,x,0.01\ngamma,44,0.01\n",
    "prices.csv": "plan,prefix,price\n1,44,3 pence\n9,353,0.01\n",
  });
  const places = told.map((line) => line.slice(0, line.indexOf(": ")));
  assert.equal([...new Set(places)].sort(), [
    "costs.csv:2 price",
    "costs.csv:3 prefix",
    "costs.csv:4 carrier",
    "default_networks.csv:1 colour",
    "networks.csv:3 prefix",
    "prices.csv:2 price",
    "prices.csv:3 plan",
  ]);
});

folder("does not say of owners that they are nobody while the file of owners is wrong", () => {
  assert.equal(problems({ "carriers.csv": "name,colour\nalpha,red\n" }), [
    "carriers.csv:1 colour: is no column of this file",
  ]);
});

folder("tells what is wrong between rows that are right by themselves", () => {
  const places = (change: Texts) => problems(change).map((line) => line.split(": ")[0]);
  const cases: readonly (readonly [Texts, string])[] = [
    [
      { "carriers.csv": "name,currency\nalpha,GBP\n\n# again\nbeta,GBP\nalpha,GBP\n" },
      "carriers.csv:6 name",
    ],
    [{ "plans.csv": "plan,name,currency\n1,one,GBP\n1,two,GBP\n" }, "plans.csv:3 plan"],
    [{ "routes.csv": "rule,strategy\na,cost(*)\nb,priority(gamma)\n" }, "routes.csv:3 strategy"],
    [{ "guards.csv": "account,never_carriers\n1,\n2,gamma\n" }, "guards.csv:3 never_carriers"],
    [
      { "guards.csv": "account,countries\n1,GB:block AC:block\n2,UK:block\n" },
      "guards.csv:3 countries",
    ],
    [{ "senders.csv": "id,carrier\na,\nb,gamma\n" }, "senders.csv:3 carrier"],
    [{ "senders.csv": "id,country\na,\nb,UK\n" }, "senders.csv:3 country"],
    [{ "exchange_rates.csv": "currency,rate\nGBP,1\nGBP,2\n" }, "exchange_rates.csv:3 row"],
    [
      { "default_networks.csv": "country,mcc,mnc\nGB,234,10\nGB,234,15\n" },
      "default_networks.csv:3 country",
    ],
    [{ "costs/beta.csv": "prefix,price\n44,0.01\n" }, "costs/beta.csv:2 carrier"],
    [{ "prices.csv": "plan,prefix,price,currency\n1,44,0.01,EUR\n" }, "prices.csv:2 currency"],
    [{ "carriers.csv": "name\nalpha\nbeta\n" }, "costs.csv:2 currency"],
    [{ "carriers.csv": "name,currency\nalpha,GBP\nbeta,USD\n" }, "exchange_rates.csv:0 currency"],
    [{ "costs.csv": "carrier,prefix,price\nalpha,44,0.01\nalpha,44,0.02\n" }, "costs.csv:3 row"],
    [
      {
        "costs.csv":
          "carrier,prefix,price,effective,expires\nalpha,44,0.01,2026-01-01,2026-03-01\nalpha,44,0.02,2026-02-01,\n",
      },
      "costs.csv:3 row",
    ],
    [{ "ported.csv": "number,mcc,mnc\n447700900123,999,01\n" }, "ported.csv:2 mcc"],
  ];
  for (const [change, place] of cases)
    assert.ok(places(change).includes(place), `${place} in ${problems(change)}`);
});

folder("names the files that a folder does not have", () => {
  try {
    parseFolder({}, 1);
    assert.unreachable();
  } catch (error) {
    assert.ok(isFloeError(error, "import.invalid"));
    assert.equal(error.details["problems"], [
      "carriers.csv: is missing",
      "plans.csv: is missing",
      "networks.csv: is missing",
    ]);
  }
  try {
    readFolder("/nonexistent", 1);
    assert.unreachable();
  } catch (error) {
    assert.ok(isFloeError(error, "import.invalid"));
    assert.equal(error.details["problems"], ["/nonexistent: is no folder"]);
  }
});

folder("reads a folder with one file for each carrier and plan", () => {
  const directory = mkdtempSync(join(tmpdir(), "floe-folder-"));
  try {
    const files = {
      ...GOOD,
      "costs.csv": "carrier,prefix,price\nbeta,44,0.01\n",
      "costs/alpha.csv": "prefix,price,remark\n44,0.01,as it came\n",
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    const { decks } = readFolder(directory, 1);
    assert.equal(
      decks.map(({ owner }) => ("carrier" in owner ? owner.carrier : owner.plan)),
      ["beta", 1, "alpha"],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

folder.run();
