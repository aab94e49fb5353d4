/**
 * Lifecycle of a process: SIGTERM or SIGINT, then stop taking, finish, flush, leave.
 *
 * Parts register what ends them in the order in which they were opened; they are ended in the
 * reverse order, one after another, so that a part may still use what was opened before it.
 */
import type { Logger } from "./log.js";

export interface Lifecycle {
  /** Registers a part. `close` must end by itself; the whole has `graceMs`. */
  onStop(name: string, close: () => Promise<void> | void): void;
  /** Ends everything, as a signal does. Resolves when all parts have ended; repeats are harmless. */
  stop(reason: string): Promise<void>;
  readonly stopping: () => boolean;
}

/**
 * @param graceMs after this the process exits with 1, whatever still runs: the stream redelivers.
 */
export function openLifecycle(log: Logger, graceMs: number): Lifecycle {
  const parts: { name: string; close: () => Promise<void> | void }[] = [];
  let stopped: Promise<void> | undefined;

  async function run(reason: string): Promise<void> {
    log.info({ reason }, "stopping");
    const deadline = setTimeout(() => {
      log.error({ graceMs }, "stop took too long");
      process.exit(1);
    }, graceMs);
    for (const { name, close } of parts.reverse()) {
      try {
        await close();
      } catch (err) {
        log.error({ err, part: name }, "a part did not stop cleanly");
        process.exitCode = 1;
      }
    }
    clearTimeout(deadline);
    log.info("stopped");
  }

  const stop = (reason: string): Promise<void> => {
    stopped ??= run(reason);
    return stopped;
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      stop(signal).then(
        () => process.exit(),
        () => process.exit(1),
      );
    });
  }
  return {
    onStop: (name, close) => void parts.push({ name, close }),
    stop,
    stopping: () => stopped !== undefined,
  };
}
