/** Dead letters through the admin service: listed by pages, shown, replayed once, discarded. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig } from "../../../core/configuration.js";
import { type DeadLetter as Buried, openDeadLetters } from "../../../core/dead-letters.js";
import { SILENT } from "../../../core/log.js";
import { formatId } from "../../../core/message.js";
import {
  type DeadLetter,
  DeadLetterServiceService as SERVICE,
  DeadLetterState as STATE,
} from "../../../core/proto/floe/v1/dead_letters.js";
import { DispatchFrame, RequestFrame } from "../../../core/proto/floe/v1/frames.js";
import type { Message } from "../../../core/proto/floe/v1/messaging.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, type DeadStage, type StreamName } from "../../../core/subjects.js";
import { type Replica, withAdmins } from "./with-admin.js";

const test = suite("dead letters");
const ID = Buffer.from("0190b0c0d0e07f0080112233445566aa", "hex");
const BODY = { $case: "text", text: "a text" } as const;
const MESSAGE = { to: "+447700900123", from: "Floe", body: BODY, tags: { order: "7" } };

async function bury(
  stream: StreamClient,
  stage: DeadStage,
  letter: Partial<Buried>,
): Promise<void> {
  const options = { client: stream, clock: SYSTEM_CLOCK, log: SILENT, stage };
  await openDeadLetters(options).bury({
    ...{ stream: "REQUESTS", subject: "request.normal.0", sequence: 1, storedAtMs: 1, record: 0 },
    ...{ reason: "crashed", frame: new Uint8Array(0) },
    ...letter,
  });
}

async function accounts(stream: StreamClient): Promise<void> {
  const account = { account: 7, name: "Seven", plan: 3, status: "active" };
  await (await stream.bucket(BUCKETS.accounts)).put("7", encodeConfig(account));
  await (await stream.bucket(BUCKETS.config)).put("partitions", encodeConfig({ count: 2 }));
}

const requestFrame = (message: Partial<Message>): Uint8Array =>
  RequestFrame.encode(
    RequestFrame.fromPartial({
      partition: 0,
      records: [{ messageId: ID, acceptedAtMs: 1_000n, account: 7, plan: 1, message }],
    }),
  ).finish();

const list = (admin: Replica, request: object = {}) =>
  admin.call<{ deadLetters: DeadLetter[]; nextPageToken: string }>(SERVICE, "listDeadLetters", {
    ...{ pageSize: 0, pageToken: "", all: false },
    ...request,
  });

const act = (admin: Replica, call: string, id: bigint) =>
  admin.call<{ deadLetter: DeadLetter }>(SERVICE, call, { id });

async function codeOf(call: Promise<unknown>): Promise<number | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

async function published(stream: StreamClient, name: StreamName, subject: string) {
  const found: { data: Uint8Array; subject: string }[] = [];
  await new Promise<void>((resolve) => {
    void stream.read(name, subject, 1, (one) => void found.push(one), resolve);
  });
  return found;
}

test("sends a message that a stage gave up as a new one, which names the old one", async () => {
  await withAdmins(1, async ({ admin, staff }) => {
    await accounts(admin.stream);
    await bury(admin.stream, "dispatch", {
      frame: requestFrame({ ...MESSAGE, idempotencyKey: "k" }),
      messageId: ID,
      account: 7,
    });
    const [letter] = (await list(admin)).deadLetters;
    assert.is(letter!.messageId, formatId(ID));
    assert.is(letter!.state, STATE.DEAD_LETTER_STATE_WAITING);
    const { deadLetter } = await act(admin, "replayDeadLetter", letter!.id);
    assert.is(deadLetter.state, STATE.DEAD_LETTER_STATE_REPLAYED);
    assert.is(deadLetter.endedBy, staff.keyId);
    const [sent, ...more] = await published(admin.stream, "REQUESTS", "request.>");
    assert.is(more.length, 0);
    const frame = RequestFrame.decode(sent!.data);
    const { messageId, message, plan, keyTag } = frame.records[0]!;
    assert.equal([formatId(messageId)], deadLetter.replayedAs);
    assert.not.equal(formatId(messageId), formatId(ID));
    assert.equal([plan, message!.idempotencyKey, message!.body], [3, "", BODY]);
    assert.not.equal(keyTag, 0n);
    assert.equal(message!.tags, { order: "7", "floe.replay_of": formatId(ID) });
    assert.is(sent!.subject, `request.normal.${frame.partition}`);
    // It is ended: not twice, and not in the list any more.
    const twice = await codeOf(act(admin, "replayDeadLetter", letter!.id));
    assert.is(twice, status.FAILED_PRECONDITION);
    const discarded = await codeOf(act(admin, "discardDeadLetter", letter!.id));
    assert.is(discarded, status.FAILED_PRECONDITION);
    assert.is((await list(admin)).deadLetters.length, 0);
    assert.is((await list(admin, { all: true })).deadLetters.length, 1);
  });
});

test("repeats a replay that was cut off under the same key, and not when owners forgot it", async () => {
  await withAdmins(1, async ({ admin, staff }) => {
    await accounts(admin.stream);
    await bury(admin.stream, "dispatch", { frame: requestFrame(MESSAGE), account: 7 });
    const [{ id }] = (await list(admin)).deadLetters as [DeadLetter];
    const ends = await admin.stream.bucket(BUCKETS.dead, { keyTtl: true });
    const messageIds = [formatId(ID)];
    const begun = async (agoMs: number): Promise<void> => {
      const atMs = SYSTEM_CLOCK.nowMs() - agoMs;
      const end = { state: "replaying", by: staff.keyId, atMs, messageIds };
      await ends.put(String(id), encodeConfig(end));
    };
    await begun(3_600_000);
    assert.is(await codeOf(act(admin, "discardDeadLetter", id)), status.FAILED_PRECONDITION);
    await act(admin, "replayDeadLetter", id);
    await begun(3_600_000);
    await act(admin, "replayDeadLetter", id);
    const sent = await published(admin.stream, "REQUESTS", "request.>");
    const tags = sent.map(({ data }) => RequestFrame.decode(data).records[0]!.keyTag);
    assert.ok(tags.length > 0 && tags.every((tag) => tag !== 0n && tag === tags[0]));
    await begun(24 * 3_600_000);
    assert.is(await codeOf(act(admin, "replayDeadLetter", id)), status.FAILED_PRECONDITION);
    const { deadLetter } = await act(admin, "discardDeadLetter", id);
    assert.is(deadLetter.state, STATE.DEAD_LETTER_STATE_DISCARDED);
    assert.equal(deadLetter.replayedAs, messageIds);
  });
});

test("sends what a connector gave up, and refuses for an account that is not active", async () => {
  await withAdmins(1, async ({ admin }) => {
    const records = [{ messageId: ID, account: 7, message: MESSAGE }];
    const frame = DispatchFrame.encode(DispatchFrame.fromPartial({ records })).finish();
    await bury(admin.stream, "connector", {
      stream: "DISPATCH",
      subject: "dispatch.a.normal.0",
      frame,
    });
    const [letter] = (await list(admin)).deadLetters;
    const refused = await codeOf(act(admin, "replayDeadLetter", letter!.id));
    assert.is(refused, status.FAILED_PRECONDITION);
    await accounts(admin.stream);
    const { deadLetter } = await act(admin, "replayDeadLetter", letter!.id);
    assert.is(deadLetter.replayedAs.length, 1);
    assert.is((await published(admin.stream, "REQUESTS", "request.>")).length, 1);
  });
});

test("has cdr read a frame again on a subject that is its alone, receipts on its own", async () => {
  await withAdmins(1, async ({ admin }) => {
    const frame = new Uint8Array([0x42, 0x7f]);
    const reason = "unreadable";
    const decision = { stream: "DECISIONS", subject: "decision.0", reason, frame } as const;
    await bury(admin.stream, "cdr", decision);
    await bury(admin.stream, "receipts", { ...decision, stream: "RECEIPTS", subject: "receipt.a" });
    for (const { id } of (await list(admin)).deadLetters) await act(admin, "replayDeadLetter", id);
    const [again] = await published(admin.stream, "DEAD", "replay.cdr.DECISIONS");
    assert.equal(Buffer.from(again!.data), Buffer.from(frame));
    const [receipt] = await published(admin.stream, "RECEIPTS", "receipt.a");
    assert.equal(Buffer.from(receipt!.data), Buffer.from(frame));
  });
});

test("pages, shows the frame to who asks for it, and discards what cannot be sent", async () => {
  await withAdmins(1, async ({ admin, customer }) => {
    for (let sequence = 1; sequence <= 5; sequence += 1) {
      const frame = new Uint8Array([0x42, sequence]);
      await bury(admin.stream, "dispatch", { sequence, reason: "unreadable", frame });
    }
    // The same one again, as after a crash.
    const repeat = { sequence: 5, reason: "unreadable", frame: new Uint8Array([0x42, 5]) } as const;
    await bury(admin.stream, "dispatch", repeat);
    const first = await list(admin, { pageSize: 3 });
    const second = await list(admin, { pageSize: 3, pageToken: first.nextPageToken });
    const all = [...first.deadLetters, ...second.deadLetters];
    assert.equal(
      all.map(({ sequence }) => sequence),
      [1n, 2n, 3n, 4n, 5n],
    );
    assert.is(second.nextPageToken, "");
    const { id } = all[0]!;
    const get = (withFrame: boolean) =>
      admin.call<{ frame: Buffer }>(SERVICE, "getDeadLetter", { id, withFrame });
    assert.is((await get(false)).frame.length, 0);
    assert.equal((await get(true)).frame, Buffer.from([0x42, 1]));
    const unsent = await codeOf(act(admin, "replayDeadLetter", id));
    assert.is(unsent, status.FAILED_PRECONDITION);
    const { deadLetter } = await act(admin, "discardDeadLetter", id);
    assert.is(deadLetter.state, STATE.DEAD_LETTER_STATE_DISCARDED);
    assert.is((await list(admin)).deadLetters.length, 4);
    assert.is(await codeOf(act(admin, "discardDeadLetter", 999n)), status.NOT_FOUND);
    const theirs = admin.call(SERVICE, "listDeadLetters", { pageSize: 0, pageToken: "" }, customer);
    assert.is(await codeOf(theirs), status.PERMISSION_DENIED);
  });
});

test.run();
