/**
 * Records: what ClickHouse's tables must say of each other.
 *
 * In: the tables of cdr, asked by query, nothing is changed. Out: findings. Each check is one query
 * that gives only what is wrong, at most EXAMPLES_MAX of it, so that a broken system does not flood.
 * Money is compared as whole micro-units in ClickHouse, never as a float.
 */
import type { ClickHouse } from "../../../core/clickhouse.js";
import { STATE, STATE_NAMES } from "../../../core/message.js";
import type { Finding, Range } from "./finding.js";

/** Rows of one check that are told. */
export const EXAMPLES_MAX = 100;

interface Check {
  readonly name: string;
  /** What it holds, for people. */
  readonly what: string;
  /** SELECT without LIMIT; `account` and `message_id` where the finding has them. */
  readonly sql: string;
  tell(row: Row): string;
}
type Row = Readonly<Record<string, string | number>>;

const NO_MESSAGE = "toUUID('00000000-0000-0000-0000-000000000000')";
/** Of a row of `cdr_rows` or `ledger`, `attempts`: accepted in the range, and the account. */
const ACCEPTED =
  "accepted_at >= fromUnixTimestamp64Milli({since:Int64}) " +
  "AND accepted_at < fromUnixTimestamp64Milli({until:Int64})";
const ACCOUNT = "({account:UInt32} = 0 OR account = {account:UInt32})";
const IN_RANGE = `${ACCEPTED} AND ${ACCOUNT}`;
/** By partition and key first: a row whose verdict is not in yet knows its day only. */
const DAYS =
  "accepted_day >= toDate(fromUnixTimestamp64Milli({since:Int64}, 'UTC')) " +
  "AND accepted_day <= toDate(fromUnixTimestamp64Milli({until:Int64}, 'UTC'))";
const VERDICT_RANK = "toUInt8(bitShiftRight(verdict, 56))";
const OUTCOME_RANK = "if(outcome = '', 0, reinterpretAsUInt8(substring(outcome, 1, 1)))";
/** What an attempt proves of its message's state. */
const PROOF =
  `multiIf(kind = 'SUBMITTED', ${STATE.SUBMITTED}, kind IN ('RECEIPT', 'TIMED_OUT'), state, ` +
  "kind = 'REFUSED' AND final = 1, state, 0)";
const CHARGED = "kind IN ('COMMIT', 'ADJUST')";
/** What an entry adds to credits less charges; a release moves nothing between these. */
const MOVED =
  "multiIf(kind IN ('TOP_UP', 'CREDIT'), amount_micros, kind = 'RELEASE', 0, -amount_micros)";

const CHECKS: readonly Check[] = [
  {
    name: "records-unique",
    what: "each message has one record, each event one row",
    sql: `SELECT account, message_id, count() AS rows FROM cdr
      WHERE ${DAYS} AND ${ACCOUNT}
      GROUP BY account, accepted_day, message_id HAVING rows > 1`,
    tell: ({ rows }) => `has ${rows} records`,
  },
  {
    name: "ledger-gapless",
    what: "an account's ledger counts 1, 2, 3, ...",
    // Of all time, as entries are not in the order of their times; places only where counts differ.
    sql: `SELECT account, ledger_sequence, before FROM
      (SELECT account, ledger_sequence,
        lagInFrame(ledger_sequence, 1, 0) OVER (PARTITION BY account ORDER BY ledger_sequence
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
      FROM ledger FINAL WHERE account IN (SELECT account FROM ledger FINAL WHERE ${ACCOUNT}
        GROUP BY account HAVING count() != max(ledger_sequence)))
      WHERE ledger_sequence != before + 1`,
    tell: ({ ledger_sequence, before }) =>
      `ledger entry ${ledger_sequence} follows ${before}: what lies between is missing`,
  },
  {
    name: "ledger-balances",
    what: "each entry leads from the balance before it to its own",
    sql: `SELECT account, ledger_sequence, before + moved AS expected, balance_after_micros AS told
      FROM (SELECT account, ledger_sequence, balance_after_micros, ${MOVED} AS moved,
        lagInFrame(balance_after_micros, 1, 0) OVER (PARTITION BY account ORDER BY ledger_sequence
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before,
        lagInFrame(ledger_sequence, 1, 0) OVER (PARTITION BY account ORDER BY ledger_sequence
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS sequence_before
      FROM ledger FINAL WHERE at >= fromUnixTimestamp64Milli({since:Int64}) AND ${ACCOUNT})
      WHERE ledger_sequence = sequence_before + 1 AND told != expected`,
    tell: ({ ledger_sequence, expected, told }) =>
      `ledger entry ${ledger_sequence} leads to ${expected} micro-units and tells ${told}`,
  },
  {
    name: "charged-once",
    what: "no message is charged, released or adjusted twice",
    sql: `SELECT account, message_id, toString(kind) AS kind, count() AS times FROM ledger FINAL
      WHERE message_id != ${NO_MESSAGE} AND ${IN_RANGE}
      GROUP BY account, message_id, toDate(accepted_at), kind HAVING times > 1`,
    tell: ({ kind, times }) => `has ${times} ledger entries ${kind}`,
  },
  {
    name: "ledger-is-records",
    what: "records say what the ledger says, message by message",
    sql: `SELECT account, message_id, sum(ledger_charged) AS in_ledger, sum(cdr_charged) AS in_cdr,
        sum(ledger_released) AS released, sum(cdr_released) AS cdr_says_released
      FROM (
        SELECT account, message_id, toDate(accepted_at) AS day,
          sumIf(amount_micros, ${CHARGED}) AS ledger_charged,
          sumIf(amount_micros, kind = 'RELEASE') AS ledger_released,
          toInt64(0) AS cdr_charged, toInt64(0) AS cdr_released
        FROM ledger FINAL WHERE message_id != ${NO_MESSAGE} AND ${IN_RANGE}
        GROUP BY account, message_id, day
        UNION ALL
        SELECT account, message_id, accepted_day, 0, 0,
          charged_micros + adjusted_micros, released_micros
        FROM cdr_rows FINAL WHERE verdict != 0 AND ${DAYS} AND ${IN_RANGE}
      )
      GROUP BY account, message_id, day
      HAVING in_ledger != in_cdr OR released != cdr_says_released`,
    tell: ({ in_ledger, in_cdr, released, cdr_says_released }) =>
      `is charged ${in_ledger} micro-units by the ledger and ${in_cdr} by its record ` +
      `(released ${released} and ${cdr_says_released})`,
  },
  {
    name: "price-is-charge",
    what: "what is charged or released is what was reserved",
    sql: `SELECT account, message_id, price_micros, charged_micros, released_micros
      FROM cdr_rows FINAL
      WHERE verdict != 0 AND ${DAYS} AND ${IN_RANGE}
        AND (charged_micros NOT IN (0, price_micros) OR released_micros NOT IN (0, price_micros)
          OR charged_micros != 0 AND released_micros != 0)`,
    tell: ({ price_micros, charged_micros, released_micros }) =>
      `reserved ${price_micros} micro-units, charged ${charged_micros}, released ${released_micros}`,
  },
  {
    name: "charged-is-submitted",
    what: "what is charged was taken by a carrier",
    sql: `SELECT account, message_id FROM cdr_rows FINAL
      WHERE charged_micros + adjusted_micros > 0 AND ${DAYS} AND ${IN_RANGE}
        AND message_id NOT IN (SELECT message_id FROM attempts
          WHERE kind IN ('SUBMITTED', 'RECEIPT') AND ${ACCEPTED})`,
    tell: () => "is charged, and nothing says that a carrier took it",
  },
  {
    name: "ended-is-settled",
    what: "what has ended has no money reserved any more",
    sql: `SELECT account, message_id FROM cdr_rows FINAL
      WHERE ${VERDICT_RANK} = ${STATE.ROUTED} AND ${OUTCOME_RANK} >= ${STATE.UNKNOWN}
        AND ledger_sequence = 0 AND ${DAYS} AND ${IN_RANGE}
        AND message_id NOT IN (SELECT message_id FROM attempts
          WHERE recorded_at >= fromUnixTimestamp64Milli({settled:Int64}) AND ${ACCEPTED})`,
    tell: () => "has ended, and its money is still reserved",
  },
  {
    name: "ends-in-time",
    what: "no message is open past its deadline",
    sql: `SELECT account, message_id, toUInt64(toUnixTimestamp64Milli(accepted_at)) AS accepted_ms
      FROM cdr_rows FINAL
      WHERE ${VERDICT_RANK} BETWEEN 1 AND ${STATE.SUBMITTED} AND ${OUTCOME_RANK} < ${STATE.UNKNOWN}
        AND ${DAYS} AND ${IN_RANGE}
        AND toUnixTimestamp64Milli(accepted_at) + validity_ms + {receiptWait:Int64} < {settled:Int64}`,
    tell: ({ accepted_ms }) =>
      `was accepted at ${new Date(Number(accepted_ms)).toISOString()} and has not ended`,
  },
  {
    name: "events-have-records",
    what: "what carriers or the ledger tell of has a verdict",
    sql: `SELECT account, message_id FROM cdr_rows FINAL
      WHERE verdict = 0 AND ${DAYS} AND ${ACCOUNT}
        AND message_id IN (SELECT message_id FROM attempts
          WHERE recorded_at < fromUnixTimestamp64Milli({settled:Int64}) AND ${ACCEPTED})`,
    tell: () => "has events at a carrier and no verdict",
  },
  {
    name: "state-is-proved",
    what: "a record's state is the highest that its events prove",
    sql: `SELECT account, message_id, max(proved) AS proved, max(told) AS told FROM (
        SELECT account, message_id, toDate(accepted_at) AS day, toUInt8(${PROOF}) AS proved,
          toUInt8(0) AS told
        FROM attempts FINAL WHERE ${IN_RANGE}
          AND recorded_at < fromUnixTimestamp64Milli({settled:Int64})
        UNION ALL
        SELECT account, message_id, accepted_day, toUInt8(0), toUInt8(state)
        FROM cdr WHERE ${DAYS} AND ${ACCOUNT}
      )
      GROUP BY account, message_id, day HAVING proved > told`,
    tell: ({ proved, told }) =>
      `is ${STATE_NAMES[Number(told)] || "nowhere"}, its events prove ${STATE_NAMES[Number(proved)]}`,
  },
  {
    name: "totals-are-records",
    what: "cdr_hourly is what records add up to",
    sql: `SELECT toUInt32(toUnixTimestamp(hour)) AS hour, account, sum(rolled) AS rolled,
        sum(counted) AS counted, sum(rolled_charged) AS rolled_charged,
        sum(counted_charged) AS counted_charged
      FROM (
        SELECT hour, account, messages AS rolled, toUInt64(0) AS counted,
          charged_micros AS rolled_charged, toInt64(0) AS counted_charged
        FROM cdr_hourly WHERE ${ACCOUNT}
        UNION ALL
        SELECT toStartOfHour(accepted_at) AS hour, account, 0, 1, 0, charged_micros + adjusted_micros
        FROM cdr_rows FINAL WHERE verdict != 0 AND ${DAYS} AND ${ACCOUNT}
      )
      WHERE hour IN (SELECT hour FROM cdr_hours FINAL WHERE computed_at > touched_at)
        AND hour >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
        AND hour + 3600 < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
      GROUP BY hour, account HAVING rolled != counted OR rolled_charged != counted_charged`,
    tell: ({ hour, rolled, counted, rolled_charged, counted_charged }) =>
      `hour ${new Date(Number(hour) * 1_000).toISOString()}: cdr_hourly has ${rolled} messages, ` +
      `charged ${rolled_charged} micro-units; records have ${counted}, charged ${counted_charged}`,
  },
];

/** Names of all checks here, with what they hold. */
export const RECORD_CHECKS: readonly { readonly name: string; readonly what: string }[] = CHECKS;

/** @throws FloeError "clickhouse.*" */
export async function checkRecords(
  clickhouse: ClickHouse,
  range: Range,
  only?: ReadonlySet<string>,
): Promise<Finding[]> {
  const parameters = {
    since: BigInt(range.sinceMs),
    until: BigInt(range.untilMs),
    settled: BigInt(range.nowMs - range.graceMs),
    account: range.account,
    receiptWait: BigInt(range.receiptWaitMs),
  };
  const findings: Finding[] = [];
  for (const { name, sql, tell } of CHECKS) {
    if (only !== undefined && !only.has(name)) continue;
    const rows = await clickhouse.query<Row>(`${sql} LIMIT ${EXAMPLES_MAX}`, parameters);
    for (const row of rows) {
      findings.push({
        check: name,
        account: Number(row["account"] ?? 0),
        messageId: String(row["message_id"] ?? ""),
        text: tell(row),
      });
    }
  }
  return findings;
}
