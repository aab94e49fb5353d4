/** Segments of an account in a month: what volume tiers count. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { monthOf, openMonths } from "../../../services/dispatch/months.js";

const months = suite("dispatch months");

months("counts an account's segments by the month of acceptance in UTC", () => {
  const counted = openMonths();
  const november = monthOf(Date.parse("2026-11-30T23:59:59.999Z"));
  const december = monthOf(Date.parse("2026-12-01T00:00:00Z"));
  assert.is(december, november + 1);
  counted.add(0, november, 3);
  counted.add(0, december, 2);
  // The end of a month is still decided a little while into the next.
  counted.add(0, november, 1);
  counted.add(200, november, 7);
  assert.equal([counted.segments(0, november), counted.segments(0, december)], [4, 2]);
  assert.equal([counted.segments(200, november), counted.segments(199, november)], [7, 0]);
  assert.is(counted.segments(5_000, november), 0);
});

months("begins at nothing in a month whose place another one had", () => {
  const counted = openMonths();
  counted.add(1, 24_323, 9);
  counted.add(1, 24_325, 1);
  assert.equal([counted.segments(1, 24_325), counted.segments(1, 24_323)], [1, 0]);
  counted.add(1, 24_323, 5);
  assert.is(counted.segments(1, 24_325), 1);
});

months("is the same after a snapshot", () => {
  const counted = openMonths();
  for (let place = 0; place < 150; place += 1) counted.add(place, 24_323 + (place % 2), place);
  const again = openMonths();
  again.restore(0, counted.dump(0, 100));
  again.restore(100, counted.dump(100, 150));
  for (let place = 0; place < 151; place += 1) {
    const month = 24_323 + (place % 2);
    assert.is(again.segments(place, month), counted.segments(place, month));
  }
  again.add(150, 24_323, 5);
  assert.is(again.segments(150, 24_323), 5);
});

months.run();
