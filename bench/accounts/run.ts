/**
 * Bench of accounts: one partition with a million accounts and ten million messages that await their
 * receipts, as the owner has them in memory. What it measures: bytes of an account and of a message,
 * how long turns are held up by a snapshot, how much an incremental one writes, and how long a new
 * owner takes from nothing to all of it, with a minute of log behind the snapshot.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { print, table } from "../../core/output.js";
import { environment } from "../../core/settings.js";
import { openNats } from "../../core/stream/nats.js";
import type { Objects, StreamClient } from "../../core/stream/stream.js";
import { decisionSubject, SNAPSHOTS_STORE, STREAMS } from "../../core/subjects.js";
import { findNatsServer, startNatsServer } from "../../deploy/local/nats-server.js";
import {
  capture,
  NO_PARTS,
  type Parts,
  type Snapshot,
  store,
} from "../../services/dispatch/snapshot.js";
import { applyFrame, openState, type PartitionState } from "../../services/dispatch/state.js";
import { type LogMaker, openLog } from "./log.js";

export interface AccountsOptions {
  readonly accounts: number;
  readonly messages: number;
  /** Messages decided after the snapshot: what a start replays. */
  readonly behind: number;
  readonly json: string;
}

export interface Restarted {
  readonly restartMs: number;
  /** CPU of the process meanwhile. */
  readonly restartCpuMs: number;
  readonly replayedFrames: number;
  readonly held: number;
  readonly accounts: number;
  /** What lives in memory afterwards, and what the system counts: above what an idle process has. */
  readonly usedBytes: number;
  readonly residentBytes: number;
  /** The most that the process had resident on the way. */
  readonly peakBytes: number;
  /** Of the tables themselves. */
  readonly reservationsBytes: number;
  readonly accountsBytes: number;
}

export const LIMITS = { keysMax: 1_000_000, accountKeysMax: 1_000_000 };
/** The floors of the issue. */
const MESSAGE_BYTES_MAX = 100;
const RESTART_MS_MAX = 10_000;
const RECORDS = 1_000;
/** Frames before the snapshot are in no stream: they all have the sequence of its first message. */
const FILLED_SEQUENCE = 1;
/** Ten million messages over two hours: what waits at 1,400 a second. */
const STEP_MS = 720;

/** @returns whether the floors hold. */
export async function runAccounts(options: AccountsOptions): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "floe-bench-accounts-"));
  try {
    const wanted = environment()["FLOE_NATS_SERVER"];
    const { path } = await findNatsServer({ wanted, tell: print });
    const nats = await startNatsServer({ path, storeDir: join(folder, "nats") });
    const names = { name: "bench", processId: "bench" };
    const client = await openNats({
      servers: nats.url,
      ...names,
      clock: SYSTEM_CLOCK,
      log: SILENT,
    });
    try {
      await client.declare(STREAMS);
      return await measure(client, nats.url, options);
    } finally {
      await client.close();
      await nats.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  client: StreamClient,
  natsUrl: string,
  { accounts, messages, behind, json }: AccountsOptions,
): Promise<boolean> {
  const frames = Math.ceil((messages + behind) / RECORDS);
  const fromMs = SYSTEM_CLOCK.nowMs() - frames * STEP_MS;
  const log = openLog({ accounts, recordsPerFrame: RECORDS, fromMs, stepMs: STEP_MS });
  const state = openState(LIMITS);
  print(`filling a partition with ${accounts} accounts and ${messages} messages`);
  const filledMs = fill(state, log, Math.ceil(messages / RECORDS));
  await client.publish(decisionSubject(1), new Uint8Array(1));
  const objects = await client.objects(SNAPSHOTS_STORE);
  const first = await take(objects, state, NO_PARTS);
  await append(client, state, log, Math.ceil(behind / RECORDS));
  print("starting it anew in another process");
  const restarted = await restart(natsUrl);
  const second = await take(objects, state, first.snapshot.parts);
  const third = await take(objects, state, second.snapshot.parts);

  const perMessage = restarted.reservationsBytes / restarted.held;
  // All that the process needs beyond the accounts' own tables is laid to the messages.
  const usedPerMessage = (restarted.usedBytes - restarted.accountsBytes) / restarted.held;
  const figures = {
    accounts: restarted.accounts,
    messages: restarted.held,
    accountBytes: round(restarted.accountsBytes / restarted.accounts),
    messageBytes: round(perMessage),
    messageBytesWithAllElse: round(usedPerMessage),
    residentBytes: restarted.residentBytes,
    peakBytes: restarted.peakBytes,
    restartMs: Math.round(restarted.restartMs),
    restartCpuMs: Math.round(restarted.restartCpuMs),
    replayedFrames: restarted.replayedFrames,
    replayMicrosPerMessage: round((filledMs * 1_000) / messages),
    snapshotBytes: first.bytes,
    snapshotMs: Math.round(first.tookMs),
    snapshotPauseMs: round(first.pauseMs),
    captureMs: round(first.captureMs),
    secondSnapshotBytes: second.bytes,
    unchangedSnapshotBytes: third.bytes,
  };
  if (json !== "") writeFileSync(json, `${JSON.stringify(figures, undefined, 2)}\n`);
  const isWhole = restarted.accounts === accounts && restarted.held === log.count() * RECORDS;
  const checks: [string, string, boolean][] = [
    ["all accounts and messages are back", `${restarted.held} messages`, isWhole],
    [
      `bytes a message, with all else, <= ${MESSAGE_BYTES_MAX}`,
      `${figures.messageBytesWithAllElse}`,
      usedPerMessage <= MESSAGE_BYTES_MAX,
    ],
    [
      `restart < ${RESTART_MS_MAX / 1_000} s`,
      `${(restarted.restartMs / 1_000).toFixed(2)} s`,
      restarted.restartMs < RESTART_MS_MAX,
    ],
  ];
  print(
    table(
      ["figure", "value"],
      Object.entries(figures).map(([name, value]) => [name, String(value)]),
    ),
  );
  print("");
  print(
    table(
      ["floor", "measured", ""],
      checks.map(([what, value, passed]) => [what, value, passed ? "pass" : "FAIL"]),
    ),
  );
  return checks.every(([, , passed]) => passed);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** @returns milliseconds that applying the frames took, making them included. */
function fill(state: PartitionState, log: LogMaker, frames: number): number {
  const startedMs = SYSTEM_CLOCK.monotonicMs();
  for (let frame = 0; frame < frames; frame += 1) {
    const fault = applyFrame(state, log.next(state.sequence), FILLED_SEQUENCE);
    if (fault !== undefined) throw new Error(`the bench's log is ${fault}`);
  }
  return SYSTEM_CLOCK.monotonicMs() - startedMs;
}

/** Appends frames to the log in the stream, where sequences are the stream's. */
async function append(
  client: StreamClient,
  state: PartitionState,
  log: LogMaker,
  frames: number,
): Promise<void> {
  for (let frame = 0; frame < frames; frame += 1) {
    const bytes = new Uint8Array(log.next(state.sequence));
    const { sequence } = await client.publish(decisionSubject(0), bytes);
    const fault = applyFrame(state, bytes, sequence);
    if (fault !== undefined) throw new Error(`the bench's log is ${fault}`);
  }
}

interface Taken {
  readonly snapshot: Snapshot;
  readonly bytes: number;
  readonly tookMs: number;
  /** What nothing else ran meanwhile: the capture, and the longest time at a stretch of the rest. */
  readonly captureMs: number;
  readonly pauseMs: number;
}

async function take(objects: Objects, state: PartitionState, stored: Parts): Promise<Taken> {
  const startedMs = SYSTEM_CLOCK.monotonicMs();
  const snapshot = capture(0, state, stored);
  const captureMs = SYSTEM_CLOCK.monotonicMs() - startedMs;
  let lastMs = SYSTEM_CLOCK.monotonicMs();
  let pauseMs = 0;
  const timer = setInterval(() => {
    const nowMs = SYSTEM_CLOCK.monotonicMs();
    pauseMs = Math.max(pauseMs, nowMs - lastMs - 1);
    lastMs = nowMs;
  }, 1);
  const bytes = await store(objects, snapshot);
  clearInterval(timer);
  return { snapshot, bytes, captureMs, pauseMs, tookMs: SYSTEM_CLOCK.monotonicMs() - startedMs };
}

async function restart(natsUrl: string): Promise<Restarted> {
  const script = fileURLToPath(new URL("./restart.js", import.meta.url));
  const child = spawn(process.execPath, ["--expose-gc", script, natsUrl], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8");
  for await (const chunk of child.stdout) text += chunk;
  return JSON.parse(text) as Restarted;
}

/** After a full collection. */
export function memoryNow(): { readonly usedBytes: number; readonly residentBytes: number } {
  for (let round = 0; round < 3; round += 1) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { usedBytes: heapUsed + external, residentBytes: rss };
}
