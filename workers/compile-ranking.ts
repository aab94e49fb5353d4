/**
 * Compile rankings: of each destination the carriers that charge least, in order.
 *
 * In: destinations as compile-buy.ts laid them out. Out: their words `ranking` and `ranked`, written
 * in place, and the periods that rankings hold in. A ranking is what looking at every carrier would
 * find for any message to the destination in its period, whatever its class and sender: where that
 * depends on either, there is none, and carriers are looked at one by one as ever (candidates.ts).
 */
import { DESTINATION, RANKED_MAX, RANKING } from "./destinations.js";
import { compareProducts, type Exchange, rateAt, ratePeriod } from "./exchange.js";
import { CELL_INDEX, CELL_LIST, CELL_ONE, LIST_LAST } from "./rates.js";
import { amountOf, NOT_PLAIN, type Terms } from "./rating.js";
import type { Conditions } from "./tables.js";

export interface RankedDecks {
  readonly destinations: Int32Array;
  readonly stride: number;
  /** Of each carrier, the word of its cell in a destination and its currency (code); -1: no deck. */
  readonly places: Int32Array;
  readonly currencies: Int32Array;
  readonly terms: Terms;
  readonly termsConditions: Int32Array;
  readonly conditions: Conditions;
  readonly lists: Int32Array;
  readonly exchange: Exchange;
  /** In which period rankings are to hold. */
  readonly atMs: number;
}

/** Words of `ranked` name a carrier and terms in so many bits; all ones is none. */
const CARRIERS_MAX = 2 ** (32 - RANKING.carrierShift) - 1;

/** @returns from and to of each period, whose numbers begin with 1. */
export function rankDestinations(decks: RankedDecks): Float64Array {
  const { destinations, stride, places, terms } = decks;
  const periods = openPeriods();
  const tooMany = places.length > CARRIERS_MAX || terms.forms.length > RANKING.termsMask;
  const rank = openRanker(decks);
  for (let place = 0; place < destinations.length && !tooMany; place += stride) {
    const flags = rank.of(place);
    const period = flags < 0 ? 0 : periods.numberOf(rank.finder.fromMs, rank.finder.toMs);
    if (period === 0) continue;
    destinations[place + DESTINATION.ranking] = period | flags;
    for (let at = 0; at < RANKED_MAX; at += 1) {
      const word = (rank.carriers[at]! << RANKING.carrierShift) | rank.terms[at]!;
      destinations[place + DESTINATION.ranked + at] = at < rank.count() ? word : -1;
    }
  }
  return periods.times();
}

/** Numbers of periods: most of a million destinations share a few. */
function openPeriods() {
  const times = [0, 0];
  const numbers = new Map<string, number>();
  let last = 0;
  return {
    times: () => Float64Array.from(times),
    /** 0: there are too many. */
    numberOf(fromMs: number, toMs: number): number {
      if (last !== 0 && times[2 * last] === fromMs && times[2 * last + 1] === toMs) return last;
      const key = `${fromMs} ${toMs}`;
      const known = numbers.get(key);
      if (known === undefined && numbers.size === RANKING.periodMask) return 0;
      last = known ?? numbers.size + 1;
      if (known === undefined) {
        numbers.set(key, last);
        times.push(fromMs, toMs);
      }
      return last;
    },
  };
}

/** Ranks the carriers of one destination after another. */
function openRanker(decks: RankedDecks) {
  const { places, terms } = decks;
  const { rates, fromMs, toMs } = exchangeOf(decks);
  const finder = openFinder(decks);
  const costs = new Float64Array(terms.forms.length).map((_, index) => amountOf(terms, index, 1));
  const carriers = new Int32Array(RANKED_MAX + 1);
  const ranked = new Int32Array(RANKED_MAX + 1);
  let count = 0;

  /** Puts a carrier behind those that charge as much; the last one falls out. */
  function put(carrier: number, own: number): void {
    const rate = rates[carrier]!;
    let at = count;
    for (; at > 0; at -= 1) {
      const other = costs[ranked[at - 1]!]!;
      if (compareProducts(costs[own]!, rate, other, rates[carriers[at - 1]!]!) >= 0) break;
      carriers[at] = carriers[at - 1]!;
      ranked[at] = ranked[at - 1]!;
    }
    carriers[at] = carrier;
    ranked[at] = own;
    count = Math.min(count + 1, RANKED_MAX);
  }

  return {
    finder,
    carriers,
    terms: ranked,
    count: () => count,
    /** @returns flags of RANKING; -1: the destination has no ranking. */
    of(place: number): number {
      finder.fromMs = fromMs;
      finder.toMs = toMs;
      count = 0;
      let flags: number = RANKING.plain;
      for (let carrier = 0; carrier < places.length; carrier += 1) {
        if (places[carrier]! < 0) continue;
        const own = finder.terms(place, places[carrier]!);
        if (own === DEPENDS) return -1;
        if (own === NONE) {
          flags |= RANKING.tails;
          continue;
        }
        // Without a rate it compares with nothing, or with some.
        if (rates[carrier] === 0) return -1;
        if (terms.words[own] === NOT_PLAIN) flags &= ~RANKING.plain;
        put(carrier, own);
      }
      return flags;
    },
  };
}

/** What carriers' currencies are worth at the time, and how long. */
function exchangeOf({ currencies, exchange, atMs }: RankedDecks) {
  let fromMs = Number.NEGATIVE_INFINITY;
  let toMs = Number.POSITIVE_INFINITY;
  const rates = new Float64Array(currencies.length);
  // Amounts of one currency compare without knowing what it is worth.
  if (new Set(currencies.filter((currency) => currency >= 0)).size <= 1) {
    return { rates: rates.fill(1), fromMs, toMs };
  }
  for (const [carrier, currency] of currencies.entries()) {
    if (currency < 0) continue;
    rates[carrier] = rateAt(exchange, currency, atMs);
    const period = ratePeriod(exchange, currency);
    fromMs = Math.max(fromMs, period.fromMs);
    toMs = Math.min(toMs, period.toMs);
  }
  return { rates, fromMs, toMs };
}

/** No row applies; or which one does depends on the message. */
const NONE = -1;
const DEPENDS = -2;

/** Finds which terms apply, as rates.ts does, and how long. */
function openFinder(decks: RankedDecks) {
  const { destinations, stride, termsConditions, conditions, lists, atMs } = decks;
  const finder = {
    fromMs: 0,
    toMs: 0,
    terms(place: number, column: number): number {
      let at = place;
      do {
        const cell = destinations[at + column]!;
        if (cell >= 0) return cell - 1;
        const terms = termsOfCell(cell);
        if (terms !== NONE) return terms;
        at = destinations[at + DESTINATION.parent]! * stride;
      } while (at !== 0);
      return NONE;
    },
  };

  function termsOfCell(cell: number): number {
    let place = cell & CELL_INDEX;
    if ((cell & CELL_LIST) === CELL_ONE) return applying(place);
    for (;;) {
      const word = lists[place]!;
      const terms = applying(word & CELL_INDEX);
      if (terms !== NONE) return terms;
      if ((word & LIST_LAST) !== 0) return NONE;
      place += 1;
    }
  }

  function applying(terms: number): number {
    const condition = termsConditions[terms]!;
    const from = conditions.fromMs[condition]!;
    const to = conditions.toMs[condition]!;
    if (atMs < from) {
      finder.toMs = Math.min(finder.toMs, from);
      return NONE;
    }
    if (atMs >= to) {
      finder.fromMs = Math.max(finder.fromMs, to);
      return NONE;
    }
    if (conditions.trafficClass[condition] !== 0 || conditions.senderKind[condition] !== 0) {
      return DEPENDS;
    }
    if (from > finder.fromMs) finder.fromMs = from;
    if (to < finder.toMs) finder.toMs = to;
    return terms;
  }
  return finder;
}
