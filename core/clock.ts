/**
 * Clock and chance: the only file that asks the machine for them.
 *
 * Everything else takes a `Clock` or a `Chance` as an argument, so that a simulation can supply
 * its own and replay a run from its seed.
 */
import { randomFillSync } from "node:crypto";

export interface Clock {
  /** Milliseconds since 1970 UTC; may jump. For what is stored. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never jumps back. For how long something took. */
  monotonicMs(): number;
  /** Runs `run` once after `delayMs`. The result cancels it; cancelling twice is harmless. */
  after(delayMs: number, run: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A fraction at or above 0 and below 1. For jitter and samples, never for identities or keys. */
export type Chance = () => number;

export const SYSTEM_CHANCE: Chance = () => Math.random();

/** A repeatable sequence of fractions (mulberry32). */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Resolves after `delayMs`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}

/** Fills `bytes` with unpredictable octets. */
export function fillRandom(bytes: Uint8Array): void {
  randomFillSync(bytes);
}
