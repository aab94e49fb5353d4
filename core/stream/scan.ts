/**
 * Scan: reading a work queue without taking anything from it.
 *
 * The server allows only one consumer for each subject of a work queue, so its messages are fetched
 * one by one from the leader: right for looking whether something is there, too slow for a flow.
 */
import { sleep } from "../clock.js";
import type { Api } from "./api.js";
import { getMessage, type Stored } from "./bucket.js";
import type { Link } from "./link.js";
import type { Consumption } from "./stream.js";

/** At the end of the subject it is asked again so often. */
const POLL_MS = 200;

export interface ScanOptions {
  readonly stream: string;
  readonly subject: string;
  readonly from: number;
  receive(message: Stored): void;
  caughtUp(): void;
}

export function openScan(link: Link, api: Api, options: ScanOptions): Consumption {
  const { stream, subject } = options;
  let from = Math.max(1, options.from);
  let told = false;
  let paused = false;
  let running = false;
  let stopped = false;

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (!stopped && !paused) {
      try {
        if (!(await step())) await sleep(link.clock, POLL_MS);
      } catch (err) {
        link.log.warn({ err, stream, subject }, "cannot read");
        await sleep(link.clock, POLL_MS);
      }
    }
    running = false;
  }

  /** Gives the next message; false: there is none yet. */
  async function step(): Promise<boolean> {
    const found = await getMessage(api, stream, { seq: from, next_by_subj: subject });
    if (stopped) return false;
    if (found === undefined) {
      if (!told) options.caughtUp();
      told = true;
      return false;
    }
    told = false;
    from = found.sequence + 1;
    link.guard(() => options.receive(found));
    return true;
  }

  void run();
  return {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      void run();
    },
    async stop() {
      stopped = true;
    },
  };
}
