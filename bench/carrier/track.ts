/**
 * Track: how often each message came before, as a flat table of 64-bit hashes (open addressing).
 *
 * Equal means: same recipient, sender and content, and for a part of a long message the same part.
 * The reference in the header of a part is left out: a second try may have another. Of 10 million
 * different messages two look equal with a chance of 3e-6.
 */
export interface Track {
  /**
   * Counts a message; addresses and content stand in `bytes`.
   * @returns how often it was counted before.
   */
  add(bytes: Uint8Array, places: TrackPlaces): number;
  /** Hash of what `add` counted last. */
  readonly last: { high: number; low: number };
  size(): number;
  clear(): void;
}

export interface TrackPlaces {
  source: number;
  sourceEnd: number;
  destination: number;
  destinationEnd: number;
  content: number;
  contentEnd: number;
  /** Places of the reference's octets in the content, [reference, referenceEnd); none: -1. */
  reference: number;
  referenceEnd: number;
  /** Number of the part where the content does not say it (sar_segment_seqnum), 0: none. */
  part: number;
}

export function newTrackPlaces(): TrackPlaces {
  const addresses = { source: 0, sourceEnd: 0, destination: 0, destinationEnd: 0 };
  return { ...addresses, content: 0, contentEnd: 0, reference: -1, referenceEnd: -1, part: 0 };
}

const WIDTH = 3;

export function newTrack(): Track {
  let mask = 0xffff;
  // Hash, hash, count: side by side, so that a message costs one line of the cache.
  let table = new Uint32Array(WIDTH * (mask + 1));
  let size = 0;
  let high = 0;
  let low = 0;
  const last = { high: 0, low: 0 };

  function mixOctet(octet: number): void {
    high = Math.imul(high ^ octet, 0x01000193);
    low = Math.imul(low ^ octet, 0x85ebca6b) + (low >>> 15);
  }

  function mix(bytes: Uint8Array, from: number, end: number, except: TrackPlaces): void {
    const { reference, referenceEnd } = except;
    for (let index = from; index < end; index += 1) {
      mixOctet(index >= reference && index < referenceEnd ? 0 : bytes[index]!);
    }
    high = Math.imul(high ^ 0x100, 0x01000193);
    low = Math.imul(low ^ 0x100, 0x85ebca6b);
  }

  /** Where the hash stands in the table, or would. */
  function placeOf(one: number, other: number): number {
    let place = (one ^ (one >>> 15)) & mask;
    for (;;) {
      const at = WIDTH * place;
      const found = table[at]!;
      const beside = table[at + 1]!;
      if ((found === 0 && beside === 0) || (found === one && beside === other)) return at;
      place = (place + 1) & mask;
    }
  }

  function grow(): void {
    const old = table;
    mask = mask * 2 + 1;
    table = new Uint32Array(WIDTH * (mask + 1));
    for (let index = 0; index < old.length; index += WIDTH) {
      const count = old[index + 2]!;
      if (count === 0) continue;
      const at = placeOf(old[index]!, old[index + 1]!);
      table[at] = old[index]!;
      table[at + 1] = old[index + 1]!;
      table[at + 2] = count;
    }
  }

  return {
    last,
    add(bytes, places) {
      high = 0x811c9dc5 | 0;
      low = 0x9747b28c | 0;
      mix(bytes, places.source, places.sourceEnd, places);
      mix(bytes, places.destination, places.destinationEnd, places);
      mix(bytes, places.content, places.contentEnd, places);
      if (places.part > 0) mixOctet(places.part);
      high ^= high >>> 16;
      low ^= low >>> 13;
      // Zero twice means an empty place.
      last.high = high >>> 0 || 1;
      last.low = low >>> 0 || 1;
      const at = placeOf(last.high, last.low);
      const before = table[at + 2]!;
      table[at + 2] = before + 1;
      if (before > 0) return before;
      table[at] = last.high;
      table[at + 1] = last.low;
      size += 1;
      if (size * 2 > mask) grow();
      return 0;
    },
    size: () => size,
    clear() {
      mask = 0xffff;
      table = new Uint32Array(WIDTH * (mask + 1));
      size = 0;
    },
  };
}
