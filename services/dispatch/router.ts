/**
 * Router: the pool that routes and rates, with the tables and the keys in force.
 *
 * A task is a turn's request frames in one buffer of their own, which is moved to the thread: a
 * delivery's data is a view of a slab that it shares with its neighbours. A new table set is tried on
 * an empty task before it is used, and takes over between tasks; one that fails is logged, and the
 * last good one stays in force. Only this file and pool-thread.ts know piscina.
 *
 * A task of a few messages is run right here: a thread's way there and back costs 0.6 ms of latency
 * and as much CPU time (measured with one message at a time: 1.45 ms from delivery to dispatch with
 * the thread, 0.80 without), the task itself 5 us a message.
 */
import assert from "node:assert";
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import type { Clock } from "../../core/clock.js";
import { parseTables } from "../../core/configuration.js";
import { FloeError } from "../../core/errors.js";
import { dataMonth, type Keys, loadKeys } from "../../core/keys.js";
import type { Logger } from "../../core/log.js";
import { gauge } from "../../core/metrics.js";
import type { Bucket, Consumption, Objects } from "../../core/stream/stream.js";
import type * as Image from "../../workers/image.js";
import type * as Rating from "../../workers/rating.js";
import type RouteAndRate from "../../workers/route-and-rate.js";
import type * as TableSets from "../../workers/tables.js";
import {
  INDEX_STRIDE,
  type RouteResult,
  type RouteTask,
  type TaskKeys,
} from "../../workers/task.js";
import type { Inputs } from "./inputs.js";
import type { RoutedResult, TierPrice } from "./routed.js";
import { openWindow, type Window } from "./window.js";

const tablesVersion = gauge("floe_dispatch_tables_version", "Table set that new messages get.");

export interface Frames {
  readonly data: Uint8Array;
  readonly acceptedFromMs: number;
  readonly acceptedToMs: number;
}

export interface Router {
  /** Places for tasks: enter before `route`, leave after it. */
  readonly window: Window;
  /**
   * Routes and rates whole request frames.
   * @throws what the task threw: see `isForOperator`.
   */
  route(frames: readonly Frames[]): Promise<RoutedResult>;
  /**
   * Notes records that failed in the pool and are to be rejected for it. Trips an assertion if they
   * are most of what was routed lately: then it is the pool that fails, and nobody's message pays.
   */
  blame(records: number): void;
  /** Whether the threads answer, with the tables in force: throws what an empty task throws. */
  probe(): Promise<void>;
  /** Tables are loaded. */
  ready(): boolean;
  /** Resolves when tables are loaded. */
  whenReady(): Promise<void>;
  close(): Promise<void>;
}

/** The table set that new messages get. */
interface InForce {
  readonly image: SharedArrayBuffer;
  readonly carriers: readonly string[];
  readonly countries: readonly string[];
  readonly tierPrice: TierPrice;
}

export interface RouterOptions {
  readonly threads: number;
  readonly keysFile: string;
  readonly clock: Clock;
  readonly config: Bucket;
  readonly objects: Objects;
  /** How carriers are and deliver. */
  readonly inputs: Inputs;
  readonly log: Logger;
}

const THREAD = fileURLToPath(new URL("./pool-thread.js", import.meta.url));
/** One that runs and one that waits, so that a thread never waits for the main thread. */
const TASKS_PER_THREAD = 2;
/** Frames up to so many bytes, about ten messages, cost less here than their way to a thread. */
const HERE_BYTES_MAX = 2_048;
const WORKERS = new URL("../../workers/", import.meta.url);
/** What was routed and blamed counts half after so long; few records are never most. */
const BLAME_MS = 60_000;
const BLAMED_MIN = 20;
const DAY_MS = 86_400_000;
const NO_TABLES = "none is loaded";

export async function openRouter(options: RouterOptions): Promise<Router> {
  const { threads, log } = options;
  // By its place, as pool-thread.ts does: no file of this service imports the code of workers.
  const code = (name: string): Promise<unknown> => import(new URL(name, WORKERS).href);
  const { default: routeHere } = (await code("route-and-rate.js")) as {
    default: typeof RouteAndRate;
  };
  const { verifyImage } = (await code("image.js")) as typeof Image;
  const { openTables } = (await code("tables.js")) as typeof TableSets;
  const { tierAmount } = (await code("rating.js")) as typeof Rating;
  const places = threads + 1;
  const pool = new Piscina<RouteTask, RouteResult>({
    filename: THREAD,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_PER_THREAD,
    // The window lets in fewer; a probe may come on top.
    maxQueue: places + 2,
  });
  let keys: Keys = loadKeys(options.keysFile);
  /** The keys of the last task, good for anything in its month: nearly every task is. */
  let last = { fromMs: 0, toMs: -1, keys: { token: keys.token, data: {} } as TaskKeys };
  let tables: InForce | undefined;
  let version = 0;
  const tally = { sinceMs: options.clock.monotonicMs(), routed: 0, blamed: 0 };
  let loading = Promise.resolve();
  let loaded: () => void = () => {};
  const whenLoaded = new Promise<void>((resolve) => {
    loaded = resolve;
  });

  async function load(value: Uint8Array): Promise<void> {
    const wanted = parseTables(value);
    if (wanted.version === version) return;
    const shared = await options.objects.getShared(wanted.object);
    if (shared === undefined) {
      throw new FloeError("tables.invalid", { object: wanted.object, problem: "is not there" });
    }
    // Up to hundreds of megabytes: messages are routed between the pieces.
    await verifyImage(new Uint8Array(shared), () => new Promise((resume) => setImmediate(resume)));
    await probe(shared);
    const opened = openTables(shared, true);
    tables = {
      image: shared,
      carriers: opened.carriers,
      countries: opened.countries,
      tierPrice: (tier, before, segments) => tierAmount(opened, tier - 1, before, segments),
    };
    version = wanted.version;
    tablesVersion.set(version);
    log.info({ version, bytes: shared.byteLength }, "tables loaded");
    loaded();
  }

  /** An empty task, there and here: opens the tables. */
  async function probe(shared: SharedArrayBuffer): Promise<void> {
    const task = { ends: [], tables: shared, keys: { token: keys.token, data: {} } };
    await pool.run({ ...task, frames: new ArrayBuffer(0) });
    routeHere({ ...task, frames: new ArrayBuffer(0) });
  }

  async function run(
    frames: readonly Frames[],
    { image, carriers, countries, tierPrice }: InForce,
    withKeys: TaskKeys,
  ): Promise<RoutedResult> {
    let bytes = 0;
    for (const { data } of frames) bytes += data.length;
    const buffer = new ArrayBuffer(bytes);
    const into = new Uint8Array(buffer);
    const ends: number[] = [];
    let at = 0;
    for (const { data } of frames) {
      into.set(data, at);
      at += data.length;
      ends.push(at);
    }
    const { health, quality } = options.inputs.of(carriers, countries);
    const task = { frames: buffer, ends, tables: image, keys: withKeys, health, quality };
    const result =
      bytes <= HERE_BYTES_MAX ? routeHere(task) : await pool.run(task, { transferList: [buffer] });
    return { ...result, tierPrice };
  }

  /** The keys for what was accepted in a span of time. */
  function keysFor(fromMs: number, toMs: number): TaskKeys {
    if (fromMs >= last.fromMs && toMs <= last.toMs) return last.keys;
    const months = monthsOf(fromMs, toMs);
    if (months.some((month) => keys.data[month] === undefined)) keys = loadKeys(options.keysFile);
    const data: Record<string, Uint8Array> = {};
    for (const month of months) {
      const key = keys.data[month];
      // Where it is needed all the same, the task says so.
      if (key !== undefined) data[month] = key;
    }
    const made = { token: keys.token, data };
    const whole = months.length === 1 && Object.keys(data).length === 1;
    if (whole) last = { ...monthAround(toMs), keys: made };
    return made;
  }

  const watching: Consumption = await options.config.watch((key, value) => {
    if (key !== "tables" || value === undefined) return;
    // One after another: the last one written is the last one loaded.
    loading = loading
      .then(() => load(value))
      .catch((err) => {
        log.error({ err }, "tables cannot be used, the last good ones stay in force");
      });
  });

  /** Halved, not forgotten: after a quiet time a few bad records would else be most of all. */
  function fade(): void {
    const nowMs = options.clock.monotonicMs();
    if (nowMs - tally.sinceMs <= BLAME_MS) return;
    tally.sinceMs = nowMs;
    tally.routed /= 2;
    tally.blamed /= 2;
  }

  return {
    window: openWindow(places),
    async route(frames) {
      let fromMs = Number.POSITIVE_INFINITY;
      let toMs = 0;
      for (const { acceptedFromMs, acceptedToMs } of frames) {
        fromMs = Math.min(fromMs, acceptedFromMs);
        toMs = Math.max(toMs, acceptedToMs);
      }
      if (tables === undefined) throw new FloeError("tables.invalid", { problem: NO_TABLES });
      const result = await run(frames, tables, keysFor(fromMs, toMs));
      fade();
      tally.routed += result.index.length / INDEX_STRIDE;
      return result;
    },
    blame(records) {
      fade();
      tally.blamed += records;
      const most = tally.blamed >= BLAMED_MIN && tally.blamed > tally.routed;
      assert(!most, "most records fail in the pool: it is not the records");
    },
    async probe() {
      if (tables !== undefined) await probe(tables.image);
    },
    ready: () => tables !== undefined,
    whenReady: () => whenLoaded,
    async close() {
      await watching.stop();
      await pool.destroy();
    },
  };
}

/**
 * Whether a task failed for what an operator must mend (a missing data key, a damaged table set):
 * the messages are innocent. Across threads an error keeps its text only.
 */
export function isForOperator(error: unknown): boolean {
  return /^(keys|tables)\.invalid:/.test(error instanceof Error ? error.message : "");
}

/** Months from one time to another, both included; none if there is no time. */
function monthsOf(fromMs: number, toMs: number): string[] {
  if (!(fromMs <= toMs)) return [];
  // Frames span minutes. Where a clock is wrong by years, the months between are of no use.
  const middleMs = toMs - fromMs < 60 * DAY_MS ? (fromMs + toMs) / 2 : toMs;
  return [...new Set([dataMonth(fromMs), dataMonth(middleMs), dataMonth(toMs)])];
}

/** First and last millisecond of the month in UTC that a time is in. */
function monthAround(atMs: number): { fromMs: number; toMs: number } {
  const at = new Date(atMs);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  return { fromMs: Date.UTC(year, month, 1), toMs: Date.UTC(year, month + 1, 1) - 1 };
}
