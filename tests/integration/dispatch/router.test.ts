/** Integration tests of the router: real threads, tables that change, keys that are missing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig } from "../../../core/configuration.js";
import { extendKeys } from "../../../core/keys.js";
import { SILENT } from "../../../core/log.js";
import type { Bucket, Objects } from "../../../core/stream/stream.js";
import type { Inputs } from "../../../services/dispatch/inputs.js";
import {
  type Frames,
  isForOperator,
  openRouter,
  type Router,
} from "../../../services/dispatch/router.js";
import { decisionOf, NOW_MS, requestFrame, testTables } from "../../unit/dispatch/kit.js";
import { until } from "../../until.js";

const router = suite("dispatch router");

interface Bench {
  readonly router: Router;
  readonly keysFile: string;
  /** Puts a table set into force, as the admin service does. */
  announce(version: number, image: Uint8Array): void;
}

/** How far its clock is put forward. */
let aheadMs = 0;

async function withRouter(run: (bench: Bench) => Promise<void>, fromMs = NOW_MS): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-router-"));
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, fromMs, 1));
  const there = new Map<string, Uint8Array>();
  let changed: (key: string, value: Uint8Array | undefined, revision: number) => void = () => {};
  const config: Partial<Bucket> = {
    async watch(told) {
      changed = told;
      return { pause() {}, resume() {}, async stop() {} };
    },
  };
  const objects: Partial<Objects> = {
    async getShared(name) {
      const image = there.get(name);
      if (image === undefined) return undefined;
      const shared = new SharedArrayBuffer(image.length);
      new Uint8Array(shared).set(image);
      return shared;
    },
  };
  // Of one carrier and one country, whichever: nothing is known of either.
  const inputs: Inputs = {
    of: (carriers, countries) => ({
      health: new Uint8Array(carriers.length),
      quality: new Int32Array(2 * carriers.length * countries.length).fill(-1),
    }),
    stop: async () => {},
  };
  const opened = await openRouter({
    threads: 1,
    keysFile,
    clock: { ...SYSTEM_CLOCK, monotonicMs: () => SYSTEM_CLOCK.monotonicMs() + aheadMs },
    config: config as Bucket,
    objects: objects as Objects,
    inputs,
    log: SILENT,
  });
  try {
    await run({
      router: opened,
      keysFile,
      announce(version, image) {
        there.set(`tables-${version}`, image);
        changed("tables", encodeConfig({ version, object: `tables-${version}` }), version);
      },
    });
  } finally {
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const framesOf = (count: number, acceptedAtMs = NOW_MS): Frames => ({
  data: requestFrame(Array.from({ length: count }, (_, id) => ({ id, acceptedAtMs }))),
  acceptedFromMs: acceptedAtMs,
  acceptedToMs: acceptedAtMs,
});

router("answers the same for a few messages, here, and for many, in a thread", async () => {
  await withRouter(async ({ router: one, announce }) => {
    assert.is(one.ready(), false);
    announce(1, new Uint8Array(testTables()));
    await one.whenReady();
    const few = await one.route([framesOf(1)]);
    const many = await one.route([framesOf(1), framesOf(400)]);
    assert.equal(many.counts, [1, 400]);
    const [first] = decisionOf(new Uint8Array(many.verdicts)).records;
    assert.equal(decisionOf(new Uint8Array(few.verdicts)).records[0], first);
    assert.is(first!.toTok.length, 16);
  });
});

router("keeps the last good tables when new ones are damaged", async () => {
  await withRouter(async ({ router: one, announce }) => {
    announce(1, new Uint8Array(testTables()));
    await one.whenReady();
    announce(2, new Uint8Array(100).fill(1));
    const third = new Uint8Array(testTables());
    announce(3, third);
    // The third is the first again, byte for byte: what tells is that it is used after the second.
    await until(async () => (await one.route([framesOf(1)])).counts[0] === 1);
    assert.is((await one.route([framesOf(1)])).tablesVersion, 1);
  });
});

router(
  "reads the keys file again when a month is missing, and says so if it stays so",
  async () => {
    const nextMonthMs = Date.UTC(2026, 11, 3);
    await withRouter(async ({ router: one, announce, keysFile }) => {
      announce(1, new Uint8Array(testTables()));
      await one.whenReady();
      let problem: unknown;
      for (const count of [1, 100]) {
        problem = await one.route([framesOf(count, nextMonthMs)]).catch((error: unknown) => error);
        assert.ok(isForOperator(problem), String(problem));
      }
      writeFileSync(keysFile, extendKeys(undefined, NOW_MS, 3));
      assert.equal((await one.route([framesOf(100, nextMonthMs)])).counts, [100]);
    });
  },
);

router("blames records only while most others pass", async () => {
  await withRouter(async ({ router: one, announce }) => {
    announce(1, new Uint8Array(testTables()));
    await one.whenReady();
    await one.route([framesOf(100)]);
    one.blame(90);
    assert.throws(() => one.blame(20), /it is not the records/);
  });
  await withRouter(async ({ router: one, announce }) => {
    announce(1, new Uint8Array(testTables()));
    await one.whenReady();
    await one.route([framesOf(100)]);
    // A minute later what was routed counts half, not nothing.
    aheadMs += 61_000;
    one.blame(40);
    assert.throws(() => one.blame(20), /it is not the records/);
  });
});

router.run();
