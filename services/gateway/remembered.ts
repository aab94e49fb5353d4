/**
 * Remembered keys: which message an idempotency key was lately used for, as far as this gateway
 * knows. A cache, so that a conflict is told in the answer; the owner of the partition decides.
 *
 * In: key tag and message id of what the stream has confirmed. Out: whether a key is known with
 * another id. Sets of four entries, the oldest leaves. An entry is four words that lie together, so
 * that a set is one line of the processor's cache: in five arrays a look-up cost four times as
 * much.
 */
import { readUint32 } from "../../core/stream/frame.js";

export interface RememberedKeys {
  /** Whether this key was confirmed, within 24 hours, for another message than `ids[idAt, +16)`. */
  conflicts(low: number, high: number, ids: Uint8Array, idAt: number, nowMs: number): boolean;
  /** The stream has confirmed it. What was first stays. */
  remember(low: number, high: number, ids: Uint8Array, idAt: number, nowMs: number): void;
}

const SET_ENTRIES = 4;
const HOUR_MS = 3_600_000;
/** Never longer than the owner remembers it: an hour begun counts as over. */
const WINDOW_HOURS = 24;
/** Words of an entry: key tag, the last word of the id (all chance), hour since 1970 (0: empty). */
const WORDS = 4;
const HIGH = 1;
const ID = 2;
const HOUR = 3;

/** @param entries a power of two; 16 bytes each. */
export function openRememberedKeys(entries: number): RememberedKeys {
  const table = new Int32Array(entries * WORDS);
  const mask = entries / SET_ENTRIES - 1;

  /** Where the set of a key begins. */
  function setOf(low: number): number {
    return (low & mask) * SET_ENTRIES * WORDS;
  }

  /** The entry of this key that is still within its window, or -1. */
  function find(low: number, high: number, hour: number): number {
    const set = setOf(low);
    for (let entry = set; entry < set + SET_ENTRIES * WORDS; entry += WORDS) {
      const same = table[entry] === low && table[entry + HIGH] === high;
      if (same && hour - table[entry + HOUR]! < WINDOW_HOURS) return entry;
    }
    return -1;
  }

  function conflicts(low: number, high: number, ids: Uint8Array, idAt: number, nowMs: number) {
    const entry = find(low, high, Math.floor(nowMs / HOUR_MS));
    return entry >= 0 && table[entry + ID] !== (readUint32(ids, idAt + 12) | 0);
  }

  function remember(low: number, high: number, ids: Uint8Array, idAt: number, nowMs: number) {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (find(low, high, hour) >= 0) return;
    const set = setOf(low);
    let oldest = set;
    for (let entry = set; entry < set + SET_ENTRIES * WORDS; entry += WORDS) {
      if (table[entry + HOUR]! < table[oldest + HOUR]!) oldest = entry;
    }
    // Within one hour all are as old: the tag's upper bits pick one, or the first would always go.
    if (table[oldest + HOUR] === hour) oldest = set + (high & (SET_ENTRIES - 1)) * WORDS;
    table[oldest] = low;
    table[oldest + HIGH] = high;
    table[oldest + ID] = readUint32(ids, idAt + 12);
    table[oldest + HOUR] = hour;
  }

  return { conflicts, remember };
}
