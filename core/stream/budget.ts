/** Frame budget of a process: below it a frame leaves at once, above it keys linger. */
import type { Clock } from "../clock.js";

/** Frames that may leave at once after a quiet time, as a part of a second's budget. */
const BURST_PART = 0.1;

export interface Budget {
  spend(): void;
  /** How long until a frame may leave without lingering; 0: now. */
  waitMs(nowMs: number): number;
}

/** A token bucket: a frame below the budget leaves at once. */
export function newBudget(framesPerSecond: number, clock: Clock): Budget {
  if (framesPerSecond <= 0) return { spend: () => {}, waitMs: () => 0 };
  const most = Math.max(1, framesPerSecond * BURST_PART);
  let tokens = most;
  let filledAtMs = clock.monotonicMs();
  return {
    spend() {
      tokens = Math.max(0, tokens - 1);
    },
    waitMs(nowMs) {
      tokens = Math.min(most, tokens + ((nowMs - filledAtMs) * framesPerSecond) / 1_000);
      filledAtMs = nowMs;
      return tokens >= 1 ? 0 : ((1 - tokens) * 1_000) / framesPerSecond;
    },
  };
}
