/**
 * Store: all that operators configure, as it lies in KV (core/entities.ts), followed and written.
 *
 * In: the buckets of entities and of carriers, watched into memory. Out: look-ups and lists from
 * memory, and writes by compare-and-set. A write is waited for until the watch has brought it, so
 * that whoever wrote sees it. Revisions are those of KV: they rise over a whole bucket, so two
 * numbers say how much of all changes somebody has seen.
 */
import type { Clock } from "../../core/clock.js";
import { encodeConfig } from "../../core/configuration.js";
import { type EntityKind, type EntityOf, keyOf, ONLY, parseEntity } from "../../core/entities.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Bucket, Objects, StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, COLUMNS_STORE } from "../../core/subjects.js";

export interface Stored<T> {
  /** Among its kind. */
  readonly key: string;
  readonly entity: T;
  readonly revision: number;
}

/** How far changes have been seen: a revision of each bucket. */
export interface Through {
  readonly entities: number;
  readonly carriers: number;
}

export interface Store {
  readonly clock: Clock;
  readonly log: Logger;
  readonly client: StreamClient;
  /** Columns of decks, networks and ported numbers. */
  readonly columns: Objects;
  /** From the stream's leader. */
  read<K extends EntityKind>(kind: K, key: string): Promise<Stored<EntityOf[K]> | undefined>;
  /** From memory. */
  get<K extends EntityKind>(kind: K, key: string): Stored<EntityOf[K]> | undefined;
  /** From memory, by key. */
  all<K extends EntityKind>(kind: K): readonly Stored<EntityOf[K]>[];
  /** Entries that no check lets pass: `<kind>.<key>`, and what is wrong. */
  unreadable(): readonly string[];
  seen(): Through;
  /** Who made the last change that was seen; "": nobody that is known. */
  lastChangedBy(): string;
  /** Resolves when everything up to `through` was seen. */
  reached(through: Through): Promise<void>;
  /**
   * Writes it if its revision is `expected` (0: it must not exist; undefined: whatever it is).
   * @returns its new revision, or undefined if somebody else was first.
   */
  write<K extends EntityKind>(
    kind: K,
    entity: EntityOf[K],
    expected: number | undefined,
  ): Promise<number | undefined>;
  /** Deletes it if its revision is `expected`. False: somebody else was first. */
  remove(kind: EntityKind, key: string, expected: number, changedBy: string): Promise<boolean>;
  /** Calls `changed` after each change of anything. The result ends it. */
  onChange(changed: () => void): () => void;
  stop(): Promise<void>;
}

interface Kept {
  readonly kind: EntityKind;
  readonly stored: Stored<EntityOf[EntityKind]> | undefined;
  readonly problem: string;
}

export interface StoreOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Resolves when what is there has been read. */
export async function openStore({ client, clock, log }: StoreOptions): Promise<Store> {
  const buckets = {
    entities: await client.bucket(BUCKETS.entities),
    carriers: await client.bucket(BUCKETS.carriers),
  };
  const columns = await client.objects(COLUMNS_STORE);
  const kept = new Map<string, Kept>();
  const seen = { entities: 0, carriers: 0 };
  const listeners = new Set<() => void>();
  const waiting = new Set<{ through: Through; resolve: () => void }>();
  let lastBy = "";

  function changed(which: keyof Through, name: string, value: Uint8Array | undefined, at: number) {
    // After a reconnect the present entries may come again.
    if (at <= seen[which] && kept.get(name)?.stored?.revision === at) return;
    seen[which] = Math.max(seen[which], at);
    if (value === undefined) kept.delete(name);
    else keep(name, value, at);
    for (const one of waiting) {
      if (!isPast(seen, one.through)) continue;
      waiting.delete(one);
      one.resolve();
    }
    for (const listener of listeners) listener();
  }

  function keep(name: string, value: Uint8Array, revision: number): void {
    const [kind, key] = split(name);
    if (kind === undefined) {
      log.error({ entry: name }, "an entry of no known kind");
      return;
    }
    try {
      const entity = parseEntity(kind, value);
      kept.set(name, { kind, stored: { key, entity, revision }, problem: "" });
      lastBy = entity.changedBy ?? lastBy;
    } catch (err) {
      if (!isFloeError(err)) throw err;
      log.error({ err, entry: name }, "an entity cannot be read");
      const problems = err.details["problems"];
      const problem = Array.isArray(problems) ? problems.join("; ") : err.message;
      kept.set(name, { kind, stored: undefined, problem });
    }
  }

  const watching = [
    await buckets.entities.watch((key, value, at) => changed("entities", key, value, at)),
    await buckets.carriers.watch((key, value, at) =>
      changed("carriers", `carrier.${key}`, value, at),
    ),
  ];

  const bucketOf = (kind: EntityKind): Bucket =>
    kind === "carrier" ? buckets.carriers : buckets.entities;
  const nameIn = (kind: EntityKind, key: string): string =>
    kind === "carrier" ? key : `${kind}.${key}`;

  function reached(through: Through): Promise<void> {
    if (isPast(seen, through)) return Promise.resolve();
    return new Promise((resolve) => waiting.add({ through, resolve }));
  }

  function reachedBy(kind: EntityKind, revision: number): Promise<void> {
    const through = { entities: 0, carriers: 0 };
    through[kind === "carrier" ? "carriers" : "entities"] = revision;
    return reached(through);
  }

  return {
    clock,
    log,
    client,
    columns,
    async read(kind, key) {
      const entry = await bucketOf(kind).get(nameIn(kind, key));
      if (entry === undefined) return undefined;
      return { key, entity: parseEntity(kind, entry.value), revision: entry.revision };
    },
    get: <K extends EntityKind>(kind: K, key: string) =>
      kept.get(`${kind}.${key}`)?.stored as Stored<EntityOf[K]> | undefined,
    all<K extends EntityKind>(kind: K) {
      const found = [...kept.values()].flatMap((one) =>
        one.kind === kind && one.stored !== undefined ? [one.stored] : [],
      );
      return found.sort((a, b) => compareKeys(a.key, b.key)) as Stored<EntityOf[K]>[];
    },
    unreadable: () =>
      [...kept].flatMap(([name, { problem }]) => (problem === "" ? [] : [`${name}: ${problem}`])),
    seen: () => ({ ...seen }),
    lastChangedBy: () => lastBy,
    reached,
    async write(kind, entity, expected) {
      const key = keyOf(kind, entity);
      const bucket = bucketOf(kind);
      const value = encodeConfig(entity);
      const revision =
        expected === undefined
          ? await bucket.put(nameIn(kind, key), value)
          : await bucket.compareAndSet(nameIn(kind, key), value, expected);
      if (revision === undefined) return undefined;
      log.info({ kind, changedBy: entity.changedBy, revision, ...told(key) }, "written");
      await reachedBy(kind, revision);
      return revision;
    },
    async remove(kind, key, expected, changedBy) {
      const note = encodeConfig({ changedBy, changedAtMs: clock.nowMs() });
      const bucket = bucketOf(kind);
      const revision = await bucket.compareAndDelete(nameIn(kind, key), expected, note);
      if (revision === undefined) return false;
      log.info({ kind, changedBy, revision, ...told(key) }, "deleted");
      await reachedBy(kind, revision);
      return true;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async stop() {
      for (const one of watching) await one.stop();
    },
  };
}

/** Whether `seen` holds everything up to `through`. */
export function isPast(seen: Through, through: Through): boolean {
  return seen.entities >= through.entities && seen.carriers >= through.carriers;
}

/** Numbers by their size, texts by their characters, part by part between dots. */
export function compareKeys(a: string, b: string): number {
  const [left, right] = [a.split("."), b.split(".")];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const [one, other] = [left[at]!, right[at]!];
    if (one === other) continue;
    const bothNumbers = /^\d+$/.test(one) && /^\d+$/.test(other);
    if (bothNumbers && Number(one) !== Number(other)) return Number(one) - Number(other);
    return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

const KINDS: ReadonlySet<string> = new Set<EntityKind>([
  "carrier",
  "plan",
  "rule",
  "sender",
  "guard",
  "exchange",
  "default",
  "deck",
  "networks",
  "ported",
  "seeded",
  "batch",
  "wanted",
]);

function split(name: string): [kind: EntityKind | undefined, key: string] {
  const dot = name.indexOf(".");
  const kind = name.slice(0, dot);
  return [KINDS.has(kind) ? (kind as EntityKind) : undefined, name.slice(dot + 1)];
}

/** Facts for the log: keys of entities are tokens and numbers of ours, never a person's. */
function told(key: string): object {
  return key === ONLY ? {} : { entity: key };
}
