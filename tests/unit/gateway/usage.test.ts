/** Unit tests of usage records: none is lost in silence. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../core/clock.js";
import { SILENT } from "../../../core/log.js";
import { UsageFrame } from "../../../core/proto/floe/v1/frames.js";
import { openOutbox } from "../../../core/stream/outbox.js";
import { openIdentity } from "../../../services/gateway/identity.js";
import { type CallFacts, openUsage } from "../../../services/gateway/usage.js";
import { openFakeStream } from "./fake-stream.js";

const usage = suite("usage");

const START_MS = 1_800_000_000_000;
const FACTS: CallFacts = {
  atMs: START_MS,
  account: 7,
  keyId: "abcdefgh",
  method: "SendBatch",
  peer: "10.0.0.1",
  accepted: 99,
  refused: 1,
  code: 0,
  requestBytes: 12_345,
  durationMicros: 1_500,
};

function open(recordsMax = 100) {
  const stream = openFakeStream();
  const clock = simulatedClock(START_MS);
  const outbox = openOutbox({
    client: stream,
    clock,
    stage: "usage",
    window: 1,
    framesPerSecond: 1,
    recordsMax,
    bytesMax: 1e6,
    publishMsMax: 60_000,
    writerId: "u",
  });
  const identity = openIdentity(new Uint8Array(16));
  const opened = openUsage({ clock, log: SILENT, outbox, identity, recordsMax });
  const records = () => stream.published.flatMap(({ data }) => UsageFrame.decode(data).records);
  return { stream, clock, records, usage: opened };
}

usage("holds what a call was and how it ended", async () => {
  const { stream, clock, records, usage } = open();
  assert.ok(usage.admit());
  usage.record(FACTS);
  await clock.advance(10);
  assert.equal(
    stream.published.map(({ subject }) => subject),
    ["usage.api"],
  );
  const [record] = records();
  const { atMs, callId, ...rest } = record!;
  assert.is(Number(atMs), START_MS);
  assert.is(callId.length, 16);
  const { atMs: _, ...wanted } = FACTS;
  assert.equal(rest, wanted);
});

usage("lets records of a second share a frame", async () => {
  const { stream, clock, records, usage } = open();
  for (let call = 0; call < 20; call += 1) {
    usage.admit();
    usage.record(FACTS);
    await clock.advance(50);
  }
  await clock.advance(1_100);
  assert.is(records().length, 20);
  assert.ok(stream.published.length <= 3, `${stream.published.length} frames`);
  assert.is(new Set(records().map(({ callId }) => Buffer.from(callId).toString("hex"))).size, 20);
});

usage("publishes again what the stream refused, until it is stored", async () => {
  for (const mode of ["full", "unknown"] as const) {
    const { stream, clock, records, usage } = open();
    stream.mode = mode;
    usage.admit();
    usage.record(FACTS);
    await clock.advance(5_000);
    assert.is(records().length, 0);
    stream.mode = "store";
    await clock.advance(3_000);
    assert.is(records().length, 1);
  }
});

usage("admits no call that it has no room for, and admits again afterwards", async () => {
  const { stream, clock, usage } = open(2);
  stream.mode = "full";
  assert.ok(usage.admit());
  assert.ok(usage.admit());
  assert.not(usage.admit());
  usage.record(FACTS);
  usage.record(FACTS);
  await clock.advance(2_500);
  assert.not(usage.admit(), "both wait to be published again");
  stream.mode = "store";
  await clock.advance(3_000);
  assert.ok(usage.admit());
});

usage("drains what waits, also what failed before", async () => {
  const { stream, clock, records, usage } = open();
  stream.mode = "full";
  usage.admit();
  usage.record(FACTS);
  await clock.advance(10);
  stream.mode = "store";
  let drained = false;
  const draining = usage.drain(10_000).then(() => {
    drained = true;
  });
  assert.ok(await clock.until(() => drained, 5_000));
  await draining;
  assert.is(records().length, 1);
});

usage("gives up a drain at its deadline", async () => {
  const { stream, clock, usage } = open();
  stream.mode = "full";
  usage.admit();
  usage.record(FACTS);
  let drained = false;
  const draining = usage.drain(2_000).then(() => {
    drained = true;
  });
  assert.ok(await clock.until(() => drained, 2_500));
  await draining;
});

usage.run();
