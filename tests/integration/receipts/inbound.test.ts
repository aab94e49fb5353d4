/** Messages from phones: from a carrier's PDUs to rows, opt-outs, and refusals at the decision. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULTS } from "../../../bench/carrier/options.js";
import { openSmsc, type Smsc } from "../../../bench/carrier/smsc.js";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig, parseCarrier } from "../../../core/configuration.js";
import { openContent } from "../../../core/content-seal.js";
import { dataMonth, loadKeys } from "../../../core/keys.js";
import { parseId, REASON, STATE } from "../../../core/message.js";
import { openNumber } from "../../../core/number-seal.js";
import { assignmentKey } from "../../../core/numbers.js";
import { DecisionFrame, InboundFrame } from "../../../core/proto/floe/v1/frames.js";
import {
  BUCKETS,
  decisionSubject,
  INBOUND_CONSUMER,
  inboundSubject,
  requestSubject,
  TABLES_STORE,
} from "../../../core/subjects.js";
import { suppressionKey } from "../../../core/suppressions.js";
import { serve as serveConnector } from "../../../services/connectors/main.js";
import { serve as serveDispatch } from "../../../services/dispatch/main.js";
import { idOf, requestFrame, testTables } from "../../unit/dispatch/kit.js";
import { until } from "../../until.js";
import { LOGIN } from "../connectors/kit.js";
import { stored } from "../dispatch/system.js";
import { startRole } from "../role.js";
import { type ReceiptsBracket, withReceipts } from "./with-receipts.js";

const test = suite("receipts: inbound");
const PHONE = "447700900123";
const OURS = "447786200111";

interface Row {
  readonly account: number;
  readonly message_id: string;
  readonly to: string;
  readonly keyword: string;
  readonly encoding: string;
  readonly parts: number;
  readonly parts_total: number;
  readonly action: string;
  readonly text: string;
  readonly from: string;
  readonly number: string | undefined;
}

/** All rows, opened. */
async function messages(bracket: ReceiptsBracket): Promise<Row[]> {
  const keys = loadKeys(bracket.keysFile);
  const rows = await bracket.rows<Record<string, string>>(
    `SELECT account, message_id, received_at, "to", keyword, encoding, parts, parts_total, action,
      hex(text_enc) AS sealed, hex(from_enc) AS number FROM inbound_messages FINAL
    ORDER BY received_at, message_id`,
  );
  return rows.map(({ sealed, received_at, number, ...row }) => {
    const month = dataMonth(Date.parse(`${received_at!.replace(" ", "T")}Z`));
    const id = parseId(row["message_id"]!)!;
    const opened = openContent(Buffer.from(sealed!, "hex"), id, keys.data[month]!);
    assert.ok(opened);
    const content = JSON.parse(Buffer.from(opened).toString("utf8"));
    const from = openNumber(Buffer.from(number!, "hex"), id, keys.data[month]!);
    return { ...row, ...content, number: from } as unknown as Row;
  });
}

async function give(bracket: ReceiptsBracket, number: string, account: number, keyword = "") {
  const one = { from: number, to: number, account, keyword };
  const numbers = await bracket.client.bucket(BUCKETS.numbers);
  await numbers.put(assignmentKey(one), encodeConfig(one));
}

/** A carrier, and a connector bound to it. */
async function withCarrier(
  { client, nats, keysFile }: ReceiptsBracket,
  run: (smsc: Smsc) => Promise<void>,
): Promise<void> {
  const smsc = await openSmsc({ ...DEFAULTS, ...LOGIN });
  const base = { link: "smpp", status: "active", host: "127.0.0.1", port: smsc.port, ...LOGIN };
  const carriers = await client.bucket(BUCKETS.carriers);
  await carriers.put("carrier-a", encodeConfig(parseCarrier({ ...base, name: "carrier-a" })));
  const stop = await startRole(serveConnector, {
    ...{ processId: "connector-1", client: await nats.client("connector"), common: { keysFile } },
    environment: { FLOE_CONNECTOR_LEASE_SECONDS: "2" },
  });
  try {
    await run(smsc);
  } finally {
    await stop();
    await smsc.close();
  }
}

test("takes texts of one part and of many, of numbers that are somebody's and nobody's", () =>
  withReceipts(async (bracket) => {
    await bracket.start();
    await bracket.startReceipts();
    await give(bracket, OURS, 7);
    await give(bracket, "12345", 8, "PIZZA");
    await withCarrier(bracket, async (smsc) => {
      const phone = { from: PHONE, reference: 7 };
      const long = "Grüße aus dem Süden. ".repeat(20).trim();
      const wide = "Доброе утро 🎈 ".repeat(16).trim();
      smsc.receive({ ...phone, to: OURS, text: "Hello", parts: "udh" });
      smsc.receive({ ...phone, to: OURS, text: long, parts: "udh" });
      smsc.receive({ ...phone, to: OURS, text: wide, parts: "udh16" });
      smsc.receive({ ...phone, to: OURS, text: `${long}!`, parts: "sar" });
      smsc.receive({ ...phone, to: OURS, text: `${long}?`, parts: "payload" });
      smsc.receive({ ...phone, to: "12345", text: "Pizza please", parts: "udh" });
      smsc.receive({ ...phone, to: "99999", text: "Who are you", parts: "udh" });
      await until(async () => (await messages(bracket)).length === 7, "rows", 15_000);
      await until(async () => (await bracket.waiting()) === 0, "acked", 15_000);
      const rows = await messages(bracket);
      const texts = rows.map(({ text, account, to }) => [account, to, text]);
      assert.equal(
        texts.sort((a, b) => (String(a) < String(b) ? -1 : 1)),
        [
          [7, OURS, "Hello"],
          [7, OURS, long],
          [7, OURS, wide],
          [7, OURS, `${long}!`],
          [7, OURS, `${long}?`],
          [8, "12345", "Pizza please"],
          [0, "99999", "Who are you"],
        ].sort((a, b) => (String(a) < String(b) ? -1 : 1)),
      );
      for (const row of rows) {
        assert.equal([row.from, row.number], [PHONE, PHONE]);
        assert.is(row.parts, row.parts_total);
        assert.is(row.action, "");
      }
      assert.is(smsc.stats().receiptsWaiting, 0);
    });
  }));

test("keeps what lacks a part as far as it came, and what was read again once", () =>
  withReceipts(async (bracket) => {
    const { client } = bracket;
    await bracket.start();
    const stop = await bracket.startReceipts({ FLOE_RECEIPTS_PARTS_WAIT_MS: "3600000" });
    await give(bracket, OURS, 7);
    const nowMs = SYSTEM_CLOCK.nowMs();
    const part = (number: number, text: string) => ({
      ...{ atMs: BigInt(nowMs), bind: "carrier-a.0", from: PHONE, to: OURS, esmClass: 0x40 },
      ...{ dataCoding: 3, alphabet: 1 as const },
      content: Buffer.concat([Buffer.of(5, 0, 3, 9, 3, number), Buffer.from(text, "latin1")]),
    });
    const publish = async (records: readonly ReturnType<typeof part>[]) => {
      const frame = InboundFrame.fromPartial({ carrier: "carrier-a", records: [...records] });
      await client.publish(inboundSubject("carrier-a"), InboundFrame.encode(frame).finish());
    };
    await publish([part(1, "one "), part(1, "one ")]);
    await publish([part(3, "three")]);
    await until(async () => (await client.backlog(INBOUND_CONSUMER)).ackPending === 2);
    assert.equal(await messages(bracket), []);
    // Parts that wait are nowhere but in the stream: who comes next has them.
    await stop();
    await bracket.startReceipts({ FLOE_RECEIPTS_PARTS_WAIT_MS: "1000" });
    await until(async () => (await messages(bracket)).length === 1, "ended", 30_000);
    await until(async () => (await bracket.waiting()) === 0, "acked", 15_000);
    const [row] = await messages(bracket);
    assert.equal([row?.parts, row?.parts_total, row?.text], [2, 3, "one three"]);
  }));

test("refuses what goes to a number that said stop, until it says start", () =>
  withReceipts(async (bracket) => {
    const { client, nats, keysFile, token } = bracket;
    await bracket.start();
    await bracket.startReceipts();
    await give(bracket, OURS, 1);
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
    let number = 0;
    /** Decides one message from `from` to the phone. */
    async function decide(from: string, trafficClass = 2): Promise<string> {
      number += 1;
      const nowMs = SYSTEM_CLOCK.nowMs();
      const message = { id: number, to: `+${PHONE}`, from, trafficClass, acceptedAtMs: nowMs };
      const frame = requestFrame([message], { publishedAtMs: nowMs });
      await client.publish(requestSubject(2, 0), frame, { id: `g-${number}` });
      const id = idOf(number);
      let told = "";
      await until(
        async () => {
          const all = await stored(client, "DECISIONS", decisionSubject(0));
          const verdict = all
            .flatMap(({ data }) => DecisionFrame.decode(data).records)
            .find(({ messageId }) => Buffer.compare(messageId, id) === 0);
          if (verdict === undefined) return false;
          const isOut = verdict.reason === REASON.OPTED_OUT && verdict.state === STATE.REJECTED;
          told = verdict.state === STATE.ROUTED ? "routed" : isOut ? "opted out" : "other";
          if (isOut) assert.is(verdict.priceMicros, 0n);
          return true;
        },
        "decided",
        15_000,
      );
      return told;
    }
    const suppressions = await client.bucket(BUCKETS.suppressions);
    const key = (sender: string) => suppressionKey({ account: 1, token: token(PHONE), sender });
    /** The phone writes, and the word is kept. */
    async function write(smsc: Smsc, text: string, about: string): Promise<void> {
      const before = (await suppressions.get(key(about)))?.revision ?? 0;
      smsc.receive({ from: PHONE, to: OURS, text, parts: "udh", reference: 1 });
      await until(async () => ((await suppressions.get(key(about)))?.revision ?? 0) > before);
    }
    try {
      await withCarrier(bracket, async (smsc) => {
        assert.is(await decide(`+${OURS}`), "routed");
        await write(smsc, "Stop.", OURS);
        assert.is(await decide(`+${OURS}`), "opted out");
        assert.is(await decide("Floe"), "routed");
        assert.is(await decide(`+${OURS}`, 1), "routed", "authentication goes on");
        await write(smsc, "START", OURS);
        assert.is(await decide(`+${OURS}`), "routed");
        await write(smsc, "stop all", "");
        assert.is(await decide("Floe"), "opted out");
        assert.is(await decide(`+${OURS}`), "opted out");
        await write(smsc, "unstop", OURS);
        assert.is(await decide(`+${OURS}`), "routed");
        assert.is(await decide("Floe"), "opted out");
        await bracket.settled();
        const [refused] = await bracket.rows(
          "SELECT count() AS count FROM cdr WHERE reason = 'OPTED_OUT' AND state = 'REJECTED'",
        );
        assert.equal(refused, { count: "4" });
        const asked = (await messages(bracket)).map(({ action }) => action);
        assert.equal(asked, ["STOP", "START", "STOPALL", "START"]);
      });
    } finally {
      await stop();
    }
  }));

test.run();
