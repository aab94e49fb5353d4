/**
 * In flight: the submit_sm of one session that wait for their answer, flat by sequence number.
 *
 * A sequence number's place is its low bits. The table is at least four times the window, so a free
 * place is near, and numbers whose place an old unanswered one still holds are passed over. What is
 * kept: the caller's ticket, the part, and when it was sent. No object, no timer per PDU: the
 * oldest is known because numbers are given in order.
 */
import { SEQUENCE_MAX } from "./pdu.js";

export interface InFlight {
  /** How many wait for an answer. */
  count(): number;
  /** Takes the next sequence number for a PDU that is about to be written. */
  add(ticket: number, part: number, nowMs: number): number;
  /** A sequence number for a PDU that is not in the window (enquire_link, unbind). */
  next(): number;
  /** Frees `sequence`; false: it is not in flight. `taken` then tells whose it was. */
  take(sequence: number): boolean;
  /**
   * Frees everything sent before `sentBeforeMs`, oldest first, and hands it to `expired`.
   * With Infinity: everything, for a connection that closed.
   */
  expire(
    sentBeforeMs: number,
    expired: (ticket: number, part: number, sequence: number) => void,
  ): void;
  /** When the oldest was sent, Infinity: nothing is in flight. */
  oldestMs(): number;
}

/** What `take` found: read by its caller before the next call. */
export const taken = { ticket: 0, part: 0, sentAtMs: 0 };

const FREE = -1;

export function newInFlight(window: number): InFlight {
  let size = 64;
  while (size < window * 4) size *= 2;
  const mask = size - 1;
  const sequences = new Int32Array(size).fill(FREE);
  const tickets = new Int32Array(size);
  const parts = new Uint8Array(size);
  const sentAtMs = new Float64Array(size);
  let count = 0;
  let last = 0;
  // All sequence numbers before this one are answered, or were passed over.
  let oldest = 1;

  function next(): number {
    last = last === SEQUENCE_MAX ? 1 : last + 1;
    return last;
  }

  /** Moves `oldest` to the first that is in flight; undefined if nothing is. */
  function findOldest(): number | undefined {
    if (count === 0) return undefined;
    while (sequences[oldest & mask] !== oldest) oldest = oldest === SEQUENCE_MAX ? 1 : oldest + 1;
    return oldest & mask;
  }

  function free(place: number): void {
    sequences[place] = FREE;
    count -= 1;
  }

  return {
    count: () => count,
    next,
    add(ticket, part, nowMs) {
      if (count === 0) oldest = last === SEQUENCE_MAX ? 1 : last + 1;
      let sequence = next();
      while (sequences[sequence & mask] !== FREE) sequence = next();
      const place = sequence & mask;
      sequences[place] = sequence;
      tickets[place] = ticket;
      parts[place] = part;
      sentAtMs[place] = nowMs;
      count += 1;
      return sequence;
    },
    take(sequence) {
      const place = sequence & mask;
      if (sequence <= 0 || sequences[place] !== sequence) return false;
      taken.ticket = tickets[place]!;
      taken.part = parts[place]!;
      taken.sentAtMs = sentAtMs[place]!;
      free(place);
      return true;
    },
    expire(sentBeforeMs, expired) {
      for (;;) {
        const place = findOldest();
        if (place === undefined || sentAtMs[place]! >= sentBeforeMs) return;
        const sequence = sequences[place]!;
        free(place);
        expired(tickets[place]!, parts[place]!, sequence);
      }
    },
    oldestMs() {
      const place = findOldest();
      return place === undefined ? Number.POSITIVE_INFINITY : sentAtMs[place]!;
    },
  };
}
