/** Cells: amounts, times and networks as texts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AMOUNT_PROBLEMS, amountOf, networkDigitsOf, timeOf } from "../../../workers/csv-cells.js";

const cells = suite("cells");

const amount = (text: string): number | string => {
  const bytes = Buffer.from(text);
  const value = amountOf(bytes, 0, bytes.length);
  return value < 0 ? AMOUNT_PROBLEMS[value]! : value;
};

cells("reads amounts exactly", () => {
  for (const [text, micros] of [
    ["0", 0],
    ["0.0", 0],
    ["0.016", 16_000],
    [".5", 500_000],
    ["12", 12_000_000],
    ["0.000001", 1],
    ["007.10", 7_100_000],
    ["1000000", 1_000_000_000_000],
    ["4.35", 4_350_000],
  ] as const) {
    assert.is(amount(text), micros, text);
  }
});

cells("says what is wrong with what is no amount", () => {
  for (const [text, problem] of [
    ["", "must be a decimal number"],
    ["x", "must be a decimal number"],
    ["1e-2", "must be a decimal number"],
    ["5.", "must be a decimal number"],
    ["1.2.3", "must be a decimal number"],
    ["£1", "must be a decimal number"],
    ["0.0000001", "has more than 6 decimals"],
    ["0,016", "has a decimal comma"],
    ["-1", "must not be negative"],
    ["1000000.000001", "is more than 1000000"],
    ["99999999999999999999", "is more than 1000000"],
  ] as const) {
    assert.match(String(amount(text)), problem, text);
  }
});

cells("reads times: RFC 3339, dates, dates with times", () => {
  for (const [text, iso] of [
    ["2021-01-01T00:00:00+00:00", "2021-01-01T00:00:00.000Z"],
    ["2026-01-31", "2026-01-31T00:00:00.000Z"],
    ["2026-01-31 18:30", "2026-01-31T18:30:00.000Z"],
    ["2026-01-31 18:30:15", "2026-01-31T18:30:15.000Z"],
    ["2026-01-31T18:30:15.25Z", "2026-01-31T18:30:15.250Z"],
    ["2026-01-31T18:00:00+01:30", "2026-01-31T16:30:00.000Z"],
    ["2026-01-31t18:00:00-0100", "2026-01-31T19:00:00.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ] as const) {
    assert.is(new Date(timeOf(text)).toISOString(), iso, text);
  }
  for (const text of [
    "",
    "01/02/2026",
    "2026-1-1",
    "2026-02-29",
    "2026-13-01",
    "2026-00-10",
    "2026-01-00",
    "2026-01-01T24:00:00Z",
    "2026-01-01T10:00:00+24:00",
    "2026-01-01T10:00:00-01:60",
    "1969-12-31",
    "tomorrow",
  ]) {
    assert.ok(Number.isNaN(timeOf(text)), text);
  }
});

cells("reads networks, with their leading zeros", () => {
  assert.is(networkDigitsOf("23410"), "23410");
  assert.is(networkDigitsOf("234-01"), "23401");
  assert.is(networkDigitsOf("310 004"), "310004");
  assert.is(networkDigitsOf("234"), "234");
  for (const text of ["", "23", "2341", "2341000", "234--10", "x"]) {
    assert.is(networkDigitsOf(text), "", text);
  }
});

cells.run();
