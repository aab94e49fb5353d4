/**
 * Flush: one batch into ClickHouse, for as long as it takes, then its frames' acks.
 *
 * All tables' blocks go at once; what fails is tried again with a growing pause, and only that. While
 * it lasts every frame that waits for it is kept alive, so that the stream hands none of them out
 * again.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import { type Clock, sleep } from "../../core/clock.js";
import type { DeadLetters } from "../../core/dead-letters.js";
import { isFloeError } from "../../core/errors.js";
import { ACK_WAIT_MS } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { counter, histogram } from "../../core/metrics.js";
import type { Delivery } from "../../core/stream/stream.js";
import { type Batch, blocksOf, rowsOf, type TableBlock } from "./batch.js";
import { newTextColumns } from "./rows.js";

export interface FlushOptions {
  readonly clickhouse: ClickHouse;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when a batch is stored, before its frames are acked. */
  stored(hours: ReadonlySet<number>): Promise<void>;
  /** Frames that wait beside those of the batch. */
  waiting(): Iterable<Delivery>;
}

export interface Flush {
  /** Stores a batch and acks its frames. Resolves without that only when abandoned. */
  write(batch: Batch): Promise<void>;
  /** Whether the last try succeeded. */
  healthy(): boolean;
  /** Tries nothing again; what is unacked comes again by itself. */
  abandon(): void;
}

/** What time may mend: of ClickHouse, and of the stream that dead letters go to. */
const PASSING = [
  "clickhouse.failed",
  "clickhouse.unavailable",
  "stream.unavailable",
  "stream.full",
] as const;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 10_000;
const WORKING_MS = ACK_WAIT_MS / 3;

const rowsTotal = counter("floe_cdr_rows_total", "Rows written to ClickHouse.", ["table"]);
const flushesTotal = counter("floe_cdr_flushes_total", "Flushes, by what came of them.", [
  "result",
]);
const flushSeconds = histogram(
  "floe_cdr_flush_seconds",
  "From flush to ack.",
  [0.01, 0.03, 0.1, 0.3, 1, 3, 10],
);

export function openFlush(options: FlushOptions): Flush {
  const { clickhouse, dead, clock, log } = options;
  const texts = newTextColumns();
  let failures = 0;
  let abandoned = false;

  async function write(batch: Batch): Promise<void> {
    const startedMs = clock.monotonicMs();
    const stopKeeping = keepAlive(batch.frames);
    try {
      const blocks = blocksOf(batch, texts);
      await Promise.all(blocks.map(insert));
      await untilDone(() => options.stored(batch.hours), "hours");
      for (const letter of batch.letters) await untilDone(() => dead.bury(letter), "dead letters");
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

  async function untilDone(act: () => Promise<void>, what: string): Promise<void> {
    for (let pauseMs = RETRY_MS_MIN; !abandoned; pauseMs = Math.min(2 * pauseMs, RETRY_MS_MAX)) {
      try {
        await act();
        failures = 0;
        return;
      } catch (err) {
        if (!isFloeError(err, ...PASSING)) throw err;
        failures += 1;
        flushesTotal.inc({ result: "failed" });
        log.warn({ err, table: what, pauseMs }, "a write failed, will be tried again");
        await sleep(clock, pauseMs);
      }
    }
  }

  /** Starts the ack wait of frames anew from time to time. @returns what ends that. */
  function keepAlive(frames: readonly Delivery[]): () => void {
    let cancel: () => void;
    const again = (): void => {
      // One that is not heard comes again, which changes nothing.
      for (const frame of [...frames, ...options.waiting()]) frame.working().catch(() => {});
      cancel = clock.after(WORKING_MS, again);
    };
    cancel = clock.after(WORKING_MS, again);
    return () => cancel();
  }

  return {
    write,
    healthy: () => failures === 0,
    abandon() {
      abandoned = true;
    },
  };
}
