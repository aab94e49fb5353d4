/** Unit tests of a partition's owner on the memory form of the stream. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FloeError } from "../../../core/errors.js";
import { REASON, STATE } from "../../../core/message.js";
import { BuriedFrame } from "../../../core/proto/floe/v1/dead_letters.js";
import { RequestFrame } from "../../../core/proto/floe/v1/frames.js";
import type { MemoryClient } from "../../../core/stream/memory.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { requestSubject, STREAMS } from "../../../core/subjects.js";
import type { Frames } from "../../../services/dispatch/router.js";
import { idOf, requestFrame, testRouter } from "./kit.js";
import { openStage, type Stage } from "./stage.js";

const partition = suite("dispatch partition");
const ALPHA = "dispatch.alpha.normal.0";

const lettersOf = ({ server }: Stage): BuriedFrame[] =>
  server.stored("DEAD").map(({ data }) => BuriedFrame.decode(data));

/** A client whose dispatch is never stored: its process dies between append and dispatch. */
const undispatching = (client: MemoryClient): StreamClient => ({
  ...client,
  publish: (subject, data, options) =>
    subject.startsWith("dispatch.")
      ? new Promise(() => {})
      : client.publish(subject, data, options),
});

/** A client whose acks are lost, of those sequences: it dies between dispatch and ack. */
const unacking =
  (lost: readonly number[]) =>
  (client: MemoryClient): StreamClient => ({
    ...client,
    consume: (spec, options, receive) =>
      client.consume(spec, options, (delivery) =>
        receive(lost.includes(delivery.sequence) ? { ...delivery, ack: () => {} } : delivery),
      ),
  });

/** A client to which two deliveries come as one: they are decided together. */
function pairing(client: MemoryClient): StreamClient {
  const come: (() => void)[] = [];
  return {
    ...client,
    consume: (spec, options, receive) =>
      client.consume(spec, options, (delivery) => {
        come.push(() => receive(delivery));
        if (come.length === 2) for (const one of come) one();
      }),
  };
}

partition("acks request frames only when all of their dispatch is stored", async () => {
  const stage = await openStage();
  let held: (() => void) | undefined;
  await stage.own((client) => ({
    ...client,
    async publish(subject, data, options) {
      if (subject.startsWith("dispatch.beta")) await new Promise<void>((go) => (held = go));
      return await client.publish(subject, data, options);
    },
  }));
  await stage.publish([{ id: 1 }, { id: 2, to: "+4915112345678" }]);
  await stage.until(() => stage.dispatches().length === 1 && held !== undefined);
  await stage.clock.advance(5_000);
  assert.is(stage.requests(), 1);
  held?.();
  await stage.until(() => stage.requests() === 0);
  assert.is(stage.decisions().length, 1);
});

partition("dispatches nothing before the append", async () => {
  const stage = await openStage();
  let appending: (() => void) | undefined;
  await stage.own((client) => ({
    ...client,
    async publish(subject, data, options) {
      if (subject.startsWith("decision.")) await new Promise<void>((go) => (appending = go));
      return await client.publish(subject, data, options);
    },
  }));
  await stage.publish([{ id: 1 }]);
  await stage.until(() => appending !== undefined);
  await stage.clock.advance(1_000);
  assert.is(stage.dispatches().length, 0);
  appending?.();
  await stage.until(() => stage.dispatches().length === 1);
});

partition("makes undispatched frames again, the same, after its owner died", async () => {
  const stage = await openStage();
  const first = await stage.own(undispatching);
  await stage.publish([{ id: 1 }, { id: 2, to: "+12025550123" }, { id: 3, to: "+4915112345678" }]);
  await stage.publish([{ id: 4 }]);
  await stage.until(() => stage.decisions().flatMap((one) => one.records).length === 4);
  first.kill();
  await stage.own();
  await stage.until(() => stage.requests() === 0);
  const [decision] = stage.decisions();
  const sequence = stage.server.stored("DECISIONS")[0]!.sequence;
  const made = stage.dispatches();
  assert.ok(made.every(({ again }) => again));
  const alpha = made.find(({ identity }) => identity === `0/${sequence}/${ALPHA}/0`)!;
  assert.is(alpha.causedAtMs, decision!.decidedAtMs);
  const [record] = alpha.records;
  const verdict = decision!.records[0]!;
  assert.equal(record!.messageId, idOf(1));
  assert.equal(record!.toTok, verdict.toTok);
  assert.is(record!.expiresAtMs, verdict.expiresAtMs);
  assert.is(record!.segments, 1);
  assert.is(record!.message!.to, "+447700900123");
  assert.equal(record!.candidates, verdict.candidates);
  const ids = made.flatMap(({ records }) =>
    records.map(({ messageId }) => messageId.readUInt32BE(0)),
  );
  assert.equal(ids.sort(), [1, 3, 4]);
  assert.is(stage.decisions().flatMap((one) => one.records).length, 4);
});

partition("publishes again what may be stored, and the stream drops what it knows", async () => {
  const stage = await openStage();
  const first = await stage.own(unacking([1]));
  await stage.publish([{ id: 1 }]);
  await stage.until(() => stage.dispatches().length === 1);
  first.kill();
  await stage.own();
  await stage.until(() => stage.requests() === 0);
  assert.is(stage.dispatches().length, 1);
});

partition("acks what comes again when a frame of the same decision is gone", async () => {
  const stage = await openStage();
  await stage.publish([{ id: 1 }]);
  await stage.publish([{ id: 2 }]);
  const first = await stage.own((client) => pairing(unacking([1])(client) as MemoryClient));
  await stage.until(() => stage.dispatches().length === 1 && stage.requests() === 1);
  assert.is(stage.decisions()[0]!.covers.length, 2);
  first.kill();
  // Long after the stream has forgotten the identity, and with the frame taken by its carrier.
  const spec = { stream: "DISPATCH", name: "alpha", subject: ALPHA } as const;
  await stage.run(stage.client.declareConsumer(spec));
  await stage.run(stage.client.consume(spec, { outstandingMax: 10 }, (one) => one.ack()));
  await stage.clock.advance(600_000);
  await stage.own();
  await stage.until(() => stage.requests() === 0);
  assert.is(stage.dispatches().length, 1);
});

partition("looks a dispatch subject through when the stream has forgotten", async () => {
  const stage = await openStage();
  const first = await stage.own(unacking([1]));
  await stage.publish([{ id: 1 }]);
  await stage.until(() => stage.dispatches().length === 1);
  first.kill();
  await stage.clock.advance(600_000);
  await stage.own();
  await stage.until(() => stage.requests() === 0);
  assert.is(stage.dispatches().length, 1);
});

partition("takes a frame that is stored twice under one id once", async () => {
  const stage = await openStage();
  await stage.own();
  await stage.publish([{ id: 1 }], { id: "same" });
  await stage.until(() => stage.requests() === 0);
  await stage.run(stage.server.restart(1_000));
  await stage.publish([{ id: 1 }], { id: "same" });
  await stage.until(() => stage.requests() === 0);
  await stage.clock.advance(1_000);
  assert.is(stage.decisions().flatMap((one) => one.covers).length, 1);
});

partition("knows a repeat by its id though another gateway's clock was ahead", async () => {
  const stage = await openStage();
  await stage.own();
  await stage.publish([{ id: 1 }], { id: "same" });
  await stage.publish([{ id: 2, acceptedAtMs: stage.clock.nowMs() + 3 * 3_600_000 }]);
  await stage.until(() => stage.requests() === 0);
  await stage.run(stage.server.restart(1_000));
  await stage.publish([{ id: 1 }], { id: "same" });
  await stage.until(() => stage.requests() === 0);
  await stage.clock.advance(1_000);
  assert.is(stage.decisions().flatMap((one) => one.covers).length, 2);
});

partition("appends under ids of its own when it is owned again soon", async () => {
  const stage = await openStage();
  const { owner } = await stage.own();
  await stage.publish([{ id: 1 }]);
  await stage.until(() => stage.requests() === 0);
  await stage.run(owner.lost("0"));
  owner.gained("0", 2);
  await stage.publish([{ id: 2 }]);
  await stage.until(() => stage.requests() === 0);
  assert.equal(
    stage.decisions().map(({ records }) => records.map(({ messageId }) => messageId)),
    [[idOf(1)], [idOf(2)]],
  );
  assert.is(stage.dispatches().length, 2);
});

partition("is given up though it was won again before its first loss was through", async () => {
  const stage = await openStage();
  const { owner } = await stage.own();
  const first = owner.lost("0");
  owner.gained("0", 2);
  await stage.run(first);
  await stage.until(() => owner.partitions().length === 1);
  await stage.run(owner.lost("0"));
  assert.is(owner.partitions().length, 0);
  await stage.publish([{ id: 1 }]);
  await stage.clock.advance(5_000);
  assert.is(stage.decisions().length, 0);
});

partition("acks a frame undecided that was stored long after its publication", async () => {
  const stage = await openStage();
  await stage.own();
  const frame = requestFrame([{ id: 1 }], { publishedAtMs: stage.clock.nowMs() });
  await stage.clock.advance(481_000);
  await stage.run(stage.client.publish(requestSubject(2, 0), frame, { id: "late" }));
  await stage.until(() => stage.requests() === 0);
  await stage.clock.advance(1_000);
  assert.is(stage.decisions().flatMap((one) => one.records).length, 0);
});

partition("stops at once when another owner has appended", async () => {
  const stage = await openStage();
  const first = await stage.own();
  await stage.own();
  await stage.publish([{ id: 1 }]);
  await stage.publish([{ id: 2 }]);
  await stage.until(() => stage.requests() === 0);
  const decided = stage.decisions().flatMap((one) => one.records);
  assert.is(decided.length, 2);
  await first.stop();
});

partition("rejects the record that fails in the pool, and it alone", async () => {
  const stage = await openStage();
  let tasks = 0;
  const poison = idOf(2);
  const router = testRouter((frames: readonly Frames[]) => {
    tasks += 1;
    const bad = frames.some(({ data }) => Buffer.from(data).includes(poison));
    if (bad) throw new TypeError("what a bug would throw");
  });
  await stage.own(undefined, router);
  await stage.publish([{ id: 1 }, { id: 2, key: 5 }, { id: 3 }]);
  await stage.until(() => stage.requests() === 0);
  const [decision] = stage.decisions();
  assert.is(decision!.covers[0]!.count, 3);
  assert.equal(
    decision!.records.map(({ messageId, state, reason }) => [messageId, state, reason]),
    [
      [idOf(1), STATE.ROUTED, REASON.NONE],
      [idOf(2), STATE.REJECTED, REASON.INTERNAL],
      [idOf(3), STATE.ROUTED, REASON.NONE],
    ],
  );
  assert.ok((decision!.records[1]!.keyTag ?? 0n) > 0n);
  // Three times whole, then once for each record.
  assert.is(tasks, 6);
  const [letter, ...more] = lettersOf(stage);
  assert.is(more.length, 0);
  assert.equal([letter!.reason, letter!.record, letter!.messageId], ["crashed", 1, idOf(2)]);
  const buried = RequestFrame.decode(letter!.frame).records;
  assert.equal(
    buried.map(({ messageId }) => messageId),
    [idOf(2)],
  );
  // Its repeat is the same message, rejected once.
  await stage.publish([{ id: 2, key: 5 }]);
  await stage.until(() => stage.requests() === 0);
  assert.is(stage.decisions().at(-1)!.records[0]!.state, 0);
});

partition(
  "buries what stands behind a length that cannot be true, and decides the rest",
  async () => {
    const stage = await openStage();
    await stage.own();
    const whole = requestFrame([{ id: 1 }, { id: 2 }]);
    const data = Buffer.concat([whole, Buffer.from([0x42, 0x7f, 1, 2])]);
    await stage.run(stage.client.publish(requestSubject(2, 0), data, { id: "broken" }));
    await stage.until(() => stage.requests() === 0);
    assert.is(stage.decisions()[0]!.records.length, 2);
    const [letter, ...more] = lettersOf(stage);
    assert.is(more.length, 0);
    assert.equal([letter!.reason, letter!.record], ["unreadable", 2]);
    assert.ok(Buffer.from(letter!.frame).includes(Buffer.from([0x42, 0x7f, 1, 2])));
  },
);

partition("keeps a frame while its dead letters find no room, and others pass it", async () => {
  const streams = STREAMS.map((one) =>
    one.name === "DEAD" ? { ...one, subjectFramesMax: 1 } : one,
  );
  const stage = await openStage(streams);
  await stage.run(stage.client.publish("dead.dispatch", new Uint8Array([1])));
  await stage.own();
  const broken = Buffer.from([0x42, 0x7f, 1, 2]);
  await stage.run(stage.client.publish(requestSubject(2, 0), broken, { id: "broken" }));
  await stage.publish([{ id: 1 }]);
  await stage.until(() => stage.decisions().length === 1 && stage.requests() === 1);
  await stage.run(stage.client.purge("DEAD", "dead.dispatch", 2));
  await stage.until(() => stage.requests() === 0);
  assert.is(lettersOf(stage).length, 1);
});

partition(
  "keeps messages that fail for a missing key until the operator has mended it",
  async () => {
    const stage = await openStage();
    let mended = false;
    const router = testRouter(() => {
      if (!mended)
        throw new FloeError("keys.invalid", { month: "2026-11", problem: "no data key" });
    });
    await stage.own(undefined, router);
    await stage.publish([{ id: 1 }]);
    await stage.clock.advance(30_000);
    assert.is(stage.requests(), 1);
    assert.is(stage.decisions().length, 0);
    mended = true;
    await stage.until(() => stage.requests() === 0);
    assert.is(stage.decisions()[0]!.records[0]!.state, STATE.ROUTED);
  },
);

partition("ends a frame that cannot be read at all", async () => {
  const stage = await openStage();
  await stage.own();
  await stage.run(
    stage.client.publish(requestSubject(2, 0), Buffer.from([0x42, 0xff, 0x01]), { id: "torn" }),
  );
  await stage.publish([{ id: 1 }]);
  await stage.until(() => stage.requests() === 0);
  assert.is(stage.decisions().flatMap((one) => one.covers).length, 1);
});

partition(
  "goes on for other carriers when one carrier's subject is full, then holds back",
  async () => {
    const small = STREAMS.map((spec) =>
      spec.name === "DISPATCH" ? { ...spec, subjectFramesMax: 2 } : spec,
    );
    const stage = await openStage(small);
    await stage.own();
    // Nobody takes alpha's frames; beta's are taken at once.
    const spec = { stream: "DISPATCH", name: "beta", subject: "dispatch.beta.normal.0" } as const;
    await stage.run(stage.client.declareConsumer(spec));
    let taken = 0;
    await stage.run(
      stage.client.consume(spec, { outstandingMax: 10 }, (delivery) => {
        taken += 1;
        delivery.ack();
      }),
    );
    for (let id = 0; id < 200; id += 1) {
      await stage.publish([{ id, to: id % 2 === 0 ? "+447700900123" : "+4915112345678" }]);
    }
    await stage.clock.advance(10_000);
    // 64 decisions may wait; those of beta, and two of alpha, do not.
    assert.ok(taken > 60, `beta went on: ${taken}`);
    const waiting = stage.requests();
    assert.ok(waiting > 60, `the rest is held back: ${waiting}`);
    assert.ok(stage.decisions().flatMap((one) => one.covers).length < 200);
    // Once somebody takes alpha's, all goes on.
    const alpha = { stream: "DISPATCH", name: "alpha", subject: ALPHA } as const;
    await stage.run(stage.client.declareConsumer(alpha));
    await stage.run(stage.client.consume(alpha, { outstandingMax: 10 }, (one) => one.ack()));
    await stage.until(() => stage.requests() === 0);
    assert.is(stage.decisions().flatMap((one) => one.records).length, 200);
  },
);

partition.run();
