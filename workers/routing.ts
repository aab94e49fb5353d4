/**
 * Routing: which carriers a message is offered to, and in which order. Pure; no I/O, no clock.
 *
 * The order is made once, when tables are compiled, by `compareOffers`: the cheapest carrier first,
 * then the lower priority number, then the name, so that equal tables give equal routes. What is
 * chosen depends on tables, number and traffic class alone: a redelivered message keeps its path.
 */
import { CANDIDATES_MAX } from "../core/limits.js";
import { longestPrefix } from "./prefixes.js";
import type { Tables } from "./tables.js";

/** A carrier's offer for one prefix and traffic class. */
export interface Offer {
  readonly carrier: string;
  /** For one segment, in the carrier's currency. */
  readonly costMicros: number;
  /** The same in the unit that costs are compared in, times 1e6. */
  readonly comparable: bigint;
  readonly priority: number;
}

/** Below zero if `one` is to be tried before `other`. */
export function compareOffers(one: Offer, other: Offer): number {
  if (one.comparable !== other.comparable) return one.comparable < other.comparable ? -1 : 1;
  if (one.priority !== other.priority) return one.priority - other.priority;
  return one.carrier < other.carrier ? -1 : one.carrier > other.carrier ? 1 : 0;
}

/*
 * Route lists, as compile writes and `chooseRoutes` reads them: 32-bit words in units of 32 bytes,
 * so that the three best offers of a list lie in one cache line. A prefix's value is the unit of
 * its list: the number of offers, then for each the low half of its cost, and its carrier above the
 * high half. A list that differs by traffic class is SPLIT, then the units of three lists.
 */
const UNIT_WORDS = 8;
const SPLIT = 0xffff_ffff;
const CARRIER_SHIFT = 16;
const COST_HIGH = 0xffff;

export interface RouteLists {
  /** Stores the offers for authentication, transactional, promotional. Returns their unit. */
  store(byClass: readonly (readonly Offer[])[]): number;
  words(): Uint32Array;
}

/** Equal lists are stored once, since decks price whole countries alike. */
export function openRouteLists(carrierIndex: ReadonlyMap<string, number>): RouteLists {
  // No list is at unit 0: a prefix with value 0 is none.
  const words: number[] = new Array(UNIT_WORDS).fill(0);
  const units = new Map<string, number>();

  function storeWords(list: readonly number[]): number {
    const key = list.join(" ");
    let unit = units.get(key);
    if (unit !== undefined) return unit;
    unit = words.length / UNIT_WORDS;
    units.set(key, unit);
    for (const word of list) words.push(word);
    while (words.length % UNIT_WORDS !== 0) words.push(0);
    return unit;
  }

  function storeOffers(offers: readonly Offer[]): number {
    const list = [offers.length];
    for (const { carrier, costMicros } of offers) {
      const high = Math.floor(costMicros / 2 ** 32);
      list.push(costMicros >>> 0, (carrierIndex.get(carrier)! << CARRIER_SHIFT) | high);
    }
    return storeWords(list);
  }

  return {
    store(byClass) {
      const lists = byClass.map(storeOffers);
      if (lists.every((unit) => unit === lists[0])) return lists[0]!;
      return storeWords([SPLIT, ...lists]);
    },
    words: () => Uint32Array.from(words),
  };
}

/** The carriers chosen for one message, best first. One is made and used again and again. */
export interface Choice {
  count: number;
  /** Indices into the tables' carriers. */
  readonly carriers: Int32Array;
  /** For one segment, in the carrier's currency. */
  readonly costsMicros: Float64Array;
}

export function newChoice(): Choice {
  return {
    count: 0,
    carriers: new Int32Array(CANDIDATES_MAX),
    costsMicros: new Float64Array(CANDIDATES_MAX),
  };
}

/**
 * Chooses the carriers for the number with the digits `digits[at, end)`, at most CANDIDATES_MAX.
 *
 * The longest known prefix decides alone: where none of its carriers takes the traffic class there
 * is no route, for a shorter prefix is priced for other networks.
 * @param trafficClass floe.v1.TrafficClass; unspecified and unknown ones count as transactional.
 * @returns how many were chosen; 0 is an ordinary outcome: "no route".
 */
export function chooseRoutes(
  tables: Tables,
  digits: Uint8Array,
  at: number,
  end: number,
  trafficClass: number,
  choice: Choice,
): number {
  choice.count = 0;
  const unit = longestPrefix(tables.nodes, tables.routesRoot, digits, at, end);
  if (unit === 0) return 0;
  const lists = tables.routeLists;
  let place = unit * UNIT_WORDS;
  if (lists[place] === SPLIT) {
    const column = trafficClass === 1 ? 1 : trafficClass === 3 ? 3 : 2;
    place = lists[place + column]! * UNIT_WORDS;
  }
  const count = Math.min(lists[place]!, CANDIDATES_MAX);
  for (let index = 0; index < count; index += 1) {
    const low = lists[place + 1]!;
    const high = lists[place + 2]!;
    choice.carriers[index] = high >>> CARRIER_SHIFT;
    choice.costsMicros[index] = (high & COST_HIGH) * 2 ** 32 + low;
    place += 2;
  }
  choice.count = count;
  return count;
}
