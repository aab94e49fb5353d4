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
import { compileTables } from "../../../workers/compile.js";
import {
  countryOf,
  destinationOf,
  networkOf,
  toPrefixDigits,
} from "../../../workers/destinations.js";
import { verifyImage } from "../../../workers/image.js";
import { readFolder } from "../../../workers/parse-folder.js";
import { buyTerms, sellTerms } from "../../../workers/rates.js";
import { amountOf } from "../../../workers/rating.js";
import { MATCH, type TableSource } from "../../../workers/source.js";
import { openTables, planIndex, type Tables } from "../../../workers/tables.js";
import { ACCEPTED_AT_MS, deck, networks, plan, SOURCE, shared } from "./kit.js";

const tables = suite("tables");
const SAMPLE = fileURLToPath(new URL("../../../../deploy/local/sample", import.meta.url));
/** In the sample on purpose: Belgium, Austria, and a country code that nobody has. */
const UNROUTABLE = /^\+(32|43|999)/;

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

function network(opened: Tables, digits: string): number {
  return networkOf(opened, destination(opened, digits), Buffer.from(digits), 0, digits.length);
}

/** Cost of one segment at each carrier; -1: it does not go there. */
function costs(opened: Tables, digits: string, trafficClass = 2, atMs = ACCEPTED_AT_MS): number[] {
  const known = [destination(opened, digits), network(opened, digits)] as const;
  return opened.carriers.map((_, carrier) => {
    const terms = buyTerms(opened, carrier, 0, ...known, trafficClass, 1, atMs);
    return terms < 0 ? -1 : amountOf(opened.terms, terms, 1);
  });
}

function price(opened: Tables, number: number, digits: string): number {
  const bytes = Buffer.from(digits);
  const terms = sellTerms(
    opened,
    planIndex(opened, number),
    0,
    destination(opened, digits),
    bytes,
    0,
    bytes.length,
    network(opened, digits),
    2,
    1,
    ACCEPTED_AT_MS,
  );
  return terms < 0 ? -1 : amountOf(opened.terms, terms, 1);
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

tables("an image is found damaged by pieces as it is as a whole", async () => {
  const image = compileTables(SOURCE);
  let pauses = 0;
  const pause = async () => {
    pauses += 1;
  };
  await verifyImage(image, pause);
  assert.ok(pauses > 0);
  image[image.length - 1]! ^= 1;
  try {
    await verifyImage(image, pause);
    assert.unreachable();
  } catch (error) {
    assert.ok(isFloeError(error, "tables.invalid"));
  }
});

tables("equal sources are equal bytes", () => {
  assert.is(Buffer.compare(compileTables(SOURCE), compileTables({ ...SOURCE })), 0);
  const made = { "deck/alpha": "3" };
  const opened = openTables(compileTables({ ...SOURCE, made }).buffer);
  assert.is(opened.version, 42);
  assert.equal(opened.made, made);
});

tables("plans are found by number, up to the highest, and no other is", () => {
  const plans = Array.from({ length: 500 }, (_, index) =>
    plan(4_294_967_295 - index * 65_536, "GBP"),
  );
  const opened = openTables(compileTables({ ...SOURCE, plans, decks: [] }).buffer);
  for (const [index, one] of plans.entries()) assert.is(planIndex(opened, one.plan), index);
  for (const number of [0, 1, 65_536, 4_294_967_294]) assert.is(planIndex(opened, number), -1);
});

tables("a verdict's prefix is that of the network, eight digits of it at most", () => {
  const opened = openTables(compileTables(SOURCE).buffer);
  const digitsOf = (number: string) => toPrefixDigits(opened, destination(opened, number));
  assert.is(digitsOf("447700900123"), 8);
  assert.is(digitsOf("447800900123"), 2);
  assert.is(digitsOf("353871234567"), 3);
  assert.is(digitsOf("15551234567"), 0);
  const { at, bytes } = opened.networkPieces;
  const index = network(opened, "447700900123");
  const verdict = Verdict.decode(bytes.slice(at[index]!, at[index + 1]!));
  assert.equal([verdict.country, verdict.mcc, verdict.mnc], ["GB", "234", "01"]);
});

tables(
  "a row that does not apply yet leaves the number to the shorter prefix, then to defaults",
  () => {
    const later = ACCEPTED_AT_MS + 1;
    const decks = [
      deck({ carrier: "alpha" }, "GBP", [
        { of: "", priceMicros: 1 },
        { of: "mcc 234", priceMicros: 2 },
        { of: "44", priceMicros: 3, effectiveFromMs: later },
        { of: "447700", priceMicros: 4, effectiveFromMs: later, trafficClass: 1 },
        { of: "234-01", priceMicros: 5, effectiveFromMs: later + 1 },
      ]),
    ];
    const opened = openTables(compileTables({ ...SOURCE, decks }).buffer);
    const known = "447700900123";
    assert.equal(costs(opened, known, 1), [2, -1]);
    assert.equal(costs(opened, "447811111111", 1), [1, -1]);
    assert.equal(costs(opened, known, 1, later), [4, -1]);
    assert.equal(costs(opened, known, 2, later), [3, -1]);
    assert.equal(costs(opened, known, 2, later + 1), [5, -1]);
  },
);

const ALPHA = { carrier: "alpha" } as const;
const PORTED = SOURCE.ported;
const rowOf = (kind: number, code: number, length: number) => {
  const one = deck(ALPHA, "GBP", [{ of: "44", priceMicros: 1 }]);
  const columns = [Uint8Array.of(kind), Float64Array.of(code), Uint8Array.of(length)] as const;
  const [kinds, codes, lengths] = columns;
  return { decks: [{ ...one, rows: { ...one.rows, kinds, codes, lengths } }] };
};
const priced = (priceMicros: number, more = {}) => ({
  decks: [deck(ALPHA, "GBP", [{ of: "44", priceMicros, ...more }])],
});
const wrong: readonly (readonly [string, Partial<TableSource>, string])[] = [
  [
    "a carrier's name that is no token",
    { carriers: [...SOURCE.carriers, { name: "A.b", languages: [] }] },
    "carriers[2] name: must be a-z, 0-9 and dashes, at most 32",
  ],
  [
    "a carrier twice",
    { carriers: [...SOURCE.carriers, SOURCE.carriers[0]!] },
    "carriers[2] name: was there before",
  ],
  [
    "the deck of an unknown carrier",
    { decks: [deck({ carrier: "gamma" }, "GBP", [])] },
    "decks[0] carrier: is not among the carriers",
  ],
  [
    "the deck of an unknown plan",
    { decks: [deck({ plan: 9 }, "GBP", [])] },
    "decks[0] plan: is not among the plans",
  ],
  [
    "two decks of a carrier for one channel",
    { decks: [deck(ALPHA, "GBP", []), deck(ALPHA, "GBP", [])] },
    "decks[1] carrier: has two decks of one channel",
  ],
  [
    "a plan's deck in another currency",
    { decks: [deck({ plan: 1 }, "EUR", [])] },
    "decks[0] currency: is not that of the plan",
  ],
  [
    "a prefix of 16 digits",
    rowOf(MATCH.prefix, 1_234_567_890_123_456, 16),
    "decks[0].rows[0] prefix: must be 1 to 15 digits, not beginning with 0",
  ],
  [
    "a prefix that begins with 0",
    rowOf(MATCH.prefix, 44, 3),
    "decks[0].rows[0] prefix: must be 1 to 15 digits, not beginning with 0",
  ],
  [
    "a network of four digits",
    rowOf(MATCH.network, 2_341, 4),
    "decks[0].rows[0] mccmnc: must be five or six digits",
  ],
  ["a default row with a code", rowOf(MATCH.default, 44, 2), "decks[0].rows[0] match: is no match"],
  [
    "a fraction of a micro-unit",
    priced(0.5),
    "decks[0].terms[0] price: must be from 0 to 1,000,000",
  ],
  [
    "a row that ends before it begins",
    priced(1, { effectiveFromMs: 5, effectiveToMs: 5 }),
    "decks[0].terms[0] expires: must be after the beginning",
  ],
  [
    "tiers of a carrier",
    priced(1, { tiers: { mode: 1, steps: [{ from: 0, priceMicros: 1 }] } }),
    "decks[0].terms[0] tiers: are for what is sold",
  ],
  [
    "two rows of one prefix that nothing tells apart",
    {
      decks: [
        deck(ALPHA, "GBP", [
          { of: "44", priceMicros: 1 },
          { of: "44", priceMicros: 2 },
        ]),
      ],
    },
    "decks[0].rows[1] effective: begins with row 0, and nothing tells them apart",
  ],
  [
    "a network code without its country's",
    { networks: networks([["44", { country: "GB", mcc: "", mnc: "15" }]]) },
    "networks.ids[0] mnc: mcc and mnc go together",
  ],
  [
    "a number twice",
    {
      ported: {
        numbers: Float64Array.of(447_700_900_123, 447_700_900_123),
        of: Uint16Array.of(0, 0),
        ids: [{ country: "GB", mcc: "234", mnc: "10" }],
      },
    },
    "ported[1] number: was there before",
  ],
  [
    "two defaults of a country",
    {
      defaultNetworks: [
        { country: "GB", mcc: "234", mnc: "10" },
        { country: "GB", mcc: "234", mnc: "15" },
      ],
    },
    "defaultNetworks[1] country: was there before",
  ],
];
for (const [name, change, problem] of wrong) {
  tables(`refuses ${name}`, () => {
    assert.equal(
      refusal(() => compileTables({ ...SOURCE, ported: PORTED, ...change })),
      [problem],
    );
  });
}

tables("the sample routes and prices every valid message it has, at both carriers", () => {
  const opened = openTables(compileTables(readFolder(`${SAMPLE}/tables`)).buffer);
  assert.equal(opened.carriers, ["alpha", "beta"]);
  const messages: readonly { to: string }[] = parse(
    readFileSync(`${SAMPLE}/messages.csv`, "utf8"),
    { columns: true },
  );
  const first = [0, 0];
  const countries = new Set<string>();
  for (const { to } of messages) {
    if (!/^\+[1-9]\d{6,14}$/.test(to) || UNROUTABLE.test(to)) continue;
    const digits = to.slice(1);
    const offers = costs(opened, digits).map((cost) => (cost < 0 ? Infinity : cost));
    const best = Math.min(...offers);
    first[offers.indexOf(best)]! += 1;
    for (const number of [1, 2]) assert.ok(price(opened, number, digits) > best, to.slice(0, 5));
    countries.add(opened.countries[countryOf(opened, network(opened, digits))] ?? "?");
  }
  assert.ok(countries.size >= 12 && !countries.has("?"), [...countries].join());
  assert.ok(first[0]! > 100 && first[1]! > 100, first.join());
});

tables("the sample has Belgium without a carrier and Austria without a price", () => {
  const opened = openTables(compileTables(readFolder(`${SAMPLE}/tables`)).buffer);
  const country = (digits: string) => opened.countries[countryOf(opened, network(opened, digits))];
  assert.is(country("32470000000"), "BE");
  assert.equal(costs(opened, "32470000000"), [-1, -1]);
  assert.is(price(opened, 1, "32470000000"), 64_000);
  assert.is(country("436640000000"), "AT");
  assert.ok(costs(opened, "436640000000").every((cost) => cost > 0));
  assert.is(price(opened, 1, "436640000000"), -1);
});

tables.run();
