/** Quotes of customers, through a gateway and its thread: their own price, and nothing of carriers. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import { encodeConfig } from "../../../core/configuration.js";
import { UsageFrame } from "../../../core/proto/floe/v1/frames.js";
import {
  type Quote,
  type QuoteMessage,
  QuoteRequest,
  type QuoteResponse,
} from "../../../core/proto/floe/v1/quote.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, STREAMS, TABLES_STORE } from "../../../core/subjects.js";
import { compileTables } from "../../../workers/compile.js";
import type { TableSource } from "../../../workers/source.js";
import { deck, guard, plan, rule, SOURCE } from "../../unit/workers/kit.js";
import { until } from "../../until.js";
import { ACCOUNT, bearer, errorOf, type Gateway, PLAN, told, withGateway } from "./with-gateway.js";

const quotes = suite("gateway, quotes");

/** The account's plan is 3; a rule and a guard are for it alone. */
function sourceOf(version: number, priceMicros: number): TableSource {
  const [alpha, beta] = SOURCE.decks;
  return {
    ...SOURCE,
    version,
    plans: [plan(1, "EUR"), plan(PLAN, "GBP")],
    decks: [alpha!, beta!, deck({ plan: PLAN }, "GBP", [{ of: "44", priceMicros }])],
    rules: [
      rule("own", "priority(beta, alpha)", { accounts: [ACCOUNT] }),
      rule("rest", "block", { order: 1 }),
    ],
    guards: [guard(ACCOUNT, { otherCountries: "monitor", countries: { IE: "block" } })],
  };
}

async function load(stream: StreamClient, source: TableSource): Promise<void> {
  const object = `tables-${source.version}-test`;
  await (await stream.objects(TABLES_STORE)).put(object, compileTables(source));
  const pointer = encodeConfig({ version: source.version, object });
  await (await stream.bucket(BUCKETS.config)).put("tables", pointer);
}

async function withTables(run: (gateway: Gateway) => Promise<void>, source = sourceOf(4, 36_500)) {
  const memory = openMemory({ clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS });
  const stream = memory.connect("gateway-test");
  await stream.declare(STREAMS);
  await load(stream, source);
  await withGateway(stream, run);
}

function ask(
  { client, key }: Gateway,
  messages: readonly Partial<QuoteMessage>[],
  metadata = bearer(key),
): Promise<QuoteResponse> {
  const request = QuoteRequest.fromPartial({ messages: [...messages] });
  return new Promise((resolve, reject) => {
    client.quote(request, metadata, (error: ServiceError | null, response: QuoteResponse) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

async function askOne(gateway: Gateway, message: Partial<QuoteMessage>): Promise<Quote> {
  const { outcomes } = await ask(gateway, [message]);
  const { outcome } = outcomes[0]!;
  assert.ok(outcome?.$case === "quote");
  return outcome.quote;
}

const GOOD = { to: "+447911123456", from: "Floe", text: "hello" };

quotes(
  "tell a customer the price of its own plan, as its own rules and guard would have it",
  async () => {
    await withTables(async (gateway) => {
      const quote = await askOne(gateway, { ...GOOD, at: "2026-11-24T09:30:00Z" });
      assert.equal(quote, {
        to: "+447911123456",
        valid: true,
        country: "GG",
        numberType: "mobile",
        mcc: "",
        mnc: "",
        encoding: "gsm7",
        units: 5,
        segments: 1,
        parts: ["hello"],
        verdict: "routed",
        price: "0.0365",
        currency: "GBP",
        chargeBasis: "submit",
        plan: PLAN,
        tablesVersion: 4,
        smartEncoded: false,
        ported: false,
        tiered: false,
        at: "2026-11-24T09:30:00.000Z",
      });
      const blocked = await askOne(gateway, { ...GOOD, to: "0861234567", defaultRegion: "IE" });
      assert.equal([blocked.to, blocked.verdict], ["+353861234567", "country_blocked"]);
      // Whatever is asked, nothing on the wire names a carrier, a rule or a cost.
      const wire = JSON.stringify(await ask(gateway, [GOOD, { ...GOOD, to: "+32470123456" }]));
      assert.not.match(wire, /alpha|beta|own|rest|0\.028|0\.029|monitor/i);
    });
  },
);

quotes("tell each wrong message by its fields, in the words of SendMessage", async () => {
  await withTables(async (gateway) => {
    const { outcomes } = await ask(gateway, [
      GOOD,
      { ...GOOD, from: "#" },
      { ...GOOD, text: "" },
      { ...GOOD, text: "x".repeat(4_097) },
      { ...GOOD, trafficClass: 9 as 0 },
      { ...GOOD, at: "noon" },
      { ...GOOD, defaultRegion: "Britain" },
      { ...GOOD, to: "nobody" },
    ]);
    const fields = outcomes.map(({ outcome }) =>
      outcome?.$case === "error"
        ? told(outcome.error)
            .fields.join()
            .replace(/: must be.*/, "")
        : outcome?.$case,
    );
    assert.equal(fields, [
      "quote",
      "messages[1].from",
      "messages[2].text",
      "messages[3].text",
      "messages[4].traffic_class",
      "messages[5].at",
      "messages[6].default_region",
      "quote",
    ]);
  });
});

quotes("tell what octets cost, and what is wrong with them in the words of SendMessage", () =>
  withTables(async (gateway) => {
    const of = (data: number, udh = ""): Partial<QuoteMessage> => ({
      ...{ to: "+447911123456", from: "Floe" },
      binary: { data: Buffer.alloc(data, 1), udh: Buffer.from(udh, "hex") },
    });
    const { encoding, units, segments, parts } = await askOne(gateway, of(141));
    assert.equal([encoding, units, segments, parts[1]], ["binary", 141, 2, "01".repeat(7)]);
    const { outcomes } = await ask(gateway, [of(0), of(1, "05"), of(1)]);
    const wrong = outcomes.map(({ outcome }) =>
      outcome?.$case === "error" ? outcome.error.message : "",
    );
    assert.match(wrong[0]!, /^messages\[0\]\.binary\.data must be 1 to 1608 octets/);
    assert.match(wrong[1]!, /^messages\[1\]\.binary\.udh must be a user data header/);
    assert.is(wrong[2], "");
  }),
);

quotes("are for the keys of customers, one to a hundred messages at a time", async () => {
  await withTables(async (gateway) => {
    const stranger = await errorOf(ask(gateway, [GOOD], bearer("floe_test_nobody_0")));
    assert.is(stranger.code, status.UNAUTHENTICATED);
    const none = await errorOf(ask(gateway, []));
    assert.equal([none.code, none.reason], [status.INVALID_ARGUMENT, "floe/BATCH_SIZE"]);
    const many = Array.from({ length: 101 }, () => GOOD);
    assert.is((await errorOf(ask(gateway, many))).reason, "floe/BATCH_SIZE");
    assert.is((await ask(gateway, many.slice(1))).outcomes.length, 100);
    await gateway.putAccount({ status: "suspended" });
    await until(async () => {
      const refused = await ask(gateway, [GOOD]).then(
        () => false,
        (error: ServiceError) => error.code === status.PERMISSION_DENIED,
      );
      return refused;
    });
  });
});

quotes("follow the table set in force, without a call that fails", async () => {
  await withTables(async (gateway) => {
    assert.is((await askOne(gateway, GOOD)).price, "0.0365");
    await load(gateway.stream, sourceOf(5, 40_000));
    const seen = new Set<string>();
    await until(async () => {
      const { price, tablesVersion } = await askOne(gateway, GOOD);
      seen.add(`${tablesVersion} ${price}`);
      return tablesVersion === 5;
    });
    assert.equal([...seen].sort().slice(-1), ["5 0.04"]);
    assert.ok([...seen].every((one) => one === "4 0.0365" || one === "5 0.04"));
  });
});

quotes("say that there are no tables, and give quotes once there are", async () => {
  const memory = openMemory({ clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS });
  const stream = memory.connect("gateway-test");
  await stream.declare(STREAMS);
  await withGateway(stream, async (gateway) => {
    const away = await errorOf(ask(gateway, [GOOD]));
    assert.equal([away.code, away.reason], [status.UNAVAILABLE, "floe/TABLES_AWAY"]);
    assert.ok((away.retryMs ?? 0) > 0);
    await load(stream, sourceOf(1, 10_000));
    await until(async () => (await ask(gateway, [GOOD]).catch(() => undefined)) !== undefined);
  });
});

quotes("leave a usage record each, and nothing else on the streams", async () => {
  await withTables(async (gateway) => {
    await ask(gateway, [GOOD, GOOD]);
    await errorOf(ask(gateway, []));
    const records: { method: string; code: number; account: number; accepted: number }[] = [];
    const reading = await gateway.stream.read("USAGE", "usage.api", 1, ({ data }) => {
      records.push(...UsageFrame.decode(data).records);
    });
    await until(() => records.length === 2);
    await reading.stop();
    assert.equal(
      records.map(({ method, code, account, accepted }) => [method, code, account, accepted]),
      [
        ["Quote", status.OK, ACCOUNT, 0],
        ["Quote", status.INVALID_ARGUMENT, ACCOUNT, 0],
      ],
    );
    assert.is((await gateway.stream.state("REQUESTS")).messages, 0);
  });
});

quotes.run();
