/** Waiting in tests: for something that happens, never for time. */
import { SYSTEM_CLOCK, sleep } from "../core/clock.js";

const LOOK_MS = 10;

/** Resolves when it is so; a wait that is too long is a failure, not a measurement. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what = "it",
  withinMs = 60_000,
): Promise<void> {
  const endMs = SYSTEM_CLOCK.monotonicMs() + withinMs;
  while (!(await isSo())) {
    if (SYSTEM_CLOCK.monotonicMs() > endMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(SYSTEM_CLOCK, LOOK_MS);
  }
}
