/**
 * Seed: writes the configuration plane, as far as a file or a local start names it.
 *
 * In: accounts, keys, carriers, and the rows of a folder of tables. Out: the KV buckets and object
 * stores of core/subjects.ts, and a table set in force. The rows are written at the first start only:
 * what operators change afterwards is theirs. A repeat changes nothing else: a value that is there
 * already is not written again, so watchers are not woken and a table set keeps its version.
 */
import { type Clock, sleep } from "../../core/clock.js";
import {
  type AccountConfig,
  type CarrierConfig,
  encodeConfig,
  type KeyConfig,
  parseAccount,
  parseCarrier,
  parseKey,
  parsePartitions,
} from "../../core/configuration.js";
import { ONLY } from "../../core/entities.js";
import { FloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Bucket, StreamClient } from "../../core/stream/stream.js";
import { BUCKETS } from "../../core/subjects.js";
import type { TableSource } from "../../workers/source.js";
import { writeSource } from "./seed-tables.js";
import { openStore, type Store } from "./store.js";
import { makeSet } from "./tables/make.js";
import { openTableSets } from "./tables/sets.js";

export interface Configuration {
  /** Fixed at the first start: another number later is an error, because order would be lost. */
  readonly partitions: number;
  readonly accounts: readonly AccountConfig[];
  readonly keys: readonly KeyConfig[];
  readonly carriers: readonly CarrierConfig[];
  /** Rows for the first start (workers/parse-folder.ts). Asked for then only. */
  tables(): TableSource;
}

export interface SeedOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Between looks whether rules are written that somebody else began to write. */
const BATCH_MS = 200;

/** Who changed it, where no key was used. */
export const SEED = "seed";

/**
 * Everything is checked before anything is written. What is not named stays as it is.
 * @throws FloeError "settings.invalid" for a wrong value or another number of partitions,
 *   "import.invalid" or "tables.invalid" if the rows are wrong.
 */
export async function seedConfiguration(
  options: SeedOptions,
  config: Configuration,
): Promise<void> {
  const { client } = options;
  let accounts = config.accounts.map((one) => parseAccount(one));
  const keys = config.keys.map((one) => parseKey(one));
  const carriers = config.carriers.map((one) => parseCarrier(one));
  await withStore(options, async (store) => {
    const seeded = store.get("seeded", ONLY)?.entity;
    const source = seeded === undefined ? config.tables() : undefined;
    if (source !== undefined) requireCarriers(source, new Set(carriers.map(({ name }) => name)));
    await seedPartitions(await client.bucket(BUCKETS.config), config.partitions);
    await seedCarriers(store, carriers, source, seeded?.carriers ?? []);
    if (source !== undefined) await writeSource(store, source, SEED);
    const names = new Set([...(seeded?.carriers ?? []), ...carriers.map(({ name }) => name)]);
    if (names.size !== seeded?.carriers.length) {
      const written = { changedBy: SEED, changedAtMs: options.clock.nowMs() };
      await store.write("seeded", { carriers: [...names], ...written }, undefined);
    }
    await settle(options, store);
    accounts = accounts.map((one) => withCurrency(one, store));
  });
  await writeMissing(
    await client.bucket(BUCKETS.accounts),
    accounts.map((one) => [String(one.account), encodeConfig(one)]),
  );
  // Keys last: whoever can log in finds an account, routes and carriers.
  await writeMissing(
    await client.bucket(BUCKETS.keys),
    keys.map((one) => [one.keyId, encodeConfig(one)]),
  );
}

/**
 * Replaces all tables by the rows of a folder, and puts a set of them into force.
 * @returns its version.
 * @throws FloeError "tables.invalid" with `problems`; what was in force stays, the rows as well if
 *   it is for a carrier that is not configured.
 */
export async function loadTables(
  options: SeedOptions,
  source: TableSource,
  changedBy: string,
): Promise<number> {
  return withStore(options, async (store) => {
    requireCarriers(source, new Set(store.all("carrier").map(({ key }) => key)));
    await writeSource(store, source, changedBy);
    return settle(options, store);
  });
}

async function withStore<T>(options: SeedOptions, run: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(options);
  try {
    return await run(store);
  } finally {
    await store.stop();
  }
}

/** Makes a set of what is there, unless one is in force. @returns the version in force. */
async function settle({ client, log }: SeedOptions, store: Store): Promise<number> {
  const sets = await openTableSets(client, log);
  try {
    for (;;) {
      const made = await makeSet(store, sets);
      if (made === "beaten") continue;
      if (made === "waiting") {
        await sleep(store.clock, BATCH_MS);
        continue;
      }
      if (made !== "failed") return (await sets.readPointer())!.tables.version;
      throw new FloeError("tables.invalid", { problems: sets.failure()?.problems ?? [] });
    }
  } finally {
    await sets.stop();
  }
}

/** @throws FloeError "tables.invalid" naming each carrier that is in the rows and nowhere else. */
function requireCarriers(source: TableSource, known: ReadonlySet<string>): void {
  const problems = source.carriers
    .filter(({ name }) => !known.has(name))
    .map(
      ({ name }) => `carrier ${name} is not configured: create it first (floe carriers create).`,
    );
  if (problems.length > 0) throw new FloeError("tables.invalid", { problems });
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
 * A carrier that is new is written whole. Of one that is there only its place and login are set,
 * which may differ at each start; one that was seeded before and is gone was deleted, and stays so.
 */
async function seedCarriers(
  store: Store,
  carriers: readonly CarrierConfig[],
  source: TableSource | undefined,
  before: readonly string[],
): Promise<void> {
  const written = { changedBy: SEED, changedAtMs: store.clock.nowMs() };
  for (const carrier of carriers) {
    const there = store.get("carrier", carrier.name)?.entity;
    if (there === undefined && before.includes(carrier.name)) continue;
    const { host, port, systemId, password } = carrier;
    const languages = source?.carriers.find(({ name }) => name === carrier.name)?.languages;
    const wanted: CarrierConfig =
      there === undefined
        ? { ...carrier, ...(languages ? { languages: [...languages] } : {}) }
        : { ...there, host, port, systemId, password };
    if (there !== undefined && isSame(there, wanted)) continue;
    await store.write("carrier", { ...wanted, ...written }, undefined);
  }
}

function isSame(one: CarrierConfig, other: CarrierConfig): boolean {
  return Buffer.compare(encodeConfig(one), encodeConfig(other)) === 0;
}

/** The currency of an account is that of its plan. */
function withCurrency(account: AccountConfig, store: Store): AccountConfig {
  const currency = account.currency ?? store.get("plan", String(account.plan))?.entity.currency;
  return currency === undefined ? account : { ...account, currency };
}

/** What is there is left alone: operators may have changed it. A hundred at a time. */
async function writeMissing(
  bucket: Bucket,
  wanted: readonly (readonly [key: string, value: Uint8Array])[],
): Promise<void> {
  const present = new Set((await bucket.entries()).map(({ key }) => key));
  const missing = wanted.filter(([key]) => !present.has(key));
  for (let at = 0; at < missing.length; at += 100) {
    const some = missing.slice(at, at + 100);
    await Promise.all(some.map(([key, value]) => bucket.compareAndSet(key, value, 0)));
  }
}
