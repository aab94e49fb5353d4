/**
 * Task runs: whole tasks (request frames in, verdicts and dispatch records out) in this thread and
 * through piscina, as dispatch has them done.
 *
 * CPU time is what counts: on a shared machine the wall clock measures the neighbours. Of several
 * rounds the least counts: neighbours and their use of the caches can only add.
 */
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import routeAndRate from "../../workers/route-and-rate.js";
import { INDEX, INDEX_STRIDE, type RouteResult, type RouteTask } from "../../workers/task.js";
import type { Traffic } from "./traffic.js";

export interface TaskFigures {
  /** 0: in this thread. */
  readonly threads: number;
  /** CPU time of the whole process: threads, garbage collection and compilation included. */
  readonly cpuMicros: number;
  readonly wallMicros: number;
  readonly messagesPerSecond: number;
}

export const BENCH_KEYS = {
  token: new Uint8Array(16).fill(1),
  data: { "2026-11": new Uint8Array(16).fill(2) },
};
const THREAD = fileURLToPath(new URL("../../services/dispatch/pool-thread.js", import.meta.url));
/** As services/dispatch/router.ts has it. */
const TASKS_PER_THREAD = 2;
const ROUND_MESSAGES_MIN = 100_000;

/** @returns what share of the messages was routed: a bench over refusals would measure nothing. */
export function routedShare(tables: SharedArrayBuffer, traffic: Traffic): number {
  let routed = 0;
  for (const frame of traffic.frames) {
    routed += dispatched(routeAndRate(taskOf(frame, tables)));
  }
  return routed / traffic.messages;
}

/** Whole tasks, one after another, in this thread. */
export function runHere(
  tables: SharedArrayBuffer,
  traffic: Traffic,
  rounds: number,
  told: (round: number) => void,
): TaskFigures {
  const passes = Math.ceil(ROUND_MESSAGES_MIN / traffic.messages);
  const round = (): void => {
    for (let pass = 0; pass < passes; pass += 1) {
      for (const frame of traffic.frames) routeAndRate(taskOf(frame, tables));
    }
  };
  round();
  const readings: Reading[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const before = read();
    round();
    readings.push(since(before));
    told(index + 1);
  }
  return figuresOf(0, readings, passes * traffic.messages);
}

/** The same through a pool, which is kept as full as dispatch keeps it. */
export async function runPooled(
  threads: number,
  tables: SharedArrayBuffer,
  traffic: Traffic,
  rounds: number,
  told: (round: number) => void,
): Promise<TaskFigures> {
  const pool = new Piscina<RouteTask, RouteResult>({
    filename: THREAD,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_PER_THREAD,
  });
  const passes = Math.ceil(ROUND_MESSAGES_MIN / traffic.messages);
  const total = passes * traffic.frames.length;
  const round = async (): Promise<void> => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < total) {
        const task = taskOf(traffic.frames[next % traffic.frames.length]!, tables);
        next += 1;
        await pool.run(task, { transferList: [task.frames] });
      }
    };
    await Promise.all(Array.from({ length: threads * TASKS_PER_THREAD }, lane));
  };
  try {
    await round();
    const readings: Reading[] = [];
    for (let index = 0; index < rounds; index += 1) {
      const before = read();
      await round();
      readings.push(since(before));
      told(index + 1);
    }
    return figuresOf(threads, readings, passes * traffic.messages);
  } finally {
    await pool.destroy();
  }
}

/** A task of one frame; its buffer is the task's own, as dispatch makes it. */
export function taskOf(frame: Uint8Array, tables: SharedArrayBuffer): RouteTask {
  const frames = new ArrayBuffer(frame.length);
  new Uint8Array(frames).set(frame);
  return { frames, ends: [frame.length], tables, keys: BENCH_KEYS };
}

/** Records that go to a carrier. */
export function dispatched({ index }: RouteResult): number {
  let routed = 0;
  for (let at = 0; at < index.length; at += INDEX_STRIDE) {
    if (index[at + INDEX.carrier]! >= 0) routed += 1;
  }
  return routed;
}

interface Reading {
  readonly cpuMicros: number;
  readonly wallMicros: number;
}

/** What others do on the machine, and a garbage collection that comes, can only add. */
export function least(values: readonly number[]): number {
  return Math.min(...values);
}

/** CPU time and wall clock of this process. */
export function read(): Reading {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, wallMicros: SYSTEM_CLOCK.monotonicMs() * 1_000 };
}

export function since(before: Reading): Reading {
  const now = read();
  return {
    cpuMicros: now.cpuMicros - before.cpuMicros,
    wallMicros: now.wallMicros - before.wallMicros,
  };
}

function figuresOf(threads: number, readings: readonly Reading[], messages: number): TaskFigures {
  const wallMicros = least(readings.map((one) => one.wallMicros)) / messages;
  return {
    threads,
    cpuMicros: least(readings.map((one) => one.cpuMicros)) / messages,
    wallMicros,
    messagesPerSecond: 1e6 / wallMicros,
  };
}
