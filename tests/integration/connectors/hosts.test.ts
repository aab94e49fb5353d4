/** A carrier with two hosts: the second while the first is away, and back, in order, without doubts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Smsc } from "../../../bench/carrier/smsc.js";
import {
  type CarrierStatus,
  carrierOfStatusKey,
  parseCarrierStatus,
} from "../../../core/carrier-status.js";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { parseCarrier } from "../../../core/configuration.js";
import { SILENT } from "../../../core/log.js";
import { BUCKETS } from "../../../core/subjects.js";
import { openSmppLink } from "../../../services/connectors/smpp/link.js";
import { until } from "../../until.js";
import { KIND, LOGIN, numbers, withKit } from "./kit.js";
import { hurried, openTold, withCarrier } from "./session-kit.js";

const failing = suite("connectors: several hosts");

const TWO_HOSTS = { second: "127.0.0.1:0" };
/** Minutes are seconds. */
const HASTE = 60;
const hostsOf = ({ ports }: Smsc) => ports.map((port) => ({ host: "127.0.0.1", port }));

failing("binds at the second while the first is away, and goes back when all is answered", () =>
  withCarrier({ ...TWO_HOSTS, latencyMs: 100 }, undefined, async (smsc) => {
    const [first, second] = smsc.ports;
    await smsc.serve(0, false);
    const clock = hurried(HASTE);
    const times = { responseMs: 600_000, enquireLinkMs: 600_000, clock };
    let mayMove = false;
    const { session, told, submit } = openTold({ hosts: hostsOf(smsc), ...times }, () => mayMove);
    try {
      await until(() => session.bound());
      assert.is(session.told().host.port, second);
      await smsc.serve(0, true);
      await sleep(SYSTEM_CLOCK, 2_500);
      assert.is(session.told().host.port, second, "it may not move yet");
      // Something is always under way.
      let sent = 0;
      mayMove = true;
      await until(() => {
        for (; session.room() > 5; sent += 1) submit(sent);
        session.flush();
        return session.told().host.port === first && session.bound();
      }, "it is back");
      await until(() => session.unanswered() === 0);
      assert.ok(sent > 5);
      assert.is(told.answered.length, sent);
      assert.equal([told.doubted, told.unexpected], [[], []]);
      assert.equal([told.up, told.down, smsc.stats().unbinds], [2, 1, 1]);
    } finally {
      await session.stop();
    }
  }),
);

failing("binds of one carrier go back one after another, so that one always sends", () =>
  withCarrier({ ...TWO_HOSTS, binds: 3 }, undefined, async (smsc) => {
    const [first, second] = smsc.ports as [number, number];
    await smsc.serve(0, false);
    const config = parseCarrier({
      ...{
        name: "alpha",
        link: "smpp",
        status: "active",
        host: "127.0.0.1",
        port: first,
        ...LOGIN,
      },
      ...{ binds: 3, fallbackHosts: [{ host: "127.0.0.1", port: second }] },
      ...{ responseMs: 600_000, enquireLinkMs: 600_000 },
    });
    const [none, ups] = [(): void => {}, { least: Number.POSITIVE_INFINITY }];
    let downs = 0;
    const link = openSmppLink(
      { config, clock: hurried(HASTE), log: SILENT },
      {
        ...{ accepted: none, returned: none, refused: none, doubted: none, delivered: none },
        ...{ readBegin: none, readEnd: none, room: none },
        down() {
          downs += 1;
        },
      },
    );
    const boundAt = (port: number): number =>
      link.binds!().filter((bind) => bind.state === "bound" && bind.host.endsWith(`:${port}`))
        .length;
    try {
      for (const slot of [0, 1, 2]) link.openSlot(slot);
      await until(() => boundAt(second) === 3);
      assert.ok(smsc.stats().bound <= 3);
      await smsc.serve(0, true);
      await until(() => {
        ups.least = Math.min(ups.least, boundAt(first) + boundAt(second));
        assert.ok(smsc.stats().bound <= 3, "never more sessions than agreed");
        return boundAt(first) === 3;
      }, "all are back");
      assert.ok(ups.least >= 2, `${ups.least} of 3 were bound`);
      assert.is(downs, 0);
      assert.is(smsc.stats().bindsRefused, 0);
    } finally {
      await link.stop();
    }
  }),
);

failing("a host that takes connections and drops them is not gone back to", () =>
  withCarrier({}, undefined, (bad) =>
    withCarrier({}, undefined, async (good) => {
      // Every bind is refused there, so it stays away; a probe that finds it good leads nowhere for long.
      Object.assign(bad.options, { bindRefused: 1, bindRefuseWith: [0x0d] });
      const hosts = [bad, good].map(({ port }) => ({ host: "127.0.0.1", port }));
      const times = { responseMs: 600_000, enquireLinkMs: 600_000, clock: hurried(HASTE) };
      const { session, told } = openTold({ hosts, ...times });
      try {
        await until(() => session.bound());
        assert.is(session.told().host.port, good.port);
        // Seven minutes: it tries after one and after two more, not again before four.
        await sleep(SYSTEM_CLOCK, 6_000);
        await until(() => session.bound());
        assert.is(session.told().host.port, good.port);
        const { bindsRefused } = bad.stats();
        assert.ok(bindsRefused >= 2 && bindsRefused <= 4, `${bindsRefused} binds`);
        assert.is(told.refused.length, bindsRefused);
      } finally {
        await session.stop();
      }
    }),
  ),
);

failing("a connector sends by the second host, and tells where it is bound", () =>
  withKit(async (kit) => {
    const smsc = await kit.simulate(TWO_HOSTS);
    await smsc.serve(0, false);
    const [first, second] = smsc.ports as [number, number];
    const fallbackHosts = [{ host: "127.0.0.1", port: second }];
    await kit.configure("alpha", first, { fallbackHosts, partsPerSecond: 500, window: 20 });
    await kit.connect("one");
    await kit.publish(
      "alpha",
      numbers(10).map((to) => ({ to })),
    );
    await kit.waitFor("alpha", KIND.submitted, 10);
    const bucket = await kit.client.bucket(BUCKETS.carrierStatus);
    let binds: CarrierStatus["binds"] = [];
    const watching = await bucket.watch((key, value) => {
      const isIts = value !== undefined && carrierOfStatusKey(key) === "alpha";
      if (isIts) binds = parseCarrierStatus(value).binds;
    });
    await until(() => binds.some(({ state }) => state === "bound"));
    const [bind] = binds;
    assert.is(bind?.bind, "alpha.0");
    assert.equal([bind?.host, bind?.tls], [`127.0.0.1:${second}`, false]);
    assert.equal([bind?.rate, bind?.window, bind?.problem], [500, 20, ""]);
    assert.ok(bind!.boundSinceMs! > 0);
    // It goes away too: the status says so.
    await smsc.serve(1, false);
    await until(() => binds[0]?.problem !== "");
    assert.is.not(binds[0]?.state, "bound");
    await watching.stop();
  }),
);

failing.run();
