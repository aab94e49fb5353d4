/** Unit tests of the accept path: fates, bounds and deadlines, over the real outbox. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type SimulatedClock, simulatedClock } from "../../../core/clock.js";
import type { Refusal } from "../../../core/grpc/refuse.js";
import { formatId, partitionOf } from "../../../core/message.js";
import { RequestFrame } from "../../../core/proto/floe/v1/frames.js";
import type { Message } from "../../../core/proto/floe/v1/messaging.js";
import { openOutbox } from "../../../core/stream/outbox.js";
import { openAcceptor } from "../../../services/gateway/accept.js";
import type { AccountState } from "../../../services/gateway/authenticate.js";
import { openIdentity } from "../../../services/gateway/identity.js";
import { newPace, setPace } from "../../../services/gateway/pace.js";
import { openRememberedKeys } from "../../../services/gateway/remembered.js";
import { FATE, type Taken } from "../../../services/gateway/taken.js";
import { type FakeStream, openFakeStream } from "./fake-stream.js";
import { encodeBatch, message } from "./messages.js";

const accept = suite("accept");

const START_MS = 1_800_000_000_000;
const FATES = Object.keys(FATE);

interface Answered {
  fates: string[];
  ids: string[];
  stored: number;
}

function open(
  bounds: Partial<Record<"recordsMax" | "bytesMax" | "accountRecordsMax", number>> = {},
) {
  const { recordsMax = 10_000, bytesMax = 1e7, accountRecordsMax = 10_000 } = bounds;
  const stream = openFakeStream();
  const clock = simulatedClock(START_MS);
  const shape = { window: 1, framesPerSecond: 0, publishMsMax: 15_000, writerId: "w" };
  const outbox = openOutbox({
    ...{ client: stream, clock, stage: "test", recordsMax, bytesMax },
    ...shape,
  });
  const acceptor = openAcceptor({
    clock,
    outbox,
    identity: openIdentity(new Uint8Array(16)),
    remembered: openRememberedKeys(64),
    partitions: 4,
    recordsMax,
    bytesMax,
    accountRecordsMax,
  });
  const account: AccountState = {
    account: 7,
    plan: 3,
    status: "active",
    waiting: 0,
    waitingBytes: 0,
    pace: newPace(),
  };
  const answers: Answered[] = [];
  const take = (messages: Message[], answerByMs = 15_000): Refusal | undefined =>
    acceptor.take(encodeBatch(messages), 1, messages.length, account, answerByMs, (taken) => {
      answers.push(copy(taken));
    });
  return { stream, clock, acceptor, account, answers, take };
}

/** What is taken is valid only until the answer returns. */
function copy({ count, fates, ids, stored }: Taken): Answered {
  return {
    fates: [...fates.subarray(0, count)].map((fate) => FATES[fate]!),
    ids: Array.from({ length: count }, (_, index) => formatId(ids, 16 * index)),
    stored,
  };
}

function recordsOf(stream: FakeStream) {
  return stream.published.flatMap(({ subject, data }) => {
    const frame = RequestFrame.decode(data);
    return frame.records.map((record) => ({ subject, frame, record }));
  });
}

const settle = (clock: SimulatedClock): Promise<void> => clock.advance(1);

accept("answers when every message of the call is stored, each in its lane", async () => {
  const { stream, clock, account, answers, take } = open();
  const sent = [message({ trafficClass: 1 }), message(), message({ trafficClass: 3 })];
  assert.is(take(sent), undefined);
  assert.is(answers.length, 0);
  assert.is(account.waiting, 3);
  await settle(clock);
  assert.equal(answers[0]?.fates, ["stored", "stored", "stored"]);
  assert.is(answers[0]?.stored, 3);
  assert.is(account.waiting, 0);
  const records = recordsOf(stream);
  const partition = partitionOf(7, 4);
  const lanes = ["high", "normal", "bulk"].map((lane) => `request.${lane}.${partition}`);
  assert.equal(records.map(({ subject }) => subject).sort(), lanes.sort());
  for (const { frame, record } of records) {
    assert.is(frame.partition, partition);
    assert.is(Number(frame.publishedAtMs), START_MS);
    assert.is(Number(record.acceptedAtMs), START_MS);
    assert.is(record.account, 7);
    assert.is(record.plan, 3);
    assert.ok(answers[0]?.ids.includes(formatId(record.messageId)));
  }
});

accept("stores the good ones of a batch and none of the bad ones", async () => {
  const { stream, clock, answers, take } = open();
  take([message({ to: "+12" }), message(), message({ from: "" })]);
  await settle(clock);
  assert.equal(answers[0]?.fates, ["invalid", "stored", "invalid"]);
  assert.is(recordsOf(stream).length, 1);
});

accept("answers at once when there is nothing to store", () => {
  const { answers, take } = open();
  take([message({ to: "" })]);
  assert.equal(answers[0]?.fates, ["invalid"]);
});

accept("tells an unknown outcome from a full stream", async () => {
  const { stream, clock, account, answers, take } = open();
  stream.mode = "unknown";
  take([message()]);
  await settle(clock);
  stream.mode = "full";
  take([message()]);
  await settle(clock);
  assert.equal(
    answers.map(({ fates }) => fates[0]),
    ["unconfirmed", "streamFull"],
  );
  assert.is(account.waiting, 0);
});

accept("tells a partial failure item by item", async () => {
  const { stream, clock, answers, take } = open();
  stream.mode = "unknown";
  stream.modeOf = "request.bulk";
  take([message({ trafficClass: 3 }), message(), message({ trafficClass: 3 })]);
  await settle(clock);
  assert.equal(answers[0]?.fates, ["unconfirmed", "stored", "unconfirmed"]);
});

accept("answers by the deadline, and counts a later confirmation as none", async () => {
  const { stream, clock, acceptor, account, answers, take } = open();
  stream.mode = "hang";
  take([message()], clock.monotonicMs() + 500);
  await clock.advance(450);
  assert.is(answers.length, 0);
  assert.is(acceptor.inFlight(), 1);
  await clock.advance(100);
  assert.equal(answers[0]?.fates, ["waiting"]);
  assert.is(answers[0]?.stored, 0);
  assert.is(acceptor.inFlight(), 0);
  assert.is(account.waiting, 1, "it still takes its place in the outbox");
  stream.release();
  await settle(clock);
  assert.is(answers.length, 1);
  assert.is(account.waiting, 0);
});

accept("mixes no calls up: late settlements belong to the call that made them", async () => {
  const { stream, clock, answers, take } = open();
  stream.mode = "hang";
  take([message()], clock.monotonicMs() + 20);
  await clock.advance(50);
  take([message(), message({ to: "" })], clock.monotonicMs() + 10_000);
  stream.mode = "store";
  stream.release();
  await clock.advance(10);
  assert.equal(
    answers.map(({ fates }) => fates),
    [["waiting"], ["stored", "invalid"]],
  );
});

accept("refuses a call whole when the outbox has no room for all of it", async () => {
  const { stream, clock, answers, take } = open({ recordsMax: 3 });
  stream.mode = "hang";
  assert.is(take([message(), message()]), undefined);
  const refusal = take([message(), message()]);
  assert.match(refusal?.details ?? "", /nothing was accepted/);
  assert.is(take([message()]), undefined);
  stream.release();
  await settle(clock);
  stream.release();
  await settle(clock);
  assert.is(answers.length, 2);
});

accept("refuses more of one account than its share, and still takes another's", () => {
  const { stream, acceptor, take } = open({ accountRecordsMax: 2 });
  stream.mode = "hang";
  assert.is(take([message(), message()]), undefined);
  assert.match(take([message()])?.details ?? "", /this account/);
  const other: AccountState = {
    account: 8,
    plan: 3,
    status: "active",
    waiting: 0,
    waitingBytes: 0,
    pace: newPace(),
  };
  assert.is(
    acceptor.take(encodeBatch([message()]), 1, 1, other, 1e9, () => {}),
    undefined,
  );
});

accept("refuses what an account submits too fast, and says when it may come again", async () => {
  const { clock, account, take, answers } = open();
  setPace(account.pace, 10, 5);
  assert.is(take([message(), message(), message()]), undefined);
  const refusal = take([message(), message(), message()]);
  assert.is(refusal?.code, status.RESOURCE_EXHAUSTED);
  assert.match(refusal!.details, /more messages a second/);
  assert.is(account.waiting, 3, "nothing of it was taken");
  await clock.advance(100);
  assert.is(take([message(), message(), message()]), undefined);
  await settle(clock);
  assert.equal(
    answers.map(({ stored }) => stored),
    [3, 3],
  );
});

accept("refuses more bytes of one account than its share, and still takes another's", async () => {
  const bounds = { recordsMax: 100, accountRecordsMax: 50, bytesMax: 20_000 };
  const { stream, clock, acceptor, account, take } = open(bounds);
  stream.mode = "hang";
  const long = message({ body: { $case: "text", text: "x".repeat(4_000) } });
  let taken = 0;
  while (take([long]) === undefined) taken += 1;
  assert.is(taken, 2);
  const other: AccountState = {
    ...account,
    account: 8,
    waiting: 0,
    waitingBytes: 0,
    pace: newPace(),
  };
  let fates: string[] = [];
  const answer = (one: Taken): void => {
    fates = copy(one).fates;
  };
  assert.is(acceptor.take(encodeBatch([message()]), 1, 1, other, 1e9, answer), undefined);
  stream.mode = "store";
  stream.release();
  await settle(clock);
  await settle(clock);
  assert.equal(fates, ["stored"]);
  assert.is(account.waitingBytes, 0);
});

accept("tells those that the outbox has no bytes for", async () => {
  const { stream, clock, answers, take } = open({ bytesMax: 2_000 });
  const long = message({ body: { $case: "text", text: "x".repeat(900) } });
  take([long, long, long]);
  await settle(clock);
  assert.equal(answers[0]?.fates, ["stored", "stored", "outboxFull"]);
  assert.is(recordsOf(stream).length, 2);
});

accept("gives a repeat with its key the same id, and tells a conflict once it knows", async () => {
  const { stream, clock, answers, take } = open();
  const keyed = message({ idempotencyKey: "k" });
  const other = message({ idempotencyKey: "k", to: "+447700900124" });
  take([keyed]);
  await settle(clock);
  take([keyed]);
  await settle(clock);
  take([other]);
  await settle(clock);
  assert.is(answers[0]?.ids[0], answers[1]?.ids[0]);
  assert.equal(answers[2]?.fates, ["conflict"]);
  const [first, second] = recordsOf(stream);
  assert.ok(first!.record.keyTag !== 0n);
  assert.is(first!.record.keyTag, second!.record.keyTag);
});

accept("remembers no key whose message was not confirmed", async () => {
  const { stream, clock, answers, take } = open();
  stream.mode = "unknown";
  take([message({ idempotencyKey: "k" })]);
  await settle(clock);
  stream.mode = "store";
  take([message({ idempotencyKey: "k", to: "+447700900124" })]);
  await settle(clock);
  assert.equal(answers[1]?.fates, ["stored"]);
});

accept("takes a thousand messages in one call", async () => {
  const { stream, clock, answers, take } = open();
  take(Array.from({ length: 1_000 }, () => message()));
  await settle(clock);
  assert.is(answers[0]?.stored, 1_000);
  assert.is(new Set(answers[0]?.ids).size, 1_000);
  assert.is(recordsOf(stream).length, 1_000);
});

accept.run();
