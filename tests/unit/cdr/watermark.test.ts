/** How far the sweep may judge: never past what cdr has not inserted. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../core/clock.js";
import type { Backlog, StoredMessage, StreamClient } from "../../../core/stream/stream.js";
import { watermark } from "../../../services/cdr/sweep.js";

const test = suite("watermark");
const NOW = 1_000_000;

interface Stream extends Backlog {
  readonly last: number;
}

function client(streams: Record<string, Stream>, storedAtMs: Record<number, number>): StreamClient {
  const fake: Partial<StreamClient> = {
    state: async (stream) => {
      const { last } = streams[stream]!;
      return { firstSequence: 1, lastSequence: last, messages: last };
    },
    backlog: async ({ stream }) => streams[stream]!,
    at: async (_, sequence) => {
      const atMs = storedAtMs[sequence];
      return atMs === undefined ? undefined : ({ storedAtMs: atMs } as StoredMessage);
    },
  };
  return fake as StreamClient;
}

const idle = (last: number): Stream => ({ last, pending: 0, ackPending: 0, ackFloor: last });

test("is now when everything is acked", async () => {
  const mark = await watermark(
    client({ DECISIONS: idle(7), ATTEMPTS: idle(9) }, {}),
    simulatedClock(NOW),
  );
  assert.equal(mark, { storedBeforeMs: NOW, attemptsThrough: 9 });
});

test("is when the first frame that is not acked was stored", async () => {
  const behind = { last: 20, pending: 3, ackPending: 2, ackFloor: 14 };
  const streams = { DECISIONS: idle(7), ATTEMPTS: behind };
  const mark = await watermark(client(streams, { 15: 500 }), simulatedClock(NOW));
  assert.equal(mark, { storedBeforeMs: 500, attemptsThrough: 14 });
});

test("is the earlier one of both streams", async () => {
  const streams = {
    DECISIONS: { last: 5, pending: 0, ackPending: 1, ackFloor: 3 },
    ATTEMPTS: { last: 20, pending: 3, ackPending: 2, ackFloor: 14 },
  };
  const mark = await watermark(client(streams, { 4: 300, 15: 500 }), simulatedClock(NOW));
  assert.is(mark?.storedBeforeMs, 300);
});

test("is not known where the floor is not, or the frame is gone", async () => {
  const clock = simulatedClock(NOW);
  const nowhere = { last: 20, pending: 3, ackPending: 2 };
  const noFloor = client({ DECISIONS: idle(7), ATTEMPTS: nowhere }, {});
  assert.is(await watermark(noFloor, clock), undefined);
  const gone = client({ DECISIONS: idle(7), ATTEMPTS: { ...nowhere, ackFloor: 14 } }, {});
  assert.is(await watermark(gone, clock), undefined);
});

test.run();
