/**
 * Candidates: the carriers that a strategy names, looked at one by one, and the best three kept.
 *
 * In: a strategy's tree and the message's query. Out: the Choice. Nothing is sorted: each carrier
 * that passes is put into its place among three, and most fall behind the third at once. Twenty
 * carriers are looked at for a message, so what is the same for all of them is prepared first, and
 * amounts are compared as doubles where they are clearly apart, exactly where they are not.
 */
import { CANDIDATES_MAX } from "../core/limits.js";
import { type Choice, OUTCOME, SCORE_NONE } from "./choice.js";
import { mix } from "./codes.js";
import { RANKED_MAX, RANKING } from "./destinations.js";
import { compareProducts, rateAt } from "./exchange.js";
import { barsCarriers, neverCarrier } from "./guards.js";
import { middlingScore, scoreOf } from "./quality.js";
import { rankingOf } from "./ranking.js";
import { buyTerms, buyTermsOfEach } from "./rates.js";
import { amountOf, NOT_PLAIN } from "./rating.js";
import type { Routing, RoutingQuery } from "./routing.js";
import { costLimit } from "./rules.js";
import { judgesSenders, letsAll, passSender, SENDER_OWN, SENDER_REFUSED } from "./senders.js";
import { NODE, type StrategyNode } from "./strategy.js";
import { HEALTH } from "./task.js";

const UNIT_NANOS = 10 ** 9;
/** In place of terms: an earlier list had the carrier. */
const SEEN = -2;
const ID_BYTES = 16;
const DRAWS = 2 ** 32;
const DRAW_STEP = 0x9e3779b9;
/** Products this much apart, relative to their size, are apart whatever was rounded. */
const APART = 2 ** -50;

/** The walk of one message. All numbers, all used again for the next. */
let routing: Routing;
let query: RoutingQuery;
let choice: Choice;
let message = 0;
/** Terms of the strategy are counted: an earlier one goes before a later one. */
let part = 0;
let kind: number = NODE.cost;
/** Candidates that are well so far, and bits of OUTCOME of those that were dropped. */
let well = 0;
let dropped = 0;
let blocked = false;
let drawn = false;
let draw = 0;
let guarded = false;
let judged = false;
let planCurrency = -1;
/** The plan's currency has no rate: nothing in another one compares with it. */
let planAlone = false;
let limited = false;
/** In an array, since a module's variable is a new object whenever a fraction is put into it. */
const amounts = new Float64Array(2);
const PLAN_RATE = 0;
const LIMIT_MICROS = 1;

/** Beside the choice's own columns, of each candidate. */
const healths = new Int32Array(CANDIDATES_MAX);
const parts = new Int32Array(CANDIDATES_MAX);
const rates = new Float64Array(CANDIDATES_MAX);
const worths = new Float64Array(CANDIDATES_MAX);
const scores = new Int32Array(CANDIDATES_MAX);
/** Of each carrier of the list that is walked. */
let found = new Int32Array(64);
let foundCosts = new Float64Array(64);
let foundRates = new Float64Array(64);
let foundSenders = new Int32Array(64);

/** Bits of OUTCOME, and whether `block` was met, of the last walk. */
export const walked = { dropped: 0, blocked: false };

/** Fills `into` by the strategy of `into.rule`; `walked` says what else was met. */
export function findCandidates(of: Routing, about: RoutingQuery, into: Choice): void {
  routing = of;
  query = about;
  choice = into;
  prepare();
  if (query.explain) markWithoutHealth();
  walkAll(query.health);
  const percentMax = routing.rules.costPercentMax[choice.rule]!;
  if (percentMax !== 0) dropDear(percentMax);
  if (query.explain) settleOutcomes();
  walked.dropped = dropped;
  walked.blocked = blocked;
}

/**
 * Whether all candidates of the choice made last keep the margin if the message has so many
 * segments, at the query's price.
 */
export function keepsMargin(segments: number): boolean {
  prepare();
  for (let index = 0; index < choice.count && limited; index += 1) {
    const costMicros = amountOf(routing.tables.terms, choice.terms[index]!, segments);
    if (!isWithinLimit(costMicros, rates[index]!, costMicros * rates[index]!)) return false;
  }
  return true;
}

/** What is the same for all carriers. */
function prepare(): void {
  const { rules, guards, senders } = routing;
  const { planIndex, priceMicros, acceptedAtMs, guard } = query;
  guarded = guard >= 0 && barsCarriers(guards, guard);
  judged = judgesSenders(senders, query.country, query.senderKind);
  planCurrency = planIndex < 0 ? -1 : routing.planCurrencies[planIndex]!;
  const planRate = rateAt(routing.exchange, planCurrency, acceptedAtMs);
  planAlone = planCurrency >= 0 && planRate === 0;
  amounts[PLAN_RATE] = planAlone ? UNIT_NANOS : planRate;
  limited = priceMicros >= 0 && rules.allowLoss[choice.rule] === 0;
  if (limited) amounts[LIMIT_MICROS] = costLimit(rules, choice.rule, priceMicros);
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
      const { children } = node;
      for (let at = 0; at < children.length; at += 1) if (walk(children[at]!, health)) return true;
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

/** Draws the children one after another, each by its weight among those that are left. */
function walkDrawn(node: StrategyNode, health: Uint8Array | undefined): boolean {
  const { children, weights, taken } = node;
  taken.fill(0);
  beginDraws();
  let total = 0;
  for (let index = 0; index < weights.length; index += 1) total += weights[index]!;
  for (let left = children.length; left > 0; left -= 1) {
    let place = Math.floor(((draw >>> 0) / DRAWS) * total);
    draw = mix(draw + DRAW_STEP);
    let pick = 0;
    // Where nothing but weights of 0 is left, the first.
    while (taken[pick] === 1 || (total > 0 && place >= weights[pick]!)) {
      if (taken[pick] === 0) place -= weights[pick]!;
      pick += 1;
    }
    taken[pick] = 1;
    total -= weights[pick]!;
    if (walk(children[pick]!, health)) return true;
  }
  return false;
}

/** From the message's id: a repeat takes the way of the first. */
function beginDraws(): void {
  if (drawn) return;
  drawn = true;
  const { idView, idAt } = query;
  draw = 0;
  for (let word = 0; word < ID_BYTES; word += 4) {
    draw = mix(draw ^ idView.getInt32(idAt + word, true));
  }
}

function walkList(node: StrategyNode, health: Uint8Array | undefined): boolean {
  const { explain } = query;
  part += 1;
  kind = node.kind;
  // Of which nobody knows how they deliver, all deliver alike, and the cheapest goes first.
  if (kind === NODE.quality && query.quality === undefined && !explain) kind = NODE.cost;
  // Behind candidates that are well there is place for the best of the list, in their order.
  const behind = choice.count === 0 || healths[choice.count - 1] === HEALTH.well;
  const isPlain = kind === NODE.cost && behind && !explain;
  if (isPlain && takeRanked(node, health)) return well >= CANDIDATES_MAX;
  findTerms(node.carriers);
  const isDone = isPlain && considerCosts(node.carriers, health);
  if (!isDone) considerEach(node.carriers, health);
  return well >= CANDIDATES_MAX && !explain;
}

/**
 * Candidates of a list by cost from the ranking of the message's destination, where that tells them
 * all: then 3 carriers are looked at and not 20.
 * @returns false, and nothing has changed, where it does not.
 */
function takeRanked({ carriers, members, rising }: StrategyNode, health: Uint8Array | undefined) {
  // Equal costs are in the order of the list, and of the ranking in that of the tables.
  const first = rising ? rankingOf(routing, query) : -1;
  if (first < 0) return false;
  const { tables, carrierCurrencies, seen, senders } = routing;
  const { segments, country, senderKind } = query;
  const { destinations } = tables;
  const { words } = tables.terms;
  let count = choice.count;
  let unwell = false;
  let refused = 0;
  let rank = 0;
  for (; rank < RANKED_MAX && count < CANDIDATES_MAX; rank += 1) {
    const word = destinations[first + rank]!;
    if (word === -1) break;
    const carrier = word >>> RANKING.carrierShift;
    const terms = word & RANKING.termsMask;
    if (carrier >= members.length || members[carrier] === 0 || seen[carrier] === message) continue;
    if (guarded && neverCarrier(routing.guards, query.guard, carrier)) continue;
    let sender = SENDER_OWN;
    if (judged && !letsAll(senders, country, carrier, senderKind)) {
      // Rankings are the same for all kinds of senders.
      sender = senderAt(carrier);
      if (sender === SENDER_REFUSED) {
        refused = 1 << OUTCOME.senderRefused;
        continue;
      }
    }
    const plainMicros = words[terms]!;
    const costMicros =
      plainMicros === NOT_PLAIN ? amountOf(tables.terms, terms, segments) : segments * plainMicros;
    const currency = carrierCurrencies[carrier]!;
    const rate = currency === planCurrency ? amounts[PLAN_RATE]! : rateOf(currency);
    if (rate === 0) return false;
    const worth = costMicros * rate;
    if (limited && !isWithinLimit(costMicros, rate, worth)) {
      // All others cost as much or more.
      refused |= 1 << OUTCOME.belowMargin;
      break;
    }
    if (health !== undefined && health[carrier] !== HEALTH.well) {
      unwell = true;
      continue;
    }
    choice.carriers[count] = carrier;
    choice.costsMicros[count] = costMicros;
    choice.terms[count] = terms;
    choice.senders[count] = sender;
    healths[count] = HEALTH.well;
    parts[count] = part;
    rates[count] = rate;
    worths[count] = worth;
    scores[count] = 0;
    count += 1;
  }
  if (count < CANDIDATES_MAX) {
    // Why nobody is left, and who is not well, is told by looking at each.
    if (rank === RANKED_MAX || unwell || count === choice.count) return false;
    for (let index = 0; index < carriers.length; index += 1) seen[carriers[index]!] = message;
  }
  well += count - choice.count;
  choice.count = count;
  dropped |= refused;
  return true;
}

function findTerms(carriers: Int32Array): void {
  if (carriers.length > found.length) {
    found = new Int32Array(2 * carriers.length);
    foundCosts = new Float64Array(found.length);
    foundRates = new Float64Array(found.length);
    foundSenders = new Int32Array(found.length);
  }
  const { channel, destination, network, trafficClass, senderKind, acceptedAtMs } = query;
  buyTermsOfEach(
    routing.tables,
    carriers,
    channel,
    destination,
    network,
    trafficClass,
    senderKind,
    acceptedAtMs,
    found,
  );
}

/**
 * `considerEach` for a list by cost, which most messages have: the three best are found in locals,
 * in less than half the time that putting each into its place in the choice takes.
 * @returns false, and nothing has changed, if that cannot be told from worths alone: some carrier is
 *   not well, or two amounts of different currencies are closer than doubles can tell.
 */
function considerCosts(carriers: Int32Array, health: Uint8Array | undefined): boolean {
  const { seen, carrierCurrencies, tables, senders } = routing;
  const { segments, channel, guard, country, senderKind } = query;
  const { words } = tables.terms;
  const first = channel * tables.carriers.length;
  const now = message;
  const planRate = amounts[PLAN_RATE]!;
  const boundWorth = limited ? amounts[LIMIT_MICROS]! * planRate : Number.POSITIVE_INFINITY;
  let currency = planCurrency;
  let rate = planRate;
  let passed = 0;
  let one = -1;
  let two = -1;
  let three = -1;
  let worthOne = Number.POSITIVE_INFINITY;
  let worthTwo = Number.POSITIVE_INFINITY;
  let worthThree = Number.POSITIVE_INFINITY;
  for (let index = 0; index < carriers.length; index += 1) {
    const carrier = carriers[index]!;
    if (seen[carrier] === now) {
      found[index] = SEEN;
      continue;
    }
    seen[carrier] = now;
    if (health !== undefined && health[carrier] !== HEALTH.well) return startAgain(carriers, index);
    if (guarded && neverCarrier(routing.guards, guard, carrier)) continue;
    let terms = found[index]!;
    let sender = SENDER_OWN;
    if (judged && !letsAll(senders, country, carrier, senderKind)) {
      sender = senderAt(carrier);
      if (sender >= 0) terms = termsWithSender(carrier, terms, sender);
      found[index] = terms;
      if (sender === SENDER_REFUSED) {
        if (terms >= 0) dropped |= 1 << OUTCOME.senderRefused;
        continue;
      }
    }
    if (terms < 0) continue;
    const plainMicros = words[terms]!;
    const costMicros =
      plainMicros === NOT_PLAIN ? amountOf(tables.terms, terms, segments) : segments * plainMicros;
    const itsCurrency = carrierCurrencies[first + carrier]!;
    if (itsCurrency !== currency) {
      currency = itsCurrency;
      rate = currency === planCurrency ? planRate : rateOf(currency);
    }
    if (rate === 0) continue;
    const worth = costMicros * rate;
    const near = worth * APART;
    if (worth > boundWorth - near) {
      if (!isWithinLimit(costMicros, rate, worth)) {
        dropped |= 1 << OUTCOME.belowMargin;
        continue;
      }
    }
    passed += 1;
    if (worth > worthThree + near) continue;
    if (
      (worth >= worthOne - near && worth <= worthOne + near && rate !== foundRates[one]) ||
      (worth >= worthTwo - near && worth <= worthTwo + near && rate !== foundRates[two]) ||
      (worth >= worthThree - near && worth <= worthThree + near && rate !== foundRates[three])
    ) {
      return startAgain(carriers, index);
    }
    foundCosts[index] = costMicros;
    foundRates[index] = rate;
    foundSenders[index] = sender;
    if (worth < worthTwo) {
      worthThree = worthTwo;
      three = two;
      if (worth < worthOne) {
        worthTwo = worthOne;
        two = one;
        worthOne = worth;
        one = index;
      } else {
        worthTwo = worth;
        two = index;
      }
    } else if (worth < worthThree) {
      worthThree = worth;
      three = index;
    }
  }
  well += passed;
  if (one >= 0) settle(carriers, one, worthOne);
  if (two >= 0) settle(carriers, two, worthTwo);
  if (three >= 0) settle(carriers, three, worthThree);
  return true;
}

/** Forgets that the list was looked at up to `last`. @returns false. */
function startAgain(carriers: Int32Array, last: number): boolean {
  for (let index = 0; index <= last; index += 1) {
    if (found[index] !== SEEN) routing.seen[carriers[index]!] = 0;
  }
  findTerms(carriers);
  return false;
}

/** The next candidate, if there is place, is the carrier at `index` of a list by cost. */
function settle(carriers: Int32Array, index: number, worth: number): void {
  const place = choice.count;
  if (place === CANDIDATES_MAX) return;
  choice.count = place + 1;
  choice.carriers[place] = carriers[index]!;
  choice.costsMicros[place] = foundCosts[index]!;
  choice.terms[place] = found[index]!;
  choice.senders[place] = foundSenders[index]!;
  healths[place] = HEALTH.well;
  parts[place] = part;
  rates[place] = foundRates[index]!;
  worths[place] = worth;
  scores[place] = 0;
}

function considerEach(carriers: Int32Array, health: Uint8Array | undefined): void {
  const { seen, tables } = routing;
  const { explain, quality, countryIndex } = query;
  const countries = tables.countries.length;
  const scored = kind === NODE.quality;
  const middling = scored ? middlingScore(quality, countries, carriers, countryIndex) : 0;
  for (let index = 0; index < carriers.length; index += 1) {
    const carrier = carriers[index]!;
    if (seen[carrier] === message) continue;
    seen[carrier] = message;
    let score = 0;
    if (scored) {
      score = scoreOf(quality, countries, carrier, countryIndex);
      if (score === SCORE_NONE) score = middling;
    }
    const state = health === undefined ? HEALTH.well : (health[carrier] ?? HEALTH.well);
    consider(carrier, found[index]!, state, score);
    if (kind === NODE.priority && well >= CANDIDATES_MAX && !explain) return;
  }
}

/** @param rated index of terms for the sender as the customer gave it; -1: no rate. */
function consider(carrier: number, rated: number, health: number, score: number): void {
  const { tables } = routing;
  if (guarded && neverCarrier(routing.guards, query.guard, carrier)) {
    drop(carrier, OUTCOME.loopGuard);
    return;
  }
  let terms = rated;
  let sender = SENDER_OWN;
  if (judged) {
    sender = senderAt(carrier);
    if (sender >= 0) terms = termsWithSender(carrier, terms, sender);
  }
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
  const currency = routing.carrierCurrencies[query.channel * tables.carriers.length + carrier]!;
  const rate = currency === planCurrency ? amounts[PLAN_RATE]! : rateOf(currency);
  take(carrier, terms, sender, health, score, costMicros, rate);
}

/** Puts a carrier in its place among the best, if its currency and the margin let it. */
function take(
  carrier: number,
  terms: number,
  sender: number,
  health: number,
  score: number,
  costMicros: number,
  rate: number,
): void {
  if (rate === 0) {
    drop(carrier, OUTCOME.noExchange);
    return;
  }
  const worth = costMicros * rate;
  if (limited && !isWithinLimit(costMicros, rate, worth)) {
    drop(carrier, OUTCOME.belowMargin);
    return;
  }
  if (health === HEALTH.well) well += 1;
  const last = CANDIDATES_MAX - 1;
  if (choice.count > last && !isBetter(last, health, score, costMicros, rate, worth)) return;
  const place = makePlace(health, score, costMicros, rate, worth);
  choice.carriers[place] = carrier;
  choice.costsMicros[place] = costMicros;
  choice.terms[place] = terms;
  choice.senders[place] = sender;
  healths[place] = health;
  parts[place] = part;
  rates[place] = rate;
  worths[place] = worth;
  scores[place] = score;
}

function drop(carrier: number, outcome: number): void {
  dropped |= 1 << outcome;
  if (query.explain) choice.outcomes[carrier] = outcome;
}

function senderAt(carrier: number): number {
  const { country, account, senderKind, sender, senderAt: at, senderEnd } = query;
  return passSender(routing.senders, country, carrier, account, senderKind, sender, at, senderEnd);
}

/** The carrier is sent the replacement, and charges for its kind. */
function termsWithSender(carrier: number, terms: number, sender: number): number {
  const senderKind = routing.senders.kinds[sender]!;
  if (senderKind === query.senderKind) return terms;
  const { channel, destination, network, trafficClass, acceptedAtMs } = query;
  return buyTerms(
    routing.tables,
    carrier,
    channel,
    destination,
    network,
    trafficClass,
    senderKind,
    acceptedAtMs,
  );
}

/** Worth of a currency that is not the plan's; 0: it compares with nothing. */
function rateOf(currency: number): number {
  if (planAlone) return 0;
  const rate = rateAt(routing.exchange, currency, query.acceptedAtMs);
  // Without a plan there is no price, and the order is nobody's bill.
  return rate === 0 && planCurrency < 0 ? UNIT_NANOS : rate;
}

function isWithinLimit(costMicros: number, rate: number, worth: number): boolean {
  const planRate = amounts[PLAN_RATE]!;
  const limitMicros = amounts[LIMIT_MICROS]!;
  if (rate === planRate) return costMicros <= limitMicros;
  if (limitMicros < 0) return false;
  const difference = worth - limitMicros * planRate;
  if (Math.abs(difference) > worth * APART) return difference < 0;
  return compareProducts(costMicros, rate, limitMicros, planRate) <= 0;
}

/** Moves the candidates that the new one goes before; the last of three falls out. */
function makePlace(
  health: number,
  score: number,
  costMicros: number,
  rate: number,
  worth: number,
): number {
  if (choice.count < CANDIDATES_MAX) choice.count += 1;
  let place = choice.count - 1;
  while (place > 0 && isBetter(place - 1, health, score, costMicros, rate, worth)) {
    move(place - 1, place);
    place -= 1;
  }
  return place;
}

/** Whether one of the present term goes before the candidate at `place`. */
function isBetter(
  place: number,
  health: number,
  score: number,
  costMicros: number,
  rate: number,
  worth: number,
): boolean {
  if (health !== healths[place]) return health < healths[place]!;
  if (part !== parts[place] || kind === NODE.priority) return false;
  if (kind === NODE.quality && score !== scores[place]) return score > scores[place]!;
  const difference = worth - worths[place]!;
  if (Math.abs(difference) > worth * APART) return difference < 0;
  return compareProducts(costMicros, rate, choice.costsMicros[place]!, rates[place]!) < 0;
}

/** Takes out candidates that cost more than so many percent of the first. */
function dropDear(percentMax: number): void {
  const most = (worths[0]! * percentMax) / 100;
  let kept = 1;
  for (let index = 1; index < choice.count; index += 1) {
    const worth = worths[index]!;
    if (worth > most + worth * APART) {
      drop(choice.carriers[index]!, OUTCOME.aboveCostMax);
      continue;
    }
    move(index, kept);
    kept += 1;
  }
  choice.count = Math.min(choice.count, kept);
}

/** Puts the candidate at `from` in the place `to`. */
function move(from: number, to: number): void {
  const { carriers, costsMicros, terms, senders } = choice;
  carriers[to] = carriers[from]!;
  costsMicros[to] = costsMicros[from]!;
  terms[to] = terms[from]!;
  senders[to] = senders[from]!;
  healths[to] = healths[from]!;
  parts[to] = parts[from]!;
  rates[to] = rates[from]!;
  worths[to] = worths[from]!;
  scores[to] = scores[from]!;
}

/** Walks as if all carriers were well: those that are candidates then have a rank. */
function markWithoutHealth(): void {
  walkAll(undefined);
  for (let index = 0; index < choice.count; index += 1) {
    choice.ranks[choice.carriers[index]!] = index;
  }
}

function settleOutcomes(): void {
  const { outcomes, ranks, carrierCostsMicros, carriers, count } = choice;
  for (let carrier = 0; carrier < outcomes.length; carrier += 1) {
    // What has a cost and was not dropped passed; it has no outcome so far.
    const passed = outcomes[carrier] === OUTCOME.notInStrategy && carrierCostsMicros[carrier]! >= 0;
    if (passed) outcomes[carrier] = ranks[carrier]! >= 0 ? OUTCOME.healthMoved : OUTCOME.beyondMax;
    ranks[carrier] = -1;
  }
  for (let index = 0; index < count; index += 1) {
    outcomes[carriers[index]!] = OUTCOME.kept;
    ranks[carriers[index]!] = index;
  }
}
