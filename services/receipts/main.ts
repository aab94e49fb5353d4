/**
 * Receipts: what comes from carriers and belongs to no message at hand: receipts of old messages, and
 * messages from phones.
 *
 * Reads: RECEIPTS, INBOUND; ClickHouse's `attempts`; buckets config, carriers, numbers. Writes:
 * ATTEMPTS; ClickHouse's `orphan_receipts` and `inbound_messages`; bucket suppressions. Any number of
 * processes may join receipts; one, by lease, looks after orphans, and one puts messages together.
 */
import { type ClickHouse, clickHouseOptions, openClickHouse } from "../../core/clickhouse.js";
import { parseCarrier, parsePartitions } from "../../core/configuration.js";
import { openDeadLetters } from "../../core/dead-letters.js";
import type { Host, Serve } from "../../core/host.js";
import { loadKeys } from "../../core/keys.js";
import type { Logger } from "../../core/log.js";
import type { PartRule } from "../../core/part-merge.js";
import { holdLeases } from "../../core/stream/lease.js";
import type { Consumption, StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, COLD_CONSUMER, INBOUND_CONSUMER } from "../../core/subjects.js";
import { watchAssignments } from "./assignments.js";
import { openChore } from "./chore.js";
import { openCold } from "./cold.js";
import { INBOUND_OUTSTANDING_MAX, type Inbound, openInbound } from "./inbound.js";
import { openOrphans } from "./orphans.js";
import { RECEIPTS_SETTINGS, type ReceiptsSettings } from "./settings.js";

/** Of all processes; no setting, since a consumer that is there must not differ. */
const ACK_PENDING_MAX = 8_000;

export const serve: Serve = async (host) => {
  const settings = host.settings(RECEIPTS_SETTINGS);
  const log = host.log("receipts");
  const client = await host.stream();
  const { clock, lifecycle, processId } = host;
  const clickhouse = openClickHouse(clickHouseOptions(host.common));
  lifecycle.onStop("receipts ClickHouse", () => clickhouse.close());
  const known = await watchKnown(client, host, log);
  const dead = openDeadLetters({ client, clock, log, stage: "receipts" });

  const cold = openCold({
    ...{ clickhouse, client, dead, clock, log, processId },
    mergeMs: settings.mergeMs,
    partitions: known.partitions,
    ruleOf: known.ruleOf,
  });
  lifecycle.onStop("cold receipts", cold.stop);
  await client.declareConsumer(COLD_CONSUMER, { ackPendingMax: ACK_PENDING_MAX });
  const outstandingMax = settings.outstandingFrames;
  const reading = await client.consume(COLD_CONSUMER, { outstandingMax }, cold.receive);
  lifecycle.onStop("receipts reading", () => reading.stop());

  await serveInbound(host, settings, client, clickhouse, log);
  const orphans = openChore({
    ...{ clock, log, pauseMs: settings.orphansMs },
    run: openOrphans({ clickhouse, clock, log, place: cold.place }),
  });
  const leases = await holdLeases({
    bucket: await client.bucket(BUCKETS.leases, { keyTtl: true }),
    clock,
    group: "orphans",
    keys: ["0"],
    member: processId,
    ttlSeconds: settings.leaseSeconds,
    gained: () => orphans.start(),
    lost: () => orphans.stop(),
  });
  lifecycle.onStop("receipts leases", () => leases.stop());
  host.readiness("receipts", () => client.connected());
};

/** One process puts messages from phones together, while it holds the lease. */
async function serveInbound(
  host: Host,
  settings: ReceiptsSettings,
  client: StreamClient,
  clickhouse: ClickHouse,
  log: Logger,
): Promise<void> {
  const { clock, lifecycle, processId } = host;
  await client.declareConsumer(INBOUND_CONSUMER, { ackPendingMax: ACK_PENDING_MAX });
  const assignments = await watchAssignments(await client.bucket(BUCKETS.numbers), log);
  lifecycle.onStop("numbers", assignments.stop);
  const suppressions = await client.bucket(BUCKETS.suppressions);
  let working: { inbound: Inbound; reading: Promise<Consumption> } | undefined;

  function begin(): void {
    const inbound = openInbound({
      ...{ clickhouse, clock, log, assignments, suppressions },
      dead: openDeadLetters({ client, clock, log, stage: "receipts" }),
      partsWaitMs: settings.partsWaitMs,
      keys: () => loadKeys(host.common.keysFile),
    });
    const consume = { outstandingMax: INBOUND_OUTSTANDING_MAX };
    const reading = client.consume(INBOUND_CONSUMER, consume, inbound.receive);
    reading.catch((err: unknown) => {
      log.error({ err }, "messages from phones cannot be read");
      void lifecycle.stop("messages from phones cannot be read");
    });
    working = { inbound, reading };
  }

  async function end(): Promise<void> {
    const ending = working;
    working = undefined;
    await (await ending?.reading.catch(() => undefined))?.stop();
    await ending?.inbound.stop();
  }

  const leases = await holdLeases({
    bucket: await client.bucket(BUCKETS.leases, { keyTtl: true }),
    clock,
    group: "inbound",
    keys: ["0"],
    member: processId,
    ttlSeconds: settings.leaseSeconds,
    gained: begin,
    lost: end,
  });
  lifecycle.onStop("inbound leases", () => leases.stop());
}

interface Known {
  partitions(): number | undefined;
  ruleOf(carrier: string): PartRule;
}

/** Number of partitions, and how carriers give receipts for long messages. */
async function watchKnown(client: StreamClient, host: Host, log: Logger): Promise<Known> {
  let partitions: number | undefined;
  const rules = new Map<string, PartRule>();
  const config = await (await client.bucket(BUCKETS.config)).watch((key, value) => {
    if (key !== "partitions" || value === undefined) return;
    try {
      partitions = parsePartitions(value).count;
    } catch (err) {
      log.error({ err }, "the number of partitions cannot be read, the last one stays");
    }
  });
  host.lifecycle.onStop("receipts config", () => config.stop());
  const carriers = await (await client.bucket(BUCKETS.carriers)).watch((name, value) => {
    // Receipts of a carrier that is gone may still come: its rule stays.
    if (value === undefined) return;
    try {
      rules.set(name, parseCarrier(value).partReceipts ?? "all");
    } catch (err) {
      log.error({ err, carrier: name }, "carrier cannot be read, what was known of it stays");
    }
  });
  host.lifecycle.onStop("receipts carriers", () => carriers.stop());
  return { partitions: () => partitions, ruleOf: (carrier) => rules.get(carrier) ?? "all" };
}
