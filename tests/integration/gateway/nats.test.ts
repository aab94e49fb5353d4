/** A gateway over a real nats-server: what it accepted is there, also after a kill of the server. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { formatId } from "../../../core/message.js";
import { RequestFrame, UsageFrame } from "../../../core/proto/floe/v1/frames.js";
import type { StoredMessage, StreamClient } from "../../../core/stream/stream.js";
import { STREAMS, type StreamName } from "../../../core/subjects.js";
import { message } from "../../unit/gateway/messages.js";
import { withNats } from "../with-nats.js";
import { errorOf, type Gateway, sendBatch, sendMessage, withGateway } from "./with-gateway.js";

const nats = suite("gateway, nats-server");

const inMs = (ms: number): Date => new Date(SYSTEM_CLOCK.nowMs() + ms);

/** Everything that a stream holds. */
async function allOf(client: StreamClient, stream: StreamName): Promise<StoredMessage[]> {
  const { firstSequence, lastSequence } = await client.state(stream);
  const found: StoredMessage[] = [];
  for (let sequence = firstSequence; sequence <= lastSequence; sequence += 1) {
    const stored = await client.at(stream, sequence);
    if (stored !== undefined) found.push(stored);
  }
  return found;
}

async function storedIds(client: StreamClient): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { data } of await allOf(client, "REQUESTS")) {
    for (const { messageId } of RequestFrame.decode(data).records) {
      const id = formatId(messageId);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

nats("stores what it answered, once, and the usage of it", async () => {
  await withNats(async (server) => {
    const client = await server.client("gateway");
    await client.declare(STREAMS);
    const ids: string[] = [];
    await withGateway(client, async (gateway) => {
      ids.push((await sendMessage(gateway, message({ trafficClass: 1 }))).messageId);
      const batches = Array.from({ length: 10 }, () =>
        sendBatch(
          gateway,
          Array.from({ length: 50 }, () => message()),
        ),
      );
      for (const { results } of await Promise.all(batches)) {
        for (const { result } of results)
          if (result?.$case === "messageId") ids.push(result.messageId);
      }
      await gateway.stop();
    });
    assert.is(ids.length, 501);
    const stored = await storedIds(client);
    assert.equal([...stored.keys()].sort(), ids.sort());
    assert.ok([...stored.values()].every((count) => count === 1));
    const usage = (await allOf(client, "USAGE")).flatMap(
      ({ data }) => UsageFrame.decode(data).records,
    );
    assert.is(usage.length, 11);
    assert.is(
      usage.reduce((sum, { accepted }) => sum + accepted, 0),
      501,
    );
  });
});

/** Sends until the server takes it again. */
async function sendPatiently(gateway: Gateway): Promise<string> {
  for (let tries = 0; tries < 100; tries += 1) {
    const sent = await sendMessage(gateway, message(), { deadline: inMs(5_000) }).catch(() => null);
    if (sent !== null) return sent.messageId;
    await sleep(SYSTEM_CLOCK, 100);
  }
  throw new Error("the gateway did not come back");
}

nats("says UNAVAILABLE with RetryInfo while the server is gone, and loses nothing", async () => {
  await withNats(async (server) => {
    const client = await server.client("gateway");
    await client.declare(STREAMS);
    await withGateway(client, async (gateway) => {
      const before = await sendMessage(gateway, message());
      await server.kill();
      // At first the gateway waits for it to come back, as long as the caller does.
      const unknown = await errorOf(sendMessage(gateway, message(), { deadline: inMs(2_000) }));
      assert.is(unknown.code, status.UNAVAILABLE);
      assert.ok(unknown.retryMs! > 0);
      const away = await errorOf(sendMessage(gateway, message()));
      assert.is(away.code, status.UNAVAILABLE);
      assert.is(away.reason, "floe/STREAM_AWAY");
      assert.ok(away.retryMs! > 0);
      assert.not(gateway.ready());
      await server.restart();
      const after = await sendPatiently(gateway);
      const stored = await storedIds(client);
      assert.is(stored.get(before.messageId), 1);
      assert.is(stored.get(after), 1);
      assert.ok(gateway.ready());
    });
  });
});

nats("refuses a key and takes a plan as soon as the buckets say so", async () => {
  await withNats(async (server) => {
    const client = await server.client("gateway");
    await client.declare(STREAMS);
    await withGateway(client, async (gateway) => {
      await gateway.putAccount({ plan: 9 });
      await sleep(SYSTEM_CLOCK, 200);
      await sendMessage(gateway, message());
      const [frame] = await allOf(client, "REQUESTS");
      assert.is(RequestFrame.decode(frame!.data).records[0]!.plan, 9);
      await gateway.putKey({ status: "revoked" });
      await sleep(SYSTEM_CLOCK, 200);
      assert.is((await errorOf(sendMessage(gateway, message()))).code, status.UNAUTHENTICATED);
    });
  });
});

nats.run();
