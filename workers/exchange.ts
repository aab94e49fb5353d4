/**
 * Exchange: what one unit of a currency is worth, at a time, in the unit that all are compared in.
 */
import type { ExchangeRateRow, TableSource } from "./source.js";

export interface Exchange {
  readonly rows: readonly ExchangeRateRow[];
}

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileExchange(source: TableSource): Uint8Array {
  return Buffer.from(JSON.stringify(source.exchangeRates), "utf8");
}

export function openExchange(bytes: Uint8Array): Exchange {
  return { rows: JSON.parse(Buffer.from(bytes).toString("utf8")) as ExchangeRateRow[] };
}
