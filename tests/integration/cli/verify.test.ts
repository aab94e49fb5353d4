/** `floe verify`: on books that agree nothing is found, and each way in which they may not agree is. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FloeError } from "../../../core/errors.js";
import { formatId } from "../../../core/message.js";
import type { Owners } from "../../../core/owners.js";
import { AttemptFrame, DecisionFrame } from "../../../core/proto/floe/v1/frames.js";
import { OwnedBalance, OwnerAnswer } from "../../../core/proto/floe/v1/owner.js";
import { attemptSubject, decisionSubject, requestSubject } from "../../../core/subjects.js";
import { checkBalances } from "../../../services/cli/verify/balances.js";
import { confirmed, type Finding, type Range } from "../../../services/cli/verify/finding.js";
import { checkRecords } from "../../../services/cli/verify/records.js";
import { checkStreams } from "../../../services/cli/verify/streams.js";
import { type Key, keyOf, verdictOf } from "../../unit/cdr/kit.js";
import { type CdrBracket, withCdr } from "../cdr/with-cdr.js";

const verify = suite("verify");
const T0 = Date.UTC(2026, 10, 24, 12);
const RANGE: Range = {
  ...{ sinceMs: T0 - 3_600_000, untilMs: T0 + 3_600_000, account: 0 },
  ...{ graceMs: 0, receiptWaitMs: 60_000, nowMs: T0 + 600_000 },
};

interface Writer {
  /** Appends a decision frame behind the last one, or behind `previous`. */
  decide(frame: Parameters<typeof DecisionFrame.fromPartial>[0], previous?: number): Promise<void>;
  attempt(records: Parameters<typeof AttemptFrame.fromPartial>[0]["records"]): Promise<void>;
}

function writerOf({ client }: CdrBracket): Writer {
  let last = 0;
  return {
    async decide(frame, previous = last) {
      const whole = { ...frame, previousSequence: BigInt(previous), decidedAtMs: BigInt(T0) };
      const bytes = DecisionFrame.encode(DecisionFrame.fromPartial(whole)).finish();
      last = (await client.publish(decisionSubject(0), bytes)).sequence;
    },
    async attempt(records) {
      const frame = { carrier: "alpha", publishedAtMs: BigInt(T0 + 100), records };
      const bytes = AttemptFrame.encode(AttemptFrame.fromPartial(frame as object)).finish();
      await client.publish(attemptSubject(0, "alpha"), bytes);
    },
  };
}

function submitted(key: Key) {
  const atMs = key.acceptedAtMs + 20n;
  return { ...key, kind: 2, state: 4, atMs, carrierIds: [formatId(key.messageId)] };
}
function delivered(key: Key) {
  const atMs = key.acceptedAtMs + 90n;
  return { ...key, kind: 5, state: 11, atMs, carrierIds: [formatId(key.messageId)] };
}
function committed(key: Key, sequence: number, more: object = {}) {
  const { priceMicros } = verdictOf(key);
  const ledgerSequence = BigInt(sequence);
  const money = { kind: 1, amountMicros: priceMicros!, ledgerSequence, currency: "EUR" };
  const balanceAfterMicros = -ledgerSequence * BigInt(priceMicros!);
  return { ...key, ...money, balanceAfterMicros, atMs: key.acceptedAtMs, ...more };
}
/** Given or taken by hand: kind 4 TOP_UP, 5 CREDIT, 6 DEBIT. */
function byHand(kind: number, sequence: number, amountMicros: bigint, balanceAfterMicros: bigint) {
  const { account, acceptedAtMs } = key(1);
  return {
    ...{ account, acceptedAtMs, atMs: acceptedAtMs, messageId: Buffer.alloc(16), currency: "EUR" },
    ...{ kind, amountMicros, balanceAfterMicros, ledgerSequence: BigInt(sequence) },
    reference: `reference ${sequence}`,
  };
}

/** An owner that tells this of every account. */
function ownerOf(balance: Partial<OwnedBalance>): Owners {
  return {
    ask: async () => OwnerAnswer.fromPartial({ balance: OwnedBalance.fromPartial(balance) }),
  };
}

const key = (number: number, account = 1): Key => keyOf(number, T0, account);

/** Messages 1 to 6 of account 1, decided, sent, delivered, charged. */
async function writeGood(cdr: CdrBracket): Promise<Writer> {
  const writer = writerOf(cdr);
  const keys = [1, 2, 3, 4, 5, 6].map((number) => key(number));
  await writer.decide({ records: keys.map((one) => verdictOf(one)) });
  await writer.attempt(keys.map(submitted));
  await writer.decide({ settlements: keys.map((one, at) => committed(one, at + 1)) });
  await writer.attempt(keys.map(delivered));
  return writer;
}

async function look(cdr: CdrBracket, range: Partial<Range> = {}): Promise<Finding[]> {
  await cdr.settled();
  const all = { ...RANGE, ...range };
  const streams = await checkStreams(cdr.client, cdr.clickhouse, all);
  return [...(await checkRecords(cdr.clickhouse, all)), ...streams.findings];
}

const checksOf = (findings: readonly Finding[]): string[] => [
  ...new Set(findings.map(({ check }) => check)),
];

async function withGood(run: (cdr: CdrBracket, writer: Writer) => Promise<void>): Promise<void> {
  await withCdr(async (cdr) => {
    await cdr.start();
    await run(cdr, await writeGood(cdr));
  });
}

verify("finds nothing where all agrees, and says how much it read", async () => {
  await withGood(async (cdr) => {
    assert.equal(await look(cdr), []);
    const { figures } = await checkStreams(cdr.client, cdr.clickhouse, RANGE);
    const decisions = figures.find(({ stream }) => stream === "DECISIONS")!;
    assert.is(decisions.frames, 2);
    assert.is(decisions.records, 12);
    assert.is(decisions.behind, 0);
  });
});

verify("finds rows that are gone from ClickHouse and stand in the streams", async () => {
  await withGood(async (cdr) => {
    await cdr.settled();
    const sync = "SETTINGS mutations_sync = 1";
    await cdr.clickhouse.command(`ALTER TABLE ledger DELETE WHERE ledger_sequence = 3 ${sync}`);
    const id = formatId(key(5).messageId);
    await cdr.clickhouse.command(`ALTER TABLE cdr_rows DELETE WHERE message_id = '${id}' ${sync}`);
    await cdr.clickhouse.command(
      `ALTER TABLE attempts DELETE WHERE message_id = '${id}' AND kind = 'RECEIPT' ${sync}`,
    );
    const findings = await look(cdr);
    const of = (check: string) => findings.filter((one) => one.check === check);
    assert.is(
      of("ledger-gapless")[0]!.text,
      "ledger entry 4 follows 2: what lies between is missing",
    );
    assert.is(of("settlements-recorded")[0]!.messageId, formatId(key(3).messageId));
    assert.is(of("verdicts-recorded")[0]!.messageId, id);
    assert.is(of("attempts-recorded")[0]!.messageId, id);
    assert.equal(
      of("ledger-is-records")
        .map(({ messageId }) => messageId)
        .sort(),
      [formatId(key(3).messageId), id].sort(),
    );
    assert.is(of("state-is-proved")[0]!.text, "is nowhere, its events prove SUBMITTED");
  });
});

verify("finds breaks in the log itself", async () => {
  await withGood(async (cdr, writer) => {
    const one = key(7);
    await writer.decide({ records: [verdictOf(one)] }, 1);
    await writer.attempt([submitted(one), delivered(one)]);
    await writer.decide({ settlements: [committed(one, 9)] });
    const findings = await look(cdr);
    assert.equal(checksOf(findings).sort(), [
      "decisions-chained",
      "decisions-ledger",
      "ledger-gapless",
    ]);
    assert.match(findings.find(({ check }) => check === "decisions-chained")!.text, /follows 1/);
  });
});

verify("finds frames that cannot be read, and goes on behind them", async () => {
  await withGood(async (cdr, writer) => {
    await cdr.client.publish(attemptSubject(0, "alpha"), Uint8Array.of(0x42, 0x7f, 1, 2));
    const one = key(8);
    await writer.attempt([delivered(one)]);
    const findings = await look(cdr);
    assert.ok(checksOf(findings).includes("frames-readable"));
    // The receipt behind it is of a message that was never decided.
    const lost = findings.find(({ check }) => check === "events-have-records");
    assert.is(lost!.messageId, formatId(one.messageId));
  });
});

verify("finds money that is wrong", async () => {
  await withGood(async (cdr, writer) => {
    const [twice, unsent, cheap] = [key(11), key(12), key(13)];
    const kept = key(14);
    const all = [twice, unsent, cheap, kept];
    await writer.decide({ records: all.map((one) => verdictOf(one)) });
    await writer.attempt([twice, cheap, kept].flatMap((one) => [submitted(one), delivered(one)]));
    await writer.decide({
      settlements: [
        ...[committed(twice, 7), committed(twice, 8), committed(unsent, 9)],
        committed(cheap, 10, { amountMicros: 1n }),
      ],
    });
    const findings = await look(cdr);
    const of = (check: string) =>
      findings.filter((one) => one.check === check).map(({ messageId }) => messageId);
    assert.equal(of("charged-once"), [formatId(twice.messageId)]);
    assert.equal(of("charged-is-submitted"), [formatId(unsent.messageId)]);
    assert.equal(of("price-is-charge"), [formatId(cheap.messageId)]);
    assert.equal(of("ended-is-settled"), [formatId(kept.messageId)]);
    assert.ok(of("ledger-is-records").includes(formatId(twice.messageId)));
    assert.is(
      findings.find(({ check }) => check === "ledger-balances")!.text,
      "ledger entry 10 leads to -67501 micro-units and tells -75000",
    );
  });
});

verify("holds opening + credits = committed + reserved + balance against the owner", async () => {
  await withGood(async (cdr, writer) => {
    const open = key(31);
    await writer.decide({
      records: [verdictOf(open)],
      settlements: [
        byHand(4, 7, 1_000_000n, 955_000n),
        byHand(5, 8, 20_000n, 975_000n),
        byHand(6, 9, 5_000n, 970_000n),
      ],
    });
    assert.equal(await look(cdr), []);
    const good = {
      ...{ creditedMicros: 1_020_000n, committedMicros: 50_000n, ledgerSequence: 9n },
      ...{ reservedMicros: 7_500n, outstanding: 1 },
    };
    const found = async (told: Partial<OwnedBalance>, isRead = true): Promise<string[]> => {
      const wrong = await checkBalances(cdr.clickhouse, ownerOf(told), RANGE, isRead);
      return wrong.map(({ check, account }) => `${check} ${account}`);
    };
    assert.equal(await found(good), []);
    assert.equal(await found({ ...good, creditedMicros: 1_020_001n }), ["owner-is-ledger 1"]);
    assert.equal(await found({ ...good, committedMicros: 49_999n }), ["owner-is-ledger 1"]);
    assert.equal(await found({ ...good, ledgerSequence: 10n }), ["owner-is-ledger 1"]);
    assert.equal(await found({ ...good, ledgerSequence: 10n }, false), []);
    assert.equal(await found({ ...good, reservedMicros: 0n, outstanding: 0 }), [
      "reserved-is-open 1",
    ]);
    assert.equal(await found({ ...good, reservedMicros: 0n }, false), []);
    const away = new FloeError("stream.unavailable");
    const silent: Owners = { ask: () => Promise.reject(away) };
    assert.equal(
      (await checkBalances(cdr.clickhouse, silent, RANGE, true)).map(({ check }) => check),
      ["owners-answer"],
    );
    // The log says another amount than ClickHouse.
    await cdr.clickhouse.command(
      "INSERT INTO ledger SELECT * REPLACE (amount_micros + 1 AS amount_micros) FROM ledger FINAL " +
        "WHERE ledger_sequence = 7",
    );
    assert.equal(checksOf(await look(cdr)).sort(), ["ledger-balances", "settlements-recorded"]);
    assert.equal(await found(good), ["owner-is-ledger 1"]);
  });
});

verify("finds what waits too long, of the account that is asked for", async () => {
  await withGood(async (cdr, writer) => {
    const late = key(21, 2);
    await writer.decide({ records: [verdictOf(late)] });
    await cdr.client.publish(requestSubject(2, 0), Uint8Array.of(1));
    const nowMs = T0 + 30 * 86_400_000;
    const findings = await look(cdr, { nowMs });
    assert.equal(checksOf(findings), ["ends-in-time", "requests-decided"]);
    assert.is(findings[0]!.messageId, formatId(late.messageId));
    assert.is(findings[0]!.account, 2);
    const others = await look(cdr, { nowMs, account: 1 });
    assert.equal(checksOf(others), ["requests-decided"]);
    // Time is given.
    assert.equal(checksOf(await look(cdr, { nowMs, graceMs: 31 * 86_400_000 })), []);
  });
});

verify("tells only what two looks find", () => {
  const one = {
    check: "ends-in-time",
    account: 1,
    messageId: formatId(key(1).messageId),
    text: "",
  };
  const two = { ...one, messageId: formatId(key(2).messageId) };
  assert.equal(confirmed([one, two], [{ ...two, text: "another time" }]), [two]);
});

verify.run();
