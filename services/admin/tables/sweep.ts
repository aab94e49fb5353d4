/**
 * Sweep: removes what nobody goes back to: table sets beyond those that are kept, images and columns
 * that nothing names.
 */
import type { Store } from "../store.js";
import type { TableSets } from "./sets.js";

/** Columns were written before what names them, and may be read by who began before: so long. */
const COLUMNS_MS_MIN = 3_600_000;

/** @param kept the newest so many stay, and the one in force. */
export async function sweep(store: Store, sets: TableSets, kept: number): Promise<void> {
  const inForce = (await sets.readPointer())?.tables;
  for (const set of sets.all().slice(kept)) {
    if (set.version === inForce?.version) continue;
    await sets.remove(set);
    store.log.info({ version: set.version }, "old table set removed");
  }
  await sweepImages(sets, inForce?.object);
  await sweepColumns(store);
}

/** Of builders that died or were beaten; newer ones may just be being written. */
async function sweepImages(sets: TableSets, inForce: string | undefined): Promise<void> {
  const newest = sets.all()[0]?.version ?? 0;
  const named = new Set([inForce, ...sets.all().map(({ object }) => object)]);
  for (const object of await sets.images.list()) {
    const version = Number(/^tables-(\d+)-/.exec(object)?.[1] ?? Number.POSITIVE_INFINITY);
    if (!named.has(object) && version < newest) await sets.images.delete(object);
  }
}

async function sweepColumns(store: Store): Promise<void> {
  const named = new Set<string>();
  for (const kind of ["deck", "networks", "ported"] as const) {
    for (const { entity } of store.all(kind)) named.add(entity.object);
  }
  const beforeMs = store.clock.nowMs() - COLUMNS_MS_MIN;
  for (const object of await store.columns.list()) {
    const writtenMs = Number(/\.(\d+)\.[0-9a-f]{16}$/.exec(object)?.[1] ?? Number.NaN);
    if (!named.has(object) && writtenMs < beforeMs) await store.columns.delete(object);
  }
}
