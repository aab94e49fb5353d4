/**
 * Cold: receipts of messages that no connector remembers, joined against ClickHouse in batches.
 *
 * In: frames of RECEIPTS. Out: RECEIPT attempts, as a connector writes them; rows in
 * `orphan_receipts` for what cannot be placed. A frame is acknowledged when all of it is durable, and
 * where a long message is left open, when ClickHouse shows its part (wholes.ts). While ClickHouse is
 * away frames go back to the stream and wait there.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import type { Clock } from "../../core/clock.js";
import { buryFrame, type DeadLetters } from "../../core/dead-letters.js";
import { FloeError, isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { counter, droppedTotal, framesTotal, recordsTotal } from "../../core/metrics.js";
import type { PartRule } from "../../core/part-merge.js";
import type { Delivery, StreamClient } from "../../core/stream/stream.js";
import { findSubmissions } from "./find.js";
import { keepOrphans } from "./orphans.js";
import { type ColdReceipt, type Placed, readReceipts } from "./receipt.js";
import { firstRecord, publishReceipts, type ReceiptRecord } from "./record.js";
import { lookAtWholes } from "./wholes.js";

export interface ColdOptions {
  readonly clickhouse: ClickHouse;
  readonly client: StreamClient;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly log: Logger;
  readonly processId: string;
  readonly mergeMs: number;
  partitions(): number | undefined;
  ruleOf(carrier: string): PartRule;
}

export interface Cold {
  receive(delivery: Delivery): void;
  /**
   * Places what it can of these, as if they had just come. Resolves with those of which all is
   * durable: a long message's are among those of a later call, when it was looked at.
   */
  place(receipts: readonly ColdReceipt[]): Promise<readonly Placed[]>;
  /** Resolves when nothing is under way; what is not done comes again. */
  stop(): Promise<void>;
}

/** A frame in work: acknowledged when nothing of it is open. */
interface Work {
  readonly delivery: Delivery;
  readonly receipts: readonly ColdReceipt[];
  readonly sinceMs: number;
  open: number;
}

const BATCH_RECORDS_MAX = 2_000;
/** Between a failure of ClickHouse or the stream and the next try. */
const AGAIN_MS = 5_000;
/** The ack wait is started anew so often while a long message is open. */
const WORKING_MS = 10_000;
/** A part that ClickHouse does not show by then begins anew. */
const OPEN_MS_MAX = 600_000;

const coldTotal = counter(
  "floe_receipts_cold_total",
  "Receipts of old messages, by what they met.",
  ["carrier", "result"],
);
const framesIn = framesTotal.labels("RECEIPTS", "in");
const recordsIn = recordsTotal.labels("RECEIPTS", "in");

export function openCold(options: ColdOptions): Cold {
  const { clickhouse, client, clock, log, processId } = options;
  let queue: Delivery[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;
  /** Parts whose message is open, with the frame that waits for them; none: an orphan's. */
  let open: {
    readonly placed: Placed;
    readonly work: Work | undefined;
    readonly sinceMs: number;
  }[] = [];
  /** Orphans among them whose message was looked at since `place` was called last. */
  let finished: Placed[] = [];
  let workingAtMs = 0;
  let cancelLook: (() => void) | undefined;
  let looking: Promise<void> | undefined;

  function wake(): void {
    if (running !== undefined || stopped || queue.length === 0) return;
    running = run().finally(() => {
      running = undefined;
      wake();
    });
  }

  async function run(): Promise<void> {
    while (queue.length > 0 && !stopped) {
      const batch = takeBatch();
      try {
        await join(batch);
      } catch (err) {
        if (!isFloeError(err)) throw err;
        log.warn({ err, frames: batch.length }, "receipts cannot be joined now, they come again");
        for (const { delivery } of batch) delivery.nak(AGAIN_MS);
      }
    }
  }

  function takeBatch(): Work[] {
    const batch: Work[] = [];
    let records = 0;
    let taken = 0;
    for (const delivery of queue) {
      if (records >= BATCH_RECORDS_MAX) break;
      taken += 1;
      framesIn.inc();
      const receipts = read(delivery);
      if (receipts === undefined) continue;
      recordsIn.inc(receipts.length);
      records += receipts.length;
      batch.push({ delivery, receipts, sinceMs: clock.monotonicMs(), open: 0 });
    }
    queue = queue.slice(taken);
    return batch;
  }

  function read(delivery: Delivery): readonly ColdReceipt[] | undefined {
    try {
      return readReceipts(delivery.data);
    } catch {
      droppedTotal.inc({ stage: "receipts", code: "frame.malformed" });
      void buryFrame(options.dead, "RECEIPTS", delivery, log);
      return undefined;
    }
  }

  async function join(batch: readonly Work[]): Promise<void> {
    const receipts = batch.flatMap((work) => work.receipts);
    const found = await findAll(receipts);
    const orphans = receipts.filter((_, at) => found[at] === undefined);
    await publish(found.flatMap((placed) => (placed === undefined ? [] : [firstRecord(placed)])));
    await keepOrphans(clickhouse, orphans, clock.nowMs());
    count(receipts, found);
    let at = 0;
    for (const work of batch) {
      for (let index = 0; index < work.receipts.length; index += 1) {
        const placed = found[at + index];
        if (placed !== undefined && placed.parts > 1) wait(placed, work);
      }
      at += work.receipts.length;
      if (work.open === 0) work.delivery.ack();
    }
  }

  /** In the order of the receipts. */
  async function findAll(
    receipts: readonly ColdReceipt[],
  ): Promise<readonly (Placed | undefined)[]> {
    const found: (Placed | undefined)[] = new Array(receipts.length).fill(undefined);
    const byCarrier = new Map<string, number[]>();
    for (const [at, { carrier }] of receipts.entries()) {
      const places = byCarrier.get(carrier);
      if (places === undefined) byCarrier.set(carrier, [at]);
      else places.push(at);
    }
    for (const places of byCarrier.values()) {
      const ours = places.map((at) => receipts[at]!);
      const answers = await findSubmissions(clickhouse, ours);
      for (const [index, at] of places.entries()) found[at] = answers[index];
    }
    return found;
  }

  async function publish(records: readonly ReceiptRecord[]): Promise<void> {
    if (records.length === 0) return;
    const partitions = options.partitions();
    if (partitions === undefined)
      throw new FloeError("stream.unavailable", { entry: "partitions" });
    await publishReceipts(records, { client, processId, partitions, nowMs: clock.nowMs() });
  }

  function count(receipts: readonly ColdReceipt[], found: readonly (Placed | undefined)[]): void {
    for (const [at, { carrier }] of receipts.entries()) {
      coldTotal.inc({ carrier, result: found[at] === undefined ? "orphan" : "joined" });
    }
  }

  // ---- long messages

  function wait(placed: Placed, work: Work | undefined): void {
    open.push({ placed, work, sinceMs: clock.monotonicMs() });
    if (work !== undefined) work.open += 1;
    lookSoon();
  }

  function lookSoon(): void {
    if (stopped || open.length === 0) return;
    cancelLook ??= clock.after(options.mergeMs, () => {
      looking = look()
        .catch((err: unknown) => {
          if (!isFloeError(err)) throw err;
          log.warn({ err }, "long messages cannot be decided now");
        })
        .finally(() => {
          cancelLook = undefined;
          lookSoon();
        });
    });
  }

  async function look(): Promise<void> {
    const nowMs = clock.monotonicMs();
    keepWorking(nowMs);
    const wanted = open.map(({ placed }) => placed);
    const { seen, decided } = await lookAtWholes(clickhouse, wanted, options.ruleOf);
    await publish(decided);
    const done = new Set(seen);
    const waiting = open;
    open = [];
    for (const one of waiting) {
      const { placed, work, sinceMs } = one;
      if (!done.has(placed) && nowMs - sinceMs < OPEN_MS_MAX) {
        open.push(one);
        continue;
      }
      if (work === undefined) {
        if (done.has(placed)) finished.push(placed);
        continue;
      }
      work.open -= 1;
      if (!done.has(placed)) {
        // Its frame comes again as a whole; what was recorded is recorded again, which changes nothing.
        work.open = Number.NaN;
        work.delivery.nak(AGAIN_MS);
      } else if (work.open === 0) work.delivery.ack();
    }
  }

  function keepWorking(nowMs: number): void {
    if (nowMs - workingAtMs < WORKING_MS) return;
    workingAtMs = nowMs;
    for (const delivery of new Set(open.flatMap(({ work }) => work?.delivery ?? []))) {
      delivery.working().catch((err: unknown) => {
        log.debug({ err, sequence: delivery.sequence }, "ack wait was not started anew");
      });
    }
  }

  return {
    receive(delivery) {
      queue.push(delivery);
      wake();
    },
    async place(receipts) {
      const found = await findAll(receipts);
      const placed = found.filter((one) => one !== undefined);
      await publish(placed.map(firstRecord));
      const waiting = new Set(open.map((one) => keyOf(one.placed)));
      for (const one of placed) {
        if (one.parts > 1 && !waiting.has(keyOf(one))) wait(one, undefined);
      }
      const looked = finished;
      finished = [];
      return [...placed.filter(({ parts }) => parts < 2), ...looked];
    },
    async stop() {
      stopped = true;
      cancelLook?.();
      await running;
      await looking;
    },
  };
}

function keyOf({ receipt }: Placed): string {
  return `${receipt.carrier}/${receipt.carrierId}/${receipt.atMs}/${receipt.state}`;
}
