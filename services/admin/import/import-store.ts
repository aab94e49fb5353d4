/**
 * Import store: what imports read and write of the configuration plane.
 *
 * An interface of its own, so that imports are tested without a stream; here over the admin
 * service's store. `revision` 0: there is none. Puts answer undefined if somebody else was first.
 */
import { deckKey, type EntityOf, ONLY } from "../../../core/entities.js";
import { FloeError } from "../../../core/errors.js";
import type {
  Channel,
  DeckSource,
  ExchangeRateRow,
  NetworkColumns,
  PortedColumns,
  RuleRow,
} from "../../../workers/source.js";
import { putRules } from "../batch.js";
import { type Put, putDeck, putNetworks, putPorted } from "../put.js";
import type { Store } from "../store.js";

export interface Found<T> {
  readonly value?: T;
  readonly revision: number;
}

export interface ImportStore {
  carriers(): readonly string[];
  /** Undefined: there is no such plan. */
  planCurrency(plan: number): string | undefined;
  hasDeck(owner: DeckSource["owner"], channel: Channel): Promise<boolean>;
  /** What the decks are in, but for this owner's. */
  otherCurrencies(owner: DeckSource["owner"], channel: Channel): readonly string[];
  exchangeRates(): readonly Pick<ExchangeRateRow, "currency" | "effectiveFromMs">[];
  /** As they are kept (../columns.ts): the import's thread decodes them. */
  deck(owner: DeckSource["owner"], channel: Channel): Promise<Found<Uint8Array>>;
  networks(): Promise<Found<Uint8Array>>;
  ported(): Promise<Found<Uint8Array>>;
  rules(): Promise<readonly { readonly row: RuleRow; readonly revision: number }[]>;
  putDeck(deck: DeckSource, expected: number, by: string): Promise<number | undefined>;
  putNetworks(networks: NetworkColumns, expected: number, by: string): Promise<number | undefined>;
  putPorted(ported: PortedColumns, expected: number, by: string): Promise<number | undefined>;
  /** Writes those that differ and removes those that are not among them. */
  putRules(
    rules: readonly RuleRow[],
    present: readonly { readonly row: RuleRow; readonly revision: number }[],
    by: string,
  ): Promise<number | undefined>;
}

export function openImportStore(store: Store): ImportStore {
  async function columns(
    kind: "deck" | "networks" | "ported",
    key: string,
  ): Promise<Found<Uint8Array>> {
    for (;;) {
      const found = await store.read(kind, key);
      if (found === undefined) return { revision: 0 };
      const bytes = await store.columns.get(found.entity.object);
      if (bytes !== undefined) return { value: bytes, revision: found.revision };
      // Replaced and swept in between: there is a newer one.
      const again = await store.read(kind, key);
      if (again?.revision === found.revision) {
        throw new FloeError("tables.invalid", {
          problem: `${kind} ${key}: its columns are missing`,
        });
      }
    }
  }

  return {
    carriers: () => store.all("carrier").map(({ key }) => key),
    planCurrency: (plan) => store.get("plan", String(plan))?.entity.currency,
    hasDeck: async (owner, channel) =>
      (await store.read("deck", deckKey(owner, channel))) !== undefined,
    otherCurrencies: (owner, channel) =>
      store
        .all("deck")
        .flatMap(({ key, entity }) => (key === deckKey(owner, channel) ? [] : [entity.currency])),
    exchangeRates: () => store.all("exchange").map(({ entity }) => entity),
    deck: (owner, channel) => columns("deck", deckKey(owner, channel)),
    networks: () => columns("networks", ONLY),
    ported: () => columns("ported", ONLY),
    rules: async () =>
      store.all("rule").map(({ entity, revision }) => ({ row: ruleOf(entity), revision })),
    putDeck: async (deck, expected, by) =>
      revisionOf(await putDeck(store, deck.owner, deck.channel, deck, expected, by)),
    putNetworks: async (networks, expected, by) =>
      revisionOf(await putNetworks(store, networks, expected, by)),
    putPorted: async (ported, expected, by) =>
      revisionOf(await putPorted(store, ported, expected, by)),
    async putRules(rules, present, by) {
      const before = new Map(present.map((one) => [one.row.id, one]));
      const kept = new Set(rules.map(({ id }) => id));
      const changed = rules.flatMap((row) => {
        const there = before.get(row.id);
        if (there !== undefined && sameRule(there.row, row)) return [];
        return [{ row, expected: there?.revision ?? 0 }];
      });
      const gone = present.filter(({ row }) => !kept.has(row.id));
      const removals = gone.map(({ row, revision }) => ({ id: row.id, expected: revision }));
      if ((await putRules(store, changed, removals, by)) !== undefined) return undefined;
      return Math.max(0, ...store.all("rule").map(({ revision }) => revision));
    },
  };
}

function revisionOf(put: Put): number | undefined {
  return put.revision;
}

function ruleOf({ changedBy: _by, changedAtMs: _at, ...row }: EntityOf["rule"]): RuleRow {
  return row;
}

function sameRule(one: RuleRow, other: RuleRow): boolean {
  const fields = Object.keys({ ...one, ...other }) as (keyof RuleRow)[];
  return fields.every((field) => JSON.stringify(one[field]) === JSON.stringify(other[field]));
}
