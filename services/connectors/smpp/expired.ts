/**
 * Expired: the submit_sm of one connection whose response timer ended, for when their answer comes
 * after all: it says what became of a message that is in doubt.
 *
 * Flat and bounded: a sequence number's place is its low bits, so one that is remembered gives way
 * to another only when as many as there are places were sent since. What was not found here was
 * never ours, or was answered before.
 */
export interface Expired {
  /** Remembers what the caller calls this doubt, a number above 0. */
  add(sequence: number, doubt: number, nowMs: number): void;
  /** The doubt of this sequence number, which is forgotten; 0: none is known. */
  take(sequence: number, nowMs: number): number;
  /** The connection has ended: its answers cannot come any more. */
  clear(): void;
}

/** An answer that is later than this is nobody's: sequence numbers come again. */
export const LATE_MS_MAX = 3_600_000;
const PLACES_MIN = 1_024;

export function newExpired(window: number): Expired {
  let size = PLACES_MIN;
  while (size < window * 8) size *= 2;
  const mask = size - 1;
  // Made with the first: most sessions never need it.
  let sequences = new Int32Array(0);
  let doubts = new Float64Array(0);
  let sinceMs = new Float64Array(0);

  return {
    add(sequence, doubt, nowMs) {
      if (sequences.length === 0) {
        sequences = new Int32Array(size);
        doubts = new Float64Array(size);
        sinceMs = new Float64Array(size);
      }
      const place = sequence & mask;
      sequences[place] = sequence;
      doubts[place] = doubt;
      sinceMs[place] = nowMs;
    },
    take(sequence, nowMs) {
      const place = sequence & mask;
      if (sequence <= 0 || sequences[place] !== sequence) return 0;
      sequences[place] = 0;
      return nowMs - sinceMs[place]! <= LATE_MS_MAX ? doubts[place]! : 0;
    },
    clear() {
      sequences.fill(0);
    },
  };
}
