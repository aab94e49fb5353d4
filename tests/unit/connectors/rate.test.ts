/** Token bucket and pace, on a clock that stands in the arguments. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newPace } from "../../../services/connectors/smpp/pace.js";
import { newReconnect } from "../../../services/connectors/smpp/reconnect.js";
import { newTokenBucket } from "../../../services/connectors/smpp/token-bucket.js";

const rate = suite("connectors: rate");

rate("no limit takes everything and never waits", () => {
  const bucket = newTokenBucket(0, 0);
  for (let index = 0; index < 1_000; index += 1) assert.ok(bucket.take(100, 0));
  assert.is(bucket.waitMs(1_000_000, 0), 0);
});

rate("starts with its burst, then gives what the rate brings", () => {
  const bucket = newTokenBucket(100, 0);
  for (let index = 0; index < 10; index += 1) assert.ok(bucket.take(1, 0));
  assert.not.ok(bucket.take(1, 0));
  assert.is(Math.round(bucket.waitMs(1, 0)), 10);
  assert.not.ok(bucket.take(1, 9));
  assert.ok(bucket.take(1, 10));
  assert.ok(bucket.take(10, 1_000));
  assert.not.ok(bucket.take(1, 1_000));
});

rate("a message takes the tokens of all its parts, or none", () => {
  const bucket = newTokenBucket(50, 0);
  assert.ok(bucket.take(3, 0));
  assert.not.ok(bucket.take(3, 0));
  assert.ok(bucket.take(2, 0));
});

rate("a message of more parts than the burst goes when the bucket is full, into debt", () => {
  const bucket = newTokenBucket(10, 0);
  assert.ok(bucket.take(12, 0));
  assert.not.ok(bucket.take(1, 1_000));
  assert.ok(bucket.take(1, 1_200));
});

rate("a wait that is told suffices", () => {
  const bucket = newTokenBucket(7, 0);
  let nowMs = 0;
  for (let index = 0; index < 500; index += 1) {
    const parts = 1 + (index % 3);
    const waitMs = bucket.waitMs(parts, nowMs);
    nowMs += waitMs;
    assert.ok(bucket.take(parts, nowMs), `at ${nowMs}`);
  }
  // 1, 2, 3 parts in turn: 1,000 parts less the first burst, at 7 a second.
  assert.ok(nowMs > 140_000 && nowMs < 143_000, `${nowMs}`);
});

rate("a complaint pauses the bind and lowers its rate, which rises to what is configured", () => {
  const pace = newPace(100, 0);
  assert.ok(pace.take(1, 0));
  pace.accepted();
  pace.throttled(10);
  assert.not.ok(pace.take(1, 50));
  assert.is(pace.rate(), 80);
  // One burst, many complaints: they count once.
  for (let index = 0; index < 50; index += 1) pace.throttled(11 + index / 50);
  assert.is(pace.rate(), 80);
  // A rate that is not used proves nothing.
  for (let nowMs = 200; nowMs < 15_000; nowMs += 100) {
    if (pace.take(1, nowMs)) pace.accepted();
  }
  assert.is(pace.rate(), 80);
  for (let nowMs = 15_000; nowMs < 30_000; nowMs += 10) {
    if (pace.take(1, nowMs)) pace.accepted();
  }
  assert.is(pace.rate(), 100);
});

rate("a carrier that takes nothing is asked ever more seldom, one that takes some is not", () => {
  const pauseOf = (takes: boolean): number => {
    const pace = newPace(0, 0);
    let nowMs = 0;
    let waitMs = 0;
    for (let index = 0; index < 10; index += 1) {
      nowMs += pace.waitMs(1, nowMs);
      if (takes) pace.accepted();
      pace.throttled(nowMs);
      waitMs = pace.waitMs(1, nowMs);
    }
    return waitMs;
  };
  assert.is(pauseOf(true), 100);
  assert.is(pauseOf(false), 5_000);
});

rate("a limit that was learned is forgotten after a minute without complaint", () => {
  const pace = newPace(0, 0);
  for (let index = 0; index < 20; index += 1) pace.accepted();
  pace.throttled(0);
  assert.is(pace.rate(), 100);
  for (let nowMs = 1_000; nowMs < 62_000; nowMs += 500) pace.take(1, nowMs);
  assert.is(pace.rate(), 0);
});

rate("comes back later each time, with jitter, and much later to a wrong password", () => {
  const steady = newReconnect(() => 1);
  assert.equal(
    [1, 2, 3, 4].map(() => steady.delayMs(0)),
    [250, 500, 1_000, 2_000],
  );
  for (let index = 0; index < 30; index += 1) steady.delayMs(0);
  assert.is(steady.delayMs(0), 30_000);
  assert.is(steady.delayMs(60_000), 250);
  assert.is(newReconnect(() => 0).delayMs(0), 125);
  const bound = newReconnect(() => 1);
  bound.refused(0x05);
  assert.is(bound.delayMs(0), 5_000);
  const wrong = newReconnect(() => 1);
  wrong.refused(0x0e);
  assert.is(wrong.delayMs(0), 10_000);
});

rate.run();
