/**
 * Bare: the least that routing and rating of a message could cost on these tables and this machine.
 *
 * What nobody can leave out and nothing else: the number looked up, the price, the margin, and the
 * three carriers that charge least with their costs. No rule, guard, sender, health or weight, nothing
 * written for a decision. What the core costs above it is what these take.
 */
import { RANKED_MAX, RANKING } from "../../workers/destinations.js";
import { rankingOf } from "../../workers/ranking.js";
import { sellTerms } from "../../workers/rates.js";
import {
  lookUp,
  newRecipients,
  RECIPIENT_BYTES,
  RECIPIENTS_MAX,
} from "../../workers/recipients.js";
import { newRoutingQuery, type Routing } from "../../workers/routing.js";
import { planIndex } from "../../workers/tables.js";
import { BENCH_AT_MS, BENCH_PLAN } from "./source.js";
import type { Traffic } from "./traffic.js";

const recipients = newRecipients();
const query = newRoutingQuery();
const TRANSACTIONAL = 2;
/** One hundredth, as the rule that most messages meet has it. */
const MARGIN = 0.01;
const WANTED = 3;

/** @returns what was found, so that nothing is left out. */
export function runBare({ messages, digits, digitsAt }: Traffic, routing: Routing): number {
  const plan = planIndex(routing.tables, BENCH_PLAN);
  let found = 0;
  for (let first = 0; first < messages; first += RECIPIENTS_MAX) {
    const batch = Math.min(RECIPIENTS_MAX, messages - first);
    for (let slot = 0; slot < batch; slot += 1) {
      const at = digitsAt[first + slot]!;
      const length = digitsAt[first + slot + 1]! - at;
      const to = slot * RECIPIENT_BYTES;
      for (let digit = 0; digit < length; digit += 1)
        recipients.digits[to + digit] = digits[at + digit]!;
      recipients.lengths[slot] = length;
    }
    lookUp(routing.tables, recipients, batch);
    for (let slot = 0; slot < batch; slot += 1) {
      found += rate(routing, plan, slot, BENCH_AT_MS + first + slot);
    }
  }
  return found;
}

/** Price of a segment and the costs of the three that are within the margin. */
function rate(routing: Routing, plan: number, slot: number, atMs: number): number {
  const { tables, carrierCurrencies, exchange } = routing;
  const { destinations, networks, lengths } = recipients;
  const at = slot * RECIPIENT_BYTES;
  query.destination = destinations[slot]!;
  query.network = networks[slot]!;
  query.acceptedAtMs = atMs;
  const end = at + lengths[slot]!;
  const { destination, network } = query;
  const terms = sellTerms(
    tables,
    plan,
    0,
    destination,
    recipients.digits,
    at,
    end,
    network,
    TRANSACTIONAL,
    0,
    atMs,
  );
  const priceMicros = terms < 0 ? 0 : tables.terms.words[terms]!;
  const first = rankingOf(routing, query);
  if (first < 0) throw new Error("the bench's destinations all have a ranking");
  const limit = (priceMicros - Math.ceil(priceMicros * MARGIN)) * exchange.rateNanos[0]!;
  let kept = 0;
  let sum = priceMicros;
  for (let rank = 0; rank < RANKED_MAX && kept < WANTED; rank += 1) {
    const word = tables.destinations[first + rank]!;
    const carrier = word >>> RANKING.carrierShift;
    const costMicros = tables.terms.words[word & RANKING.termsMask]!;
    const own = carrierCurrencies[carrier] === routing.planCurrencies[plan];
    // Rates of the bench: euros, then dollars by time.
    const worth = costMicros * exchange.rateNanos[own ? 0 : 2]!;
    if (worth > limit) break;
    sum += costMicros;
    kept += 1;
  }
  return sum + kept;
}
