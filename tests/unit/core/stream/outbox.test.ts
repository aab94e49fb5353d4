/** Natural batching: when frames leave, in which order, how full, and what their records are told. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FRAME_BYTES_MAX } from "../../../../core/limits.js";
import { UsageFrame } from "../../../../core/proto/floe/v1/frames.js";
import { USAGE, USAGE_FRAME } from "../../../../core/stream/fields.js";
import { putBytes, putFixed32, putFixed64 } from "../../../../core/stream/frame.js";
import { type OutboxKey, type OutboxOptions, openOutbox } from "../../../../core/stream/outbox.js";
import type { StreamName } from "../../../../core/subjects.js";
import { STREAMS } from "../../../../core/subjects.js";
import { type Ground, START_MS, withMemory } from "./with-memory.js";

const outbox = suite("outbox");

function open({ clock, server }: Ground, changes: Partial<OutboxOptions> = {}) {
  return openOutbox({
    client: server.connect("writer"),
    clock,
    stage: "test",
    window: 1,
    framesPerSecond: 0,
    recordsMax: 100_000,
    bytesMax: 100_000_000,
    publishMsMax: 10_000,
    writerId: "writer",
    ...changes,
  });
}

function keyOf(box: ReturnType<typeof open>, subject = "usage.api", lingerMs = 0): OutboxKey {
  const header = (writer: Parameters<typeof putFixed64>[0], nowMs: number): void => {
    putFixed64(writer, USAGE_FRAME.publishedAtMs, nowMs);
  };
  return box.key({ subject, lingerMs, header });
}

/** A record that carries its number. False: the outbox is full. */
function put(key: OutboxKey, number: number, told?: (code?: string) => void, bytes = 0): boolean {
  const writer = key.begin(bytes + 16);
  if (writer === undefined) return false;
  putFixed32(writer, USAGE.account, number);
  if (bytes > 0) putBytes(writer, USAGE.peer, Buffer.alloc(bytes, "x"));
  key.end(told === undefined ? undefined : (error) => told(error?.code));
  return true;
}

/** Numbers of the records by frame. */
function frames({ server }: Ground, stream: StreamName = "USAGE"): number[][] {
  return server
    .history(stream)
    .map(({ data }) => UsageFrame.decode(data).records.map(({ account }) => account));
}

outbox("sends a lone record at once, in a frame with its header", () =>
  withMemory(async (ground) => {
    const key = keyOf(open(ground));
    let told = false;
    put(key, 7, () => {
      told = true;
    });
    await ground.clock.advance(1);
    assert.ok(told);
    const [message] = ground.server.history("USAGE");
    const frame = UsageFrame.decode(message!.data);
    assert.is(Number(frame.publishedAtMs), START_MS);
    assert.is(message!.id, "writer-1");
    assert.equal(frames(ground), [[7]]);
  }),
);

outbox("sends together what came while a publish was in flight", () =>
  withMemory(
    async (ground) => {
      const key = keyOf(open(ground));
      put(key, 1);
      await ground.clock.advance(0);
      for (const number of [2, 3, 4]) put(key, number);
      await ground.clock.advance(1_000);
      assert.equal(frames(ground), [[1], [2, 3, 4]]);
    },
    { wayMsMax: 20 },
  ),
);

outbox("gives the window to the key whose oldest record waits longest", () =>
  withMemory(async (ground) => {
    const box = open(ground);
    const [a, b, c] = ["request.high.0", "request.high.1", "request.high.2"].map((subject) =>
      keyOf(box, subject),
    );
    put(a!, 1);
    await ground.clock.advance(0);
    put(c!, 2);
    put(b!, 3);
    put(a!, 4);
    put(c!, 5);
    await ground.clock.advance(1_000);
    assert.equal(frames(ground, "REQUESTS"), [[1], [2, 5], [3], [4]]);
  }),
);

outbox("never has two frames of one key in flight, but fills the window with other keys", () =>
  withMemory(
    async (ground) => {
      const box = open(ground, { window: 3 });
      const one = keyOf(box, "request.high.0");
      const other = keyOf(box, "request.high.1");
      put(one, 1);
      await ground.clock.advance(0);
      put(one, 2);
      put(other, 3);
      await ground.clock.advance(45);
      // Both first frames needed less than two ways, the second of `one` had to wait for its first.
      assert.equal(
        frames(ground, "REQUESTS").map((frame) => frame[0]),
        [1, 3, 2],
      );
    },
    { wayMsMax: 20 },
    3,
  ),
);

outbox("bounds a frame by records and by bytes, and keeps the order", () =>
  withMemory(async (ground) => {
    const key = keyOf(open(ground));
    for (let number = 1; number <= 2_500; number += 1) put(key, number);
    await ground.clock.advance(1_000);
    assert.equal(
      frames(ground).map(({ length }) => length),
      [1_000, 1_000, 500],
    );
    for (let number = 2_501; number <= 2_600; number += 1) put(key, number, undefined, 10_000);
    await ground.clock.advance(1_000);
    assert.equal(
      frames(ground).flat(),
      Array.from({ length: 2_600 }, (_, index) => index + 1),
    );
    const large = ground.server.history("USAGE").slice(3);
    assert.ok(large.length > 3 && large.every(({ data }) => data.length <= FRAME_BYTES_MAX));
  }),
);

outbox("moves a record that is longer than its hint, so that no frame exceeds its bound", () =>
  withMemory(async (ground) => {
    const key = keyOf(open(ground));
    for (const number of [1, 2, 3]) {
      const writer = key.begin(0)!;
      putFixed32(writer, USAGE.account, number);
      putBytes(writer, USAGE.peer, Buffer.alloc(100_000));
      key.end();
    }
    await ground.clock.advance(1_000);
    assert.equal(frames(ground), [[1, 2], [3]]);
  }),
);

outbox("overwrites a record that was begun and never ended", () =>
  withMemory(async (ground) => {
    const key = keyOf(open(ground));
    putFixed32(key.begin(16)!, USAGE.account, 1);
    put(key, 2);
    await ground.clock.advance(10);
    putFixed32(key.begin(16)!, USAGE.account, 3);
    await ground.clock.advance(10);
    assert.equal(frames(ground), [[2]]);
  }),
);

outbox("refuses records beyond its bounds, and takes them again when there is room", () =>
  withMemory(async (ground) => {
    const box = open(ground, { recordsMax: 3 });
    const key = keyOf(box);
    assert.equal(
      [1, 2, 3, 4].map((number) => put(key, number)),
      [true, true, true, false],
    );
    assert.is(box.waiting(), 3);
    await ground.clock.advance(10);
    assert.is(box.waiting(), 0);
    assert.ok(put(key, 5));

    const small = keyOf(open(ground, { bytesMax: 1_000 }));
    assert.ok(put(small, 1, undefined, 600));
    assert.not(put(small, 2, undefined, 600));
  }),
);

outbox("lingers above its frame budget only, as long as the key says, and not when urgent", () =>
  withMemory(async (ground) => {
    const box = open(ground, { framesPerSecond: 10, window: 8 });
    const key = keyOf(box, "usage.api", 25);
    // The budget allows one frame at once, and one each 100 ms.
    put(key, 1);
    await ground.clock.advance(2);
    assert.is(frames(ground).length, 1);
    put(key, 2);
    await ground.clock.advance(20);
    put(key, 3);
    await ground.clock.advance(2);
    assert.is(frames(ground).length, 1);
    await ground.clock.advance(5);
    assert.equal(frames(ground), [[1], [2, 3]]);
    put(key, 4);
    await ground.clock.advance(2);
    key.begin(16);
    key.end(undefined, true);
    await ground.clock.advance(2);
    assert.equal(frames(ground).at(-1), [4, 0]);
    await ground.clock.advance(500);
    put(key, 5);
    await ground.clock.advance(2);
    assert.equal(frames(ground).at(-1), [5]);
  }),
);

outbox("tells every record of a frame that failed why, once, and goes on", () => {
  const small = STREAMS.map((spec) => ({ ...spec, subjectFramesMax: 1 }));
  const check = async (ground: Ground): Promise<void> => {
    const key = keyOf(open(ground));
    const told: (string | undefined)[] = [];
    for (const number of [1, 2]) put(key, number, (code) => told.push(code));
    await ground.clock.advance(10);
    for (const number of [3, 4]) put(key, number, (code) => told.push(code));
    await ground.clock.advance(10);
    assert.equal(told, [undefined, undefined, "stream.full", "stream.full"]);
  };
  return withMemory(check, {}, 1, small);
});

outbox("gives up on a silent stream after its time: the outcome is unknown", () =>
  withMemory(
    async (ground) => {
      const told: (string | undefined)[] = [];
      put(keyOf(open(ground)), 1, (code) => told.push(code));
      await ground.clock.advance(9_990);
      assert.equal(told, []);
      await ground.clock.advance(100);
      assert.equal(told, ["stream.unavailable"]);
      assert.is(ground.server.history("USAGE").length, 1);
    },
    { publishAckLost: 1 },
  ),
);

outbox("drains: sends what lingers and ends when all is settled", () =>
  withMemory(async (ground) => {
    const box = open(ground, { framesPerSecond: 0.001 });
    const key = keyOf(box, "usage.api", 1_000_000);
    put(key, 1);
    await ground.clock.advance(10);
    put(key, 2);
    await ground.clock.advance(1_000);
    assert.equal(frames(ground), [[1]]);
    await ground.run(box.drain(), 100);
    assert.equal(frames(ground), [[1], [2]]);
    assert.is(box.waiting(), 0);
  }),
);

outbox.run();
