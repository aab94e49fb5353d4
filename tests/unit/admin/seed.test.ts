/** Seeding the configuration plane, on the memory form of the stream. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import type { CarrierConfig, KeyConfig } from "../../../core/configuration.js";
import { parseAccount, parsePartitions, parseTables } from "../../../core/configuration.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../../core/subjects.js";
import { type Configuration, loadTables, seedConfiguration } from "../../../services/admin/seed.js";

const seed = suite("seeding");

const KEY: KeyConfig = {
  keyId: "abcdefgh0123",
  account: 1,
  secretHash: "a".repeat(64),
  scope: "customer",
  status: "active",
  expiresAtMs: 0,
};
const CARRIER: CarrierConfig = {
  name: "alpha",
  link: "smpp",
  status: "active",
  host: "127.0.0.1",
  port: 2_775,
  systemId: "floe",
  password: "secret",
  systemType: "",
  bind: "transceiver",
  binds: 1,
  window: 10,
  partsPerSecond: 0,
  alphabet: "gsm7",
  enquireLinkMs: 30_000,
  responseMs: 10_000,
};
const CONFIGURATION: Configuration = {
  partitions: 2,
  accounts: [{ account: 1, name: "Demo", plan: 1, status: "active" }],
  keys: [KEY],
  carriers: [CARRIER],
  tables: tablesOf("routes"),
};

function tablesOf(content: string) {
  return (version: number) => Buffer.from(`${content} ${version}`);
}

function client(): StreamClient {
  const options = { clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS };
  return openMemory(options).connect("seed");
}

async function revisions(of: StreamClient): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of Object.values(BUCKETS)) {
    for (const { key, revision } of await (await of.bucket(name)).entries()) {
      found[`${name}/${key}`] = revision;
    }
  }
  return found;
}

seed("writes every part to its bucket", async () => {
  const stream = client();
  await seedConfiguration(stream, CONFIGURATION);
  const config = await stream.bucket(BUCKETS.config);
  assert.equal(parsePartitions((await config.get("partitions"))!.value), { count: 2 });
  const pointer = parseTables((await config.get("tables"))!.value);
  assert.is(pointer.version, 1);
  const image = await (await stream.objects(TABLES_STORE)).get(pointer.object);
  assert.is(Buffer.from(image!).toString(), "routes 1");
  const account = await (await stream.bucket(BUCKETS.accounts)).get("1");
  assert.equal(parseAccount(account!.value), CONFIGURATION.accounts[0]);
  assert.equal(Object.keys(await revisions(stream)).sort(), [
    "floe_accounts/1",
    "floe_carriers/alpha",
    "floe_config/partitions",
    "floe_config/tables",
    "floe_keys/abcdefgh0123",
  ]);
});

seed("writes nothing when everything is there", async () => {
  const stream = client();
  await seedConfiguration(stream, CONFIGURATION);
  const before = await revisions(stream);
  await seedConfiguration(stream, CONFIGURATION);
  assert.equal(await revisions(stream), before);
});

seed("writes only what has changed", async () => {
  const stream = client();
  await seedConfiguration(stream, CONFIGURATION);
  const before = await revisions(stream);
  await seedConfiguration(stream, { ...CONFIGURATION, carriers: [{ ...CARRIER, port: 2_776 }] });
  const after = await revisions(stream);
  const changed = Object.keys(after).filter((key) => after[key] !== before[key]);
  assert.equal(changed, ["floe_carriers/alpha"]);
});

seed("refuses another number of partitions, before it writes anything", async () => {
  const stream = client();
  await seedConfiguration(stream, CONFIGURATION);
  const before = await revisions(stream);
  const other = { ...CONFIGURATION, partitions: 3, tables: tablesOf("others") };
  const error = await seedConfiguration(stream, other).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.match(String(error), /there are 2 partitions/);
  assert.equal(await revisions(stream), before);
});

seed("refuses a wrong value, before it writes anything", async () => {
  const stream = client();
  const wrong = { ...CONFIGURATION, keys: [{ ...KEY, secretHash: "short" }] };
  const error = await seedConfiguration(stream, wrong).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.match(String(error), /key\.secretHash/);
  assert.not.match(String(error), "short");
  assert.equal(await revisions(stream), {});
});

seed("gives changed tables the next version, and keeps the old object", async () => {
  const stream = client();
  assert.is(await loadTables(stream, tablesOf("a")), 1);
  assert.is(await loadTables(stream, tablesOf("a")), 1);
  assert.is(await loadTables(stream, tablesOf("b")), 2);
  assert.is(await loadTables(stream, tablesOf("a")), 3);
  assert.is((await (await stream.objects(TABLES_STORE)).list()).length, 3);
});

seed("gives two writers at the same time versions of their own", async () => {
  const stream = client();
  const versions = await Promise.all([
    loadTables(stream, tablesOf("a")),
    loadTables(stream, tablesOf("b")),
  ]);
  assert.equal(versions.sort(), [1, 2]);
  const config = await stream.bucket(BUCKETS.config);
  const pointer = parseTables((await config.get("tables"))!.value);
  const image = await (await stream.objects(TABLES_STORE)).get(pointer.object);
  assert.is(pointer.version, 2);
  assert.match(Buffer.from(image!).toString(), / 2$/);
});

seed.run();
