/** At most once: however answers, connections and connectors go, no message is at the carrier twice. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { DispatchFrame } from "../../../core/proto/floe/v1/frames.js";
import { dispatchSubject } from "../../../core/subjects.js";
import { until } from "../../until.js";
import { stored } from "../dispatch/system.js";
import { type Attempt, KIND, type Kit, numbers, pause, withKit } from "./kit.js";

const once = suite("connectors: at most once");

const idsOf = (attempts: readonly Attempt[], kind: number): string[] =>
  attempts.filter((one) => one.kind === kind).map(({ id }) => id);

const empty = (kit: Kit): Promise<void> => until(async () => (await kit.backlog("alpha")) === 0);

once("a late answer ends the doubt: its receipt finds the message, nothing was sent again", () =>
  withKit(async (kit) => {
    const late = { lateAnswers: 1, lateMs: 2_000, receiptDelayMs: 100 };
    const smsc = await kit.simulate(late);
    await kit.configure("alpha", smsc.port, { responseMs: 1_000 });
    await kit.connect("one");
    const sent = await kit.publish(
      "alpha",
      numbers(5).map((to) => ({ to })),
      { atMostOnce: true },
    );
    const receipts = await kit.waitFor("alpha", KIND.receipt, 5);
    const attempts = await kit.attempts("alpha");
    assert.equal(idsOf(attempts, KIND.doubted).sort(), [...sent].sort());
    assert.equal(idsOf(attempts, KIND.submitted).sort(), [...sent].sort());
    assert.equal(receipts.map(({ id }) => id).sort(), [...sent].sort());
    assert.ok(attempts.every(({ kind, hop }) => kind === KIND.marker || hop === 0));
    assert.is(smsc.stats().duplicates, 0);
    await empty(kit);
  }),
);

once("a late refusal ends it as refused", () =>
  withKit(async (kit) => {
    const late = { lateAnswers: 1, lateMs: 2_000 };
    const smsc = await kit.simulate({ ...late, refused: 1, refuseWith: [0x0b] });
    await kit.configure("alpha", smsc.port, { responseMs: 1_000 });
    await kit.connect("one");
    const [id] = await kit.publish("alpha", [{ to: numbers(1)[0]! }], { atMostOnce: true });
    const [refused] = await kit.waitFor("alpha", KIND.refused, 1);
    assert.equal([refused?.id, refused?.final, refused?.state], [id, true, STATE.REJECTED]);
    assert.is(smsc.stats().submits, 1);
  }),
);

once("sent once more, a late answer tells of the first, and both receipts are joined", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ lateAnswers: 1, lateMs: 1_500, receiptDelayMs: 100 });
    await kit.configure("alpha", smsc.port, { responseMs: 1_000 });
    await kit.connect("one");
    const [id] = await kit.publish("alpha", [{ to: numbers(1)[0]! }]);
    await kit.waitFor("alpha", KIND.receipt, 2);
    const attempts = await kit.attempts("alpha");
    const submitted = attempts.filter(({ kind }) => kind === KIND.submitted);
    assert.equal(
      submitted.map(({ hop }) => hop),
      [0, 1],
    );
    assert.ok(submitted.every((one) => one.id === id));
  }),
);

once("connections cut in mid-window: what was there is in doubt, the rest is sent", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 200 });
    await kit.configure("alpha", smsc.port, { window: 20 });
    await kit.connect("one");
    const sent: string[] = [];
    for (let frame = 0; frame < 5; frame += 1) {
      const messages = numbers(20, `${frame}55`).map((to) => ({ to }));
      sent.push(...(await kit.publish("alpha", messages, { atMostOnce: true })));
    }
    for (const submits of [20, 60]) {
      await until(() => smsc.stats().submits >= submits);
      smsc.cut();
    }
    await empty(kit);
    const attempts = await kit.attempts("alpha");
    assert.equal(
      [...idsOf(attempts, KIND.doubted), ...idsOf(attempts, KIND.submitted)].sort(),
      [...sent].sort(),
    );
    assert.is(smsc.stats().duplicates, 0);
    assert.is(smsc.stats().submits, 100);
  }),
);

once("too fast, and not now: sent again until it is taken, and taken once", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ partsPerSecond: 50 });
    await kit.configure("alpha", smsc.port, { window: 50 });
    await kit.connect("one");
    const messages = [{ to: "+447700900004" }, ...numbers(99).map((to) => ({ to }))];
    await kit.publish("alpha", messages, { atMostOnce: true });
    await kit.waitFor("alpha", KIND.submitted, 100, 30_000);
    await empty(kit);
    const { unique, duplicates } = smsc.stats();
    assert.equal([unique, duplicates], [100, 0]);
  }),
);

once("the same frame twice in the stream, at two connectors: each record once", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 50, binds: 2 });
    await kit.configure("alpha", smsc.port, { window: 10, binds: 2 });
    await kit.connect("one");
    await kit.connect("two");
    await until(() => smsc.stats().bound === 2);
    for (let frame = 0; frame < 20; frame += 1) {
      const id = `frame-${frame}`;
      const messages = numbers(10, `${frame + 10}55`).map((to) => ({ to }));
      await kit.publish("alpha", messages, { atMostOnce: true, id });
      // As an owner whose first publish was forgotten by the server.
      await kit.again("alpha", id, []);
    }
    await until(() => smsc.stats().submits >= 200, "all are sent", 20_000);
    await empty(kit);
    assert.equal([smsc.stats().unique, smsc.stats().duplicates], [200, 0]);
  }),
);

once("the stream goes away and comes back: nothing twice, and all is told", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 20 });
    await kit.configure("alpha", smsc.port, { window: 20 });
    await kit.connect("one");
    const sent: string[] = [];
    for (let frame = 0; frame < 20; frame += 1) {
      const messages = numbers(20, `${frame + 10}55`).map((to) => ({ to }));
      sent.push(...(await kit.publish("alpha", messages, { atMostOnce: true })));
    }
    await until(() => smsc.stats().submits > 50);
    await kit.nats.kill();
    await pause(1_000);
    await kit.nats.restart();
    await until(async () => (await kit.backlog("alpha")) === 0, "all acked", 60_000);
    const attempts = await kit.attempts("alpha");
    const told = new Set([...idsOf(attempts, KIND.doubted), ...idsOf(attempts, KIND.submitted)]);
    assert.equal([...told].sort(), [...sent].sort());
    assert.is(smsc.stats().duplicates, 0);
  }),
);

once("refused, it goes to the next carrier by itself, and made again by one name", () =>
  withKit(async (kit) => {
    const alpha = await kit.simulate();
    const beta = await kit.simulate();
    await kit.configure("alpha", alpha.port);
    await kit.configure("beta", beta.port);
    const stop = await kit.connect("one");
    const refused = { to: "+447700900003", candidates: ["beta"] };
    await kit.publish("alpha", [refused, { to: "+447700905555" }], { atMostOnce: true, id: "p" });
    await kit.waitFor("beta", KIND.refused, 1);
    await stop();
    await kit.connect("two");
    await kit.again("alpha", "p", []);
    await until(async () => (await kit.backlog("alpha")) + (await kit.backlog("beta")) === 0);
    assert.equal([alpha.stats().submits, beta.stats().submits], [2, 1]);
    const [frame] = await stored(kit.client, "DISPATCH", dispatchSubject("beta", 2, "f"));
    assert.is(frame === undefined ? true : DispatchFrame.decode(frame.data).atMostOnce, true);
  }),
);

for (const atMostOnce of [true, false]) {
  const how = atMostOnce ? "at most once" : "at least once";
  once(`a carrier is configured anew in mid-flow, ${how}: nothing twice, receipts are joined`, () =>
    withKit(async (kit) => {
      const smsc = await kit.simulate({ latencyMs: 50, receiptDelayMs: 3_000 });
      await kit.configure("alpha", smsc.port, { window: 10 });
      await kit.connect("one");
      for (let frame = 0; frame < 5; frame += 1) {
        const messages = numbers(60, `${frame}55`).map((to) => ({ to }));
        await kit.publish("alpha", messages, { atMostOnce });
      }
      for (const [submits, window] of [
        [30, 12],
        [90, 14],
        [150, 16],
      ] as const) {
        await until(() => smsc.stats().submits >= submits);
        await kit.configure("alpha", smsc.port, { window });
      }
      await until(async () => (await kit.backlog("alpha")) === 0, "all acked", 60_000);
      const { unique, duplicates } = smsc.stats();
      assert.is(duplicates, 0);
      const attempts = await kit.attempts("alpha");
      assert.is(unique + idsOf(attempts, KIND.doubted).length, 300);
      // Those that the process had before are known to it.
      await kit.waitFor("alpha", KIND.receipt, unique);
    }),
  );
}

once.run();
