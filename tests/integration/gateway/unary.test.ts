/** Unary calls over loopback, with a real gRPC client and a stream that does what the test says. */
import { Metadata, status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { RequestFrame, UsageFrame } from "../../../core/proto/floe/v1/frames.js";
import { Message } from "../../../core/proto/floe/v1/messaging.js";
import { BUCKETS } from "../../../core/subjects.js";
import { type FakeStream, openFakeStream } from "../../unit/gateway/fake-stream.js";
import { message } from "../../unit/gateway/messages.js";
import { until } from "../../until.js";
import { errorOf, sendBatch, sendMessage, told, withGateway } from "./with-gateway.js";

const unary = suite("gateway, unary calls");

const requestsOf = (stream: FakeStream) =>
  stream.published.filter(({ subject }) => subject.startsWith("request."));
const usageOf = (stream: FakeStream) =>
  stream.published
    .filter(({ subject }) => subject === "usage.api")
    .flatMap(({ data }) => UsageFrame.decode(data).records);
const inMs = (ms: number): Date => new Date(SYSTEM_CLOCK.nowMs() + ms);

unary("answers a message with its id once the stream holds it", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    const sent = message({ trafficClass: 1, tags: { team: "ops" } });
    const { messageId } = await sendMessage(gateway, sent);
    const [published, ...more] = requestsOf(stream);
    assert.is(more.length, 0);
    assert.match(published!.subject, /^request\.high\.[01]$/);
    const frame = RequestFrame.decode(published!.data);
    assert.is(frame.lane, 1);
    assert.is(frame.records.length, 1);
    const record = frame.records[0]!;
    assert.is(record.account, 7);
    assert.is(record.plan, 3);
    assert.is(record.keyTag, 0n);
    assert.equal(Message.encode(record.message!).finish(), Message.encode(sent).finish());
    assert.is(Buffer.from(record.messageId).toString("hex"), messageId.replaceAll("-", ""));
    assert.is(messageId[14], "7");
  });
});

unary("gives a repeat with its key the same id, and tells a conflict", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const keyed = message({ idempotencyKey: "order-1" });
    const first = await sendMessage(gateway, keyed);
    assert.is(first.messageId[14], "8");
    assert.equal(await sendMessage(gateway, keyed), first);
    const other = await errorOf(sendMessage(gateway, { ...keyed, to: "+447700900124" }));
    assert.is(other.code, status.FAILED_PRECONDITION);
    assert.is(other.reason, "floe/IDEMPOTENCY_CONFLICT");
  });
});

unary("answers a batch item by item, in order", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const { results } = await sendBatch(gateway, [
      message(),
      message({ to: "0123" }),
      message({ trafficClass: 3 }),
    ]);
    const kinds = results.map(({ result }) => result?.$case);
    assert.equal(kinds, ["messageId", "error", "messageId"]);
    const { result } = results[1]!;
    const second = told(result?.$case === "error" ? result.error : undefined);
    assert.is(second.code, status.INVALID_ARGUMENT);
    assert.match(second.fields[0]!, /^messages\[1\]\.to: must be "\+"/);
  });
});

unary("names every wrong field of a message, and repeats no value", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    const wrong = message({ to: "+440", body: { $case: "text", text: "" }, from: "Sécrétariat" });
    const error = await errorOf(sendMessage(gateway, wrong));
    assert.is(error.code, status.INVALID_ARGUMENT);
    assert.is(error.reason, "floe/MESSAGE_INVALID");
    const fields = error.fields.map((field) => field.split(":")[0]);
    assert.equal(fields, ["message.to", "message.from", "message.text"]);
    assert.not.match(JSON.stringify(error), /\+440|crétariat/);
    assert.is(requestsOf(stream).length, 0);
  });
});

unary("refuses a request without a message", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const error = await errorOf(sendMessage(gateway, undefined));
    assert.is(error.code, status.INVALID_ARGUMENT);
    assert.match(error.fields[0]!, /^message: /);
  });
});

unary("takes 1,000 messages in a batch, and neither 1,001 nor none", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    const many = (count: number) => Array.from({ length: count }, () => message());
    assert.is((await sendBatch(gateway, many(1_000))).results.length, 1_000);
    const before = requestsOf(stream).length;
    for (const count of [1_001, 0]) {
      const error = await errorOf(sendBatch(gateway, many(count)));
      assert.is(error.code, status.INVALID_ARGUMENT);
      assert.match(error.fields[0]!, /^messages: must be 1 to 1000/);
    }
    assert.is(requestsOf(stream).length, before);
  });
});

unary("refuses a call without a key, with a wrong one, and of a suspended account", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const missing = await errorOf(sendMessage(gateway, message(), {}, new Metadata()));
    assert.is(missing.code, status.UNAUTHENTICATED);
    assert.is(missing.reason, "floe/API_KEY_MISSING");
    const wrong = await errorOf(sendMessage({ ...gateway, key: "nonsense" }, message()));
    assert.is(wrong.reason, "floe/API_KEY_MALFORMED");
    await gateway.putAccount({ status: "suspended" });
    const suspended = await errorOf(sendMessage(gateway, message()));
    assert.is(suspended.code, status.PERMISSION_DENIED);
    await gateway.putAccount({});
    assert.ok((await sendMessage(gateway, message())).messageId);
  });
});

unary("says UNAVAILABLE and when to repeat if the outcome is unknown", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    stream.mode = "unknown";
    stream.modeOf = "request.";
    for (const call of [sendMessage(gateway, message()), sendBatch(gateway, [message()])]) {
      const error = await errorOf(call);
      assert.is(error.code, status.UNAVAILABLE);
      assert.is(error.reason, "floe/STREAM_UNCONFIRMED");
      assert.ok(error.retryMs! > 0);
    }
  });
});

unary("says so before the caller's deadline if the stream is slow", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    stream.mode = "hang";
    stream.modeOf = "request.";
    const error = await errorOf(sendMessage(gateway, message(), { deadline: inMs(3_000) }));
    assert.is(error.reason, "floe/STREAM_UNCONFIRMED");
    stream.release();
    assert.ok((await sendMessage(gateway, message())).messageId);
  });
});

unary("says RESOURCE_EXHAUSTED and when to repeat if the stream is full", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    stream.mode = "full";
    stream.modeOf = "request.";
    const error = await errorOf(sendBatch(gateway, [message(), message()]));
    assert.is(error.code, status.RESOURCE_EXHAUSTED);
    assert.is(error.reason, "floe/STREAM_FULL");
    assert.ok(error.retryMs! > 0);
  });
});

unary("tells a batch that is stored in part item by item", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    stream.mode = "full";
    stream.modeOf = "request.bulk";
    const { results } = await sendBatch(gateway, [message(), message({ trafficClass: 3 })]);
    assert.equal(
      results.map(({ result }) => result?.$case),
      ["messageId", "error"],
    );
  });
});

unary("says RESOURCE_EXHAUSTED when its own outbox is full", async () => {
  const stream = openFakeStream();
  const bounds = { FLOE_GATEWAY_RECORDS_MAX: "1000" };
  await withGateway(
    stream,
    async (gateway) => {
      stream.mode = "hang";
      stream.modeOf = "request.";
      const many = Array.from({ length: 600 }, () => message());
      const first = sendBatch(gateway, many);
      await until(() => stream.hanging() > 0);
      const error = await errorOf(sendBatch(gateway, many));
      assert.is(error.code, status.RESOURCE_EXHAUSTED);
      assert.is(error.reason, "floe/GATEWAY_FULL");
      assert.ok(error.retryMs! > 0);
      stream.release();
      assert.is((await first).results.length, 600);
    },
    bounds,
  );
});

unary("says UNAVAILABLE at once while the stream is away", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    stream.here = false;
    await until(() => !gateway.ready());
    await sleep(SYSTEM_CLOCK, 1_300);
    const error = await errorOf(sendMessage(gateway, message()));
    assert.is(error.code, status.UNAVAILABLE);
    assert.is(error.reason, "floe/STREAM_AWAY");
    assert.ok(error.retryMs! > 0);
    assert.is(requestsOf(stream).length, 0);
  });
});

unary("says UNAVAILABLE until the partitions are known", async () => {
  const stream = openFakeStream();
  const config = await stream.bucket(BUCKETS.config);
  await withGateway(
    stream,
    async (gateway) => {
      assert.not(gateway.ready());
      assert.is((await errorOf(sendMessage(gateway, message()))).reason, "floe/NOT_READY");
      await config.put("partitions", Buffer.from('{"count":3}'));
      assert.ok((await sendMessage(gateway, message())).messageId);
      assert.ok(gateway.ready());
    },
    {},
    { partitions: false },
  );
});

unary("refuses calls while it has no room for their usage records", async () => {
  const stream = openFakeStream();
  await withGateway(
    stream,
    async (gateway) => {
      stream.mode = "hang";
      stream.modeOf = "usage.";
      const calls = Array.from({ length: 1_000 }, () => sendMessage(gateway, message()));
      await Promise.all(calls);
      const error = await errorOf(sendMessage(gateway, message()));
      assert.is(error.code, status.RESOURCE_EXHAUSTED);
      assert.is(error.reason, "floe/USAGE_FULL");
      stream.release();
    },
    { FLOE_GATEWAY_USAGE_RECORDS_MAX: "1000" },
  );
  assert.is(usageOf(stream).length, 1_000);
});

unary("leaves a usage record of every call, refused ones too", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    await sendMessage(gateway, message());
    await sendBatch(gateway, [message(), message({ to: "" }), message()]);
    await errorOf(sendMessage(gateway, message({ to: "" })));
    await errorOf(sendMessage({ ...gateway, key: "nonsense" }, message()));
    await gateway.stop();
    const records = usageOf(stream);
    const shape = records.map(({ method, account, keyId, accepted, refused, code }) =>
      [method, account, keyId === gateway.keyId, accepted, refused, code].join(),
    );
    assert.equal(shape, [
      "SendMessage,7,true,1,0,0",
      "SendBatch,7,true,2,1,0",
      "SendMessage,7,true,0,1,3",
      "SendMessage,0,false,0,0,16",
    ]);
    for (const { peer, requestBytes, durationMicros, atMs } of records) {
      assert.is(peer, "127.0.0.1");
      assert.ok(requestBytes > 0 && durationMicros > 0 && atMs > 0n);
    }
  });
});

unary("finishes what is in flight when it stops, and takes nothing more", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    stream.mode = "hang";
    stream.modeOf = "request.";
    const inFlight = sendMessage(gateway, message());
    await until(() => stream.hanging() > 0);
    const stopped = gateway.stop();
    assert.not(gateway.ready());
    stream.release();
    assert.ok((await inFlight).messageId);
    await stopped;
    const late = await errorOf(sendMessage(gateway, message(), { deadline: inMs(2_000) }));
    assert.ok([status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes(late.code));
    assert.is(usageOf(stream).length, 1);
  });
});

unary("stops within its time even if the stream does not confirm", async () => {
  const stream = openFakeStream();
  await withGateway(
    stream,
    async (gateway) => {
      stream.mode = "hang";
      const failing = errorOf(sendMessage(gateway, message()));
      await until(() => stream.hanging() > 0);
      const startMs = SYSTEM_CLOCK.monotonicMs();
      await gateway.stop();
      assert.ok(SYSTEM_CLOCK.monotonicMs() - startMs < 5_000);
      assert.is((await failing).code, status.UNAVAILABLE);
    },
    { FLOE_GATEWAY_DRAIN_MS: "500" },
  );
});

unary.run();
