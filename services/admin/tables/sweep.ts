/**
 * Sweep: removes what nobody goes back to: table sets beyond those that are kept, images and columns
 * that nothing names.
 */
import type { TableSetConfig } from "../../../core/configuration.js";
import type { Store } from "../store.js";
import type { TableSets } from "./sets.js";

/** Columns were written before what names them, and may be read by who began before: so long. */
const COLUMNS_MS_MIN = 3_600_000;

/** Sets that were in force within so long are kept however many there are: a week of edits. */
const IN_FORCE_MS = 7 * 24 * 3_600_000;
/** All that are kept together, but for the one in force: a dozen of the largest would be 3 GB. */
const KEPT_BYTES_MAX = 1_024 ** 3;

/**
 * Those of `all` (the newest first) that are not kept: the newest `kept` are, those that were in
 * force during the last week, and the one in force; of the others than that, as many as there is
 * room for, those that were in force last before others.
 */
export function staleSets(
  all: readonly TableSetConfig[],
  inForce: number | undefined,
  kept: number,
  nowMs: number,
): readonly TableSetConfig[] {
  const dated = all.map((set, at) => ({
    set,
    at,
    // Until the next one was made, where nobody wrote down when it went.
    leftMs: set.leftAtMs ?? all[at - 1]?.builtAtMs ?? nowMs,
  }));
  const byUse = dated
    .filter(({ set }) => set.version !== inForce)
    .sort((one, other) => other.leftMs - one.leftMs || one.at - other.at);
  let room = KEPT_BYTES_MAX;
  const stale: TableSetConfig[] = [];
  for (const { set, at, leftMs } of byUse) {
    const isWanted = at < kept || leftMs >= nowMs - IN_FORCE_MS;
    if (isWanted && set.bytes <= room) room -= set.bytes;
    else stale.push(set);
  }
  return stale;
}

/** @param kept see `staleSets`. */
export async function sweep(store: Store, sets: TableSets, kept: number): Promise<void> {
  const inForce = (await sets.readPointer())?.tables;
  for (const set of staleSets(sets.all(), inForce?.version, kept, store.clock.nowMs())) {
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
