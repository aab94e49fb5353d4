/**
 * Routing: which carriers a message is offered to, and in which order. Pure; no I/O, no clock.
 *
 * The order is made once, when tables are compiled, by `compareOffers`: the cheapest carrier first,
 * then the lower priority number, then the name, so that equal tables give equal routes. What is
 * chosen depends on tables, number and traffic class alone: a redelivered message keeps its path.
 */
import { CANDIDATES_MAX } from "../core/limits.js";
import { readOffers } from "./destinations.js";
import type { Tables } from "./tables.js";

/** A carrier's offer for one prefix and traffic class. */
export interface Offer {
  readonly carrier: string;
  /** For one segment, in the carrier's currency. */
  readonly costMicros: number;
  /** The same in the unit that costs are compared in, times 1e6. */
  readonly comparable: bigint;
  readonly priority: number;
}

/** Below zero if `one` is to be tried before `other`. */
export function compareOffers(one: Offer, other: Offer): number {
  if (one.comparable !== other.comparable) return one.comparable < other.comparable ? -1 : 1;
  if (one.priority !== other.priority) return one.priority - other.priority;
  return one.carrier < other.carrier ? -1 : one.carrier > other.carrier ? 1 : 0;
}

/** What became of a carrier for one message. Kept for every carrier of the tables: Explain tells. */
export const OUTCOME = {
  /** One of the candidates; `ranks` has its place, from 0. */
  kept: 0,
  /** The strategy does not name it, or was not asked: a rule blocks, or the message was rejected. */
  notInStrategy: 1,
  /** The account's traffic comes from it (guard.neverCarriers). */
  loopGuard: 2,
  /** No row of its deck applies. */
  noRate: 3,
  /** A sender rule does not let the sender pass. */
  senderRefused: 4,
  /** Its currency has no exchange rate yet, so its cost compares with nothing. */
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
  /** Index of the rule that decided; -1: none was asked. */
  rule: number;
  /** By carrier of the tables, if the choice was explained: OUTCOME, rank or -1, cost or -1, score or -1. */
  outcomes: Uint8Array;
  ranks: Int8Array;
  carrierCostsMicros: Float64Array;
  /** Quality, in 1/10000; only where the strategy asks for it. */
  scores: Int32Array;
}

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

/**
 * Chooses the carriers for a message to `destination`, at most CANDIDATES_MAX.
 *
 * The longest known prefix has decided alone: where none of its carriers takes the traffic class
 * there is no route, for a shorter prefix is priced for other networks.
 * @param trafficClass floe.v1.TrafficClass; unspecified and unknown ones count as transactional.
 * @returns how many were chosen; 0 is an ordinary outcome: "no route".
 */
export function chooseRoutes(
  tables: Tables,
  destination: number,
  trafficClass: number,
  choice: Choice,
): number {
  const counted = trafficClass === 1 || trafficClass === 3 ? trafficClass : 2;
  readOffers(tables, destination, counted, choice);
  return choice.count;
}
