/**
 * Batch: many rules written and deleted together, or not at all.
 *
 * KV takes one key at a time. So what is to be done is first written whole, as an object, and an
 * entity that names it: that is the commit. Then each rule is written, then the entity goes. While it
 * is there no table set is made; if its writer dies, whoever makes table sets finishes its work, which
 * may be done twice without harm.
 */
import { createHash } from "node:crypto";
import { ONLY, parseEntity, type RuleEntity } from "../../core/entities.js";
import { FloeError } from "../../core/errors.js";
import type { RuleRow } from "../../workers/source.js";
import type { Store } from "./store.js";

export interface RuleChange {
  readonly row: RuleRow;
  /** Revision that was read; 0: it is new. */
  readonly expected: number;
}
export interface RuleRemoval {
  readonly id: string;
  readonly expected: number;
}

/** Its writer is done or dead after so long; writing ten thousand rules takes seconds. */
const OLD_MS = 60_000;
/** Writes under way at the same time. */
const WRITES_MAX = 100;

interface Work {
  readonly rules: readonly RuleEntity[];
  readonly removed: readonly string[];
}

/**
 * Writes `changes` and deletes `removals`, all or none.
 * @returns undefined, or the id of a rule whose revision is another, and nothing is written; ""
 *   while another batch is under way.
 */
export async function putRules(
  store: Store,
  changes: readonly RuleChange[],
  removals: readonly RuleRemoval[],
  changedBy: string,
): Promise<string | undefined> {
  const all = [...changes.map(({ row, expected }) => ({ id: row.id, expected })), ...removals];
  for (const { id, expected } of all) {
    if (((await store.read("rule", id))?.revision ?? 0) !== expected) return id;
  }
  const written = { changedBy, changedAtMs: store.clock.nowMs() };
  const work: Work = {
    rules: changes.map(({ row }) => parseEntity("rule", { ...row, ...written })),
    removed: removals.map(({ id }) => id),
  };
  const bytes = Buffer.from(JSON.stringify(work), "utf8");
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  // Named as columns are, so that the sweep takes it away some time later.
  const object = `batch.${written.changedAtMs}.${hash}`;
  await store.columns.put(object, bytes);
  if ((await store.write("batch", { object, ...written }, 0)) === undefined) return "";
  await apply(store, work, changedBy);
  return undefined;
}

/** Finishes a batch whose writer seems to be dead. @returns whether none is under way any more. */
export async function finishBatch(store: Store): Promise<boolean> {
  const found = store.get("batch", ONLY);
  if (found === undefined) return true;
  const { object, changedBy, changedAtMs } = found.entity;
  if (store.clock.nowMs() - changedAtMs < OLD_MS) return false;
  const bytes = await store.columns.get(object);
  if (bytes === undefined) {
    throw new FloeError("tables.invalid", { problem: `${object} is not there.` });
  }
  store.log.warn({ object }, "a batch of rules is finished for a writer that is gone");
  await apply(store, JSON.parse(Buffer.from(bytes).toString("utf8")) as Work, changedBy);
  return true;
}

async function apply(store: Store, { rules, removed }: Work, changedBy: string): Promise<void> {
  for (let at = 0; at < rules.length; at += WRITES_MAX) {
    const some = rules.slice(at, at + WRITES_MAX);
    await Promise.all(some.map((rule) => store.write("rule", rule, undefined)));
  }
  for (const id of removed) {
    const there = await store.read("rule", id);
    if (there !== undefined) await store.remove("rule", id, there.revision, changedBy);
  }
  const batch = await store.read("batch", ONLY);
  if (batch !== undefined) await store.remove("batch", ONLY, batch.revision, changedBy);
}
