/** cdr from streams to rows: the whole path, ClickHouse away, frames that come again. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatId } from "../../../core/message.js";
import type { Delivery, StreamClient } from "../../../core/stream/stream.js";
import { CDR_CONSUMERS } from "../../../core/subjects.js";
import { type Key, keyOf, OURS, usageFrame, verdictOf } from "../../unit/cdr/kit.js";
import { until } from "../../until.js";
import { type CdrBracket, withCdr } from "./with-cdr.js";

const test = suite("cdr");
const T0 = Date.UTC(2026, 10, 24, 12);

const TLVS = "network_error_code=0x030008\n0x1403=a=b";

function submitted(key: Key, id: string) {
  return { ...key, kind: 2, state: 4, atMs: key.acceptedAtMs + 20n, carrierIds: [id], bind: "b/0" };
}
function delivered(key: Key, id: string) {
  const atMs = key.acceptedAtMs + 900n;
  return { ...key, kind: 5, state: 11, atMs, carrierIds: [id], errorText: "000" };
}
function committed(key: Key, sequence: number) {
  const amountMicros = 7_500n;
  const ledgerSequence = BigInt(sequence);
  return { ...key, kind: 1, amountMicros, ledgerSequence, atMs: key.acceptedAtMs, currency: "EUR" };
}

/** Publishes all parts of `count` messages, in some frames each. */
async function publishAll(cdr: CdrBracket, keys: readonly Key[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 50) {
    const some = keys.slice(at, at + 50);
    const numbers = some.map((_, index) => at + index + 1);
    await cdr.decisions(
      OURS.decisions(
        some.map((key) => verdictOf(key)),
        [],
      ),
    );
    await cdr.attempts(
      OURS.attempts(
        "carrier-a",
        T0 + 1_000,
        some.map((key, index) => submitted(key, `id-${numbers[index]}`)),
      ),
    );
    await cdr.decisions(
      OURS.decisions(
        [],
        some.map((key, index) => committed(key, numbers[index]!)),
      ),
    );
    await cdr.attempts(
      OURS.attempts(
        "carrier-a",
        T0 + 2_000,
        some.map((key, index) => delivered(key, `id-${numbers[index]}`)),
      ),
    );
  }
}

async function totals(cdr: CdrBracket): Promise<unknown> {
  const [found] = await cdr.clickhouse.query(
    `SELECT (SELECT count() FROM cdr) AS messages,
      (SELECT countIf(state = 'DELIVERED') FROM cdr) AS delivered,
      (SELECT sum(charged_micros) FROM cdr) AS charged,
      (SELECT count() FROM attempts FINAL) AS attempts,
      (SELECT sum(amount_micros) FROM ledger FINAL) AS ledger`,
  );
  return found;
}

function expected(count: number): unknown {
  return {
    messages: `${count}`,
    delivered: `${count}`,
    charged: `${count * 7_500}`,
    attempts: `${2 * count}`,
    ledger: `${count * 7_500}`,
  };
}

test("makes one row of what the streams say of a message", async () => {
  await withCdr(async (cdr) => {
    await cdr.start();
    const key = keyOf(1, T0, 42);
    const tags = [{ key: "campaign", value: 'say "hi"' }];
    const candidates = [
      { carrier: "carrier-b", costMicros: 5_000n, costCurrency: "USD", sender: "" },
    ];
    const clientReference = "order 7";
    const verdict = verdictOf(key, {
      ...{ tags, candidates, clientReference },
      ...{ rule: "uk-first", flags: 2 | 8, sentSender: "Fl|oe", languages: 0x0101 },
    });
    await cdr.decisions(OURS.decisions([verdict], [committed(key, 9)]));
    await cdr.attempts(OURS.attempts("carrier-a", T0 + 1_000, [submitted(key, "0A1B")]));
    await cdr.attempts(
      OURS.attempts("carrier-a", T0 + 2_000, [{ ...delivered(key, "0A1B"), tlvs: TLVS }]),
    );
    const call = { callId: key.messageId, atMs: key.acceptedAtMs, account: 42, keyId: "k1" };
    const more = { method: "SendMessage", peer: "10.0.0.1", accepted: 1, durationMicros: 900 };
    await cdr.usage(usageFrame([{ ...call, ...more }]));
    await cdr.settled();

    const [row] = await cdr.clickhouse.query<Record<string, unknown>>("SELECT * FROM cdr");
    assert.equal(row, {
      account: 42,
      accepted_day: "2026-11-24",
      message_id: formatId(key.messageId),
      accepted_at: "2026-11-24 12:00:00.000",
      state: "DELIVERED",
      terminal: 1,
      reason: "",
      lane: "normal",
      traffic_class: "transactional",
      encoding: "GSM7",
      segments: 1,
      charge_basis: "submit",
      receipt: 1,
      expires_at: "2026-11-25 12:00:00.000",
      carriers: ["carrier-a", "carrier-b"],
      carrier: "carrier-a",
      carrier_id: "0A1B",
      in_doubt: 0,
      hop: 0,
      submitted_at: "2026-11-24 12:00:00.020",
      done_at: "2026-11-24 12:00:00.900",
      error: 0,
      error_text: "000",
      to_prefix: "447900",
      country: "GB",
      mcc: "234",
      mnc: "15",
      to_enc: "01".repeat(16),
      to_tok: "02".repeat(16),
      sender: "Floe",
      client_reference: "order 7",
      tags: '{"campaign":"say \\"hi\\""}',
      currency: "EUR",
      price_micros: "7500",
      price: 0.0075,
      cost_currency: "USD",
      cost_micros: "4100",
      cost: 0.0041,
      charged_micros: "7500",
      charged: 0.0075,
      released_micros: "0",
      adjusted_micros: "0",
      ledger_sequence: "9",
      tables_version: 7,
      plan: 3,
      rule: "uk-first",
      smart_encoded: 0,
      sender_replaced: 1,
      sent_sender: "Fl|oe",
      monitored: 0,
      ported: 1,
      tiered: 0,
      languages: 257,
    });
    const attempts = await cdr.clickhouse.query(
      `SELECT kind, carrier, carrier_id, at, recorded_at, error_text, bind, tlvs
      FROM attempts FINAL ORDER BY at`,
    );
    assert.equal(attempts, [
      {
        kind: "SUBMITTED",
        carrier: "carrier-a",
        carrier_id: "0A1B",
        at: "2026-11-24 12:00:00.020",
        recorded_at: "2026-11-24 12:00:01.000",
        error_text: "",
        bind: "b/0",
        tlvs: {},
      },
      {
        kind: "RECEIPT",
        carrier: "carrier-a",
        carrier_id: "0A1B",
        at: "2026-11-24 12:00:00.900",
        recorded_at: "2026-11-24 12:00:02.000",
        error_text: "000",
        bind: "",
        tlvs: { network_error_code: "0x030008", "0x1403": "a=b" },
      },
    ]);
    const ledger = await cdr.clickhouse.query(
      "SELECT account, ledger_sequence, kind, amount_micros, currency FROM ledger",
    );
    const entry = { account: 42, ledger_sequence: "9", kind: "COMMIT", amount_micros: "7500" };
    assert.equal(ledger, [{ ...entry, currency: "EUR" }]);
    const calls = await cdr.clickhouse.query(
      "SELECT account, key_id, method, peer, accepted, duration_micros FROM api_calls",
    );
    assert.equal(calls, [
      {
        account: 42,
        key_id: "k1",
        method: "SendMessage",
        peer: "10.0.0.1",
        accepted: 1,
        duration_micros: 900,
      },
    ]);
  });
});

test("waits for a ClickHouse that is away, and loses and doubles nothing", async () => {
  await withCdr(async (cdr) => {
    await cdr.start();
    const keys = Array.from({ length: 400 }, (_, number) => keyOf(number, T0 + number));
    await publishAll(cdr, keys.slice(0, 200));
    await cdr.settled();
    await cdr.server.kill();
    await publishAll(cdr, keys.slice(200));
    await until(async () => (await cdr.backlog()) > 0);
    await cdr.server.restart();
    await cdr.settled();
    // The keys of the second half begin with another sequence, so sums are of all.
    assert.equal(await totals(cdr), expected(400));
  });
});

test("holds back by itself while ClickHouse is away", async () => {
  await withCdr(async (cdr) => {
    await cdr.start({ FLOE_CDR_OUTSTANDING_FRAMES: "4" });
    await cdr.server.kill();
    const keys = Array.from({ length: 2_000 }, (_, number) => keyOf(number, T0));
    await publishAll(cdr, keys);
    const unacked = async (): Promise<number[]> => {
      const counts = CDR_CONSUMERS.map((spec) => cdr.client.backlog(spec));
      return (await Promise.all(counts)).map(({ ackPending }) => ackPending);
    };
    await until(async () => (await unacked())[0] === 4);
    assert.ok((await unacked()).every((count) => count <= 4));
    await cdr.server.restart();
    await cdr.settled();
    assert.equal(await totals(cdr), expected(2_000));
  });
});

test("writes the same rows when frames come again in other groups", async () => {
  await withCdr(async (cdr) => {
    // Its acks are lost, as when it dies between insert and ack.
    const stop = await cdr.start({}, withoutAcks);
    const keys = Array.from({ length: 300 }, (_, number) => keyOf(number, T0 + 7 * number));
    await publishAll(cdr, keys);
    await until(async () => JSON.stringify(await totals(cdr)) === JSON.stringify(expected(300)));
    const before = await rowsOfAll(cdr);
    await stop();
    assert.is(await cdr.backlog(), 24);
    for (const spec of CDR_CONSUMERS) {
      await cdr.client.recreateConsumer(spec, { ackPendingMax: 8_000 });
    }
    await cdr.start({ FLOE_CDR_FLUSH_ROWS: "70", FLOE_CDR_FLUSH_MS: "10" });
    await cdr.settled();
    assert.equal(await totals(cdr), expected(300));
    assert.equal(await rowsOfAll(cdr), before);
    const [rows] = await cdr.clickhouse.query<{ n: string }>("SELECT count() AS n FROM cdr_rows");
    assert.ok(Number(rows?.n) > 300, "they were written twice");
  });
});

test("passes over records that make no sense and keeps the others", async () => {
  await withCdr(async (cdr) => {
    await cdr.start();
    const keys = Array.from({ length: 3 }, (_, number) => keyOf(number, T0));
    const wrong = [{ state: 3 }, verdictOf(keys[0]!, { state: 99 })];
    const good = keys.map((key) => verdictOf(key));
    await cdr.decisions(OURS.decisions([good[0]!, ...wrong, good[1]!, good[2]!], [{ kind: 1 }]));
    await cdr.decisions(Buffer.from("this is no frame"));
    await cdr.attempts(OURS.attempts("carrier-a", T0, [{ ...keys[0]!, kind: 99 }]));
    await cdr.settled();
    const rows = await cdr.clickhouse.query<{ state: string }>("SELECT state FROM cdr");
    assert.equal(
      rows.map(({ state }) => state),
      ["ROUTED", "ROUTED", "ROUTED"],
    );
  });
});

/** Everything there is, but for what says how often it was written. */
async function rowsOfAll(cdr: CdrBracket): Promise<unknown[]> {
  return Promise.all(
    ["cdr", "attempts FINAL", "ledger FINAL"].map((table) =>
      cdr.clickhouse.query(`SELECT * FROM ${table} ORDER BY ALL`),
    ),
  );
}

function withoutAcks(client: StreamClient): StreamClient {
  return {
    ...client,
    consume: (spec, options, receive) =>
      client.consume(spec, options, (delivery: Delivery) =>
        receive(Object.create(delivery, { ack: { value: () => {} } }) as Delivery),
      ),
  };
}

test.run();
