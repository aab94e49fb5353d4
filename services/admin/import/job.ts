/**
 * Job: one import in a thread of its own, from the first chunk to its outcome.
 *
 * A chunk is taken when the thread has worked through all but a few before it: a fast caller waits,
 * and memory does not fill. The thread ends with the outcome, or when the job is given up.
 */
import { Worker } from "node:worker_threads";
import type { ImportSpec, Present } from "./compute.js";
import type { ImportOutcome } from "./outcome.js";
import type { FromThread, ToThread } from "./thread.js";

export interface ImportJob {
  /** Resolves when the next may be pushed. */
  push(chunk: Uint8Array): Promise<void>;
  /** Rows read so far. */
  rows(): number;
  finish(present: Present): Promise<ImportOutcome>;
  /** Ends it, whatever it does. Harmless after the end. */
  stop(): Promise<void>;
}

/** Chunks that the thread has not worked through. */
const CHUNKS_HELD_MAX = 4;

/** Calls reject if the thread dies. */
export function startImport(spec: ImportSpec): ImportJob {
  const thread = new Worker(new URL("./thread.js", import.meta.url), { workerData: spec });
  let rows = 0;
  let held = 0;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  let outcome: ImportOutcome | undefined;

  thread.on("message", (message: FromThread) => {
    if ("outcome" in message) outcome = message.outcome;
    else {
      rows = message.rows;
      held -= 1;
    }
    wake?.();
  });
  const fail = (error: Error): void => {
    failure ??= error;
    wake?.();
  };
  thread.on("error", fail);
  thread.on("messageerror", fail);
  thread.on("exit", (code) => fail(new Error(`the import's thread ended with ${code}`)));

  /** One caller at a time: a file has one reader. */
  async function until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  return {
    rows: () => rows,
    async push(chunk) {
      // A copy of its own that is handed over: a buffer may be a part of a larger one.
      const own = new Uint8Array(chunk);
      thread.postMessage({ chunk: own } satisfies ToThread, [own.buffer]);
      held += 1;
      await until(() => held < CHUNKS_HELD_MAX);
    },
    async finish(present) {
      thread.postMessage({ present } satisfies ToThread);
      await until(() => outcome !== undefined);
      return outcome!;
    },
    async stop() {
      await thread.terminate();
    },
  };
}
