/** Receipts of messages that no connector remembers: joined, merged, orphaned, settled. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig, parseCarrier } from "../../../core/configuration.js";
import { formatId, STATE } from "../../../core/message.js";
import { DecisionFrame } from "../../../core/proto/floe/v1/frames.js";
import {
  BUCKETS,
  COLD_CONSUMER,
  decisionSubject,
  requestSubject,
  TABLES_STORE,
} from "../../../core/subjects.js";
import { serve as serveDispatch } from "../../../services/dispatch/main.js";
import { keyOf, OURS, verdictOf } from "../../unit/cdr/kit.js";
import { idOf, PLAN_DELIVERED, requestFrame, testTables } from "../../unit/dispatch/kit.js";
import { until } from "../../until.js";
import { stored } from "../dispatch/system.js";
import { startRole } from "../role.js";
import { type ReceiptsBracket, withReceipts } from "./with-receipts.js";

const test = suite("receipts: cold");
const T0 = Date.UTC(2026, 10, 24, 12);
const TO = "447700900123";

const submitted = (key: ReturnType<typeof keyOf>, toTok: Buffer, carrierIds: string[]) => ({
  ...{ ...key, kind: 2, state: STATE.SUBMITTED, atMs: key.acceptedAtMs + 20n },
  ...{ carrierIds, toTok, bind: "carrier-a.0" },
});
const timedOut = (key: ReturnType<typeof keyOf>) => ({
  ...{ ...key, kind: 6, state: STATE.UNKNOWN, atMs: key.acceptedAtMs + 90_000_000n },
});
const receipt = (carrierId: string, toTok: Buffer, state: number, afterMs = 3_600_000) => ({
  ...{ carrierId, toTok, state, atMs: BigInt(T0 + afterMs), bind: "carrier-a.0" },
});

async function stateOf({ rows }: ReceiptsBracket, key: ReturnType<typeof keyOf>): Promise<string> {
  const id = formatId(key.messageId);
  const [row] = await rows<{ state: string }>(`SELECT state FROM cdr WHERE message_id = '${id}'`);
  return row?.state ?? "";
}

async function orphans({ rows }: ReceiptsBracket): Promise<Record<string, string>> {
  const found = await rows<{ carrier_id: string; fate: string }>(
    "SELECT carrier_id, fate FROM orphan_receipts FINAL ORDER BY carrier_id",
  );
  return Object.fromEntries(found.map(({ carrier_id, fate }) => [carrier_id, fate]));
}

test("finds the message in any form of its id, and by its recipient", () =>
  withReceipts(async (bracket) => {
    const { token, cold, attempts, decisions } = bracket;
    await bracket.start();
    await bracket.startReceipts();
    const forms = [
      ["0a1b2c3d", "0a1b2c3d"],
      ["0A1B2C3E", "0a1b2c3e"],
      ["00000000000012345678", "12345678"],
      ["a1b2c3d4", "2712847316"],
      ["305419896", "12345678"],
      ["3C7A99F4-0001", "3c7a99f4-0001"],
    ] as const;
    const keys = forms.map((_, number) => keyOf(number, T0));
    await decisions(
      OURS.decisions(
        keys.map((key) => verdictOf(key)),
        [],
      ),
    );
    const toks = forms.map((_, number) => token(`${TO}${number}`));
    const taken = keys.map((key, at) => submitted(key, toks[at]!, [forms[at]![0]]));
    await attempts(OURS.attempts("carrier-a", T0, taken));
    await bracket.settled();
    await cold(
      "carrier-a",
      forms.map(([, id], at) => receipt(id, toks[at]!, STATE.DELIVERED)),
    );
    for (const [at, key] of keys.entries()) {
      await until(async () => (await stateOf(bracket, key)) === "DELIVERED", forms[at]![1], 15_000);
    }
    // The right id with another recipient is nobody's.
    await cold("carrier-a", [receipt("0a1b2c3d", token("4477009999"), STATE.REJECTED, 3_700_000)]);
    await until(async () => (await orphans(bracket))["0a1b2c3d"] === "WAITING");
    assert.is(await stateOf(bracket, keys[0]!), "DELIVERED");
    await until(async () => (await bracket.waiting()) === 0);
  }));

test("keeps what has no message yet, and places it when the message is known", () =>
  withReceipts(async (bracket) => {
    const { token, cold, attempts, decisions } = bracket;
    await bracket.start();
    await bracket.startReceipts();
    const key = keyOf(1, T0);
    await cold("carrier-a", [
      receipt("early", token(TO), STATE.UNDELIVERABLE),
      receipt("long-1", token(TO), STATE.DELIVERED),
      receipt("long-2", token(TO), STATE.DELIVERED),
      receipt("stranger", token(TO), STATE.DELIVERED),
      { ...receipt("numberless", token(TO), STATE.DELIVERED), toTok: Buffer.alloc(0) },
    ]);
    const [early, rest] = [{ early: "WAITING" }, { numberless: "GIVEN_UP", stranger: "WAITING" }];
    const kept = { ...early, "long-1": "WAITING", "long-2": "WAITING", ...rest };
    await until(async () => JSON.stringify(await orphans(bracket)) === JSON.stringify(kept));
    assert.is(await bracket.waiting(), 0);
    const long = keyOf(2, T0);
    await decisions(OURS.decisions([verdictOf(key), verdictOf(long)], []));
    const taken = [
      submitted(key, token(TO), ["early"]),
      submitted(long, token(TO), ["long-1", "long-2"]),
    ];
    await attempts(OURS.attempts("carrier-a", T0, taken));
    await until(async () => (await stateOf(bracket, key)) === "UNDELIVERABLE", "placed", 15_000);
    await until(async () => (await stateOf(bracket, long)) === "DELIVERED", "decided", 15_000);
    for (const id of ["early", "long-1", "long-2"]) {
      await until(async () => (await orphans(bracket))[id] === "PLACED", id, 15_000);
    }
    assert.is((await orphans(bracket))["stranger"], "WAITING");
  }));

test("decides a long message when the last of its parts is known, by the carrier's rule", () =>
  withReceipts(async (bracket) => {
    const { token, cold, attempts, decisions, client } = bracket;
    await bracket.start();
    const base = { link: "smpp", status: "active", host: "h", port: 1, systemId: "s" };
    const first = { ...base, name: "carrier-b", password: "p", partReceipts: "first" };
    const carriers = await client.bucket(BUCKETS.carriers);
    await carriers.put("carrier-b", encodeConfig(parseCarrier(first)));
    const [whole, partly, open, ruled, same] = [1, 2, 3, 4, 5].map((number) => keyOf(number, T0));
    const all = [whole!, partly!, open!, ruled!, same!];
    await decisions(
      OURS.decisions(
        all.map((key) => verdictOf(key)),
        [],
      ),
    );
    const tok = token(TO);
    await attempts(
      OURS.attempts("carrier-a", T0, [
        submitted(whole!, tok, ["w1", "w2"]),
        submitted(partly!, tok, ["p1", "p2"]),
        submitted(open!, tok, ["o1", "o2"]),
        submitted(same!, tok, ["one", "one"]),
      ]),
    );
    await attempts(
      OURS.attempts("carrier-b", T0, [submitted(ruled!, tok, ["r1", "r2"])]),
      "carrier-b",
    );
    await bracket.settled();
    // Two processes take a part each: whoever looks later sees both.
    await bracket.startReceipts({ FLOE_RECEIPTS_OUTSTANDING_FRAMES: "1" });
    await bracket.startReceipts({ FLOE_RECEIPTS_OUTSTANDING_FRAMES: "1" });
    const { DELIVERED, EXPIRED } = STATE;
    for (const [id, state] of [
      ["w1", DELIVERED],
      ["w2", DELIVERED],
      ["p2", EXPIRED],
      ["p1", DELIVERED],
      ["o2", DELIVERED],
      ["one", DELIVERED],
    ] as const) {
      await cold("carrier-a", [receipt(id, tok, state)]);
    }
    await cold("carrier-b", [receipt("r1", tok, DELIVERED)]);
    for (const [key, state] of [
      [whole!, "DELIVERED"],
      [partly!, "PARTIALLY_DELIVERED"],
      [ruled!, "DELIVERED"],
      [same!, "DELIVERED"],
    ] as const) {
      await until(async () => (await stateOf(bracket, key)) === state, state, 30_000);
    }
    await until(async () => (await bracket.waiting()) === 0, "all frames are acked", 15_000);
    assert.is(await stateOf(bracket, open!), "SUBMITTED");
  }));

test("raises a message that the sweep has closed, and books what its delivery costs", () =>
  withReceipts(async (bracket) => {
    const { client, nats, keysFile, attempts, cold } = bracket;
    await bracket.start();
    await bracket.startReceipts();
    const objects = await client.objects(TABLES_STORE);
    await objects.put("tables-1", new Uint8Array(testTables()));
    const config = await client.bucket(BUCKETS.config);
    await config.put("tables", encodeConfig({ version: 1, object: "tables-1" }));
    const account = { account: 1, name: "One", plan: 1, status: "active" };
    await (await client.bucket(BUCKETS.accounts)).put("1", encodeConfig(account));
    const stop = await startRole(serveDispatch, {
      ...{ processId: "dispatch-1", client: await nats.client("dispatch"), common: { keysFile } },
      environment: { FLOE_DISPATCH_THREADS: "1", FLOE_DISPATCH_LEASE_SECONDS: "2" },
    });
    try {
      // What was stored long after it was published is not decided.
      const nowMs = SYSTEM_CLOCK.nowMs();
      const request = requestFrame([{ id: 1, plan: PLAN_DELIVERED, acceptedAtMs: nowMs }], {
        publishedAtMs: nowMs,
      });
      await client.publish(requestSubject(2, 0), request, { id: "g-1" });
      const decided = async () => {
        const all = await stored(client, "DECISIONS", decisionSubject(0));
        return all.map(({ data }) => DecisionFrame.decode(data));
      };
      await until(async () => (await decided()).some(({ records }) => records.length > 0));
      const verdict = (await decided()).flatMap(({ records }) => records)[0]!;
      assert.is(verdict.state, STATE.ROUTED);
      const key = { messageId: idOf(1), acceptedAtMs: BigInt(nowMs), account: 1 };
      const { carrier } = verdict;
      const late = (afterMs: number) =>
        receipt("a1b", verdict.toTok, STATE.DELIVERED, nowMs + afterMs - T0);
      const taken = submitted(key, verdict.toTok, ["0A1B"]);
      await attempts(OURS.attempts(carrier, T0, [taken]), carrier);
      await attempts(OURS.attempts(carrier, T0, [timedOut(key)]), carrier);
      const kinds = async () =>
        (await decided()).flatMap(({ settlements }) => settlements.map(({ kind }) => kind));
      await until(async () => (await kinds()).length === 1, "released");
      await until(async () => (await stateOf(bracket, key)) === "UNKNOWN");

      await cold(carrier, [late(600_000)]);
      await until(async () => (await kinds()).length === 2, "adjusted", 15_000);
      // A second receipt, and a frame that comes again, change nothing.
      await cold(carrier, [late(601_000)]);
      await until(async () => (await bracket.waiting()) === 0);
      await bracket.settled();
      await until(async () => (await stateOf(bracket, key)) === "DELIVERED");
      const [row] = await bracket.rows<Record<string, string>>(
        "SELECT charged_micros, released_micros, adjusted_micros, price_micros FROM cdr",
      );
      const price = String(verdict.priceMicros);
      assert.ok(verdict.priceMicros > 0n);
      assert.equal(row, {
        ...{ charged_micros: price, released_micros: price, adjusted_micros: price },
        price_micros: price,
      });
      assert.equal(await kinds(), [2, 3]);
    } finally {
      await stop();
    }
  }));

test("loses nothing while ClickHouse is away", () =>
  withReceipts(async (bracket) => {
    const { token, cold, attempts, decisions, client } = bracket;
    await bracket.start();
    const key = keyOf(1, T0);
    await decisions(OURS.decisions([verdictOf(key)], []));
    await attempts(OURS.attempts("carrier-a", T0, [submitted(key, token(TO), ["abc1"])]));
    await bracket.settled();
    await bracket.startReceipts();
    await bracket.server.kill();
    await cold("carrier-a", [receipt("abc1", token(TO), STATE.DELIVERED)]);
    await until(async () => (await client.backlog(COLD_CONSUMER)).ackPending === 1);
    await bracket.server.restart();
    await until(async () => (await stateOf(bracket, key)) === "DELIVERED", "delivered", 30_000);
  }));

test.run();
