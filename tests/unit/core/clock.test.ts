/** The simulated clock: order, cancelling, forks, and what happens between two events. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { seededChance, simulatedClock, sleep } from "../../../core/clock.js";

const clock = suite("simulated clock");

clock("runs what is due in order of time, and at the same time in order of asking", async () => {
  const time = simulatedClock(1_000);
  const seen: string[] = [];
  const chance = seededChance(3);
  const delays = Array.from({ length: 200 }, () => Math.floor(chance() * 50));
  for (const [index, delayMs] of delays.entries()) {
    time.after(delayMs, () => seen.push(`${delayMs}/${index}/${time.nowMs()}`));
  }
  await time.advance(49);
  const expected = [...delays.entries()]
    .sort(([a, x], [b, y]) => x - y || a - b)
    .map(([index, delayMs]) => `${delayMs}/${index}/${1_000 + delayMs}`);
  assert.equal(seen, expected);
});

clock("stands still until it is told to go on, and stops where it was told", async () => {
  const time = simulatedClock(0);
  let ran = 0;
  time.after(10, () => ran++);
  time.after(11, () => ran++);
  await time.advance(10);
  assert.equal([ran, time.nowMs(), time.monotonicMs()], [1, 10, 10]);
});

clock("lets promises and immediates run between two events", async () => {
  const time = simulatedClock(0);
  const seen: string[] = [];
  const work = async (): Promise<void> => {
    await sleep(time, 5);
    seen.push("slept");
    await new Promise((resolve) => setImmediate(resolve));
    seen.push("immediate");
    await sleep(time, 5);
    seen.push(`again ${time.nowMs()}`);
  };
  const working = work();
  time.after(7, () => seen.push("other"));
  await time.advance(20);
  await working;
  assert.equal(seen, ["slept", "immediate", "other", "again 10"]);
});

clock("forgets what was cancelled, and all that a stopped fork wanted", async () => {
  const time = simulatedClock(0);
  const fork = time.fork();
  const seen: string[] = [];
  const cancel = time.after(1, () => seen.push("cancelled"));
  cancel();
  cancel();
  fork.after(1, () => seen.push("alive"));
  fork.after(3, () => seen.push("dead"));
  time.after(4, () => seen.push("other"));
  await time.advance(2);
  fork.stop();
  await time.advance(10);
  assert.equal(seen, ["alive", "other"]);
});

clock("advances until something holds, or says that it does not", async () => {
  const time = simulatedClock(0);
  let done = false;
  time.after(500, () => {
    done = true;
  });
  time.after(900, () => assert.unreachable());
  assert.is(await time.until(() => done, 100), false);
  assert.is(await time.until(() => done, 1_000), true);
  assert.is(time.nowMs(), 500);
});

clock.run();
