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
import { CANDIDATES_MAX } from "../core/limits.js";
import { REASON } from "../core/message.js";
import { languageIdOf } from "../core/national.js";
import { COUNTRY_CODES, COUNTRY_UNKNOWN, countryCode, currencyCode, mix } from "./codes.js";
import { compareProducts, type Exchange, openExchange, rateAt } from "./exchange.js";
import { type Guards, neverCarrier, openGuards } from "./guards.js";
import { buyTerms } from "./rates.js";
import { amountOf } from "./rating.js";
import { matchRule, openRules, type RuleQuery, type Rules } from "./rules.js";
import { openSenders, passSender, SENDER_OWN, SENDER_REFUSED, type Senders } from "./senders.js";
import { NODE, type StrategyNode } from "./strategy.js";
import type { Tables } from "./tables.js";

/** What became of a carrier for one message. Kept for every carrier of the tables: Explain tells. */
export const OUTCOME = {
  /** One of the candidates; `ranks` has its place, from 0. */
  kept: 0,
  /** The strategy does not name it, or was not asked: no rule, or one that blocks. */
  notInStrategy: 1,
  /** The account's traffic comes from it (guard.neverCarriers). */
  loopGuard: 2,
  /** No row of its deck applies. */
  noRate: 3,
  /** A sender rule does not let the sender pass. */
  senderRefused: 4,
  /** Its currency or the plan's has no exchange rate yet, so its cost compares with nothing. */
  noExchange: 5,
  /** Price less cost is below the margin of the rule. */
  belowMargin: 6,
  /** It would be a candidate, were it not for its health. */
  healthMoved: 7,
  /** Others are better, and there are no more than CANDIDATES_MAX. */
  beyondMax: 8,
} as const;

/** What was chosen for one message. One is made and used again and again. */
export interface Choice {
  count: number;
  /** Candidates, best first: indices into the tables' carriers. */
  readonly carriers: Int32Array;
  /** Of the whole message, in the carrier's currency. */
  readonly costsMicros: Float64Array;
  /** The rate that each cost is from. */
  readonly terms: Int32Array;
  /** Replaced sender (senders.ts), an index; -1: the customer's own. */
  readonly senders: Int32Array;
  /** Index of the rule that decided; -1: none matched or was asked. */
  rule: number;
  /** The rest is filled if the query explains, by carrier of the tables. OUTCOME. */
  outcomes: Uint8Array;
  /** Place among the candidates, -1: none. */
  ranks: Int8Array;
  /** Of the whole message; -1: not known. */
  carrierCostsMicros: Float64Array;
  /** What a quality term ordered by (`scoreOf`); SCORE_NONE where none did. */
  scores: Int32Array;
}

export const SCORE_NONE = -(2 ** 31);

export function newChoice(): Choice {
  return {
    count: 0,
    carriers: new Int32Array(CANDIDATES_MAX),
    costsMicros: new Float64Array(CANDIDATES_MAX),
    terms: new Int32Array(CANDIDATES_MAX),
    senders: new Int32Array(CANDIDATES_MAX),
    rule: -1,
    outcomes: new Uint8Array(0),
    ranks: new Int8Array(0),
    carrierCostsMicros: new Float64Array(0),
    scores: new Int32Array(0),
  };
}

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
  /** Of the whole message, in the plan's currency; -1: no rate applies, and no margin is looked at. */
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

const UNIT_NANOS = 10 ** 9;
const ID_BYTES = 16;
const DRAWS = 2 ** 32;
const DRAW_STEP = 0x9e3779b9;
/** Quality: a p95 of this or more costs as much as not delivering one message in five. */
const P95_MS_MAX = 60_000;
const P95_MS_PER_POINT = 30;

// The walk of one message: what `consider` and `insert` need of it, and the candidates' other sides.
let routing: Routing;
let query: RoutingQuery;
let choice: Choice;
let message = 0;
let part = 0;
let kind: number = NODE.cost;
let well = 0;
let dropped = 0;
let blocked = false;
let draw = 0;
let drawn = false;
let planCurrency = -1;
let planRate = 0;
let limitMicros = 0;
let limited = false;
const healths = new Int32Array(CANDIDATES_MAX);
const parts = new Int32Array(CANDIDATES_MAX);
const rates = new Float64Array(CANDIDATES_MAX);
const points = new Int32Array(CANDIDATES_MAX);

/** Nothing is chosen. @param explain also by carrier, of which there are so many. */
export function clearChoice(choice: Choice, explain: boolean, carriers: number): void {
  choice.count = 0;
  choice.rule = -1;
  if (!explain) return;
  if (choice.outcomes.length !== carriers) {
    choice.outcomes = new Uint8Array(carriers);
    choice.ranks = new Int8Array(carriers);
    choice.carrierCostsMicros = new Float64Array(carriers);
    choice.scores = new Int32Array(carriers);
  }
  choice.outcomes.fill(OUTCOME.notInStrategy);
  choice.ranks.fill(-1);
  choice.carrierCostsMicros.fill(-1);
  choice.scores.fill(SCORE_NONE);
}

/**
 * Chooses carriers for a message; `into` has been cleared.
 * @returns REASON.NONE; NO_ROUTE: no rule matches, or none of its carriers has a rate;
 *   BLOCKED_BY_RULE; or, where carriers have rates, BELOW_COST if a margin stopped any of them, else
 *   SENDER_REFUSED.
 */
export function chooseCarriers(of: Routing, about: RoutingQuery, into: Choice): number {
  routing = of;
  query = about;
  choice = into;
  choice.rule = matchRule(routing.rules, query);
  if (choice.rule < 0) return REASON.NO_ROUTE;
  prepareMargin();
  if (query.explain) explainHealth();
  walkAll(query.health);
  if (query.explain) rankAll();
  if (choice.count > 0) return REASON.NONE;
  if (blocked) return REASON.BLOCKED_BY_RULE;
  if ((dropped & (1 << OUTCOME.belowMargin)) !== 0) return REASON.BELOW_COST;
  return (dropped & (1 << OUTCOME.senderRefused)) !== 0 ? REASON.SENDER_REFUSED : REASON.NO_ROUTE;
}

/**
 * The most that a carrier may cost, in the plan's currency. A margin in percent is rounded up to a
 * whole micro-unit.
 */
function prepareMargin(): void {
  const { rules, exchange } = routing;
  const { rule } = choice;
  const { planIndex, priceMicros, acceptedAtMs } = query;
  planCurrency = planIndex < 0 ? -1 : routing.planCurrencies[planIndex]!;
  planRate = rateAt(exchange, planCurrency, acceptedAtMs);
  limited = priceMicros >= 0 && rules.allowLoss[rule] === 0;
  if (limited) limitMicros = costLimit(rules, rule, priceMicros);
}

/**
 * Whether all candidates keep the margin if the message has so many segments, at `priceMicros` of
 * the query. For the message that was chosen for last.
 */
export function keepsMargin(
  of: Routing,
  about: RoutingQuery,
  chosen: Choice,
  segments: number,
): boolean {
  routing = of;
  query = about;
  choice = chosen;
  prepareMargin();
  for (let index = 0; index < choice.count && limited; index += 1) {
    const costMicros = amountOf(routing.tables.terms, choice.terms[index]!, segments);
    if (!isWithinLimit(costMicros, rates[index]!)) return false;
  }
  return true;
}

/** What a carrier may cost at most, by the margin of a rule. */
export function costLimit(rules: Rules, rule: number, priceMicros: number): number {
  const points = rules.marginBasisPoints[rule]!;
  const least = rules.marginMicros[rule]!;
  if (points === 0) return priceMicros - Math.max(least, 0);
  // By parts, since price times points may be inexact.
  const whole = Math.floor(priceMicros / 10_000);
  const rest = priceMicros - whole * 10_000;
  return priceMicros - Math.max(least, whole * points + Math.ceil((rest * points) / 10_000));
}

function walkAll(health: Uint8Array | undefined): void {
  message += 1;
  part = 0;
  well = 0;
  dropped = 0;
  blocked = false;
  drawn = false;
  choice.count = 0;
  walk(routing.rules.strategies[choice.rule]!, health);
}

/** @returns true when no more carriers need be looked at. */
function walk(node: StrategyNode, health: Uint8Array | undefined): boolean {
  switch (node.kind) {
    case NODE.chain: {
      for (const child of node.children) if (walk(child, health)) return true;
      return false;
    }
    case NODE.weight:
      return walkDrawn(node, health);
    case NODE.block:
      blocked = true;
      return true;
    default:
      return walkList(node, health);
  }
}

function walkList(node: StrategyNode, health: Uint8Array | undefined): boolean {
  const { carriers } = node;
  part += 1;
  kind = node.kind;
  const middling = kind === NODE.quality ? middlingScore(carriers) : 0;
  for (let index = 0; index < carriers.length; index += 1) {
    const carrier = carriers[index]!;
    if (routing.seen[carrier] === message) continue;
    routing.seen[carrier] = message;
    const state = health === undefined ? 0 : (health[carrier] ?? 0);
    consider(carrier, state, kind === NODE.quality ? scoreOf(carrier, middling) : 0);
    if (kind === NODE.priority && well >= CANDIDATES_MAX && !query.explain) return true;
  }
  return well >= CANDIDATES_MAX && !query.explain;
}

/** Draws the children one after another, each by its weight among those that are left. */
function walkDrawn(node: StrategyNode, health: Uint8Array | undefined): boolean {
  const { children, weights, taken } = node;
  taken.fill(0);
  beginDraws();
  let total = 0;
  for (let index = 0; index < weights.length; index += 1) total += weights[index]!;
  for (let left = children.length; left > 0; left -= 1) {
    let pick = -1;
    let place = Math.floor(((draw >>> 0) / DRAWS) * total);
    draw = mix(draw + DRAW_STEP);
    for (let index = 0; index < children.length; index += 1) {
      if (taken[index] !== 0) continue;
      // Where nothing but weights of 0 is left, the first.
      if (pick < 0 && total === 0) pick = index;
      if (place >= 0 && place < weights[index]!) pick = index;
      place -= weights[index]!;
      if (pick >= 0) break;
    }
    taken[pick] = 1;
    total -= weights[pick]!;
    if (walk(children[pick]!, health)) return true;
  }
  return false;
}

/** The same message draws the same: a repeat takes its way. */
function beginDraws(): void {
  if (drawn) return;
  drawn = true;
  const { idView, idAt } = query;
  draw = 0;
  for (let word = 0; word < ID_BYTES && idAt >= 0; word += 4) {
    draw = mix(draw ^ idView.getInt32(idAt + word, true));
  }
}

/**
 * Points of a carrier in the message's country: the rate of delivery in 1/10000, less one for each
 * 30 ms of the 95th percentile up to a minute. One of which nothing is known is as good as the mean
 * of those in the list of which something is: so it is tried, and becomes known.
 */
function scoreOf(carrier: number, middling: number): number {
  const { quality, countryIndex } = query;
  if (quality === undefined || countryIndex < 0) return middling;
  const at = 2 * (carrier * routing.tables.countries.length + countryIndex);
  const rate = quality[at];
  if (rate === undefined || rate < 0) return middling;
  const p95Ms = Math.min(Math.max(quality[at + 1]!, 0), P95_MS_MAX);
  return rate - Math.floor(p95Ms / P95_MS_PER_POINT);
}

function middlingScore(carriers: Int32Array): number {
  let sum = 0;
  let known = 0;
  for (let index = 0; index < carriers.length; index += 1) {
    const score = scoreOf(carriers[index]!, SCORE_NONE);
    if (score === SCORE_NONE) continue;
    sum += score;
    known += 1;
  }
  return known === 0 ? 0 : Math.floor(sum / known);
}

function drop(carrier: number, outcome: number): void {
  dropped |= 1 << outcome;
  if (query.explain) choice.outcomes[carrier] = outcome;
}

function consider(carrier: number, health: number, score: number): void {
  const { tables, senders } = routing;
  const { guard, channel, acceptedAtMs } = query;
  if (guard >= 0 && neverCarrier(routing.guards, guard, carrier)) {
    drop(carrier, OUTCOME.loopGuard);
    return;
  }
  let sender = SENDER_OWN;
  let senderKind = query.senderKind;
  if (!senders.none) {
    const { country, account, sender: octets, senderAt, senderEnd } = query;
    sender = passSender(
      senders,
      country,
      carrier,
      account,
      senderKind,
      octets,
      senderAt,
      senderEnd,
    );
    if (sender >= 0) senderKind = senders.kinds[sender]!;
  }
  const terms = buyTerms(
    tables,
    carrier,
    channel,
    query.destination,
    query.network,
    query.trafficClass,
    senderKind,
    acceptedAtMs,
  );
  if (terms < 0) {
    drop(carrier, OUTCOME.noRate);
    return;
  }
  const costMicros = amountOf(tables.terms, terms, query.segments);
  if (query.explain) {
    choice.carrierCostsMicros[carrier] = costMicros;
    if (kind === NODE.quality) choice.scores[carrier] = score;
  }
  if (sender === SENDER_REFUSED) {
    drop(carrier, OUTCOME.senderRefused);
    return;
  }
  const currency = routing.carrierCurrencies[channel * tables.carriers.length + carrier]!;
  let rate = planRate;
  if (currency !== planCurrency) {
    rate = rateAt(routing.exchange, currency, acceptedAtMs);
    // Without a plan there is no price, and the order is nobody's bill.
    if (planCurrency < 0 && rate === 0) rate = UNIT_NANOS;
    if (rate === 0 || (planCurrency >= 0 && planRate === 0)) {
      drop(carrier, OUTCOME.noExchange);
      return;
    }
  }
  if (limited && !isWithinLimit(costMicros, rate)) {
    drop(carrier, OUTCOME.belowMargin);
    return;
  }
  insert(carrier, health, score, costMicros, rate, terms, sender);
}

function isWithinLimit(costMicros: number, rate: number): boolean {
  if (limitMicros < 0) return false;
  return compareProducts(costMicros, rate, limitMicros, planRate) <= 0;
}

/** Puts a carrier in its place among the candidates, if it is one of the best. */
function insert(
  carrier: number,
  health: number,
  score: number,
  costMicros: number,
  rate: number,
  terms: number,
  sender: number,
): void {
  const { carriers, costsMicros, terms: allTerms, senders } = choice;
  let place = choice.count;
  while (place > 0 && isBetter(place - 1, health, score, costMicros, rate)) place -= 1;
  if (health === 0) well += 1;
  if (place >= CANDIDATES_MAX) return;
  let last = choice.count < CANDIDATES_MAX ? choice.count : CANDIDATES_MAX - 1;
  choice.count = last + 1;
  for (; last > place; last -= 1) {
    carriers[last] = carriers[last - 1]!;
    costsMicros[last] = costsMicros[last - 1]!;
    allTerms[last] = allTerms[last - 1]!;
    senders[last] = senders[last - 1]!;
    healths[last] = healths[last - 1]!;
    parts[last] = parts[last - 1]!;
    rates[last] = rates[last - 1]!;
    points[last] = points[last - 1]!;
  }
  carriers[place] = carrier;
  costsMicros[place] = costMicros;
  allTerms[place] = terms;
  senders[place] = sender;
  healths[place] = health;
  parts[place] = part;
  rates[place] = rate;
  points[place] = score;
}

/** Whether one of the present term goes before the candidate at `place`. */
function isBetter(
  place: number,
  health: number,
  score: number,
  costMicros: number,
  rate: number,
): boolean {
  if (health !== healths[place]) return health < healths[place]!;
  if (part !== parts[place] || kind === NODE.priority) return false;
  if (kind === NODE.quality && score !== points[place]) return score > points[place]!;
  return compareProducts(costMicros, rate, choice.costsMicros[place]!, rates[place]!) < 0;
}

/** Walks as if all carriers were well: those that are candidates then are marked. */
function explainHealth(): void {
  walkAll(undefined);
  for (let index = 0; index < choice.count; index += 1) {
    choice.ranks[choice.carriers[index]!] = index;
  }
}

function rankAll(): void {
  const { outcomes, ranks, carrierCostsMicros, carriers, count } = choice;
  for (let carrier = 0; carrier < outcomes.length; carrier += 1) {
    // Costs are known of some that were dropped; what was not dropped has no outcome so far.
    const usable = outcomes[carrier] === OUTCOME.notInStrategy && carrierCostsMicros[carrier]! >= 0;
    if (usable) outcomes[carrier] = ranks[carrier]! >= 0 ? OUTCOME.healthMoved : OUTCOME.beyondMax;
    ranks[carrier] = -1;
  }
  for (let index = 0; index < count; index += 1) {
    outcomes[carriers[index]!] = OUTCOME.kept;
    ranks[carriers[index]!] = index;
  }
}
