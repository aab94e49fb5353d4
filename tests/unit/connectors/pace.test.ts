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

/** A bind with always something to send, for so many seconds. Returns what became of it in each. */
function run(
  configured: number,
  takes: Limiter,
  seconds: number,
  { latencyMs = 30, window = 200, demandAtMs = (_nowMs: number) => Number.POSITIVE_INFINITY } = {},
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
    offered = Math.min(window, offered + demandAtMs(nowMs) / 1_000);
    while (answers.length - first < window && offered >= 1 && pace.take(1, nowMs)) {
      offered -= demandAtMs(nowMs) === Number.POSITIVE_INFINITY ? 0 : 1;
      answers.push({ atMs: nowMs + latencyMs, isTaken: takes(nowMs + latencyMs / 2) });
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
  for (const limit of [100, 1_000]) {
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

pacing.run();
