/**
 * Routing: which carriers a message is offered to, and in which order. Pure; no I/O, no clock.
 *
 * In: a table set as `openRouting` prepared it, and what is known of a message. Out: a Choice. The
 * rule that matches names a strategy (strategy.ts), whose tree is walked. A carrier that it names is
 * dropped if the account's traffic comes from it, if its deck has no rate, if a sender rule refuses
 * the sender, if its currency compares with nothing, or if the margin would not be kept; those that
 * are left are ordered: well ones before degraded ones before those that are down, then earlier terms
 * of the strategy, then what the term says, then the order of its list. Three of them are kept.
 *
 * A sender that is replaced is what the carrier gets, so its rate is that for the replacement's kind.
 */
import { REASON } from "../core/message.js";
import { languageIdOf } from "../core/national.js";
import { findCandidates, walked } from "./candidates.js";
import { type Choice, OUTCOME } from "./choice.js";
import { COUNTRY_CODES, COUNTRY_UNKNOWN, countryCode, currencyCode } from "./codes.js";
import { type Exchange, openExchange } from "./exchange.js";
import { type Guards, openGuards } from "./guards.js";
import { matchRule, openRules, type RuleQuery, type Rules } from "./rules.js";
import { openSenders, type Senders } from "./senders.js";
import type { Tables } from "./tables.js";

/** A table set with what routing opens of it. */
export interface Routing {
  readonly tables: Tables;
  readonly rules: Rules;
  readonly senders: Senders;
  readonly guards: Guards;
  readonly exchange: Exchange;
  /** Currency codes: of each channel and carrier, of each plan. */
  readonly carrierCurrencies: Int32Array;
  readonly planCurrencies: Int32Array;
  /** Of each country of the tables its code, and of each code its index there, -1: none. */
  readonly countryCodes: Int32Array;
  readonly countryIndices: Int32Array;
  /** Of each carrier, a bit for each national language (core/national.ts) that it takes. */
  readonly carrierLanguages: Int32Array;
  /** By carrier, the message that met it last. */
  readonly seen: Float64Array;
  /** Of each network (from 1; 0: unknown): BY_NETWORK of the buy decks of the first channel. */
  readonly byNetwork: Uint8Array;
}

/** Bits: some carrier has rows of the network itself; some has one for its mcc or by default. */
export const BY_NETWORK = { own: 1, tails: 2 } as const;

/** What buy decks of the first channel say by network. */
function rowsByNetwork({
  buyColumns,
  buyCount,
  buyNetworks,
  buyTails,
  carriers,
  networks,
}: Tables) {
  const found = new Uint8Array(networks.length + 1);
  for (let network = 0; network < found.length; network += 1) {
    for (let carrier = 0; carrier < carriers.length; carrier += 1) {
      const column = buyColumns[carrier]!;
      if (column < 0) continue;
      const at = network * buyCount + column;
      if (buyNetworks[at] !== 0) found[network]! |= BY_NETWORK.own;
      if (buyTails[at] !== 0) found[network]! |= BY_NETWORK.tails;
    }
  }
  return found;
}

/** @throws FloeError "tables.invalid" */
export function openRouting(tables: Tables): Routing {
  const { carriers, countries, currencies, networks } = tables;
  const names = { carriers, countries, networks };
  const codes = currencies.map(currencyCode);
  const countryCodes = Int32Array.from(countries, countryCode);
  const countryIndices = new Int32Array(COUNTRY_CODES).fill(-1);
  for (const [index, code] of countryCodes.entries()) countryIndices[code] = index;
  return {
    tables,
    rules: openRules(tables.rules, names),
    senders: openSenders(tables.senderRules, names),
    guards: openGuards(tables.guards, names),
    exchange: openExchange(tables.exchangeRates),
    carrierCurrencies: tables.buyCurrencies.map((index) => codes[index] ?? -1),
    planCurrencies: tables.planCurrencies.map((index) => codes[index] ?? -1),
    countryCodes,
    countryIndices,
    carrierLanguages: Int32Array.from(tables.carrierLanguages, (languages) =>
      languages.reduce((bits, name) => bits | (1 << languageIdOf(name)), 0),
    ),
    seen: new Float64Array(carriers.length),
    byNetwork: rowsByNetwork(tables),
  };
}

/** What routing looks at. One is made and used again and again. */
export interface RoutingQuery extends RuleQuery {
  /** Index in the tables; -1: unknown. */
  planIndex: number;
  destination: number;
  /** Index of the country in the tables, -1: it has none; for `quality`. */
  countryIndex: number;
  acceptedAtMs: number;
  segments: number;
  /**
   * What the whole message brings at least, in the plan's currency; -1: no rate applies, and no
   * margin is looked at.
   */
  priceMicros: number;
  /** Index of the account's guard, -1: none. */
  guard: number;
  /** Where the message id lies, which weights draw by. */
  idView: DataView;
  idAt: number;
  /** As in RouteTask. */
  health: Uint8Array | undefined;
  quality: Int32Array | undefined;
  /** Fill `choice` by carrier, too. */
  explain: boolean;
}

export function newRoutingQuery(): RoutingQuery {
  const nothing = new Uint8Array(0);
  return {
    account: 0,
    plan: 0,
    trafficClass: 2,
    channel: 0,
    country: COUNTRY_UNKNOWN,
    network: -1,
    digits: nothing,
    digitsAt: 0,
    digitsEnd: 0,
    sender: nothing,
    senderAt: 0,
    senderEnd: 0,
    senderKind: 0,
    planIndex: -1,
    destination: 0,
    countryIndex: -1,
    acceptedAtMs: 0,
    segments: 1,
    priceMicros: -1,
    guard: -1,
    idView: new DataView(nothing.buffer),
    idAt: -1,
    health: undefined,
    quality: undefined,
    explain: false,
  };
}

/**
 * Chooses carriers for a message; `choice` has been cleared.
 * @returns REASON.NONE; NO_ROUTE: no rule matches, or none of its carriers has a rate;
 *   BLOCKED_BY_RULE; or, where carriers have rates, BELOW_COST if a margin stopped any of them, else
 *   SENDER_REFUSED.
 */
export function chooseCarriers(routing: Routing, query: RoutingQuery, choice: Choice): number {
  choice.rule = matchRule(routing.rules, query);
  if (choice.rule < 0) return REASON.NO_ROUTE;
  findCandidates(routing, query, choice);
  if (choice.count > 0) return REASON.NONE;
  if (walked.blocked) return REASON.BLOCKED_BY_RULE;
  if ((walked.dropped & (1 << OUTCOME.belowMargin)) !== 0) return REASON.BELOW_COST;
  const refused = (walked.dropped & (1 << OUTCOME.senderRefused)) !== 0;
  return refused ? REASON.SENDER_REFUSED : REASON.NO_ROUTE;
}
