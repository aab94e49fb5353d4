/**
 * Token bucket: how many parts a bind may send, carriers count parts and not messages.
 *
 * A true bucket with a burst, not a gap between messages: after a pause a few may leave at once. A
 * message takes the tokens of all its parts together, so its parts are never torn apart by the
 * limit; a message of more parts than the burst goes when the bucket is full and leaves it in debt.
 */
export interface TokenBucket {
  /** Takes `count` tokens, all or none. */
  take(count: number, nowMs: number): boolean;
  /** Whether `take(count)` would succeed. */
  has(count: number, nowMs: number): boolean;
  /** Milliseconds until `take(count)` can succeed; 0: now. */
  waitMs(count: number, nowMs: number): number;
  /**
   * Sets the rate; 0: no limit. What was saved is kept up to the new burst, which is what the rate
   * brings in so long.
   */
  setRate(partsPerSecond: number, nowMs: number, burstMs?: number): void;
  rate(): number;
}

/** A tenth of a second's worth, one at least: peers that count by the second do not see it. */
const BURST_MS = 100;

function burstOf(partsPerSecond: number, burstMs = BURST_MS): number {
  return Math.max(1, (partsPerSecond * burstMs) / 1_000);
}

/** @param partsPerSecond 0: no limit. Starts full. */
export function newTokenBucket(partsPerSecond: number, startMs: number): TokenBucket {
  let rate = partsPerSecond;
  let burst = burstOf(rate);
  let tokens = burst;
  let filledAtMs = startMs;

  function fill(nowMs: number): void {
    if (nowMs <= filledAtMs) return;
    tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) * rate) / 1_000);
    filledAtMs = nowMs;
  }

  const missing = (count: number): number => Math.min(count, burst) - tokens;

  function has(count: number, nowMs: number): boolean {
    if (rate === 0) return true;
    fill(nowMs);
    // Adding fractions loses some: a wait that was told is a wait that suffices.
    return missing(count) <= 1e-6;
  }

  return {
    has,
    take(count, nowMs) {
      if (!has(count, nowMs)) return false;
      if (rate !== 0) tokens -= count;
      return true;
    },
    waitMs(count, nowMs) {
      if (rate === 0) return 0;
      fill(nowMs);
      return Math.max(0, (missing(count) * 1_000) / rate);
    },
    setRate(partsPerSecond, nowMs, burstMs) {
      fill(nowMs);
      rate = partsPerSecond;
      burst = burstOf(rate, burstMs);
      tokens = Math.min(tokens, burst);
    },
    rate: () => rate,
  };
}
