/** Chore: what one process does for all of them while it holds a lease, again after each pause. */
import type { Clock } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";

export interface ChoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly pauseMs: number;
  /** @returns whether there is more to do at once. */
  run(): Promise<boolean>;
}

export interface Chore {
  start(): void;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

/** Share of the time that it may take: one part in so many. */
const PAUSE_FACTOR = 20;

export function openChore({ clock, log, pauseMs, run }: ChoreOptions): Chore {
  let running = false;
  let cancel = (): void => {};
  let working: Promise<void> | undefined;

  async function once(): Promise<void> {
    const startedMs = clock.monotonicMs();
    let more = false;
    try {
      more = await run();
    } catch (err) {
      if (!isFloeError(err)) throw err;
      log.warn({ err }, "a chore failed and will be tried again");
    }
    const tookMs = clock.monotonicMs() - startedMs;
    next(more ? tookMs : Math.max(pauseMs, PAUSE_FACTOR * tookMs));
  }

  function next(delayMs: number): void {
    if (!running) return;
    cancel = clock.after(delayMs, () => {
      working = once();
    });
  }

  return {
    start() {
      if (running) return;
      running = true;
      next(pauseMs);
    },
    async stop() {
      running = false;
      cancel();
      await working;
    },
  };
}
