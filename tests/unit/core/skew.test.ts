/** Unit tests of skew: who has a wrong clock knows it, and what time it is for the stream. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../core/clock.js";
import { FloeError } from "../../../core/errors.js";
import { CLOCK_SKEW_MS_MAX } from "../../../core/limits.js";
import { SILENT } from "../../../core/log.js";
import { watchSkew } from "../../../core/skew.js";

const skew = suite("core: skew");
const START_MS = 1_800_000_000_000;

skew("refuses clocks that are too far ahead or behind, and no others", async () => {
  const cases: [number, boolean][] = [
    [0, false],
    [CLOCK_SKEW_MS_MAX, false],
    [-CLOCK_SKEW_MS_MAX, false],
    [CLOCK_SKEW_MS_MAX + 1, true],
    [-CLOCK_SKEW_MS_MAX - 1, true],
  ];
  for (const [offMs, wanted] of cases) {
    const clock = simulatedClock(START_MS);
    const client = { serverTimeMs: async () => clock.nowMs() + offMs };
    const watched = await watchSkew(clock, client, SILENT);
    assert.is(watched.off(), wanted, `${offMs} ms`);
    watched.stop();
  }
});

skew("looks again: what is set right is accepted again, what goes wrong no more", async () => {
  const clock = simulatedClock(START_MS);
  let offMs = 600_000;
  const client = { serverTimeMs: async () => clock.nowMs() + offMs };
  const watched = await watchSkew(clock, client, SILENT);
  assert.ok(watched.off());
  offMs = 0;
  await clock.advance(31_000);
  assert.not(watched.off());
  offMs = -600_000;
  await clock.advance(31_000);
  assert.ok(watched.off());
  watched.stop();
});

skew("keeps its last answer while the server is away", async () => {
  const clock = simulatedClock(START_MS);
  let isAway = false;
  const client = {
    async serverTimeMs() {
      if (isAway) throw new FloeError("stream.unavailable");
      return clock.nowMs() + 600_000;
    },
  };
  const watched = await watchSkew(clock, client, SILENT);
  isAway = true;
  await clock.advance(31_000);
  assert.ok(watched.off());
  watched.stop();
});

skew("refuses at once when the wall clock jumps, and stamps nothing in the past", async () => {
  const clock = simulatedClock(START_MS);
  let jumpMs = 0;
  const wall = { ...clock, nowMs: () => clock.nowMs() + jumpMs };
  const client = { serverTimeMs: async () => clock.nowMs() };
  const watched = await watchSkew(wall, client, SILENT);
  await clock.advance(10_000);
  assert.not(watched.off());
  jumpMs = -7_200_000;
  // No look in between.
  assert.ok(watched.off());
  assert.is(watched.clock.nowMs(), clock.nowMs());
  jumpMs = 7_200_000;
  assert.ok(watched.off());
  jumpMs = 0;
  await clock.advance(2_000);
  watched.off();
  await clock.advance(1_000);
  assert.not(watched.off());
  watched.stop();
});

skew(
  "goes by the server's time while the own clock is wrong, and by the own one else",
  async () => {
    const clock = simulatedClock(START_MS);
    let jumpMs = 0;
    const wall = { ...clock, nowMs: () => clock.nowMs() + jumpMs };
    const client = { serverTimeMs: async () => clock.nowMs() + 500 };
    const { streamClock, stop } = await watchSkew(wall, client, SILENT);
    assert.is(streamClock.nowMs(), clock.nowMs());
    for (const ms of [7_200_000, -7_200_000]) {
      jumpMs = ms;
      // No look in between: by the monotonic clock.
      assert.is(streamClock.nowMs(), clock.nowMs());
      await clock.advance(40_000);
      assert.is(streamClock.nowMs(), clock.nowMs() + 500);
      jumpMs = 0;
      await clock.advance(40_000);
      assert.is(streamClock.nowMs(), clock.nowMs());
    }
    stop();
  },
);

skew("goes by the server's time from the first moment if the clock was wrong before", async () => {
  const clock = simulatedClock(START_MS);
  const wall = { ...clock, nowMs: () => clock.nowMs() + 7_200_000 };
  const client = { serverTimeMs: async () => clock.nowMs() };
  const { streamClock, stop } = await watchSkew(wall, client, SILENT);
  assert.is(streamClock.nowMs(), clock.nowMs());
  await clock.advance(10_000);
  assert.is(streamClock.nowMs(), clock.nowMs());
  stop();
});

skew.run();
