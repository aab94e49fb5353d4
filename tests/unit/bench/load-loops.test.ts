/** Unit tests of the loops, on a clock that stands still until it is told to go on. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closedLoop, openLoop } from "../../../bench/load-loops.js";
import type { Clock } from "../../../core/clock.js";

const loops = suite("load loops");

/** Time passes only by waiting for it: a timer moves it to where that ends. */
function steppingClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => {
      nowMs += 0.001;
      return nowMs;
    },
    after(delayMs, run) {
      const dueMs = nowMs + delayMs;
      const timer = setImmediate(() => {
        nowMs = Math.max(nowMs, dueMs);
        run();
      });
      return () => clearImmediate(timer);
    },
  };
}

loops("open: every call has its own time, whether or not earlier ones have ended", async () => {
  const intended: number[] = [];
  const ends: (() => void)[] = [];
  const run = openLoop(steppingClock(), 5, 20, (_index, intendedMs) => {
    intended.push(intendedMs);
    const ended = new Promise<void>((resolve) => ends.push(resolve));
    // None ends before all have begun.
    if (intended.length === 5) for (const end of ends) end();
    return ended;
  });
  await run;
  const gaps = intended.slice(1).map((at, index) => Math.round(at - intended[index]!));
  assert.equal(gaps, [20, 20, 20, 20]);
});

loops("open: a late start shows as a time that has passed, and is not made up", async () => {
  const clock = steppingClock();
  const lateness: number[] = [];
  await openLoop(clock, 3, 2, async (_index, intendedMs) => {
    lateness.push(clock.monotonicMs() - intendedMs);
    // The first call holds up the generator itself, as a garbage collection would.
    if (lateness.length === 1) await new Promise<void>((resolve) => clock.after(50, resolve));
  });
  assert.is(lateness.length, 3);
  assert.ok(lateness.every((late) => late >= 0));
});

loops("closed: as many calls at a time as asked, each index once", async () => {
  const seen: number[] = [];
  let open = 0;
  let openMax = 0;
  await closedLoop(steppingClock(), 20, 4, async (index) => {
    seen.push(index);
    open += 1;
    openMax = Math.max(openMax, open);
    await new Promise((resolve) => setImmediate(resolve));
    open -= 1;
  });
  assert.is(openMax, 4);
  assert.equal(
    seen.sort((one, other) => one - other),
    Array.from({ length: 20 }, (_, index) => index),
  );
});

loops.run();
