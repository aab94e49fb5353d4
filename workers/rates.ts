/**
 * Rates: which terms apply to a message, of a carrier's deck and of a plan's.
 *
 * The most specific row that applies: network, longest prefix, mcc, default; a row that does not
 * apply (traffic class, kind of sender, time) does not exist, so the next less specific one is
 * looked at, shorter prefixes included. Within equal keys a row for the class goes before one for
 * all, then one for the kind of sender, then the later beginning: lists are compiled in that order.
 *
 * A cell says what a deck has for one key: 0 nothing, above 0 terms (index + 1) that apply always.
 * Below 0 they must be looked at: one (CELL_ONE), or a list, whose last word has LIST_LAST.
 *
 * Buy decks are columns of destinations (destinations.ts) and of two tables by network (from 1; 0:
 * unknown): rows of the network itself, and the tail, mcc and then default. The largest sell decks
 * are columns of destinations, too; the others have prefix tables of their own, since plans are many
 * and a message needs one.
 */
import { DESTINATION } from "./destinations.js";
import { allPrefixes, longestPrefix, PREFIX_MATCHES_MAX } from "./prefixes.js";
import type { Conditions, Tables } from "./tables.js";

/** Sign bit: must be looked at. Without the next bit it is one, with it a place in `lists`. */
export const CELL_ONE = 0x8000_0000 | 0;
export const CELL_LIST = 0xc000_0000 | 0;
export const CELL_INDEX = 0x3fff_ffff;
export const LIST_LAST = 0x8000_0000 | 0;

/** Words of a sell deck: root of its prefixes, place and step of its two tables by network. */
export const SELL_WORDS = 8;
export const SELL = {
  /** -1: no prefixes. */
  root: 0,
  networksAt: 1,
  /** 0: one cell for all networks, 1: one for each. */
  networksStep: 2,
  tailsAt: 3,
  tailsStep: 4,
  /** Its column of destinations, where it has one in place of a table of prefixes; -1. */
  column: 5,
} as const;

const matches = new Int32Array(PREFIX_MATCHES_MAX);

/**
 * What the carrier charges.
 * @param channel index into CHANNELS.
 * @param destination as `destinationOf` gives it, `network` as `networkOf` does.
 * @returns index of terms in tables.terms; -1: no rate.
 */
export function buyTerms(
  tables: Tables,
  carrier: number,
  channel: number,
  destination: number,
  network: number,
  trafficClass: number,
  senderKind: number,
  atMs: number,
): number {
  const column = tables.buyColumns[channel * tables.carriers.length + carrier]!;
  if (column < 0) return -1;
  const row = (network + 1) * tables.buyCount + column;
  let terms = termsOfCell(tables, tables.buyNetworks[row]!, trafficClass, senderKind, atMs);
  if (terms >= 0) return terms;
  const place = tables.buyCells + column;
  terms = termsOfColumn(tables, destination, place, trafficClass, senderKind, atMs);
  if (terms >= 0) return terms;
  return termsOfCell(tables, tables.buyTails[row]!, trafficClass, senderKind, atMs);
}

/**
 * `buyTerms` of each of `carriers`, into `into`. A message asks for twenty, and what is the same for
 * all of them is loaded once: 15 ns a carrier against 35.
 */
export function buyTermsOfEach(
  tables: Tables,
  carriers: Int32Array,
  channel: number,
  destination: number,
  network: number,
  trafficClass: number,
  senderKind: number,
  atMs: number,
  into: Int32Array,
): void {
  const { buyColumns, buyCount, buyNetworks, destinations, termsConditions, conditions } = tables;
  const first = channel * tables.carriers.length;
  const ofNetwork = (network + 1) * buyCount;
  const cells = destination * tables.stride + tables.buyCells;
  // Rows of a deck have few conditions: mostly the same time for all.
  let condition = -1;
  let isMet = false;
  for (let index = 0; index < carriers.length; index += 1) {
    const carrier = carriers[index]!;
    const column = buyColumns[first + carrier]!;
    if (column >= 0 && buyNetworks[ofNetwork + column] === 0) {
      const cell = destinations[cells + column]!;
      if (cell > 0) {
        into[index] = cell - 1;
        continue;
      }
      if ((cell & CELL_LIST) === CELL_ONE) {
        const terms = cell & CELL_INDEX;
        if (termsConditions[terms] !== condition) {
          condition = termsConditions[terms]!;
          isMet = applies(conditions, condition, trafficClass, senderKind, atMs);
        }
        if (isMet) {
          into[index] = terms;
          continue;
        }
      }
    }
    into[index] = buyTerms(
      tables,
      carrier,
      channel,
      destination,
      network,
      trafficClass,
      senderKind,
      atMs,
    );
  }
}

/**
 * What the plan's customers pay.
 * @param plan index, as `planIndex` gives it; -1 (no such plan) has no rate.
 * @param destination as `destinationOf` gives it for `digits[at, end)`, `network` as `networkOf`.
 * @returns index of terms in tables.terms; -1: no rate.
 */
export function sellTerms(
  tables: Tables,
  plan: number,
  channel: number,
  destination: number,
  digits: Uint8Array,
  at: number,
  end: number,
  network: number,
  trafficClass: number,
  senderKind: number,
  atMs: number,
): number {
  if (plan < 0) return -1;
  const deck = tables.sellOf[channel * tables.plans.length + plan]!;
  if (deck < 0) return -1;
  const { sellDecks, sellCells, sellValues } = tables;
  const words = deck * SELL_WORDS;
  const own =
    sellDecks[words + SELL.networksAt]! + sellDecks[words + SELL.networksStep]! * (network + 1);
  let terms = termsOfCell(tables, sellCells[own]!, trafficClass, senderKind, atMs);
  if (terms >= 0) return terms;
  const column = sellDecks[words + SELL.column]!;
  const root = sellDecks[words + SELL.root]!;
  if (column >= 0) {
    const place = DESTINATION.cells + column;
    terms = termsOfColumn(tables, destination, place, trafficClass, senderKind, atMs);
    if (terms >= 0) return terms;
  } else if (root >= 0) {
    const value = longestPrefix(tables.nodes, root, digits, at, end);
    terms = termsOfCell(tables, sellValues[value]!, trafficClass, senderKind, atMs);
    if (terms >= 0) return terms;
    // Rarely: a row that does not apply yet, or to this class. Then shorter prefixes count.
    let count = value === 0 ? 0 : allPrefixes(tables.nodes, root, digits, at, end, matches) - 1;
    while (count > 0) {
      count -= 1;
      const cell = sellValues[matches[count]!]!;
      terms = termsOfCell(tables, cell, trafficClass, senderKind, atMs);
      if (terms >= 0) return terms;
    }
  }
  const tail =
    sellDecks[words + SELL.tailsAt]! + sellDecks[words + SELL.tailsStep]! * (network + 1);
  return termsOfCell(tables, sellCells[tail]!, trafficClass, senderKind, atMs);
}

/** Of the prefixes of a destination, the longest first. @param column of destinations, a word. */
function termsOfColumn(
  tables: Tables,
  destination: number,
  column: number,
  trafficClass: number,
  senderKind: number,
  atMs: number,
): number {
  let place = destination * tables.stride;
  do {
    const cell = tables.destinations[place + column]!;
    // Nothing here: nothing for any shorter prefix, either.
    if (cell === 0) return -1;
    const terms = termsOfCell(tables, cell, trafficClass, senderKind, atMs);
    if (terms >= 0) return terms;
    place = tables.destinations[place + DESTINATION.parent]! * tables.stride;
  } while (place !== 0);
  return -1;
}

function termsOfCell(
  tables: Tables,
  cell: number,
  trafficClass: number,
  senderKind: number,
  atMs: number,
): number {
  if (cell >= 0) return cell - 1;
  const { conditions, termsConditions, lists } = tables;
  let place = cell & CELL_INDEX;
  if ((cell & CELL_LIST) === CELL_ONE) {
    const condition = termsConditions[place]!;
    return applies(conditions, condition, trafficClass, senderKind, atMs) ? place : -1;
  }
  for (;;) {
    const word = lists[place]!;
    const terms = word & CELL_INDEX;
    const condition = termsConditions[terms]!;
    if (applies(conditions, condition, trafficClass, senderKind, atMs)) return terms;
    if ((word & LIST_LAST) !== 0) return -1;
    place += 1;
  }
}

function applies(
  conditions: Conditions,
  condition: number,
  trafficClass: number,
  senderKind: number,
  atMs: number,
): boolean {
  const ownClass = conditions.trafficClass[condition]!;
  const ownKind = conditions.senderKind[condition]!;
  return (
    (ownClass === 0 || ownClass === trafficClass) &&
    (ownKind === 0 || ownKind === senderKind) &&
    atMs >= conditions.fromMs[condition]! &&
    atMs < conditions.toMs[condition]!
  );
}
