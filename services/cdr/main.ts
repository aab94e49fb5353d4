/**
 * cdr: writes what the streams say of messages into ClickHouse, and closes what is overdue.
 *
 * Reads: DECISIONS, ATTEMPTS, USAGE, and of DEAD what is to be read again; bucket config (number of partitions). Writes: tables of
 * deploy/clickhouse, which it migrates first; ATTEMPTS (the sweep). Any number of processes may
 * share the consumers; one of them sweeps and computes rollups, by lease.
 */
import { clickHouseOptions, openClickHouse } from "../../core/clickhouse.js";
import { sleep } from "../../core/clock.js";
import { parsePartitions } from "../../core/configuration.js";
import { openDeadLetters } from "../../core/dead-letters.js";
import { isFloeError } from "../../core/errors.js";
import type { Host, Serve } from "../../core/host.js";
import type { Logger } from "../../core/log.js";
import { watchSkew } from "../../core/skew.js";
import { holdLeases } from "../../core/stream/lease.js";
import type { Consumption, StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, CDR_CONSUMERS, CDR_REPLAYS } from "../../core/subjects.js";
import { openChores } from "./chores.js";
import { migrate } from "./migrate.js";
import { openQuality } from "./quality.js";
import { openRollups } from "./rollups.js";
import { CDR_SETTINGS, type CdrSettings } from "./settings.js";
import { BATCH_MAX, openSweep } from "./sweep.js";
import { openWriter } from "./writer.js";

/** Of all cdr processes; no setting, since a consumer that is there must not differ. */
const ACK_PENDING_MAX = 8_000;
const LEASE_SECONDS = 10;
const MIGRATE_PAUSE_MS = 1_000;
/** A stop waits so long for ClickHouse; what is not stored then comes again. */
const DRAIN_MS = 10_000;

export const serve: Serve = async (host) => {
  const settings = host.settings(CDR_SETTINGS);
  const log = host.log("cdr");
  const client = await host.stream();
  let ready = false;
  host.readiness("cdr", () => ready);

  // Not awaited: other roles of the process start while ClickHouse may still be away.
  let stopping = false;
  const started = start(host, client, settings, log, () => stopping).then((parts) => {
    ready = parts !== undefined;
    return parts;
  });
  started.catch((err: unknown) => {
    log.error({ err }, "cdr cannot start");
    void host.lifecycle.stop("cdr cannot start");
  });
  host.lifecycle.onStop("cdr", async () => {
    stopping = true;
    ready = false;
    await (await started.catch(() => undefined))?.();
  });
};

/** @returns what stops it; undefined if it was stopped before it had begun. */
async function start(
  host: Host,
  client: StreamClient,
  settings: CdrSettings,
  log: Logger,
  stopping: () => boolean,
): Promise<(() => Promise<void>) | undefined> {
  const { clock } = host;
  const target = clickHouseOptions(host.common);
  for (;;) {
    if (stopping()) return undefined;
    try {
      await migrate({ clickhouse: target, log, replicated: settings.replicated === "on" });
      break;
    } catch (err) {
      if (!isFloeError(err, "clickhouse.unavailable")) throw err;
      log.warn({ err }, "waiting for ClickHouse");
      await sleep(clock, MIGRATE_PAUSE_MS);
    }
  }

  const clickhouse = openClickHouse(target);
  const rollups = openRollups(clickhouse);
  let consumptions: readonly Consumption[] = [];
  const writer = openWriter({
    clickhouse,
    dead: openDeadLetters({ client, clock, log, stage: "cdr" }),
    clock,
    log,
    flushMs: settings.flushMs,
    flushMsMax: Math.max(settings.flushMs, settings.flushMsMax),
    flushRows: settings.flushRows,
    holdBack(full) {
      for (const one of consumptions) {
        if (full) one.pause();
        else one.resume();
      }
    },
    stored: rollups.touch,
  });
  host.readiness("cdr inserts", writer.healthy);
  const sources = CDR_CONSUMERS.map((consumer) => ({ stream: consumer.stream, consumer }));
  consumptions = await Promise.all(
    [...sources, ...CDR_REPLAYS].map(async ({ stream, consumer }) => {
      await client.declareConsumer(consumer, { ackPendingMax: ACK_PENDING_MAX });
      const outstandingMax = settings.outstandingFrames;
      return client.consume(consumer, { outstandingMax }, (delivery) =>
        writer.receive(stream, delivery),
      );
    }),
  );
  const stopChores = await startChores(host, client, settings, log, clickhouse, rollups);

  return async () => {
    await stopChores();
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
    const cancel = clock.after(DRAIN_MS, () => {
      log.warn("ClickHouse did not take what is in memory, it will be read again");
      writer.abandon();
    });
    await writer.drain();
    cancel();
    await clickhouse.close();
  };
}

async function startChores(
  host: Host,
  client: StreamClient,
  settings: CdrSettings,
  log: Logger,
  clickhouse: ReturnType<typeof openClickHouse>,
  rollups: ReturnType<typeof openRollups>,
): Promise<() => Promise<void>> {
  let partitions: number | undefined;
  const config = await client.bucket(BUCKETS.config);
  const watching = await config.watch((key, value) => {
    if (key !== "partitions" || value === undefined) return;
    try {
      partitions = parsePartitions(value).count;
    } catch (err) {
      log.error({ err }, "the number of partitions cannot be read, the last one stays");
    }
  });
  // A clock that is ahead would close what has time left.
  const skew = await watchSkew(host.clock, client, log);
  const sweep = openSweep({
    clickhouse,
    client,
    clock: skew.streamClock,
    log: log.child({ chore: "sweep" }),
    processId: host.processId,
    receiptWaitMs: settings.receiptWaitMs,
    partitions: () => partitions,
  });
  const learnQuality = openQuality({ clickhouse, config, clock: host.clock, log });
  const chores = openChores(host.clock, log, [
    {
      name: "sweep",
      pauseMs: settings.sweepMs,
      run: async () => (await sweep()) === BATCH_MAX,
    },
    {
      name: "rollups",
      pauseMs: settings.rollupMs,
      run: async () => {
        await rollups.compute();
        return false;
      },
    },
    {
      name: "quality",
      pauseMs: settings.qualityMs,
      run: async () => {
        await learnQuality();
        return false;
      },
    },
  ]);
  const leases = await holdLeases({
    bucket: await client.bucket(BUCKETS.leases, { keyTtl: true }),
    clock: host.clock,
    group: "sweep",
    keys: ["0"],
    member: host.processId,
    ttlSeconds: LEASE_SECONDS,
    gained: () => chores.start(),
    lost: () => chores.stop(),
  });
  return async () => {
    await leases.stop();
    await chores.stop();
    skew.stop();
    await watching.stop();
  };
}
