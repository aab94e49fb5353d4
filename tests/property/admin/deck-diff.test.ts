/**
 * Differences of decks, held against what they mean: for every match and every time, the deck that
 * results costs what the file says there, and else what the deck in force said or nothing.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { diffDeck } from "../../../services/admin/import/deck-diff.js";
import { indexDeck } from "../../../workers/deck-index.js";
import { closePeriods } from "../../../workers/deck-periods.js";
import type { DeckColumns, DeckSource, RateTerms } from "../../../workers/source.js";

const diffs = suite("diffDeck");

/** Times are whole numbers from 1 to 20; 10 is now. */
const NOW = 10;
const TIMES = Array.from({ length: 22 }, (_, ms) => ms);
const CODES = [1, 2, 3];

interface Row {
  readonly code: number;
  readonly senderKind: number;
  readonly from: number;
  /** 0: no end. */
  readonly to: number;
  readonly price: number;
}

/** Periods of one code and kind, rising, without overlap; the last may have no end. */
const periods = (code: number, senderKind: number, fromMin: number): fc.Arbitrary<Row[]> =>
  fc
    .record({
      times: fc.uniqueArray(fc.integer({ min: fromMin, max: 20 }), { maxLength: 6 }),
      prices: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 6, maxLength: 6 }),
      endless: fc.boolean(),
    })
    .map(({ times, prices, endless }) => {
      const sorted = [...times].sort((a, b) => a - b);
      const rows: Row[] = [];
      for (let at = 0; at + 1 < sorted.length; at += 2) {
        const last = at + 3 >= sorted.length;
        const to = last && endless ? 0 : sorted[at + 1]!;
        rows.push({ code, senderKind, from: sorted[at]!, to, price: prices[at]! });
      }
      return rows;
    });
const deck = (fromMin: number): fc.Arbitrary<Row[]> =>
  fc
    .tuple(...CODES.flatMap((code) => [0, 1].map((kind) => periods(code, kind, fromMin))))
    .map((all) => all.flat());

const termsOf = (row: Row): RateTerms => ({
  effectiveFromMs: row.from,
  effectiveToMs: row.to,
  senderKind: row.senderKind,
  trafficClass: 0,
  unit: "segment",
  priceMicros: row.price,
  increment: 1,
  messageFeeMicros: 0,
  segmentFeeMicros: 0,
  minimumMicros: 0,
  chargeBasis: 0,
  rounding: 0,
  decimals: 6,
});

function columnsOf(rows: readonly Row[]): DeckColumns {
  return {
    count: rows.length,
    kinds: Uint8Array.from(rows, () => 2),
    codes: Float64Array.from(rows, ({ code }) => code),
    lengths: Uint8Array.from(rows, () => 1),
    terms: Uint32Array.from(rows, (_, at) => at),
  };
}

function sourceOf(rows: readonly Row[]): DeckSource {
  const owner = { carrier: "alpha" };
  return {
    owner,
    channel: "sms",
    currency: "GBP",
    rows: columnsOf(rows),
    terms: rows.map(termsOf),
  };
}

/** Slow and obvious: the price at a time; undefined: none. Fails where two rows would hold. */
function priceAt(
  { rows, terms }: { rows: DeckColumns; terms: readonly RateTerms[] },
  code: number,
  senderKind: number,
  ms: number,
): number | undefined {
  const found = Array.from(rows.terms, (at) => terms[at]!).filter(
    (one, row) =>
      rows.codes[row] === code &&
      one.senderKind === senderKind &&
      one.effectiveFromMs <= ms &&
      (one.effectiveToMs === 0 || ms < one.effectiveToMs),
  );
  assert.ok(found.length < 2, "rows overlap");
  return found[0]?.priceMicros;
}

function run(present: readonly Row[], fresh: readonly Row[], merge: boolean, ceaseMs?: number) {
  const problems: string[] = [];
  const rows = columnsOf(fresh);
  const closed = closePeriods({ rows, terms: fresh.map(termsOf) }, () => assert.unreachable());
  const parsed = {
    ...{ owner: "alpha", channel: "sms" as const, currency: "GBP", ...closed },
    lines: Uint32Array.from(fresh, (_, at) => at + 2),
    index: indexDeck(closed.rows),
  };
  const result = diffDeck(sourceOf(present), parsed, {
    merge,
    nowMs: NOW,
    allowRetroactive: false,
    changePercentMax: Number.POSITIVE_INFINITY,
    ...(ceaseMs === undefined ? {} : { ceaseMs }),
    columns: { price: "price", effective: "effective" },
    tell: (reason) => void problems.push(reason),
  });
  return { ...result, problems };
}

diffs("replaces: the file from its first time on, and before that what was", () => {
  fc.assert(
    fc.property(deck(1), deck(1), fc.integer({ min: NOW, max: 20 }), (present, fresh, ceaseMs) => {
      const result = run(present, fresh, false, ceaseMs);
      let retroactive = false;
      for (const code of CODES) {
        for (const kind of [0, 1]) {
          const mine = fresh.filter((row) => row.code === code && row.senderKind === kind);
          const first = mine.length === 0 ? ceaseMs : Math.min(...mine.map(({ from }) => from));
          for (const ms of TIMES) {
            const was = priceAt(sourceOf(present), code, kind, ms);
            const said = priceAt(sourceOf(mine), code, kind, ms);
            const wanted = ms < first ? was : said;
            assert.is(priceAt(result, code, kind, ms), wanted, `${code} ${kind} at ${ms}`);
            if (ms < NOW && wanted !== was) retroactive = true;
          }
        }
      }
      assert.is(result.problems.includes("retroactive"), retroactive);
    }),
  );
});

diffs("merges: the file where it says something, and else what was", () => {
  fc.assert(
    fc.property(deck(1), deck(1), (present, fresh) => {
      const result = run(present, fresh, true);
      for (const code of CODES) {
        for (const kind of [0, 1]) {
          for (const ms of TIMES) {
            const was = priceAt(sourceOf(present), code, kind, ms);
            const wanted = priceAt(sourceOf(fresh), code, kind, ms) ?? was;
            assert.is(priceAt(result, code, kind, ms), wanted, `${code} ${kind} at ${ms}`);
          }
        }
      }
    }),
  );
});

diffs("finds nothing in a file that repeats what is in force", () => {
  fc.assert(
    fc.property(deck(1), fc.boolean(), (present, merge) => {
      const current = run([], present, false);
      const again = run(present, present, merge);
      assert.equal([again.diff.added, again.diff.changed, again.diff.ceased], [0, 0, 0]);
      assert.is(again.diff.unchanged, current.diff.added);
      assert.equal(again.problems, []);
    }),
  );
});

diffs.run();
