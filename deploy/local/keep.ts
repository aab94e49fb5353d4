/**
 * Keep: starts a part again when it ends unasked, each time after a longer pause, and gives up when
 * it keeps ending. Every restart is told: a part that limps must not look healthy.
 */
import { type Clock, SYSTEM_CLOCK } from "../../core/clock.js";
import type { Running } from "./child.js";

export interface KeepOptions {
  readonly role: string;
  /** Starts it and resolves when it is at work. */
  start(): Promise<Running>;
  tell(line: string): void;
  /** After a restart: its pid is another one. */
  changed(): void;
  /** It keeps ending; `reason` in words. Called once, and nothing is tried any more. */
  gaveUp(reason: string): void;
  readonly clock?: Clock;
  readonly patience?: Patience | undefined;
}

/** How soon a part that ended is started again, and when it is given up. */
export interface Patience {
  /** The longest pause; pauses double up to it. */
  readonly pauseMsMax: number;
  /** Ends in a row, each within STEADY_MS of its start, after which it is given up. */
  readonly endsMax: number;
}

export interface Kept {
  readonly role: string;
  pid(): number;
  restarts(): number;
  /** Ends it for good. */
  stop(graceMs: number): Promise<void>;
}

const PAUSE_MS_MIN = 500;
const PATIENCE: Patience = { pauseMsMax: 10_000, endsMax: 6 };
/** Having run so long it counts as steady, and the pauses begin anew. */
const STEADY_MS = 60_000;

/** @throws what `start` throws, at the first start: a mistake in the set-up is told at once. */
export async function keep(options: KeepOptions): Promise<Kept> {
  const { role, tell, clock = SYSTEM_CLOCK, patience = PATIENCE } = options;
  let running = await options.start();
  let startedAtMs = clock.monotonicMs();
  let stopping = false;
  let ends = 0;
  let restarts = 0;
  let wake = (): void => {};

  async function watch(): Promise<void> {
    let how = await running.exited;
    while (!stopping) {
      ends = clock.monotonicMs() - startedAtMs >= STEADY_MS ? 1 : ends + 1;
      if (ends >= patience.endsMax) {
        options.gaveUp(`${role} ${how}, ${ends} times in a row`);
        return;
      }
      const pauseMs = Math.min(patience.pauseMsMax, PAUSE_MS_MIN * 2 ** (ends - 1));
      tell(`${role} ${how}; it is started again in ${pauseMs / 1_000} s`);
      await pause(pauseMs);
      if (stopping) return;
      startedAtMs = clock.monotonicMs();
      try {
        running = await options.start();
      } catch (error) {
        how = error instanceof Error ? `could not start (${error.message})` : "could not start";
        continue;
      }
      restarts += 1;
      tell(`${role} runs again (restart ${restarts})`);
      options.changed();
      how = await running.exited;
    }
  }
  const watched = watch();

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  return {
    role,
    pid: () => running.pid,
    restarts: () => restarts,
    async stop(graceMs) {
      stopping = true;
      wake();
      await running.stop(graceMs);
      await watched;
      // A start that was under way when the stop came has made a new one.
      await running.stop(graceMs);
    },
  };
}
