/**
 * Task: what goes into a pool thread and what comes out. The types between services/dispatch, which
 * sends, and route-and-rate.ts, which answers.
 *
 * In goes a turn's request frames in one owned buffer (moved, not copied), with the table set and
 * the keys that were in force. Out come two buffers of whole records, ready to be put into frames:
 * the owner overwrites a verdict's fixed fields by offset and copies ranges, it builds nothing.
 */
export interface RouteTask {
  /** Request frames (floe.v1.RequestFrame), one after another. */
  readonly frames: ArrayBuffer;
  /** Where each frame ends in `frames`. */
  readonly ends: readonly number[];
  /** The compiled table set (tables.ts), verified by who sends it; shared, so nothing is copied. */
  readonly tables: SharedArrayBuffer;
  readonly keys: TaskKeys;
  /** HEALTH of each carrier, by its index in the tables; absent: all are well. */
  readonly health?: Uint8Array;
  /**
   * For each carrier, and for each country of the tables within it, two numbers: the rate of
   * delivery in 1/10000, -1: unknown; and the 95th percentile of the time to delivery in
   * milliseconds. Absent: nothing is known.
   */
  readonly quality?: Int32Array;
  /** Numbers are taken by their prefix, even if their country has none so long (floe quote). */
  readonly anyNumber?: boolean;
}

/** Carriers that are well go first, degraded ones after them, those that are down last. */
export const HEALTH = { well: 0, degraded: 1, down: 2 } as const;

/** Raw keys for numbers; a data key for each month ("2026-11") that the frames may hold. */
export interface TaskKeys {
  readonly token: Uint8Array;
  readonly data: Readonly<Record<string, Uint8Array>>;
}

export interface RouteResult {
  /** Verdict records, each with its tag and length (field 8), in the order of the requests. */
  readonly verdicts: ArrayBuffer;
  readonly verdictsEnd: number;
  /** Dispatch records, each with its tag and length (field 8); none for what is rejected. */
  readonly dispatches: ArrayBuffer;
  readonly dispatchesEnd: number;
  /** INDEX_STRIDE numbers for each record. */
  readonly index: Int32Array;
  /** Records of each frame; -1: the frame is malformed and gave none. */
  readonly counts: readonly number[];
  /** Names that INDEX.carrier counts. */
  readonly carriers: readonly string[];
  readonly tablesVersion: number;
}

export const INDEX_STRIDE = 10;
/** Offsets into a record's part of `index`. */
export const INDEX = {
  /** First byte of the verdict message, after tag and length; `VERDICT_AT` counts from here. */
  verdictAt: 0,
  verdictEnd: 1,
  /** First byte of the dispatch record's tag, and its end; both 0 for a rejected one. */
  dispatchAt: 2,
  dispatchEnd: 3,
  /** First carrier, an index into `carriers`; -1 for a rejected one. */
  carrier: 4,
  lane: 5,
  /** First carrier's parts (segments). */
  segments: 6,
  /** floe.v1.ChargeBasis. */
  chargeBasis: 7,
  /**
   * One more than the number of a sell rate with tiers (rating.ts `tierAmount`); 0: the price stands.
   * With tiers the verdict has the price of the month's first segments, which the owner replaces.
   */
  tier: 8,
  /** 1: it goes out at most once, in dispatch frames of such messages alone. */
  once: 9,
} as const;

/**
 * Where a verdict's fixed fields have their values, from the first byte of the message. The writer
 * puts fields 1 to 10 first, in this order, always; a test holds this table against the reader.
 */
export const VERDICT_AT = {
  messageId: 2,
  acceptedAtMs: 19,
  account: 28,
  state: 33,
  reason: 38,
  place: 43,
  priceMicros: 48,
  costMicros: 57,
  keyTag: 66,
  expiresAtMs: 75,
} as const;

/** A verdict's `place`: lane, slot index (core/subjects.ts SLOTS) and chunk. */
export function packPlace(lane: number, slot: number, chunk: number): number {
  return (lane | (slot << 8) | (chunk << 16)) >>> 0;
}
