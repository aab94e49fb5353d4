/**
 * Chores: what one cdr process does for all of them, sweep and rollups, while it holds the lease.
 *
 * Each runs again after its pause, and a pause is at least as many times as long as the work took,
 * so that a large table makes them rarer and never takes the machine.
 */
import type { Clock } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";

export interface Chore {
  readonly name: string;
  readonly pauseMs: number;
  /** @returns whether there is more to do at once. */
  run(): Promise<boolean>;
}

export interface Chores {
  start(): void;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

/** Share of the time that a chore may take: one part in so many. */
const PAUSE_FACTOR = 20;

export function openChores(clock: Clock, log: Logger, chores: readonly Chore[]): Chores {
  let running = false;
  let cancels: (() => void)[] = [];
  let works: Promise<void>[] = [];

  function loop(chore: Chore, epoch: object): void {
    let cancel: () => void = () => {};
    const next = (pauseMs: number): void => {
      cancel = clock.after(pauseMs, () => {
        const work = once(chore).then((pause) => {
          works = works.filter((other) => other !== work);
          if (running && epoch === current) next(pause);
        });
        works.push(work);
      });
    };
    cancels.push(() => cancel());
    next(chore.pauseMs);
  }

  async function once(chore: Chore): Promise<number> {
    const startedMs = clock.monotonicMs();
    let more = false;
    try {
      more = await chore.run();
    } catch (err) {
      if (!isFloeError(err)) throw err;
      log.warn({ err, chore: chore.name }, "a chore failed and will be tried again");
    }
    const tookMs = clock.monotonicMs() - startedMs;
    return more ? tookMs : Math.max(chore.pauseMs, PAUSE_FACTOR * tookMs);
  }

  let current = {};
  return {
    start() {
      if (running) return;
      running = true;
      current = {};
      for (const chore of chores) loop(chore, current);
    },
    async stop() {
      running = false;
      for (const cancel of cancels) cancel();
      cancels = [];
      await Promise.all(works);
    },
  };
}
