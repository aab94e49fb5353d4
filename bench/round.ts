/**
 * Round: one side, from start to stop, measured once in its steady state.
 *
 * Boot and warm-up are left out: the warm-up's messages are drained before the first reading. A
 * round ends when no consumer has anything left and the database holds a final state for every
 * message that was accepted; the reading is taken before the query that proves it.
 */
import { type Clock, SYSTEM_CLOCK, sleep } from "../core/clock.js";
import { print, progress } from "../core/output.js";
import { startLoad } from "./load-process.js";
import type { LoadResult, LoadSpec } from "./load-spec.js";
import { cpuBetween, threadsBetween, type Usage, usageOf } from "./processes.js";
import type { Counts, Details, Outcome, Side, SideName } from "./side.js";

export const WARM_UP_MESSAGES = 20_000;
const POLL_MS = 50;
/** Between two looks into the database: each costs it a query. */
const OUTCOME_MS = 250;
/** Nothing has changed for so long: what is missing now is lost. */
const STALLED_MS = 60_000;

export interface Round {
  readonly side: SideName;
  readonly load: LoadResult;
  readonly outcome: Outcome;
  readonly details: Details;
  readonly frames: Counts;
  /** From the first call to the reading at which all was found to be done. */
  readonly seconds: number;
  /** CPU time in microseconds by role, and of the load generator. */
  readonly cpuMicros: Counts;
  readonly loadCpuMicros: number;
  readonly usage: readonly Usage[];
  /** CPU time in microseconds by role and name of the thread, of threads that lived on. */
  readonly threadMicros: Readonly<Record<string, Counts>>;
  /** Of the clock that profiles use, in microseconds. */
  readonly window: { readonly fromMicros: number; readonly toMicros: number };
}

interface Drained {
  readonly atMs: number;
  readonly usage: readonly Usage[];
  readonly loadUsage: readonly Usage[];
  readonly toMicros: number;
  readonly frames: Counts;
  readonly outcome: Outcome;
}

/** Runs a round on a side that has just been started. The caller stops the side. */
export async function runRound(side: Side, spec: LoadSpec, label: string): Promise<Round> {
  const load = await startLoad(side.target);
  const loadProcess = [{ role: "load", pid: load.pid }];
  try {
    await side.begin();
    const warmUp = { ...spec, ...warmUpOf(spec), stamp: false };
    const warm = await load.run(warmUp, () => {});
    await drain(side, warm.accepted, `${label} warm-up`, loadProcess);

    await side.begin();
    const before = usageOf(side.processes);
    const loadBefore = usageOf(loadProcess);
    const fromMicros = machineMicros();
    const bar = progress(label, spec.messages);
    const result = await load.run(spec, (answered) => bar.at(answered));
    bar.end();
    const drained = await drain(side, result.accepted, label, loadProcess);
    for (const { role, pid } of side.processes) {
      // Its successor's CPU time says nothing of what it had used.
      const isThere = drained.usage.some((one) => one.pid === pid);
      if (!isThere) throw new Error(`${label}: ${role} ended while it was measured`);
    }
    return {
      side: side.name,
      load: result,
      outcome: drained.outcome,
      details: (await side.details?.()) ?? { records: {} },
      frames: drained.frames,
      seconds: (drained.atMs - result.beganAtMs) / 1_000,
      cpuMicros: cpuBetween(before, drained.usage),
      loadCpuMicros: cpuBetween(loadBefore, drained.loadUsage)["load"] ?? 0,
      usage: drained.usage,
      threadMicros: Object.fromEntries(
        side.processes.map(({ role }) => [role, threadsBetween(before, drained.usage, role)]),
      ),
      window: { fromMicros, toMicros: drained.toMicros },
    };
  } finally {
    await load.stop();
  }
}

/** As much as asked, but never at a rate that would make it take longer than ten seconds. */
function warmUpOf({ batch, calls, rate, messages }: LoadSpec): Omit<LoadSpec, "stamp"> {
  const atMost = rate > 0 ? rate * 10 : WARM_UP_MESSAGES;
  return { batch, calls, rate, messages: Math.min(WARM_UP_MESSAGES, atMost, messages) };
}

async function drain(
  side: Side,
  accepted: number,
  label: string,
  loadProcess: Side["processes"],
  clock: Clock = SYSTEM_CLOCK,
): Promise<Drained> {
  let last = "";
  let changedAtMs = clock.monotonicMs();
  for (;;) {
    const backlog = await side.backlog();
    const reading = {
      atMs: clock.nowMs(),
      usage: usageOf(side.processes),
      loadUsage: usageOf(loadProcess),
      toMicros: machineMicros(),
    };
    let terminal = -1;
    if (backlog === 0) {
      const frames = await side.frames();
      const outcome = await side.outcome();
      terminal = outcome.terminal;
      const stalled = clock.monotonicMs() - changedAtMs > STALLED_MS;
      if (terminal >= accepted || stalled) return { ...reading, frames, outcome };
    }
    const now = `${backlog} ${terminal}`;
    if (now !== last) changedAtMs = clock.monotonicMs();
    else if (clock.monotonicMs() - changedAtMs > STALLED_MS) {
      print(`${label}: stuck with ${backlog} unfinished frames`);
      return { ...reading, frames: await side.frames(), outcome: await side.outcome() };
    }
    last = now;
    await sleep(clock, backlog === 0 ? OUTCOME_MS : POLL_MS);
  }
}

/** CLOCK_MONOTONIC, which V8 stamps its samples with: the same in all processes. */
function machineMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
