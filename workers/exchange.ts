/**
 * Exchange: what one unit of a currency is worth, at a time, in the unit that all are compared in;
 * and amounts of two currencies compared, exactly.
 *
 * In: the dated rates of a table set. A rate holds from its time on until the currency's next one.
 * Before its first, and without any, a currency is worth nothing that is known: its amounts compare
 * with those of the same currency only.
 */
import { FloeError } from "../core/errors.js";
import { currencyCode } from "./codes.js";
import type { DeckSource, ExchangeRateRow, TableSource } from "./source.js";

const RATE_NANOS_MAX = 10 ** 15;
const CURRENCIES = 26 ** 3;

export interface Exchange {
  /** By currency code (codes.ts): place of its rates from 1; 0: none. */
  readonly places: Int32Array;
  /** Rates of place n are those from `at[n - 1]` to `at[n]`, by time. */
  readonly at: Int32Array;
  readonly fromMs: Float64Array;
  readonly rateNanos: Float64Array;
  /** Of each place, the rate that was last asked for and the times it holds from and before. */
  readonly last: Float64Array;
}

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileExchange(source: TableSource): Uint8Array {
  const problems = problemsOfExchange(source);
  if (problems.length > 0) throw new FloeError("tables.invalid", { problems });
  return Buffer.from(JSON.stringify(source.exchangeRates), "utf8");
}

/** What is wrong with the rates, a sentence each. */
export function problemsOfExchange({
  exchangeRates,
}: Pick<TableSource, "exchangeRates">): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [row, { currency, effectiveFromMs, rateNanos }] of exchangeRates.entries()) {
    const where = `exchangeRates[${row}]`;
    if (currencyCode(currency) < 0)
      problems.push(`${where} currency: is not three capital letters`);
    if (!Number.isSafeInteger(rateNanos) || rateNanos < 1 || rateNanos > RATE_NANOS_MAX) {
      problems.push(`${where} rateNanos: is not a whole number from 1 to 10^15`);
    }
    if (!Number.isSafeInteger(effectiveFromMs) || effectiveFromMs < 0) {
      problems.push(`${where} effectiveFromMs: is not a time`);
    }
    const key = `${currency} ${effectiveFromMs}`;
    if (seen.has(key)) problems.push(`${where}: repeats a currency and time`);
    seen.add(key);
  }
  return problems;
}

/** What is known of a deck for `currenciesWithoutRate`. */
export interface DeckCurrency {
  readonly currency: string;
  /** When its first row begins; 0: with the beginning. */
  readonly fromMs: number;
}

/**
 * Currencies of decks that cannot be compared with the others', a sentence each: where decks are in
 * more than one, each needs a rate that holds now, or when its deck begins. Without it, messages
 * would find out: their carriers would be left out one by one.
 */
export function currenciesWithoutRate(
  decks: readonly DeckCurrency[],
  exchangeRates: readonly Pick<ExchangeRateRow, "currency" | "effectiveFromMs">[],
  nowMs: number,
): readonly { readonly currency: string; readonly problem: string }[] {
  const used = [...new Set(decks.map(({ currency }) => currency))].sort();
  if (used.length < 2) return [];
  return used.flatMap((currency) => {
    const own = decks.filter((deck) => deck.currency === currency);
    const neededMs = Math.max(nowMs, Math.min(...own.map(({ fromMs }) => fromMs)));
    const rates = exchangeRates.filter((rate) => rate.currency === currency);
    if (rates.some(({ effectiveFromMs }) => effectiveFromMs <= neededMs)) return [];
    const lacks = rates.length === 0 ? "has no exchange rate" : "has no exchange rate yet";
    return [{ currency, problem: `${currency} ${lacks}, and decks are in ${used.join(", ")}` }];
  });
}

/** Its first row, of a deck with its terms. */
export function beginsMs({ terms }: Pick<DeckSource, "terms">): number {
  return terms.reduce(
    (first, one) => Math.min(first, one.effectiveFromMs),
    terms[0] ? Infinity : 0,
  );
}

export function openExchange(bytes: Uint8Array): Exchange {
  const rows = JSON.parse(Buffer.from(bytes).toString("utf8")) as ExchangeRateRow[];
  const byCurrency = new Map<number, ExchangeRateRow[]>();
  for (const row of rows) {
    const code = currencyCode(row.currency);
    const known = byCurrency.get(code);
    if (known === undefined) byCurrency.set(code, [row]);
    else known.push(row);
  }
  const sorted = [...byCurrency.values()].map((group) =>
    group.sort((one, other) => one.effectiveFromMs - other.effectiveFromMs),
  );
  const places = new Int32Array(CURRENCIES);
  const at = new Int32Array(sorted.length + 1);
  for (const [place, code] of [...byCurrency.keys()].entries()) {
    places[code] = place + 1;
    at[place + 1] = at[place]! + sorted[place]!.length;
  }
  const all = sorted.flat();
  const last = new Float64Array(3 * sorted.length);
  return {
    places,
    at,
    fromMs: Float64Array.from(all, (row) => row.effectiveFromMs),
    rateNanos: Float64Array.from(all, (row) => row.rateNanos),
    last,
  };
}

/** Worth of one unit of a currency (code) at a time, times 10^9; 0: not known. */
export function rateAt(exchange: Exchange, currency: number, atMs: number): number {
  if (currency < 0) return 0;
  const place = exchange.places[currency]! - 1;
  if (place < 0) return 0;
  // Messages come in the order of time, nearly: the rate of the last one holds for the next.
  const { last } = exchange;
  if (atMs < last[3 * place + 1]! || atMs >= last[3 * place + 2]!) {
    lookUp(exchange, place, atMs);
  }
  return last[3 * place]!;
}

/** How long the currency's rate that `rateAt` gave last holds: from, and before when. */
export function ratePeriod({ places, last }: Exchange, currency: number) {
  const place = places[currency]! - 1;
  if (place < 0) return { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
  return { fromMs: last[3 * place + 1]!, toMs: last[3 * place + 2]! };
}

function lookUp({ at, fromMs, rateNanos, last }: Exchange, place: number, atMs: number): void {
  const first = at[place]!;
  let low = first;
  let high = at[place + 1]!;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (fromMs[middle]! <= atMs) low = middle + 1;
    else high = middle;
  }
  last[3 * place] = low === first ? 0 : rateNanos[low - 1]!;
  last[3 * place + 1] = low === first ? Number.NEGATIVE_INFINITY : fromMs[low - 1]!;
  last[3 * place + 2] = low === at[place + 1] ? Number.POSITIVE_INFINITY : fromMs[low]!;
}

/** Products this much apart, relative to their size, are apart whatever was rounded. */
const APART = 2 ** -50;
const LIMB = 2 ** 26;

/**
 * Below, at or above 0 as `amount * rate` is less than, equal to or more than `other * otherRate`.
 * Exact for amounts from 0 to 2^53 - 1 and rates to 10^15: products have up to 31 digits, so where
 * they are close together they are made in parts.
 */
export function compareProducts(
  amount: number,
  rate: number,
  other: number,
  otherRate: number,
): number {
  if (rate === otherRate) return amount - other;
  const one = amount * rate;
  const two = other * otherRate;
  const difference = one - two;
  if (Math.abs(difference) > Math.max(one, two) * APART) return difference;
  multiply(amount, rate);
  const { high, middle, low } = product;
  multiply(other, otherRate);
  return high - product.high || middle - product.middle || low - product.low;
}

/** In units of 2^52, 2^26 and 1. */
const product = { high: 0, middle: 0, low: 0 };

/** No part is above 2^53: an amount has 27 high bits, a rate 24. */
function multiply(amount: number, rate: number): void {
  const amountHigh = Math.floor(amount / LIMB);
  const rateHigh = Math.floor(rate / LIMB);
  const amountLow = amount - amountHigh * LIMB;
  const rateLow = rate - rateHigh * LIMB;
  const low = amountLow * rateLow;
  const one = amountHigh * rateLow;
  const two = amountLow * rateHigh;
  const middle = (one % LIMB) + (two % LIMB) + Math.floor(low / LIMB);
  product.high =
    amountHigh * rateHigh +
    Math.floor(one / LIMB) +
    Math.floor(two / LIMB) +
    Math.floor(middle / LIMB);
  product.middle = middle % LIMB;
  product.low = low % LIMB;
}
