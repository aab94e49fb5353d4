/** Table sets: made of changes, put back, kept, and never in force when something is wrong. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig, parseTableSet, parseTables } from "../../../core/configuration.js";
import { SILENT } from "../../../core/log.js";
import {
  DeckServiceService,
  Plan,
  PlanServiceService,
  type Rate,
} from "../../../core/proto/floe/v1/pricing_admin.js";
import {
  type GetTableSetStatusResponse,
  type TableSet,
  TableSetServiceService,
  TableSetState,
} from "../../../core/proto/floe/v1/table_sets.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../../core/subjects.js";
import { putDeck, putNetworks } from "../../../services/admin/put.js";
import { openStore, type Store } from "../../../services/admin/store.js";
import { type DeckSource, MATCH } from "../../../workers/source.js";
import { openTables } from "../../../workers/tables.js";
import { until } from "../../until.js";
import { errorOf } from "../gateway/with-gateway.js";
import { withNats } from "../with-nats.js";
import { carrierOf, createCarrier, type Replica, withAdmins } from "./with-admin.js";

const sets = suite("table sets");

async function build(admin: Replica): Promise<TableSet> {
  const { tableSet } = await admin.call<{ tableSet: TableSet }>(
    TableSetServiceService,
    "buildTableSet",
    {},
  );
  return tableSet;
}

function statusOf(admin: Replica) {
  return admin.call<GetTableSetStatusResponse>(TableSetServiceService, "getTableSetStatus", {});
}

function activate(admin: Replica, version: bigint) {
  return admin.call<{ tableSet: TableSet }>(TableSetServiceService, "activateTableSet", {
    version,
  });
}

async function list(admin: Replica): Promise<readonly TableSet[]> {
  const request = { pageSize: 0, pageToken: "" };
  const page = await admin.call<{ tableSets: TableSet[] }>(
    TableSetServiceService,
    "listTableSets",
    request,
  );
  return page.tableSets;
}

async function createPlan(admin: Replica, plan: number, currency = "GBP"): Promise<Plan> {
  const made = await admin.call<{ plan: Plan }>(PlanServiceService, "createPlan", {
    plan: Plan.fromPartial({ plan, name: `Plan ${plan}`, currency }),
  });
  return made.plan;
}

/** The set that dispatch would load. */
async function inForce(stream: StreamClient) {
  const entry = await (await stream.bucket(BUCKETS.config)).get("tables");
  const { version, object } = parseTables(entry!.value);
  const image = await (await stream.objects(TABLES_STORE)).get(object);
  const shared = new SharedArrayBuffer(image!.length);
  new Uint8Array(shared).set(image!);
  return { version, tables: openTables(shared) };
}

function deckOf(owner: DeckSource["owner"], prices: readonly number[]): DeckSource {
  const count = prices.length;
  return {
    owner,
    channel: "sms",
    currency: "GBP",
    rows: {
      count,
      kinds: new Uint8Array(count).fill(MATCH.prefix),
      codes: Float64Array.from(prices, (_, at) => 440 + at),
      lengths: new Uint8Array(count).fill(3),
      terms: Uint32Array.from(prices, (_, at) => at),
    },
    terms: prices.map((priceMicros) => ({
      effectiveFromMs: 0,
      effectiveToMs: 0,
      senderKind: 0,
      trafficClass: 0,
      unit: "segment" as const,
      priceMicros,
      increment: 1,
      messageFeeMicros: 0,
      segmentFeeMicros: 0,
      minimumMicros: 0,
      chargeBasis: 0,
      rounding: 1,
      decimals: 6,
    })),
  };
}

/** What an import would have written. */
async function withStore(stream: StreamClient, run: (store: Store) => Promise<void>) {
  const store = await openStore({ client: stream, clock: SYSTEM_CLOCK, log: SILENT });
  await run(store);
  await store.stop();
}

sets("are made by themselves when something was changed", async () => {
  await withAdmins(1, async ({ admin, staff }) => {
    await createCarrier(admin, carrierOf("alpha"));
    await createPlan(admin, 1);
    await until(async () => {
      const { state, version } = await statusOf(admin);
      return state === TableSetState.TABLE_SET_STATE_CURRENT && version > 0n;
    }, "a set is in force");
    const { tables, version } = await inForce(admin.stream);
    assert.equal(
      tables.carriers.map((one) =>
        typeof one === "string" ? one : (one as { name: string }).name,
      ),
      ["alpha"],
    );
    const [set] = await list(admin);
    assert.is(set!.version, BigInt(version));
    assert.is(set!.changedBy, staff.keyId);
    assert.ok(set!.inForce && set!.bytes > 0n && set!.builtAt !== undefined);
    assert.ok(set!.made["plans"] !== undefined && set!.made["carriers"] !== undefined);
  });
});

sets("hold every change that a build was asked after", async () => {
  await withAdmins(
    2,
    async ({ replicas: [one, other] }) => {
      const alpha = await createCarrier(one!, carrierOf("alpha"));
      await createPlan(other!, 7);
      const first = await build(one!);
      const { tables } = await inForce(one!.stream);
      assert.equal(
        tables.plans.map(({ plan }) => plan),
        [7],
      );
      // Nothing is in tables of where a carrier is reached: the same set goes on.
      assert.ok(alpha.revision > 0n);
      assert.is((await build(other!)).version, first.version);
      await createPlan(one!, 8);
      assert.is((await build(other!)).version, first.version + 1n);
    },
    undefined,
    // Only what is asked for is made.
    { FLOE_ADMIN_QUIET_MS: "600000" },
  );
});

sets("are put back, and stay back until the next change", async () => {
  await withAdmins(1, async ({ admin, staff }) => {
    await createCarrier(admin, carrierOf("alpha"));
    await createPlan(admin, 1);
    const first = await build(admin);
    await createPlan(admin, 2);
    const second = await build(admin);
    assert.ok(second.version > first.version);

    const back = await activate(admin, first.version);
    assert.ok(back.tableSet.inForce);
    const held = await statusOf(admin);
    assert.is(held.state, TableSetState.TABLE_SET_STATE_HELD);
    assert.is(held.version, first.version);
    assert.is(held.activatedBy, staff.keyId);
    assert.is((await inForce(admin.stream)).version, Number(first.version));

    const forward = await activate(admin, second.version);
    assert.is(forward.tableSet.version, second.version);
    assert.is((await statusOf(admin)).state, TableSetState.TABLE_SET_STATE_CURRENT);

    await activate(admin, first.version);
    await createPlan(admin, 3);
    await until(async () => (await statusOf(admin)).version > second.version, "a new set");
    assert.equal(
      (await inForce(admin.stream)).tables.plans.map(({ plan }) => plan),
      [1, 2, 3],
    );
    assert.is((await errorOf(activate(admin, 99n))).code, status.NOT_FOUND);
  });
});

sets("go on from a build that is asked for after going back", async () => {
  await withAdmins(1, async ({ admin }) => {
    await createPlan(admin, 1);
    const first = await build(admin);
    await createPlan(admin, 2);
    const second = await build(admin);
    await activate(admin, first.version);
    const third = await build(admin);
    assert.is(third.version, second.version + 1n);
    assert.is((await statusOf(admin)).state, TableSetState.TABLE_SET_STATE_CURRENT);
  });
});

sets("are not made of what is wrong: the last good one stays, and status says what", async () => {
  await withAdmins(1, async ({ admin }) => {
    await createCarrier(admin, carrierOf("alpha"));
    const good = await build(admin);
    // As two writers at the same time can leave it: a rule for a carrier that is gone.
    const entities = await admin.stream.bucket(BUCKETS.entities);
    const lists = Object.fromEntries(
      [
        ...["accounts", "plans", "trafficClasses", "channels", "countries"],
        ...["prefixes", "networks", "senders", "senderKinds"],
      ].map((name) => [name, []]),
    );
    const rule = {
      ...{ id: "lost", order: 1, ...lists, strategy: "cost(gamma)", allowLoss: false },
      ...{ marginMicros: 0, marginBasisPoints: 0, changedBy: "x", changedAtMs: 1 },
    };
    await entities.put("rule.lost", encodeConfig(rule));
    const failed = await errorOf(build(admin));
    assert.is(failed.code, status.FAILED_PRECONDITION);
    assert.match(failed.text, /rule lost/);
    const told = await statusOf(admin);
    assert.is(told.state, TableSetState.TABLE_SET_STATE_FAILED);
    assert.is(told.version, good.version);
    assert.match(told.problems.join(), /rule lost.*strategy/);

    assert.match(told.problems.join(), 'mend it by "floe rules update lost --strategy <strategy>"');

    // What an older release took, and this one does not.
    const twice = { ...rule, id: "twice", strategy: "weight(alpha:70, alpha:30)" };
    await entities.delete("rule.lost");
    await entities.put("rule.twice", encodeConfig(twice));
    const { text } = await errorOf(build(admin));
    assert.match(text, "rule twice: strategy: at ");
    assert.match(text, "a carrier is named twice");
    assert.match(text, 'or "floe rules delete twice"');
    assert.is((await inForce(admin.stream)).version, Number(good.version));
    await entities.delete("rule.twice");

    await entities.put("rule.lost", Buffer.from("{}"));
    assert.match((await errorOf(build(admin))).text, /rule\.lost/);
    await entities.delete("rule.lost");
    await build(admin);
    const mended = await statusOf(admin);
    assert.is(mended.state, TableSetState.TABLE_SET_STATE_CURRENT);
    assert.equal(mended.problems, []);
  });
});

sets("say which deck names a carrier that was deleted while it was written", async () => {
  await withAdmins(2, async ({ admin, replicas }) => {
    await createCarrier(admin, carrierOf("beta"));
    const good = await build(admin);
    // Its import was checked before the carrier went, and written after: by another replica.
    await withStore(replicas[1]!.stream, async (store) => {
      const deck = deckOf({ carrier: "alpha" }, [7_000]);
      await putDeck(store, { carrier: "alpha" }, "sms", deck, undefined, "x");
    });
    const { text } = await errorOf(build(admin));
    assert.match(text, "deck carrier.alpha.sms: carrier: is not among the carriers");
    assert.match(text, '"floe decks delete --carrier alpha --channel sms"');
    assert.match(text, '"floe carriers create alpha"');
    assert.is((await inForce(admin.stream)).version, Number(good.version));
    await createCarrier(admin, carrierOf("alpha"));
    assert.is((await build(admin)).version, good.version + 1n);
  });
});

sets("need a rate of each currency where decks are in more than one", async () => {
  await withAdmins(1, async ({ admin }) => {
    for (const name of ["alpha", "beta"]) await createCarrier(admin, carrierOf(name));
    const entities = await admin.stream.bucket(BUCKETS.entities);
    const rate = { currency: "EUR", rateNanos: 10 ** 9, changedBy: "x", changedAtMs: 1 };
    const put = (currency: string, effectiveFromMs: number) =>
      entities.put(
        `exchange.${currency}.${effectiveFromMs}`,
        encodeConfig({ ...rate, currency, effectiveFromMs }),
      );
    await withStore(admin.stream, async (store) => {
      for (const [carrier, currency] of [
        ["alpha", "GBP"],
        ["beta", "EUR"],
      ] as const) {
        const deck = { ...deckOf({ carrier }, [7_000]), currency };
        await putDeck(store, { carrier }, "sms", deck, undefined, "x");
      }
    });
    const { text } = await errorOf(build(admin));
    assert.match(text, "EUR has no exchange rate, and decks are in EUR, GBP");
    assert.match(text, '"floe rates create GBP --rate <number>"');
    await put("GBP", 0);
    await put("EUR", SYSTEM_CLOCK.nowMs() + 3_600_000);
    assert.match((await errorOf(build(admin))).text, "EUR has no exchange rate yet, ");
    await put("EUR", 1_000);
    await build(admin);
  });
});

sets("that are old go, the one in force stays", async () => {
  await withAdmins(
    1,
    async ({ admin }) => {
      await createPlan(admin, 1);
      const first = await build(admin);
      for (let plan = 2; plan <= 4; plan += 1) {
        await createPlan(admin, plan);
        await build(admin);
      }
      const images = await admin.stream.objects(TABLES_STORE);
      // All were in force during the last week.
      const all = (await list(admin)).map(({ version }) => version);
      const [last] = all;
      for (let at = 0n; at < 4n; at += 1n) assert.ok(all.includes(first.version + at));
      assert.ok(last! >= first.version + 3n);
      // Another was in force in their place for longer than that.
      const bucket = await admin.stream.bucket(BUCKETS.tableSets);
      const goneLongAgo = async (version: bigint) => {
        const entry = await bucket.get(`set.${version}`);
        const set = parseTableSet(entry!.value);
        assert.ok(set.leftAtMs !== undefined && set.leftAtMs >= set.builtAtMs);
        await bucket.put(`set.${version}`, encodeConfig({ ...set, leftAtMs: 1 }));
      };
      for (const version of all.slice(1)) await goneLongAgo(version);
      await createPlan(admin, 7);
      const newest = await build(admin);
      await until(async () => (await images.list()).length === 2, "two images are kept");
      assert.equal(
        (await list(admin)).map(({ version }) => version),
        [newest.version, last!],
      );
      await activate(admin, last!);
      for (let plan = 5; plan <= 6; plan += 1) {
        await createPlan(admin, plan);
        await build(admin);
      }
      assert.is((await errorOf(activate(admin, first.version))).code, status.NOT_FOUND);
    },
    undefined,
    { FLOE_ADMIN_TABLE_SETS_KEPT: "2" },
  );
});

sets(
  "of another format are told, not put into force, and made anew by whoever starts",
  async () => {
    await withAdmins(2, async ({ admin, replicas }) => {
      await createPlan(admin, 1);
      const old = await build(admin);
      assert.is(old.unusable, "");
      // As an older release left it.
      const bucket = await admin.stream.bucket(BUCKETS.tableSets);
      const entry = await bucket.get(`set.${old.version}`);
      const { format, ...bare } = parseTableSet(entry!.value);
      assert.is(format, 3);
      await bucket.put(`set.${old.version}`, encodeConfig({ ...bare, format: 2 }));
      await admin.stop();
      const other = replicas[1]!;
      await until(async () => (await inForce(other.stream)).version > old.version, "made anew");
      const [made, before] = await list(other);
      assert.equal([made?.unusable, made?.inForce], ["", true]);
      assert.is(before?.unusable, "its image has format 2, and this release reads 3");
      const refused = await errorOf(activate(other, old.version));
      assert.is(refused.code, status.FAILED_PRECONDITION);
      assert.match(refused.text, "its image has format 2");
      await bucket.put(`set.${old.version}`, encodeConfig(bare));
      const { text } = await errorOf(activate(other, old.version));
      assert.match(text, "an older format");
    });
  },
);

sets("have no rates of a carrier that is stopped", async () => {
  await withAdmins(1, async ({ admin }) => {
    const alpha = await createCarrier(admin, carrierOf("alpha"));
    await withStore(admin.stream, async (store) => {
      const owner = { carrier: "alpha" };
      await putDeck(store, owner, "sms", deckOf(owner, [5_000]), 0, "import");
    });
    const before = await build(admin);
    assert.ok(before.made["deck/carrier-alpha-sms"] !== undefined);
    const { CarrierServiceService } = await import("../../../core/proto/floe/v1/carriers.js");
    await admin.call(CarrierServiceService, "updateCarrier", { carrier: { ...alpha, status: 2 } });
    const after = await build(admin);
    assert.is(after.version, before.version + 1n);
    assert.is(after.made["deck/carrier-alpha-sms"], undefined);
  });
});

sets("show rates page by page of one state of a deck", async () => {
  await withAdmins(1, async ({ admin }) => {
    await createCarrier(admin, carrierOf("alpha"));
    const owner = { carrier: "alpha" } as const;
    const prices = Array.from({ length: 25 }, (_, at) => 1_000 + at);
    await withStore(admin.stream, async (store) => {
      const put = await putDeck(store, owner, "sms", deckOf(owner, prices), 0, "import");
      assert.ok(put.revision !== undefined);
      const stale = await putDeck(store, owner, "sms", deckOf(owner, []), 0, "import");
      assert.equal(stale, { stale: put.revision });
      await putNetworks(
        store,
        {
          prefixes: ["44"],
          of: new Uint32Array(1),
          ids: [{ country: "GB", mcc: "234", mnc: "10" }],
        },
        0,
        "import",
      );
    });
    const key = { owner: { $case: "carrier", carrier: "alpha" }, channel: 1 };
    const page = (pageToken: string, prefix = "") =>
      admin.call<{ rates: Rate[]; nextPageToken: string }>(DeckServiceService, "listRates", {
        ...{ key, pageSize: 10, pageToken, prefix, mcc: "", mnc: "" },
      });
    await until(async () => (await page("").catch(() => undefined)) !== undefined, "the deck");
    const first = await page("");
    await withStore(admin.stream, async (store) => {
      await putDeck(store, owner, "sms", deckOf(owner, [9]), undefined, "import");
    });
    const second = await page(first.nextPageToken);
    const third = await page(second.nextPageToken);
    assert.is(third.nextPageToken, "");
    const all = [...first.rates, ...second.rates, ...third.rates];
    assert.equal(
      all.map(({ prefix, price }) => `${prefix} ${price}`),
      prices.map(
        (_, at) =>
          `${440 + at} 0.001${at === 0 ? "" : String(at).padStart(3, "0").replace(/0+$/, "")}`,
      ),
    );
    await until(async () => (await page("")).rates.length === 1, "the new deck");
    assert.equal((await page("", "441")).rates, []);
    const forged = Buffer.from("deck networks.1.0123456789abcdef@0").toString("base64url");
    assert.is((await errorOf(page(forged))).code, status.INVALID_ARGUMENT);
  });
});

sets("are made by the other replica when the one that did is gone, on a real server", async () => {
  await withNats(async (nats) => {
    await withAdmins(
      2,
      async ({ replicas: [one, other] }) => {
        await createPlan(one!, 1);
        const first = await build(one!);
        await one!.stop();
        await createPlan(other!, 2);
        const second = await build(other!);
        assert.is(second.version, first.version + 1n);
        await activate(other!, first.version);
        assert.is((await inForce(other!.stream)).version, Number(first.version));
      },
      (name) => nats.client(name),
    );
  });
});

sets.run();
