/** Imports by `floe import`, through a running admin service, into the table set in force. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newApiKey } from "../../../core/api-key.js";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig, parseTables } from "../../../core/configuration.js";
import { COMMON_SETTINGS, type Host } from "../../../core/host.js";
import { extendKeys } from "../../../core/keys.js";
import { SILENT } from "../../../core/log.js";
import { environment, loadSettings } from "../../../core/settings.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, COLUMNS_STORE } from "../../../core/subjects.js";
import { decodeDeck } from "../../../services/admin/columns.js";
import { openImportStore } from "../../../services/admin/import/import-store.js";
import { serve } from "../../../services/admin/main.js";
import { openStore } from "../../../services/admin/store.js";
import { until } from "../../until.js";
import { withNats } from "../with-nats.js";

const imports = suite("floe import");

const MAIN = fileURLToPath(new URL("../../../services/cli/main.js", import.meta.url));
const CARRIER = {
  link: "smpp",
  status: "active",
  host: "127.0.0.1",
  port: 1,
  systemId: "test",
  password: "test",
  systemType: "",
  bind: "transceiver",
  binds: 1,
  window: 10,
  partsPerSecond: 0,
  alphabet: "gsm7",
  enquireLinkMs: 30_000,
  responseMs: 10_000,
};
const PLAN = {
  plan: 1,
  name: "standard",
  currency: "GBP",
  chargeBasis: 1,
  smartEncoding: false,
  possibleNumbers: true,
  changedBy: "test",
  changedAtMs: 0,
};

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Bracket {
  readonly client: StreamClient;
  readonly folder: string;
  /** Runs `floe import` with these arguments and the bracket's staff key. */
  floe(args: readonly string[], key?: string): Promise<Ended>;
  /** Path of a file with this text. */
  file(name: string, text: string): string;
}

async function withAdmin(run: (bracket: Bracket) => Promise<void>): Promise<void> {
  await withNats(async (nats) => {
    const client = await nats.client("admin");
    const folder = mkdtempSync(join(tmpdir(), "floe-import-"));
    const keysFile = join(folder, "keys.json");
    writeFileSync(keysFile, extendKeys(undefined, SYSTEM_CLOCK.nowMs(), 1));
    const { key, keyId, secretHash } = newApiKey("test");
    const ends: (() => Promise<void> | void)[] = [];
    let port = 0;
    const host: Host = {
      processId: "admin-test",
      clock: SYSTEM_CLOCK,
      lifecycle: {
        onStop: (_name, close) => void ends.push(close),
        stop: async () => {},
        stopping: () => false,
      },
      common: loadSettings(COMMON_SETTINGS, [], { FLOE_KEYS_FILE: keysFile }),
      log: () => SILENT,
      settings: (table) =>
        loadSettings(table, [COMMON_SETTINGS], {
          FLOE_ADMIN_PORT: "0",
          FLOE_ADMIN_QUIET_MS: "50",
          FLOE_KEYS_FILE: keysFile,
        }),
      stream: async () => client,
      listening: (_service, _address, at) => {
        port = at;
      },
      readiness: () => {},
    };
    const put = async (bucket: string, name: string, value: object): Promise<void> => {
      await (await client.bucket(bucket)).put(name, encodeConfig(value));
    };
    await put(BUCKETS.keys, keyId, {
      ...{ keyId, account: 0, secretHash, scope: "staff", status: "active", expiresAtMs: 0 },
    });
    for (const name of ["alpha", "beta"]) await put(BUCKETS.carriers, name, { name, ...CARRIER });
    await put(BUCKETS.entities, "plan.1", PLAN);
    try {
      await serve(host);
      const floe = (args: readonly string[], withKey = key): Promise<Ended> => {
        const env = { ...environment(), FLOE_HOME: folder, FLOE_KEY: withKey, NO_COLOR: "1" };
        const all = [MAIN, "import", ...args, "--admin", `127.0.0.1:${port}`];
        return new Promise((resolve) => {
          execFile(process.execPath, all, { env }, (error, out, err) => {
            resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
          });
        });
      };
      const file = (name: string, text: string): string => {
        writeFileSync(join(folder, name), text);
        return join(folder, name);
      };
      await run({ client, folder, floe, file });
    } finally {
      for (const end of ends.reverse()) await end();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

imports("brings every kind of table into the table set in force", async () => {
  await withAdmin(async ({ client, floe, file }) => {
    const networks = file("networks.csv", "prefix,country,mcc,mnc\n44,GB,,\n447,GB,234,10\n");
    assert.is((await floe(["networks", networks, "--no-wait"])).code, 0);
    const ported = file("ported.csv", "number,mcc,mnc\n447911123456,234,10\n");
    assert.is((await floe(["ported", ported, "--no-wait"])).code, 0);
    const routes = file("routes.csv", 'rule,order,strategy\nall,1,"cost(*)"\n');
    assert.is((await floe(["routes", routes, "--no-wait"])).code, 0);
    const prices = file("prices.csv", "prefix,price\n44,0.04\n");
    assert.is((await floe(["deck", prices, "--plan", "1", "--no-wait"])).code, 0);
    const text =
      "MCCMNC,PriceSubmit,PriceDelivered,Currency,Effective\n23410,0.0,0.016,GBP,2021-01-01T00:00:00+00:00\n";
    const told = await floe(["deck", file("alpha.csv", text), "--carrier", "alpha", "--json"]);
    assert.is(told.code, 0, told.err);
    const result = JSON.parse(told.out);
    assert.is(result.stored, true);
    assert.is(result.diff.new, 1);
    const config = await client.bucket(BUCKETS.config);
    const pointer = parseTables((await config.get("tables"))!.value);
    assert.is(pointer.version, result.tableSet);
    const store = await openStore({ client, clock: SYSTEM_CLOCK, log: SILENT });
    try {
      const deck = store.get("deck", "carrier.alpha.sms")!.entity;
      const bytes = await (await client.objects(COLUMNS_STORE)).get(deck.object);
      assert.is(decodeDeck(bytes!).terms[0]?.priceMicros, 16_000);
      assert.is(store.all("rule").length, 1);
    } finally {
      await store.stop();
    }
  });
});

imports("shows a difference in a dry run, and problems where compilers show them", async () => {
  await withAdmin(async ({ floe, file }) => {
    const deck = file("alpha.csv", "prefix,price\n44,0.04\n49,0.05\n");
    const flags = ["--carrier", "alpha", "--currency", "GBP", "--no-wait"];
    assert.is((await floe(["deck", deck, ...flags])).code, 0);
    const next = file("next.csv", "Dest;Our Price\n44;0.05\n33;0.1\n");
    const mapped = ["--map", "prefix=Dest,price=Our Price"];
    const dry = await floe(["deck", next, ...flags, ...mapped, "--dry-run"]);
    assert.is(dry.code, 0, dry.err);
    assert.match(dry.out, /1 new, 1 changed \(1 up, 0 down\), 0 unchanged, 1 ceased\./);
    assert.match(dry.out, /prefix 44 .*0\.04 .*0\.05 .*\+25\.00 %/);
    assert.match(dry.out, /Dry run: nothing was stored\./);
    const wrong = file("wrong.csv", "prefix,price\n44,0.09\n4x,0,1\n33,\n");
    const refused = await floe(["deck", wrong, ...flags]);
    assert.is(refused.code, 1);
    assert.match(refused.err, /wrong\.csv:3 row: has 3 cells, the header 2/);
    assert.match(refused.err, /wrong\.csv:4 price: is missing/);
    const jump = file("jump.csv", "prefix,price\n44,0.09\n49,0.05\n");
    const far = await floe(["deck", jump, ...flags]);
    assert.match(far.err, /jump\.csv:2 price: changes 0\.04 by 125\.0 % to 0\.09/);
    assert.is((await floe(["deck", jump, ...flags, "--max-change", "200"])).code, 0);
  });
});

imports("asks for a staff key, an owner that is there and a file that can be read", async () => {
  await withAdmin(async ({ floe, file }) => {
    const deck = file("alpha.csv", "prefix,price\n44,0.04\n");
    const nobody = await floe(["deck", deck, "--carrier", "alpha"], newApiKey("test").key);
    assert.is(nobody.code, 1);
    assert.match(nobody.err, /UNAUTHENTICATED/);
    const unknown = await floe(["deck", deck, "--carrier", "gamma"]);
    assert.is(unknown.code, 1);
    assert.match(unknown.err, /NOT_FOUND: There is no such carrier\./);
    const missing = await floe(["deck", `${deck}.none`, "--carrier", "alpha"]);
    assert.is(missing.code, 2);
    const both = await floe(["deck", deck, "--carrier", "alpha", "--plan", "1"]);
    assert.is(both.code, 2);
  });
});

imports("replaces rules as a whole, and only those that differ are written", async () => {
  await withAdmin(async ({ client, floe, file }) => {
    const first = file("first.csv", "rule,order,strategy\na,1,cost(alpha)\nb,2,cost(beta)\n");
    assert.is((await floe(["routes", first, "--no-wait"])).code, 0);
    const store = await openStore({ client, clock: SYSTEM_CLOCK, log: SILENT });
    try {
      const before = store.get("rule", "a")!.revision;
      const second = file("second.csv", "rule,order,strategy\na,1,cost(alpha)\nc,3,cost(*)\n");
      assert.is((await floe(["routes", second, "--no-wait"])).code, 0);
      const ids = () => store.all("rule").map(({ key }) => key);
      await until(() => ids().join() === "a,c", "the second file's rules are followed");
      const rules = await openImportStore(store).rules();
      assert.is(rules[0]?.revision, before);
    } finally {
      await store.stop();
    }
  });
});

imports.run();
