/**
 * Explain, over gRPC: a past message from ClickHouse, evaluated again as it was decided, and what is
 * said when that cannot be done any more; hypothetical ones in batches.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newApiKey } from "../../../core/api-key.js";
import type { ClickHouse } from "../../../core/clickhouse.js";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import { encodeConfig } from "../../../core/configuration.js";
import { openGrpcServer } from "../../../core/grpc/server.js";
import { dataMonth, extendKeys, loadKeys } from "../../../core/keys.js";
import { SILENT } from "../../../core/log.js";
import { formatId } from "../../../core/message.js";
import {
  ExplainRequest,
  type ExplainResponse,
  type HypotheticalMessage,
  QuoteBatchRequest,
  type QuoteBatchResponse,
} from "../../../core/proto/floe/v1/routing.js";
import { RoutingServiceClient } from "../../../core/proto/floe/v1/routing_service.js";
import { encodeRouteInput, healthKey } from "../../../core/route-inputs.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../../core/subjects.js";
import { openRoutingService } from "../../../services/admin/explain.js";
import { openStaffKeys } from "../../../services/admin/staff.js";
import { openStaffAsker } from "../../../services/cli/quote-askers.js";
import { compileTables } from "../../../workers/compile.js";
import { openQuoter } from "../../../workers/quote.js";
import { NO_REQUEST } from "../../../workers/quote-request.js";
import type { TableSource } from "../../../workers/source.js";
import { keyOf, OURS } from "../../unit/cdr/kit.js";
import {
  deck,
  guard,
  requestFrame,
  requestTo,
  rule,
  runFrames,
  SOURCE,
  shared,
} from "../../unit/workers/kit.js";
import { until } from "../../until.js";
import { withCdr } from "../cdr/with-cdr.js";
import { told } from "../gateway/with-gateway.js";

const explains = suite("explain");

const ACCOUNT = 42;
/** Weighted, so that the message's id matters; Guernsey's 07911 numbers are not British. */
const WEIGHTED: TableSource = {
  ...SOURCE,
  version: 4,
  made: { "deck/carrier-alpha": "3" },
  rules: [rule("shares", "weight(alpha:50, beta:50)")],
  guards: [guard(ACCOUNT, { otherCountries: "monitor" })],
};
const DEARER: TableSource = {
  ...WEIGHTED,
  version: 5,
  decks: [
    ...WEIGHTED.decks.slice(1),
    deck({ carrier: "alpha" }, "GBP", [{ of: "44", priceMicros: 90_000 }]),
  ],
};

interface Service {
  readonly client: RoutingServiceClient;
  readonly staff: Metadata;
  readonly customer: Metadata;
  readonly address: string;
  readonly staffKey: string;
}

async function load(stream: StreamClient, source: TableSource): Promise<void> {
  const object = `tables-${source.version}-test`;
  await (await stream.objects(TABLES_STORE)).put(object, compileTables(source));
  const pointer = encodeConfig({ version: source.version, object });
  await (await stream.bucket(BUCKETS.config)).put("tables", pointer);
}

async function withService(
  stream: StreamClient,
  clickhouse: ClickHouse,
  keysFile: string,
  run: (service: Service) => Promise<void>,
): Promise<void> {
  const keys = await stream.bucket(BUCKETS.keys);
  const of = async (scope: "staff" | "customer", account: number): Promise<string> => {
    const { key, keyId, secretHash } = newApiKey("test");
    const config = { keyId, account, secretHash, scope, status: "active", expiresAtMs: 0 } as const;
    await keys.put(keyId, encodeConfig(config));
    return key;
  };
  const [staffKey, customerKey] = [await of("staff", 0), await of("customer", ACCOUNT)];
  const account = { account: ACCOUNT, name: "Test", plan: 1, status: "active" } as const;
  await (await stream.bucket(BUCKETS.accounts)).put(String(ACCOUNT), encodeConfig(account));
  const clock = SYSTEM_CLOCK;
  const staff = await openStaffKeys(keys, clock, SILENT);
  const desk = { clock, log: SILENT, staff };
  const routing = await openRoutingService({ desk, client: stream, clickhouse, keysFile });
  const settings = {
    ...{ port: 0, tlsCertFile: "", tlsKeyFile: "", reflection: "off" as const, callsMax: 100 },
    ...{ sessionMemoryMb: 16, connectionAgeMs: 600_000, connectionGraceMs: 1_000 },
  };
  const server = await openGrpcServer([routing.service], settings, "127.0.0.1", "FLOE_ADMIN");
  const address = `127.0.0.1:${server.port}`;
  const client = new RoutingServiceClient(address, credentials.createInsecure());
  try {
    const [asStaff, asCustomer] = [bearer(staffKey), bearer(customerKey)];
    await run({ client, staff: asStaff, customer: asCustomer, address, staffKey });
  } finally {
    client.close();
    await server.close(1_000);
    await routing.close();
    await staff.stop();
  }
}

function bearer(key: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  return metadata;
}

function explain(
  { client, staff }: Service,
  subject: ExplainRequest["subject"],
  tablesVersion = 0,
  metadata = staff,
): Promise<ExplainResponse> {
  return new Promise((resolve, reject) => {
    client.explain({ subject, tablesVersion }, metadata, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

function quoteBatch(
  { client, staff }: Service,
  messages: readonly Partial<HypotheticalMessage>[],
): Promise<QuoteBatchResponse> {
  const request = QuoteBatchRequest.fromPartial({ messages: [...messages] });
  return new Promise((resolve, reject) => {
    client.quoteBatch(request, staff, (error: ServiceError | null, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

const codeOf = (failing: Promise<unknown>): Promise<number> =>
  failing.then(
    () => status.OK,
    (error: ServiceError) => error.code,
  );

const GOOD = { to: "+447911123456", from: "Floe", text: "hello", trafficClass: 2 } as const;
const hypothetical = (more: object = {}) =>
  ExplainRequest.fromPartial({
    subject: { $case: "message", message: { message: { ...GOOD, ...more } } },
  }).subject;

explains("tell a past message from its record, and decide it again as it was decided", async () => {
  const folder = mkdtempSync(join(tmpdir(), "floe-explain-"));
  try {
    await withCdr(async (cdr) => {
      const acceptedAtMs = SYSTEM_CLOCK.nowMs() - 5_000;
      const keysFile = join(folder, "keys.json");
      writeFileSync(keysFile, extendKeys(undefined, acceptedAtMs, 1));
      const { token, data } = loadKeys(keysFile);
      await load(cdr.client, WEIGHTED);
      await cdr.start();

      // Decided by the hot path itself; four ids, so that the weights draw both carriers.
      const text = "ж".repeat(100);
      const keys = [1, 2, 3, 4].map((number) => keyOf(number, acceptedAtMs, ACCOUNT));
      const records = keys.map((key) =>
        requestTo(GOOD.to, { body: { $case: "text", text }, trafficClass: 3 }, { ...key, plan: 1 }),
      );
      const tables = shared(compileTables(WEIGHTED));
      const { verdicts } = runFrames([requestFrame(records)], tables, { token, data });
      await cdr.decisions(OURS.decisions(verdicts, []));
      const [key] = keys;
      const at = BigInt(acceptedAtMs);
      const event = { ...key!, carrierIds: ["A1"], bind: "b/0", part: 1, parts: 2 };
      const carrier = verdicts[0]!.carrier;
      const attempts = [
        { ...event, kind: 5, state: 4, atMs: at + 900n, partState: 11, errorText: "000" },
        { ...event, kind: 2, state: 4, atMs: at + 20n },
      ];
      await cdr.attempts(OURS.attempts(carrier, acceptedAtMs + 1_000, attempts));
      await cdr.settled();
      // Another set is in force by now.
      await load(cdr.client, DEARER);

      await withService(cdr.client, cdr.clickhouse, keysFile, async (service) => {
        for (const [index, verdict] of verdicts.entries()) {
          const messageId = formatId(verdict.messageId);
          const { decided, quote, notEvaluated } = await explain(service, {
            $case: "messageId",
            messageId,
          });
          assert.is(notEvaluated, "");
          assert.equal(
            [decided!.messageId, decided!.account, decided!.rule, decided!.tablesVersion],
            [messageId, ACCOUNT, "shares", 4],
          );
          assert.equal([decided!.encoding, decided!.segments], ["ucs2", 2]);
          assert.is(decided!.trafficClass, "promotional");
          assert.equal(decided!.flags, ["monitored"]);
          // Again: the same carriers in the same order, the same price and cost.
          const told = quote!;
          assert.is(told.quote!.verdict, "routed");
          assert.equal(told.carriers, decided!.carriers);
          assert.equal([told.quote!.price, told.cost], [decided!.price, decided!.cost]);
          assert.equal(told.carriers[0], verdict.carrier);
          assert.equal(told.tablesMade, { "deck/carrier-alpha": "3" });
          assert.equal(told.quote!.parts, []);
          assert.equal(
            decided!.attempts.map(({ kind, carrier: by, part }) => [kind, by, part]),
            index === 0
              ? [
                  ["SUBMITTED", carrier, 1],
                  ["RECEIPT", carrier, 1],
                ]
              : [],
          );
        }
        const messageId = formatId(key!.messageId);
        const byNew = await explain(service, { $case: "messageId", messageId }, 5);
        assert.is(byNew.quote!.quote!.tablesVersion, 5);
        const alpha = byNew.carriers.find(({ carrier: name }) => name === "alpha");
        assert.is(alpha!.removedBy, "below_margin");

        await sayWhatIsGone(service, cdr.client, keysFile, messageId);
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Table set gone, key gone; an id that nobody had. */
async function sayWhatIsGone(
  service: Service,
  stream: StreamClient,
  keysFile: string,
  messageId: string,
): Promise<void> {
  const subject = { $case: "messageId", messageId } as const;
  const without = await explain(service, subject, 9);
  assert.is(without.notEvaluated, "table set 9 is not kept any more");
  assert.ok(without.decided !== undefined && without.quote === undefined);
  const keys = loadKeys(keysFile);
  const other = Date.UTC(2020, 0, 1);
  writeFileSync(keysFile, extendKeys({ ...keys, data: {} }, other, 1));
  assert.is(loadKeys(keysFile).data[dataMonth(SYSTEM_CLOCK.nowMs())], undefined);
  assert.is(
    (await explain(service, subject)).notEvaluated,
    "the key that opens its number is gone",
  );
  assert.is((await stream.state("DECISIONS")).messages > 0, true);
  for (const unknown of [
    "019aab0e-0000-7000-8000-0000000000ff",
    "ffffffff-ffff-7fff-8000-000000000000",
    "00000000-0000-8000-8000-000000000000",
  ]) {
    const code = await codeOf(explain(service, { $case: "messageId", messageId: unknown }));
    assert.is(code, status.NOT_FOUND, unknown);
  }
}

/** No ClickHouse: hypothetical messages need none. */
const NO_CLICKHOUSE = {
  query: () => Promise.reject(new Error("nobody asks")),
} as unknown as ClickHouse;

explains("quote and explain what is not sent, to staff alone", async () => {
  const memory = openMemory({ clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS });
  const stream = memory.connect("admin-test");
  await load(stream, WEIGHTED);
  await withService(stream, NO_CLICKHOUSE, "nowhere", async (service) => {
    const asked = await explain(service, hypothetical({ to: "+32470123456" }));
    assert.equal(
      asked.carriers.map(({ carrier, place, removedBy }) => [carrier, place, removedBy]),
      [
        ["alpha", 0, "no_rate"],
        ["beta", 0, "no_rate"],
      ],
    );
    assert.equal([asked.quote!.quote!.verdict, asked.quote!.rule], ["no_route", "shares"]);
    assert.is(asked.strategy, "weight(alpha:50, beta:50)");
    assert.is(asked.decided, undefined);

    assert.is(
      await codeOf(explain(service, hypothetical(), 0, service.customer)),
      status.PERMISSION_DENIED,
    );
    assert.is(
      await codeOf(explain(service, hypothetical(), 0, new Metadata())),
      status.UNAUTHENTICATED,
    );
    assert.is(await codeOf(explain(service, undefined)), status.INVALID_ARGUMENT);
    assert.is(await codeOf(explain(service, hypothetical(), 9)), status.FAILED_PRECONDITION);
    const wrong = explain(service, { $case: "messageId", messageId: "7" });
    assert.is(await codeOf(wrong), status.INVALID_ARGUMENT);

    const message = { ...GOOD, trafficClass: 2 as const };
    const { outcomes } = await quoteBatch(service, [
      { message: message as never },
      { message: message as never, account: ACCOUNT },
      { message: message as never, account: 9 },
      { message: message as never, plan: "gold" },
      { message: { ...message, at: "noon" } as never },
      {},
    ]);
    const fields = outcomes.map(({ outcome }) =>
      outcome?.$case === "quote"
        ? `${outcome.quote.quote!.verdict} ${outcome.quote.monitored}`
        : told(outcome?.error).fields.join().replace(/: .*/, ""),
    );
    assert.equal(fields, [
      "routed false",
      "routed true",
      "messages[2].account",
      "messages[3].plan",
      "messages[4].at",
      "messages[5].message",
    ]);
    assert.is(await codeOf(quoteBatch(service, [])), status.INVALID_ARGUMENT);
  });
});

explains("go by how well carriers are now", async () => {
  const memory = openMemory({ clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS });
  const stream = memory.connect("admin-test");
  await load(stream, { ...WEIGHTED, rules: [] });
  await withService(stream, NO_CLICKHOUSE, "nowhere", async (service) => {
    assert.equal((await explain(service, hypothetical())).quote!.carriers, ["alpha", "beta"]);
    const health = await stream.bucket(BUCKETS.health, { keyTtl: true });
    const word = encodeRouteInput({ state: "down", sinceMs: 1 });
    await health.put(healthKey("alpha", "connector-1"), word);
    await until(async () => {
      const { quote } = await explain(service, hypothetical());
      return quote!.carriers.join() === "beta,alpha";
    });
  });
});

explains("answer the command line as its own engine would", async () => {
  const memory = openMemory({ clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS });
  const stream = memory.connect("admin-test");
  await load(stream, WEIGHTED);
  const quoter = openQuoter(shared(compileTables(WEIGHTED)));
  await withService(stream, NO_CLICKHOUSE, "nowhere", async ({ address, staffKey }) => {
    const asker = openStaffAsker(address, staffKey);
    try {
      const atMs = Date.UTC(2026, 10, 24);
      const placed = Array.from({ length: 300 }, (_, place) => ({
        request: { ...NO_REQUEST, ...GOOD, text: `hello ${place % 7}`, atMs },
        place,
      }));
      assert.equal(
        await asker.ask(placed),
        placed.map(({ request, place }) => quoter.quote(request, place, 0)),
      );
      const [wrong] = await asker.ask([
        { request: { ...NO_REQUEST, ...GOOD, plan: "gold" }, place: 0 },
      ]);
      assert.ok(wrong !== undefined && "error" in wrong);
      assert.is(wrong.error.field, "plan");
      assert.match(wrong.error.problem, /^is neither the number nor the name of a plan/);
    } finally {
      asker.close();
    }
  });
});

explains.run();
