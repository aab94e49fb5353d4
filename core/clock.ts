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

/** The same time for one process, which may be wrong about the time of day. */
export interface ForkedClock extends Clock {
  /** Sets its wall clock forward or back; its monotonic one goes on. */
  jump(byMs: number): void;
  /** Forgets all that it wanted, as a kill does. */
  stop(): void;
}

/** A clock that stands still until it is told to go on: a whole pipeline runs in its time. */
export interface SimulatedClock extends Clock {
  /**
   * Lets `byMs` pass: runs what is due, in order of time, and after each lets promises and
   * immediates run. With nothing real behind (threads, sockets) the same seed gives the same run.
   */
  advance(byMs: number): Promise<void>;
  /** Advances from event to event until `done()`, at most `withinMs`. False: it was not done. */
  until(done: () => boolean, withinMs: number): Promise<boolean>;
  /** The clock of one process of the simulation. */
  fork(): ForkedClock;
}

/** Turns of the event loop after an event: work that hops over more of them goes on with the next. */
const TURNS = 4;

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise<void>((go) => setImmediate(go));
}

/**
 * @param settle lets promises and immediates run after an event. Default: a few turns of the event
 *   loop; who knows when nothing waits any more takes fewer.
 */
export function simulatedClock(startMs: number, settle = someTurns): SimulatedClock {
  interface Event {
    readonly atMs: number;
    readonly order: number;
    wanted: boolean;
    run(): void;
  }
  /** A binary heap: the parent of `i` is at `(i - 1) >> 1` and is never later. */
  const heap: Event[] = [];
  let elapsedMs = 0;
  let counter = 0;

  const isBefore = (a: Event, b: Event): boolean =>
    a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

  function push(event: Event): void {
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  function pop(): void {
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }

  /** Runs the next event if it is due by then. */
  async function step(untilMs: number): Promise<boolean> {
    // Most timers are cancelled: each would cost turns of the event loop for nothing.
    while (heap[0]?.wanted === false) pop();
    const event = heap[0];
    if (event === undefined || event.atMs > untilMs) return false;
    pop();
    elapsedMs = Math.max(elapsedMs, event.atMs);
    event.run();
    await settle();
    return true;
  }

  function after(delayMs: number, run: () => void): () => void {
    counter += 1;
    const atMs = elapsedMs + Math.max(0, delayMs);
    const event = { atMs, order: counter, wanted: true, run };
    push(event);
    return () => {
      event.wanted = false;
    };
  }

  const nowMs = (): number => startMs + Math.floor(elapsedMs);
  const monotonicMs = (): number => elapsedMs;

  return {
    nowMs,
    monotonicMs,
    after,
    async advance(byMs) {
      const endMs = elapsedMs + byMs;
      await settle();
      while (await step(endMs));
      elapsedMs = endMs;
    },
    async until(done, withinMs) {
      const endMs = elapsedMs + withinMs;
      await settle();
      while (!done()) if (!(await step(endMs))) return done();
      return true;
    },
    fork() {
      let alive = true;
      let offMs = 0;
      return {
        nowMs: () => nowMs() + offMs,
        monotonicMs,
        after: (delayMs, run) => after(delayMs, () => (alive ? run() : undefined)),
        jump(byMs) {
          offMs += byMs;
        },
        stop() {
          alive = false;
        },
      };
    },
  };
}
