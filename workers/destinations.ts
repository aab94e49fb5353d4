/**
 * Destinations: what the longest known prefix of a number says: whose network it is, what each
 * carrier charges and what plans ask, at once.
 *
 * Networks and twenty decks are tables with prefixes of their own, but a message needs all of them,
 * and a walk over digits costs 0.1 us where tables are large: so compiling merges them into one
 * table, in which every prefix of any has the longest match of all. Equal destinations are stored
 * once.
 *
 * Layout, 32-bit words in units of 32 bytes: the network (from 1; 0: unknown) with the length of
 * its prefix above it, the destination of the next shorter prefix where something here does not
 * apply always (else 0), the ranking of carriers by what they charge (RANKING, and the first
 * RANKED_MAX); then cells (rates.ts), as many of the largest sell decks as the last unit has room
 * for, and one for each buy deck. So what most messages need is one cache line. Destination 0 is an
 * unknown one, whose cells are 0.
 */
import { portedNetwork } from "./ported.js";
import { longestPrefix } from "./prefixes.js";
import type { Tables } from "./tables.js";

export const UNIT_WORDS = 8;
export const DESTINATION = { network: 0, parent: 1, ranking: 2, ranked: 3, cells: 8 } as const;
/** Carriers that a destination ranks. Three are wanted; the others are for those that are out. */
export const RANKED_MAX = DESTINATION.cells - DESTINATION.ranked;
/**
 * The word `ranking` is 0 (carriers are looked at one by one), or the period in which it holds with
 * flags: `plain`, for any number of segments, else for one; `tails`, some carrier has nothing by
 * prefix, so it holds only where no tail of the network has anything. Each word of `ranked` is a
 * carrier above its terms; -1: no further carrier has a rate.
 */
export const RANKING = {
  periodMask: 0xffff,
  plain: 0x1_0000,
  tails: 0x2_0000,
  carrierShift: 24,
  termsMask: 0xff_ffff,
} as const;
export const NETWORK_BITS = 24;
const NETWORK = (1 << NETWORK_BITS) - 1;
/** Digits of a prefix that a verdict keeps: country and network, never a whole number. */
const TO_PREFIX_DIGITS_MAX = 8;

/** What the last lookup found on its way. */
export const lookedUp = {
  /** `networkOf`: the number is a ported one. */
  ported: false,
};

/** The destination of the number with the digits `digits[at, end)`; 0 if none is known. */
export function destinationOf(tables: Tables, digits: Uint8Array, at: number, end: number): number {
  return longestPrefix(tables.nodes, 0, digits, at, end);
}

/**
 * Index of the number's network: the one it was ported to, else that of its prefix, else its
 * country's default; -1 if it is unknown. Its mcc may be empty: the country is known and no more.
 */
export function networkOf(
  tables: Tables,
  destination: number,
  digits: Uint8Array,
  at: number,
  end: number,
): number {
  const ported = portedNetwork(tables, digits, at, end);
  lookedUp.ported = ported >= 0;
  return ported >= 0 ? ported : networkOfPrefix(tables, destination);
}

/** The same of a number that was not ported. */
export function networkOfPrefix(tables: Tables, destination: number): number {
  const word = tables.destinations[destination * tables.stride + DESTINATION.network]!;
  return (word & NETWORK) - 1;
}

/** Index into tables.countries of a network as `networkOf` gives it; -1: unknown. */
export function countryOf(tables: Tables, network: number): number {
  return network < 0 ? -1 : tables.networkCountries[network]!;
}

/** Digits that a verdict's to_prefix has: those of the prefix that tells the network; 0: none. */
export function toPrefixDigits(tables: Tables, destination: number): number {
  const word = tables.destinations[destination * tables.stride + DESTINATION.network]!;
  return Math.min(word >>> NETWORK_BITS, TO_PREFIX_DIGITS_MAX);
}
