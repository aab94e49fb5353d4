/**
 * Seed tables: the rows of a table source as entities, in place of all that is there.
 *
 * What is the same already is not written again. What the source does not have is deleted; carriers
 * are not: rows say how they are priced, not how they are reached.
 */
import { isDeepStrictEqual } from "node:util";
import { deckKey, type EntityOf, keyOf, ONLY } from "../../core/entities.js";
import type { TableSource } from "../../workers/source.js";
import { encodeDeck, encodeNetworks, encodePorted } from "./columns.js";
import { putDeck, putNetworks, putPorted } from "./put.js";
import type { Store } from "./store.js";

/** Writes under way at the same time. */
const WRITES_MAX = 100;

type RowKind = "plan" | "default" | "exchange" | "rule" | "sender" | "guard";
type Row<K extends RowKind> = Omit<EntityOf[K], "changedBy" | "changedAtMs">;

export async function writeSource(
  store: Store,
  source: TableSource,
  changedBy: string,
): Promise<void> {
  await writeRows(store, "plan", copied(source.plans), changedBy);
  await writeRows(store, "default", copied(source.defaultNetworks), changedBy);
  await writeRows(store, "exchange", copied(source.exchangeRates), changedBy);
  await writeLanguages(store, source, changedBy);
  await writeDecks(store, source, changedBy);
  if (encodeNetworks(source.networks).hash !== store.get("networks", ONLY)?.entity.hash) {
    await putNetworks(store, source.networks, undefined, changedBy);
  }
  const ported = store.get("ported", ONLY);
  const isNew = encodePorted(source.ported).hash !== ported?.entity.hash;
  if (isNew && (ported !== undefined || source.ported.numbers.length > 0)) {
    await putPorted(store, source.ported, undefined, changedBy);
  }
  await writeRows(store, "rule", copied(source.rules), changedBy);
  await writeRows(store, "sender", copied(source.senderRules), changedBy);
  await writeRows(store, "guard", copied(source.guards), changedBy);
}

/** Rows of a source are read-only, entities are not. */
function copied<K extends RowKind>(rows: readonly object[]): Row<K>[] {
  return structuredClone(rows) as Row<K>[];
}

async function writeRows<K extends RowKind>(
  store: Store,
  kind: K,
  rows: readonly Row<K>[],
  changedBy: string,
): Promise<void> {
  const wanted = new Set<string>();
  const writes: (() => Promise<unknown>)[] = [];
  for (const row of rows) {
    const entity = { ...row, changedBy, changedAtMs: store.clock.nowMs() } as EntityOf[K];
    const key = keyOf(kind, entity);
    wanted.add(key);
    const there = store.get(kind, key)?.entity;
    const before = there === undefined ? {} : { ...there, ...written(entity) };
    if (isDeepStrictEqual(before, entity)) continue;
    writes.push(() => store.write(kind, entity, undefined));
  }
  for (const { key, revision } of store.all(kind)) {
    if (!wanted.has(key)) writes.push(() => store.remove(kind, key, revision, changedBy));
  }
  await all(writes);
}

function written({ changedBy, changedAtMs }: { changedBy?: string; changedAtMs?: number }) {
  return { changedBy, changedAtMs };
}

async function writeLanguages(store: Store, source: TableSource, changedBy: string) {
  for (const { name, languages } of source.carriers) {
    const there = store.get("carrier", name)?.entity;
    if (there === undefined || isDeepStrictEqual(there.languages ?? [], [...languages])) continue;
    const changedAtMs = store.clock.nowMs();
    const entity = { ...there, languages: [...languages], changedBy, changedAtMs };
    await store.write("carrier", entity, undefined);
  }
}

async function writeDecks(store: Store, source: TableSource, changedBy: string): Promise<void> {
  const wanted = new Set<string>();
  for (const deck of source.decks) {
    const key = deckKey(deck.owner, deck.channel);
    wanted.add(key);
    if (encodeDeck(deck).hash === store.get("deck", key)?.entity.hash) continue;
    await putDeck(store, deck.owner, deck.channel, deck, undefined, changedBy);
  }
  await all(
    store
      .all("deck")
      .filter(({ key }) => !wanted.has(key))
      .map(
        ({ key, revision }) =>
          () =>
            store.remove("deck", key, revision, changedBy),
      ),
  );
}

async function all(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (let at = 0; at < works.length; at += WRITES_MAX) {
    await Promise.all(works.slice(at, at + WRITES_MAX).map((work) => work()));
  }
}
