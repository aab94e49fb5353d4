/** The memory form behaves as nats-server was seen to, and its faults do what they say. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NO_FAULTS } from "../../../../core/stream/memory.js";
import { matches } from "../../../../core/stream/memory-stream.js";
import type { Delivery, StreamClient } from "../../../../core/stream/stream.js";
import { requestConsumer, STREAMS } from "../../../../core/subjects.js";
import { codeOf, type Ground, withMemory } from "./with-memory.js";

const memory = suite("memory stream");
const SPEC = requestConsumer("high", 0);
const SUBJECT = "request.high.0";
const bytes = (text: string): Uint8Array => Buffer.from(text);

async function fill(ground: Ground, client: StreamClient, texts: readonly string[]) {
  for (const text of texts) await ground.run(client.publish(SUBJECT, bytes(text), { id: text }));
  await ground.run(client.declareConsumer(SPEC));
}

/** A reader that keeps its deliveries. */
async function hold(ground: Ground, client: StreamClient, outstandingMax = 10) {
  const held: Delivery[] = [];
  const take = (delivery: Delivery): void => void held.push(delivery);
  const reading = await ground.run(client.consume(SPEC, { outstandingMax }, take));
  return { held, reading };
}
const texts = (held: readonly Delivery[]): string[] =>
  held.map(({ data }) => Buffer.from(data).toString());

memory("does not store the same id twice, whatever the subject, for the duplicate window", () =>
  withMemory(async (ground) => {
    const client = ground.server.connect("a");
    const publish = (subject: string) =>
      ground.run(client.publish(subject, bytes("x"), { id: "same" }));
    assert.equal(await publish(SUBJECT), { sequence: 1, duplicate: false });
    assert.equal(await publish("request.bulk.1"), { sequence: 1, duplicate: true });
    await ground.clock.advance(121_000);
    assert.equal(await publish(SUBJECT), { sequence: 2, duplicate: false });
  }),
);

memory("refuses a stale fence and a full subject", () => {
  const small = STREAMS.map((spec) => ({ ...spec, subjectFramesMax: 2 }));
  const check = async (ground: Ground): Promise<void> => {
    const client = ground.server.connect("a");
    const publish = (expectedLast?: number) =>
      codeOf(ground.run(client.publish("decision.0", bytes("x"), { expectedLast: expectedLast! })));
    assert.is(await publish(0), undefined);
    assert.is(await publish(0), "stream.fenced");
    assert.is(await publish(1), undefined);
    assert.is(await publish(2), "stream.full");
  };
  return withMemory(check, {}, 1, small);
});

memory("holds back while too much is unacked", () =>
  withMemory(async (ground) => {
    const client = ground.server.connect("a");
    await fill(ground, client, ["1", "2", "3", "4"]);
    const { held } = await hold(ground, client, 2);
    await ground.clock.advance(1_000);
    assert.equal(texts(held), ["1", "2"]);
    held[1]!.ack();
    await ground.clock.advance(1_000);
    assert.equal(texts(held), ["1", "2", "3"]);
    const backlog = await ground.run(client.backlog(SPEC));
    assert.equal(backlog, { pending: 1, ackPending: 2, ackFloor: 0 });
  }),
);

memory(
  "gives what is not acked again after the ack wait, sooner on a nak, later with working",
  () =>
    withMemory(async (ground) => {
      const client = ground.server.connect("a");
      await fill(ground, client, ["silent", "nak", "working"]);
      const { held } = await hold(ground, client);
      await ground.clock.advance(100);
      held[1]!.nak(5_000);
      await ground.clock.advance(20_000);
      assert.equal(texts(held).slice(3), ["nak"]);
      await ground.run(held[2]!.working());
      await ground.clock.advance(15_000);
      assert.equal(texts(held).slice(4), ["silent"]);
      assert.is(held[4]!.deliveryCount, 2);
    }),
);

memory("gives the unacked of a killed process to another, and nothing more to the dead", () =>
  withMemory(async (ground) => {
    const dead = ground.server.connect("dead");
    await fill(ground, dead, ["1", "2"]);
    const one = await hold(ground, dead);
    await ground.clock.advance(10);
    assert.equal(texts(one.held), ["1", "2"]);
    dead.kill();
    const other = await hold(ground, ground.server.connect("other"));
    await ground.clock.advance(31_000);
    assert.equal(texts(other.held), ["1", "2"]);
    assert.is(one.held.length, 2);
  }),
);

memory("gives everything back in order when a consumer is created again; a late ack counts", () =>
  withMemory(async (ground) => {
    const old = ground.server.connect("old");
    await fill(ground, old, ["1", "2", "3"]);
    const zombie = await hold(ground, old);
    await ground.clock.advance(10);
    await ground.run(zombie.reading.stop());
    const next = ground.server.connect("new");
    await ground.run(next.recreateConsumer(SPEC));
    const { held } = await hold(ground, next);
    await ground.clock.advance(10);
    assert.equal(texts(held), ["1", "2", "3"]);
    assert.is(held[0]!.deliveryCount, 1);
    zombie.held[0]!.ack();
    await ground.clock.advance(31_000);
    assert.equal(texts(held).slice(3), ["2", "3"]);
  }),
);

memory("reads in order from a sequence on, says when it is at the end, and loses nothing", () =>
  withMemory(async (ground) => {
    const client = ground.server.connect("a");
    for (const text of ["1", "2", "3"]) {
      await ground.run(client.publish("decision.0", bytes(text)));
      await ground.run(client.publish("decision.1", bytes("other")));
    }
    const seen: string[] = [];
    const take = ({ data }: { data: Uint8Array }): void =>
      void seen.push(Buffer.from(data).toString());
    const atEnd = (): void => void seen.push("end");
    await ground.run(client.read("DECISIONS", "decision.0", 2, take, atEnd));
    await ground.clock.advance(100);
    assert.equal(seen, ["2", "3", "end"]);
    client.disconnect();
    const other = ground.server.connect("b");
    await ground.run(other.publish("decision.0", bytes("4")));
    await ground.clock.advance(1_000);
    client.reconnect();
    await ground.clock.advance(1_000);
    assert.equal(seen, ["2", "3", "end", "4", "end"]);
  }),
);

memory("forgets, when restarted, the ids of what was acked away", () =>
  withMemory(async (ground) => {
    const client = ground.server.connect("a");
    await fill(ground, client, ["gone", "there"]);
    const { held } = await hold(ground, client);
    await ground.clock.advance(10);
    held[0]!.ack();
    await ground.clock.advance(10);
    await ground.run(ground.server.restart(1_000));
    const again = (id: string) => ground.run(client.publish(SUBJECT, bytes(id), { id }));
    assert.equal(await again("there"), { sequence: 2, duplicate: true });
    assert.equal(await again("gone"), { sequence: 3, duplicate: false });
  }),
);

memory("keeps keys by revision and for their time, and tells watchers", () =>
  withMemory(async (ground) => {
    const bucket = await ground.run(ground.server.connect("a").bucket("test", { keyTtl: true }));
    const seen: string[] = [];
    const first = await ground.run(bucket.put("a", bytes("1")));
    await ground.run(
      bucket.watch((key, value) => void seen.push(`${key}=${value && Buffer.from(value)}`)),
    );
    assert.equal(seen, ["a=1"]);
    assert.is(await ground.run(bucket.compareAndSet("a", bytes("2"), first + 5)), undefined);
    const second = await ground.run(bucket.compareAndSet("a", bytes("2"), first, 10));
    assert.ok(second !== undefined && second > first);
    assert.is(await ground.run(bucket.compareAndSet("a", bytes("3"), 0)), undefined);
    await ground.clock.advance(11_000);
    assert.is(await ground.run(bucket.get("a")), undefined);
    assert.ok(await ground.run(bucket.compareAndSet("a", bytes("4"), 0)));
    await ground.clock.advance(10);
    assert.equal(seen, ["a=1", "a=2", "a=undefined", "a=4"]);
  }),
);

memory("repeats, delays and loses as asked, and settles once it is healed", () =>
  withMemory(
    async (ground) => {
      const client = ground.server.connect("a");
      await ground.run(client.declareConsumer(SPEC));
      const counts = new Map<string, number>();
      await ground.run(
        client.consume(SPEC, { outstandingMax: 5 }, (delivery) => {
          const text = Buffer.from(delivery.data).toString();
          counts.set(text, (counts.get(text) ?? 0) + 1);
          delivery.ack();
        }),
      );
      for (let number = 0; number < 100; number += 1) {
        await ground.run(
          client.publish(SUBJECT, bytes(`${number}`), { id: `${number}`, timeoutMs: 60_000 }),
        );
      }
      await ground.clock.advance(100_000);
      ground.server.setFaults(NO_FAULTS);
      await ground.clock.advance(100_000);
      assert.is(counts.size, 100);
      assert.ok(
        [...counts.values()].some((count) => count > 1),
        "some came twice",
      );
      assert.is(ground.server.history("REQUESTS").length, 100);
      assert.equal(ground.server.stored("REQUESTS"), []);
    },
    {
      publishAckLost: 0.2,
      publishLost: 0.1,
      publishLate: 0.1,
      deliveryRepeated: 0.2,
      deliveryLate: 0.2,
      ackLost: 0.2,
      lateMsMax: 2_000,
      wayMsMax: 5,
    },
    7,
  ),
);

memory("runs the same way again from the same seed", async () => {
  const traces: string[] = [];
  for (const seed of [5, 5, 6]) {
    await withMemory(
      async (ground) => {
        const client = ground.server.connect("a");
        await fill(ground, client, ["1", "2", "3"]);
        const { held } = await hold(ground, client);
        await ground.clock.advance(100);
        traces.push(JSON.stringify(held.map(({ sequence, pulledAtMs }) => [sequence, pulledAtMs])));
      },
      { wayMsMax: 10 },
      seed,
    );
  }
  assert.is(traces[0], traces[1]);
  assert.is.not(traces[0], traces[2]);
});

memory("knows which subjects a pattern takes", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["request.>", "request.high.0", true],
    ["request.>", "request", false],
    ["attempt.*.alpha", "attempt.3.alpha", true],
    ["attempt.*.alpha", "attempt.3.beta", false],
    ["attempt.*.*", "attempt.3", false],
    ["attempt.*", "attempt.3.alpha", false],
    ["usage.api", "usage.api", true],
  ];
  for (const [pattern, subject, expected] of cases) {
    assert.is(matches(pattern, subject), expected, `${pattern} ${subject}`);
  }
});

memory.run();
