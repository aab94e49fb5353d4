/** The binds of one carrier together: their share of its rate, what answers mean there, and a stop. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { parseCarrier } from "../../../core/configuration.js";
import { SILENT } from "../../../core/log.js";
import { environment } from "../../../core/settings.js";
import { openSmppLink } from "../../../services/connectors/smpp/link.js";
import { until } from "../../until.js";
import { KIND, LOGIN, numbers, withKit } from "./kit.js";
import { withCarrier } from "./session-kit.js";

const together = suite("connectors: binds of a carrier");

together("each slot that is held brings its share, which any of the binds may use", () =>
  withCarrier({ binds: 1 }, undefined, async (smsc) => {
    const config = parseCarrier({
      ...{ name: "alpha", link: "smpp", status: "active", host: "127.0.0.1", port: smsc.port },
      ...{ ...LOGIN, binds: 4, partsPerSecond: 400 },
    });
    const none = (): void => {};
    const link = openSmppLink(
      { config, clock: SYSTEM_CLOCK, log: SILENT },
      {
        ...{ accepted: none, returned: none, refused: none, doubted: none, delivered: none },
        ...{ readBegin: none, readEnd: none, room: none, down: none },
      },
    );
    const rates = (): number[] => link.binds!().map(({ rate }) => rate);
    try {
      link.openSlot(0);
      assert.equal(rates(), [100]);
      // The carrier takes one bind only: the share of the other is the first's.
      link.openSlot(2);
      assert.equal(rates(), [200, 200]);
      await until(() => link.binds!().some(({ problem }) => problem.includes("ESME_RALYBND")));
      assert.is(link.binds!().filter(({ state }) => state === "bound").length, 1);
      await link.closeSlot(2);
      assert.equal(rates(), [100]);
    } finally {
      await link.stop();
    }
  }),
);

together("a carrier's own classes of status decide: refused for good, or in doubt", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate();
    smsc.rules.set([
      { prefix: "44770000", refused: 1, "refuse-with": "0x00000411" },
      { prefix: "44771111", refused: 1, "refuse-with": "0x00000008" },
    ]);
    const statusClasses = { "0x00000411": "ambiguous", "0x00000008": "permanent" } as const;
    await kit.configure("alpha", smsc.port, { statusClasses });
    await kit.connect("one");
    const [unclear, wrong] = await kit.publish("alpha", [
      { to: "+447700000555" },
      { to: "+447711110555" },
    ]);
    const refused = await kit.waitFor("alpha", KIND.refused, 1);
    assert.equal(
      refused.map(({ id }) => id),
      [wrong],
    );
    // At least once: in doubt, sent once more, in doubt again.
    const doubted = await kit.waitFor("alpha", KIND.doubted, 2);
    assert.ok(doubted.every(({ id }) => id === unclear));
    // A temporary refusal would have been tried again.
    assert.is(smsc.stats().submits, 3);
  }),
);

together("SIGTERM: what is at the carrier is answered, then it unbinds and ends", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate({ latencyMs: 300, receiptDelayMs: 3_600_000 });
    await kit.configure("alpha", smsc.port, { window: 20 });
    const script = fileURLToPath(new URL("../../../services/cli/main.js", import.meta.url));
    const child = spawn(process.execPath, [script, "serve", "connector"], {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...environment(),
        FLOE_NATS_URL: kit.nats.url(),
        FLOE_KEYS_FILE: kit.keysFile,
        FLOE_LOG_LEVEL: "error",
      },
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    try {
      await kit.publish(
        "alpha",
        numbers(200).map((to) => ({ to })),
      );
      await until(() => smsc.stats().submits >= 40);
      child.kill("SIGTERM");
      assert.is(await ended, 0);
      const { parts, submits, unbinds, bound } = smsc.stats();
      assert.equal([unbinds, bound], [1, 0]);
      assert.is(parts, submits);
      assert.ok(parts < 200, "it took no more");
      const attempts = await kit.attempts("alpha");
      assert.is(attempts.filter(({ kind }) => kind === KIND.submitted).length, parts);
      assert.is(attempts.filter(({ kind }) => kind === KIND.doubted).length, 0);
      assert.is(await kit.backlog("alpha"), 1);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  }),
);

together.run();
