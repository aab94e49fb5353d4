/** What becomes of publishes and deliveries when nats-server is killed and started again. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import type { FloeError } from "../../../core/errors.js";
import { putFixed32 } from "../../../core/stream/frame.js";
import { openOutbox } from "../../../core/stream/outbox.js";
import type { Delivery, StreamClient } from "../../../core/stream/stream.js";
import { requestConsumer, STREAMS } from "../../../core/subjects.js";
import { until } from "../../until.js";
import { withNats } from "../with-nats.js";

const reconnect = suite("reconnecting to nats-server");
const SPEC = requestConsumer("normal", 0);
const SUBJECT = "request.normal.0";

async function backlog(client: StreamClient): Promise<{ pending: number; ackPending: number }> {
  const { pending, ackPending } = await client.backlog(SPEC);
  return { pending, ackPending };
}

reconnect("loses no record and stores none twice, whenever the server is killed", () =>
  withNats(async (nats) => {
    const client = await nats.client();
    await client.declare(STREAMS);
    const outbox = openOutbox({
      client,
      clock: SYSTEM_CLOCK,
      stage: "test",
      window: 2,
      framesPerSecond: 0,
      recordsMax: 100_000,
      bytesMax: 10_000_000,
      publishMsMax: 30_000,
      writerId: "w",
    });
    const outboxKey = outbox.key({ subject: SUBJECT, lingerMs: 0, header: () => {} });
    let told = 0;
    const problems: (FloeError | undefined)[] = [];
    const put = (number: number): void => {
      putFixed32(outboxKey.begin(16)!, 3, number);
      outboxKey.end((error) => {
        told += 1;
        if (error !== undefined) problems.push(error);
      });
    };
    let number = 0;
    for (let round = 0; round < 3; round += 1) {
      for (let turn = 0; turn < 50; turn += 1) {
        for (let count = 0; count < 10; count += 1) put(number++);
        await sleep(SYSTEM_CLOCK, 1);
      }
      await nats.kill();
      for (let count = 0; count < 10; count += 1) put(number++);
      await sleep(SYSTEM_CLOCK, 50);
      assert.not(client.connected());
      await nats.restart();
    }
    await outbox.drain();
    assert.equal(problems, []);
    assert.is(told, number);

    const seen: number[] = [];
    await client.declareConsumer(SPEC);
    await client.consume(SPEC, { outstandingMax: 50 }, (delivery) => {
      // Each record is tag, padded length, then field 3 as fixed32.
      for (let at = 5; at < delivery.data.length; at += 9) {
        seen.push(Buffer.from(delivery.data).readUInt32LE(at));
      }
      delivery.ack();
    });
    await until(() => seen.length >= number, "all records");
    assert.equal(
      seen,
      Array.from({ length: number }, (_, index) => index),
    );
  }),
);

reconnect("begins a new session, and acks given meanwhile still count", () =>
  withNats(async (nats) => {
    const client = await nats.client();
    await client.declare(STREAMS);
    await client.declareConsumer(SPEC, { ackWaitMs: 3_000 });
    for (const one of ["1", "2"]) await client.publish(SUBJECT, Buffer.from(one));
    const held: Delivery[] = [];
    await client.consume(
      SPEC,
      { outstandingMax: 10, expiresMs: 1_000 },
      (one) => void held.push(one),
    );
    await until(() => held.length === 2, "both");
    // Consumer state reaches the disk within 100 ms; before, a kill makes it a first delivery again.
    await sleep(SYSTEM_CLOCK, 300);
    await nats.kill();
    await until(() => !client.connected(), "the loss of the connection");
    held[0]!.ack();
    await nats.restart();
    await client.publish(SUBJECT, Buffer.from("3"), { id: "3", timeoutMs: 20_000 });
    await until(() => held.length === 4, "the third, and the second again");
    const texts = held.slice(2).map(({ data }) => Buffer.from(data).toString());
    assert.equal(texts.sort(), ["2", "3"]);
    const again = held.slice(2).find(({ sequence }) => sequence === 2)!;
    assert.ok(again.sessionSequence >= 2, "it may have been delivered in an earlier session");
    await sleep(SYSTEM_CLOCK, 200);
    assert.equal(await backlog(client), { pending: 0, ackPending: 2 });
  }),
);

reconnect("goes on reading a log without gap or repeat", () =>
  withNats(async (nats) => {
    const client = await nats.client();
    await client.declare(STREAMS);
    const seen: number[] = [];
    await client.read("ATTEMPTS", "attempt.*.alpha", 1, ({ sequence }) => void seen.push(sequence));
    for (let number = 1; number <= 60; number += 1) {
      if (number === 30) {
        await nats.kill();
        await nats.restart();
      }
      const id = `${number}`;
      await client.publish("attempt.0.alpha", Buffer.from(id), { id, timeoutMs: 20_000 });
    }
    await until(() => seen.length >= 60, "all");
    assert.equal(
      seen,
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
  }),
);

reconnect("fails what is asked while nobody answers, when its time is over", () =>
  withNats(async (nats) => {
    const client = await nats.client();
    await client.declare(STREAMS);
    await nats.kill();
    const publish = client.publish(SUBJECT, Buffer.from("x"), { id: "x", timeoutMs: 400 });
    let code: string | undefined;
    await publish.catch((error: FloeError) => {
      code = error.code;
    });
    assert.is(code, "stream.unavailable");
  }),
);

reconnect.run();
