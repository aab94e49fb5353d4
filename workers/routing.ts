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

/** The carriers chosen for one message, best first. One is made and used again and again. */
export interface Choice {
  count: number;
  /** Indices into the tables' carriers. */
  readonly carriers: Int32Array;
  /** For one segment, in the carrier's currency. */
  readonly costsMicros: Float64Array;
}

export function newChoice(): Choice {
  return {
    count: 0,
    carriers: new Int32Array(CANDIDATES_MAX),
    costsMicros: new Float64Array(CANDIDATES_MAX),
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
