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
   * @returns how often it was counted before, at most 255.
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

const COUNT_MAX = 255;

export function newTrack(): Track {
  let mask = 0xffff;
  let keys = new Uint32Array(2 * (mask + 1));
  let counts = new Uint8Array(mask + 1);
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

  /** Place of the hash, or of nothing, where it belongs. */
  function placeOf(one: number, other: number): number {
    let place = (one ^ (one >>> 15)) & mask;
    for (;;) {
      const found = keys[2 * place]!;
      const beside = keys[2 * place + 1]!;
      if ((found === 0 && beside === 0) || (found === one && beside === other)) return place;
      place = (place + 1) & mask;
    }
  }

  function grow(): void {
    const old = { keys, counts };
    mask = mask * 2 + 1;
    keys = new Uint32Array(2 * (mask + 1));
    counts = new Uint8Array(mask + 1);
    for (let index = 0; index < old.counts.length; index += 1) {
      const [one, other] = [old.keys[2 * index]!, old.keys[2 * index + 1]!];
      if (one === 0 && other === 0) continue;
      const place = placeOf(one, other);
      keys[2 * place] = one;
      keys[2 * place + 1] = other;
      counts[place] = old.counts[index]!;
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
      const place = placeOf(last.high, last.low);
      const before = keys[2 * place] === 0 && keys[2 * place + 1] === 0 ? 0 : counts[place]!;
      counts[place] = Math.min(COUNT_MAX, before + 1);
      if (before > 0) return before;
      keys[2 * place] = last.high;
      keys[2 * place + 1] = last.low;
      size += 1;
      if (size * 2 > mask) grow();
      return 0;
    },
    size: () => size,
    clear() {
      mask = 0xffff;
      keys = new Uint32Array(2 * (mask + 1));
      counts = new Uint8Array(mask + 1);
      size = 0;
    },
  };
}
