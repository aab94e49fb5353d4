/**
 * Configure: the schema of ClickHouse and the configuration plane of a local system: demo accounts
 * with their keys, the simulated carriers, the sample's routes and decks.
 */
import { fileURLToPath } from "node:url";
import { fillRandom, SYSTEM_CLOCK } from "../../core/clock.js";
import type { AccountConfig, CarrierConfig, KeyConfig } from "../../core/configuration.js";
import { SILENT } from "../../core/log.js";
import { openNats } from "../../core/stream/nats.js";
import { STREAMS } from "../../core/subjects.js";
import { seedConfiguration } from "../../services/admin/seed.js";
import { migrate } from "../../services/cdr/migrate.js";
import { readFolder } from "../../workers/parse-folder.js";
import { LOCAL_USER, type LocalState } from "./state.js";

export const SAMPLE_TABLES = fileURLToPath(
  new URL("../../../deploy/local/sample/tables", import.meta.url),
);
/** Price plan of the demo accounts, in the sample's plans.csv. */
const DEMO_PLAN = 1;
/** Staff keys belong to no account. */
const STAFF_ACCOUNT = 0;

export interface ConfigureOptions {
  /** URLs without user and password. */
  readonly nats: string;
  readonly clickhouse: string;
  /** Copies of each stream. Default 1. */
  readonly replicas?: number;
  readonly state: LocalState;
  /** Demo accounts, numbered from 1. */
  readonly accounts: number;
  readonly carriers: readonly SimulatedCarrier[];
  readonly tablesDirectory: string;
}
export interface SimulatedCarrier {
  readonly name: string;
  readonly port: number;
  readonly binds?: number;
  readonly window?: number;
  readonly partsPerSecond?: number;
}

/** A repeat changes only what is different. */
export async function configure(options: ConfigureOptions): Promise<void> {
  await Promise.all([seed(options), migrateSchema(options)]);
}

async function seed(all: ConfigureOptions) {
  const { nats, state, accounts, carriers, replicas = 1, ...options } = all;
  const random = new Uint8Array(8);
  fillRandom(random);
  const name = `local-${Buffer.from(random).toString("hex")}`;
  const client = await openNats({
    servers: nats,
    user: LOCAL_USER,
    password: state.natsPassword,
    name,
    processId: name,
    clock: SYSTEM_CLOCK,
    log: SILENT,
    replicas,
  });
  try {
    await client.declare(STREAMS);
    const seeding = { client, clock: SYSTEM_CLOCK, log: SILENT };
    await seedConfiguration(seeding, {
      partitions: state.partitions,
      accounts: Array.from({ length: accounts }, (_, at) => demoAccount(at + 1)),
      keys: keysOf(state, accounts),
      carriers: carriers.map((carrier) => carrierOf(carrier, state.carrierPassword)),
      tables: () => readFolder(options.tablesDirectory),
    });
  } finally {
    await client.close();
  }
}

function demoAccount(account: number): AccountConfig {
  return { account, name: `Demo ${account}`, plan: DEMO_PLAN, status: "active" };
}

function keysOf({ apiKeys, staffKey }: LocalState, accounts: number): readonly KeyConfig[] {
  const always = { status: "active", expiresAtMs: 0 } as const;
  const { keyId, secretHash } = staffKey;
  return [
    { keyId, secretHash, account: STAFF_ACCOUNT, scope: "staff", ...always },
    ...apiKeys.slice(0, accounts).map((key, at) => ({
      keyId: key.keyId,
      secretHash: key.secretHash,
      account: at + 1,
      scope: "customer" as const,
      ...always,
    })),
  ];
}

function carrierOf(carrier: SimulatedCarrier, password: string): CarrierConfig {
  const { name, port, binds = 1, window = 100, partsPerSecond = 0 } = carrier;
  return {
    name,
    link: "smpp",
    status: "active",
    host: "127.0.0.1",
    port,
    systemId: LOCAL_USER,
    password,
    systemType: "",
    bind: "transceiver",
    binds,
    window,
    partsPerSecond,
    alphabet: "gsm7",
    enquireLinkMs: 30_000,
    responseMs: 10_000,
  };
}

function migrateSchema({ clickhouse, state }: ConfigureOptions): Promise<void> {
  return migrate({
    clickhouse: {
      url: clickhouse,
      user: LOCAL_USER,
      password: state.clickhousePassword,
      database: "floe",
    },
    log: SILENT,
  });
}
