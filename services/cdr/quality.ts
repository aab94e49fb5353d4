/**
 * Quality: how well carriers deliver, learned from call detail records, for routing.
 *
 * Rate of delivery and time to delivery by carrier and country, and by carrier alone, over the last
 * hours; what is older counts less (half after each half-life). Messages whose fate is open, for
 * which no receipt was asked, or that ended before a carrier took them say nothing about a carrier.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { type CarrierQuality, encodeRouteInput, QUALITY_KEY } from "../../core/route-inputs.js";
import type { Bucket } from "../../core/stream/stream.js";

export interface QualityOptions {
  readonly clickhouse: ClickHouse;
  readonly config: Bucket;
  readonly clock: Clock;
  readonly log: Logger;
}

const HALF_LIFE_SECONDS = 3_600;
const SPAN_HOURS = 6;
/** Fewer messages, as they count, prove nothing. */
const WEIGHT_MIN = 20;
const NO_RECEIPT = 2;

interface Row {
  readonly carrier: string;
  readonly country: string;
  readonly deliveredRate: number;
  readonly p95Ms: number;
}

/** Learns once and writes it down, if it differs from what is there. @throws FloeError */
export function openQuality(options: QualityOptions): () => Promise<void> {
  const { clickhouse, config, clock, log } = options;
  let last = "";

  return async () => {
    const rows = await clickhouse.query<Row>(LEARN);
    const quality: CarrierQuality = {
      atMs: clock.nowMs(),
      rows: rows.map(({ carrier, country, deliveredRate, p95Ms }) => ({
        ...{ carrier, country },
        deliveredRate: Number(deliveredRate),
        p95Ms: Number(p95Ms),
      })),
    };
    const told = JSON.stringify(quality.rows);
    if (told === last) return;
    await config.put(QUALITY_KEY, encodeRouteInput(quality));
    last = told;
    log.debug({ rows: rows.length }, "quality of carriers learned");
  };
}

const LEARN = `SELECT carrier, country,
  toUInt32(round(10000 * sumIf(weight, delivered) / sum(weight))) AS deliveredRate,
  toUInt32(if(countIf(delivered) = 0, 0,
    quantileExactWeightedIf(0.95)(took_ms, toUInt32(1000 * weight) + 1, delivered))) AS p95Ms
FROM
(
  SELECT carrier, country, state IN ('DELIVERED', 'PARTIALLY_DELIVERED') AS delivered,
    exp2(-greatest(0, dateDiff('second', accepted_at, now64(3, 'UTC'))) / ${HALF_LIFE_SECONDS}) AS weight,
    toUInt32(least(greatest(0, dateDiff('millisecond', submitted_at, done_at)), 2147483647)) AS took_ms
  FROM cdr
  WHERE accepted_day >= toDate(now('UTC') - toIntervalHour(${SPAN_HOURS}))
    AND accepted_at >= now64(3, 'UTC') - toIntervalHour(${SPAN_HOURS})
    AND terminal AND submitted_at IS NOT NULL AND receipt != ${NO_RECEIPT}
    AND state != 'CANCELED' AND carrier != ''
)
GROUP BY GROUPING SETS ((carrier, country), (carrier))
HAVING sum(weight) >= ${WEIGHT_MIN}
ORDER BY carrier, country`;
