/**
 * Decided: what was decided about a message and what came of it, from ClickHouse.
 *
 * In: a message id. Out: its call detail record and its attempts in order, as RoutingService tells
 * them; and apart from it what is needed to evaluate the decision again, the sealed number among it.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import { formatId, STATE_NAMES } from "../../core/message.js";
import { formatMicros } from "../../core/money.js";
import type { DecidedAttempt, DecidedMessage } from "../../core/proto/floe/v1/routing.js";

export interface Decided {
  readonly told: DecidedMessage;
  readonly acceptedAtMs: number;
  /** AES block of the number (core/number-seal.ts); all zero where there was none. */
  readonly toEnc: Uint8Array;
}

interface Row {
  account: number;
  accepted_ms: string;
  state: string;
  reason: string;
  carriers: string[];
  carrier: string;
  rule: string;
  plan: number;
  tables_version: number;
  price_micros: string;
  currency: string;
  cost_micros: string;
  cost_currency: string;
  charged_micros: string;
  segments: number;
  encoding: string;
  country: string;
  mcc: string;
  mnc: string;
  sender: string;
  sent_sender: string;
  traffic_class: string;
  to_enc: string;
  smart_encoded: number | boolean;
  sender_replaced: number | boolean;
  monitored: number | boolean;
  ported: number | boolean;
  tiered: number | boolean;
}

interface AttemptRow {
  at_ms: string;
  kind: string;
  carrier: string;
  carrier_id: string;
  hop: number;
  part: number;
  parts: number;
  state: number;
  error: number;
  error_text: string;
  next_carrier: string;
  bind: string;
  kept: string;
}

/** The key of rows begins with account and day, which an id alone does not say. */
const FIND = `SELECT account, toString(accepted_day) AS day FROM cdr_rows
  WHERE message_id = {id:UUID} AND accepted_day BETWEEN {from:Date} AND {to:Date} LIMIT 1`;
const READ = `SELECT *, toString(toUnixTimestamp64Milli(accepted_at)) AS accepted_ms FROM cdr
  WHERE account = {account:UInt32} AND accepted_day = {day:Date} AND message_id = {id:UUID}`;
const READ_ATTEMPTS = `SELECT *, toString(toUnixTimestamp64Milli(at)) AS at_ms FROM attempts FINAL
  WHERE message_id = {id:UUID}
  ORDER BY at, hop, kind, part, state
  LIMIT {limit:UInt32}`;
/** Twelve parts with two events each at three carriers, twice over. */
const ATTEMPTS_MAX = 200;
const FLAGS = ["smart_encoded", "sender_replaced", "monitored", "ported", "tiered"] as const;

/**
 * Undefined: no record of it is there, or none yet.
 * @throws FloeError "clickhouse.failed", "clickhouse.unavailable"
 */
export async function readDecided(
  clickhouse: ClickHouse,
  messageId: Uint8Array,
): Promise<Decided | undefined> {
  const id = formatId(messageId);
  const days = daysOf(messageId);
  const [found] = await clickhouse.query<{ account: number; day: string }>(FIND, { id, ...days });
  if (found === undefined) return undefined;
  const [row] = await clickhouse.query<Row>(READ, { id, account: found.account, day: found.day });
  if (row === undefined) return undefined;
  const attempts = await clickhouse.query<AttemptRow>(READ_ATTEMPTS, { id, limit: ATTEMPTS_MAX });
  return {
    told: toldOf(id, row, attempts),
    acceptedAtMs: Number(row.accepted_ms),
    toEnc: Buffer.from(row.to_enc, "hex"),
  };
}

const DAY_MS = 86_400_000;
const UUID_7 = 7;
/** The last day that ClickHouse's Date has; an id may say any time. */
const DATE_MAX = Date.UTC(2149, 5, 6);

/** When it was accepted: an id of version 7 says the time, one of an idempotency key none. */
function daysOf(messageId: Uint8Array): { from: string; to: string } {
  if (messageId[6]! >>> 4 !== UUID_7) return { from: dayOf(0), to: dayOf(DATE_MAX) };
  const atMs = Buffer.from(messageId).readUIntBE(0, 6);
  // A clock that was set back may have made ids of another day than that of acceptance.
  return { from: dayOf(atMs - DAY_MS), to: dayOf(atMs + DAY_MS) };
}

function dayOf(atMs: number): string {
  return new Date(Math.min(Math.max(0, atMs), DATE_MAX)).toISOString().slice(0, 10);
}

function toldOf(id: string, row: Row, attempts: readonly AttemptRow[]): DecidedMessage {
  const routed = row.carrier !== "";
  return {
    messageId: id,
    account: row.account,
    acceptedAt: timeOf(row.accepted_ms),
    state: row.state,
    reason: row.reason,
    carriers: row.carriers.filter((carrier) => carrier !== ""),
    carrier: row.carrier,
    rule: row.rule,
    plan: row.plan,
    tablesVersion: row.tables_version,
    price: routed ? formatMicros(BigInt(row.price_micros)) : "",
    currency: row.currency,
    cost: routed ? formatMicros(BigInt(row.cost_micros)) : "",
    costCurrency: row.cost_currency,
    charged: formatMicros(BigInt(row.charged_micros)),
    segments: row.segments,
    encoding: row.encoding.toLowerCase(),
    country: row.country,
    mcc: row.mcc,
    mnc: row.mnc,
    sender: row.sender,
    sentSender: row.sent_sender,
    trafficClass: row.traffic_class,
    attempts: attempts.map(attemptOf),
    flags: FLAGS.filter((flag) => Boolean(row[flag])),
  };
}

function attemptOf(row: AttemptRow): DecidedAttempt {
  return {
    at: timeOf(row.at_ms),
    kind: row.kind,
    carrier: row.carrier,
    hop: row.hop,
    part: row.part,
    parts: row.parts,
    state: STATE_NAMES[row.state] ?? "",
    error: row.error,
    errorText: row.error_text,
    nextCarrier: row.next_carrier,
    bind: row.bind,
    carrierId: row.carrier_id,
    tlvs: tlvsOf(row.kept),
  };
}

/** A line for each: NAME=VALUE. */
function tlvsOf(kept: string): Record<string, string> {
  const lines = kept === "" ? [] : kept.split("\n");
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

function timeOf(ms: string): string {
  return new Date(Number(ms)).toISOString();
}
