/**
 * Sets: table sets that are kept, and which of them is in force.
 *
 * In KV: `floe_config` `tables` (the pointer that dispatch follows), `floe_table_sets` `set.<version>`
 * and `failure`. In the object store: images. A set is written in the order image, set, pointer, and
 * removed in the order set, image, so that nothing ever names what is not there.
 */
import { createHash } from "node:crypto";
import {
  encodeConfig,
  parseTableFailure,
  parseTableSet,
  parseTables,
  type TableFailureConfig,
  type TableSetConfig,
  type TablesConfig,
} from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import type { Objects, StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../../core/subjects.js";
import { FORMAT } from "../../../workers/image.js";

export interface Pointer {
  readonly tables: TablesConfig;
  readonly revision: number;
}

export interface TableSets {
  readonly images: Objects;
  /** From memory. */
  pointer(): Pointer | undefined;
  /** From the stream's leader. */
  readPointer(): Promise<Pointer | undefined>;
  /** False: somebody else was first. `expected` 0: there is none. */
  point(tables: TablesConfig, expected: number): Promise<boolean>;
  /** The newest first. */
  all(): readonly TableSetConfig[];
  get(version: number): TableSetConfig | undefined;
  /** False: the version is somebody else's. */
  add(set: TableSetConfig): Promise<boolean>;
  /** Another one is in force from now on. */
  left(version: number, nowMs: number): Promise<void>;
  /** The set, then its image. */
  remove(set: TableSetConfig): Promise<void>;
  failure(): TableFailureConfig | undefined;
  fail(failure: TableFailureConfig): Promise<void>;
  /** Calls `changed` after each change. The result ends it. */
  onChange(changed: () => void): () => void;
  stop(): Promise<void>;
}

export async function openTableSets(client: StreamClient, log: Logger): Promise<TableSets> {
  const config = await client.bucket(BUCKETS.config);
  const bucket = await client.bucket(BUCKETS.tableSets);
  const images = await client.objects(TABLES_STORE);
  const sets = new Map<string, TableSetConfig>();
  const listeners = new Set<() => void>();
  let pointer: Pointer | undefined;
  let failure: TableFailureConfig | undefined;

  function guarded(key: string, read: () => void): void {
    try {
      read();
    } catch (err) {
      log.error({ err, entry: key }, "an entry of table sets cannot be read");
    }
    for (const listener of listeners) listener();
  }

  const watching = [
    await config.watch((key, value, revision) => {
      if (key !== "tables") return;
      guarded(key, () => {
        pointer = value === undefined ? undefined : { tables: parseTables(value), revision };
      });
    }),
    await bucket.watch((key, value) =>
      guarded(key, () => {
        if (key === "failure") failure = value === undefined ? undefined : parseTableFailure(value);
        else if (value === undefined) sets.delete(key);
        else sets.set(key, parseTableSet(value));
      }),
    ),
  ];

  return {
    images,
    pointer: () => pointer,
    async readPointer() {
      const entry = await config.get("tables");
      if (entry === undefined) return undefined;
      return { tables: parseTables(entry.value), revision: entry.revision };
    },
    point: async (tables, expected) =>
      (await config.compareAndSet("tables", encodeConfig(tables), expected)) !== undefined,
    all: () => [...sets.values()].sort((a, b) => b.version - a.version),
    get: (version) => sets.get(keyOf(version)),
    add: async (set) =>
      (await bucket.compareAndSet(keyOf(set.version), encodeConfig(set), 0)) !== undefined,
    async left(version, nowMs) {
      const set = sets.get(keyOf(version));
      if (set === undefined) return;
      await bucket.put(keyOf(version), encodeConfig({ ...set, leftAtMs: nowMs }));
    },
    async remove({ version, object }) {
      await bucket.delete(keyOf(version));
      await images.delete(object);
    },
    failure: () => failure,
    async fail(told) {
      await bucket.put("failure", encodeConfig(told));
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

/** Why its image cannot be loaded by this release; "": it can. */
export function unusable({ format }: TableSetConfig): string {
  if (format === FORMAT) return "";
  const its = format === undefined ? "an older format" : `format ${format}`;
  return `its image has ${its}, and this release reads ${FORMAT}`;
}

/** Named by its content too, so that two writers of one version cannot swap their objects. */
export function imageName(version: number, image: Uint8Array): string {
  return `tables-${version}-${createHash("sha256").update(image).digest("hex").slice(0, 16)}`;
}

function keyOf(version: number): string {
  return `set.${version}`;
}
