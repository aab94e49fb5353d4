/**
 * Report: what became of the sample, read from ClickHouse's view `cdr`: messages, price and cost by
 * country, carrier and state. What was refused at the door has no CDR and is a row of its own.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import { type Cell, table } from "../../core/output.js";
import type { Sent } from "./sample.js";

export interface ReportRow {
  readonly country: string;
  readonly carrier: string;
  readonly state: string;
  readonly messages: number;
  readonly segments: number;
  readonly currency: string;
  /** In micro-units: of all segments, and what of it was charged. */
  readonly priceMicros: number;
  readonly chargedMicros: number;
  readonly costCurrency: string;
  readonly costMicros: number;
}

const COLUMNS = `country, carrier,
  if(reason = '', toString(state), concat(toString(state), ' (', reason, ')')) AS state_reason,
  count() AS messages, sum(segments) AS parts, currency,
  sum(price_micros) AS price_sum, sum(charged_micros) AS charged_sum,
  cost_currency, sum(cost_micros) AS cost_sum`;
const GROUPS = "country, carrier, state_reason, currency, cost_currency";

/** The messages of one run of the sample. The run's name is hexadecimal digits. */
export function whereRun(run: string): string {
  return `account = 1 AND JSONExtractString(tags, 'run') = '${run}'`;
}

export async function readReport(clickhouse: ClickHouse, run: string): Promise<ReportRow[]> {
  const rows = await clickhouse.query<Record<string, string>>(
    `SELECT ${COLUMNS} FROM cdr WHERE ${whereRun(run)} GROUP BY ${GROUPS} ORDER BY ${GROUPS}`,
  );
  return rows.map((row) => ({
    country: row["country"] ?? "",
    carrier: row["carrier"] ?? "",
    state: row["state_reason"] ?? "",
    messages: Number(row["messages"]),
    segments: Number(row["parts"]),
    currency: row["currency"] ?? "",
    priceMicros: Number(row["price_sum"]),
    chargedMicros: Number(row["charged_sum"]),
    costCurrency: row["cost_currency"] ?? "",
    costMicros: Number(row["cost_sum"]),
  }));
}

/** The query that a person may run to see the same totals. */
export function totalsQuery(run: string): string {
  return (
    "SELECT currency, count() AS messages, sum(segments) AS segments, sum(price) AS price, " +
    "sum(charged) AS charged, cost_currency, sum(cost) AS cost " +
    `FROM cdr WHERE ${whereRun(run)} GROUP BY currency, cost_currency FORMAT PrettyCompact`
  );
}

const HEADS = ["country", "carrier", "state", "messages", "segments"];
const MONEY_HEADS = ["price", "charged", "", "cost", ""];

export function reportTable(rows: readonly ReportRow[], refused: Sent["refused"]): string {
  const lines = rows.map((row): Cell[] => [
    row.country || "-",
    row.carrier || "-",
    row.state,
    row.messages,
    row.segments,
    ...money(row),
  ]);
  const door = Object.values(refused).reduce((sum, count) => sum + count, 0);
  if (door > 0) {
    const fields = Object.entries(refused).map(([field, count]) => `${field} ${count}`);
    const why = `refused at the door (${fields.sort().join(", ")})`;
    lines.push(["-", "-", why, door, 0, "-", "-", "", "-", ""]);
  }
  for (const sum of totals(rows)) {
    lines.push(["total", "", "", sum.messages, sum.segments, ...money(sum)]);
  }
  return table([...HEADS, ...MONEY_HEADS], lines);
}

function money(row: ReportRow): Cell[] {
  return [
    decimal(row.priceMicros),
    decimal(row.chargedMicros),
    row.currency,
    decimal(row.costMicros),
    row.costCurrency,
  ];
}

/** One for each pair of currencies: what is in different ones has no sum. */
export function totals(rows: readonly ReportRow[]): readonly ReportRow[] {
  const sums = new Map<string, ReportRow>();
  for (const row of rows) {
    const key = `${row.currency}/${row.costCurrency}`;
    const sum = sums.get(key);
    sums.set(key, {
      ...row,
      messages: row.messages + (sum?.messages ?? 0),
      segments: row.segments + (sum?.segments ?? 0),
      priceMicros: row.priceMicros + (sum?.priceMicros ?? 0),
      chargedMicros: row.chargedMicros + (sum?.chargedMicros ?? 0),
      costMicros: row.costMicros + (sum?.costMicros ?? 0),
    });
  }
  return [...sums.values()];
}

/** Whole units with six decimals, exact: micro-units are whole numbers. */
export function decimal(micros: number): string {
  const digits = String(Math.abs(micros)).padStart(7, "0");
  return `${micros < 0 ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
