/**
 * Pace against a carrier with a limit that nobody told us, by a clock that is simulated: how fast
 * the limit is found, how much of it is used, how often the carrier has to complain, and how fast
 * the bind is back when the limit is lifted. Carriers count in ways of their own: by a bucket, large
 * or small, or by whole seconds.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newPace } from "../../../services/connectors/smpp/pace.js";

const pacing = suite("connectors: pace");

/** Takes a part or complains. */
type Limiter = (nowMs: number) => boolean;

/** As many as the limit in each second of its clock. */
function byWholeSeconds(limit: () => number): Limiter {
  let second = 0;
  let taken = 0;
  return (nowMs) => {
    const now = Math.floor(nowMs / 1_000);
    if (now !== second) taken = 0;
    second = now;
    taken += 1;
    return taken <= limit();
  };
}

/** A bucket that a tenth of a second fills, or several seconds do. */
function byBucket(limit: () => number, burstSeconds: number): Limiter {
  let tokens = limit() * burstSeconds;
  let atMs = 0;
  return (nowMs) => {
    tokens = Math.min(limit() * burstSeconds, tokens + ((nowMs - atMs) * limit()) / 1_000);
    atMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

interface Second {
  taken: number;
  complaints: number;
}

const LATENCY_MS = 30;
const WINDOW = 200;

/** A bind that has so much to send, for so many seconds. Returns what became of it in each. */
function run(
  configured: number,
  takes: Limiter,
  seconds: number,
  demand = Number.POSITIVE_INFINITY,
): Second[] {
  const pace = newPace(configured, 0);
  const all = Array.from({ length: seconds }, () => ({ taken: 0, complaints: 0 }));
  /** When each answer comes, and what it is; latency is constant, so they come in order. */
  const answers: { atMs: number; isTaken: boolean }[] = [];
  let first = 0;
  let offered = 0;
  for (let nowMs = 0; nowMs < seconds * 1_000; nowMs += 1) {
    const second = all[Math.floor(nowMs / 1_000)]!;
    for (; first < answers.length && answers[first]!.atMs <= nowMs; first += 1) {
      if (answers[first]!.isTaken) {
        pace.accepted();
        second.taken += 1;
      } else {
        pace.throttled(nowMs);
        second.complaints += 1;
      }
    }
    offered = Math.min(WINDOW, offered + demand / 1_000);
    while (answers.length - first < WINDOW && offered >= 1 && pace.take(1, nowMs)) {
      offered -= 1;
      answers.push({ atMs: nowMs + LATENCY_MS, isTaken: takes(nowMs + LATENCY_MS / 2) });
    }
  }
  return all;
}

function sum(seconds: readonly Second[]): Second {
  const total = { taken: 0, complaints: 0 };
  for (const { taken, complaints } of seconds) {
    total.taken += taken;
    total.complaints += complaints;
  }
  return total;
}

const LIMITERS = {
  "a bucket of 0.1 s": (limit: () => number) => byBucket(limit, 0.1),
  "a bucket of 1 s": (limit: () => number) => byBucket(limit, 1),
  "a bucket of 5 s": (limit: () => number) => byBucket(limit, 5),
  "whole seconds": byWholeSeconds,
} as const;

/** Within so many seconds the limit is found. */
const FOUND_S = 10;

for (const [name, limiter] of Object.entries(LIMITERS)) {
  for (const limit of [20, 100, 1_000]) {
    for (const configured of [0, 2 * limit, 20 * limit]) {
      const at = `a limit of ${limit}/s by ${name}, configured ${configured}`;
      pacing(`finds ${at}, uses 90 % of it and is told off little`, () => {
        const seconds = run(
          configured,
          limiter(() => limit),
          70,
        );
        const { taken, complaints } = sum(seconds.slice(FOUND_S));
        const used = taken / (limit * (70 - FOUND_S));
        const refused = complaints / (taken + complaints);
        assert.ok(used >= 0.9, `used ${used.toFixed(3)}, refused ${refused.toFixed(4)}`);
        assert.ok(refused <= 0.02, `used ${used.toFixed(3)}, refused ${refused.toFixed(4)}`);
      });
    }
  }
}

for (const configured of [0, 1_000]) {
  pacing(`is back at ten times the limit within 40 s of its end, configured ${configured}`, () => {
    let limit = 0;
    const counts = byBucket(() => limit, 0.5);
    const takes: Limiter = (nowMs) => {
      limit = nowMs < 60_000 ? 100 : 1_000;
      return counts(nowMs);
    };
    const seconds = run(configured, takes, 130);
    const before = sum(seconds.slice(50, 60)).taken / 10;
    assert.ok(before > 90 && before <= 105, `${before}`);
    const after = sum(seconds.slice(100)).taken / 30;
    assert.ok(after >= 900, `${after}`);
  });

  pacing(`is at a tenth of the limit within 6 s of its fall, configured ${configured}`, () => {
    let limit = 0;
    const counts = byBucket(() => limit, 0.5);
    const takes: Limiter = (nowMs) => {
      limit = nowMs < 20_000 ? 1_000 : 100;
      return counts(nowMs);
    };
    const seconds = run(configured, takes, 60);
    assert.ok(sum(seconds.slice(10, 20)).taken >= 9_000);
    const { taken, complaints } = sum(seconds.slice(26));
    assert.ok(taken / 34 >= 90, `${taken / 34}`);
    assert.ok(complaints / taken <= 0.02, `${complaints}`);
  });
}

pacing("a bind with less to send than the limit is not told off once it is known", () => {
  const limiter = byBucket(() => 100, 1);
  const { taken, complaints } = sum(run(0, limiter, 60, 50).slice(FOUND_S));
  assert.ok(taken >= 49 * 50, `${taken}`);
  assert.is(complaints, 0);
});

pacing("where nobody complains, the limit is what is configured, or none", () => {
  const configured = sum(run(500, () => true, 20)).taken / 20;
  assert.ok(configured > 490 && configured < 505, `${configured}`);
  // A window of 200 and 30 ms: Little's law.
  const none = sum(run(0, () => true, 20)).taken / 20;
  assert.ok(none > 6_000, `${none}`);
});

pacing.run();
