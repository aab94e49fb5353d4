/**
 * Dispatcher: publishes the frames of decided turns until the stream has them, and says when a
 * decision is done.
 *
 * All go through the process's window, oldest first. A frame that is refused or not confirmed is
 * tried again with the same identity, without end and outside of the window, so that a carrier
 * whose subject is full holds up no other's frames. How many decisions may wait so is the turn's
 * bound: at it the partition takes no requests until the subject has room.
 */
import { type Clock, sleep } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { counter, framesTotal, recordsTotal } from "../../core/metrics.js";
import type { StreamClient } from "../../core/stream/stream.js";
import type { Outgoing } from "./plan.js";
import type { Window } from "./window.js";

const framesOut = framesTotal.labels("DISPATCH", "out");
const recordsOut = recordsTotal.labels("DISPATCH", "out");
const triedAgainTotal = counter(
  "floe_dispatch_publish_retries_total",
  "Dispatch frames that were published again.",
  ["code"],
);

export interface Dispatcher {
  /** `done` is called once all frames are stored; at once if there are none. */
  send(frames: readonly Outgoing[], sinceMs: number, done: () => void): void;
  /** Decisions with frames that are not stored. */
  undone(): number;
  /** Tries nothing again. Resolves when nothing is in flight. */
  stop(): Promise<void>;
}

export interface DispatcherOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly window: Window;
}

const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;
/** One publish tries by itself for so long; then others may have its place. */
const PUBLISH_MS_MAX = 5_000;

export function openDispatcher(options: DispatcherOptions): Dispatcher {
  const { client, clock, log, window } = options;
  let undone = 0;
  let inFlight = 0;
  let stopped = false;
  let idle: () => void = () => {};

  async function publish(frame: Outgoing, sinceMs: number): Promise<boolean> {
    for (let pauseMs = PAUSE_MS_MIN; !stopped; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      await window.enter(sinceMs);
      try {
        if (stopped) return false;
        await client.publish(frame.subject, frame.data, {
          id: frame.id,
          timeoutMs: PUBLISH_MS_MAX,
        });
        framesOut.inc();
        recordsOut.inc(frame.records);
        return true;
      } catch (err) {
        const code = isFloeError(err) ? err.code : "unknown";
        triedAgainTotal.inc({ code });
        if (pauseMs === PAUSE_MS_MIN || pauseMs === PAUSE_MS_MAX) {
          log.warn({ err, subject: frame.subject }, "dispatch frame is not stored, trying again");
        }
      } finally {
        window.leave();
      }
      await sleep(clock, pauseMs);
    }
    return false;
  }

  function send(frames: readonly Outgoing[], sinceMs: number, done: () => void): void {
    let left = frames.length;
    if (left === 0) {
      done();
      return;
    }
    undone += 1;
    for (const frame of frames) {
      inFlight += 1;
      void publish(frame, sinceMs).then((stored) => {
        inFlight -= 1;
        if (stored) left -= 1;
        if (stored && left === 0) {
          undone -= 1;
          done();
        }
        if (inFlight === 0) idle();
      });
    }
  }

  return {
    send,
    undone: () => undone,
    stop() {
      stopped = true;
      if (inFlight === 0) return Promise.resolve();
      return new Promise((resolve) => {
        idle = resolve;
      });
    },
  };
}
