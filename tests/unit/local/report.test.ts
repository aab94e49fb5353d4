/** The table at the end of `npm start`. */
import { stripVTControlCharacters } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decimal, type ReportRow, reportTable, totals } from "../../../deploy/local/report.js";

const report = suite("report");

const ROW: ReportRow = {
  country: "GB",
  carrier: "alpha",
  state: "DELIVERED",
  messages: 3,
  segments: 4,
  currency: "GBP",
  priceMicros: 120_000,
  chargedMicros: 120_000,
  costCurrency: "GBP",
  costMicros: 90_001,
};

report("writes micro-units as exact decimals", () => {
  const cases: readonly [number, string][] = [
    [0, "0.000000"],
    [1, "0.000001"],
    [1_000_000, "1.000000"],
    [12_345_678, "12.345678"],
    [-90_001, "-0.090001"],
  ];
  for (const [micros, text] of cases) assert.is(decimal(micros), text);
});

report("adds up what is in the same currencies, and nothing else", () => {
  const sums = totals([ROW, { ...ROW, country: "DE" }, { ...ROW, currency: "EUR", messages: 1 }]);
  assert.equal(
    sums.map(({ currency, messages, costMicros }) => [currency, messages, costMicros]),
    [
      ["GBP", 6, 180_002],
      ["EUR", 1, 90_001],
    ],
  );
});

report("has a row for those refused at the door, by reason", () => {
  const text = stripVTControlCharacters(reportTable([ROW], { to: 4, text: 2 }));
  assert.match(text, /refused at the door \(text 2, to 4\) +6 /);
  assert.match(text, /^total +3 +4 +0\.120000 +0\.120000 +GBP +0\.090001 +GBP$/m);
});

report("has no such row when nothing was refused", () => {
  assert.not.match(reportTable([ROW], {}), "refused");
});

report.run();
