/** The connector against the simulated carrier, over a real stream. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { REASON, STATE } from "../../../core/message.js";
import { until } from "../../until.js";
import { KIND, numbers, pause, withKit } from "./kit.js";

const deliver = suite("connectors: deliver");

deliver("submits every record once, joins every receipt, and acknowledges every frame", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    await kit.connect("one");
    const sent: string[] = [];
    for (let frame = 0; frame < 5; frame += 1) {
      const messages = numbers(200, `5${frame}55`).map((to) => ({ to }));
      sent.push(...(await kit.publish("alpha", messages, { partition: frame % 2 })));
    }
    await kit.waitFor("alpha", KIND.receipt, 1_000);
    const attempts = await kit.attempts("alpha");
    for (const kind of [KIND.submitted, KIND.receipt]) {
      const ids = attempts.filter((one) => one.kind === kind).map(({ id }) => id);
      assert.equal(ids.sort(), [...sent].sort());
    }
    const receipts = attempts.filter(({ kind }) => kind === KIND.receipt);
    assert.ok(receipts.every(({ state }) => state === STATE.DELIVERED));
    await until(async () => (await kit.backlog("alpha")) === 0);
    await until(() => smsc.stats().receiptsAcked === 1_000);
    assert.is(smsc.stats().duplicates, 0);
    assert.equal(await kit.cold("alpha"), []);
  }),
);

deliver("a receipt names the state of each fate, with the carrier's own words", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    await kit.connect("one");
    const suffixes = ["0001", "0002", "0005", "0009", "0010", "0011"];
    const ids = await kit.publish(
      "alpha",
      suffixes.map((suffix) => ({ to: `+44770090${suffix}` })),
    );
    // 0009 and 0010 have two each.
    const receipts = await kit.waitFor("alpha", KIND.receipt, 8);
    const statesOf = (index: number) =>
      receipts
        .filter(({ id }) => id === ids[index])
        .map(({ state, errorText }) => [state, errorText]);
    assert.equal(statesOf(0), [[STATE.UNDELIVERABLE, "001"]]);
    assert.equal(statesOf(1), [[STATE.EXPIRED, "002"]]);
    assert.equal(statesOf(2), [[STATE.REJECTED, "005"]]);
    assert.equal(statesOf(3), [
      [STATE.SUBMITTED, "000"],
      [STATE.DELIVERED, "000"],
    ]);
    assert.equal(statesOf(4), [
      [STATE.DELIVERED, "000"],
      [STATE.DELIVERED, "000"],
    ]);
    assert.equal(statesOf(5), [[STATE.DELIVERED, "000"]]);
    assert.equal(await kit.cold("alpha"), []);
  }),
);

deliver("a refusal without another carrier is final, an expired message is not sent", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    await kit.connect("one");
    const [refused, expired] = await kit.publish("alpha", [
      { to: "+447700900003" },
      { to: "+447700905555", expiresAtMs: SYSTEM_CLOCK.nowMs() - 1 },
    ]);
    const attempts = await kit.waitFor("alpha", KIND.refused, 2);
    const told = attempts.map(({ id, state, error, final }) => ({ id, state, error, final }));
    assert.equal(
      told.find(({ id }) => id === refused),
      { id: refused!, state: STATE.REJECTED, error: 0x0b, final: true },
    );
    assert.equal(
      told.find(({ id }) => id === expired),
      { id: expired!, state: STATE.EXPIRED, error: REASON.EXPIRED, final: true },
    );
    await until(async () => (await kit.backlog("alpha")) === 0);
    assert.is(smsc.stats().submits, 1);
  }),
);

deliver("a refused message goes to its next carrier, one hop further", () =>
  withKit(async (kit) => {
    const alpha = await kit.simulate();
    const beta = await kit.simulate();
    await kit.configure("alpha", alpha.port);
    await kit.configure("beta", beta.port);
    await kit.connect("one");
    const candidates = ["gone", "beta", "gamma"];
    const ids = await kit.publish("alpha", [
      { to: "+447700900003", candidates, text: "first" },
      { to: "+447700915555", candidates },
      { to: "+447700920003", candidates },
    ]);
    const refused = await kit.waitFor("alpha", KIND.refused, 2);
    assert.ok(refused.every(({ final, nextCarrier }) => !final && nextCarrier === "beta"));
    // beta refuses these numbers, too, and nobody is left that is known.
    const ended = await kit.waitFor("beta", KIND.refused, 2);
    assert.equal(
      ended.map(({ id, hop, final }) => [id, hop, final]),
      [
        [ids[0], 1, true],
        [ids[2], 1, true],
      ],
    );
    await until(async () => (await kit.backlog("alpha")) + (await kit.backlog("beta")) === 0);
    assert.is(beta.stats().submits, 2);
  }),
);

deliver("temporary errors and throttling are tried again, and nothing is lost", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ partsPerSecond: 200 });
    await kit.configure("alpha", smsc.port);
    await kit.connect("one");
    const messages = [{ to: "+447700900004" }, { to: "+447700900007" }];
    await kit.publish("alpha", [...messages, ...numbers(400).map((to) => ({ to }))]);
    await kit.waitFor("alpha", KIND.submitted, 402, 30_000);
    const { duplicates, unique, byStatus } = smsc.stats();
    assert.equal([unique, duplicates], [402, 0]);
    assert.is(byStatus[0x08], 1);
    assert.ok(byStatus[0x58]! > 1);
    assert.ok((await kit.attempts("alpha")).every(({ kind }) => kind !== KIND.refused));
  }),
);

deliver("keeps within the window and the rate, parts counted", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ window: 7, latencyMs: 15, partsPerSecond: 150 });
    await kit.configure("alpha", smsc.port, { window: 7, partsPerSecond: 140 });
    await kit.connect("one");
    const text = "x".repeat(400);
    await kit.publish(
      "alpha",
      numbers(60).map((to, index) => (index % 3 === 0 ? { to, text } : { to })),
    );
    await kit.waitFor("alpha", KIND.submitted, 60, 30_000);
    const { windowExceeded, byStatus, parts, messages } = smsc.stats();
    assert.equal([windowExceeded, byStatus, parts, messages], [0, {}, 100, 60]);
  }),
);

deliver("long messages: one id for each part, one receipt for each, decided by the last", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ receiptDelayMs: 30 });
    await kit.configure("alpha", smsc.port);
    await kit.connect("one");
    const text = `${"Grüße ".repeat(60)}€`;
    const [id] = await kit.publish("alpha", [{ to: "+447700905555", text }]);
    const receipts = await kit.waitFor("alpha", KIND.receipt, 3);
    const [submitted] = await kit.waitFor("alpha", KIND.submitted, 1);
    assert.is(submitted!.id, id);
    assert.is(new Set(submitted!.carrierIds).size, 3);
    assert.equal(
      receipts.map(({ part, parts, state, partState }) => [part, parts, state, partState]),
      [
        [1, 3, STATE.SUBMITTED, STATE.DELIVERED],
        [2, 3, STATE.SUBMITTED, STATE.DELIVERED],
        [3, 3, STATE.DELIVERED, STATE.DELIVERED],
      ],
    );
    assert.equal(await kit.cold("alpha"), []);
  }),
);

for (const receiptId of ["upper", "padded", "other-base"] as const) {
  for (const form of ["hex", "decimal", "uuid"] as const) {
    if (form === "uuid" && receiptId !== "upper") continue;
    deliver(`joins receipts of ${form} ids that are written otherwise: ${receiptId}`, () =>
      withKit(async (kit) => {
        const smsc = await kit.simulate({ id: form, receiptId });
        await kit.configure("alpha", smsc.port);
        await kit.connect("one");
        await kit.publish(
          "alpha",
          numbers(20).map((to) => ({ to })),
        );
        await kit.waitFor("alpha", KIND.receipt, 20);
        assert.equal(await kit.cold("alpha"), []);
      }),
    );
  }
}

deliver("a message that wants no receipt asks for none", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700905555", receipt: 2 }]);
    await kit.waitFor("alpha", KIND.submitted, 1);
    await pause(100);
    assert.is(smsc.stats().receiptsSent, 0);
  }),
);

deliver("a frame of unreadable bytes is ended, and the ones behind it are sent", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    await kit.client.publish("dispatch.alpha.normal.0", Buffer.from([0x42, 0xff, 0xff, 0x01]));
    await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700905555" }]);
    await kit.waitFor("alpha", KIND.submitted, 1);
    await until(async () => (await kit.backlog("alpha")) === 0);
  }),
);

deliver.run();
