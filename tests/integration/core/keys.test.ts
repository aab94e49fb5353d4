/** Buckets, objects, leases and the fenced append against a real nats-server. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { isFloeError } from "../../../core/errors.js";
import { openAppender } from "../../../core/stream/append.js";
import { holdLeases } from "../../../core/stream/lease.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { STREAMS, type StreamName } from "../../../core/subjects.js";
import { until } from "../../until.js";
import { withNats } from "../with-nats.js";

const keys = suite("keys, leases and appends on nats-server");
const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (data: Uint8Array | undefined): string | undefined =>
  data === undefined ? undefined : Buffer.from(data).toString();

keys("are set, compared, deleted, listed and watched", () =>
  withNats(async (nats) => {
    const bucket = await (await nats.client()).bucket("test", { history: 3 });
    const first = await bucket.put("a.b", bytes("1"));
    assert.equal(await bucket.compareAndSet("new", bytes("n"), 0), first + 1);
    assert.is(await bucket.compareAndSet("new", bytes("m"), 0), undefined);
    assert.is(await bucket.compareAndSet("a.b", bytes("x"), first + 7), undefined);
    const seen: string[] = [];
    const watching = await bucket.watch((key, value) => void seen.push(`${key}=${text(value)}`));
    assert.equal(seen.sort(), ["a.b=1", "new=n"]);
    assert.ok(await bucket.compareAndSet("a.b", bytes("2"), first));
    await bucket.delete("new");
    assert.is(await bucket.get("new"), undefined);
    assert.equal(
      (await bucket.entries()).map(({ key, value }) => `${key}=${text(value)}`),
      ["a.b=2"],
    );
    assert.ok(await bucket.compareAndSet("new", bytes("again"), 0));
    await until(() => seen.length === 5, "the changes");
    assert.equal(seen.slice(2), ["a.b=2", "new=undefined", "new=again"]);
    await watching.stop();
  }),
);

keys("with a time to live go by themselves, renewals keep it, and watchers hear of it", () =>
  withNats(async (nats) => {
    const bucket = await (await nats.client()).bucket("ttl", { keyTtl: true });
    const seen: (string | undefined)[] = [];
    await bucket.watch((_, value) => void seen.push(text(value)));
    let revision = (await bucket.compareAndSet("lease", bytes("0"), 0, 2))!;
    for (let time = 1; time <= 3; time += 1) {
      await sleep(SYSTEM_CLOCK, 1_000);
      revision = (await bucket.compareAndSet("lease", bytes(`${time}`), revision, 2))!;
      assert.ok(revision, "renewed in time");
    }
    assert.is(text((await bucket.get("lease"))?.value), "3");
    await until(() => seen.at(-1) === undefined, "the end of its life");
    assert.is(await bucket.get("lease"), undefined);
    assert.ok(await bucket.compareAndSet("lease", bytes("free"), 0, 2));
  }),
);

keys("bucket reads survive a restart, and watchers miss nothing", () =>
  withNats(async (nats) => {
    const watcher = await nats.client("watcher");
    const writer = await nats.client("writer");
    const seen: (string | undefined)[] = [];
    const bucket = await writer.bucket("test");
    await (await watcher.bucket("test")).watch((_, value) => void seen.push(text(value)));
    await bucket.put("a", bytes("1"));
    await until(() => seen.length === 1, "the first change");
    await nats.kill();
    const late = bucket.put("a", bytes("2"));
    await nats.restart();
    await late;
    await until(() => seen.at(-1) === "2", "the change after the restart");
    assert.equal(seen, ["1", "2"]);
  }),
);

keys("object stores keep large values by name", () =>
  withNats(async (nats) => {
    const client = await nats.client();
    const objects = await client.objects("test_tables");
    const large = new Uint8Array(700_000).map((_, index) => index % 251);
    await objects.put("v1", large);
    await objects.put("v2", bytes("small"));
    assert.equal(Buffer.compare((await objects.get("v1"))!, large), 0);
    assert.equal([...(await objects.list())].sort(), ["v1", "v2"]);
    await objects.delete("v1");
    assert.is(await objects.get("v1"), undefined);
    assert.equal(await objects.list(), ["v2"]);
    // Nothing is left of it: a snapshot a minute would else leave half a million marks a year, and
    // every list reads them all.
    const { messages } = await client.state("OBJ_test_tables" as StreamName);
    assert.is(messages, 2, "one object: what it is, and its bytes");
  }),
);

function member(client: StreamClient, name: string, events: string[]) {
  const opening = client.bucket("floe_leases", { keyTtl: true });
  return opening.then((bucket) =>
    holdLeases({
      bucket,
      clock: SYSTEM_CLOCK,
      group: "partition",
      keys: ["0", "1"],
      member: name,
      ttlSeconds: 2,
      gained: (key, epoch) => void events.push(`${name}+${key}@${epoch}`),
      lost: async (key) => void events.push(`${name}-${key}`),
    }),
  );
}

keys("leases are shared, handed over, and taken from who is gone", () =>
  withNats(async (nats) => {
    const events: string[] = [];
    const a = await member(await nats.client("a"), "a", events);
    assert.equal([...a.owned()].sort(), ["0", "1"]);
    const clientB = await nats.client("b");
    const b = await member(clientB, "b", events);
    await until(() => a.owned().length === 1 && b.owned().length === 1, "an even share");
    await a.stop();
    await until(() => b.owned().length === 2, "what was handed over");
    const c = await member(await nats.client("c"), "c", events);
    await until(() => c.owned().length === 1, "the share of c");
    // The connection of b ends without a word: its leases run out.
    await clientB.close();
    await until(() => c.owned().length === 2, "what b left");
    await until(() => b.owned().length === 0, "that b knows it");
    const epochs = events.filter((one) => one.includes("+")).map((one) => one.split("@")[1]);
    assert.is(new Set(epochs).size, epochs.length);
    await c.stop();
  }),
);

keys("an append is stored once when the server is killed and restarted under it", () =>
  withNats(async (nats) => {
    const client = await nats.client();
    await client.declare(STREAMS);
    const where = { stream: "DECISIONS", subject: "decision.0" } as const;
    const appender = openAppender({
      client,
      ...where,
      lastSequence: 0,
      writerId: "w",
      giveUpMs: 30_000,
    });
    const appending = (async () => {
      for (let number = 1; number <= 300; number += 1) {
        assert.is(await appender.append(bytes(`${number}`)), number);
      }
    })();
    await sleep(SYSTEM_CLOCK, 30);
    await nats.kill();
    await nats.restart();
    await appending;
    assert.equal(await client.state("DECISIONS"), {
      firstSequence: 1,
      lastSequence: 300,
      messages: 300,
    });
  }),
);

keys("an append recognises its own echo, and another owner", () =>
  withNats(async (nats) => {
    const client = await nats.client();
    await client.declare(STREAMS);
    const subject = "decision.5";
    const open = (writerId: string, lastSequence: number, using: StreamClient = client) =>
      openAppender({
        client: using,
        stream: "DECISIONS",
        subject,
        lastSequence,
        writerId,
        giveUpMs: 10_000,
      });
    // Every publish goes out twice, so what counts is answered like a foreign fence (10071).
    const echoing: StreamClient = {
      ...client,
      async publish(...publication) {
        await client.publish(...publication);
        return client.publish(...publication);
      },
    };
    const one = open("one", 0, echoing);
    assert.is(await one.append(bytes("1")), 1);
    assert.is(await one.append(bytes("2")), 2);
    const two = open("two", 2);
    assert.is(await two.append(bytes("3")), 3);
    let code: string | undefined;
    await one.append(bytes("4")).catch((error) => {
      code = isFloeError(error) ? error.code : `${error}`;
    });
    assert.is(code, "stream.fenced");
    assert.is((await client.state("DECISIONS")).lastSequence, 3);
  }),
);

keys.run();
