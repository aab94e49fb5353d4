/**
 * Quote explained: what became of every carrier in a decision, in words.
 *
 * In: a decision of which the hot path noted, carrier by carrier, what it did (routing.ts OUTCOME).
 * Out: the same for people, with costs made comparable.
 */
import { REASON } from "../core/message.js";
import { formatMicros } from "../core/money.js";
import { OUTCOME, SCORE_NONE } from "./choice.js";
import { rateAt } from "./exchange.js";
import type { QuoteResult } from "./quote.js";
import type { Explained } from "./route-and-rate.js";
import type { RuleRow } from "./source.js";
import type { Tables } from "./tables.js";

/** One carrier of the table set. */
export interface CarrierExplained {
  readonly carrier: string;
  /** Place in the order, from 1; null: it is not used. */
  readonly place: number | null;
  /** What removed it; null: nothing did. */
  readonly removedBy: string | null;
  /** Of the whole message; null: it has no rate for it, or was not asked. */
  readonly cost: string | null;
  readonly costCurrency: string | null;
  /** In the currency of the price; null: no exchange rate. */
  readonly costInCurrency: string | null;
  /** Points that a `quality` strategy sorted it by: the more the earlier. */
  readonly score: number | null;
}

export interface Explanation {
  readonly quote: QuoteResult;
  readonly carriers: readonly CarrierExplained[];
  /** The rule's, as written. */
  readonly strategy: string | null;
}

/** What removed a carrier, by OUTCOME. */
const REMOVED_BY: Readonly<Record<number, string | null>> = {
  [OUTCOME.kept]: null,
  [OUTCOME.notInStrategy]: "not_in_strategy",
  [OUTCOME.loopGuard]: "loop_guard",
  [OUTCOME.noRate]: "no_rate",
  [OUTCOME.senderRefused]: "sender_refused",
  [OUTCOME.noExchange]: "no_exchange_rate",
  [OUTCOME.belowMargin]: "below_margin",
  [OUTCOME.healthMoved]: "health",
  [OUTCOME.beyondMax]: "beyond_max",
  [OUTCOME.aboveCostMax]: "above_cost_max",
};
const NOT_ASKED = "not_asked";
const SMS = 0;
/** The message was rejected before a rule was looked for. */
const BEFORE: ReadonlySet<number> = new Set([
  REASON.NUMBER_INVALID,
  REASON.TOO_MANY_SEGMENTS,
  REASON.COUNTRY_BLOCKED,
  REASON.CLASS_BLOCKED,
  REASON.INTERNAL,
]);

export function settledBefore(reason: number): boolean {
  return BEFORE.has(reason);
}

/** @param explained as the last task left it. */
export function explanationOf(explained: Explained, quote: QuoteResult): Explanation {
  const { choice, routing } = explained;
  const { tables } = routing;
  const asked = quote.rule !== null;
  const carriers = tables.carriers.map((carrier, index): CarrierExplained => {
    const outcome = choice.outcomes[index]!;
    const rank = choice.ranks[index]!;
    const costMicros = asked ? choice.carrierCostsMicros[index]! : -1;
    const score = choice.scores[index]!;
    return {
      carrier,
      place: asked && rank >= 0 ? rank + 1 : null,
      removedBy: asked ? (REMOVED_BY[outcome] ?? null) : NOT_ASKED,
      cost: costMicros < 0 ? null : formatMicros(costMicros),
      costCurrency: costMicros < 0 ? null : currencyOf(tables, index),
      costInCurrency: costMicros < 0 ? null : inCurrency(explained, index, costMicros),
      score: asked && score !== SCORE_NONE ? score : null,
    };
  });
  return { quote, carriers, strategy: strategyOf(explained, quote.rule) };
}

/** Of a carrier's deck, ISO 4217. */
export function currencyOf(tables: Tables, carrier: number): string | null {
  return tables.currencies[tables.buyCurrencies[SMS * tables.carriers.length + carrier]!] ?? null;
}

/** Rounded to the nearest micro-unit: for people, decisions compare exactly. */
function inCurrency(
  { routing, decision }: Explained,
  carrier: number,
  costMicros: number,
): string | null {
  const own = routing.carrierCurrencies[carrier]!;
  const wanted = routing.planCurrencies[decision.planIndex] ?? -1;
  if (own === wanted) return formatMicros(costMicros);
  const rate = rateAt(routing.exchange, own, decision.acceptedAtMs);
  const wantedRate = rateAt(routing.exchange, wanted, decision.acceptedAtMs);
  if (rate === 0 || wantedRate === 0) return null;
  const half = BigInt(wantedRate) / 2n;
  return formatMicros((BigInt(costMicros) * BigInt(rate) + half) / BigInt(wantedRate));
}

function strategyOf({ routing }: Explained, rule: string | null): string | null {
  if (rule === null) return null;
  const rows = JSON.parse(Buffer.from(routing.tables.rules).toString("utf8")) as RuleRow[];
  return rows.find(({ id }) => id === rule)?.strategy ?? null;
}
