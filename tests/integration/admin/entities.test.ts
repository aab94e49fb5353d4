/** Entities over gRPC: who may, what is refused and how, and what two writers at once are told. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeConfig, parseCarrier } from "../../../core/configuration.js";
import {
  type Bind,
  type Carrier,
  CarrierServiceService,
} from "../../../core/proto/floe/v1/carriers.js";
import {
  ExchangeRate,
  ExchangeRateServiceService,
  Plan,
  PlanServiceService,
} from "../../../core/proto/floe/v1/pricing_admin.js";
import {
  Guard,
  GuardServiceService,
  RoutingRule,
  RoutingRuleServiceService,
  SenderRule,
  SenderRuleServiceService,
} from "../../../core/proto/floe/v1/routing_admin.js";
import { ErrorInfo } from "../../../core/proto/google/rpc/error_details.js";
import { Status } from "../../../core/proto/google/rpc/status.js";
import { BUCKETS } from "../../../core/subjects.js";
import { errorOf } from "../gateway/with-gateway.js";
import { carrierOf, createCarrier, type Replica, withAdmins } from "./with-admin.js";

const entities = suite("entities");

type OfCarrier = { carrier: Carrier };

function create(admin: Replica, carrier: Carrier, key?: string) {
  return admin.call<OfCarrier>(CarrierServiceService, "createCarrier", { carrier }, key);
}

function update(admin: Replica, carrier: Carrier) {
  return admin.call<OfCarrier>(CarrierServiceService, "updateCarrier", { carrier });
}

function remove(admin: Replica, name: string, revision: bigint) {
  return admin.call(CarrierServiceService, "deleteCarrier", { name, revision });
}

/** The revision that ErrorInfo tells. */
async function toldRevision(failing: Promise<unknown>): Promise<string | undefined> {
  const error = await failing.then(
    () => undefined,
    (reason: { metadata: { get(name: string): unknown[] } }) => reason,
  );
  const details = Status.decode(error!.metadata.get("grpc-status-details-bin")[0] as Buffer);
  const info = details.details.find(({ typeUrl }) => typeUrl.endsWith("ErrorInfo"));
  return ErrorInfo.decode(info!.value).metadata["revision"];
}

entities("are for staff keys alone", async () => {
  await withAdmins(1, async ({ admin, customer, staff }) => {
    const refused = await errorOf(create(admin, carrierOf("alpha"), customer));
    assert.is(refused.code, status.PERMISSION_DENIED);
    const wrong = `${staff.key.slice(0, -1)}${staff.key.endsWith("a") ? "b" : "a"}`;
    for (const key of ["", "nonsense", wrong]) {
      const { code } = await errorOf(create(admin, carrierOf("alpha"), key));
      assert.is(code, status.UNAUTHENTICATED, key);
    }
    const there = await (await admin.stream.bucket(BUCKETS.carriers)).entries();
    assert.is(there.length, 0);
  });
});

entities("are created once, read, changed and deleted, and say who did it", async () => {
  await withAdmins(1, async ({ admin, staff }) => {
    const made = await createCarrier(admin, carrierOf("alpha"));
    assert.is(made.changedBy, staff.keyId);
    assert.ok(made.changedAt !== undefined && made.revision > 0n);
    const again = await errorOf(create(admin, carrierOf("alpha")));
    assert.is(again.code, status.ALREADY_EXISTS);

    const changed = await update(admin, { ...made, port: 2_776 });
    assert.ok(changed.carrier.revision > made.revision);
    const read = await admin.call<OfCarrier>(CarrierServiceService, "getCarrier", {
      name: "alpha",
    });
    assert.equal(read, changed);
    assert.is(read.carrier.port, 2_776);
    assert.is(read.carrier.window, 50);

    await remove(admin, "alpha", changed.carrier.revision);
    const gone = await errorOf(remove(admin, "alpha", changed.carrier.revision));
    assert.is(gone.code, status.NOT_FOUND);
    for (const name of ["alpha", ">", "*", "a b", ""]) {
      const { code } = await errorOf(admin.call(CarrierServiceService, "getCarrier", { name }));
      assert.is(code, status.NOT_FOUND, name);
    }
    // A name that was deleted is free again.
    await createCarrier(admin, carrierOf("alpha"));
  });
});

entities("never tell a password, and keep it if an update has none", async () => {
  await withAdmins(1, async ({ admin }) => {
    const made = await createCarrier(admin, carrierOf("alpha", { password: "secret" }));
    assert.is(made.password, undefined);
    const { carriers } = await admin.call<{ carriers: Carrier[] }>(
      CarrierServiceService,
      "listCarriers",
      { pageSize: 0, pageToken: "", status: 0 },
    );
    assert.is(carriers[0]!.password, undefined);
    const stored = async () => {
      const entry = await (await admin.stream.bucket(BUCKETS.carriers)).get("alpha");
      return parseCarrier(entry!.value).password;
    };
    const changed = await update(admin, { ...made, port: 1 });
    assert.is(await stored(), "secret");
    await update(admin, { ...changed.carrier, password: "" });
    assert.is(await stored(), "");
  });
});

const PROFILE: Partial<Carrier> = {
  fallbackHosts: [{ host: "other.example", port: 3_550 }],
  tls: { serverName: "smsc.example", authorities: "", certificate: "OURS", key: "SECRET" },
  version: "5.0",
  alphabet: 4,
  longMessages: 2,
  dataCodings: { text: 0, ucs2: undefined, binary: 245 },
  serviceType: "CMT",
  addressing: {
    ...{ sourceTon: 0, sourceNpi: 1, destinationTon: undefined, destinationNpi: undefined },
  },
  tlvs: [
    { tag: "0x14AB", type: 4, value: undefined, from: "tag:entity" },
    { tag: "0x1402", type: 1, value: "1", from: undefined },
  ],
  keepTlvs: ["0x1403", "0x140A"],
  statusClasses: { "0x0000000B": 2, "0x00000400": 5 },
  idForm: 3,
};

entities("keep all of a carrier's profile, but never tell its key", async () => {
  await withAdmins(1, async ({ admin }) => {
    const stored = async () => {
      const entry = await (await admin.stream.bucket(BUCKETS.carriers)).get("alpha");
      return parseCarrier(entry!.value);
    };
    const made = await createCarrier(admin, carrierOf("alpha", PROFILE));
    assert.equal(made, {
      ...carrierOf("alpha", { ...made, password: undefined }),
      ...PROFILE,
      tls: { ...PROFILE.tls, key: undefined },
      tlvs: [{ ...PROFILE.tlvs![0], tag: "0x14ab" }, PROFILE.tlvs![1]],
      keepTlvs: ["0x1403", "0x140a"],
      statusClasses: { "0x0000000b": 2, "0x00000400": 5 },
      password: undefined,
    });
    const first = await stored();
    assert.equal(first.tls, { serverName: "smsc.example", certificate: "OURS", key: "SECRET" });
    assert.equal(first.dataCodings, { text: 0, binary: 245 });
    assert.equal(first.addressing, { sourceTon: 0, sourceNpi: 1 });
    assert.equal(first.statusClasses, { "0x0000000b": "temporary", "0x00000400": "ambiguous" });
    assert.equal([first.idForm, first.longMessages], ["hexToDecimal", "udh16"]);

    const { carrier: same } = await update(admin, made);
    const { changedAtMs: _before, ...before } = first;
    const { changedAtMs: _after, ...after } = await stored();
    assert.equal(after, before);
    const { carrier: bare } = await update(admin, {
      ...carrierOf("alpha", { tls: { serverName: "", authorities: "", certificate: "", key: "" } }),
      revision: same.revision,
    });
    assert.equal((await stored()).tls, {});
    assert.equal(bare.tls, { serverName: "", authorities: "", certificate: "", key: undefined });
    const plain = await update(admin, carrierOf("alpha", { revision: bare.revision }));
    assert.is(plain.carrier.tls, undefined);
    assert.equal([plain.carrier.version, plain.carrier.longMessages], ["3.4", 1]);
    assert.not.ok("tls" in (await stored()) || "idForm" in (await stored()));
  });
});

entities("name what is wrong within a carrier's profile", async () => {
  await withAdmins(1, async ({ admin }) => {
    const wrong: Partial<Carrier> = {
      fallbackHosts: [{ host: "", port: 70_000 }],
      tls: { serverName: "", authorities: "", certificate: "OURS", key: undefined },
      version: "3.3",
      dataCodings: { text: 256, ucs2: undefined, binary: undefined },
      tlvs: [
        { tag: "1401", type: 4, value: "a", from: undefined },
        { tag: "0x1401", type: 0, value: "a", from: "account" },
        { tag: "0x1401", type: 4, value: undefined, from: "text" },
      ],
      keepTlvs: ["0x14"],
      statusClasses: { "0x0b": 2, "0x00000058": 0 },
    };
    const { fields } = await errorOf(create(admin, carrierOf("alpha", wrong)));
    assert.equal([...fields].sort(), [
      "carrier.data_codings.text: must be at most 255",
      "carrier.fallback_hosts[0].host: must have at least 1 characters",
      "carrier.fallback_hosts[0].port: must be at most 65535",
      "carrier.keep_tlvs[0]: must be 0x and four hexadecimal digits",
      "carrier.status_classes.0x00000058: must be there",
      "carrier.status_classes.0x0b: must be 0x and eight hexadecimal digits",
      "carrier.tls: must have both a certificate and its key, or neither",
      "carrier.tlvs[0].tag: must be 0x and four hexadecimal digits",
      "carrier.tlvs[1].type: must be there",
      "carrier.tlvs[1]: must have either a value or a field that it is taken from",
      "carrier.tlvs[2].from: must be message_id, client_reference, account, sender, traffic_class or tag:KEY",
      "carrier.version: must be 3.4 or 5.0",
    ]);
  });
});

entities("refuse a stale revision, and tell the current one", async () => {
  await withAdmins(2, async ({ replicas: [one, other] }) => {
    const made = await createCarrier(one!, carrierOf("alpha"));
    const changed = await update(other!, { ...made, port: 1 });
    const current = String(changed.carrier.revision);
    for (const attempt of [
      () => update(one!, { ...made, port: 2 }),
      () => remove(one!, "alpha", made.revision),
    ]) {
      assert.is((await errorOf(attempt())).code, status.ABORTED);
      assert.is(await toldRevision(attempt()), current);
    }
    const forgotten = await errorOf(update(one!, { ...made, revision: 0n }));
    assert.is(forgotten.code, status.INVALID_ARGUMENT);
    assert.equal(forgotten.fields, ["carrier.revision: must be the one that was read"]);
  });
});

entities("let one of many writers at the same time win each revision", async () => {
  await withAdmins(2, async ({ replicas }) => {
    const made = await createCarrier(replicas[0]!, carrierOf("alpha"));
    const tries = Array.from({ length: 8 }, (_, at) =>
      update(replicas[at % 2]!, { ...made, port: 100 + at }).then(
        () => "won",
        (error: { code: number }) => status[error.code],
      ),
    );
    const ended = await Promise.all(tries);
    assert.equal(ended.filter((one) => one === "won").length, 1);
    assert.equal(ended.filter((one) => one === "ABORTED").length, 7);
  });
});

entities("name every field that is wrong", async () => {
  await withAdmins(1, async ({ admin }) => {
    const wrong = carrierOf("Alpha", {
      port: 0,
      partsPerSecond: 2_000_000,
      languages: ["turkish"],
    });
    const carrier = await errorOf(create(admin, { ...wrong, status: 9 as Carrier["status"] }));
    assert.is(carrier.code, status.INVALID_ARGUMENT);
    assert.equal(carrier.fields.map((field) => field.split(":")[0]).sort(), [
      "carrier.languages[0]",
      "carrier.name",
      "carrier.parts_per_second",
      "carrier.port",
      "carrier.status",
    ]);
    assert.ok(carrier.fields.includes("carrier.port: must be at least 1"));
    assert.ok(carrier.fields.includes("carrier.status: is none of the choices"));
    const none = await errorOf(admin.call(CarrierServiceService, "createCarrier", {}));
    assert.equal(none.fields, ["carrier: must be there"]);

    const rule = RoutingRule.fromPartial({
      id: "x",
      strategy: "cost(gamma)",
      minMargin: "1,5",
      countries: ["GBR"],
      plans: [4],
    });
    const badRule = await errorOf(
      admin.call(RoutingRuleServiceService, "createRoutingRule", { rule }),
    );
    const fields = badRule.fields.map((field) => field.split(":")[0]).sort();
    assert.equal(fields, ["rule.countries[0]", "rule.min_margin"]);
    const references = await errorOf(
      admin.call(RoutingRuleServiceService, "createRoutingRule", {
        rule: { ...rule, minMargin: "1.5", countries: ["GB", "UK"] },
      }),
    );
    assert.equal(references.fields.map((field) => field.split(":")[0]).sort(), [
      "rule.countries[1]",
      "rule.plans[0]",
      "rule.strategy",
    ]);
    // One for a code that no number has would stop nothing.
    const guard = Guard.fromPartial({ account: 7, countries: { UK: 2 } });
    const badGuard = await errorOf(admin.call(GuardServiceService, "createGuard", { guard }));
    assert.equal(badGuard.fields, ["guard.countries.UK: is no country (ISO 3166-1 alpha-2)"]);
  });
});

entities("of each kind go there and come back as they were", async () => {
  await withAdmins(1, async ({ admin }) => {
    await createCarrier(admin, carrierOf("alpha"));
    const cases = [
      [
        PlanServiceService,
        "Plan",
        "plan",
        Plan.fromPartial({
          plan: 3,
          name: "Gold",
          currency: "EUR",
          chargeBasis: 2,
          smartEncoding: true,
        }),
        { plan: 3 },
      ],
      [
        RoutingRuleServiceService,
        "RoutingRule",
        "rule",
        RoutingRule.fromPartial({
          id: "gb-fast",
          order: 10,
          accounts: [1],
          plans: [3],
          trafficClasses: [1],
          channels: [1],
          countries: ["GB"],
          prefixes: ["4478"],
          networks: ["23410"],
          senders: ["Floe"],
          senderKinds: [1],
          strategy: "cost(alpha) else block",
          minMargin: "0.0012",
          minMarginPercent: "5.25",
        }),
        { id: "gb-fast" },
      ],
      [
        SenderRuleServiceService,
        "SenderRule",
        "rule",
        SenderRule.fromPartial({
          id: "gb",
          country: "GB",
          carrier: "alpha",
          alphanumeric: 2,
          numeric: 3,
          short: 4,
          replacement: "+447700900123",
          registered: [{ account: 0, sender: "Floe" }],
        }),
        { id: "gb" },
      ],
      [
        GuardServiceService,
        "Guard",
        "guard",
        Guard.fromPartial({
          account: 7,
          countries: { GB: 1, FR: 3 },
          otherCountries: 2,
          priceCeiling: "0.50",
          trafficClasses: [1, 2],
          neverCarriers: ["alpha"],
        }),
        { account: 7 },
      ],
      [
        ExchangeRateServiceService,
        "ExchangeRate",
        "rate",
        ExchangeRate.fromPartial({
          currency: "EUR",
          effectiveFrom: new Date(Date.UTC(2026, 0, 1)),
          rate: "1.170000001",
        }),
        { currency: "EUR", effectiveFrom: new Date(Date.UTC(2026, 0, 1)) },
      ],
    ] as const;
    for (const [definition, name, field, message, key] of cases) {
      const created = await admin.call<Record<string, object>>(definition, `create${name}`, {
        [field]: message,
      });
      const read = await admin.call<Record<string, object>>(definition, `get${name}`, key);
      assert.equal(read, created);
      const { revision, changedBy, changedAt } = read[field] as Carrier;
      assert.equal(read[field], { ...message, revision, changedBy, changedAt });
    }
  });
});

entities("in use are not deleted, and say by what", async () => {
  await withAdmins(1, async ({ admin }) => {
    const alpha = await createCarrier(admin, carrierOf("alpha"));
    await createCarrier(admin, carrierOf("beta"));
    const { plan } = await admin.call<{ plan: Plan }>(PlanServiceService, "createPlan", {
      plan: Plan.fromPartial({ plan: 3, name: "Gold", currency: "EUR" }),
    });
    const rule = RoutingRule.fromPartial({
      id: "first",
      plans: [3],
      strategy: "priority(alpha, beta)",
    });
    const made = await admin.call<{ rule: RoutingRule }>(
      RoutingRuleServiceService,
      "createRoutingRule",
      { rule },
    );
    const all = RoutingRule.fromPartial({ id: "rest", order: 9, strategy: "cost(*)" });
    await admin.call(RoutingRuleServiceService, "createRoutingRule", { rule: all });
    const account = { account: 7, name: "Test", plan: 3, status: "active" };
    const accounts = await admin.stream.bucket(BUCKETS.accounts);
    await accounts.put("7", encodeConfig(account));

    const usedCarrier = await errorOf(remove(admin, "alpha", alpha.revision));
    assert.is(usedCarrier.code, status.FAILED_PRECONDITION);
    assert.match(usedCarrier.text, /in use by rule first\.$/);
    const removePlan = () =>
      admin.call(PlanServiceService, "deletePlan", { plan: 3, revision: plan.revision });
    assert.match((await errorOf(removePlan())).text, /in use by account 7; rule first\.$/);

    const { revision } = made.rule;
    await admin.call(RoutingRuleServiceService, "deleteRoutingRule", { id: "first", revision });
    await accounts.delete("7");
    await remove(admin, "alpha", alpha.revision);
    await removePlan();
  });
});

entities("are listed in pages that stay right while others write", async () => {
  await withAdmins(2, async ({ replicas: [one, other] }) => {
    const names = Array.from({ length: 25 }, (_, at) => `c${String(at).padStart(2, "0")}`);
    for (const name of names) await createCarrier(one!, carrierOf(name));
    const seen: string[] = [];
    let pageToken = "";
    let page = 0;
    do {
      const given: { carriers: Carrier[]; nextPageToken: string } = await one!.call(
        CarrierServiceService,
        "listCarriers",
        { pageSize: 10, pageToken, status: 0 },
      );
      assert.ok(given.carriers.length <= 10);
      seen.push(...given.carriers.map(({ name }) => name));
      pageToken = given.nextPageToken;
      // One before what was read, one that was read, one that comes: what stayed is listed once.
      await createCarrier(other!, carrierOf(`a${page}`));
      if (page === 0) {
        const { carrier } = await other!.call<OfCarrier>(CarrierServiceService, "getCarrier", {
          name: "c09",
        });
        await remove(other!, "c09", carrier.revision);
      }
      page += 1;
    } while (pageToken !== "");
    assert.equal(seen, names);
    const bad = await errorOf(
      one!.call(CarrierServiceService, "listCarriers", {
        pageSize: 10,
        pageToken: "nonsense",
        status: 0,
      }),
    );
    assert.is(bad.code, status.INVALID_ARGUMENT);
  });
});

entities(
  "tells what connectors say of their binds, and passes over what it cannot read",
  async () => {
    await withAdmins(1, async ({ admin }) => {
      const bucket = await admin.stream.bucket(BUCKETS.carrierStatus, { keyTtl: true });
      const bind = {
        bind: "alpha.1",
        state: "bound",
        host: "smsc:2775",
        boundSinceMs: 5_000,
        rate: 9.5,
      };
      await bucket.put("alpha.two", encodeConfig({ atMs: 7_000, binds: [bind] }));
      await bucket.put("alpha.one", encodeConfig({ atMs: 6_000, binds: [{ bind: "alpha.0" }] }));
      await bucket.put("beta.one", encodeConfig({ atMs: 6_000, binds: [{ bind: "beta.0" }] }));
      await bucket.put("alpha.old", encodeConfig({ nothing: true }));
      const ask = (carrier: string) =>
        admin.call<{ binds: Bind[] }>(CarrierServiceService, "listBinds", { carrier });
      const names = async (carrier: string) => (await ask(carrier)).binds.map(({ name }) => name);
      assert.equal(await names(""), ["alpha.0", "alpha.1", "beta.0"]);
      assert.equal(await names("beta"), ["beta.0"]);
      assert.equal(await names("gamma"), []);
      const [, second] = (await ask("alpha")).binds;
      assert.is(second!.process, "two");
      assert.equal([second!.state, second!.host, second!.rate], ["bound", "smsc:2775", 9.5]);
      assert.is(second!.boundSince!.getTime(), 5_000);
      assert.is(second!.lastReceiptAt, undefined);
    });
  },
);

entities.run();
