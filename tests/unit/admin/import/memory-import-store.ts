/** An import store in memory, for tests: what it holds, with a revision that rises with each put. */
import {
  type Encoded,
  encodeDeck,
  encodeNetworks,
  encodePorted,
} from "../../../../services/admin/columns.js";
import type { Found, ImportStore } from "../../../../services/admin/import/import-store.js";
import type {
  DeckSource,
  NetworkColumns,
  PortedColumns,
  RuleRow,
} from "../../../../workers/source.js";

export interface MemoryImportStore extends ImportStore {
  readonly decks: Map<string, { value: DeckSource; revision: number }>;
  readonly tables: {
    networks?: { value: NetworkColumns; revision: number };
    ported?: { value: PortedColumns; revision: number };
    rules: { row: RuleRow; revision: number }[];
  };
  /** Ids of keys that wrote. */
  readonly writers: string[];
  /** Added to by tests. */
  readonly rates: { currency: string; effectiveFromMs: number }[];
  /** Of all puts. */
  revision: number;
}

export function memoryImportStore(
  carriers: readonly string[] = ["alpha", "beta"],
  plans: Readonly<Record<number, string>> = { 1: "GBP" },
): MemoryImportStore {
  const decks: MemoryImportStore["decks"] = new Map();
  const rates: MemoryImportStore["rates"] = [];
  const tables: MemoryImportStore["tables"] = { rules: [] };
  const keyOf = (owner: DeckSource["owner"], channel: string): string =>
    JSON.stringify([owner, channel]);
  const put = (present: number, expected: number, by: string): number | undefined => {
    if (present !== expected) return undefined;
    store.writers.push(by);
    store.revision += 1;
    return store.revision;
  };
  const store: MemoryImportStore = {
    decks,
    tables,
    writers: [],
    rates,
    revision: 0,
    carriers: () => carriers,
    planCurrency: (plan) => plans[plan],
    hasDeck: async (owner, channel) => decks.has(keyOf(owner, channel)),
    otherCurrencies: (owner, channel) =>
      [...decks].flatMap(([key, { value }]) =>
        key === keyOf(owner, channel) ? [] : [value.currency],
      ),
    exchangeRates: () => rates,
    deck: async (owner, channel) => encoded(decks.get(keyOf(owner, channel)), encodeDeck),
    networks: async () => encoded(tables.networks, encodeNetworks),
    ported: async () => encoded(tables.ported, encodePorted),
    rules: async () => tables.rules,
    async putDeck(value, expected, by) {
      const key = keyOf(value.owner, value.channel);
      const revision = put(decks.get(key)?.revision ?? 0, expected, by);
      if (revision !== undefined) decks.set(key, { value, revision });
      return revision;
    },
    async putNetworks(value, expected, by) {
      const revision = put(tables.networks?.revision ?? 0, expected, by);
      if (revision !== undefined) tables.networks = { value, revision };
      return revision;
    },
    async putPorted(value, expected, by) {
      const revision = put(tables.ported?.revision ?? 0, expected, by);
      if (revision !== undefined) tables.ported = { value, revision };
      return revision;
    },
    async putRules(rules, _present, by) {
      const revision = put(0, 0, by)!;
      tables.rules = rules.map((row) => ({ row, revision }));
      return revision;
    },
  };
  return store;
}

function encoded<T>(
  found: { readonly value: T; readonly revision: number } | undefined,
  encode: (value: T) => Encoded,
): Found<Uint8Array> {
  if (found === undefined) return { revision: 0 };
  return { value: encode(found.value).bytes, revision: found.revision };
}
