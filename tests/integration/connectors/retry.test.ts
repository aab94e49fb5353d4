/** The schedule of a route: what the same carrier tries again much later waits in slot `r`. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { REASON, STATE } from "../../../core/message.js";
import { until } from "../../until.js";
import { KIND, numbers, withKit } from "./kit.js";

const retry = suite("connectors: retries");

/** A number that the simulated carrier refuses for now, once. */
const TEMPORARY = "+447700900004";
const RSYSERR = 0x08;
const LONG_TEXT = "x".repeat(400);

for (const atMostOnce of [false, true]) {
  const word = atMostOnce ? "at most once" : "at least once";
  retry(`a long pause leaves the frame, and the same carrier takes it then: ${word}`, () =>
    withKit(async (kit) => {
      const smsc = await kit.simulate({ submits: 100 });
      await kit.configure("alpha", smsc.port);
      await kit.connect("one");
      const policy = {
        ...{ delivery: atMostOnce ? 1 : 0, failover: 3 },
        retryTemporarySeconds: [6],
      };
      const message = { to: TEMPORARY, policy, candidates: ["beta"] };
      const [id] = await kit.publish("alpha", [message], { atMostOnce });
      const [refused] = await kit.waitFor("alpha", KIND.refused, 1);
      assert.equal(
        [refused!.id, refused!.hop, refused!.error, refused!.final, refused!.nextCarrier],
        [id, 0, RSYSERR, false, "alpha"],
      );
      // Lane normal, slot r, six seconds.
      assert.is(refused!.nextPlace, 2 | (5 << 8) | (6 << 16));
      // What comes meanwhile does not wait behind it.
      await kit.publish(
        "alpha",
        numbers(50).map((to) => ({ to })),
      );
      await kit.waitFor("alpha", KIND.submitted, 50);
      assert.is(await kit.backlog("alpha"), 1);
      const submitted = await kit.waitFor("alpha", KIND.submitted, 51, 20_000);
      const own = submitted.find((one) => one.id === id)!;
      assert.is(own.hop, 1);
      assert.ok(Number(own.atMs - refused!.atMs) >= 6_000, "not before its time");
      await kit.waitFor("alpha", KIND.receipt, 51);
      await until(async () => (await kit.backlog("alpha")) === 0, "all is acknowledged");
      assert.equal(await kit.cold("alpha"), []);
      assert.is(smsc.stats().duplicates, 0);
    }),
  );
}

retry(
  "the count of retries goes with the record: after its schedule another carrier is tried",
  () =>
    withKit(async (kit) => {
      const alpha = await kit.simulate({ refused: 1, refuseWith: [RSYSERR] });
      const beta = await kit.simulate();
      await kit.configure("alpha", alpha.port);
      await kit.configure("beta", beta.port);
      await kit.connect("one");
      const policy = { failover: 3, retryTemporarySeconds: [6] };
      const message = { to: "+447700905555", policy, candidates: ["beta"], hop: 3 };
      await kit.publish("alpha", [message]);
      const refused = await kit.waitFor("alpha", KIND.refused, 2, 20_000);
      assert.equal(
        refused.map(({ hop, nextCarrier }) => [hop, nextCarrier]),
        [
          [3, "alpha"],
          [4, "beta"],
        ],
      );
      const [submitted] = await kit.waitFor("beta", KIND.submitted, 1);
      assert.is(submitted!.hop, 5);
      assert.is(alpha.stats().submits, 2);
    }),
);

retry("a retry that would come after the end of the validity is none: it expired, ours", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    await kit.connect("one");
    const policy = { failover: 3, retryTemporarySeconds: [3_600] };
    await kit.publish("alpha", [{ to: TEMPORARY, policy }]);
    const [refused] = await kit.waitFor("alpha", KIND.refused, 1);
    assert.equal(
      [refused!.state, refused!.error, refused!.final, refused!.nextCarrier],
      [STATE.EXPIRED, REASON.EXPIRED, true, ""],
    );
    await until(async () => (await kit.backlog("alpha")) === 0, "all is acknowledged");
    assert.is(smsc.stats().submits, 1);
  }),
);

retry("a frame that is early is not sent by whoever has it, and is sent after a restart", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    const stop = await kit.connect("one");
    const notBeforeMs = SYSTEM_CLOCK.nowMs() + 8_000;
    await kit.publish("alpha", [{ to: "+447700905555", text: LONG_TEXT }], {
      slot: "r",
      notBeforeMs,
    });
    await until(() => smsc.stats().bound === 1);
    await stop();
    await kit.connect("two");
    const [submitted] = await kit.waitFor("alpha", KIND.submitted, 1, 20_000);
    assert.ok(Number(submitted!.atMs) >= notBeforeMs, "not before its time");
    assert.is(smsc.stats().parts, 3);
  }),
);

retry("a parent that comes again makes the same retry, not a second one", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    await kit.configure("alpha", smsc.port);
    const stop = await kit.connect("one");
    const policy = { failover: 3, retryTemporarySeconds: [6] };
    await kit.publish("alpha", [{ to: TEMPORARY, policy }], { id: "p" });
    await kit.waitFor("alpha", KIND.refused, 1);
    await until(async () => (await kit.backlog("alpha")) === 1, "only the retry is left");
    await stop();
    await kit.connect("two");
    await kit.again("alpha", "p", [{ to: "+447700915555" }]);
    await kit.waitFor("alpha", KIND.submitted, 2, 30_000);
    await until(async () => (await kit.backlog("alpha")) === 0, "all is acknowledged");
    assert.is(smsc.stats().duplicates, 0);
  }),
);

retry.run();
