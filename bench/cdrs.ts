/** CDRs: what the database says of the messages of a round, through the view that everybody reads. */
import type { ClickHouse } from "../core/clickhouse.js";
import type { Percentiles } from "./load-spec.js";
import type { Details, Outcome } from "./side.js";

export interface Cdrs {
  /** Of all messages accepted at or after `sinceMs`, those of other clients included. */
  outcome(sinceMs: number): Promise<Omit<Outcome, "duplicateSubmits">>;
  /** Nothing of messages whose client_reference is not the begin of their call. */
  journeys(sinceMs: number): Promise<Omit<Details, "records">>;
}

/** 64-bit integers come as strings. */
interface OutcomeRow {
  readonly rows: string;
  readonly messages: string;
  readonly done: string;
  readonly withReceipt: string;
  readonly checksum: string;
  readonly byState: Readonly<Record<string, string>>;
}

interface JourneyRow {
  readonly submits: string;
  readonly submit: readonly number[];
  readonly submitMax: number;
  readonly receipts: string;
  readonly receipt: readonly number[];
  readonly receiptMax: number;
}

const OUTCOME = `
  SELECT
    count() AS rows,
    uniqExact(message_id) AS messages,
    uniqExactIf(message_id, terminal) AS done,
    uniqExactIf(message_id, state IN ('UNDELIVERABLE', 'PARTIALLY_DELIVERED', 'DELIVERED'))
      AS withReceipt,
    lower(hex(groupBitXorIf(
      reinterpretAsUInt64(reverse(substring(UUIDToNum(message_id), 9, 8))), terminal
    ))) AS checksum,
    sumMap(map(toString(state), toUInt64(1))) AS byState
  FROM cdr
  WHERE accepted_at >= fromUnixTimestamp64Milli({since: Int64})`;

/** Times in the view are whole milliseconds, cut off: on average half a millisecond too early. */
const JOURNEYS = `
  WITH toFloat64OrZero(client_reference) AS began
  SELECT
    countIf(submitted_at IS NOT NULL) AS submits,
    quantilesExact(0.5, 0.9, 0.99, 0.999)(toUnixTimestamp64Milli(submitted_at) - began) AS submit,
    max(toUnixTimestamp64Milli(submitted_at) - began) AS submitMax,
    countIf(done_at IS NOT NULL) AS receipts,
    quantilesExact(0.5, 0.9, 0.99, 0.999)(toUnixTimestamp64Milli(done_at) - began) AS receipt,
    max(toUnixTimestamp64Milli(done_at) - began) AS receiptMax
  FROM cdr
  WHERE accepted_at >= fromUnixTimestamp64Milli({since: Int64}) AND began > 0`;

export function openCdrs(clickhouse: ClickHouse): Cdrs {
  return {
    async outcome(sinceMs) {
      const [row] = await clickhouse.query<OutcomeRow>(OUTCOME, { since: Math.floor(sinceMs) });
      const { rows, messages, done, withReceipt, checksum, byState } = row!;
      const counts = Object.entries(byState).map(([state, count]) => [state, Number(count)]);
      return {
        terminal: Number(done),
        withReceipt: Number(withReceipt),
        duplicateRows: Number(rows) - Number(messages),
        idsChecksum: checksum.padStart(16, "0"),
        byState: Object.fromEntries(counts) as Record<string, number>,
      };
    },
    async journeys(sinceMs) {
      const [row] = await clickhouse.query<JourneyRow>(JOURNEYS, { since: Math.floor(sinceMs) });
      const { submits, submit, submitMax, receipts, receipt, receiptMax } = row!;
      return {
        ...(Number(submits) > 0
          ? { submitMicros: percentilesOf(Number(submits), submit, submitMax) }
          : {}),
        ...(Number(receipts) > 0
          ? { receiptMicros: percentilesOf(Number(receipts), receipt, receiptMax) }
          : {}),
      };
    },
  };
}

function percentilesOf(count: number, quantiles: readonly number[], max: number): Percentiles {
  const micros = (ms: number | undefined): number => Math.round((ms ?? 0) * 1_000);
  const [p50, p90, p99, p999] = quantiles;
  return {
    count,
    p50: micros(p50),
    p90: micros(p90),
    p99: micros(p99),
    p999: micros(p999),
    max: micros(max),
  };
}
