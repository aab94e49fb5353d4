/**
 * Swap: one table set replaced by another of the same size while messages are routed, through the
 * router that dispatch uses (services/dispatch/router.ts), with its threads, keys and window.
 *
 * An open loop sends a frame at each tick of the clock, whether or not earlier ones are answered,
 * and latency counts from the tick, so that a pause of this thread is in it as well. First without
 * a swap, then with one every few seconds; what counts is the latency of what came from a swap's
 * announcement until a while after it took over, not that of all, among which a pause would drown.
 */
import assert from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { encodeConfig } from "../../core/configuration.js";
import { extendKeys } from "../../core/keys.js";
import { SILENT } from "../../core/log.js";
import { DecisionFrame } from "../../core/proto/floe/v1/frames.js";
import type { Bucket, Objects } from "../../core/stream/stream.js";
import type { Inputs } from "../../services/dispatch/inputs.js";
import { openRouter, type Router } from "../../services/dispatch/router.js";
import type { RouteResult } from "../../workers/task.js";
import { newHistogram, percentiles, record } from "../histogram.js";
import type { Percentiles } from "../load-spec.js";
import { BENCH_AT_MS } from "./source.js";
import { FRAME_MESSAGES, type Traffic } from "./traffic.js";

export interface SwapFigures {
  readonly messagesPerSecond: number;
  readonly swaps: number;
  /** From the announcement until the first answer by the new tables. */
  readonly takeoverMs: number;
  readonly sent: number;
  /** Messages that were not answered, or answered more than once. */
  readonly lost: number;
  /** Frames whose verdicts named more than one version, or one that was not in force meanwhile. */
  readonly mixed: number;
  /** Of a frame, from its tick to its answer. */
  readonly quietMicros: Percentiles;
  readonly swappingMicros: Percentiles;
}

export interface SwapOptions {
  /** Two images with versions 1 and 2. */
  readonly images: readonly [Uint8Array, Uint8Array];
  readonly traffic: Traffic;
  readonly threads: number;
  readonly messagesPerSecond: number;
  readonly swaps: number;
  readonly told: (done: number, total: number) => void;
}

/** Sent and not counted: code is compiled, the heap finds its size. */
const WARM_UP_MS = 3_000;
const SPACE_MS = 4_000;
/** After a swap has taken over, what comes still counts to it for so long. */
const AFTER_MS = 1_000;
const PIECE_BYTES = 131_072;
/** Every so many frames one is decoded and its verdicts' versions are compared. */
const LOOKED_AT = 16;

/** What a swap's announcement does: the config bucket and the object store, in memory. */
interface Bench {
  readonly router: Router;
  announce(version: number): void;
}

export async function runSwap(options: SwapOptions): Promise<SwapFigures> {
  const bench = await openBench(options);
  try {
    bench.announce(1);
    await bench.router.whenReady();
    return await measure(bench, options);
  } finally {
    await bench.close();
  }
}

async function openBench(options: SwapOptions): Promise<Bench & { close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "floe-bench-swap-"));
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, BENCH_AT_MS, 1));
  let changed: (key: string, value: Uint8Array | undefined, revision: number) => void = () => {};
  const config: Partial<Bucket> = {
    async watch(told) {
      changed = told;
      return { pause() {}, resume() {}, async stop() {} };
    },
  };
  const objects: Partial<Objects> = {
    getShared: (name) => copied(options.images[name === "1" ? 0 : 1]),
  };
  const inputs: Inputs = {
    of: (carriers, countries) => ({
      health: new Uint8Array(carriers.length),
      quality: new Int32Array(2 * carriers.length * countries.length).fill(-1),
    }),
    stop: async () => {},
  };
  const router = await openRouter({
    threads: options.threads,
    keysFile,
    clock: SYSTEM_CLOCK,
    config: config as Bucket,
    objects: objects as Objects,
    inputs,
    log: SILENT,
  });
  return {
    router,
    announce(version) {
      changed("tables", encodeConfig({ version, object: String(version) }), version);
    },
    async close() {
      await router.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Bytes of one's own in pieces, between which other things happen, as the object store gives them. */
async function copied(image: Uint8Array): Promise<SharedArrayBuffer> {
  const shared = new SharedArrayBuffer(image.length);
  const into = new Uint8Array(shared);
  for (let at = 0; at < image.length; at += PIECE_BYTES) {
    into.set(image.subarray(at, at + PIECE_BYTES), at);
    await new Promise((resume) => setImmediate(resume));
  }
  return shared;
}

interface Sent {
  readonly atMs: number;
  /** When it was given a place in the pool, until then it waits without tables. */
  routedAtMs: number;
  doneAtMs: number;
  version: number;
}

async function measure(bench: Bench, options: SwapOptions): Promise<SwapFigures> {
  const { traffic, swaps } = options;
  const tickMs = (FRAME_MESSAGES * 1_000) / options.messagesPerSecond;
  const log: Sent[] = [];
  const announced: { readonly atMs: number; readonly version: number }[] = [];
  let answers = 0;
  let mixed = 0;
  let failed: unknown;
  let open = 0;

  async function send(one: Sent, index: number): Promise<void> {
    const frame = traffic.frames[index % traffic.frames.length]!;
    open += 1;
    await bench.router.window.enter(one.atMs);
    one.routedAtMs = SYSTEM_CLOCK.monotonicMs();
    try {
      const result = await bench.router.route([
        { data: frame, acceptedFromMs: BENCH_AT_MS, acceptedToMs: BENCH_AT_MS + traffic.messages },
      ]);
      one.doneAtMs = SYSTEM_CLOCK.monotonicMs();
      one.version = result.tablesVersion;
      answers += result.counts[0]!;
      if (index % LOOKED_AT === 0 && !isOfOneVersion(result)) mixed += 1;
    } finally {
      bench.router.window.leave();
      open -= 1;
    }
  }

  const beganAtMs = SYSTEM_CLOCK.monotonicMs();
  const quietMs = WARM_UP_MS + SPACE_MS * Math.max(1, swaps);
  const totalMs = quietMs + swaps * SPACE_MS + AFTER_MS;
  let expected = 0;
  for (let next = beganAtMs; next < beganAtMs + totalMs; ) {
    const nowMs = SYSTEM_CLOCK.monotonicMs();
    if (failed !== undefined) throw failed;
    const due =
      announced.length < swaps && nowMs - beganAtMs >= quietMs + announced.length * SPACE_MS;
    if (due) {
      const version = announced.length % 2 === 0 ? 2 : 1;
      announced.push({ atMs: nowMs, version });
      bench.announce(version);
    }
    for (; next <= nowMs; next += tickMs) {
      const one: Sent = { atMs: next, routedAtMs: 0, doneAtMs: 0, version: 0 };
      expected += recordsOf(traffic, log.length);
      void send(one, log.length).catch((error) => {
        failed ??= error;
      });
      log.push(one);
    }
    options.told(Math.min(totalMs, nowMs - beganAtMs), totalMs);
    await sleep(SYSTEM_CLOCK, 1);
  }
  while (open > 0) await sleep(SYSTEM_CLOCK, 5);
  if (failed !== undefined) throw failed;
  return {
    ...latencies(log, beganAtMs + WARM_UP_MS, announced),
    ...versions(log, announced, mixed),
    messagesPerSecond: options.messagesPerSecond,
    swaps,
    sent: expected,
    lost: Math.abs(expected - answers),
  };
}

function recordsOf({ frames, messages }: Traffic, index: number): number {
  const at = index % frames.length;
  return at === frames.length - 1 ? messages - at * FRAME_MESSAGES : FRAME_MESSAGES;
}

/** Whether all verdicts of a task name the version that the task says it was done with. */
function isOfOneVersion(result: RouteResult): boolean {
  const bytes = new Uint8Array(result.verdicts, 0, result.verdictsEnd);
  const { records } = DecisionFrame.decode(bytes);
  return records.every(({ tablesVersion }) => tablesVersion === result.tablesVersion);
}

type Announced = readonly { readonly atMs: number; readonly version: number }[];

/** When each announced set answered first. */
function takeovers(log: readonly Sent[], announced: Announced): number[] {
  return announced.map(({ atMs, version }, index) => {
    const untilMs = announced[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    const first = log.find(
      (one) => one.version === version && one.doneAtMs > atMs && one.atMs < untilMs,
    );
    assert(first !== undefined, "a swap came too late for the bench: fewer prefixes, please");
    return first.doneAtMs;
  });
}

function latencies(
  log: readonly Sent[],
  warmAtMs: number,
  announced: Announced,
): Pick<SwapFigures, "quietMicros" | "swappingMicros" | "takeoverMs"> {
  const done = takeovers(log, announced);
  const quiet = newHistogram();
  const swapping = newHistogram();
  const firstMs = announced[0]?.atMs ?? Number.POSITIVE_INFINITY;
  for (const { atMs, doneAtMs } of log) {
    const isSwapping = announced.some(
      (one, index) => atMs >= one.atMs && atMs <= done[index]! + AFTER_MS,
    );
    if (isSwapping) record(swapping, (doneAtMs - atMs) * 1_000);
    else if (atMs >= warmAtMs && atMs < firstMs) record(quiet, (doneAtMs - atMs) * 1_000);
  }
  const waits = announced.map(({ atMs }, index) => done[index]! - atMs);
  return {
    quietMicros: percentiles(quiet),
    swappingMicros: percentiles(swapping),
    takeoverMs: Math.max(0, ...waits),
  };
}

/**
 * A set may answer what is routed from its announcement on, until the first answer by the next one:
 * a frame's version must be one whose time meets the frame's own, from routing to answer.
 */
function versions(
  log: readonly Sent[],
  announced: Announced,
  mixed: number,
): Pick<SwapFigures, "mixed"> {
  const done = takeovers(log, announced);
  const times = [{ atMs: Number.NEGATIVE_INFINITY, version: 1 }, ...announced].map(
    ({ atMs, version }, index) => ({
      version,
      fromMs: atMs,
      toMs: done[index] ?? Number.POSITIVE_INFINITY,
    }),
  );
  const wrong = log.filter(
    ({ version, routedAtMs, doneAtMs }) =>
      !times.some(
        (one) => one.version === version && one.fromMs <= doneAtMs && one.toMs >= routedAtMs,
      ),
  );
  return { mixed: mixed + wrong.length };
}
