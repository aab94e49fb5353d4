/**
 * Attempts of a partition that were read and are not settled yet: frames in order, bounded.
 *
 * They are settled within a turn, after its verdicts, so that the order in which the state changes
 * is the order of the log.
 */

import type { Clock } from "../../core/clock.js";
import { FRAME_RECORDS_MAX, SETTLE_LINGER_MS } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { droppedTotal, framesTotal } from "../../core/metrics.js";
import type { FrameWriter } from "../../core/stream/frame.js";
import type { Consumption, StoredMessage, StreamClient } from "../../core/stream/stream.js";
import { attemptsOfPartition } from "../../core/subjects.js";
import { settleFrame } from "./settle.js";
import type { Shares } from "./shares.js";
import type { PartitionState } from "./state.js";

const framesIn = framesTotal.labels("ATTEMPTS", "in");

export interface Attempts {
  /** Reads from behind what the state reflects. */
  start(): Promise<void>;
  /** Frames that wait, and since when (monotonic) the oldest does. */
  waiting(): number;
  sinceMs(): number;
  /** Whether they have waited long enough to be settled without company. */
  due(nowMs: number): boolean;
  /** Settles frames until 1,000 settlements are written. Returns how many were. */
  settle(writer: FrameWriter): number;
  stop(): Promise<void>;
}

export interface AttemptsOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly partition: number;
  readonly state: PartitionState;
  /** What waits at carriers. */
  readonly shares: Shares;
  arrived(): void;
}

/** Frames that wait: beyond the first, reading pauses; below the second it goes on. */
const WAITING_MAX = 64;
const WAITING_LOW = 32;
/** Frames of one turn: what they bring may be nothing, and a turn must end. */
const TURN_FRAMES_MAX = 32;
/** As many as this are not kept waiting for company. */
const FULL = 8;

export function openAttempts(options: AttemptsOptions): Attempts {
  const { client, clock, log, partition, state, shares } = options;
  let queue: StoredMessage[] = [];
  let sinceMs = 0;
  let reading: Consumption | undefined;
  let paused = false;

  function receive(message: StoredMessage): void {
    framesIn.inc();
    if (queue.length === 0) sinceMs = clock.monotonicMs();
    queue.push(message);
    if (queue.length >= WAITING_MAX && !paused) {
      paused = true;
      reading?.pause();
    }
    options.arrived();
  }

  function settle(writer: FrameWriter): number {
    let count = 0;
    let taken = 0;
    while (taken < queue.length && taken < TURN_FRAMES_MAX && count < FRAME_RECORDS_MAX) {
      const { data, sequence } = queue[taken]!;
      const settled = settleFrame(state, data, writer, shares);
      if (settled < 0) {
        droppedTotal.inc({ stage: "dispatch", code: "frame.malformed" });
        log.error({ stream: "ATTEMPTS", sequence }, "attempt frame cannot be read to its end");
      }
      count += settled < 0 ? -1 - settled : settled;
      state.attemptsThrough = sequence;
      taken += 1;
    }
    queue = queue.slice(taken);
    sinceMs = clock.monotonicMs();
    if (paused && queue.length < WAITING_LOW) {
      paused = false;
      reading?.resume();
    }
    return count;
  }

  return {
    async start() {
      const from = state.attemptsThrough + 1;
      reading = await client.read("ATTEMPTS", attemptsOfPartition(partition), from, receive);
      if (paused) reading.pause();
    },
    waiting: () => queue.length,
    sinceMs: () => sinceMs,
    due: (nowMs) =>
      queue.length >= FULL || (queue.length > 0 && nowMs - sinceMs >= SETTLE_LINGER_MS),
    settle,
    async stop() {
      await reading?.stop();
      queue = [];
    },
  };
}
