/**
 * Destinations: what the longest known prefix of a number says, its network and its offers at once.
 *
 * Networks and routes are two tables with prefixes of their own, but a message needs both, and a
 * walk over digits costs 0.1 us where the tables are large: so compile merges them into one table,
 * in which every prefix of either has the longest match of both.
 *
 * Layout, written and read here alone: 32-bit words in units of 32 bytes, so that the three best
 * offers of a destination lie in one cache line. A prefix's value is the unit of its destination:
 * the number of offers with the network (from 1, 0: unknown) above it, then for each offer the low
 * half of its cost, and its carrier above the high half. Where offers differ by traffic class the
 * number is SPLIT, and three words say the units of three lists. Unit 0 is an unknown destination.
 */
import assert from "node:assert";
import { FloeError } from "../core/errors.js";
import { longestPrefix, PREFIX_VALUE_MAX } from "./prefixes.js";
import type { Choice, Offer } from "./routing.js";
import type { Tables } from "./tables.js";

const UNIT_WORDS = 8;
const NETWORK_SHIFT = 10;
const COUNT = (1 << NETWORK_SHIFT) - 1;
const SPLIT = COUNT;
const CARRIER_SHIFT = 16;
const COST_HIGH = 0xffff;

/** Offers that one list can hold. */
export const OFFERS_MAX = SPLIT - 1;
/** Networks that one table set can tell apart. */
export const NETWORKS_MAX = 2 ** (32 - NETWORK_SHIFT) - 1;

/** The destination of the number with the digits `digits[at, end)`; 0 if none is known. */
export function destinationOf(tables: Tables, digits: Uint8Array, at: number, end: number): number {
  return longestPrefix(tables.nodes, tables.destinationsRoot, digits, at, end);
}

/** Index of the destination's network; -1 if it is unknown. */
export function networkOf(tables: Tables, destination: number): number {
  return (tables.destinations[destination * UNIT_WORDS]! >>> NETWORK_SHIFT) - 1;
}

/** Reads the best offers for a traffic class (1 to 3), as many as `choice` holds and there are. */
export function readOffers(
  tables: Tables,
  destination: number,
  trafficClass: number,
  choice: Choice,
): void {
  const words = tables.destinations;
  let place = destination * UNIT_WORDS;
  let offers = words[place]! & COUNT;
  if (offers === SPLIT) {
    place = words[place + trafficClass]! * UNIT_WORDS;
    offers = words[place]! & COUNT;
  }
  const count = Math.min(offers, choice.carriers.length);
  for (let index = 0; index < count; index += 1) {
    const low = words[place + 1]!;
    const high = words[place + 2]!;
    choice.carriers[index] = high >>> CARRIER_SHIFT;
    choice.costsMicros[index] = (high & COST_HIGH) * 2 ** 32 + low;
    place += 2;
  }
  choice.count = count;
}

export interface DestinationBuilder {
  /**
   * Stores a destination, unless an equal one is there, and returns its unit.
   * @param network from 1; 0: unknown.
   * @param byClass one list of offers, best first, or three: for each traffic class.
   * @throws FloeError "tables.invalid" if there are more destinations than units can be told apart.
   */
  store(network: number, byClass: readonly (readonly Offer[])[]): number;
  words(): Uint32Array;
}

/** Equal destinations are stored once, since decks price whole countries alike. */
export function openDestinations(carrierIndex: ReadonlyMap<string, number>): DestinationBuilder {
  let words = new Uint32Array(1_024);
  let used = UNIT_WORDS;
  const units = new Map<string, number>();

  function storeWords(list: readonly number[]): number {
    const key = list.join(" ");
    let unit = units.get(key);
    if (unit !== undefined) return unit;
    unit = used / UNIT_WORDS;
    if (unit > PREFIX_VALUE_MAX) {
      throw new FloeError("tables.invalid", { problems: ["routes: too many different offers"] });
    }
    units.set(key, unit);
    const end = used + Math.ceil(list.length / UNIT_WORDS) * UNIT_WORDS;
    if (end > words.length) {
      const larger = new Uint32Array(words.length * 2);
      larger.set(words);
      words = larger;
    }
    words.set(list, used);
    used = end;
    return unit;
  }

  function listOf(offers: readonly Offer[]): number[] {
    const list: number[] = [];
    for (const { carrier, costMicros } of offers) {
      const high = Math.floor(costMicros / 2 ** 32);
      list.push(costMicros >>> 0, (carrierIndex.get(carrier)! << CARRIER_SHIFT) | high);
    }
    return list;
  }

  return {
    store(network, byClass) {
      const lists = byClass.map((offers) => listOf(offers));
      const [first] = lists;
      if (lists.length === 1 || lists.every((list) => list.join() === first!.join())) {
        return storeWords([headOf(network, byClass[0]!.length), ...first!]);
      }
      const split = byClass.map((offers, index) =>
        storeWords([headOf(0, offers.length), ...lists[index]!]),
      );
      return storeWords([headOf(network, SPLIT), ...split]);
    },
    words: () => words.slice(0, used),
  };
}

function headOf(network: number, offers: number): number {
  assert(network <= NETWORKS_MAX && offers <= SPLIT);
  return ((network << NETWORK_SHIFT) | offers) >>> 0;
}
