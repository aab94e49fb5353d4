/** Frames into batches: what does not fit goes on in the next, what makes no sense is passed over. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SILENT } from "../../../core/log.js";
import type { Delivery } from "../../../core/stream/stream.js";
import { clearBatch, isEmpty, newBatch } from "../../../services/cdr/batch.js";
import { openFrame, type SourceName, takeFrame } from "../../../services/cdr/frames.js";
import { ROWS_MAX } from "../../../services/cdr/rows.js";
import { newWaiting } from "../../../services/cdr/waiting.js";
import { keyOf, ORACLE, OURS, usageFrame, verdictOf } from "./kit.js";

const test = suite("frames of cdr");
const T0 = Date.UTC(2026, 10, 24);

const delivery = (data: Uint8Array, storedAtMs = 0): Delivery =>
  ({ data, storedAtMs, subject: "decision.0", sequence: 1 }) as Delivery;

const frameOf = (source: SourceName, data: Uint8Array) => openFrame(source, delivery(data));

test("goes on in the next batch where the first one was full", () => {
  const batch = newBatch();
  const perFrame = 1_000;
  const key = (number: number) => keyOf(number, T0);
  let taken = 0;
  let fulls = 0;
  let rows = 0;
  const settlement = { kind: 1, amountMicros: 1n, currency: "EUR", atMs: 1n };
  for (let number = 0; number < ROWS_MAX + 3_000; number += perFrame) {
    const keys = Array.from({ length: perFrame }, (_, index) => key(number + index));
    const frame = frameOf(
      "DECISIONS",
      OURS.decisions(
        keys.map((one) => verdictOf(one)),
        keys.map((one, index) => ({
          ...one,
          ...settlement,
          ledgerSequence: BigInt(number + index + 1),
        })),
      ),
    );
    while (!takeFrame(frame, batch, SILENT)) {
      fulls += 1;
      rows += batch.rows.count;
      taken += batch.entries.count;
      clearBatch(batch);
    }
  }
  rows += batch.rows.count;
  taken += batch.entries.count;
  assert.is(fulls, 1);
  assert.is(taken, ROWS_MAX + 3_000);
  // Verdict and settlement of at most one frame's messages came apart.
  assert.ok(rows >= taken && rows <= taken + perFrame);
  assert.is(batch.frames.length, 3 + 1);
});

test("reads records of other writers as it reads ours", () => {
  const read = (encoder: typeof OURS) => {
    const batch = newBatch();
    const key = keyOf(7, T0);
    const verdict = verdictOf(key, { reason: 0, tags: [{ key: "a", value: "b" }] });
    const settlement = { ...key, kind: 2, amountMicros: 5n, ledgerSequence: 3n, atMs: 9n };
    const attempt = { ...key, kind: 5, state: 11, atMs: 77n, carrierIds: ["x", "y"] };
    assert.ok(
      takeFrame(frameOf("DECISIONS", encoder.decisions([verdict], [settlement])), batch, SILENT),
    );
    assert.ok(takeFrame(frameOf("ATTEMPTS", encoder.attempts("c", 1, [attempt])), batch, SILENT));
    const { slots: _, arena, ...rows } = batch.rows;
    return { rows, arena: arena.bytes.slice(0, arena.at), count: batch.attempts.count };
  };
  const ours = read(OURS);
  const oracle = read(ORACLE);
  assert.is(ours.count, 2);
  assert.equal(Buffer.from(ours.arena), Buffer.from(oracle.arena));
  for (const [name, values] of Object.entries(ours.rows)) {
    if (!ArrayBuffer.isView(values)) continue;
    const other = (oracle.rows as unknown as Record<string, Uint8Array>)[name]!;
    assert.is(Buffer.compare(bytesOf(values), bytesOf(other)), 0, name);
  }
});

const bytesOf = (view: ArrayBufferView) =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

test("passes over what makes no sense, whatever it is", () => {
  const batch = newBatch();
  const key = keyOf(1, T0);
  const wrong: readonly Uint8Array[] = [
    Buffer.from("no frame at all"),
    OURS.decisions(
      [{ state: 3 }, verdictOf(key, { state: 12 }), verdictOf(key, { reason: 256 })],
      [],
    ),
    OURS.decisions([verdictOf(key, { expiresAtMs: key.acceptedAtMs - 1n })], []),
    OURS.decisions([verdictOf({ ...key, acceptedAtMs: 0n })], []),
    OURS.decisions(
      [],
      [
        { ...key, kind: 1 },
        { ...key, kind: 9, ledgerSequence: 1n },
      ],
    ),
  ];
  for (const data of wrong) assert.ok(takeFrame(frameOf("DECISIONS", data), batch, SILENT));
  const attempts = [
    { kind: 2 },
    { ...key, kind: 0 },
    { ...key, kind: 5, state: 0 },
    { ...key, kind: 5, state: 12 },
    { ...key, kind: 2, hop: 70_000 },
  ];
  assert.ok(takeFrame(frameOf("ATTEMPTS", OURS.attempts("c", 1, attempts)), batch, SILENT));
  assert.ok(takeFrame(frameOf("USAGE", usageFrame([{ account: 1 }])), batch, SILENT));
  assert.is(batch.rows.count + batch.attempts.count + batch.entries.count + batch.calls.count, 0);
  // They are acked all the same, with the rest.
  assert.is(batch.frames.length, wrong.length + 2);
  assert.not.ok(isEmpty(batch));
});

test("keeps whole records in front of a fault", () => {
  const batch = newBatch();
  const whole = OURS.decisions([verdictOf(keyOf(1, T0)), verdictOf(keyOf(2, T0))], []);
  for (let cut = 1; cut < whole.length; cut += 1) {
    assert.ok(takeFrame(frameOf("DECISIONS", whole.subarray(0, cut)), batch, SILENT));
    assert.ok(batch.rows.count <= 2);
    clearBatch(batch);
  }
});

test("makes rows of a message of several parts, one for each id that the carrier gave", () => {
  const batch = newBatch();
  const record = { ...keyOf(1, T0), kind: 2, state: 4, carrierIds: ["a", "", "c"] };
  assert.ok(takeFrame(frameOf("ATTEMPTS", ORACLE.attempts("c", 1, [record])), batch, SILENT));
  assert.is(batch.attempts.count, 2);
  assert.equal([...batch.attempts.part.subarray(0, 2)], [1, 3]);
});

test("takes intents and passing refusals as events that say nothing of the message", () => {
  const batch = newBatch();
  const records = [
    { ...keyOf(1, T0), kind: 1 },
    { ...keyOf(2, T0), kind: 3, error: 8, nextCarrier: "b" },
    { kind: 7 },
  ];
  assert.ok(takeFrame(frameOf("ATTEMPTS", OURS.attempts("c", 1, records)), batch, SILENT));
  assert.is(batch.attempts.count, 2);
  assert.is(batch.rows.count, 0);
});

test("gives the frame that was stored first, whatever its stream", () => {
  const waiting = newWaiting(["DECISIONS", "ATTEMPTS"]);
  const add = (source: SourceName, storedAtMs: number) =>
    waiting.add(source, delivery(new Uint8Array(10), storedAtMs));
  for (const at of [3, 4, 9]) add("ATTEMPTS", at);
  for (const at of [1, 5]) add("DECISIONS", at);
  assert.equal([waiting.count(), waiting.bytes()], [5, 50]);
  const order: number[] = [];
  for (let frame = waiting.first(); frame !== undefined; frame = waiting.first()) {
    // Asked twice it is the same one. What comes again stands behind its stream's others.
    if (order.length === 1) add("DECISIONS", 2);
    assert.is(waiting.first(), frame);
    order.push(frame.delivery.storedAtMs);
    // A frame that was taken has let go of its data.
    Object.assign(frame.delivery, { data: new Uint8Array(0) });
    waiting.shift();
  }
  assert.equal(order, [1, 3, 4, 5, 2, 9]);
  assert.equal([waiting.count(), waiting.bytes()], [0, 0]);
});

test.run();
