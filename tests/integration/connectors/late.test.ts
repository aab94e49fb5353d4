/** Answers of the simulated carrier that come after the response timer: what becomes of the doubt. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { until } from "../../until.js";
import { type Attempt, KIND, type Kit, pause, withKit } from "./kit.js";

const late = suite("connectors: late answers");

const RESPONSE_MS = 1_000;
/** After the timer, before that of a second try. */
const LATE_MS = 1_500;
const LONG_TEXT = "x".repeat(400);

const brief = ({ kind, hop, state, final }: Attempt) => [kind, hop, state, final];

/** Waits until all is acknowledged; the attempts of the carrier, but for markers and intents. */
async function settled(kit: Kit): Promise<readonly Attempt[]> {
  await until(async () => (await kit.backlog("alpha")) === 0, "all is acknowledged");
  const attempts = await kit.attempts("alpha");
  return attempts.filter(({ kind }) => kind !== KIND.marker && kind !== 1);
}

late("at most once: what was in doubt is submitted, its receipt is joined, nothing twice", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: LATE_MS });
    await kit.configure("alpha", smsc.port, { responseMs: RESPONSE_MS });
    await kit.connect("one");
    const messages = [{ to: "+447700905555" }, { to: "+447700915555" }];
    const policy = { delivery: 1, failover: 3 };
    await kit.publish(
      "alpha",
      messages.map((one) => ({ ...one, policy })),
      { atMostOnce: true },
    );
    await kit.waitFor("alpha", KIND.receipt, 2);
    const attempts = await settled(kit);
    for (const kind of [KIND.doubted, KIND.submitted]) {
      const hops = attempts.filter((one) => one.kind === kind).map(({ hop }) => hop);
      assert.equal(hops, [0, 0], `attempts of kind ${kind}`);
    }
    assert.is(smsc.stats().submits, 2);
    assert.equal(await kit.cold("alpha"), []);
  }),
);

late("at least once: both tries are submitted, and both receipts are joined", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: LATE_MS });
    await kit.configure("alpha", smsc.port, { responseMs: RESPONSE_MS });
    await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700905555" }]);
    const receipts = await kit.waitFor("alpha", KIND.receipt, 2);
    assert.equal(
      receipts.map(({ hop, state }) => [hop, state]),
      [
        [0, STATE.DELIVERED],
        [1, STATE.DELIVERED],
      ],
    );
    const attempts = await settled(kit);
    assert.equal(attempts.filter(({ kind }) => kind !== KIND.receipt).map(brief), [
      [KIND.doubted, 0, 0, false],
      [KIND.submitted, 0, STATE.SUBMITTED, false],
      [KIND.doubted, 1, 0, false],
      [KIND.submitted, 1, STATE.SUBMITTED, false],
    ]);
    assert.is(smsc.stats().submits, 2);
    assert.equal(await kit.cold("alpha"), []);
  }),
);

late("at least once: what was answered before its second try was sent is not sent again", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: LATE_MS });
    // Three parts need three seconds: the second try waits.
    const config = { responseMs: RESPONSE_MS, partsPerSecond: 1 };
    await kit.configure("alpha", smsc.port, config);
    await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700905555", text: LONG_TEXT }]);
    await kit.waitFor("alpha", KIND.submitted, 1, 40_000);
    const attempts = await settled(kit);
    const submitted = attempts.find(({ kind }) => kind === KIND.submitted)!;
    assert.is(submitted.carrierIds.filter((id) => id !== "").length, 3);
    await kit.waitFor("alpha", KIND.receipt, 3);
    assert.is(smsc.stats().parts, 3);
    assert.equal(await kit.cold("alpha"), []);
  }),
);

late("a late refusal ends what was submitted at most once", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: LATE_MS });
    await kit.configure("alpha", smsc.port, { responseMs: RESPONSE_MS });
    await kit.connect("one");
    const policy = { delivery: 1, failover: 3 };
    await kit.publish("alpha", [{ to: "+447700900003", policy }], { atMostOnce: true });
    const [refused] = await kit.waitFor("alpha", KIND.refused, 1);
    assert.equal(
      [refused!.hop, refused!.final, refused!.error, refused!.state],
      [0, true, 0x0b, STATE.REJECTED],
    );
    await settled(kit);
    assert.is(smsc.stats().submits, 1);
  }),
);

late(
  "at least once: only the refusal of all tries ends a message, and no other carrier gets it",
  () =>
    withKit(async (kit) => {
      const smsc = await kit.simulate({ latencyMs: LATE_MS });
      const beta = await kit.simulate();
      await kit.configure("alpha", smsc.port, { responseMs: RESPONSE_MS });
      await kit.configure("beta", beta.port);
      await kit.connect("one");
      await kit.publish("alpha", [{ to: "+447700900003", candidates: ["beta"] }]);
      await kit.waitFor("alpha", KIND.refused, 2);
      const attempts = await settled(kit);
      assert.equal(attempts.map(brief), [
        [KIND.doubted, 0, 0, false],
        [KIND.refused, 0, 0, false],
        [KIND.doubted, 1, 0, false],
        [KIND.refused, 1, STATE.REJECTED, true],
      ]);
      await pause(200);
      assert.equal([smsc.stats().submits, beta.stats().submits], [2, 0]);
    }),
);

late("a long message at most once has the ids of all its parts", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: LATE_MS });
    await kit.configure("alpha", smsc.port, { responseMs: RESPONSE_MS });
    await kit.connect("one");
    const policy = { delivery: 1, failover: 3 };
    const message = { to: "+447700905555", text: LONG_TEXT, policy };
    await kit.publish("alpha", [message], { atMostOnce: true });
    const receipts = await kit.waitFor("alpha", KIND.receipt, 3);
    assert.equal(
      receipts.map(({ state }) => state),
      [STATE.SUBMITTED, STATE.SUBMITTED, STATE.DELIVERED],
    );
    const attempts = await settled(kit);
    const submitted = attempts.filter(({ kind }) => kind === KIND.submitted);
    assert.is(submitted.length, 1);
    assert.is(new Set(submitted[0]!.carrierIds.filter((id) => id !== "")).size, 3);
    assert.is(smsc.stats().parts, 3);
    assert.equal(await kit.cold("alpha"), []);
  }),
);

late("after a restart a frame is not sent again whose doubt ended by a late answer", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: LATE_MS });
    await kit.configure("alpha", smsc.port, { responseMs: RESPONSE_MS });
    const stop = await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700905555" }], { id: "p" });
    await kit.waitFor("alpha", KIND.submitted, 2);
    await settled(kit);
    await stop();
    await kit.connect("two");
    await kit.again("alpha", "p", [{ to: "+447700915555" }]);
    await kit.waitFor("alpha", KIND.submitted, 4);
    await settled(kit);
    assert.is(smsc.stats().submits, 4);
  }),
);

late.run();
