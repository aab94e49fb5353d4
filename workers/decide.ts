/**
 * Decide: one message routed and rated: its number, network, segments, guard, carriers, price.
 *
 * In: where the message lies in a request frame, its recipient as recipients.ts looked it up, and the
 * tables as routing.ts opened them. Out:
 * `decision` and `choice`, filled in place. The order is fixed, and the first thing that is wrong is
 * the reason; what became known before it stays.
 *
 *   number, network, segments  NUMBER_INVALID, TOO_MANY_SEGMENTS
 *   guard of the account       COUNTRY_BLOCKED, CLASS_BLOCKED
 *   rule and carriers          NO_ROUTE, BLOCKED_BY_RULE, SENDER_REFUSED, BELOW_COST
 *   price                      NO_PRICE, PRICE_CEILING
 *
 * A number is refused if numbers of its country are never so long, or if no pattern of its numbering
 * plan has it; the latter not where the price plan says so (numbering plans grow before anybody's
 * metadata does, and some have numbers for fiction in no pattern).
 */
import { SEGMENTS_MAX } from "../core/limits.js";
import { REASON } from "../core/message.js";
import { LANGUAGE_ID_MAX } from "../core/national.js";
import { ENCODING_BINARY, FLAG } from "../core/stream/fields.js";
import { keepsMargin } from "./candidates.js";
import { type Choice, clearChoice } from "./choice.js";
import { COUNTRY_UNKNOWN, countryCode } from "./codes.js";
import { countryOf } from "./destinations.js";
import { ACTION, actionOf, allowsClass, guardOf } from "./guards.js";
import { number } from "./number.js";
import { COUNTRY_CODES as NUMBER_COUNTRIES } from "./number-plans.js";
import { sellTerms } from "./rates.js";
import { amountOf, basisOf, boundOf, isTiered } from "./rating.js";
import { type Recipients, takeDigitsOf } from "./recipients.js";
import { chooseCarriers, type Routing, type RoutingQuery } from "./routing.js";
import { countBinary, countSegments, measured, nationalSegments } from "./segments.js";
import { senderKindOf } from "./senders.js";

/** One message, as far as it is known. A thread has one, used for every record. */
export interface Decision {
  reason: number;
  lane: number;
  acceptedAtMs: number;
  account: number;
  /** The plan's number, and its index in the tables, -1: unknown. */
  plan: number;
  planIndex: number;
  expiresAtMs: number;
  /** How many digits the recipient has, in `number.digits`; 0: it is not a number. */
  digits: number;
  destination: number;
  /** Index in the tables, -1: unknown. */
  network: number;
  /** Of the number, where the network is unknown: index into number-plans.ts COUNTRY_CODES. */
  country: number;
  trafficClass: number;
  encoding: number;
  segments: number;
  plain: boolean;
  languages: number;
  /** Bits: FLAG. */
  flags: number;
  /** Of all segments. */
  priceMicros: number;
  /** floe.v1.ChargeBasis; 0: the plan is unknown. */
  chargeBasis: number;
  /** Index of the sell rate plus 1, if it has tiers; else 0. */
  tier: number;
}

export function newDecision(): Decision {
  return {
    reason: REASON.NONE,
    lane: 0,
    acceptedAtMs: 0,
    account: 0,
    plan: 0,
    planIndex: -1,
    expiresAtMs: 0,
    digits: 0,
    destination: 0,
    network: -1,
    country: 0,
    trafficClass: 0,
    encoding: 0,
    segments: 0,
    plain: false,
    languages: 0,
    flags: 0,
    priceMicros: 0,
    chargeBasis: 0,
    tier: 0,
  };
}

/** Where a message's parts lie in `bytes`; empty ones begin where they end. */
export interface Places {
  bytes: Uint8Array;
  /** Of the same bytes. */
  view: DataView;
  idAt: number;
  fromAt: number;
  fromEnd: number;
  /** Of the text; of the data, if it is no text. */
  textAt: number;
  textEnd: number;
  binary: boolean;
  /** Octets of the header of a body that is no text. */
  headerOctets: number;
}

const SMS = 0;
/** Of each country that numbers tell, its code. */
const CODES = Int32Array.from(NUMBER_COUNTRIES, (country) => countryCode(country));

/** Forgets what is decided about a message, not what its request says. */
export function clearDecision(decision: Decision): void {
  decision.digits = 0;
  decision.destination = 0;
  decision.network = -1;
  decision.country = 0;
  decision.encoding = 0;
  decision.segments = 0;
  decision.plain = false;
  decision.languages = 0;
  decision.flags = 0;
  decision.priceMicros = 0;
  decision.chargeBasis = 0;
  decision.tier = 0;
}

/**
 * Decides about a message of which `decision` has what its request says.
 * @param query reused; health, quality and explain are the caller's.
 * @param slot of the message's recipient among those that were looked up.
 */
export function decide(
  routing: Routing,
  places: Places,
  decision: Decision,
  query: RoutingQuery,
  choice: Choice,
  recipients: Recipients,
  slot: number,
): void {
  const { tables } = routing;
  const { planIndex } = decision;
  clearChoice(choice, query.explain, tables.carriers.length);
  decision.chargeBasis = planIndex < 0 ? 0 : tables.planBasis[planIndex]!;
  const smart = planIndex >= 0 && tables.planSmart[planIndex] === 1;
  const { bytes, view, textAt, textEnd } = places;
  decision.segments = places.binary
    ? countBinary(textEnd - textAt, places.headerOctets)
    : countSegments(bytes, view, textAt, textEnd, smart);
  takeMeasured(decision);
  decision.reason = takeRecipient(routing, recipients, slot, decision, query);
  if (decision.reason !== REASON.NONE) return;
  if (decision.segments > SEGMENTS_MAX) {
    decision.reason = REASON.TOO_MANY_SEGMENTS;
    return;
  }
  fillQuery(places, decision, query);
  decision.reason = checkGuard(routing, decision, query);
  if (decision.reason !== REASON.NONE) return;

  const terms = sellTerms(
    tables,
    planIndex,
    SMS,
    decision.destination,
    number.digits,
    0,
    number.length,
    decision.network,
    query.trafficClass,
    query.senderKind,
    decision.acceptedAtMs,
  );
  query.priceMicros = terms < 0 ? -1 : boundOf(tables.terms, terms, decision.segments, false);
  decision.reason = chooseCarriers(routing, query, choice);
  if (decision.reason !== REASON.NONE) return;
  if (terms < 0) {
    decision.reason = REASON.NO_PRICE;
    return;
  }
  if (decision.segments > 1 && decision.encoding !== ENCODING_BINARY) {
    useLanguage(routing, places, decision, query, choice, terms);
  }
  price(routing, decision, query, choice, terms);
}

function takeMeasured(decision: Decision): void {
  decision.encoding = measured.encoding;
  decision.plain = measured.plain;
  decision.languages = measured.languages;
  if (measured.smart) decision.flags |= FLAG.smartEncoded;
  else decision.flags &= ~FLAG.smartEncoded;
}

/** Number, network and country, as they were looked up. `number` has the digits from then on. */
function takeRecipient(
  { tables, countryCodes, countryIndices }: Routing,
  recipients: Recipients,
  slot: number,
  decision: Decision,
  query: RoutingQuery,
): number {
  const length = recipients.lengths[slot]!;
  if (length === 0) return REASON.NUMBER_INVALID;
  // A plan that nobody knows has no price: that is what its message is refused for.
  const { planIndex } = decision;
  const isStrict = planIndex >= 0 && tables.planPossible[planIndex] === 0;
  takeDigitsOf(recipients, slot);
  number.length = length;
  number.country = recipients.countries[slot]!;
  const network = recipients.networks[slot]!;
  if (recipients.ported[slot] === 1) decision.flags |= FLAG.ported;
  decision.digits = length;
  decision.destination = recipients.destinations[slot]!;
  decision.network = network;
  decision.country = number.country;
  query.destination = decision.destination;
  query.network = network;
  // The operator's table knows better than the numbering plan: of +44, Jersey's networks.
  const country = countryOf(tables, network);
  query.country =
    country >= 0 ? countryCodes[country]! : (CODES[number.country] ?? COUNTRY_UNKNOWN);
  query.countryIndex = country >= 0 ? country : countryIndices[query.country]!;
  return isStrict && recipients.valid[slot] === 0 ? REASON.NUMBER_INVALID : REASON.NONE;
}

function fillQuery(places: Places, decision: Decision, query: RoutingQuery): void {
  const { bytes, view, idAt, fromAt, fromEnd } = places;
  const { trafficClass } = decision;
  query.account = decision.account;
  query.plan = decision.plan;
  query.planIndex = decision.planIndex;
  // Unspecified and unknown classes count as transactional.
  query.trafficClass = trafficClass === 1 || trafficClass === 3 ? trafficClass : 2;
  query.channel = SMS;
  query.digits = number.digits;
  query.digitsAt = 0;
  query.digitsEnd = number.length;
  query.sender = bytes;
  query.senderAt = fromAt;
  query.senderEnd = fromEnd;
  query.senderKind = senderKindOf(bytes, fromAt, fromEnd);
  query.acceptedAtMs = decision.acceptedAtMs;
  query.segments = decision.segments;
  query.idView = view;
  query.idAt = idAt;
}

function checkGuard({ guards }: Routing, decision: Decision, query: RoutingQuery): number {
  query.guard = guardOf(guards, decision.account);
  if (query.guard < 0) return REASON.NONE;
  const action = actionOf(guards, query.guard, query.country);
  if (action === ACTION.monitor) decision.flags |= FLAG.monitored;
  if (action === ACTION.block) return REASON.COUNTRY_BLOCKED;
  return allowsClass(guards, query.guard, query.trafficClass) ? REASON.NONE : REASON.CLASS_BLOCKED;
}

/**
 * Counts the text with the national language tables that all candidates take, and keeps those that
 * save most, if any does and the margin is kept by all candidates then.
 */
function useLanguage(
  routing: Routing,
  { bytes, view, textAt, textEnd }: Places,
  decision: Decision,
  query: RoutingQuery,
  choice: Choice,
  terms: number,
): void {
  let common = -1;
  for (let index = 0; index < choice.count; index += 1) {
    common &= routing.carrierLanguages[choice.carriers[index]!]!;
  }
  if (common === 0) return;
  const allTerms = routing.tables.terms;
  for (let language = 1; language <= LANGUAGE_ID_MAX; language += 1) {
    if ((common & (1 << language)) === 0) continue;
    const segments = nationalSegments(bytes, view, textAt, textEnd, language);
    if (segments === 0 || segments >= decision.segments) continue;
    query.priceMicros = boundOf(allTerms, terms, segments, false);
    if (!keepsMargin(segments)) continue;
    decision.segments = segments;
    takeMeasured(decision);
  }
  query.priceMicros = boundOf(allTerms, terms, decision.segments, false);
  for (let index = 0; index < choice.count; index += 1) {
    choice.costsMicros[index] = amountOf(allTerms, choice.terms[index]!, decision.segments);
  }
}

function price(
  { tables, guards }: Routing,
  decision: Decision,
  query: RoutingQuery,
  choice: Choice,
  terms: number,
): void {
  decision.priceMicros = amountOf(tables.terms, terms, decision.segments);
  decision.chargeBasis = basisOf(tables.terms, terms) || decision.chargeBasis;
  if (isTiered(tables.terms, terms)) {
    decision.tier = terms + 1;
    decision.flags |= FLAG.tiered;
  }
  const ceilingMicros = query.guard < 0 ? 0 : guards.ceilings[query.guard]!;
  // The owner will set the price of a tier: neither ceiling nor margin may depend on which.
  const mostMicros = ceilingMicros > 0 ? boundOf(tables.terms, terms, decision.segments, true) : 0;
  if (mostMicros > ceilingMicros) {
    decision.reason = REASON.PRICE_CEILING;
  } else if (choice.senders[0]! >= 0) {
    decision.flags |= FLAG.senderReplaced;
  }
}
