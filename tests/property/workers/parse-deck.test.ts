/** Decks: what is written as CSV, in whatever way, is read as the same rows. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatMicros } from "../../../core/money.js";
import { openDeckParser } from "../../../workers/parse-deck.js";
import { MATCH, type RateTerms, TIERS } from "../../../workers/source.js";

const decks = suite("parseDeck round trip");

interface Row {
  readonly kind: number;
  readonly digits: string;
  readonly terms: RateTerms;
}

const digits = (min: number, max: number) =>
  fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max })
    .map((all) => all.join(""));
const match = fc.oneof(
  digits(0, 14).map((rest) => ({ kind: MATCH.prefix, digits: `4${rest}` })),
  digits(5, 6).map((all) => ({ kind: MATCH.network, digits: all })),
  digits(3, 3).map((all) => ({ kind: MATCH.mcc, digits: all })),
  fc.constant({ kind: MATCH.default, digits: "" }),
);
const micros = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: 0, max: 1_000_000_000_000 }),
);
const tiers = fc
  .record({
    mode: fc.constantFrom(TIERS.graduated, TIERS.volume),
    prices: fc.array(micros, { minLength: 1, maxLength: 4 }),
  })
  .map(({ mode, prices }) => ({
    mode,
    steps: prices.map((priceMicros, at) => ({ from: at * 1_000, priceMicros })),
  }));
const timeMs = fc.integer({ min: 1, max: 4_000_000_000_000 });
const terms: fc.Arbitrary<RateTerms> = fc
  .record({
    effectiveFromMs: fc.oneof(fc.constant(0), timeMs),
    lastsMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1_000_000_000 })),
    senderKind: fc.integer({ min: 0, max: 3 }),
    trafficClass: fc.integer({ min: 0, max: 3 }),
    unit: fc.constantFrom("segment" as const, "message" as const),
    priceMicros: micros,
    increment: fc.integer({ min: 1, max: 100 }),
    messageFeeMicros: micros,
    segmentFeeMicros: micros,
    minimumMicros: micros,
    chargeBasis: fc.integer({ min: 0, max: 2 }),
    rounding: fc.integer({ min: 0, max: 2 }),
    decimals: fc.integer({ min: 0, max: 6 }),
    tiers: fc.option(tiers, { nil: undefined }),
  })
  .map(({ lastsMs, tiers: scheme, ...rest }) => ({
    ...rest,
    effectiveToMs: lastsMs === 0 ? 0 : rest.effectiveFromMs + lastsMs,
    ...(scheme === undefined ? {} : { priceMicros: scheme.steps[0]!.priceMicros, tiers: scheme }),
  }));

const SENDER_KINDS = ["", "alphanumeric", "numeric", "short"];
const CLASSES = ["", "authentication", "transactional", "promotional"];
const BASES = ["", "submit", "delivered"];
const ROUNDINGS = ["up", "middle", "down"];
const time = (ms: number): string => (ms === 0 ? "" : new Date(ms).toISOString());

/** Each column with a cell of a row; all but the first two may be left out where all are empty. */
const CELLS: Readonly<Record<string, (row: Row) => string>> = {
  prefix: ({ kind, digits: all }) =>
    kind === MATCH.default ? "*" : kind === MATCH.prefix ? all : "",
  mccmnc: ({ kind, digits: all }) => (kind === MATCH.network || kind === MATCH.mcc ? all : ""),
  price: (row) => (row.terms.tiers === undefined ? formatMicros(row.terms.priceMicros) : ""),
  tiers: ({ terms: { tiers: scheme } }) =>
    scheme === undefined
      ? ""
      : [
          scheme.mode === TIERS.volume ? "volume" : "graduated",
          ...scheme.steps.map(({ from, priceMicros }) => `${from}:${formatMicros(priceMicros)}`),
        ].join(" "),
  effective: (row) => time(row.terms.effectiveFromMs),
  expires: (row) => time(row.terms.effectiveToMs),
  unit: (row) => row.terms.unit,
  increment: (row) => String(row.terms.increment),
  messageFee: (row) => formatMicros(row.terms.messageFeeMicros),
  segment_fee: (row) => formatMicros(row.terms.segmentFeeMicros),
  minimum: (row) => formatMicros(row.terms.minimumMicros),
  sender_kind: (row) => SENDER_KINDS[row.terms.senderKind]!,
  trafficClass: (row) => CLASSES[row.terms.trafficClass]!,
  charge_basis: (row) => BASES[row.terms.chargeBasis]!,
  rounding: (row) => ROUNDINGS[row.terms.rounding]!,
  decimals: (row) => String(row.terms.decimals),
};

const layout = fc.record({
  columns: fc.shuffledSubarray(Object.keys(CELLS), { minLength: Object.keys(CELLS).length }),
  separator: fc.constantFrom(",", ";", "\t"),
  lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
  mark: fc.boolean(),
  quoted: fc.boolean(),
  remarks: fc.boolean(),
  chunkBytes: fc.integer({ min: 1, max: 200 }),
});
type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never;

function write(rows: readonly Row[], how: Layout): Buffer {
  const cell = (text: string): string => (how.quoted ? `"${text}"` : text);
  const lines = rows.flatMap((row) => [
    ...(how.remarks ? ["", '# a remark, with a "'] : []),
    how.columns.map((name) => cell(CELLS[name]!(row))).join(how.separator),
  ]);
  const text = [how.columns.map(cell).join(how.separator), ...lines].join(how.lineEnd);
  return Buffer.from(`${how.mark ? "\ufeff" : ""}${text}`);
}

/** One row for a match, sender kind and class: periods are another matter (deck-periods.ts). */
const rowsOf = fc.uniqueArray(
  fc.record({ match, terms }).map(({ match: of, terms: costs }): Row => ({ ...of, terms: costs })),
  {
    maxLength: 30,
    selector: ({ kind, digits: all, terms: { senderKind, trafficClass } }) =>
      `${kind} ${all} ${senderKind} ${trafficClass}`,
  },
);

decks("reads what was written", () => {
  fc.assert(
    fc.property(rowsOf, layout, (rows, how) => {
      const bytes = write(rows, how);
      const parser = openDeckParser({ owner: { name: "alpha" }, strict: true });
      for (let at = 0; at < bytes.length; at += how.chunkBytes) {
        parser.push(bytes.subarray(at, at + how.chunkBytes));
      }
      const { decks: read, problems, rowCount } = parser.end();
      assert.equal(problems, []);
      assert.is(rowCount, rows.length);
      const deck = read[0];
      const found = rows.map((_, row): Row => {
        const { kinds, codes, lengths, terms: of } = deck!.rows;
        const length = lengths[row]!;
        const code = length === 0 ? "" : String(codes[row]).padStart(length, "0");
        return { kind: kinds[row]!, digits: code, terms: deck!.terms[of[row]!]! };
      });
      assert.equal(found, rows);
    }),
  );
});

decks.run();
