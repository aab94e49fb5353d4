/**
 * Fenced append: one writer's log on one subject.
 *
 * Each frame is published with the sequence of the one before it. A refusal, a time-out or a
 * "duplicate" may be the echo of one's own earlier try, so then the subject's last frame is read:
 * it is this one, the append succeeded; it is the one it was fenced on, publish again (same id);
 * it is anything else, somebody else owns the partition: "stream.fenced", stop.
 */

import type { StreamName } from "../subjects.js";
import type { StreamClient } from "./stream.js";

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
}

export declare function openAppender(options: AppenderOptions): Appender;
