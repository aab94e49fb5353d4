/**
 * Draws: chance for one message, from the seed, the message and the number of its try.
 *
 * So the same messages meet the same faults in every run, however connections and reads interleave;
 * a second try of a message draws anew. One object serves all messages: `begin`, then `next`.
 */
import type { Chance } from "../../core/clock.js";
import type { Shape } from "./options.js";

export interface Draws {
  begin(high: number, low: number, attempt: number): void;
  /** At or above 0 and below 1 (mulberry32). */
  readonly next: Chance;
}

export function newDraws(seed: number): Draws {
  let state = 0;
  return {
    begin(high, low, attempt) {
      state = Math.imul(high ^ seed, 0x9e3779b1) ^ Math.imul(low + attempt, 0x85ebca6b);
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    },
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

/** No wait is longer than so many times the mean: a tail, and an end to it. */
const TAIL_MAX = 20;

/** A time in milliseconds of this mean, spread by `shape`. Log-normal: sigma 1 of the logarithm. */
export function spread(meanMs: number, shape: Shape, next: Chance): number {
  if (meanMs === 0 || shape === "constant") return meanMs;
  if (shape === "uniform") return 2 * meanMs * next();
  if (shape === "exponential") return Math.min(TAIL_MAX * meanMs, -Math.log(1 - next()) * meanMs);
  const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  // The mean of exp(normal) is exp(1/2).
  return Math.min(TAIL_MAX * meanMs, Math.exp(normal - 0.5) * meanMs);
}
