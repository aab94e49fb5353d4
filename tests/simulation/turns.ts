/**
 * Turns: lets promises and immediates run until none is left, and not one turn of the event loop
 * longer. Thousands of events a second of simulated time cost two turns or three, not a fixed number
 * that is enough for the longest chain.
 *
 * In: every `setImmediate` of the process, counted: services call it, and the simulation has nothing
 * else behind it (no sockets, no threads), so what is not counted does not exist.
 */
import { Crash } from "./poison.js";

const atOnce = globalThis.setImmediate;
let waiting = 0;
let counting = false;

/** From now on, once for a process. */
function count(): void {
  counting = true;
  const counted = (run: (...values: unknown[]) => void, ...values: unknown[]): NodeJS.Immediate => {
    waiting += 1;
    return atOnce(() => {
      waiting -= 1;
      try {
        run(...values);
      } catch (error) {
        // The process that it was part of has been ended.
        if (!(error instanceof Crash)) throw error;
      }
    });
  };
  globalThis.setImmediate = Object.assign(counted, {
    __promisify__: atOnce.__promisify__,
  }) as typeof setImmediate;
}

/** Resolves when nothing waits any more. */
export async function settleTurns(): Promise<void> {
  if (!counting) count();
  do {
    await new Promise<void>((go) => atOnce(go));
  } while (waiting > 0);
}
