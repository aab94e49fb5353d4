/**
 * Goal: which row rates: longest match, precedence with fall-through, effective dates to the
 * millisecond, traffic class, kind of sender.
 * Method: random table sets in which each row has a price of its own, so that what was found names
 * its row; the compiled image against scans over all rows, and each row at its very bounds.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileTables } from "../../../workers/compile.js";
import { destinationOf, networkOf } from "../../../workers/destinations.js";
import { buyTerms } from "../../../workers/rates.js";
import { amountOf } from "../../../workers/rating.js";
import type { DeckSource, RateTerms, TableSource } from "../../../workers/source.js";
import { openTables, type Tables } from "../../../workers/tables.js";
import { anySource, anyTimeMs, NUMBERS } from "../../reference/arbitrary.js";
import { buyDeck, rateOf, rowsOf } from "../../reference/decks.js";
import * as reference from "../../reference/networks.js";

const matching = suite("longest match");
const SMS = 0;

/** Prices that say which row of which deck it is. */
function marked(source: TableSource): TableSource {
  let next = 1;
  const mark = ({ tiers: _, ...terms }: RateTerms): RateTerms => {
    next += 1;
    const plain = { messageFeeMicros: 0, segmentFeeMicros: 0, minimumMicros: 0, decimals: 6 };
    return { ...terms, ...plain, unit: "message", increment: 1, priceMicros: next };
  };
  const decks = source.decks.map((deck): DeckSource => ({ ...deck, terms: deck.terms.map(mark) }));
  return { ...source, decks };
}

const sources = anySource.map(marked);

/** Price of what the image finds for a carrier; -1: nothing. */
function bought(
  tables: Tables,
  carrier: number,
  number: string,
  trafficClass: number,
  senderKind: number,
  atMs: number,
): number {
  // Among other digits, so that it ends where it ends.
  const digits = Buffer.from(`9${number}9`);
  const end = 1 + number.length;
  const destination = destinationOf(tables, digits, 1, end);
  const network = networkOf(tables, destination, digits, 1, end);
  const terms = buyTerms(
    tables,
    carrier,
    SMS,
    destination,
    network,
    trafficClass,
    senderKind,
    atMs,
  );
  return terms < 0 ? -1 : amountOf(tables.terms, terms, 1);
}

/** Price of what a scan finds. */
function scanned(
  source: TableSource,
  name: string,
  number: string,
  trafficClass: number,
  senderKind: number,
  atMs: number,
): number {
  const { mcc, mnc } = reference.networkOf(source, number);
  const deck = buyDeck(source, name, "sms");
  if (deck === undefined) return -1;
  const query = { number, mcc, mnc, trafficClass, senderKind, atMs };
  return rateOf(rowsOf(deck), query)?.terms.priceMicros ?? -1;
}

const queries = fc.array(
  fc.tuple(
    fc.constantFrom(...NUMBERS),
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 3 }),
    anyTimeMs,
  ),
  { minLength: 1, maxLength: 12 },
);

matching("the most specific row that applies rates", () => {
  fc.assert(
    fc.property(sources, queries, (source, some) => {
      const tables = openTables(compileTables(source).buffer);
      for (const query of some) {
        for (const [carrier, { name }] of source.carriers.entries()) {
          assert.is(bought(tables, carrier, ...query), scanned(source, name, ...query));
        }
      }
    }),
    { numRuns: 500, includeErrorInReport: true },
  );
});

matching("rows change over at the millisecond that they name", () => {
  fc.assert(
    fc.property(sources, fc.constantFrom(...NUMBERS), (source, number) => {
      const tables = openTables(compileTables(source).buffer);
      for (const [carrier, { name }] of source.carriers.entries()) {
        const deck = buyDeck(source, name, "sms");
        if (deck === undefined) continue;
        for (const terms of deck.terms) {
          const trafficClass = terms.trafficClass || 2;
          const senderKind = terms.senderKind || 1;
          const at = (atMs: number): number => {
            const found = bought(tables, carrier, number, trafficClass, senderKind, atMs);
            assert.is(found, scanned(source, name, number, trafficClass, senderKind, atMs));
            return found;
          };
          const { effectiveFromMs, effectiveToMs, priceMicros } = terms;
          if (effectiveFromMs > 0) {
            at(effectiveFromMs);
            assert.is.not(at(effectiveFromMs - 1), priceMicros);
          }
          if (effectiveToMs > 0) {
            at(effectiveToMs - 1);
            assert.is.not(at(effectiveToMs), priceMicros);
          }
        }
      }
    }),
    { numRuns: 300, includeErrorInReport: true },
  );
});

matching.run();
