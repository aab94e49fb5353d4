/**
 * Months: how many segments each account of a partition has had routed in a month, for volume tiers.
 *
 * A month is that of acceptance, in UTC; a message counts when it is decided, whatever becomes of
 * it. Two months are kept: one is still decided a little while after it ended. Accounts are known by
 * their place (accounts.ts).
 */
export interface Months {
  /** Segments of the account in the month (`monthOf`) so far. */
  segments(place: number, month: number): number;
  add(place: number, month: number, segments: number): void;
  /** Places `[from, to)` as bytes, and back. */
  dump(from: number, to: number): Uint8Array;
  restore(from: number, bytes: Uint8Array): void;
  bytes(): number;
}

const KEPT = 2;
/** Of a dump, in floats: month and segments, for each month kept. */
const ROW = 2 * KEPT;
const FIRST_SIZE = 64;

export function openMonths(): Months {
  // At [place * ROW + 2 * (month % 2)] the month, and then its segments. 0 is no month since 1970.
  let rows = new Float64Array(FIRST_SIZE * ROW);

  function make(places: number): void {
    if (places * ROW <= rows.length) return;
    const larger = new Float64Array(Math.max(2 * rows.length, places * ROW));
    larger.set(rows);
    rows = larger;
  }

  function cell(place: number, month: number): number {
    return place * ROW + 2 * (month % KEPT);
  }

  return {
    segments(place, month) {
      const at = cell(place, month);
      return at < rows.length && rows[at] === month ? rows[at + 1]! : 0;
    },
    add(place, month, segments) {
      make(place + 1);
      const at = cell(place, month);
      if (rows[at]! > month) return;
      if (rows[at] !== month) {
        rows[at] = month;
        rows[at + 1] = 0;
      }
      rows[at + 1] = rows[at + 1]! + segments;
    },
    dump(from, to) {
      const part = new Float64Array((to - from) * ROW);
      part.set(rows.subarray(from * ROW, Math.min(rows.length, to * ROW)));
      return new Uint8Array(part.buffer);
    },
    restore(from, bytes) {
      const part = new Float64Array(new Uint8Array(bytes).buffer);
      make(from + part.length / ROW);
      rows.set(part, from * ROW);
    },
    bytes: () => rows.byteLength,
  };
}

const DAY_MS = 86_400_000;

/** The month that a day (since 1970, UTC) lies in. */
export function monthOfDay(day: number): number {
  return monthOf(day * DAY_MS);
}

let lastFromMs = 0;
let lastToMs = -1;
let lastMonth = 0;

/** Months since the year 0 that `atMs` (since 1970, UTC) lies in; never 0. */
export function monthOf(atMs: number): number {
  // Nearly all messages are of one month.
  if (atMs >= lastFromMs && atMs < lastToMs) return lastMonth;
  const at = new Date(atMs);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  lastFromMs = Date.UTC(year, month, 1);
  lastToMs = Date.UTC(year, month + 1, 1);
  lastMonth = 12 * year + month;
  return lastMonth;
}
