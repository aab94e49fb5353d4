/**
 * Slabs: whole messages of the NATS protocol out of what a socket reads, where the socket put them.
 *
 * A read goes behind the one before it, so a message that lies in several reads lies in one piece.
 * Where a slab ends within a message its beginning is moved to the next slab, nothing else is ever
 * copied. Slabs are not used again, since what was handed on is kept as views of them.
 *
 * Source: https://docs.nats.io/reference/reference-protocols/nats-protocol (MSG, HMSG; all other
 * messages are one line).
 */

export interface Slabs {
  /** Where the next read goes. */
  room(): Uint8Array;
  /**
   * `count` bytes were read into `room()`.
   * @returns the messages that are whole now, undefined: none is.
   */
  filled(count: number): Uint8Array | undefined;
}

/** Small ones are kept by small messages; frames want large ones, of which they cut few. */
const SLAB_BYTES_MIN = 64 * 1_024;
const SLAB_BYTES_MAX = 1_024 * 1_024;
/** A read into less is not worth its call. */
const ROOM_BYTES_MIN = 4_096;
/** Longer than any line of a server; what has none in so many bytes is for the parser to refuse. */
const LINE_BYTES_MAX = 64 * 1_024;
/** Longest message that is kept in one piece. */
const WHOLE_BYTES_MAX = 4 * 1_024 * 1_024;

const CR = 13;
const NEWLINE = 10;
const LETTER = { h: 104, m: 109 } as const;

export function newSlabs(): Slabs {
  let size = SLAB_BYTES_MIN;
  let slab = newSlab(size);
  /** Beginning of what was not handed on, and end of what was read. */
  let from = 0;
  let end = 0;
  /** Bytes of a message whose beginning was handed on. */
  let skip = 0;

  /** Makes room for the rest of the message at `from`, of `length` bytes, 0: not known. */
  function makeRoom(length: number): void {
    const wanted = Math.max(from + length, end + ROOM_BYTES_MIN);
    if (wanted <= slab.length) return;
    const cut = end - from;
    if (Math.max(cut, length) > size / 4) size = Math.min(SLAB_BYTES_MAX, 2 * size);
    const larger = newSlab(Math.max(size, length, cut + ROOM_BYTES_MIN));
    larger.set(slab.subarray(from, end));
    slab = larger;
    from = 0;
    end = cut;
  }

  return {
    room: () => slab.subarray(end),
    filled(count) {
      const begin = from;
      end += count;
      if (skip >= end - from) {
        skip -= end - from;
        from = end;
      } else {
        from = lastEnd(slab, from + skip, end);
        skip = 0;
        if (cut.length > WHOLE_BYTES_MAX || end - from > Math.max(LINE_BYTES_MAX, cut.length)) {
          skip = cut.length === 0 ? 0 : cut.length - (end - from);
          cut.length = 0;
          from = end;
        }
      }
      const whole = from > begin ? slab.subarray(begin, from) : undefined;
      makeRoom(from === end ? 0 : cut.length);
      return whole;
    },
  };
}

/** Not zeroed. No Buffer, because its `slice` is a view where a Uint8Array's is a copy. */
function newSlab(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** Length of the message that `lastEnd` found cut, 0: its line is cut. Read before the next call. */
const cut = { length: 0 };

/** Where the last whole message of `bytes[at, end)` ends. */
function lastEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  while (next < end) {
    const newline = bytes.indexOf(NEWLINE, next);
    if (newline < 0 || newline >= end) {
      cut.length = 0;
      return next;
    }
    const kind = bytes[next]! | 32;
    const hasPayload = kind === LETTER.m || kind === LETTER.h;
    const after = newline + 1 + (hasPayload ? lastNumber(bytes, next, newline) + 2 : 0);
    if (after > end) {
      cut.length = after - next;
      return next;
    }
    next = after;
  }
  cut.length = 0;
  return next;
}

/** The number at the end of a line: the bytes of its payload, headers included. */
function lastNumber(bytes: Uint8Array, at: number, newline: number): number {
  let last = newline - 1;
  if (bytes[last] === CR) last -= 1;
  let value = 0;
  for (let unit = 1; last > at; last -= 1, unit *= 10) {
    const digit = bytes[last]! - 48;
    if (digit < 0 || digit > 9) break;
    value += digit * unit;
  }
  return value;
}
