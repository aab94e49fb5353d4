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
const COMPUTE = `INSERT INTO cdr_hourly_rows
  (${GROUP}, messages, segments, price_micros, charged_micros, cost_micros, version)
SELECT ${GROUP}, sum(messages), sum(segments), sum(price_micros), sum(charged_micros),
  sum(cost_micros), fromUnixTimestamp64Milli({started:Int64}, 'UTC')
FROM
(
  SELECT toStartOfHour(accepted_at) AS hour, account, carrier, country, toUInt8(state) AS state,
    currency, cost_currency, count() AS messages, sum(segments) AS segments,
    sum(price_micros) AS price_micros, sum(charged_micros) AS charged_micros,
    sum(cost_micros) AS cost_micros
  FROM cdr
  WHERE accepted_day IN (SELECT toDate(arrayJoin({days:Array(UInt16)})))
    AND toUnixTimestamp(toStartOfHour(accepted_at)) IN {hours:Array(UInt32)}
    -- Its verdict is in; before, its hour is not known.
    AND expires_at IS NOT NULL
  GROUP BY ${GROUP}
  UNION ALL
  SELECT ${GROUP}, 0, 0, 0, 0, 0
  FROM cdr_hourly_rows
  WHERE toUnixTimestamp(hour) IN {hours:Array(UInt32)}
)
GROUP BY ${GROUP}`;
