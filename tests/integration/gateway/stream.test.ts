/** SendStream over loopback, with a real gRPC client and a stream that does what the test says. */
import { type ClientDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageFrame } from "../../../core/proto/floe/v1/frames.js";
import type {
  Message,
  SendStreamRequest,
  SendStreamResponse,
} from "../../../core/proto/floe/v1/messaging.js";
import { type FakeStream, openFakeStream } from "../../unit/gateway/fake-stream.js";
import { message } from "../../unit/gateway/messages.js";
import { until } from "../../until.js";
import { bearer, type Gateway, type Told, toldByError, withGateway } from "./with-gateway.js";

const stream = suite("gateway, SendStream");

interface Conversation {
  readonly call: ClientDuplexStream<SendStreamRequest, SendStreamResponse>;
  readonly responses: SendStreamResponse[];
  /** What the server ended it with; undefined: well. */
  readonly ended: Promise<Told | undefined>;
  send(sequence: number, messages: readonly Message[]): void;
  /** Resolves when so many responses have come. */
  responded(count: number): Promise<void>;
}

function converse({ client, key }: Gateway, keyOf = key): Conversation {
  const call = client.sendStream(bearer(keyOf));
  const responses: SendStreamResponse[] = [];
  const waiting: { count: number; go(): void }[] = [];
  call.on("data", (response: SendStreamResponse) => {
    responses.push(response);
    for (const { count, go } of waiting) if (responses.length >= count) go();
  });
  const ended = new Promise<Told | undefined>((resolve) => {
    let error: ServiceError | undefined;
    call.on("error", (failed: ServiceError) => {
      error = failed;
    });
    call.on("status", () => {
      // `error` comes after `status`.
      setImmediate(() => resolve(error === undefined ? undefined : toldByError(error)));
    });
  });
  return {
    call,
    responses,
    ended,
    send(sequence, messages) {
      call.write({ sequence: BigInt(sequence), messages: [...messages] });
    },
    responded: (count) =>
      responses.length >= count
        ? Promise.resolve()
        : new Promise((go) => void waiting.push({ count, go })),
  };
}

const many = (count: number): Message[] => Array.from({ length: count }, () => message());

function usageOf(fake: FakeStream) {
  return fake.published
    .filter(({ subject }) => subject === "usage.api")
    .flatMap(({ data }) => UsageFrame.decode(data).records);
}

stream(
  "grants credit first, then answers each request by its number, and grants anew",
  async () => {
    await withGateway(openFakeStream(), async (gateway) => {
      const { call, responses, ended, send, responded } = converse(gateway);
      await responded(1);
      assert.equal(responses[0], { sequence: 0n, results: [], credit: 4_000 });
      send(5, [message(), message({ to: "" })]);
      send(6, many(3));
      await responded(3);
      const [five, six] = [5n, 6n].map((number) =>
        responses.find((one) => one.sequence === number),
      );
      assert.equal(
        five?.results.map(({ result }) => result?.$case),
        ["messageId", "error"],
      );
      assert.is(five?.credit, 2);
      assert.is(six?.results.length, 3);
      assert.is(six?.credit, 3);
      call.end();
      assert.is(await ended, undefined);
    });
  },
);

stream("answers what is outstanding after a half-close, and ends well", async () => {
  const fake = openFakeStream();
  await withGateway(fake, async (gateway) => {
    const { call, responses, ended, send, responded } = converse(gateway);
    await responded(1);
    fake.mode = "hang";
    fake.modeOf = "request.";
    send(1, many(2));
    call.end();
    await until(() => fake.hanging() > 0);
    assert.is(responses.length, 1);
    fake.release();
    assert.is(await ended, undefined);
    assert.is(responses[1]?.results.length, 2);
  });
});

stream(
  "cuts off a caller who sends more than he was granted, after answering the rest",
  async () => {
    const fake = openFakeStream();
    await withGateway(fake, async (gateway) => {
      const { responses, ended, send, responded } = converse(gateway);
      await responded(1);
      fake.mode = "hang";
      fake.modeOf = "request.";
      for (let sequence = 1; sequence <= 5; sequence += 1) send(sequence, many(900));
      // The usage record of the last one says that it was refused; then the others are answered.
      await until(() => usageOf(fake).some(({ code }) => code === status.RESOURCE_EXHAUSTED));
      fake.release();
      const told = await ended;
      assert.is(told?.code, status.RESOURCE_EXHAUSTED);
      assert.is(told?.reason, "floe/CREDIT_EXCEEDED");
      assert.equal(responses.map(({ sequence }) => sequence).sort(), [0n, 1n, 2n, 3n, 4n]);
    });
  },
);

stream("does without end what one who keeps to his credit asks for", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const { call, responses, ended, send, responded } = converse(gateway);
    await responded(1);
    let credit = responses[0]!.credit;
    let answered = 1;
    for (let sequence = 1; sequence <= 12; sequence += 1) {
      while (credit < 1_000) {
        await responded(answered + 1);
        for (; answered < responses.length; answered += 1) credit += responses[answered]!.credit;
      }
      send(sequence, many(1_000));
      credit -= 1_000;
    }
    call.end();
    assert.is(await ended, undefined);
    assert.is(
      responses.reduce((sum, { results }) => sum + results.length, 0),
      12_000,
    );
  });
});

stream("ends on numbers that do not rise, on empty and on oversized requests", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const cases = [
      {
        requests: [
          [2, 1],
          [2, 1],
        ],
        reason: "floe/SEQUENCE",
      },
      { requests: [[0, 1]], reason: "floe/SEQUENCE" },
      { requests: [[1, 0]], reason: "floe/BATCH_SIZE" },
      { requests: [[1, 1_001]], reason: "floe/BATCH_SIZE" },
    ];
    for (const { requests, reason } of cases) {
      const { ended, send, responses } = converse(gateway);
      for (const [sequence, count] of requests) send(sequence!, many(count!));
      const told = await ended;
      assert.is(told?.code, status.INVALID_ARGUMENT);
      assert.is(told?.reason, reason);
      assert.is(responses.length, requests.length, "what came before is answered");
    }
  });
});

stream("goes on when the stream is full, telling it item by item", async () => {
  const fake = openFakeStream();
  await withGateway(fake, async (gateway) => {
    const { call, responses, ended, send, responded } = converse(gateway);
    await responded(1);
    fake.mode = "full";
    fake.modeOf = "request.";
    send(1, many(2));
    await responded(2);
    const codes = responses[1]!.results.map(({ result }) =>
      result?.$case === "error" ? result.error.code : 0,
    );
    assert.equal(codes, [status.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED]);
    fake.mode = "store";
    send(2, many(1));
    await responded(3);
    assert.is(responses[2]!.results[0]!.result?.$case, "messageId");
    call.end();
    assert.is(await ended, undefined);
  });
});

stream("refuses a wrong key, and a key that is revoked while it is open", async () => {
  await withGateway(openFakeStream(), async (gateway) => {
    const wrong = await converse(gateway, "nonsense").ended;
    assert.is(wrong?.code, status.UNAUTHENTICATED);
    const { ended, send, responded } = converse(gateway);
    await responded(1);
    await gateway.putKey({ status: "revoked" });
    send(1, many(1));
    assert.is((await ended)?.code, status.UNAUTHENTICATED);
  });
});

stream("is ended by a stop of the gateway after its answers", async () => {
  const fake = openFakeStream();
  await withGateway(fake, async (gateway) => {
    const { responses, ended, send, responded } = converse(gateway);
    await responded(1);
    fake.mode = "hang";
    fake.modeOf = "request.";
    send(1, many(2));
    await until(() => fake.hanging() > 0);
    const stopped = gateway.stop();
    fake.release();
    const told = await ended;
    await stopped;
    assert.is(told?.code, status.UNAVAILABLE);
    assert.is(told?.reason, "floe/DRAINING");
    assert.is(responses[1]?.results.length, 2);
  });
});

stream("leaves a usage record for its opening and for every request", async () => {
  const fake = openFakeStream();
  await withGateway(fake, async (gateway) => {
    const { call, ended, send, responded } = converse(gateway);
    await responded(1);
    send(1, [message(), message({ to: "" })]);
    await responded(2);
    call.cancel();
    await ended;
    await gateway.stop();
    const told = usageOf(fake).map(({ method, account, accepted, refused, code }) => {
      return { method, account, accepted, refused, code };
    });
    const common = { method: "SendStream", account: 7, code: 0 };
    assert.equal(told, [
      { ...common, accepted: 0, refused: 0 },
      { ...common, accepted: 1, refused: 1 },
    ]);
  });
});

stream.run();
