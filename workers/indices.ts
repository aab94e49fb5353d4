/**
 * Indices: the order in which a table set counts networks, countries and currencies. Made of the
 * source alone, so that each section is compiled without the others.
 */
import type { NetworkId, TableSource } from "./source.js";

/** Networks that an image can name (destinations.ts). */
export const NETWORKS_MAX = 2 ** 24 - 2;

export interface NetworkIndices {
  /** Each once, sorted by country, mcc and mnc; those whose mcc is empty are countries. */
  readonly ids: readonly NetworkId[];
  /** Of each id of networks and of ported numbers: index into `ids`. */
  readonly ofPrefixes: Int32Array;
  readonly ofPorted: Int32Array;
}

/** A country stands for its default network, where it has one: ids of `networks` count so. */
export function networksOf(source: TableSource): NetworkIndices {
  const byKey = new Map<string, NetworkId>();
  const defaults = new Map(source.defaultNetworks.map((one) => [one.country, one]));
  const ofPrefix = (one: NetworkId) => (one.mcc === "" ? (defaults.get(one.country) ?? one) : one);
  const prefixIds = source.networks.ids.map(ofPrefix);
  for (const one of [...prefixIds, ...source.ported.ids]) byKey.set(keyOf(one), one);
  const keys = [...byKey.keys()].sort();
  const indices = new Map(keys.map((key, index) => [key, index]));
  const indicesOf = (ids: readonly NetworkId[]) =>
    Int32Array.from(ids, (one) => indices.get(keyOf(one))!);
  return {
    ids: keys.map((key) => byKey.get(key)!),
    ofPrefixes: indicesOf(prefixIds),
    ofPorted: indicesOf(source.ported.ids),
  };
}

/** ISO 3166-1 alpha-2, all that the source names, sorted. */
export function countriesOf(source: TableSource): readonly string[] {
  const countries = new Set<string>();
  for (const ids of [source.networks.ids, source.defaultNetworks, source.ported.ids]) {
    for (const { country } of ids) countries.add(country);
  }
  for (const rule of source.rules) for (const country of rule.countries) countries.add(country);
  for (const { country } of source.senderRules) if (country !== "") countries.add(country);
  for (const guard of source.guards) {
    for (const country of Object.keys(guard.countries)) countries.add(country);
  }
  return [...countries].sort();
}

/** ISO 4217, all that the source names, sorted. */
export function currenciesOf(source: TableSource): readonly string[] {
  const all = [...source.plans, ...source.decks, ...source.exchangeRates];
  return [...new Set(all.map(({ currency }) => currency))].sort();
}

/** The network, apart from the country: "23401" is mcc 234, mnc 01. */
function keyOf({ country, mcc, mnc }: NetworkId): string {
  return `${country} ${mcc} ${mnc}`;
}
