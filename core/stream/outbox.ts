/**
 * Outbox: natural batching, and the process's publish window and frame budget.
 *
 * Records are written into the open frame of their key. While a place in the window is free and
 * nothing waits, a record leaves at once; what comes while publishes are in flight leaves with the
 * next. When one returns, the key whose oldest record waits longest goes next, with all its records.
 */
import type { Clock } from "../clock.js";
import type { FloeError } from "../errors.js";
import type { FrameWriter } from "./frame.js";
import type { PublishAck, StreamClient } from "./stream.js";

export interface OutboxOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  /** Stage name, for metrics. */
  readonly stage: string;
  /** Frames in flight over all keys. */
  readonly window: number;
  /** Frames a second above which keys linger (their `lingerMs`); 0: they never do. */
  readonly framesPerSecond: number;
  /** Records, and bytes, that may wait or be in flight; beyond, `begin` refuses. */
  readonly recordsMax: number;
  readonly bytesMax: number;
  /** How long one frame is tried before its records fail. */
  readonly publishMsMax: number;
  /** Prefix of Nats-Msg-Ids, unique to this process for ever. */
  readonly writerId: string;
}

export interface KeyOptions {
  readonly subject: string;
  /** How long a record may wait for company while the process is above its frame budget. */
  readonly lingerMs: number;
  /** Writes the fields before the records, at the moment the frame is sealed. */
  header(writer: FrameWriter, nowMs: number): void;
}

/** Told once: `error` undefined means stored. "stream.unavailable" means: outcome unknown. */
export type Settled = (error: FloeError | undefined, ack: PublishAck | undefined) => void;

export interface OutboxKey {
  /**
   * Starts a record: field 8 is begun in the returned writer, fill in its fields and call `end`.
   * Undefined: the outbox is full, hold back. No await between `begin` and `end`.
   */
  begin(bytesHint: number): FrameWriter | undefined;
  /** The record is whole; `settled` is told the fate of its frame. `urgent`: do not linger. */
  end(settled?: Settled, urgent?: boolean): void;
}

export interface Outbox {
  /** The key of a subject; the same one for the same subject. */
  key(options: KeyOptions): OutboxKey;
  /** Records that wait or are in flight. */
  waiting(): number;
  /** Sends what waits and resolves when all of it is settled. */
  drain(): Promise<void>;
}

export declare function openOutbox(options: OutboxOptions): Outbox;
