/**
 * Dispatch: owns partitions. Decides what gateways accepted, appends it to the partition's log,
 * hands it to carriers' queues, and settles money when attempts bring the outcome.
 *
 * Reads: REQUESTS, ATTEMPTS, its own DECISIONS; buckets config, accounts, carriers, suppressions; object store of tables.
 * Writes: DECISIONS (fenced), DISPATCH. State: state.ts, a fold over DECISIONS.
 */
import { parsePartitions } from "../../core/configuration.js";
import type { Serve } from "../../core/host.js";
import { watchSkew } from "../../core/skew.js";
import { holdLeases, type Leases } from "../../core/stream/lease.js";
import type { Bucket } from "../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../core/subjects.js";
import { watchCarriers } from "./carriers.js";
import { watchInputs } from "./inputs.js";
import { openOwner } from "./owner.js";
import { openRouter } from "./router.js";
import { DISPATCH_SETTINGS } from "./settings.js";
import { watchSuppressed } from "./suppressed.js";
import { watchTerms } from "./terms.js";
import { openWindow } from "./window.js";

/** Frames of this process in flight, decisions and dispatch together. */
const PUBLISH_WINDOW = 4;

export const serve: Serve = async (host) => {
  const settings = host.settings(DISPATCH_SETTINGS);
  const log = host.log("dispatch");
  const client = await host.stream();
  const config = await client.bucket(BUCKETS.config);
  const carriers = await watchCarriers(await client.bucket(BUCKETS.carriers), log);
  host.lifecycle.onStop("carriers", carriers.stop);
  const inputs = await watchInputs({
    health: await client.bucket(BUCKETS.health, { keyTtl: true }),
    ...{ config, clock: host.clock, log },
  });
  host.lifecycle.onStop("inputs", inputs.stop);
  const suppressed = await watchSuppressed(await client.bucket(BUCKETS.suppressions), log);
  host.lifecycle.onStop("suppressed", suppressed.stop);
  const terms = await watchTerms(await client.bucket(BUCKETS.accounts), log);
  host.lifecycle.onStop("terms", terms.stop);
  const router = await openRouter({
    threads: settings.threads,
    keysFile: host.common.keysFile,
    clock: host.clock,
    config,
    objects: await client.objects(TABLES_STORE),
    inputs,
    log,
  });
  host.lifecycle.onStop("pool", router.close);

  // By a clock that is ahead, keys would be forgotten before their day is over.
  const skew = await watchSkew(host.clock, client, log);
  host.lifecycle.onStop("clock", async () => skew.stop());
  const owner = openOwner({
    processId: host.processId,
    client,
    clock: skew.streamClock,
    log,
    router,
    window: openWindow(PUBLISH_WINDOW),
    rateOf: carriers.partsPerSecond,
    windowOf: carriers.window,
    suppressed,
    terms,
    limits: settings,
  });
  let holding = false;
  host.readiness("dispatch", () => holding && router.ready() && owner.ready());

  let stopped: () => void = () => {};
  const stopping = new Promise<undefined>((resolve) => {
    stopped = () => resolve(undefined);
  });

  async function hold(): Promise<Leases | undefined> {
    const ready = Promise.all([partitionCount(config), router.whenReady()]);
    const found = await Promise.race([ready, stopping]);
    if (found === undefined) return undefined;
    const leases = await holdLeases({
      bucket: await client.bucket(BUCKETS.leases, { keyTtl: true }),
      clock: host.clock,
      group: "partition",
      keys: Array.from({ length: found[0] }, (_, partition) => String(partition)),
      member: host.processId,
      ttlSeconds: settings.leaseSeconds,
      gained: owner.gained,
      lost: owner.lost,
    });
    holding = true;
    return leases;
  }

  // Not awaited: the roles behind this one start meanwhile, and tables may come from them.
  const held = hold().catch((err: unknown) => {
    log.error({ err }, "partitions cannot be held");
    void host.lifecycle.stop("partitions cannot be held");
    return undefined;
  });
  host.lifecycle.onStop("partitions", async () => {
    stopped();
    await (await held)?.stop();
  });
};

/** How many partitions there are; waits until it is written. */
async function partitionCount(config: Bucket): Promise<number> {
  return await new Promise((resolve, reject) => {
    const watching = config.watch((key, value) => {
      if (key !== "partitions" || value === undefined) return;
      try {
        resolve(parsePartitions(value).count);
      } catch (error) {
        reject(error);
      }
      queueMicrotask(() => void watching.then((one) => one.stop()));
    });
    watching.catch(reject);
  });
}
