/** What the difference of a deck refuses as a jump, and which changes it tells. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { diffDeck } from "../../../../services/admin/import/deck-diff.js";
import { parseDeck } from "../../../../workers/parse-deck.js";
import type { DeckSource } from "../../../../workers/source.js";

const diffs = suite("diffDeck");

const NOW_MS = Date.UTC(2026, 5, 1);

function parse(text: string, effectiveFromMs: number) {
  const options = { owner: { name: "alpha" }, currency: "GBP", effectiveFromMs };
  const { decks, problems } = parseDeck(Buffer.from(text), options);
  assert.equal(problems, []);
  return decks[0]!;
}

/** Of a file by which `fresh` is added to, or put in place of, a deck that holds since ever. */
function diff(present: string, fresh: string, merge = true, changePercentMax = 50) {
  const { rows, terms } = parse(present, 0);
  const deck: DeckSource = {
    owner: { carrier: "alpha" },
    channel: "sms",
    currency: "GBP",
    rows,
    terms,
  };
  const jumps: string[] = [];
  const result = diffDeck(deck, parse(fresh, NOW_MS), {
    merge,
    nowMs: NOW_MS,
    allowRetroactive: false,
    changePercentMax,
    columns: { price: "price", effective: "effective" },
    tell(reason, line, column, problem) {
      assert.is(reason, "jump");
      jumps.push(`${line} ${column}: ${problem.replace(": more than --max-change", "")}`);
    },
  });
  const changes = result.diff.changes.map(({ what, match, before, after, effectiveFromMs, line }) =>
    [
      ...[line, what, match, before || "-", after || "-"],
      new Date(effectiveFromMs).toISOString().slice(0, 10),
    ].join(" "),
  );
  return { jumps, changes, counts: result.diff };
}

diffs("measures a new prefix by the longest shorter one that rated its numbers", () => {
  const present = "prefix,price\n4,9\n44,0.0312\n*,0.01\n";
  const fresh = "prefix,price\n4477,5.00\n";
  const { jumps, counts } = diff(present, fresh);
  assert.equal(jumps, ["2 price: changes 0.0312 (prefix 44) by 15925.6 % to 5.00"]);
  assert.is(counts.added, 1);
  assert.equal(diff(present, fresh, false).jumps, jumps);
  assert.equal(diff(present, fresh, true, Number.POSITIVE_INFINITY).jumps, []);
  assert.equal(diff(present, "prefix,price\n4477,0.0468\n").jumps, []);
});

diffs("measures a new row by the default row if nothing else rated its numbers", () => {
  const present = "prefix,price\n44,0.03\n*,0.01\n";
  const jump = ["2 price: changes 0.01 (default) by 400.0 % to 0.05"];
  assert.equal(diff(present, "prefix,price\n49,0.05\n").jumps, jump);
  assert.equal(diff(present, "mccmnc,price\n26201,0.05\n").jumps, jump);
  assert.equal(diff(present, "mcc,price\n262,0.05\n").jumps, jump);
});

diffs("measures a new network by its country, and not by another", () => {
  const present = "mcc,price\n234,0.03\n001,0.02\n";
  const { jumps } = diff(present, "mccmnc,price\n23410,0.3\n00101,0.3\n26201,0.3\n");
  assert.equal(jumps, [
    "2 price: changes 0.03 (mcc 234) by 900.0 % to 0.30",
    "3 price: changes 0.02 (mcc 001) by 1400.0 % to 0.30",
  ]);
});

diffs("takes a row whose numbers had no rate as new", () => {
  const present = "prefix,price,expires\n44,0.03,2026-05-01\n49,0.03,\n";
  const { jumps, counts } = diff(present, "prefix,price\n4477,5\n33,5\n*,5\n");
  assert.equal(jumps, []);
  assert.is(counts.added, 3);
});

diffs("measures a new row by rows for the same messages alone, the nearest first", () => {
  const present =
    "prefix,price,sender_kind,traffic_class\n44,0.03,,\n44,0.20,short,\n44,0.30,,promotional\n";
  const fresh =
    "prefix,price,sender_kind,traffic_class\n447,0.40,short,\n448,0.40,,promotional\n449,0.40,short,promotional\n44,0.40,alphanumeric,\n";
  assert.equal(diff(present, fresh).jumps, [
    "2 price: changes 0.20 (prefix 44) by 100.0 % to 0.40",
    "5 price: changes 0.03 (prefix 44) by 1233.3 % to 0.40",
  ]);
});

diffs("measures each later price of a new row", () => {
  const present = "prefix,price\n44,0.03\n";
  const fresh = "prefix,price,effective\n447,0.03,2026-07-01\n447,0.30,2026-08-01\n";
  assert.equal(diff(present, fresh).jumps, [
    "3 price: changes 0.03 (prefix 44) by 900.0 % to 0.30",
  ]);
});

diffs("tells each change in time of one match, and counts the match once", () => {
  const present = "prefix,price\n44,0.03\n";
  const fresh =
    "prefix,price,effective,expires\n44,0.031,2026-07-01,2026-08-01\n44,0.04,2026-08-01,2026-09-01\n" +
    "49,0.05,2026-07-01,\n49,0.06,2026-08-01,\n";
  const { changes, counts } = diff(present, fresh, false);
  assert.equal(changes, [
    "3 changed prefix 44 0.03 0.04 2026-08-01",
    "2 changed prefix 44 0.03 0.031 2026-07-01",
    "4 added prefix 49 - 0.05 2026-07-01",
    "5 added prefix 49 - 0.06 2026-08-01",
    "0 ceased prefix 44 0.03 - 2026-09-01",
  ]);
  assert.equal([counts.added, counts.changed, counts.raised, counts.ceased], [1, 1, 1, 0]);
});

diffs("tells once what ceases with the prices that were to come", () => {
  const present = "prefix,price,effective\n44,0.03,2026-01-01\n44,0.04,2026-08-01\n49,1,\n";
  const { changes } = diff(present, "prefix,price\n49,1\n", false);
  assert.equal(changes, ["0 ceased prefix 44 0.03 - 2026-06-01"]);
});

diffs("measures a price for a segment against one for a message by long messages too", () => {
  const bySegment = "prefix,price,unit\n44,0.03,segment\n";
  const byMessage = "prefix,price,unit\n44,0.03,message\n";
  assert.equal(diff(bySegment, byMessage).jumps, [
    "2 price: changes 0.09 by 66.7 % to 0.03 for 3 segments",
  ]);
  const back = diff(byMessage, bySegment);
  assert.equal(back.jumps, ["2 price: changes 0.03 by 200.0 % to 0.09 for 3 segments"]);
  assert.is(back.counts.raised, 1);
  assert.equal(diff(bySegment, "prefix,price,unit\n44,0.12,message\n").jumps, [
    "2 price: changes 0.03 by 300.0 % to 0.12",
  ]);
});

diffs.run();
