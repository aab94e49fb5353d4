/**
 * Fenced append: one writer's log on one subject.
 *
 * Each frame is published with the sequence of the one before it. A refusal, a time-out or a
 * "duplicate" may be the echo of one's own earlier try, so then the subject's last frame is read:
 * it is this one, the append succeeded; it is the one it was fenced on, publish again (same id);
 * it is anything else, somebody else owns the partition: "stream.fenced", stop.
 */

import assert from "node:assert";
import { type Clock, SYSTEM_CLOCK, sleep } from "../clock.js";
import { FloeError, isFloeError } from "../errors.js";
import type { StreamName } from "../subjects.js";
import type { StoredMessage, StreamClient } from "./stream.js";

export interface Appender {
  /**
   * Appends one frame and returns its stream sequence. One at a time.
   * @throws FloeError "stream.fenced": this process is no longer the owner, state must be dropped;
   *   "stream.full"; "stream.unavailable" when no answer came for `giveUpMs`: outcome unknown, the
   *   appender is dead, reload from the log.
   */
  append(frame: Uint8Array): Promise<number>;
  /** Sequence of the last frame on the subject, 0: none. */
  last(): number;
}

export interface AppenderOptions {
  readonly client: StreamClient;
  readonly stream: StreamName;
  readonly subject: string;
  /** Sequence to start from: that of the last frame the owner has read. */
  readonly lastSequence: number;
  /** Prefix of Nats-Msg-Ids, unique to this appender for ever: it recognises its own frames by them. */
  readonly writerId: string;
  readonly giveUpMs: number;
  /** A simulation brings its own. */
  readonly clock?: Clock;
}

/** One publish tries so long before the subject is looked at. */
const TRY_MS = 2_000;
/** Between two looks at a stream that does not answer. */
const PAUSE_MS = 100;

export function openAppender(options: AppenderOptions): Appender {
  const { client, clock = SYSTEM_CLOCK, stream, subject, writerId, giveUpMs } = options;
  let last = options.lastSequence;
  let counter = 0;
  let dead = false;
  let busy = false;

  async function append(frame: Uint8Array): Promise<number> {
    assert(!busy, "one append at a time");
    if (dead) throw new FloeError("stream.fenced", { subject, problem: "this appender is dead" });
    busy = true;
    counter += 1;
    try {
      last = await appendAs(`${writerId}-${counter}`, frame, clock.monotonicMs() + giveUpMs);
      return last;
    } catch (error) {
      // A full stream took nothing for sure; after anything else only the log knows what is true.
      if (!isFloeError(error, "stream.full")) dead = true;
      throw error;
    } finally {
      busy = false;
    }
  }

  async function appendAs(id: string, frame: Uint8Array, endMs: number): Promise<number> {
    let unsure = false;
    for (;;) {
      const restMs = endMs - clock.monotonicMs();
      if (restMs <= 0) throw new FloeError("stream.unavailable", { subject, giveUpMs });
      try {
        const timeoutMs = Math.min(TRY_MS, restMs);
        const ack = await client.publish(subject, frame, { id, expectedLast: last, timeoutMs });
        if (!ack.duplicate) return ack.sequence;
      } catch (error) {
        if (!isFloeError(error, "stream.fenced", "stream.unavailable", "stream.full")) throw error;
        // "Full" says nothing of an earlier try of unknown outcome.
        if (error.code === "stream.full" && !unsure) throw error;
        unsure ||= error.code === "stream.unavailable";
      }
      const found = await look(endMs);
      if (found?.id === id) return found.sequence;
      if ((found?.sequence ?? 0) !== last) {
        const details = { subject, expected: last, found: found?.sequence ?? 0 };
        throw new FloeError("stream.fenced", details);
      }
      // What it was fenced on is still the last: the try did not arrive, or not yet.
      await sleep(clock, PAUSE_MS);
    }
  }

  /** The subject's last frame, from the leader. */
  async function look(endMs: number): Promise<StoredMessage | undefined> {
    for (;;) {
      try {
        return await client.last(stream, subject);
      } catch (error) {
        if (!isFloeError(error, "stream.unavailable")) throw error;
        if (clock.monotonicMs() >= endMs) throw error;
        await sleep(clock, PAUSE_MS);
      }
    }
  }

  return { append, last: () => last };
}
