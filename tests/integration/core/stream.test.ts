/** The stream client against a real nats-server: declarations, publishes, deliveries, reading. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import type { FloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import { openNats } from "../../../core/stream/nats.js";
import type { Delivery, StreamClient } from "../../../core/stream/stream.js";
import {
  CDR_CONSUMERS,
  requestConsumer,
  STREAMS,
  type StreamSpec,
} from "../../../core/subjects.js";
import { until } from "../../until.js";
import { type NatsBracket, withNats } from "../with-nats.js";

const stream = suite("stream client on nats-server");
const SPEC = requestConsumer("high", 0);
const SUBJECT = "request.high.0";
const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (data: Uint8Array): string => Buffer.from(data).toString();

async function backlog(client: StreamClient): Promise<{ pending: number; ackPending: number }> {
  const { pending, ackPending } = await client.backlog(SPEC);
  return { pending, ackPending };
}

async function declared(nats: NatsBracket, streams: readonly StreamSpec[] = STREAMS) {
  const client = await nats.client();
  await client.declare(streams);
  return client;
}

async function errorOf(work: Promise<unknown>): Promise<FloeError> {
  try {
    await work;
  } catch (error) {
    return error as FloeError;
  }
  throw new Error("it should have failed");
}

/** A reader that keeps its deliveries. */
async function hold(client: StreamClient, outstandingMax: number, spec = SPEC) {
  const held: Delivery[] = [];
  const take = (delivery: Delivery): void => void held.push(delivery);
  return { held, reading: await client.consume(spec, { outstandingMax, expiresMs: 1_000 }, take) };
}

stream("declares streams and consumers, and finds them again as they should be", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    await client.declare(STREAMS);
    for (const spec of [SPEC, ...CDR_CONSUMERS]) {
      await client.declareConsumer(spec);
      await client.declareConsumer(spec);
    }
    assert.equal(await backlog(client), { pending: 0, ackPending: 0 });
    assert.equal(await client.state("REQUESTS"), {
      firstSequence: 0,
      lastSequence: 0,
      messages: 0,
    });
  }),
);

stream("names every field of every stream and consumer that differs", () =>
  withNats(async (nats) => {
    const other = STREAMS.map((spec) =>
      spec.name === "DECISIONS" || spec.name === "USAGE"
        ? { ...spec, bytesMax: 1_000_000, subjectFramesMax: 5 }
        : spec,
    );
    const client = await declared(nats, other);
    const error = await errorOf(client.declare(STREAMS));
    assert.is(error.code, "stream.config");
    const fields = (error.details["differences"] as string[]).map((one) => one.split(" is ")[0]);
    assert.equal(fields, [
      "stream DECISIONS: max_msgs_per_subject",
      "stream DECISIONS: max_bytes",
      "stream USAGE: max_msgs_per_subject",
      "stream USAGE: max_bytes",
    ]);
    await client.declareConsumer(SPEC, { ackWaitMs: 5_000 });
    const consumer = await errorOf(client.declareConsumer(SPEC));
    assert.is(consumer.code, "stream.config");
    assert.match(consumer.message, /owner-high-0: ack_wait is 5000000000, must be 30000000000/);
  }),
);

stream("says clearly that nobody is there", async () => {
  const options = { name: "t", processId: "t", clock: SYSTEM_CLOCK, log: SILENT };
  const error = await errorOf(openNats({ servers: "nats://127.0.0.1:1", ...options }));
  assert.is(error.code, "stream.unavailable");
});

stream("stores an id once, refuses stale fences and full subjects, and says which", () =>
  withNats(async (nats) => {
    const small = STREAMS.map((spec) => ({ ...spec, subjectFramesMax: 2 }));
    const client = await declared(nats, small);
    const first = await client.publish(SUBJECT, bytes("1"), { id: "a" });
    assert.equal(first, { sequence: 1, duplicate: false });
    const again = await client.publish(SUBJECT, bytes("1"), { id: "a" });
    assert.equal(again, { sequence: 1, duplicate: true });
    await client.publish(SUBJECT, bytes("2"), { id: "b", expectedLast: 1 });
    const fenced = await errorOf(client.publish(SUBJECT, bytes("3"), { expectedLast: 1 }));
    assert.is(fenced.code, "stream.fenced");
    assert.is(
      (await errorOf(client.publish(SUBJECT, bytes("3"), { id: "c" }))).code,
      "stream.full",
    );
    // The other subjects of the stream go on.
    assert.is((await client.publish("request.high.1", bytes("4"))).sequence, 3);
    const nobody = await errorOf(client.publish("nobody.listens", bytes("5"), { timeoutMs: 300 }));
    assert.is(nobody.code, "stream.unavailable");
    assert.match(nobody.message, /nobody listens/);
  }),
);

stream("delivers in order with what a receiver needs to know, and holds back at its bound", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    const beforeMs = SYSTEM_CLOCK.monotonicMs();
    for (let number = 1; number <= 20; number += 1) {
      await client.publish(SUBJECT, bytes(`${number}`), { id: `id-${number}` });
    }
    await client.declareConsumer(SPEC);
    const { held } = await hold(client, 4);
    await until(() => held.length === 4, "the first four");
    await sleep(SYSTEM_CLOCK, 100);
    assert.is(held.length, 4);
    const { id, sequence, deliveryCount, pulledAtMs, sessionSequence, storedAtMs, subject } =
      held[2]!;
    assert.equal([id, sequence, deliveryCount, subject], ["id-3", 3, 1, SUBJECT]);
    assert.ok(pulledAtMs >= beforeMs && pulledAtMs <= SYSTEM_CLOCK.monotonicMs());
    assert.ok(storedAtMs <= SYSTEM_CLOCK.nowMs());
    assert.ok(sessionSequence >= 20, "all was stored before");
    assert.equal(await backlog(client), { pending: 16, ackPending: 4 });

    for (let next = 0; next < 20; next += 1) {
      await until(() => held.length > next, `delivery ${next + 1}`);
      assert.ok(held.length - next <= 4, "never more than four unacked");
      held[next]!.ack();
      held[next]!.ack();
    }
    assert.equal(
      held.map(({ data }) => text(data)),
      Array.from({ length: 20 }, (_, index) => `${index + 1}`),
    );
    await until(() => held.length === 20, "all");
    await sleep(SYSTEM_CLOCK, 100);
    assert.equal(await backlog(client), { pending: 0, ackPending: 0 });
    assert.is(await client.at("REQUESTS", 1), undefined);
    await client.publish(SUBJECT, bytes("21"));
    await until(() => held.length === 21, "one more");
    assert.is(held[20]!.sessionSequence, 20, "stored after the session was open");
  }),
);

stream("gives again what was nak'ed or forgotten, and keeps what is worked on", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    await client.declareConsumer(SPEC, { ackWaitMs: 1_000 });
    for (const one of ["nak", "silent", "working", "term"])
      await client.publish(SUBJECT, bytes(one));
    const { held } = await hold(client, 10);
    const times = (one: string): number => held.filter(({ data }) => text(data) === one).length;
    await until(() => held.length === 4, "all four");
    held[0]!.nak(200);
    held[3]!.term();
    await until(() => times("nak") === 2, "the nak'ed one");
    assert.is(held[4]!.deliveryCount, 2);
    for (let time = 0; time < 10; time += 1) {
      await held[2]!.working();
      await sleep(SYSTEM_CLOCK, 200);
    }
    assert.equal([times("working"), times("term")], [1, 1]);
    assert.ok(times("silent") > 1);
  }),
);

stream("pauses and goes on, and gives back at once what a stop left in flight", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    await client.declareConsumer(SPEC);
    const { held, reading } = await hold(client, 2);
    reading.pause();
    await sleep(SYSTEM_CLOCK, 1_500);
    await client.publish(SUBJECT, bytes("1"));
    await sleep(SYSTEM_CLOCK, 300);
    assert.is(held.length, 0);
    reading.resume();
    await until(() => held.length === 1, "the delivery after resuming");
    held[0]!.ack();
    // Publishes race the end of reading: whoever reads next gets the rest without an ack wait.
    const publishes = Array.from({ length: 20 }, (_, index) =>
      client.publish(SUBJECT, bytes(`${index}`)),
    );
    await reading.stop();
    await Promise.all(publishes);
    const left = held.length - 1;
    const next = await hold(client, 100);
    await until(() => next.held.length === 20 - left, "the rest", 5_000);
  }),
);

stream("gives everything back in order when a consumer is created again", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    await client.declareConsumer(SPEC);
    for (const one of ["1", "2", "3"]) await client.publish(SUBJECT, bytes(one));
    const zombie = await hold(client, 10);
    await until(() => zombie.held.length === 3, "the zombie's three");
    const other = await nats.client("other");
    await other.recreateConsumer(SPEC);
    // The zombie goes on pulling by the same name, as it does in life, until it has stopped.
    await zombie.reading.stop();
    await other.recreateConsumer(SPEC);
    const { held } = await hold(other, 10);
    await until(() => held.length === 3, "all three again");
    assert.equal(
      held.map(({ data, deliveryCount }) => `${text(data)}/${deliveryCount}`),
      ["1/1", "2/1", "3/1"],
    );
  }),
);

stream("goes on with a consumer that was deleted and created under its hands", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    await client.declareConsumer(SPEC);
    const { held } = await hold(client, 10);
    await client.recreateConsumer(SPEC);
    await client.publish(SUBJECT, bytes("after"));
    await until(() => held.length === 1, "a delivery of the new consumer");
  }),
);

stream("reads a log in order, from anywhere, and says when it is at the end", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    for (let number = 1; number <= 1_000; number += 1) {
      void client.publish(`decision.${number % 2}`, bytes(`${number}`), { id: `${number}` });
    }
    await client.publish("decision.1", bytes("1001"), { id: "1001" });
    const seen: number[] = [];
    let ends = 0;
    const reading = await client.read(
      "DECISIONS",
      "decision.1",
      500,
      ({ data }) => void seen.push(Number(text(data))),
      () => ends++,
    );
    await until(() => ends === 1, "the end");
    const expected = Array.from({ length: 251 }, (_, index) => 501 + 2 * index);
    assert.equal(seen, expected);
    await client.publish("decision.1", bytes("1003"));
    await until(() => ends === 2, "the end once more");
    assert.is(seen.at(-1), 1_003);
    await reading.stop();
    await client.publish("decision.1", bytes("1005"));
    await sleep(SYSTEM_CLOCK, 100);
    assert.is(seen.at(-1), 1_003);
    assert.is(text((await client.last("DECISIONS", "decision.1"))!.data), "1005");
    assert.is((await client.at("DECISIONS", 7))?.id, "7");
    await client.purge("DECISIONS", "decision.1", 500);
    assert.is(await client.at("DECISIONS", 499), undefined);
    assert.ok(await client.at("DECISIONS", 501));
  }),
);

stream("scans a work queue without taking anything from it", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    await client.declareConsumer(SPEC);
    for (const one of ["1", "2", "3"]) await client.publish(SUBJECT, bytes(one), { id: one });
    const seen: string[] = [];
    const take = ({ id, data }: { id: string; data: Uint8Array }): void => {
      seen.push(`${id}=${text(data)}`);
    };
    const reading = await client.read("REQUESTS", SUBJECT, 2, take, () => void seen.push("end"));
    await until(() => seen.length === 3, "the scan");
    assert.equal(seen, ["2=2", "3=3", "end"]);
    await reading.stop();
    assert.equal(await backlog(client), { pending: 3, ackPending: 0 });
  }),
);

stream("takes frames as large as the bound, and copies of views are copies", () =>
  withNats(async (nats) => {
    const client = await declared(nats);
    const large = new Uint8Array(1_000_000).fill(7);
    await client.publish("decision.0", large);
    const copies: Uint8Array[] = [];
    const views: Uint8Array[] = [];
    await client.read("DECISIONS", "decision.0", 1, ({ data }) => {
      views.push(data);
      copies.push(data.slice());
    });
    await until(() => views.length === 1, "the large frame");
    assert.is(views[0]!.length, 1_000_000);
    views[0]![0] = 9;
    assert.is(copies[0]![0], 7);
  }),
);

stream.run();
