/**
 * Loops: when calls are made.
 *
 * Closed: a new call when one has ended, as many at a time as asked. Open: by the clock, whether or
 * not earlier calls have ended, so that a slow server cannot hide behind callers who wait for it
 * (coordinated omission); a call is told when it was meant to begin, which is what latency counts
 * from.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, sleep } from "../core/clock.js";

export type Call = (index: number, intendedMs: number) => Promise<void>;

/** Timers are late by up to this: the rest of a wait is spent in short turns of the event loop. */
const TIMER_SLACK_MS = 1.3;
/** Calls that follow one another faster go by timers alone: turning would take a whole core. */
const TURNING_EVERY_MS_MIN = 10;
/** After so many calls without a wait (it is late) the generator still reads its answers. */
const CALLS_PER_TURN_MAX = 32;
/** Calls of an open loop that may be unanswered; the next ones then wait, and it shows. */
const OPEN_CALLS_MAX = 20_000;

export async function closedLoop(
  clock: Clock,
  total: number,
  callsMax: number,
  call: Call,
): Promise<void> {
  let next = 0;
  const line = async (): Promise<void> => {
    while (next < total) {
      next += 1;
      await call(next - 1, clock.monotonicMs());
    }
  };
  await Promise.all(Array.from({ length: Math.min(callsMax, total) }, line));
}

/** @param everyMs from the begin of one call to that of the next; may be less than a timer knows. */
export async function openLoop(
  clock: Clock,
  total: number,
  everyMs: number,
  call: Call,
): Promise<void> {
  const startMs = clock.monotonicMs() + everyMs;
  const open = new Set<Promise<void>>();
  for (let index = 0; index < total; index += 1) {
    const intendedMs = startMs + index * everyMs;
    await until(clock, intendedMs, everyMs >= TURNING_EVERY_MS_MIN ? TIMER_SLACK_MS : 0);
    if (index % CALLS_PER_TURN_MAX === 0) await nextTurn();
    while (open.size >= OPEN_CALLS_MAX) await Promise.race(open);
    const answered: Promise<void> = call(index, intendedMs).finally(() => open.delete(answered));
    open.add(answered);
  }
  await Promise.all(open);
}

/** Sleeps, and for the last `turningMs` turns the event loop. */
async function until(clock: Clock, atMs: number, turningMs: number): Promise<void> {
  const waitMs = atMs - clock.monotonicMs() - turningMs;
  if (waitMs > 0) await sleep(clock, waitMs);
  while (clock.monotonicMs() < atMs) await nextTurn();
}
