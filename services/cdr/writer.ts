/**
 * Writer: from delivered frames to rows in ClickHouse, acked when they are there.
 *
 * In: frames, as they come. Out: inserts of one block per table, at most one flush at a time; while
 * it runs the next batch fills. When both are full, frames wait unread and the stream holds back by
 * itself (outstanding frames are bounded). A failing insert is tried again for as long as it takes,
 * nothing is dropped, and the frames that wait for it are kept alive. A crash repeats frames, in
 * other groups perhaps: rows are such that this changes nothing.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import { type Clock, sleep } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import { ACK_WAIT_MS } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { counter, gauge, histogram } from "../../core/metrics.js";
import type { Delivery } from "../../core/stream/stream.js";
import {
  type Batch,
  blocksOf,
  clearBatch,
  isEmpty,
  newBatch,
  rowsOf,
  type TableBlock,
} from "./batch.js";
import { type SourceName, takeFrame } from "./frames.js";
import { newTextColumns } from "./rows.js";
import { newWaiting } from "./waiting.js";

export interface WriterOptions {
  readonly clickhouse: ClickHouse;
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
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 10_000;
const WORKING_MS = ACK_WAIT_MS / 3;

const rowsTotal = counter("floe_cdr_rows_total", "Rows written to ClickHouse.", ["table"]);
const flushesTotal = counter("floe_cdr_flushes_total", "Flushes, by what came of them.", [
  "result",
]);
const waitingFrames = gauge("floe_cdr_frames_waiting", "Frames that no batch has room for.");
const flushSeconds = histogram(
  "floe_cdr_flush_seconds",
  "From flush to ack.",
  [0.01, 0.03, 0.1, 0.3, 1, 3, 10],
);

export function openWriter(options: WriterOptions): Writer {
  const { clickhouse, clock, log, flushMs, flushMsMax, flushRows } = options;
  const texts = newTextColumns();
  const waiting = newWaiting(SOURCES);
  let filling = newBatch();
  let spare: Batch | undefined = newBatch();
  let flushing: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  /** The batch that fills has waited long enough. */
  let due = false;
  let filledAtMs = 0;
  let receivedAtMs = 0;
  let pumping = false;
  let full = false;
  let failures = 0;
  let abandoned = false;
  let draining: (() => void)[] = [];

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
    if (flushing !== undefined || spare === undefined) return false;
    cancelTimer?.();
    cancelTimer = undefined;
    due = false;
    const batch = filling;
    filling = spare;
    spare = undefined;
    flushing = write(batch).then(() => {
      clearBatch(batch);
      spare = batch;
      flushing = undefined;
      pump();
      if (isEmpty(filling)) for (const done of draining.splice(0)) done();
      else if (due || draining.length > 0 || filling.rows.count >= flushRows) flush();
    });
    return true;
  }

  async function write(batch: Batch): Promise<void> {
    const startedMs = clock.monotonicMs();
    const stopKeeping = keepAlive(batch.frames);
    try {
      const blocks = blocksOf(batch, texts);
      await Promise.all(blocks.map(insert));
      if (abandoned) return;
      await untilDone(() => options.stored(batch.hours), "hours");
      if (abandoned) return;
      for (const frame of batch.frames) frame.ack();
      for (const { table, rows } of blocks) rowsTotal.inc({ table }, rows);
      flushesTotal.inc({ result: "stored" });
      flushSeconds.observe((clock.monotonicMs() - startedMs) / 1_000);
      log.debug({ rows: rowsOf(batch), frames: batch.frames.length }, "flushed");
    } finally {
      stopKeeping();
    }
  }

  function insert({ table, columns, parts }: TableBlock): Promise<void> {
    return untilDone(() => clickhouse.insertNative(table, columns, parts), table);
  }

  /** Tries until it succeeds or the writer is abandoned. */
  async function untilDone(act: () => Promise<void>, what: string): Promise<void> {
    for (let pauseMs = RETRY_MS_MIN; !abandoned; pauseMs = Math.min(2 * pauseMs, RETRY_MS_MAX)) {
      try {
        await act();
        failures = 0;
        return;
      } catch (err) {
        if (!isFloeError(err, "clickhouse.failed", "clickhouse.unavailable")) throw err;
        failures += 1;
        flushesTotal.inc({ result: "failed" });
        log.warn({ err, table: what, pauseMs }, "insert failed, will be tried again");
        await sleep(clock, pauseMs);
      }
    }
  }

  /** Starts the ack wait of frames anew from time to time. @returns what ends that. */
  function keepAlive(frames: readonly Delivery[]): () => void {
    let cancel: () => void;
    const again = (): void => {
      for (const frame of [...frames, ...filling.frames]) frame.working().catch(() => {});
      for (const { delivery } of waiting.all()) delivery.working().catch(() => {});
      cancel = clock.after(WORKING_MS, again);
    };
    cancel = clock.after(WORKING_MS, again);
    return () => cancel();
  }

  return {
    receive,
    healthy: () => failures === 0,
    drain() {
      if (isEmpty(filling) && waiting.count() === 0 && flushing === undefined) {
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        draining.push(resolve);
        flush();
      });
    },
    abandon() {
      abandoned = true;
      cancelTimer?.();
      for (const done of draining) done();
      draining = [];
    },
  };
}
