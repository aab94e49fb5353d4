/** Integration tests of dispatch against a real nats-server, with real pool threads. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { STATE } from "../../../core/message.js";
import { ATTEMPT_SUBMITTED } from "../../../core/stream/fields.js";
import {
  attemptSubject,
  BUCKETS,
  requestConsumer,
  requestSubject,
  SNAPSHOTS_STORE,
} from "../../../core/subjects.js";
import { capture, loadSnapshot, NO_PARTS, store } from "../../../services/dispatch/snapshot.js";
import { applyFrame, openState } from "../../../services/dispatch/state.js";
import { attemptFrame, dump, idOf, requestFrame } from "../../unit/dispatch/kit.js";
import { until } from "../../until.js";
import { type System, stored, withSystem } from "./system.js";

const flow = suite("dispatch on nats-server");
const ALPHA = "dispatch.alpha.normal.0";
/** Now, and not the kit's time: the owner looks at how late frames are. */
const now = () => SYSTEM_CLOCK.nowMs();

function frame(ids: readonly number[], lane = 2): Uint8Array {
  const acceptedAtMs = now();
  const messages = ids.map((id) => ({ id, acceptedAtMs }));
  return requestFrame(messages, { lane, publishedAtMs: acceptedAtMs });
}

async function backlog({ client }: System): Promise<number> {
  const { pending, ackPending } = await client.backlog(requestConsumer("normal", 0));
  return pending + ackPending;
}

flow("decides, dispatches and then acks what a gateway published", async () => {
  await withSystem(async (system) => {
    await system.start("one");
    await system.publish(frame([1, 2, 3]));
    await until(async () => (await system.dispatches(ALPHA)).length === 1);
    await until(async () => (await backlog(system)) === 0);
    const [decision] = await system.decisions();
    const [dispatch] = await system.dispatches(ALPHA);
    assert.equal(
      decision!.records.map(({ state }) => state),
      [3, 3, 3],
    );
    assert.is(decision!.covers[0]!.publishId, "g-1");
    assert.is(decision!.covers[0]!.count, 3);
    assert.is(dispatch!.identity, `0/${decision!.sequence}/${ALPHA}/0`);
    assert.is(dispatch!.again, false);
    assert.equal(
      dispatch!.records.map(({ messageId }) => messageId),
      [1, 2, 3].map(idOf),
    );
    assert.is(dispatch!.records[0]!.message!.to, "+447700900123");
    assert.is(dispatch!.records[0]!.candidates[0]!.carrier, "beta");
  });
});

flow("settles what attempts bring, and goes on behind them after a restart", async () => {
  await withSystem(async (system) => {
    const stop = await system.start("one");
    const acceptedAtMs = now();
    const messages = [1, 2].map((id) => ({ id, acceptedAtMs }));
    await system.publish(requestFrame(messages, { publishedAtMs: acceptedAtMs }));
    await until(async () => (await system.dispatches(ALPHA)).length === 1);
    const submitted = (id: number) => ({ id, kind: ATTEMPT_SUBMITTED, acceptedAtMs });
    await system.client.publish(attemptSubject(0, "alpha"), attemptFrame([submitted(1)]));
    const settlements = async () => (await system.decisions()).flatMap((one) => one.settlements);
    await until(async () => (await settlements()).length === 1);
    await stop();
    await system.client.publish(
      attemptSubject(0, "alpha"),
      attemptFrame([submitted(1), submitted(2)]),
    );
    await system.start("two");
    await until(async () => (await settlements()).length === 2);
    const all = await settlements();
    assert.equal(
      all.map(({ ledgerSequence }) => ledgerSequence),
      [1n, 2n],
    );
    assert.equal(
      all.map(({ messageId }) => messageId),
      [idOf(1), idOf(2)],
    );
    const last = (await system.decisions()).at(-1)!;
    assert.is(last.attemptsThrough, 2n);
  });
});

flow("takes over from an owner that stopped, and decides nothing twice", async () => {
  await withSystem(async (system) => {
    const stop = await system.start("one");
    for (let id = 1; id <= 20; id += 1) await system.publish(frame([id]), 1 + (id % 3));
    await stop();
    await system.start("two");
    for (let id = 21; id <= 30; id += 1) await system.publish(frame([id]), 1 + (id % 3));
    const verdicts = async () => (await system.decisions()).flatMap(({ records }) => records);
    await until(async () => (await verdicts()).length >= 30);
    await sleep(SYSTEM_CLOCK, 100);
    const decided = (await verdicts()).map(({ messageId }) => messageId.toString("hex"));
    assert.is(decided.length, 30);
    assert.is(new Set(decided).size, 30);
    assert.ok((await verdicts()).every(({ state }) => state === STATE.ROUTED));
  });
});

flow("loses nothing and decides nothing twice when nats-server is killed under load", async () => {
  await withSystem(async (system) => {
    await system.start("one");
    const publishing: Promise<void>[] = [];
    for (let id = 1; id <= 200; id += 1) {
      publishing.push(system.publish(frame([id])));
      await sleep(SYSTEM_CLOCK, 2);
      if (id === 100) await system.nats.kill();
      if (id === 150) await system.nats.restart();
    }
    await Promise.all(publishing);
    // A server that has just recovered may call a backlog empty that it has not counted yet.
    await until(async () => {
      const decided = (await system.decisions()).flatMap(({ records }) => records);
      return decided.length >= 200 && (await backlog(system)) === 0;
    }, "all decisions");
    const verdicts = (await system.decisions()).flatMap(({ records }) => records);
    const routed = verdicts.filter(({ state }) => state === STATE.ROUTED);
    assert.is(new Set(routed.map(({ messageId }) => messageId.toString("hex"))).size, 200);
    assert.is(routed.length, 200);
    const dispatched = (await system.dispatches(ALPHA)).flatMap(({ records }) => records);
    assert.is(new Set(dispatched.map(({ messageId }) => messageId.toString("hex"))).size, 200);
  });
});

flow("shares partitions between processes, and takes over those of one that stopped", async () => {
  await withSystem(async (system) => {
    const { client } = system;
    const stop = await system.start("one");
    await system.start("two");
    await until(async () => {
      const leases = await client.bucket(BUCKETS.leases, { keyTtl: true });
      const owners = (await leases.entries())
        .filter(({ key }) => key.startsWith("partition.key."))
        .map(({ value }) => Buffer.from(value).toString("utf8"));
      return owners.length === 8 && new Set(owners.filter((name) => name !== "")).size === 2;
    });
    const publishAll = async (from: number) => {
      for (let partition = 0; partition < 8; partition += 1) {
        const acceptedAtMs = now();
        const messages = [{ id: from + partition, acceptedAtMs }];
        const data = requestFrame(messages, { partition, publishedAtMs: acceptedAtMs });
        await client.publish(requestSubject(2, partition), data, { id: `p-${from + partition}` });
      }
    };
    const decided = async () => {
      let count = 0;
      for (let partition = 0; partition < 8; partition += 1) {
        count += (await system.decisions(partition)).flatMap(({ records }) => records).length;
      }
      return count;
    };
    await publishAll(0);
    await until(async () => (await decided()) === 8);
    await stop();
    await publishAll(100);
    await until(async () => (await decided()) === 16);
  }, 8);
});

flow("keeps snapshots in the object store, of a megabyte too", async () => {
  await withSystem(async (system) => {
    await system.start("one");
    const acceptedAtMs = now();
    for (let from = 0; from < 5_000; from += 500) {
      const messages = Array.from({ length: 500 }, (_, id) => ({
        id: from + id,
        key: from + id,
        account: 1 + (id % 7),
        acceptedAtMs,
      }));
      await system.publish(requestFrame(messages, { publishedAtMs: acceptedAtMs }));
    }
    await until(async () => (await backlog(system)) === 0);
    const limits = { keysMax: 100_000, accountKeysMax: 100_000 };
    const state = openState(limits);
    for (const { data, sequence } of await stored(system.client, "DECISIONS", "decision.0")) {
      assert.is(applyFrame(state, data, sequence), undefined);
    }
    const objects = await system.client.objects(SNAPSHOTS_STORE);
    await store(objects, capture(0, state, NO_PARTS));
    const loaded = await loadSnapshot(objects, 0, limits, () => assert.unreachable());
    assert.is(loaded!.state.reservations.held(), 5_000);
    assert.equal(dump(loaded!.state), dump(state));
  });
});

flow.run();
