/**
 * Builder: makes a table set when something has changed and was quiet for a while, or at once when
 * one is asked for. Of all replicas one builds, by lease; what it makes is put into force by
 * compare-and-set, so even two at a time would do no harm.
 */
import { type Clock, sleep } from "../../../core/clock.js";
import { isFloeError } from "../../../core/errors.js";
import type { Logger } from "../../../core/log.js";
import { gauge } from "../../../core/metrics.js";
import { holdLeases } from "../../../core/stream/lease.js";
import type { Bucket } from "../../../core/stream/stream.js";
import type { Store } from "../store.js";
import { isDone, makeSet } from "./make.js";
import type { TableSets } from "./sets.js";
import { sweep } from "./sweep.js";

const versionGauge = gauge("floe_admin_tables_version", "Table set in force.");
const bytesGauge = gauge("floe_admin_tables_bytes", "Size of the table set in force.");

export interface BuilderOptions {
  readonly store: Store;
  readonly sets: TableSets;
  readonly leases: Bucket;
  readonly clock: Clock;
  readonly log: Logger;
  readonly processId: string;
  readonly leaseSeconds: number;
  readonly quietMs: number;
  readonly setsKept: number;
}

export interface Builder {
  /** Whether this replica is the one that builds. */
  elected(): boolean;
  stop(): Promise<void>;
}

const KEY = "builder";
/** After a failure of the environment; each further try in a row waits twice as long. */
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 30_000;
const BATCH_MS = 200;

export async function openBuilder(options: BuilderOptions): Promise<Builder> {
  const { store, sets, clock, log } = options;
  let elected = false;
  let changedAtMs = clock.monotonicMs();
  let running: Promise<void> | undefined;
  let failures = 0;
  /** Rules are being written: their end is a change, and their writer may be dead. */
  let waiting = false;
  let cancel = (): void => {};

  /** Looks after `delayMs`, unless a look is under way, which looks again itself. */
  function lookIn(delayMs: number): void {
    cancel();
    if (!elected || running !== undefined) return;
    cancel = clock.after(delayMs, () => {
      running ??= look().finally(() => {
        running = undefined;
        tell();
        if (elected && !settled()) lookIn(waitMs());
      });
    });
  }

  async function look(): Promise<void> {
    try {
      const made = await makeSet(store, sets);
      failures = 0;
      if (made === "made") await sweep(store, sets, options.setsKept);
      waiting = made === "waiting";
      if (made === "beaten") changedAtMs = clock.monotonicMs();
    } catch (err) {
      failures += 1;
      if (!isFloeError(err, "stream.unavailable", "stream.full")) {
        log.error({ err }, "a table set could not be made");
      } else log.warn({ err }, "the stream is away, a table set is made later");
    }
  }

  /** Nothing is to do: all is in force, or known to be wrong. */
  function settled(): boolean {
    const through = store.seen();
    const failure = sets.failure()?.through;
    const isKnown =
      failure !== undefined &&
      failure.entities >= through.entities &&
      failure.carriers >= through.carriers;
    return isDone(sets, sets.pointer(), through) || isKnown;
  }

  function waitMs(): number {
    if (failures > 0) return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (failures - 1));
    if (waiting) return BATCH_MS;
    const wanted = store.get("wanted", "all")?.revision ?? 0;
    if (wanted > (sets.pointer()?.tables.through?.entities ?? 0)) return 0;
    return Math.max(0, changedAtMs + options.quietMs - clock.monotonicMs());
  }

  function changed(): void {
    changedAtMs = clock.monotonicMs();
    if (!settled()) lookIn(waitMs());
  }

  function tell(): void {
    const tables = sets.pointer()?.tables;
    if (tables === undefined) return;
    versionGauge.set(tables.version);
    bytesGauge.set(sets.get(tables.version)?.bytes ?? 0);
  }

  const endings = [store.onChange(changed), sets.onChange(tell)];
  tell();
  const leases = await holdLeases({
    bucket: options.leases,
    clock,
    group: "tables",
    keys: [KEY],
    member: options.processId,
    ttlSeconds: options.leaseSeconds,
    gained() {
      elected = true;
      log.info("makes table sets from now on");
      lookIn(settled() ? 0 : waitMs());
    },
    async lost() {
      elected = false;
      cancel();
      await running;
    },
  });

  return {
    elected: () => elected,
    async stop() {
      for (const end of endings) end();
      await leases.stop();
      cancel();
      while (running !== undefined) await Promise.race([running, sleep(clock, RETRY_MS_MIN)]);
    },
  };
}
