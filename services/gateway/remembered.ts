/**
 * Remembered keys: which message an idempotency key was lately used for, as far as this gateway
 * knows. A cache, so that a conflict is told in the answer; the owner of the partition decides.
 *
 * In: key tag and message id of what the stream has confirmed. Out: whether a key is known with
 * another id. Sets of four entries in flat arrays, the oldest leaves: 20 bytes an entry, no garbage.
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

/** @param entries a power of two. */
export function openRememberedKeys(entries: number): RememberedKeys {
  const lows = new Int32Array(entries);
  const highs = new Int32Array(entries);
  const idLows = new Int32Array(entries);
  const idHighs = new Int32Array(entries);
  // 0: empty, so hours count from 1970.
  const hours = new Int32Array(entries);
  const mask = entries / SET_ENTRIES - 1;

  /** The entry of this key that is still within its window, or -1. */
  function find(low: number, high: number, hour: number): number {
    const set = (low & mask) * SET_ENTRIES;
    for (let entry = set; entry < set + SET_ENTRIES; entry += 1) {
      if (lows[entry] === low && highs[entry] === high && hour - hours[entry]! < WINDOW_HOURS) {
        return entry;
      }
    }
    return -1;
  }

  function conflicts(low: number, high: number, ids: Uint8Array, idAt: number, nowMs: number) {
    const entry = find(low, high, Math.floor(nowMs / HOUR_MS));
    if (entry < 0) return false;
    // The last eight bytes: the first hold the version, the last all chance but two bits.
    return (
      idLows[entry] !== (readUint32(ids, idAt + 8) | 0) ||
      idHighs[entry] !== (readUint32(ids, idAt + 12) | 0)
    );
  }

  function remember(low: number, high: number, ids: Uint8Array, idAt: number, nowMs: number) {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (find(low, high, hour) >= 0) return;
    const set = (low & mask) * SET_ENTRIES;
    let oldest = set;
    for (let entry = set + 1; entry < set + SET_ENTRIES; entry += 1) {
      if (hours[entry]! < hours[oldest]!) oldest = entry;
    }
    // Within one hour all are as old: the tag's upper bits pick one, or the first would always go.
    if (hours[oldest] === hour) oldest = set + (high & (SET_ENTRIES - 1));
    lows[oldest] = low;
    highs[oldest] = high;
    idLows[oldest] = readUint32(ids, idAt + 8);
    idHighs[oldest] = readUint32(ids, idAt + 12);
    hours[oldest] = hour;
  }

  return { conflicts, remember };
}
