/**
 * Put: writes what is imported whole: decks, networks, ported numbers. Rules: batch.ts.
 *
 * Columns go into the object store under a name of their own, then the entity that names them is
 * written by compare-and-set: what is in force is always one whole import, and an old one can still
 * be read by whoever began with it. Objects that nothing names any more go later (sweep.ts).
 */
import { type DeckEntity, deckKey, ONLY, type TableEntity } from "../../core/entities.js";
import type { Channel, DeckSource, NetworkColumns, PortedColumns } from "../../workers/source.js";
import { type Encoded, encodeDeck, encodeNetworks, encodePorted } from "./columns.js";
import type { Store } from "./store.js";

/** `revision`: written. `stale`: not, for the revision is this one (0: it is not there). */
export type Put =
  | { readonly revision: number; readonly stale?: undefined }
  | { readonly stale: number; readonly revision?: undefined };

/** @param expected revision that was read; 0: none may be there; undefined: whatever is there. */
export async function putDeck(
  store: Store,
  owner: DeckEntity["owner"],
  channel: Channel,
  deck: DeckSource,
  expected: number | undefined,
  changedBy: string,
): Promise<Put> {
  const encoded = encodeDeck({ ...deck, owner, channel });
  const key = deckKey(owner, channel);
  const columns = await putColumns(store, `deck.${key}`, encoded);
  const entity = { owner, channel, currency: deck.currency, ...columns, changedBy };
  const changedAtMs = store.clock.nowMs();
  const revision = await store.write("deck", { ...entity, changedAtMs }, expected);
  return revision === undefined ? staleOf(store, "deck", key) : { revision };
}

/** Replaces all networks by prefix. `expected` as for `putDeck`. */
export function putNetworks(
  store: Store,
  networks: NetworkColumns,
  expected: number | undefined,
  changedBy: string,
): Promise<Put> {
  return putTable(store, "networks", encodeNetworks(networks), expected, changedBy);
}

/** Replaces all ported numbers. `expected` as for `putDeck`. */
export function putPorted(
  store: Store,
  ported: PortedColumns,
  expected: number | undefined,
  changedBy: string,
): Promise<Put> {
  return putTable(store, "ported", encodePorted(ported), expected, changedBy);
}

async function putTable(
  store: Store,
  kind: "networks" | "ported",
  encoded: Encoded,
  expected: number | undefined,
  changedBy: string,
): Promise<Put> {
  const columns = await putColumns(store, kind, encoded);
  const entity: TableEntity = { ...columns, changedBy, changedAtMs: store.clock.nowMs() };
  const revision = await store.write(kind, entity, expected);
  return revision === undefined ? staleOf(store, kind, ONLY) : { revision };
}

/** The object first: an entity never names what is not there. */
async function putColumns(store: Store, name: string, { bytes, hash, rows }: Encoded) {
  // The time is for the sweep: it tells what was just written, and not named yet.
  const object = `${name}.${store.clock.nowMs()}.${hash}`;
  await store.columns.put(object, bytes);
  return { object, hash, rows, bytes: bytes.byteLength };
}

async function staleOf(
  store: Store,
  kind: "deck" | "networks" | "ported",
  key: string,
): Promise<Put> {
  return { stale: (await store.read(kind, key))?.revision ?? 0 };
}
