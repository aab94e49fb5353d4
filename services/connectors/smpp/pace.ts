/**
 * Pace: how a bind slows down when its carrier says "too fast", and speeds up again.
 *
 * A complaint pauses the bind (100 ms; longer, up to 5 s, while nothing at all is taken in between)
 * and lowers its rate by a fifth, at most once in a second, since one burst brings many complaints.
 * From there the rate rises by a fiftieth of that limit a second, to what is configured. Where no
 * rate is configured the limit is looked for: from five times what was taken, up by half each second
 * until the next complaint. A minute without complaint ends a limit that was learned.
 */
import { newTokenBucket } from "./token-bucket.js";

export interface Pace {
  /** Takes the tokens of a message's parts, all or none. */
  take(parts: number, nowMs: number): boolean;
  /** Milliseconds until `take(parts)` may succeed. */
  waitMs(parts: number, nowMs: number): number;
  /** The carrier took a part. */
  accepted(): void;
  /** The carrier complained. */
  throttled(nowMs: number): void;
  /** Parts a second now; 0: no limit. */
  rate(): number;
}

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;
const STEP_MS = 1_000;
const CUT = 0.8;
/** Part of the limit by which the rate rises in a second, once the limit is known. */
const RISE = 0.02;
/** Factor by which it rises in a second while the limit is looked for. */
const SEARCH = 1.5;
const FIRST_FACTOR = 5;
const FIRST_MIN = 10;
/** Never below this part of what is configured: the carrier agreed to it. */
const CONFIGURED_PART_MIN = 0.05;
const FORGET_MS = 60_000;

/** @param configured parts a second; 0: no limit. */
export function newPace(configured: number, startMs: number): Pace {
  const bucket = newTokenBucket(configured, startMs);
  let pauseMs = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let throttledAtMs = Number.NEGATIVE_INFINITY;
  let steppedAtMs = startMs;
  /** Rate at the last complaint, 0: looked for. */
  let limit = configured;
  let accepted = 0;
  let acceptedBefore = 0;

  /** Once a second: raises the rate. */
  function step(nowMs: number): void {
    const rate = bucket.rate();
    if (rate === configured || nowMs - steppedAtMs < STEP_MS) return;
    steppedAtMs = nowMs;
    if (configured === 0 && nowMs - throttledAtMs > FORGET_MS) {
      limit = 0;
      bucket.setRate(0, nowMs);
      return;
    }
    const raised = limit === 0 ? rate * SEARCH : rate + limit * RISE;
    bucket.setRate(configured === 0 ? raised : Math.min(configured, raised), nowMs);
  }

  function cut(nowMs: number): void {
    if (bucket.rate() === 0) {
      bucket.setRate(Math.max(FIRST_MIN, accepted * FIRST_FACTOR), nowMs);
      steppedAtMs = nowMs;
      return;
    }
    if (nowMs - throttledAtMs < STEP_MS) return;
    limit = bucket.rate();
    bucket.setRate(Math.max(1, configured * CONFIGURED_PART_MIN, limit * CUT), nowMs);
    steppedAtMs = nowMs;
  }

  return {
    take(parts, nowMs) {
      if (nowMs < pausedUntilMs) return false;
      step(nowMs);
      return bucket.take(parts, nowMs);
    },
    waitMs(parts, nowMs) {
      return Math.max(pausedUntilMs - nowMs, bucket.waitMs(parts, nowMs));
    },
    accepted() {
      accepted += 1;
    },
    throttled(nowMs) {
      // What is complained about while the bind pauses was on its way before.
      if (nowMs < pausedUntilMs) return;
      const isStuck = accepted === acceptedBefore;
      pauseMs = isStuck
        ? Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, pauseMs * 2))
        : PAUSE_MS_MIN;
      acceptedBefore = accepted;
      pausedUntilMs = nowMs + pauseMs;
      cut(nowMs);
      throttledAtMs = nowMs;
    },
    rate: () => bucket.rate(),
  };
}
