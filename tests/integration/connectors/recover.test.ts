/** What the connector does when something goes away: the carrier, a connector, the stream. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { formatId, parseId, STATE } from "../../../core/message.js";
import { AttemptFrame, DispatchFrame } from "../../../core/proto/floe/v1/frames.js";
import { attemptSubject, dispatchSubject } from "../../../core/subjects.js";
import { until } from "../../until.js";
import { stored } from "../dispatch/system.js";
import { type Attempt, KIND, numbers, pause, withKit } from "./kit.js";

const recover = suite("connectors: recover");

const idsOf = (attempts: readonly Attempt[], kind: number): string[] =>
  attempts.filter((one) => one.kind === kind).map(({ id }) => id);

recover("a connection cut in mid-window: doubt is written down, and each is sent once more", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 300 });
    await kit.configure("alpha", smsc.port, { window: 50 });
    await kit.connect("one");
    const sent = await kit.publish(
      "alpha",
      numbers(80).map((to) => ({ to })),
    );
    await until(() => smsc.stats().submits === 50);
    smsc.cut();
    await kit.waitFor("alpha", KIND.submitted, 80, 30_000);
    const attempts = await kit.attempts("alpha");
    const doubted = attempts.filter(({ kind }) => kind === KIND.doubted);
    assert.is(doubted.length, 50);
    assert.ok(doubted.every(({ hop }) => hop === 0));
    const submitted = attempts.filter(({ kind }) => kind === KIND.submitted);
    assert.equal(submitted.map(({ id }) => id).sort(), [...sent].sort());
    const again = new Set(doubted.map(({ id }) => id));
    assert.ok(submitted.every(({ id, hop }) => hop === (again.has(id) ? 1 : 0)));
    // The carrier had taken what it had not answered: these and no others came twice.
    assert.is(smsc.stats().duplicates, 50);
    await until(async () => (await kit.backlog("alpha")) === 0);
  }),
);

recover("no answer in time: doubt, and once more; the second answer counts", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port, { responseMs: 1_000 });
    await kit.connect("one");
    const [id] = await kit.publish("alpha", [{ to: "+447700900008" }, { to: "+447700905555" }]);
    await kit.waitFor("alpha", KIND.submitted, 2);
    const attempts = await kit.attempts("alpha");
    assert.equal(idsOf(attempts, KIND.doubted), [id]);
    await until(async () => (await kit.backlog("alpha")) === 0);
  }),
);

recover("a carrier that hangs gets each message twice at most, which stays in doubt", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ mute: 1 });
    await kit.configure("alpha", smsc.port, { responseMs: 1_000 });
    await kit.connect("one");
    await kit.publish(
      "alpha",
      numbers(5).map((to) => ({ to })),
    );
    await kit.waitFor("alpha", KIND.doubted, 10);
    await until(async () => (await kit.backlog("alpha")) === 0);
    assert.is(smsc.stats().submits, 10);
  }),
);

recover("a stopped carrier: messages wait, and are sent when it is back", () =>
  withKit(async (kit) => {
    const first = await kit.simulate();
    await kit.configure("alpha", first.port);
    await kit.connect("one");
    await first.close();
    await kit.publish(
      "alpha",
      numbers(30).map((to) => ({ to })),
    );
    await pause(1_000);
    assert.equal(idsOf(await kit.attempts("alpha"), KIND.submitted), []);
    const second = await kit.simulate({ port: first.port });
    await kit.waitFor("alpha", KIND.receipt, 30, 30_000);
    assert.is(second.stats().duplicates, 0);
  }),
);

recover("a clean stop in mid-flow: nothing twice, nothing in doubt, nothing lost", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 50 });
    await kit.configure("alpha", smsc.port, { window: 20 });
    const stop = await kit.connect("one");
    const sent = await kit.publish(
      "alpha",
      numbers(300).map((to) => ({ to })),
    );
    await until(() => smsc.stats().submits > 60);
    await stop();
    assert.is(smsc.stats().unbinds, 1);
    assert.ok(smsc.stats().submits < 300);
    await kit.connect("two");
    await kit.waitFor("alpha", KIND.submitted, 300, 30_000);
    const attempts = await kit.attempts("alpha");
    assert.equal(idsOf(attempts, KIND.submitted).sort(), [...sent].sort());
    assert.equal(idsOf(attempts, KIND.doubted), []);
    assert.is(smsc.stats().duplicates, 0);
    await kit.waitFor("alpha", KIND.receipt, 300);
    assert.equal(await kit.cold("alpha"), []);
  }),
);

recover("receipts of messages that were submitted before a restart are joined", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ receiptDelayMs: 1_500 });
    await kit.configure("alpha", smsc.port);
    const stop = await kit.connect("one");
    const text = "long ".repeat(60);
    await kit.publish("alpha", [{ to: "+447700905555" }, { to: "+447700915555", text }]);
    await kit.waitFor("alpha", KIND.submitted, 2);
    await stop();
    await kit.connect("two");
    const receipts = await kit.waitFor("alpha", KIND.receipt, 3);
    const states = receipts.map(({ parts, state }) => [parts, state]);
    assert.equal(
      states.sort(),
      [
        [0, STATE.DELIVERED],
        [2, STATE.DELIVERED],
        [2, STATE.SUBMITTED],
      ].sort(),
    );
    assert.equal(await kit.cold("alpha"), []);
  }),
);

recover("a receipt of a message that nobody knows goes to RECEIPTS and is answered", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ receiptDelayMs: 200 });
    await kit.configure("alpha", smsc.port);
    const stop = await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700900001" }]);
    const [submitted] = await kit.waitFor("alpha", KIND.submitted, 1);
    await stop();
    // As after two hours: the attempts are gone.
    const { lastSequence } = await kit.client.state("ATTEMPTS");
    await kit.client.purge("ATTEMPTS", "attempt.0.alpha", lastSequence + 1);
    await kit.connect("two");
    await until(async () => (await kit.cold("alpha")).length === 1);
    const [receipt] = await kit.cold("alpha");
    assert.is(receipt!.carrierId, submitted!.carrierIds[0]);
    assert.is(receipt!.state, STATE.UNDELIVERABLE);
    assert.equal(receipt!.toTok, submitted!.toTok);
    await until(() => smsc.stats().receiptsAcked === 1);
  }),
);

recover("a frame marked again is looked up, and only what has no attempt is sent", () =>
  withKit(async (kit) => {
    const alpha = await kit.simulate();
    const beta = await kit.simulate();
    await kit.configure("alpha", alpha.port);
    await kit.configure("beta", beta.port);
    const stop = await kit.connect("one");
    const messages = [
      { to: "+447700905555" },
      { to: "+447700900003", candidates: ["beta"], text: "moves on" },
      { to: "+447700915555" },
    ];
    await kit.publish("alpha", messages, { id: "p" });
    await kit.waitFor("alpha", KIND.submitted, 2);
    await kit.waitFor("beta", KIND.refused, 1);
    await stop();
    await kit.connect("two");
    // The same frame as the owner makes it after a restart, and one record that is new.
    const stored = await kit.again("alpha", "p", [{ to: "+447700925555", text: "new" }]);
    await kit.waitFor("alpha", KIND.submitted, 3);
    await until(async () => (await kit.backlog("alpha")) + (await kit.backlog("beta")) === 0);
    const attempts = await kit.attempts("alpha");
    assert.is(idsOf(attempts, KIND.submitted).length, 3);
    assert.ok(idsOf(attempts, KIND.submitted).includes(stored.added[0]!));
    assert.is(idsOf(attempts, KIND.refused).length, 1);
    assert.is(alpha.stats().duplicates, 0);
    // The failover frame was made again with the same identity: it was not stored twice.
    assert.is(beta.stats().submits, 1);
  }),
);

recover("a connector that is cut off from the stream: another sends what it had not", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 20 });
    await kit.configure("alpha", smsc.port, { window: 20 });
    const stop = await kit.connect("one");
    const sent: string[] = [];
    for (let frame = 0; frame < 20; frame += 1) {
      sent.push(
        ...(await kit.publish(
          "alpha",
          numbers(50, `${frame + 10}55`).map((to) => ({ to })),
        )),
      );
    }
    await until(() => smsc.stats().submits > 100);
    await kit.nats.kill();
    await pause(1_000);
    await kit.nats.restart();
    await until(() => smsc.stats().parts >= 1_000, "all parts");
    await kit.waitFor("alpha", KIND.submitted, 1_000, 40_000);
    const attempts = await kit.attempts("alpha");
    assert.equal([...new Set(idsOf(attempts, KIND.submitted))].sort(), [...sent].sort());
    // The process lived: what was at the carrier is known, so nothing was sent twice.
    assert.is(smsc.stats().duplicates, 0);
    await stop();
  }),
);

recover("two connectors never hold more sessions than agreed, and share them", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ binds: 2 });
    await kit.configure("alpha", smsc.port, { binds: 2 });
    await kit.connect("one");
    await kit.connect("two");
    await until(() => smsc.stats().bound === 2, "both bind");
    await kit.publish(
      "alpha",
      numbers(200).map((to) => ({ to })),
    );
    await kit.waitFor("alpha", KIND.receipt, 200);
    assert.is(smsc.stats().bindsRefused, 0);
  }),
);

recover("a carrier that asks us to unbind gets its session back, nothing is in doubt", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 30 });
    await kit.configure("alpha", smsc.port, { window: 10 });
    await kit.connect("one");
    const startedMs = SYSTEM_CLOCK.monotonicMs();
    await kit.publish(
      "alpha",
      numbers(100).map((to) => ({ to })),
    );
    await until(() => smsc.stats().submits > 20);
    smsc.unbind();
    await kit.waitFor("alpha", KIND.submitted, 100, 20_000);
    assert.ok(SYSTEM_CLOCK.monotonicMs() - startedMs < 20_000);
    assert.equal(idsOf(await kit.attempts("alpha"), KIND.doubted), []);
    assert.is(smsc.stats().binds, 2);
  }),
);

recover("refused after a doubt, and its next frame lost: it is made with the same hop", () =>
  withKit(async (kit) => {
    const alpha = await kit.simulate();
    const [id] = await kit.publish("alpha", [{ to: numbers(1)[0]!, candidates: ["beta"] }], {
      again: true,
    });
    const [dispatched] = await stored(kit.client, "DISPATCH", dispatchSubject("alpha", 2, "0"));
    const { acceptedAtMs } = DispatchFrame.decode(dispatched!.data).records[0]!;
    const record = { messageId: Buffer.from(parseId(id!)!), acceptedAtMs };
    const frame = AttemptFrame.fromPartial({
      ...{ carrier: "alpha", writer: "gone" },
      records: [
        { ...record, account: 7, kind: KIND.doubted, hop: 0 },
        { ...record, account: 7, kind: KIND.refused, hop: 1, error: 0x0b, nextCarrier: "beta" },
      ],
    });
    const data = AttemptFrame.encode(frame).finish();
    await kit.client.publish(attemptSubject(0, "alpha"), data, { id: "gone-1" });
    await kit.configure("alpha", alpha.port);
    await kit.configure("beta", 1);
    await kit.connect("one");
    await until(async () => (await kit.backlog("alpha")) === 0);
    const [moved] = await stored(kit.client, "DISPATCH", dispatchSubject("beta", 2, "f"));
    assert.equal(
      DispatchFrame.decode(moved!.data).records.map(({ hop }) => hop),
      [2],
    );
    assert.is(alpha.stats().submits, 0);
  }),
);

recover("refused together, and their next frame lost: all of them are in the one made again", () =>
  withKit(async (kit) => {
    const alpha = await kit.simulate();
    const messages = numbers(3).map((to) => ({ to, candidates: ["beta"] }));
    const ids = await kit.publish("alpha", messages, { again: true });
    const [dispatched] = await stored(kit.client, "DISPATCH", dispatchSubject("alpha", 2, "0"));
    const refused = { account: 7, kind: KIND.refused, hop: 0, error: 0x0b, nextCarrier: "beta" };
    const records = DispatchFrame.decode(dispatched!.data).records.map(
      ({ messageId, acceptedAtMs }) => ({ messageId, acceptedAtMs, ...refused }),
    );
    const frame = AttemptFrame.fromPartial({ carrier: "alpha", writer: "gone", records });
    const data = AttemptFrame.encode(frame).finish();
    await kit.client.publish(attemptSubject(0, "alpha"), data, { id: "gone-1" });
    await kit.configure("alpha", alpha.port);
    await kit.configure("beta", 1);
    await kit.connect("one");
    await until(async () => (await kit.backlog("alpha")) === 0);
    const moved = await stored(kit.client, "DISPATCH", dispatchSubject("beta", 2, "f"));
    const found = moved.flatMap((one) => DispatchFrame.decode(one.data).records);
    assert.equal(
      found.map(({ messageId }) => formatId(messageId)),
      ids,
    );
    assert.is(alpha.stats().submits, 0);
  }),
);

recover.run();
