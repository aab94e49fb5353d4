/** Seeding the configuration plane, on the memory form of the stream. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import type { CarrierConfig, KeyConfig } from "../../../core/configuration.js";
import {
  parseAccount,
  parseCarrier,
  parsePartitions,
  parseTables,
} from "../../../core/configuration.js";
import { isFloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, COLUMNS_STORE, TABLES_STORE } from "../../../core/subjects.js";
import { type Configuration, loadTables, seedConfiguration } from "../../../services/admin/seed.js";
import { parseFolder } from "../../../workers/parse-folder.js";
import type { TableSource } from "../../../workers/source.js";

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
const FILES = {
  "carriers.csv": "name\nalpha\n",
  "plans.csv": "plan,name,currency,charge_basis\n1,standard,GBP,submit\n",
  "networks.csv": "prefix,country,mcc,mnc\n44,GB,234,10\n",
  "costs.csv": "carrier,prefix,price,currency\nalpha,44,0.01,GBP\n",
  "prices.csv": "plan,prefix,price,currency\n1,44,0.02,GBP\n",
};
const CONFIGURATION: Configuration = {
  partitions: 2,
  accounts: [{ account: 1, name: "Demo", plan: 1, status: "active" }],
  keys: [KEY],
  carriers: [CARRIER],
  tables: () => tablesOf({}),
};

function tablesOf(more: Readonly<Record<string, string>>): TableSource {
  const texts = Object.entries({ ...FILES, ...more });
  const files = texts.map(([name, text]) => [name, Buffer.from(text)] as const);
  return parseFolder(Object.fromEntries(files), 1);
}

function client(): StreamClient {
  const options = { clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS };
  return openMemory(options).connect("seed");
}

const seeding = (of: StreamClient) => ({ client: of, clock: SYSTEM_CLOCK, log: SILENT });

async function revisions(of: StreamClient): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of Object.values(BUCKETS)) {
    for (const { key, revision } of await (await of.bucket(name)).entries()) {
      found[`${name}/${key}`] = revision;
    }
  }
  return found;
}

async function pointer(of: StreamClient) {
  return parseTables((await (await of.bucket(BUCKETS.config)).get("tables"))!.value);
}

async function carrier(of: StreamClient): Promise<CarrierConfig> {
  return parseCarrier((await (await of.bucket(BUCKETS.carriers)).get("alpha"))!.value);
}

/** What `work` fails with. */
async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.unreachable("it did not fail"),
    (reason: unknown) => reason,
  );
}

seed("writes every part to its bucket, and puts a table set into force", async () => {
  const stream = client();
  await seedConfiguration(seeding(stream), CONFIGURATION);
  const config = await stream.bucket(BUCKETS.config);
  assert.equal(parsePartitions((await config.get("partitions"))!.value), { count: 2 });
  const { version, object } = await pointer(stream);
  assert.is(version, 1);
  assert.ok((await (await stream.objects(TABLES_STORE)).get(object))!.length > 100);
  const account = await (await stream.bucket(BUCKETS.accounts)).get("1");
  assert.equal(parseAccount(account!.value), { ...CONFIGURATION.accounts[0], currency: "GBP" });
  assert.equal(Object.keys(await revisions(stream)).sort(), [
    "floe_accounts/1",
    "floe_carriers/alpha",
    "floe_config/partitions",
    "floe_config/tables",
    "floe_entities/deck.carrier.alpha.sms",
    "floe_entities/deck.plan.1.sms",
    "floe_entities/networks.all",
    "floe_entities/plan.1",
    "floe_entities/seeded.all",
    "floe_keys/abcdefgh0123",
    "floe_table_sets/set.1",
  ]);
});

seed("writes nothing when everything is there", async () => {
  const stream = client();
  await seedConfiguration(seeding(stream), CONFIGURATION);
  const before = await revisions(stream);
  await seedConfiguration(seeding(stream), CONFIGURATION);
  assert.equal(await revisions(stream), before);
});

seed("leaves alone what operators changed or deleted since the first start", async () => {
  const stream = client();
  const both = { ...CONFIGURATION, carriers: [CARRIER, { ...CARRIER, name: "beta" }] };
  await seedConfiguration(seeding(stream), both);
  const carriers = await stream.bucket(BUCKETS.carriers);
  const changed = { ...(await carrier(stream)), window: 77, changedBy: "operator" };
  await carriers.put("alpha", Buffer.from(JSON.stringify(changed)));
  await carriers.delete("beta");
  await (await stream.bucket(BUCKETS.entities)).delete("networks.all");
  const other = { ...CARRIER, port: 2_776 };
  await seedConfiguration(seeding(stream), { ...both, carriers: [other, both.carriers[1]!] });
  const after = await carrier(stream);
  // Where a simulated carrier listens may differ at each start; all else stays.
  assert.equal({ port: after.port, window: after.window }, { port: 2_776, window: 77 });
  const there = Object.keys(await revisions(stream));
  assert.not.ok(there.includes("floe_carriers/beta"));
  assert.not.ok(there.includes("floe_entities/networks.all"));
});

seed("refuses another number of partitions, before it writes anything", async () => {
  const stream = client();
  await seedConfiguration(seeding(stream), CONFIGURATION);
  const before = await revisions(stream);
  const other = { ...CONFIGURATION, partitions: 3 };
  assert.match(
    String(await failure(seedConfiguration(seeding(stream), other))),
    /there are 2 partitions/,
  );
  assert.equal(await revisions(stream), before);
});

seed("refuses a wrong value, before it writes anything", async () => {
  const stream = client();
  const wrong = { ...CONFIGURATION, keys: [{ ...KEY, secretHash: "short" }] };
  const error = await failure(seedConfiguration(seeding(stream), wrong));
  assert.match(String(error), /key\.secretHash/);
  assert.not.match(String(error), "short");
  assert.equal(await revisions(stream), {});
});

seed("refuses rows for a carrier that is not configured, before it writes anything", async () => {
  const stream = client();
  const tables = () => tablesOf({ "carriers.csv": "name\nalpha\nbeta\n" });
  const error = await failure(seedConfiguration(seeding(stream), { ...CONFIGURATION, tables }));
  assert.ok(isFloeError(error, "tables.invalid"));
  assert.match(String(error), /carrier beta is not configured/);
  assert.equal(await revisions(stream), {});
});

seed("replaces all rows by those of another folder, and only what differs", async () => {
  const stream = client();
  await seedConfiguration(seeding(stream), CONFIGURATION);
  const before = await revisions(stream);
  assert.is(await loadTables(seeding(stream), tablesOf({}), "operator"), 1);
  assert.equal(await revisions(stream), before);
  const plans = "plan,name,currency,charge_basis\n2,other,GBP,delivered\n";
  const prices = "plan,prefix,price,currency\n2,44,0.03,GBP\n";
  const others = tablesOf({ "plans.csv": plans, "prices.csv": prices });
  assert.is(await loadTables(seeding(stream), others, "operator"), 2);
  const after = await revisions(stream);
  const same = Object.keys(after).filter((key) => after[key] === before[key]);
  assert.ok(same.includes("floe_entities/deck.carrier.alpha.sms"));
  const entities = Object.keys(after).filter((key) => /entities\/(plan|deck.plan)/.test(key));
  assert.equal(entities.sort(), ["floe_entities/deck.plan.2.sms", "floe_entities/plan.2"]);
  assert.is(await loadTables(seeding(stream), tablesOf({}), "operator"), 3);
  assert.is((await (await stream.objects(TABLES_STORE)).list()).length, 3);
  assert.ok((await (await stream.objects(COLUMNS_STORE)).list()).length >= 4);
});

seed("gives two writers at the same time one set in force that holds both", async () => {
  const stream = client();
  await seedConfiguration(seeding(stream), CONFIGURATION);
  const prices = (price: string) => ({
    "prices.csv": `plan,prefix,price,currency\n1,44,${price},GBP\n`,
  });
  await Promise.all([
    loadTables(seeding(stream), tablesOf(prices("0.03")), "one"),
    loadTables(seeding(stream), tablesOf(prices("0.04")), "other"),
  ]);
  const { through } = await pointer(stream);
  const last = Math.max(
    ...Object.entries(await revisions(stream)).map(([key, revision]) =>
      key.startsWith("floe_entities/") ? revision : 0,
    ),
  );
  assert.is(through!.entities, last);
});

seed.run();
