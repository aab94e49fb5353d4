/**
 * Writer: from delivered frames to rows in ClickHouse, acked when they are there.
 *
 * In: frames, as they come. Out: flushes, one at a time; while one runs the next batch fills. When
 * both are full, frames wait unread; beyond a bound of bytes no more are asked for, and the stream
 * bounds what is unacked as well. Nothing is dropped. A crash repeats frames, in other groups
 * perhaps: rows are such that this changes nothing.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import type { Clock } from "../../core/clock.js";
import type { DeadLetters } from "../../core/dead-letters.js";
import type { Logger } from "../../core/log.js";
import { gauge } from "../../core/metrics.js";
import type { Delivery } from "../../core/stream/stream.js";
import { type Batch, clearBatch, isEmpty, newBatch } from "./batch.js";
import { openFlush } from "./flush.js";
import { type SourceName, takeFrame } from "./frames.js";
import { newWaiting } from "./waiting.js";

export interface WriterOptions {
  readonly clickhouse: ClickHouse;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a record waits for others, and how long while they keep coming. */
  readonly flushMs: number;
  readonly flushMsMax: number;
  /** Messages that make a flush before its time. */
  readonly flushRows: number;
  /** Called with true when enough frames wait unread, with false when more are welcome. */
  holdBack(full: boolean): void;
  /** Called when a flush is stored, before its frames are acked. */
  stored(hours: ReadonlySet<number>): Promise<void>;
  /** Tens of megabytes each: a simulation, which opens writers by the thousand, uses them again. */
  openBatch?(): Batch;
}

export interface Writer {
  receive(source: SourceName, delivery: Delivery): void;
  /** Whether the last insert succeeded. */
  healthy(): boolean;
  /** Flushes what is there and resolves when it is stored and acked. */
  drain(): Promise<void>;
  /** Gives up inserts that do not succeed; what is unacked comes again. */
  abandon(): void;
}

const SOURCES = ["DECISIONS", "ATTEMPTS", "USAGE"] as const;
const TURN_MS = 5;
/** Of frames that no batch has room for. What was asked for still comes, 8 MiB a stream. */
const WAITING_BYTES_MAX = 64 * 1_024 * 1_024;
/** Frames keep coming if the last one came so short a time ago, in parts of `flushMs`. */
const QUIET_PARTS = 4;

const waitingFrames = gauge("floe_cdr_frames_waiting", "Frames that no batch has room for.");

export function openWriter(options: WriterOptions): Writer {
  const { clock, log, flushMs, flushMsMax, flushRows } = options;
  const waiting = newWaiting(SOURCES);
  const { openBatch = newBatch } = options;
  let filling = openBatch();
  let spare: Batch | undefined = openBatch();
  let cancelTimer: (() => void) | undefined;
  /** The batch that fills has waited long enough. */
  let due = false;
  let filledAtMs = 0;
  let receivedAtMs = 0;
  let pumping = false;
  let full = false;
  let draining: (() => void)[] = [];
  const flusher = openFlush({
    ...options,
    *waiting() {
      yield* filling.frames;
      for (const { delivery } of waiting.all()) yield delivery;
    },
  });

  function receive(source: SourceName, delivery: Delivery): void {
    waiting.add(source, delivery);
    holdBack();
    receivedAtMs = clock.monotonicMs();
    pumpSoon();
  }

  function holdBack(): void {
    const limit = full ? WAITING_BYTES_MAX / 2 : WAITING_BYTES_MAX;
    if (waiting.bytes() > limit === full) return;
    full = !full;
    options.holdBack(full);
  }

  function pumpSoon(): void {
    if (pumping) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      pump();
    });
  }

  /** Frames into the batch that fills; a full one is flushed if none is being so. */
  function pump(): void {
    const untilMs = clock.monotonicMs() + TURN_MS;
    for (let frame = waiting.first(); frame !== undefined; frame = waiting.first()) {
      if (!takeFrame(frame, filling, log)) {
        if (!flush()) break;
        continue;
      }
      waiting.shift();
      if (filling.rows.count >= flushRows) flush();
      if (clock.monotonicMs() >= untilMs) {
        // The stream's heartbeats and the inserts' answers want to be read in between.
        pumpSoon();
        break;
      }
    }
    holdBack();
    waitingFrames.set(waiting.count());
    if (!isEmpty(filling) && cancelTimer === undefined) {
      filledAtMs = clock.monotonicMs();
      cancelTimer = clock.after(flushMs, flushOrWait);
    }
  }

  /**
   * An insert costs ClickHouse some 10 ms whatever is in it, so while frames keep coming a batch
   * waits longer: under load fewer parts, and more messages whose records meet.
   */
  function flushOrWait(): void {
    const nowMs = clock.monotonicMs();
    const quietMs = flushMs / QUIET_PARTS;
    const leftMs = filledAtMs + flushMsMax - nowMs;
    if (nowMs - receivedAtMs < quietMs && leftMs > 0) {
      cancelTimer = clock.after(Math.min(quietMs, leftMs), flushOrWait);
      return;
    }
    // A flush that runs begins the next one itself when it ends.
    due = true;
    flush();
  }

  /** Begins to write the batch that fills. @returns false if one is being written. */
  function flush(): boolean {
    if (spare === undefined) return false;
    cancelTimer?.();
    cancelTimer = undefined;
    due = false;
    const batch = filling;
    filling = spare;
    spare = undefined;
    void flusher.write(batch).then(() => {
      clearBatch(batch);
      spare = batch;
      pump();
      if (isEmpty(filling) && waiting.count() === 0) for (const done of draining.splice(0)) done();
      else if (due || draining.length > 0 || filling.rows.count >= flushRows) flush();
    });
    return true;
  }

  return {
    receive,
    healthy: flusher.healthy,
    drain() {
      if (isEmpty(filling) && waiting.count() === 0 && spare !== undefined) {
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        draining.push(resolve);
        pump();
        flush();
      });
    },
    abandon() {
      flusher.abandon();
      cancelTimer?.();
      for (const done of draining) done();
      draining = [];
    },
  };
}
