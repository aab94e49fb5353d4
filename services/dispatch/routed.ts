/**
 * Routed: a request frame on its way through a turn: held unacked, then with what the pool made of it.
 */
import type { Delivery } from "../../core/stream/stream.js";
import { INDEX, INDEX_STRIDE, type RouteResult } from "../../workers/task.js";

/** A request frame that was delivered and is not acked. */
export interface Held {
  readonly lane: number;
  readonly sequence: number;
  /** Nats-Msg-Id. */
  readonly publishId: string;
  readonly storedAtMs: number;
  readonly data: Uint8Array;
  readonly records: number;
  /** Earliest and latest acceptance in it. */
  readonly acceptedFromMs: number;
  readonly acceptedToMs: number;
  /** Monotonic, when it arrived. */
  readonly arrivedAtMs: number;
  /** The last delivery of it, the one to ack. */
  delivery: Delivery;
  /** Monotonic, when it was delivered or last said to be worked on. */
  touchedAtMs: number;
  /** Tasks that failed with it. */
  failures: number;
  /** The same frame, stored again under other sequences. */
  readonly twins: Delivery[];
}

/**
 * What a rate with tiers (INDEX.tier, from 1) makes of a message of so many segments, whose account
 * has had `segmentsBefore` in the month: micro-units of the plan's currency.
 */
export type TierPrice = (tier: number, segmentsBefore: number, segments: number) => number;

/** What the pool made of frames, and how its table set prices tiers. */
export interface RoutedResult extends RouteResult {
  readonly tierPrice: TierPrice;
}

/** Neighbouring records of one result. */
export interface Part {
  readonly result: RoutedResult;
  readonly verdicts: Uint8Array;
  readonly dispatches: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** A routed request frame: one part, or several if it had to be taken record by record. */
export interface Routed {
  readonly held: Held;
  readonly parts: readonly Part[];
  readonly records: number;
  readonly verdictBytes: number;
}

export function routed(held: Held, parts: readonly Part[]): Routed {
  let records = 0;
  let verdictBytes = 0;
  for (const part of parts) {
    records += part.to - part.from;
    verdictBytes += verdictsEnd(part) - verdictsStart(part);
  }
  return { held, parts, records, verdictBytes };
}

/** Where the part's verdict records begin (their first tag) and end. */
export function verdictsStart({ result, from }: Part): number {
  return from === 0 ? 0 : result.index[(from - 1) * INDEX_STRIDE + INDEX.verdictEnd]!;
}
export function verdictsEnd({ result, from, to }: Part): number {
  if (to === from) return verdictsStart({ result, from } as Part);
  return result.index[(to - 1) * INDEX_STRIDE + INDEX.verdictEnd]!;
}
