/** A gateway over loopback, with a real gRPC client and a stream that does what the test says. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RequestFrame } from "../../../core/proto/floe/v1/frames.js";
import { Message } from "../../../core/proto/floe/v1/messaging.js";
import { openFakeStream } from "../../unit/gateway/fake-stream.js";
import { errorOf, message, sendBatch, sendMessage, withGateway } from "./with-gateway.js";

const unary = suite("gateway, unary calls");

unary("answers a message with its id once the stream holds it", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    const sent = message({ trafficClass: 1, tags: { team: "ops" } });
    const { messageId } = await sendMessage(gateway, sent);
    const frames = stream.published.filter(({ subject }) => subject.startsWith("request."));
    assert.is(frames.length, 1);
    assert.match(frames[0]!.subject, /^request\.high\.[01]$/);
    const frame = RequestFrame.decode(frames[0]!.data);
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

unary("answers a batch item by item, in order", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async (gateway) => {
    const { results } = await sendBatch(gateway, [
      message(),
      message({ to: "0123" }),
      message({ trafficClass: 3 }),
    ]);
    assert.equal(
      results.map(({ result }) => result?.$case),
      ["messageId", "error", "messageId"],
    );
  });
});

unary("refuses a wrong key", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const told = await errorOf(sendMessage({ ...gateway, key: "nonsense" }, message()));
    assert.is(told.code, status.UNAUTHENTICATED);
    assert.is(told.reason, "floe/API_KEY_MALFORMED");
  });
});

unary.run();
