/** The writer: what is acked when, what happens while ClickHouse fails, how it holds back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ClickHouse } from "../../../core/clickhouse.js";
import { simulatedClock } from "../../../core/clock.js";
import { FloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import type { Delivery } from "../../../core/stream/stream.js";
import { openWriter, type Writer } from "../../../services/cdr/writer.js";
import { keyOf, OURS, verdictOf } from "./kit.js";

const test = suite("writer of cdr");
const T0 = Date.UTC(2026, 10, 24);

interface Bench {
  readonly clock: ReturnType<typeof simulatedClock>;
  readonly writer: Writer;
  /** Tables of inserts, in order. */
  readonly inserts: string[];
  readonly events: string[];
  /** Sequences of frames that were acked, or kept alive. */
  readonly acked: number[];
  readonly kept: number[];
  /** Letters, as often as they were to be buried. */
  readonly buried: string[];
  readonly held: boolean[];
  /** Whether inserts succeed, fail, or wait for `release`. */
  mode: "good" | "failing" | "waiting" | "unburied";
  release(): void;
  /** A frame with the verdicts of messages `from` on, and ballast that nobody reads. */
  give(from: number, count?: number, ballastBytes?: number): void;
  /** A frame that nobody can read. */
  giveBroken(): void;
}

function openBench(): Bench {
  const clock = simulatedClock(T0);
  const waiting: (() => void)[] = [];
  let sequence = 0;
  const clickhouse = {
    async insertNative(table: string) {
      bench.inserts.push(table);
      if (bench.mode === "failing") throw new FloeError("clickhouse.unavailable");
      if (bench.mode === "waiting") await new Promise<void>((go) => waiting.push(go));
    },
  } as Partial<ClickHouse> as ClickHouse;
  const writer = openWriter({
    clickhouse,
    dead: {
      async bury({ sequence, record }) {
        bench.buried.push(`${sequence}/${record}`);
        if (bench.mode === "unburied") throw new FloeError("stream.full");
        bench.events.push("buried");
      },
    },
    clock,
    log: SILENT,
    flushMs: 1_000,
    flushMsMax: 3_000,
    flushRows: 50_000,
    holdBack: (full) => void bench.held.push(full),
    async stored(hours) {
      bench.events.push(`stored ${[...hours].length}`);
    },
  });
  const bench: Bench = {
    clock,
    writer,
    inserts: [],
    events: [],
    acked: [],
    buried: [],
    kept: [],
    held: [],
    mode: "good",
    release: () => {
      for (const go of waiting.splice(0)) go();
    },
    giveBroken: () => receive(new Uint8Array([0x42, 0x7f])),
    give(from, count = 1, ballastBytes = 0) {
      const keys = Array.from({ length: count }, (_, index) => keyOf(from + index, T0));
      const frame = OURS.decisions(
        keys.map((key) => verdictOf(key)),
        [],
      );
      // Field 15, length delimited, of that many zeros.
      const length = [0x7a, ...varint(ballastBytes)];
      const data = Buffer.concat([frame, Buffer.from(length), Buffer.alloc(ballastBytes)]);
      receive(new Uint8Array(data));
    },
  };
  function receive(data: Uint8Array): void {
    sequence += 1;
    const number = sequence;
    writer.receive("DECISIONS", {
      data,
      sequence: number,
      subject: "decision.0",
      storedAtMs: number,
      ack() {
        bench.acked.push(number);
        bench.events.push("ack");
      },
      async working() {
        bench.kept.push(number);
      },
    } as Partial<Delivery> as Delivery);
  }
  return bench;
}

function varint(value: number): number[] {
  const octets: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...octets, rest];
    octets.push((rest & 127) | 128);
  }
}

test("acks a frame when its rows are stored and its hours are noted, not before", async () => {
  const bench = openBench();
  bench.mode = "waiting";
  bench.give(1);
  await bench.clock.advance(1_100);
  assert.equal(bench.inserts, ["cdr_rows"]);
  assert.equal(bench.events, []);
  bench.release();
  await bench.clock.advance(10);
  assert.equal(bench.events, ["stored 1", "ack"]);
});

test("acks a frame that nobody can read when it is buried, not before", async () => {
  const bench = openBench();
  bench.mode = "unburied";
  bench.giveBroken();
  await bench.clock.advance(5_000);
  assert.equal(bench.acked, []);
  bench.mode = "good";
  assert.ok(await bench.clock.until(() => bench.acked.length === 1, 20_000));
  assert.is(bench.events.at(-1), "ack");
  assert.ok(bench.buried.length > 1 && bench.buried.includes("1/0"));
});

test("tries a failing insert again, acks nothing meanwhile and keeps frames alive", async () => {
  const bench = openBench();
  bench.mode = "failing";
  bench.give(1);
  await bench.clock.advance(45_000);
  bench.give(2);
  await bench.clock.advance(15_000);
  assert.ok(bench.inserts.length > 5 && bench.inserts.length < 20);
  assert.equal(bench.acked, []);
  assert.not.ok(bench.writer.healthy());
  assert.ok(bench.kept.includes(1) && bench.kept.includes(2));
  bench.mode = "good";
  assert.ok(await bench.clock.until(() => bench.acked.length === 2, 20_000));
  assert.equal(bench.acked, [1, 2]);
  assert.ok(bench.writer.healthy());
});

test("flushes a second after the first record, or later while more keep coming", async () => {
  const bench = openBench();
  bench.give(1);
  assert.ok(await bench.clock.until(() => bench.acked.length === 1, 1_050));
  for (let number = 2; number < 22; number += 1) {
    bench.give(number);
    await bench.clock.advance(100);
  }
  assert.is(bench.acked.length, 1);
  assert.ok(await bench.clock.until(() => bench.acked.length === 21, 600));
  // And never later than three seconds.
  let lastAtMs = bench.clock.monotonicMs();
  for (let number = 100; number < 200; number += 1) {
    bench.give(number);
    const before = bench.acked.length;
    await bench.clock.advance(100);
    if (bench.acked.length > before) lastAtMs = bench.clock.monotonicMs();
    assert.ok(bench.clock.monotonicMs() - lastAtMs <= 3_200);
  }
});

test("flushes at once when there are rows enough", async () => {
  const bench = openBench();
  for (let from = 0; from < 50_000; from += 1_000) bench.give(from, 1_000);
  assert.ok(await bench.clock.until(() => bench.acked.length === 50, 500));
});

test("holds back when frames wait unread, and asks for more when they are read", async () => {
  const bench = openBench();
  bench.mode = "waiting";
  // Two batches are full: one is being written.
  for (let from = 0; from < 130_000; from += 1_000) bench.give(from, 1_000);
  await bench.clock.advance(100);
  assert.equal(bench.held, []);
  for (let number = 0; number < 9; number += 1) bench.give(200_000 + number, 1, 8 * 2 ** 20);
  assert.equal(bench.held, [true]);
  bench.mode = "good";
  bench.release();
  assert.ok(await bench.clock.until(() => bench.acked.length === 139, 10_000));
  assert.equal(bench.held, [true, false]);
});

test("drains at a stop, and can be told to give up", async () => {
  const good = openBench();
  good.give(1);
  let drained = false;
  void good.writer.drain().then(() => {
    drained = true;
  });
  assert.ok(await good.clock.until(() => drained, 2_000));
  assert.equal(good.acked, [1]);

  const failing = openBench();
  failing.mode = "failing";
  failing.give(1);
  drained = false;
  void failing.writer.drain().then(() => {
    drained = true;
  });
  await failing.clock.advance(5_000);
  assert.not.ok(drained);
  failing.writer.abandon();
  assert.ok(await failing.clock.until(() => drained, 20_000));
  assert.equal(failing.acked, []);
});

test.run();
