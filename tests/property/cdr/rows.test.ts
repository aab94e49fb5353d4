/**
 * Whatever the order, grouping and repetition of records, the same rows: compared with a slow fold of
 * the records themselves.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ClickHouse } from "../../../core/clickhouse.js";
import { SILENT } from "../../../core/log.js";
import { formatId, REASON_NAMES, STATE_NAMES } from "../../../core/message.js";
import type { Delivery } from "../../../core/stream/stream.js";
import { type Batch, blocksOf, clearBatch, newBatch } from "../../../services/cdr/batch.js";
import { openFrame, type SourceName, takeFrame } from "../../../services/cdr/frames.js";
import { migrate } from "../../../services/cdr/migrate.js";
import { newTextColumns } from "../../../services/cdr/rows.js";
import { PASSWORD, USER, withClickHouse } from "../../integration/clickhouse/with-clickhouse.js";
import {
  type AttemptLike,
  keyOf,
  ORACLE,
  OURS,
  type SettlementLike,
  type VerdictLike,
  verdictOf,
} from "../../unit/cdr/kit.js";

const test = suite("rows of cdr");
const T0 = Date.UTC(2026, 10, 24);
const DAY_MS = 86_400_000;

/** One record of any stream. */
type Fact =
  | { readonly verdict: VerdictLike }
  | { readonly settlement: SettlementLike }
  | { readonly attempt: AttemptLike; readonly carrier: string };

const carrier = fc.constantFrom("carrier-a", "carrier-b");
const text = fc.string({ maxLength: 12 });

/** Few messages, so that facts meet; the same id on another day is another message. */
const key = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, DAY_MS))
  .map(([number, laterMs]) => {
    const one = keyOf(number, T0 + number);
    return { ...one, acceptedAtMs: one.acceptedAtMs + BigInt(laterMs) };
  });

/** A message has one verdict, so everything in it follows from the message. */
const verdict = key.map((one): Fact => {
  const number = one.messageId[15]!;
  const rejected = number === 5;
  return {
    verdict: verdictOf(one, {
      state: rejected ? 8 : 3,
      reason: rejected ? 1 : 0,
      priceMicros: BigInt(1_000 * number),
      carrier: rejected ? "" : "carrier-a",
      country: ["GB", "DE", ""][number % 3]!,
      ...(number % 2 === 0 ? { rule: `r-${number}`, flags: number } : {}),
      sentSender: number === 3 ? "447700" : "",
      clientReference: number % 2 === 0 ? `order "${number}"` : "",
      tags: number === 1 ? [{ key: 'k"\\\n', value: "ü" }] : [],
      candidates:
        number % 2 === 0 && !rejected
          ? [{ carrier: "carrier-b", costMicros: 9n, costCurrency: "USD", sender: "" }]
          : [],
    }),
  };
});

const attempt = fc
  .record({
    key,
    carrier,
    kind: fc.integer({ min: 1, max: 6 }),
    hop: fc.integer({ min: 0, max: 300 }),
    afterMs: fc.integer({ min: 0, max: 2 ** 33 }),
    state: fc.integer({ min: 4, max: 11 }),
    ids: fc.array(fc.constantFrom("a1", "B2", "00c3", ""), { maxLength: 3 }),
    error: fc.constantFrom(0, 1, 0xffff_ffff),
    errorText: text,
    final: fc.boolean(),
  })
  .map(
    ({ key: one, carrier: name, afterMs, ids, ...rest }): Fact => ({
      carrier: name,
      attempt: {
        ...one,
        ...rest,
        atMs: one.acceptedAtMs + BigInt(afterMs),
        // The oracle and our writers both leave an empty text out.
        carrierIds: ids.filter((id) => id !== ""),
      },
    }),
  );

/** A message has one settlement of each kind. */
const settlement = fc.tuple(key, fc.integer({ min: 1, max: 3 })).map(([one, kind]): Fact => {
  const number = BigInt(one.messageId[15]! + 1);
  const sequence = 100n * number + BigInt(kind) + (one.acceptedAtMs / BigInt(DAY_MS)) * 10_000n;
  const moved = { kind, amountMicros: number * 500n, ledgerSequence: sequence, currency: "EUR" };
  return { settlement: { ...one, ...moved, atMs: one.acceptedAtMs } };
});

const facts = fc.array(fc.oneof(verdict, attempt, attempt, settlement), {
  minLength: 1,
  maxLength: 60,
});

/** How the facts come: in which order and frames, by which writer, how often, in which flushes. */
const journey = facts.chain((all) =>
  fc.record({
    all: fc.constant(all),
    order: fc.array(fc.nat(all.length - 1), { maxLength: 80 }),
    frames: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 20 }),
    ours: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
    flush: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
  }),
);

/** What `cdr` should say, from the facts one by one. */
function fold(all: readonly Fact[]): Map<string, Record<string, unknown>> {
  const rows = new Map<string, Record<string, unknown>>();
  const best = new Map<string, { submit: unknown[]; outcome: unknown[] }>();
  for (const fact of all) {
    const record =
      "verdict" in fact ? fact.verdict : "settlement" in fact ? fact.settlement : fact.attempt;
    if ("attempt" in fact && fact.attempt.kind === 1) continue;
    if ("attempt" in fact && fact.attempt.kind === 3 && !fact.attempt.final) continue;
    const day = new Date(Number(record.acceptedAtMs)).toISOString().slice(0, 10);
    const name = `${record.account} ${day} ${formatId(record.messageId!)}`;
    const row = rows.get(name) ?? {
      state: "",
      charged: 0n,
      released: 0n,
      adjusted: 0n,
      sequence: 0n,
    };
    rows.set(name, row);
    const seen = best.get(name) ?? { submit: [], outcome: [] };
    best.set(name, seen);
    if ("verdict" in fact) foldVerdict(row, fact.verdict);
    else if ("settlement" in fact) foldSettlement(row, fact.settlement);
    else foldAttempt(seen, fact.attempt, fact.carrier);
  }
  for (const [name, row] of rows) finish(row, best.get(name)!);
  return rows;
}

function foldVerdict(row: Record<string, unknown>, verdictLike: VerdictLike): void {
  row["rank"] = verdictLike.state;
  row["reason"] = verdictLike.reason === 0 ? "" : REASON_NAMES[verdictLike.reason!];
  row["price"] = verdictLike.priceMicros;
  row["country"] = verdictLike.country;
  row["reference"] = verdictLike.clientReference;
  const names = [verdictLike.carrier!, ...verdictLike.candidates!.map((one) => one.carrier)];
  row["carriers"] = names.join(",");
  row["tags"] = Object.fromEntries(verdictLike.tags!.map(({ key: k, value }) => [k, value]));
}

function foldSettlement(row: Record<string, unknown>, settled: SettlementLike): void {
  const name = ["", "charged", "released", "adjusted"][settled.kind!]!;
  row[name] = settled.amountMicros;
  if (settled.ledgerSequence! > (row["sequence"] as bigint))
    row["sequence"] = settled.ledgerSequence;
}

/** Tuples that sort as the packed texts should. */
function foldAttempt(
  seen: { submit: unknown[]; outcome: unknown[] },
  record: AttemptLike,
  name: string,
): void {
  const { kind, hop, atMs, state, error, errorText } = record;
  if (kind === 2 || kind === 4) {
    const id = kind === 2 ? (record.carrierIds?.[0] ?? "") : "";
    const submit = [kind === 2 ? 2 : 1, hop, atMs, bytes(`${name}\0${id}`)];
    if (isGreater(submit, seen.submit)) seen.submit = submit;
  } else {
    const outcome = [state, atMs, hop, error, bytes(errorText!)];
    if (isGreater(outcome, seen.outcome)) seen.outcome = outcome;
  }
}

const bytes = (value: string): string => Buffer.from(value, "utf8").toString("latin1");

function isGreater(one: readonly unknown[], other: readonly unknown[]): boolean {
  if (other.length === 0) return true;
  for (const [at, value] of one.entries()) {
    const before = other[at] as string;
    if ((value as string) !== before) return (value as string) > before;
  }
  return false;
}

function finish(
  row: Record<string, unknown>,
  { submit, outcome }: { submit: unknown[]; outcome: unknown[] },
): void {
  const submitRank = submit[0] === 2 ? 4 : 0;
  const rank = Math.max((row["rank"] as number) ?? 0, submitRank, (outcome[0] as number) ?? 0);
  row["state"] = STATE_NAMES[rank];
  const [name, id] = ((submit[3] as string) ?? "\0").split("\0");
  row["carrier"] = name !== "" ? name : ((row["carriers"] as string) ?? "").split(",")[0];
  row["carrierId"] = id;
  row["submittedAt"] = submit[2] ?? null;
  row["hop"] = submit[1] ?? null;
  row["doneAt"] = (outcome[0] as number) >= 5 ? outcome[1] : null;
  row["error"] = outcome[3] ?? 0;
  row["errorText"] = Buffer.from((outcome[4] as string) ?? "", "latin1").toString("utf8");
  row["charged"] = (row["charged"] as bigint) + (row["adjusted"] as bigint);
  delete row["rank"];
}

/** Rows by key with whole numbers as texts, which compare and print well. */
function plain(rows: ReadonlyMap<string, Record<string, unknown>>): unknown {
  const whole = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);
  const sorted = [...rows].sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.parse(JSON.stringify(Object.fromEntries(sorted), whole));
}

/** The same from ClickHouse. */
async function read(clickhouse: ClickHouse): Promise<Map<string, Record<string, unknown>>> {
  const found = await clickhouse.query<Record<string, string | number | null>>(
    `SELECT account, accepted_day, message_id, state, reason, price_micros, country,
      client_reference, arrayStringConcat(carriers, ',') AS names, tags, charged_micros,
      released_micros, adjusted_micros, ledger_sequence, carrier, carrier_id,
      toUnixTimestamp64Milli(submitted_at) AS submitted, hop,
      toUnixTimestamp64Milli(done_at) AS done, error, error_text, expires_at
    FROM cdr`,
  );
  return new Map(
    found.map((row) => {
      const wide = (name: string) => (row[name] === null ? null : BigInt(row[name]!));
      // Until its verdict has come nothing of it is known.
      const decided = row["expires_at"] !== null;
      const verdictOnly = decided
        ? {
            reason: row["reason"],
            price: wide("price_micros"),
            country: row["country"],
            reference: row["client_reference"],
            carriers: row["names"],
            tags: row["tags"] === "" ? {} : JSON.parse(`${row["tags"]}`),
          }
        : {};
      return [
        `${row["account"]} ${row["accepted_day"]} ${row["message_id"]}`,
        {
          state: row["state"],
          charged: wide("charged_micros"),
          released: wide("released_micros"),
          adjusted: wide("adjusted_micros"),
          sequence: wide("ledger_sequence"),
          ...verdictOnly,
          carrier: row["carrier"],
          carrierId: row["carrier_id"],
          submittedAt: wide("submitted"),
          hop: row["hop"],
          doneAt: wide("done"),
          error: row["error"],
          errorText: row["error_text"],
        },
      ];
    }),
  );
}

/** One frame of facts of one source; of attempts only those at the first one's carrier. */
function encode(some: readonly Fact[], ours: boolean): { source: SourceName; data: Uint8Array }[] {
  const encoder = ours ? OURS : ORACLE;
  const frames: { source: SourceName; data: Uint8Array }[] = [];
  const verdicts = some.flatMap((fact) => ("verdict" in fact ? [fact.verdict] : []));
  const settlements = some.flatMap((fact) => ("settlement" in fact ? [fact.settlement] : []));
  if (verdicts.length + settlements.length > 0) {
    frames.push({ source: "DECISIONS", data: encoder.decisions(verdicts, settlements) });
  }
  for (const name of ["carrier-a", "carrier-b"]) {
    const records = some.flatMap((fact) =>
      "attempt" in fact && fact.carrier === name ? [fact.attempt] : [],
    );
    if (records.length > 0) {
      frames.push({ source: "ATTEMPTS", data: encoder.attempts(name, T0, records) });
    }
  }
  return frames;
}

test("are the same in any order, grouping and repetition", async () => {
  await withClickHouse(async (server) => {
    const target = { url: server.url(), user: USER, password: PASSWORD, database: "floe" };
    await migrate({ clickhouse: target, log: SILENT });
    const clickhouse = server.client("floe");
    const batch = newBatch();
    const texts = newTextColumns();
    const flush = async (full: Batch): Promise<void> => {
      for (const { table, columns, parts } of blocksOf(full, texts)) {
        await clickhouse.insertNative(table, columns, parts);
      }
      clearBatch(full);
    };
    await fc.assert(
      fc.asyncProperty(journey, async ({ all, order, frames, ours, flush: flushes }) => {
        for (const table of ["cdr_rows", "attempts", "ledger"]) {
          await clickhouse.command(`TRUNCATE TABLE ${table}`);
        }
        // Every fact once at least, some of them before, in between and again.
        const told = [...order.map((at) => all[at]!), ...all];
        let at = 0;
        for (let step = 0; at < told.length; step += 1) {
          const count = frames[step % frames.length]!;
          const some = told.slice(at, at + count);
          at += count;
          for (const { source, data } of encode(some, ours[step % ours.length]!)) {
            const delivery = { data, subject: "", sequence: 1 } as Delivery;
            assert.ok(takeFrame(openFrame(source, delivery), batch, SILENT));
          }
          if (flushes[step % flushes.length]) await flush(batch);
        }
        await flush(batch);
        assert.equal(plain(await read(clickhouse)), plain(fold(all)));
        const counts = await clickhouse.query(
          "SELECT (SELECT count() FROM ledger FINAL) AS entries, (SELECT sum(amount_micros) FROM ledger FINAL) AS moved",
        );
        const entries = new Map(
          all.flatMap((fact) =>
            "settlement" in fact
              ? [[`${fact.settlement.account} ${fact.settlement.ledgerSequence}`, fact.settlement]]
              : [],
          ) as [string, SettlementLike][],
        );
        const moved = [...entries.values()].reduce((sum, one) => sum + one.amountMicros!, 0n);
        assert.equal(counts, [{ entries: `${entries.size}`, moved: `${moved}` }]);
      }),
      { numRuns: 40 },
    );
  });
});

test.run();
