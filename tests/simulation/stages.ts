/**
 * The stages of the pipeline as processes of the simulation: the real parts, wired as their main.ts
 * wires them, with the simulated clock, stream, carriers and database where the real ones would be.
 */
import type { Chance } from "../../core/clock.js";
import type { CarrierConfig } from "../../core/configuration.js";
import { openDeadLetters } from "../../core/dead-letters.js";
import { REQUEST_PUBLISH_MS_MAX } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { openSeal } from "../../core/number-seal.js";
import { watchSkew } from "../../core/skew.js";
import { holdLeases } from "../../core/stream/lease.js";
import { openOutbox } from "../../core/stream/outbox.js";
import type { Consumption } from "../../core/stream/stream.js";
import { BUCKETS, CDR_CONSUMERS } from "../../core/subjects.js";
import { openChores } from "../../services/cdr/chores.js";
import { openRollups } from "../../services/cdr/rollups.js";
import { BATCH_MAX, openSweep } from "../../services/cdr/sweep.js";
import { openWriter } from "../../services/cdr/writer.js";
import { openCarrier } from "../../services/connectors/carrier.js";
import { openOwner } from "../../services/dispatch/owner.js";
import { watchSuppressed } from "../../services/dispatch/suppressed.js";
import { watchTerms } from "../../services/dispatch/terms.js";
import { openWindow } from "../../services/dispatch/window.js";
import { type Acceptor, openAcceptor } from "../../services/gateway/accept.js";
import { type Identity, openIdentity } from "../../services/gateway/identity.js";
import { openRememberedKeys } from "../../services/gateway/remembered.js";
import { testRouter } from "../unit/dispatch/kit.js";
import { rule } from "../unit/workers/kit.js";
import { ONCE_ACCOUNTS, TOKEN_KEY } from "./accounts.js";
import { openBatch } from "./batches.js";
import type { SimulatedCarrier } from "./carrier.js";
import type { Database } from "./clickhouse.js";
import type { Holders } from "./holders.js";
import { openSimulatedLink } from "./link.js";
import { CRASHES_POOL } from "./poison.js";
import type { SimulatedProcess } from "./process.js";

export interface Plan {
  readonly partitions: number;
  readonly carriers: readonly CarrierConfig[];
  readonly receiptWaitMs: number;
  /** Attempts that a connector keeps in one generation of its memory. */
  readonly memoryEntriesMax: number;
  readonly log: Logger;
}

const RULES = [
  rule("once", "cost(*)", { accounts: ONCE_ACCOUNTS, delivery: "at_most_once" }),
  rule("patient", "cost(*)", {
    accounts: [4],
    retryTemporarySeconds: [1, 6],
    retryRefusedSeconds: [3],
    submitTimeoutSeconds: 8,
  }),
  rule("rest", "cost(*)"),
];

function crashAtPoison(frames: readonly { readonly data: Uint8Array }[]): void {
  for (const { data } of frames) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (bytes.includes(CRASHES_POOL)) throw new Error("a message that no pool can take");
  }
}

/** A stage at work; `stop` is its clean end. */
export interface Stage {
  stop(): Promise<void>;
}

const LEASE_SECONDS = 5;

export interface Gateway extends Stage {
  /** Its clock is wrong: it accepts nothing. */
  clockOff(): boolean;
  readonly acceptor: Acceptor;
}

/** @param offered told every id that the gateway makes. */
export async function openGateway(
  process: SimulatedProcess,
  plan: Plan,
  chance: Chance,
  offered: (id: Uint8Array) => void,
): Promise<Gateway> {
  const { client, name } = process;
  const skew = await watchSkew(process.clock, client, plan.log);
  const { clock } = skew;
  const outbox = openOutbox({
    client,
    clock,
    stage: "gateway",
    window: 1,
    framesPerSecond: 200,
    recordsMax: 1_000,
    bytesMax: 1_000_000,
    publishMsMax: REQUEST_PUBLISH_MS_MAX,
    writerId: name,
  });
  const acceptor = openAcceptor({
    clock,
    outbox,
    identity: repeatable(openIdentity(new Uint8Array(16).fill(9)), chance, offered),
    remembered: openRememberedKeys(64),
    partitions: plan.partitions,
    recordsMax: 1_000,
    bytesMax: 1_000_000,
    accountRecordsMax: 500,
  });
  return {
    acceptor,
    clockOff: skew.off,
    async stop() {
      await outbox.drain();
      skew.stop();
    },
  };
}

/** Ids by chance of the simulation, so that a run can be run again; and all of them are noted. */
function repeatable(
  identity: Identity,
  chance: Chance,
  offered: (id: Uint8Array) => void,
): Identity {
  return {
    ...identity,
    fresh(_nowMs, into, at) {
      for (let index = 0; index < 16; index += 1) into[at + index] = Math.floor(chance() * 256);
      into[at + 6] = 0x70 | (into[at + 6]! & 0x0f);
      into[at + 8] = 0x80 | (into[at + 8]! & 0x3f);
      offered(into.subarray(at, at + 16));
    },
    keyed(message, into, at) {
      identity.keyed(message, into, at);
      offered(into.subarray(at, at + 16));
    },
  };
}

export async function openDispatch(process: SimulatedProcess, plan: Plan): Promise<Stage> {
  const { client, name: processId } = process;
  const skew = await watchSkew(process.clock, client, plan.log);
  const clock = skew.streamClock;
  const rates = new Map(plan.carriers.map((one) => [one.name, one.partsPerSecond]));
  const windows = new Map(plan.carriers.map((one) => [one.name, one.window]));
  const suppressed = await watchSuppressed(await client.bucket(BUCKETS.suppressions), plan.log);
  const terms = await watchTerms(await client.bucket(BUCKETS.accounts), plan.log);
  const owner = openOwner({
    suppressed,
    terms,
    processId,
    client,
    clock,
    log: plan.log,
    router: testRouter(crashAtPoison, RULES),
    window: openWindow(4),
    rateOf: (carrier) => rates.get(carrier) || Number.POSITIVE_INFINITY,
    windowOf: (carrier) => windows.get(carrier)!,
    limits: { keysMax: 10_000, accountKeysMax: 5_000, reservationsMax: 100_000 },
    snapshotEveryMs: 5_000,
    snapshotFramesMin: 3,
  });
  const leases = await holdLeases({
    bucket: await client.bucket(BUCKETS.leases, { keyTtl: true }),
    clock,
    group: "partition",
    keys: Array.from({ length: plan.partitions }, (_, partition) => String(partition)),
    member: processId,
    ttlSeconds: LEASE_SECONDS,
    gained: owner.gained,
    lost: owner.lost,
  });
  return {
    async stop() {
      await leases.stop();
      skew.stop();
      await terms.stop();
      await suppressed.stop();
    },
  };
}

export async function openConnector(
  process: SimulatedProcess,
  plan: Plan,
  carriers: ReadonlyMap<string, SimulatedCarrier>,
  holders: Holders,
  crashed: () => void,
): Promise<Stage> {
  const { name: processId } = process;
  const client = holders.watch(process);
  const skew = await watchSkew(process.clock, client, plan.log);
  const clock = skew.streamClock;
  const leases = await client.bucket(BUCKETS.leases, { keyTtl: true });
  const health = await client.bucket(BUCKETS.health, { keyTtl: true });
  const status = await client.bucket(BUCKETS.carrierStatus, { keyTtl: true });
  const outbox = openOutbox({
    client,
    clock,
    stage: "connector",
    window: 1,
    framesPerSecond: 200,
    recordsMax: 10_000,
    bytesMax: 10_000_000,
    publishMsMax: 60_000,
    writerId: processId,
  });
  const open = await Promise.all(
    plan.carriers.map((config) =>
      openCarrier({
        ...{ client, clock, log: plan.log, config, outbox, leases, health, status, processId },
        seal: openSeal(TOKEN_KEY),
        outboxRecordsHigh: 1_000,
        leaseSeconds: LEASE_SECONDS,
        memoryEntriesMax: plan.memoryEntriesMax,
        known: (name) => carriers.has(name),
        openLink: (events) =>
          openSimulatedLink(
            { process, carrier: carriers.get(config.name)!, config, crashed },
            events,
          ),
      }),
    ),
  );
  return {
    async stop() {
      await Promise.all(open.map((carrier) => carrier.stop()));
      skew.stop();
    },
  };
}

export async function openCdr(
  process: SimulatedProcess,
  plan: Plan,
  database: Database,
): Promise<Stage> {
  const { client, clock, name: processId } = process;
  const { log } = plan;
  const clickhouse = database.open(process);
  const writer = openWriter({
    ...{ clickhouse, clock, log },
    dead: openDeadLetters({ client, clock, log, stage: "cdr" }),
    openBatch,
    flushMs: 200,
    flushMsMax: 1_000,
    flushRows: 50,
    holdBack(full) {
      for (const one of consumptions) {
        if (full) one.pause();
        else one.resume();
      }
    },
    stored: openRollups(clickhouse).touch,
  });
  const consumptions: Consumption[] = await Promise.all(
    CDR_CONSUMERS.map(async (spec) => {
      await client.declareConsumer(spec, { ackPendingMax: 400 });
      return client.consume(spec, { outstandingMax: 100 }, (delivery) =>
        writer.receive(spec.stream, delivery),
      );
    }),
  );
  const skew = await watchSkew(clock, client, log);
  const sweep = openSweep({
    ...{ clickhouse, client, clock: skew.streamClock, log, processId },
    receiptWaitMs: plan.receiptWaitMs,
    partitions: () => plan.partitions,
  });
  const run = async (): Promise<boolean> => (await sweep()) === BATCH_MAX;
  const chores = openChores(clock, log, [{ name: "sweep", pauseMs: 2_000, run }]);
  const leases = await holdLeases({
    bucket: await client.bucket(BUCKETS.leases, { keyTtl: true }),
    clock,
    group: "sweep",
    keys: ["0"],
    member: processId,
    ttlSeconds: LEASE_SECONDS,
    gained: () => chores.start(),
    lost: () => chores.stop(),
  });
  return {
    async stop() {
      await leases.stop();
      skew.stop();
      await chores.stop();
      await Promise.all(consumptions.map((consumption) => consumption.stop()));
      const cancel = clock.after(10_000, () => writer.abandon());
      await writer.drain();
      cancel();
    },
  };
}
