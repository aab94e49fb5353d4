/**
 * Pace: how a bind slows down when its carrier says "too fast", and speeds up again.
 *
 * Each complaint pauses the bind, longer each time (100 ms to 5 s), and lowers its rate to what the
 * carrier took, less a fifth; at most once in a second, since one burst brings many complaints. The
 * rate then rises by a twentieth a second, to what is configured. Where no rate is configured one is
 * learned from what was taken in the second before, and dropped after a minute without complaint.
 */
import { newTokenBucket } from "./token-bucket.js";

export interface Pace {
  /** Takes the tokens of a message's parts, all or none. */
  take(parts: number, nowMs: number): boolean;
  /** Milliseconds until `take(parts)` may succeed. */
  waitMs(parts: number, nowMs: number): number;
  /** The carrier complained. */
  throttled(nowMs: number): void;
  /** Parts a second now; 0: no limit. */
  rate(): number;
}

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;
const CUT_EVERY_MS = 1_000;
const CUT = 0.8;
const RAISE_PER_SECOND = 1.05;
/** Complaints further apart than this are not of one series. */
const CALM_MS = 10_000;
/** A learned limit is forgotten after this. */
const FORGET_MS = 60_000;

/** @param partsPerSecond as configured; 0: no limit. */
export function newPace(partsPerSecond: number, startMs: number): Pace {
  const bucket = newTokenBucket(partsPerSecond, startMs);
  let pauseMs = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let throttledAtMs = Number.NEGATIVE_INFINITY;
  let cutAtMs = Number.NEGATIVE_INFINITY;
  let raisedAtMs = startMs;
  // Parts taken in this second and in the one before, for learning a rate.
  let secondAtMs = startMs;
  let taken = 0;
  let takenBefore = 0;

  function tick(nowMs: number): void {
    if (nowMs - secondAtMs >= 1_000) {
      takenBefore = nowMs - secondAtMs < 2_000 ? taken : 0;
      taken = 0;
      secondAtMs = nowMs;
    }
    const rate = bucket.rate();
    if (rate === partsPerSecond || nowMs - raisedAtMs < 1_000) return;
    raisedAtMs = nowMs;
    if (partsPerSecond === 0) {
      bucket.setRate(nowMs - throttledAtMs > FORGET_MS ? 0 : rate * RAISE_PER_SECOND, nowMs);
    } else {
      bucket.setRate(Math.min(partsPerSecond, rate * RAISE_PER_SECOND), nowMs);
    }
  }

  function cut(nowMs: number): void {
    if (nowMs - cutAtMs < CUT_EVERY_MS) return;
    cutAtMs = nowMs;
    raisedAtMs = nowMs;
    const seen = Math.max(taken, takenBefore);
    const rate = bucket.rate() === 0 ? seen : Math.min(bucket.rate(), Math.max(seen, 1));
    bucket.setRate(Math.max(1, partsPerSecond / 20, rate * CUT), nowMs);
  }

  return {
    take(parts, nowMs) {
      if (nowMs < pausedUntilMs) return false;
      tick(nowMs);
      if (!bucket.take(parts, nowMs)) return false;
      taken += parts;
      return true;
    },
    waitMs(parts, nowMs) {
      return Math.max(pausedUntilMs - nowMs, bucket.waitMs(parts, nowMs));
    },
    throttled(nowMs) {
      // What is complained about while the bind pauses was on its way before.
      if (nowMs < pausedUntilMs) return;
      const isSeries = nowMs - throttledAtMs < CALM_MS;
      pauseMs = isSeries ? Math.min(PAUSE_MS_MAX, pauseMs * 2) : PAUSE_MS_MIN;
      throttledAtMs = nowMs;
      pausedUntilMs = nowMs + pauseMs;
      cut(nowMs);
    },
    rate: () => bucket.rate(),
  };
}
