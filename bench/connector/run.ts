/**
 * Connector: what a message costs in the connector process alone, with its answer, its receipt and
 * both of its streams, and how near it comes to what a small window allows.
 *
 * A real nats-server and a simulated carrier, each a process of its own. Dispatch frames are there
 * before the carrier is switched on. Without delay the carrier answers at once, and what counts is
 * CPU time; with one, Little's law bounds the rate: window / latency.
 */
import { writeFileSync } from "node:fs";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { paint, print, table } from "../../core/output.js";
import { cpuBetween, usageOf } from "../processes.js";
import type { Counts } from "../side.js";
import { type ConnectorSystem, withConnector } from "./system.js";

export interface ConnectorOptions {
  /** Of the run without delay; one with a delay has as many as fit into ten seconds. */
  readonly messages: number;
  /** Absent: both runs that have a target. */
  readonly window: number | undefined;
  readonly latencyMs: number | undefined;
  readonly records: number;
  readonly profile: string;
  readonly json: string;
  /** Run the bare connector (bare.ts) after ours each time, and print the ratio. */
  readonly bare: boolean;
}

export interface ConnectorRun {
  readonly window: number;
  readonly latencyMs: number;
  readonly messages: number;
  readonly messagesPerSecond: number;
  /** window / latency; 0: no bound. */
  readonly messagesPerSecondMax: number;
  /** What the carrier's latency really was: timers are late on a busy machine. */
  readonly latencyMsMeasured: number;
  readonly cpuMicrosPerMessage: Counts;
  /** Of the process that is measured. */
  readonly connectorMicros: number;
  readonly messagesPerAttemptFrame: number;
  readonly duplicates: number;
  readonly target: string;
  readonly passed: boolean;
}

const CPU_MICROS_MAX = 7;
/** Part of Little's limit. */
const RATE_PART_MIN = 0.95;
const DELAYED_SECONDS = 10;
const WARM_UP_PART = 0.2;
const POLL_MS = 50;
/** Nothing has changed for so long: what is missing now is lost. */
const STALLED_MS = 60_000;
/** Behind the CPU reading, so that what is under way is in it. */
const SETTLE_MS = 500;
const STOPPED_MS = 2_000;

/** Resolves with whether every run met its target. */
export async function runConnector(options: ConnectorOptions): Promise<boolean> {
  const { window, latencyMs } = options;
  const isOne = window !== undefined || latencyMs !== undefined;
  const wanted = isOne
    ? [{ window: window ?? 1_000, latencyMs: latencyMs ?? 0 }]
    : [
        { window: 1_000, latencyMs: 0 },
        { window: 10, latencyMs: 10 },
      ];
  const runs: ConnectorRun[] = [];
  const bares: ConnectorRun[] = [];
  for (const one of wanted) {
    const run = await oneRun(options, one.window, one.latencyMs, false);
    printRun(run);
    runs.push(run);
    if (!options.bare) continue;
    const bare = await oneRun(options, one.window, one.latencyMs, true);
    printRun(bare);
    const ratio = bare.connectorMicros / run.connectorMicros;
    print(`bare / ours: ${ratio.toFixed(2)} of the CPU a message`);
    bares.push(bare);
  }
  if (options.json !== "")
    writeFileSync(options.json, `${JSON.stringify({ runs, bares }, null, 2)}\n`);
  return runs.every(({ passed }) => passed);
}

function oneRun(
  options: ConnectorOptions,
  window: number,
  latencyMs: number,
  bare: boolean,
): Promise<ConnectorRun> {
  const limit = latencyMs === 0 ? 0 : (window * 1_000) / latencyMs;
  const messages =
    limit === 0 ? options.messages : Math.min(options.messages, limit * DELAYED_SECONDS);
  const { profile } = options;
  const carrierArgs = ["--track", "--latency-ms", String(latencyMs)];
  return withConnector({ window, carrierArgs, profile, bare }, async (system) => {
    const warmUp = Math.round(messages * WARM_UP_PART);
    await system.frames.publish(warmUp, options.records);
    await receipts(system, warmUp);
    await system.configure({ status: "stopped" });
    await sleep(SYSTEM_CLOCK, STOPPED_MS);
    await system.frames.publish(messages, options.records);
    const framesBefore = await system.client.state("ATTEMPTS");
    const before = usageOf(system.processes);
    await system.configure();
    const messagesPerSecond = await rate(system, warmUp, messages);
    await receipts(system, warmUp + messages);
    await sleep(SYSTEM_CLOCK, SETTLE_MS);
    const micros = cpuBetween(before, usageOf(system.processes));
    const framesAfter = await system.client.state("ATTEMPTS");
    const { duplicates, delayed, delayedMs } = await system.stats();
    const cpuMicrosPerMessage = Object.fromEntries(
      Object.entries(micros).map(([role, cpu]) => [role, cpu / messages]),
    );
    const connector =
      cpuMicrosPerMessage[bare ? "bare connector" : "connector"] ?? Number.POSITIVE_INFINITY;
    const isFast =
      limit === 0 ? connector <= CPU_MICROS_MAX : messagesPerSecond >= limit * RATE_PART_MIN;
    return {
      ...{ window, latencyMs, messages, messagesPerSecond, cpuMicrosPerMessage, duplicates },
      connectorMicros: connector,
      messagesPerSecondMax: limit,
      latencyMsMeasured: delayed === 0 ? 0 : delayedMs / delayed,
      messagesPerAttemptFrame: messages / (framesAfter.lastSequence - framesBefore.lastSequence),
      target:
        limit === 0
          ? `connector <= ${CPU_MICROS_MAX} us a message`
          : `>= ${limit * RATE_PART_MIN} messages/s of at most ${limit}`,
      passed: isFast && duplicates === 0,
    };
  });
}

/** Messages a second at the carrier, from the first to the last. */
async function rate(system: ConnectorSystem, before: number, messages: number): Promise<number> {
  await reaches(system, "parts", before + 1);
  const beganAtMs = SYSTEM_CLOCK.monotonicMs();
  const first = (await system.stats()).parts;
  await reaches(system, "parts", before + messages);
  const seconds = (SYSTEM_CLOCK.monotonicMs() - beganAtMs) / 1_000;
  return (before + messages - first) / seconds;
}

function receipts(system: ConnectorSystem, count: number): Promise<void> {
  return reaches(system, "receiptsAcked", count);
}

/** @throws Error when nothing comes any more. */
async function reaches(
  system: ConnectorSystem,
  counter: "parts" | "receiptsAcked",
  count: number,
): Promise<void> {
  let last = -1;
  let changedAtMs = SYSTEM_CLOCK.monotonicMs();
  for (;;) {
    const now = (await system.stats())[counter];
    if (now >= count) return;
    if (now !== last) changedAtMs = SYSTEM_CLOCK.monotonicMs();
    else if (SYSTEM_CLOCK.monotonicMs() - changedAtMs > STALLED_MS) {
      throw new Error(`the carrier has ${now} ${counter}, ${count} were expected`);
    }
    last = now;
    await sleep(SYSTEM_CLOCK, POLL_MS);
  }
}

function printRun(run: ConnectorRun): void {
  const { window, latencyMs, messages } = run;
  print(`\nwindow ${window}, carrier answers after ${latencyMs} ms, ${messages} messages`);
  const rows = Object.entries(run.cpuMicrosPerMessage).map(([role, cpu]) => [role, cpu.toFixed(2)]);
  print(table(["process", "CPU us/message"], rows));
  const rate = Math.round(run.messagesPerSecond);
  const each = Math.round(run.messagesPerAttemptFrame);
  print(`${rate} messages/s, ${each} messages an attempt frame, ${run.duplicates} duplicates`);
  if (run.latencyMsMeasured > 0) {
    const most = Math.round((window * 1_000) / run.latencyMsMeasured);
    print(`the carrier took ${run.latencyMsMeasured.toFixed(2)} ms: at most ${most} messages/s`);
  }
  print(paint(run.passed ? "green" : "red", `${run.passed ? "passed" : "FAILED"}: ${run.target}`));
}
