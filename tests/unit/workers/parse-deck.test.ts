/** Decks as carriers send them, and as our own columns say them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type DeckFileOptions, type ParsedDecks, parseDeck } from "../../../workers/parse-deck.js";
import { MATCH, ROUNDING, SENDER_KIND, TIERS } from "../../../workers/source.js";

const decks = suite("parseDeck");

const parse = (text: string, options: Partial<DeckFileOptions> = {}): ParsedDecks =>
  parseDeck(Buffer.from(text), { owner: { name: "alpha" }, ...options });

/** The only deck of a file without problems. */
function deckOf(text: string, options: Partial<DeckFileOptions> = {}) {
  const { decks: all, problems } = parse(text, options);
  assert.equal(problems, []);
  assert.is(all.length, 1);
  return all[0]!;
}

/** Of each row: kind, digits, price. */
function rowsOf(text: string, options: Partial<DeckFileOptions> = {}) {
  const { rows, terms } = deckOf(text, options);
  return Array.from({ length: rows.count }, (_, row) => [
    rows.kinds[row],
    String(rows.codes[row]).padStart(rows.lengths[row]!, "0").slice(0, rows.lengths[row]),
    terms[rows.terms[row]!]!.priceMicros,
  ]);
}

const told = ({ problems }: ParsedDecks): readonly string[] =>
  problems.map(({ line, column, problem }) => `${line} ${column}: ${problem}`);

decks("takes what a messaging platform sends", () => {
  const text =
    "MCCMNC,PriceSubmit,PriceDelivered,Currency,Effective,Ignore,Cease\r\n" +
    "23410,0.0,0.016,GBP,2021-01-01T00:00:00+00:00,0,\r\n" +
    "310-004,0.02,0.0,GBP,2021-01-01T00:00:00+00:00,,2030-01-01\r\n" +
    "23499,9,9,EUR,never,1,\r\n";
  const { ignoredCount, rowCount, decks: all, problems } = parse(text);
  assert.equal(problems, []);
  assert.equal([ignoredCount, rowCount], [1, 3]);
  const { rows, terms, currency, lines } = all[0]!;
  assert.is(currency, "GBP");
  assert.equal([...rows.kinds], [MATCH.network, MATCH.network]);
  assert.equal([...rows.codes], [23410, 310004]);
  assert.equal([...rows.lengths], [5, 6]);
  assert.equal([...lines], [2, 3]);
  assert.equal(
    terms.map(({ priceMicros, chargeBasis, effectiveToMs }) => [
      priceMicros,
      chargeBasis,
      effectiveToMs,
    ]),
    [
      [16_000, 2, 0],
      [20_000, 1, Date.UTC(2030, 0, 1)],
    ],
  );
});

decks("takes MCC and MNC apart, a price by another name, and tells what it does not read", () => {
  const text = "MCC,MNC,MWX,RATE\n234,01,Acme,0.01\n234,,All,0.02\n";
  assert.equal(rowsOf(text), [
    [MATCH.network, "23401", 10_000],
    [MATCH.mcc, "234", 20_000],
  ]);
  assert.equal(parse(text).unknownColumns, ["MWX"]);
});

decks("takes decks by dial code", () => {
  const text =
    "Destination;Code;Rate;Effective Date;Billing Increment\nUK;44;0.1;2026-01-01;1/1\nUK mobile;+447;0.2;2026-01-01;1/1\nElse;default;0.3;2026-01-01;1\n";
  assert.equal(rowsOf(text), [
    [MATCH.prefix, "44", 100_000],
    [MATCH.prefix, "447", 200_000],
    [MATCH.default, "", 300_000],
  ]);
  const voice = parse(text.replace("0.2;2026-01-01;1/1", "0.2;2026-01-01;60/60"));
  assert.equal(told(voice), [
    "3 Billing Increment: is in seconds, which messages do not have: only 1/1 is taken",
  ]);
});

decks("takes no empty cell of a column of prefixes as the default row", () => {
  const lost = parse("Dial Code,Rate\n44,0.1\n,0.2\n");
  assert.equal(told(lost), ["3 Dial Code: is empty: the default row is * or default"]);
  const both = "prefix,mcc,mccmnc,price\n44,,,0.1\n,234,,0.2\n,,23410,0.3\n,*,,0.4\n";
  assert.equal(
    rowsOf(both).map(([kind]) => kind),
    [MATCH.prefix, MATCH.mcc, MATCH.network, MATCH.default],
  );
  assert.equal(told(parse(`${both},,,0.5\n`)), [
    "6 prefix: is empty: the default row is * or default",
  ]);
  for (const cell of ["*", "default", "DEFAULT"]) {
    assert.equal(rowsOf(`prefix,price\n${cell},0.1\n`), [[MATCH.default, "", 100_000]]);
  }
  // Without such a column nothing was lost.
  assert.equal(rowsOf("mcc,mnc,price\n,,0.1\n"), [[MATCH.default, "", 100_000]]);
});

decks("takes our names in snake case and camel case, and a map before both", () => {
  const snake =
    "prefix,price,message_fee,segment_fee,sender_kind,traffic_class\n44,1,2,3,short,promotional\n";
  const camel = snake.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  assert.equal(deckOf(snake).terms, deckOf(camel).terms);
  const text = "Dest,price,our_price,fee_x\n44,9,0.1,0.5\n";
  const map = { prefix: "dest", price: "our_price", messageFee: "fee_x" };
  const { terms } = deckOf(text, { map });
  assert.equal([terms[0]?.priceMicros, terms[0]?.messageFeeMicros], [100_000, 500_000]);
  assert.equal(parse(text, { map }).unknownColumns, ["price"]);
});

decks("reads all terms of a row", () => {
  const text =
    "mccmnc,effective,expires,unit,increment,price,message_fee,segment_fee,minimum,sender_kind,traffic_class,rounding,decimals\n" +
    "23410,2026-01-01,2026-02-01T12:00:00+01:00,message,5,0.1,0.2,0.3,0.4,alphanumeric,authentication,*middle,4\n";
  assert.equal(deckOf(text).terms, [
    {
      effectiveFromMs: Date.UTC(2026, 0, 1),
      effectiveToMs: Date.UTC(2026, 1, 1, 11),
      senderKind: SENDER_KIND.alphanumeric,
      trafficClass: 1,
      unit: "message",
      priceMicros: 100_000,
      increment: 5,
      messageFeeMicros: 200_000,
      segmentFeeMicros: 300_000,
      minimumMicros: 400_000,
      chargeBasis: 0,
      rounding: ROUNDING.middle,
      decimals: 4,
    },
  ]);
});

decks("reads tiers", () => {
  const { terms } = deckOf("prefix,tiers\n44,graduated 0:0.03 1000:0.025\n45,volume 0:1|5:0.5\n");
  assert.equal(terms[0]?.tiers, {
    mode: TIERS.graduated,
    steps: [
      { from: 0, priceMicros: 30_000 },
      { from: 1_000, priceMicros: 25_000 },
    ],
  });
  assert.is(terms[1]?.tiers?.mode, TIERS.volume);
  for (const tiers of ["0:1", "graduated", "graduated 1:1", "volume 0:1 0:2", "volume 0:x"]) {
    assert.is(parse(`prefix,tiers\n44,${tiers}\n`).problemCount > 0, true, tiers);
  }
});

decks("shares equal terms, however they are written", () => {
  const { rows, terms } = deckOf("prefix,price\n44,0.1\n45,0.10\n46,.1\n47,0.2\n");
  assert.equal([...rows.terms], [0, 0, 0, 1]);
  assert.is(terms.length, 2);
});

decks("keeps prices by owner and channel apart", () => {
  const text =
    "carrier,channel,prefix,price,currency\nalpha,sms,44,1,GBP\nbeta,,44,2,EUR\nalpha,fax,44,3,GBP\n";
  const { decks: all, problems } = parse(text, { owner: { column: "carrier" }, strict: true });
  assert.equal(problems, []);
  assert.equal(
    all.map(({ owner, channel, currency, terms }) => [
      owner,
      channel,
      currency,
      terms[0]?.priceMicros,
    ]),
    [
      ["alpha", "sms", "GBP", 1_000_000],
      ["beta", "sms", "EUR", 2_000_000],
      ["alpha", "fax", "GBP", 3_000_000],
    ],
  );
});

decks("ends a row where the next of its match begins", () => {
  const text = "prefix,price,effective\n44,2,2026-07-01\n44,1,2026-01-01\n45,1,2026-01-01\n";
  const { rows, terms } = deckOf(text);
  assert.equal(
    [...rows.terms].map((one) => terms[one]?.effectiveToMs),
    [0, Date.UTC(2026, 6, 1), 0],
  );
});

const WRONG: readonly (readonly [text: string, problem: string])[] = [
  ["", "0 file: is empty"],
  ["price\n1\n", "1 prefix: is missing, and mccmnc and mcc too: name one by --map prefix=..."],
  ["prefix,cst\n44,1\n", "1 price: is missing: name it by --map price=..."],
  ["prefix,price,rate\n44,1,1\n", "1 price: may be price and rate: say which by --map price=..."],
  ["prefix,price\n044,1\n", "2 prefix: must be 1 to 15 digits that do not begin with 0"],
  ["prefix,price\n1234567890123456,1\n", "2 prefix: must be 1 to 15 digits"],
  ["mccmnc,price\n2341,1\n", "2 mccmnc: must be an MCC of 3 digits"],
  ["mcc,mnc,price\n234,1,1\n", "2 mnc: must have 2 or 3 digits"],
  ["mcc,mnc,price\n,10,1\n", "2 mcc: is missing beside the MNC"],
  ["prefix,mccmnc,price\n44,23410,1\n", "2 prefix: and a network are both given"],
  ["mccmnc,mcc,mnc,price\n23410,234,11,1\n", "2 mccmnc: is not that of the MCC and MNC beside it"],
  ["prefix,Rate\n44,0.0000001\n", "2 Rate: has more than 6 decimals"],
  ["prefix;price\n44;0,5\n", "2 price: has a decimal comma"],
  [
    "prefix,price_submit,price_delivered\n44,1,1\n",
    "2 price_delivered: and the price on submission",
  ],
  ["prefix,price_submit,price_delivered\n44,,\n", "is missing"],
  ["prefix,price,effective\n44,1,01/02/2026\n", "2 effective: must be a date or time"],
  ["prefix,price,effective,expires\n44,1,2026-01-02,2026-01-02\n", "2 expires: is not after"],
  ["prefix,price,currency\n44,1,pounds\n", "2 currency: must be three letters"],
  ["prefix,price,currency\n44,1,GBP\n45,1,EUR\n", "3 currency: was GBP on rows before"],
  ["prefix,price,unit\n44,1,minute\n", "2 unit: must be segment or message"],
  ["prefix,price,channel\n44,1,voice\n", "2 channel: must be one of sms, fax"],
  ["prefix,price,sender_kind\n44,1,long\n", "2 sender_kind: must be one of any, alphanumeric"],
  ["prefix,price,decimals\n44,1,7\n", "2 decimals: must be a whole number from 0 to 6"],
  ["prefix,price,ignore\n44,1,maybe\n", "2 ignore: must be yes or no"],
  ["prefix,price\n44,1\n45,1\n44,2\n", "4 row: overlaps that of line 2"],
  [
    "prefix,price,effective,expires\n44,1,,\n44,2,2026-06-01,2026-07-01\n",
    "3 row: overlaps that of line 2",
  ],
];

for (const [text, problem] of WRONG) {
  decks(`tells ${JSON.stringify(text)}: ${problem}`, () => {
    const found = told(parse(text));
    assert.is(found.length, 1, found.join("; "));
    assert.match(found[0]!, problem);
  });
}

decks("tells columns that it does not know where only ours may be", () => {
  const found = told(parse("prefix,price,colour\n44,1,red\n", { strict: true }));
  assert.equal(found, ["1 colour: is no column of this file"]);
});

decks("tells the first thousand problems by line, and counts all", () => {
  const text = `prefix,price\n${"44,x\n".repeat(1_500)}`;
  const { problems, problemCount } = parse(text);
  assert.is(problems.length, 1_000);
  assert.is(problemCount, 1_500);
  assert.equal([problems[0]?.line, problems[999]?.line], [2, 1_001]);
});

decks.run();
