/**
 * Rollups: `cdr_hourly`, computed again from `cdr` for the hours of acceptance that changed.
 *
 * Which hours those are stands in ClickHouse (`cdr_hours`): a flush touches its hours before its
 * frames are acked, so none is forgotten when a process dies, and one process computes for all. An
 * hour is computed whole and gets a new version; groups that it had and has no more get zeros, in the
 * same insert. A materialized view would count a message once for each of its partial rows.
 */
import type { ClickHouse } from "../../core/clickhouse.js";

export interface Rollups {
  /** Notes hours (since 1970) that got rows. A repeat is harmless. @throws FloeError */
  touch(hours: ReadonlySet<number>): Promise<void>;
  /** Computes what changed. @returns how many hours. @throws FloeError "clickhouse.*" */
  compute(): Promise<number>;
}

const HOUR_SECONDS = 3_600;
/** Hours of one statement, the newest first: an old flood does not hold today back. */
const HOURS_MAX = 24;

interface Changed {
  readonly hours: number[];
  readonly startedAtMs: string;
}

export function openRollups(clickhouse: ClickHouse): Rollups {
  async function touch(hours: ReadonlySet<number>): Promise<void> {
    if (hours.size === 0) return;
    await clickhouse.command(
      "INSERT INTO cdr_hours (hour, touched_at) " +
        "SELECT toDateTime(arrayJoin({hours:Array(UInt32)}), 'UTC'), now64(3, 'UTC')",
      { hours: Array.from(hours, (hour) => hour * HOUR_SECONDS) },
    );
  }

  async function compute(): Promise<number> {
    // One clock, ClickHouse's. What is touched from now on is newer than what is computed here; what
    // is touched in the same millisecond is computed again.
    const [changed] = await clickhouse.query<Changed>(
      `SELECT groupArray(toUnixTimestamp(hour)) AS hours,
        toUnixTimestamp64Milli(now64(3, 'UTC')) AS startedAtMs
      FROM (SELECT hour FROM cdr_hours FINAL WHERE touched_at >= computed_at
        ORDER BY hour DESC LIMIT ${HOURS_MAX})`,
    );
    if (changed === undefined || changed.hours.length === 0) return 0;
    const parameters = {
      hours: changed.hours,
      days: [...new Set(changed.hours.map((hour) => Math.floor(hour / (24 * HOUR_SECONDS))))],
      started: BigInt(changed.startedAtMs),
    };
    await clickhouse.command(COMPUTE, parameters);
    await clickhouse.command(
      `INSERT INTO cdr_hours (hour, computed_at)
      SELECT toDateTime(arrayJoin({hours:Array(UInt32)}), 'UTC'),
        fromUnixTimestamp64Milli({started:Int64}, 'UTC')`,
      parameters,
    );
    return changed.hours.length;
  }

  return { touch, compute };
}

const GROUP = "hour, account, carrier, country, state, currency, cost_currency";
/**
 * From the rows that the view reads, packed as they are: texts are taken apart once for each group
 * instead of for each row, which halves it. A row without a verdict does not know its hour yet.
 */
const COMPUTE = `INSERT INTO cdr_hourly_rows
  (${GROUP}, messages, segments, price_micros, charged_micros, cost_micros, version)
SELECT ${GROUP}, sum(messages), sum(segments), sum(price_micros), sum(charged_micros),
  sum(cost_micros), fromUnixTimestamp64Milli({started:Int64}, 'UTC')
FROM
(
  SELECT hour, account,
    if(submitted_to != '', submitted_to, splitByChar(',', splitByChar(':', route)[3])[1]) AS carrier,
    splitByChar('|', destination)[2] AS country, state, currency,
    splitByChar(':', route)[2] AS cost_currency, messages, segments, price_micros, charged_micros,
    cost_micros
  FROM
  (
    SELECT toStartOfHour(accepted_at) AS hour, account, route, destination, currency,
      substring(submit, 10, position(submit, '\\0', 10) - 10) AS submitted_to,
      greatest(
        toUInt8(bitShiftRight(verdict, 56)),
        if(substring(submit, 1, 1) = char(2), 4, 0),
        if(outcome = '', 0, reinterpretAsUInt8(substring(outcome, 1, 1)))
      ) AS state,
      count() AS messages,
      sum(bitAnd(bitShiftRight(verdict, 16), 255)) AS segments,
      sum(price_micros) AS price_micros,
      sum(charged_micros + adjusted_micros) AS charged_micros,
      sum(toInt64(bitAnd(cost, 0x00ffffffffffffff))) AS cost_micros
    FROM cdr_rows FINAL
    WHERE verdict != 0
      AND accepted_day IN (SELECT toDate(arrayJoin({days:Array(UInt16)})))
      AND toUnixTimestamp(toStartOfHour(accepted_at)) IN {hours:Array(UInt32)}
    GROUP BY hour, account, route, destination, currency, submitted_to, state
  )
  UNION ALL
  SELECT ${GROUP}, 0, 0, 0, 0, 0
  FROM cdr_hourly_rows
  WHERE toUnixTimestamp(hour) IN {hours:Array(UInt32)}
)
GROUP BY ${GROUP}`;
