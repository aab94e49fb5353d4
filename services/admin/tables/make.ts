/**
 * Make: one attempt to have a table set in force that holds all changes seen so far.
 *
 * Whoever is beaten by another writer is told so and may look again; two who try at the same time do
 * no harm. A source that has problems changes nothing but the note of them.
 */
import type { TableSetConfig, TablesConfig } from "../../../core/configuration.js";
import { FORMAT } from "../../../workers/image.js";
import { finishBatch } from "../batch.js";
import { isPast, type Store, type Through } from "../store.js";
import { collect } from "./collect.js";
import { compileCollected } from "./compile.js";
import { imageName, type Pointer, type TableSets, unusable } from "./sets.js";

/**
 * `current`: nothing was to do. `made`: a new set is in force. `failed`: see `sets.failure()`.
 * `beaten`: somebody else moved the pointer or took the version. `waiting`: rules are being written.
 */
export type Made = "current" | "made" | "failed" | "beaten" | "waiting";

export async function makeSet(store: Store, sets: TableSets): Promise<Made> {
  if (!(await finishBatch(store))) return "waiting";
  const pointer = await sets.readPointer();
  const through = store.seen();
  if (isDone(sets, pointer, through)) return "current";
  if (hasFailed(sets, through)) return "failed";
  const changedBy = store.lastChangedBy();
  const collected = collect(store);
  const activated = { through, activatedBy: changedBy, activatedAtMs: store.clock.nowMs() };
  const inForce = pointer === undefined ? undefined : sets.get(pointer.tables.version);
  const unreadable = store.unreadable();
  const isSame = inForce?.hash === collected.hash && unusable(inForce) === "";
  if (pointer !== undefined && isSame && unreadable.length === 0) {
    // What was changed is not in tables, or was changed back: the same set holds it.
    const { held: _, ...same } = pointer.tables;
    return (await sets.point({ ...same, through }, pointer.revision)) ? "current" : "beaten";
  }
  const version = nextVersion(sets, pointer);
  const startedMs = store.clock.monotonicMs();
  const compiled =
    unreadable.length > 0
      ? { problems: unreadable }
      : await compileCollected(store, collected, version);
  if (compiled.problems !== undefined) {
    const { problems } = compiled;
    store.log.warn({ problems: problems.length }, "no table set can be made of what is configured");
    await sets.fail({ through, problems: [...problems], atMs: store.clock.nowMs() });
    return "failed";
  }
  const { image } = compiled;
  const object = imageName(version, image);
  await sets.images.put(object, image);
  const set: TableSetConfig = {
    ...{ version, object, hash: collected.hash, bytes: image.byteLength, changedBy, through },
    format: FORMAT,
    made: { ...collected.small.made },
    builtAtMs: store.clock.nowMs(),
    buildMs: Math.round(store.clock.monotonicMs() - startedMs),
  };
  if (!(await sets.add(set))) return "beaten";
  const tables: TablesConfig = { version, object, ...activated };
  if (!(await sets.point(tables, pointer?.revision ?? 0))) return "beaten";
  if (pointer !== undefined) await sets.left(pointer.tables.version, store.clock.nowMs());
  store.log.info({ version, bytes: set.bytes, buildMs: set.buildMs, changedBy }, "table set made");
  return "made";
}

/**
 * Whether a set is in force that holds, or was put into force in spite of, everything so far, and
 * that this release can load: of one that an older release made, a new one is made.
 */
export function isDone(
  sets: Pick<TableSets, "get">,
  pointer: Pointer | undefined,
  through: Through,
): boolean {
  const reached = pointer?.tables.through;
  if (reached === undefined || !isPast(reached, through)) return false;
  const set = sets.get(pointer!.tables.version);
  return set === undefined || unusable(set) === "";
}

/** Whether it is known that of everything so far no set can be made. */
export function hasFailed(sets: TableSets, through: Through): boolean {
  const failure = sets.failure();
  return failure !== undefined && isPast(failure.through, through);
}

function nextVersion(sets: TableSets, pointer: Pointer | undefined): number {
  return Math.max(sets.all()[0]?.version ?? 0, pointer?.tables.version ?? 0) + 1;
}
