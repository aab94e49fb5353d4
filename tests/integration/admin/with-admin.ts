/**
 * Brackets: replicas of the admin service in this process on free ports, over clients of one stream
 * server, with a staff key and a customer's; calls of them, and what refused calls are told.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, Metadata, type ServiceDefinition } from "@grpc/grpc-js";
import { newApiKey } from "../../../core/api-key.js";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import { encodeConfig } from "../../../core/configuration.js";
import { COMMON_SETTINGS, type Host } from "../../../core/host.js";
import { extendKeys } from "../../../core/keys.js";
import { SILENT } from "../../../core/log.js";
import { Carrier, CarrierServiceService } from "../../../core/proto/floe/v1/carriers.js";
import { loadSettings } from "../../../core/settings.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, STREAMS } from "../../../core/subjects.js";
import { serve } from "../../../services/admin/main.js";

export interface Replica {
  readonly address: string;
  readonly stream: StreamClient;
  /** With the staff key, unless another, or none (""), is given. @throws ServiceError. */
  call<Response>(
    definition: ServiceDefinition,
    name: string,
    request: object,
    key?: string,
  ): Promise<Response>;
  /** As SIGTERM does; repeats are harmless. */
  stop(): Promise<void>;
}

export interface Admins {
  readonly replicas: readonly Replica[];
  /** The first. */
  readonly admin: Replica;
  readonly staff: { readonly key: string; readonly keyId: string };
  readonly customer: string;
}

/** A stream server's clients in memory, on the machine's clock. */
export function memoryClients(): (name: string) => Promise<StreamClient> {
  const options = { clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS };
  const server = openMemory(options);
  return async (name) => {
    const client = server.connect(name);
    await client.declare(STREAMS);
    return client;
  };
}

export async function withAdmins(
  count: number,
  run: (admins: Admins) => Promise<void>,
  clients: (name: string) => Promise<StreamClient> = memoryClients(),
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-admin-"));
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, SYSTEM_CLOCK.nowMs(), 1));
  const staff = newApiKey("test");
  const customer = newApiKey("test");
  const first = await clients("setup");
  const keys = await first.bucket(BUCKETS.keys);
  const always = { status: "active", expiresAtMs: 0 } as const;
  for (const [one, scope, account] of [
    [staff, "staff", 0],
    [customer, "customer", 1],
  ] as const) {
    const { keyId, secretHash } = one;
    await keys.put(keyId, encodeConfig({ keyId, secretHash, scope, account, ...always }));
  }
  const replicas: Replica[] = [];
  try {
    for (let at = 0; at < count; at += 1) {
      const stream = await clients(`admin-${at}`);
      const env = {
        FLOE_ADMIN_PORT: "0",
        FLOE_ADMIN_QUIET_MS: "50",
        FLOE_ADMIN_LEASE_SECONDS: "2",
        FLOE_KEYS_FILE: keysFile,
        ...environment,
      };
      replicas.push(await openReplica(stream, `admin-${at}`, env, staff.key));
    }
    await run({ replicas, admin: replicas[0]!, staff, customer: customer.key });
  } finally {
    for (const replica of replicas) await replica.stop();
    rmSync(folder, { recursive: true });
  }
}

async function openReplica(
  stream: StreamClient,
  processId: string,
  env: Readonly<Record<string, string>>,
  staffKey: string,
): Promise<Replica> {
  const ends: (() => Promise<void> | void)[] = [];
  let port = 0;
  let stopped: Promise<void> | undefined;
  let client: Client | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      client?.close();
      for (const end of ends.reverse()) await end();
    })();
    return stopped;
  };
  const host: Host = {
    processId,
    clock: SYSTEM_CLOCK,
    lifecycle: {
      onStop: (_name, close) => void ends.push(close),
      stop,
      stopping: () => stopped !== undefined,
    },
    common: loadSettings(COMMON_SETTINGS, [], { FLOE_KEYS_FILE: env["FLOE_KEYS_FILE"] }),
    log: () => SILENT,
    settings: (table) => loadSettings(table, [COMMON_SETTINGS], env),
    stream: async () => stream,
    listening: (_service, _address, at) => {
      port = at;
    },
    readiness: () => {},
  };
  try {
    await serve(host);
  } catch (error) {
    await stop();
    throw error;
  }
  const address = `127.0.0.1:${port}`;
  const opened = new Client(address, credentials.createInsecure());
  client = opened;
  return {
    address,
    stream,
    stop,
    call: <Response>(
      definition: ServiceDefinition,
      name: string,
      request: object,
      key = staffKey,
    ) =>
      new Promise<Response>((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = definition[name]!;
        const metadata = new Metadata();
        if (key !== "") metadata.set("authorization", `Bearer ${key}`);
        opened.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize as (bytes: Buffer) => Response,
          request,
          metadata,
          (error, response) => (error === null ? resolve(response!) : reject(error)),
        );
      }),
  };
}

/** A carrier as an operator writes it. */
export function carrierOf(name: string, more: Partial<Carrier> = {}): Carrier {
  const place = { host: "smsc.example", port: 2_775, systemId: "floe", password: "secret" };
  return Carrier.fromPartial({ name, ...place, ...more });
}

export async function createCarrier(admin: Replica, carrier: Carrier): Promise<Carrier> {
  const { carrier: made } = await admin.call<{ carrier: Carrier }>(
    CarrierServiceService,
    "createCarrier",
    { carrier },
  );
  return made;
}
