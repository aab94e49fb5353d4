/**
 * Seed: writes the configuration plane, as far as a file or a local start names it.
 *
 * In: accounts, keys, carriers and a table set. Out: the KV buckets and the object store of
 * core/subjects.ts. A repeat changes nothing: a value that is there already is not written again,
 * so watchers are not woken and a table set keeps its version.
 */
import { createHash } from "node:crypto";
import {
  type AccountConfig,
  type CarrierConfig,
  encodeConfig,
  type KeyConfig,
  parseAccount,
  parseCarrier,
  parseKey,
  parsePartitions,
  parseTables,
} from "../../core/configuration.js";
import { FloeError } from "../../core/errors.js";
import type { Bucket, StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../core/subjects.js";

export interface Configuration {
  /** Fixed at the first start: another number later is an error, because order would be lost. */
  readonly partitions: number;
  readonly accounts: readonly AccountConfig[];
  readonly keys: readonly KeyConfig[];
  readonly carriers: readonly CarrierConfig[];
  readonly tables: TablesCompiler;
}

/** Compiles a table set (workers/compile.ts) that bears `version`; the same for the same. */
export type TablesCompiler = (version: number) => Uint8Array;

/**
 * Everything is checked before anything is written. What is not named stays as it is.
 * @throws FloeError "settings.invalid" for a wrong value or another number of partitions.
 */
export async function seedConfiguration(
  client: StreamClient,
  config: Configuration,
): Promise<void> {
  const accounts = config.accounts.map((one) => parseAccount(one));
  const keys = config.keys.map((one) => parseKey(one));
  const carriers = config.carriers.map((one) => parseCarrier(one));
  await seedPartitions(await client.bucket(BUCKETS.config), config.partitions);
  await loadTables(client, config.tables);
  await writeAll(
    await client.bucket(BUCKETS.carriers),
    carriers.map((one) => [one.name, encodeConfig(one)]),
  );
  await writeAll(
    await client.bucket(BUCKETS.accounts),
    accounts.map((one) => [String(one.account), encodeConfig(one)]),
  );
  // Keys last: whoever can log in finds an account, routes and carriers.
  await writeAll(
    await client.bucket(BUCKETS.keys),
    keys.map((one) => [one.keyId, encodeConfig(one)]),
  );
}

async function seedPartitions(bucket: Bucket, count: number): Promise<void> {
  const wanted = encodeConfig(parsePartitions({ count }));
  const present = await bucket.get("partitions");
  if (present === undefined && (await bucket.compareAndSet("partitions", wanted, 0))) return;
  const now = await bucket.get("partitions");
  const there = now === undefined ? 0 : parsePartitions(now.value).count;
  if (there === count) return;
  const problem = `there are ${there} partitions, fixed at the first start: ${count} cannot be had.`;
  throw new FloeError("settings.invalid", { problems: [problem] });
}

/**
 * Puts a table set into force, unless the one in force is the same byte for byte.
 * @returns the version in force.
 */
export async function loadTables(client: StreamClient, compile: TablesCompiler): Promise<number> {
  const store = await client.objects(TABLES_STORE);
  const bucket = await client.bucket(BUCKETS.config);
  for (;;) {
    const entry = await bucket.get("tables");
    const present = entry === undefined ? undefined : parseTables(entry.value);
    if (present !== undefined) {
      const stored = await store.get(present.object);
      const same = compile(present.version);
      if (stored !== undefined && Buffer.compare(stored, same) === 0) return present.version;
    }
    const version = (present?.version ?? 0) + 1;
    const image = compile(version);
    // Named by its content too, so that two writers of one version cannot swap their objects.
    const hash = createHash("sha256").update(image).digest("hex").slice(0, 16);
    const object = `tables-${version}-${hash}`;
    // The object first: the pointer never names what is not there.
    await store.put(object, image);
    const pointer = encodeConfig({ version, object });
    if (await bucket.compareAndSet("tables", pointer, entry?.revision ?? 0)) return version;
    // Somebody else took this version in between: look again.
  }
}

/** Values that are there already are left alone; the rest is written a hundred at a time. */
async function writeAll(
  bucket: Bucket,
  wanted: readonly (readonly [key: string, value: Uint8Array])[],
): Promise<void> {
  const present = new Map((await bucket.entries()).map(({ key, value }) => [key, value]));
  const changed = wanted.filter(([key, value]) => {
    const there = present.get(key);
    return there === undefined || Buffer.compare(there, value) !== 0;
  });
  for (let at = 0; at < changed.length; at += 100) {
    const some = changed.slice(at, at + 100);
    await Promise.all(some.map(([key, value]) => bucket.put(key, value)));
  }
}
