/**
 * Decide, the slow way: one message routed and rated by scanning everything, in plain objects.
 *
 * Written from workers/source.ts and the issue alone. What these leave open is answered here as the
 * engine documents it (workers/decide.ts, routing.ts, rating.ts, strategy.ts), in this order:
 *
 * - the number's own country counts where no network is known, for guards, rules and sender rules;
 * - traffic classes beyond 1 to 3 count as 2; a carrier belongs to the first term that names it;
 * - a replaced sender's kind decides which rate of the carrier applies; without a rate a carrier is
 *   out before its sender rule is looked at; an unregistered sender refuses the carrier;
 * - well carriers go before degraded ones before those that are down, whatever the strategy; then
 *   earlier terms; then what the term says, then (cost, quality) the cost, then the list's order;
 * - a carrier of unknown quality is as good as the mean of its list's known ones, rounded down;
 * - without `allowLoss` a cost above the price is below the margin even if the margin is 0; a margin
 *   in percent is rounded up to a whole micro-unit; no margin is looked at where there is no price;
 * - amounts of one currency compare without exchange rates, those of two need both rates;
 * - no candidates: BLOCKED_BY_RULE if `block` is reached, else BELOW_COST if a margin stopped any,
 *   else SENDER_REFUSED if a sender rule did, else NO_ROUTE; all these go before NO_PRICE;
 * - segments, price and costs are those with a national language only if all candidates take it, it
 *   saves segments and all keep their margin.
 */
import { CANDIDATES_MAX, SEGMENTS_MAX } from "../../core/limits.js";
import { REASON } from "../../core/message.js";
import { FLAG } from "../../core/stream/fields.js";
import {
  type GuardRow,
  type PlanRow,
  type RuleRow,
  SENDER_KIND,
  type TableSource,
} from "../../workers/source.js";
import { buyDeck, type RateQuery, type RateRow, rateOf, rowsOf, sellDeck } from "./decks.js";
import { amountOf, compare, type Fraction, rateAt, tierAmountOf, times, whole } from "./money.js";
import { type Found, networkOf } from "./networks.js";
import { guardOf, ruleFor, senderAt } from "./rules.js";
import { type Draw, type Group, groupsOf, readStrategy } from "./strategy.js";

const UNIT_NANOS = 1_000_000_000n;

export interface ReferenceMessage {
  readonly account: number;
  readonly plan: number;
  /** All digits. A number that is none is another test's. */
  readonly number: string;
  /** The country that the numbering plan tells. */
  readonly numberCountry: string;
  readonly sender: string;
  readonly trafficClass: number;
  readonly text: ReferenceText;
}

/** How a text is counted, written by hand: counting has a reference of its own. */
export interface ReferenceText {
  readonly text: string;
  readonly plain: Counted;
  /** With its typographic characters replaced, where that saves. */
  readonly smart?: Counted;
  /** With the Turkish tables, where these save. */
  readonly turkish?: Counted;
}

export interface Counted {
  readonly encoding: number;
  readonly segments: number;
  /** floe.v1.Verdict.languages. */
  readonly languages: number;
}

export interface Inputs {
  /** 0 well, 1 degraded, 2 down. */
  readonly health: (carrier: string) => number;
  /** Rate of delivery in 1/10000 and 95th percentile; undefined: not known. */
  readonly quality: (
    carrier: string,
    country: string,
  ) => { readonly rate: number; readonly p95Ms: number } | undefined;
  readonly draw: Draw;
}

export interface ReferenceCandidate {
  readonly carrier: string;
  readonly costMicros: bigint;
  readonly currency: string;
  /** "": the customer's own. */
  readonly sender: string;
}

export interface ReferenceDecision {
  readonly reason: number;
  readonly network: Found;
  readonly country: string;
  readonly encoding: number;
  readonly segments: number;
  readonly languages: number;
  readonly flags: number;
  /** Id of the rule; "": none matched or was asked. */
  readonly rule: string;
  readonly candidates: readonly ReferenceCandidate[];
  readonly priceMicros: bigint;
  readonly chargeBasis: number;
}

/** A carrier that may take the message. */
interface Offer {
  readonly carrier: string;
  readonly row: RateRow;
  readonly currency: string;
  readonly sender: string;
  readonly score: number;
  readonly health: number;
  /** Place of its group, and what that is ordered by. */
  readonly group: number;
  readonly by: Group["by"];
}

/** What is known of a message once a rule was found. */
interface Context {
  readonly source: TableSource;
  readonly message: ReferenceMessage;
  readonly atMs: number;
  readonly inputs: Inputs;
  readonly plan: PlanRow | undefined;
  readonly guard: GuardRow | undefined;
  readonly country: string;
  readonly query: RateQuery;
  readonly rule: RuleRow;
  readonly sold: RateRow | undefined;
  readonly counted: Counted;
}

export function decide(
  source: TableSource,
  message: ReferenceMessage,
  atMs: number,
  inputs: Inputs,
): ReferenceDecision {
  const { account, number, text } = message;
  const plan = source.plans.find((one) => one.plan === message.plan);
  const trafficClass = [1, 3].includes(message.trafficClass) ? message.trafficClass : 2;
  const counted = (plan?.smartEncoding ? text.smart : undefined) ?? text.plain;
  const network = networkOf(source, number);
  const country = network.country === "" ? message.numberCountry : network.country;
  const smart = counted === text.smart ? FLAG.smartEncoded : 0;
  const known: ReferenceDecision = {
    ...counted,
    reason: REASON.NONE,
    network,
    country,
    flags: smart | (network.ported ? FLAG.ported : 0),
    rule: "",
    candidates: [],
    priceMicros: 0n,
    chargeBasis: plan?.chargeBasis ?? 0,
  };
  if (counted.segments > SEGMENTS_MAX) return { ...known, reason: REASON.TOO_MANY_SEGMENTS };

  const guard = guardOf(source, account);
  const action = guard === undefined ? "allow" : (guard.countries[country] ?? guard.otherCountries);
  if (action === "block") return { ...known, reason: REASON.COUNTRY_BLOCKED };
  const flags = known.flags | (action === "monitor" ? FLAG.monitored : 0);
  const classes = guard?.trafficClasses ?? [];
  if (classes.length > 0 && !classes.includes(trafficClass)) {
    return { ...known, flags, reason: REASON.CLASS_BLOCKED };
  }

  const { mcc, mnc } = network;
  const senderKind = kindOf(message.sender);
  const query = { number, mcc, mnc, trafficClass, senderKind, atMs };
  const asked = { ...query, account, plan: message.plan, country, sender: message.sender };
  const rule = ruleFor(source, { ...asked, channel: "sms" });
  if (rule === undefined) return { ...known, flags, reason: REASON.NO_ROUTE };
  const deck = plan && sellDeck(source, plan.plan, "sms");
  const sold = deck && rateOf(rowsOf(deck), query);
  const context = {
    source,
    message,
    atMs,
    inputs,
    plan,
    guard,
    country,
    query,
    rule,
    sold,
    counted,
  };
  return choose(context, { ...known, flags, rule: rule.id });
}

/** Carriers and price. */
function choose(context: Context, known: ReferenceDecision): ReferenceDecision {
  const { source, guard, sold, counted, rule, inputs } = context;
  const names = source.carriers.map(({ name }) => name);
  const groups = groupsOf(readStrategy(rule.strategy, names), inputs.draw);
  const stopped = new Set<number>();
  const offers = groups.flatMap((group, place) => offersOf(context, group, place, stopped));
  // Equal ones stay in the order in which they were looked at.
  const chosen = offers.sort((a, b) => compareOffers(context, a, b)).slice(0, CANDIDATES_MAX);
  if (chosen.length === 0) return { ...known, reason: reasonOfNone(groups, stopped) };
  if (sold === undefined) return { ...known, reason: REASON.NO_PRICE };

  const turkish = turkishOf(context, chosen);
  const { encoding, segments, languages } = turkish ?? counted;
  const priceMicros = priceOf(sold, segments);
  const ceiling = BigInt(guard?.priceCeilingMicros ?? 0);
  const priced = {
    ...known,
    encoding,
    segments,
    languages,
    flags:
      (turkish === undefined ? known.flags : known.flags & ~FLAG.smartEncoded) |
      (sold.terms.tiers === undefined ? 0 : FLAG.tiered),
    chargeBasis: sold.terms.chargeBasis || known.chargeBasis,
  };
  if (ceiling > 0n && boundOf(sold, segments, true) > ceiling)
    return { ...priced, reason: REASON.PRICE_CEILING };
  return {
    ...priced,
    flags: priced.flags | (chosen[0]!.sender === "" ? 0 : FLAG.senderReplaced),
    priceMicros,
    candidates: chosen.map(({ carrier, row, currency, sender }) => ({
      carrier,
      costMicros: amountOf(row.terms, segments),
      currency,
      sender,
    })),
  };
}

/** Those of a group's carriers that may take the message; why others may not goes into `stopped`. */
function offersOf(context: Context, group: Group, place: number, stopped: Set<number>): Offer[] {
  const { source, message, inputs, guard, country, query, counted } = context;
  const score = (carrier: string): number | undefined => scoreOf(inputs.quality(carrier, country));
  const middling = meanOf(group.named.map(score));
  const offers: Offer[] = [];
  for (const carrier of group.carriers) {
    if (guard?.neverCarriers.includes(carrier)) continue;
    const sender = senderAt(
      source,
      country,
      carrier,
      message.account,
      message.sender,
      query.senderKind,
    );
    const senderKind = sender.replacement === "" ? query.senderKind : kindOf(sender.replacement);
    const deck = buyDeck(source, carrier, "sms");
    const row = deck && rateOf(rowsOf(deck), { ...query, senderKind });
    if (deck === undefined || row === undefined) continue;
    if (!sender.taken) stopped.add(REASON.SENDER_REFUSED);
    else if (!isComparable(context, deck.currency)) stopped.add(REASON.NO_ROUTE);
    else if (!keepsMargin(context, row, deck.currency, counted)) stopped.add(REASON.BELOW_COST);
    else {
      offers.push({
        carrier,
        row,
        currency: deck.currency,
        sender: sender.replacement,
        score: score(carrier) ?? middling,
        health: inputs.health(carrier),
        group: place,
        by: group.by,
      });
    }
  }
  return offers;
}

function reasonOfNone(groups: readonly Group[], stopped: ReadonlySet<number>): number {
  if (groups.some(({ by }) => by === "block")) return REASON.BLOCKED_BY_RULE;
  if (stopped.has(REASON.BELOW_COST)) return REASON.BELOW_COST;
  return stopped.has(REASON.SENDER_REFUSED) ? REASON.SENDER_REFUSED : REASON.NO_ROUTE;
}

function compareOffers(context: Context, one: Offer, other: Offer): number {
  if (one.health !== other.health) return one.health - other.health;
  if (one.group !== other.group) return one.group - other.group;
  if (one.by === "order") return 0;
  if (one.by === "quality" && one.score !== other.score) return other.score - one.score;
  const { segments } = context.counted;
  return compare(
    worth(context, amountOf(one.row.terms, segments), one.currency),
    worth(context, amountOf(other.row.terms, segments), other.currency),
  );
}

/** What an amount is worth in the unit that all are compared in. */
function worth({ source, plan, atMs }: Context, micros: bigint, currency: string): Fraction {
  const rate = rateAt(source.exchangeRates, currency, atMs);
  // Where a rate is missing, all that are left have the plan's currency, or there is no plan.
  if (rate === undefined) return whole(micros * (plan === undefined ? UNIT_NANOS : 1n));
  return whole(micros * rate);
}

/** Whether a carrier's cost can be compared with the price: without a plan there is none. */
function isComparable({ source, plan, atMs }: Context, currency: string): boolean {
  if (plan === undefined || plan.currency === currency) return true;
  const rates = source.exchangeRates;
  return (
    rateAt(rates, currency, atMs) !== undefined && rateAt(rates, plan.currency, atMs) !== undefined
  );
}

/** Price less cost is at least the rule's margin, in the plan's currency. */
function keepsMargin(
  context: Context,
  { terms }: RateRow,
  currency: string,
  { segments }: Counted,
): boolean {
  const { source, rule, sold, plan, atMs } = context;
  if (rule.allowLoss || sold === undefined || plan === undefined) return true;
  const price = boundOf(sold, segments, false);
  const percent = (price * BigInt(rule.marginBasisPoints) + 9_999n) / 10_000n;
  const fixed = BigInt(rule.marginMicros);
  const least = [0n, fixed, percent].reduce((most, one) => (one > most ? one : most));
  const cost = amountOf(terms, segments);
  if (currency === plan.currency) return cost <= price - least;
  const bought = rateAt(source.exchangeRates, currency, atMs)!;
  const soldAt = rateAt(source.exchangeRates, plan.currency, atMs)!;
  return (
    compare(times(whole(cost), { numerator: bought, denominator: soldAt }), whole(price - least)) <=
    0
  );
}

/** Of the account's first message of the month: the owner knows the counter. */
function priceOf({ terms }: RateRow, segments: number): bigint {
  return terms.tiers === undefined ? amountOf(terms, segments) : tierAmountOf(terms, 0n, segments);
}

/** The least or the most that the message may cost, whatever the account has had in the month. */
function boundOf({ terms }: RateRow, segments: number, highest: boolean): bigint {
  const prices = terms.tiers?.steps.map(({ priceMicros }) => priceMicros) ?? [terms.priceMicros];
  const priceMicros = highest ? Math.max(...prices) : Math.min(...prices);
  const { tiers: _, ...plain } = terms;
  return amountOf({ ...plain, priceMicros }, segments);
}

/** The text by the Turkish tables, if all carriers take them, it saves, and all keep their margin. */
function turkishOf(context: Context, chosen: readonly Offer[]): Counted | undefined {
  const { source, message, counted } = context;
  const { turkish } = message.text;
  if (turkish === undefined || turkish.segments >= counted.segments) return undefined;
  const takes = (name: string): boolean =>
    source.carriers.find((carrier) => carrier.name === name)!.languages.includes("tr");
  const allTake = chosen.every(({ carrier }) => takes(carrier));
  const allKeep = chosen.every(({ row, currency }) => keepsMargin(context, row, currency, turkish));
  return allTake && allKeep ? turkish : undefined;
}

function scoreOf(known: ReturnType<Inputs["quality"]>): number | undefined {
  if (known === undefined) return undefined;
  return known.rate - Math.floor(Math.min(known.p95Ms, 60_000) / 30);
}

function meanOf(scores: readonly (number | undefined)[]): number {
  const known = scores.filter((score) => score !== undefined);
  if (known.length === 0) return 0;
  return Math.floor(known.reduce((sum, score) => sum + score, 0) / known.length);
}

/** "+" and digits, or more than 8 digits: a number; up to 8: a short code; "" has no kind. */
export function kindOf(sender: string): number {
  if (sender === "") return SENDER_KIND.any;
  if (/^\+\d+$/.test(sender) || /^\d{9,}$/.test(sender)) return SENDER_KIND.numeric;
  return /^\d+$/.test(sender) ? SENDER_KIND.short : SENDER_KIND.alphanumeric;
}
