/**
 * Track: which messages came before, as a flat set of 64-bit hashes (open addressing).
 *
 * Equal means: same recipient, sender and content, and for a part of a long message the same part.
 * The reference in the header of a part is left out: a second try may have another. Of 10 million
 * different messages two look equal with a chance of 3e-6.
 */
export interface Track {
  /** Adds a message. False: it was there. Addresses and content stand in `bytes`. */
  add(bytes: Uint8Array, places: TrackPlaces): boolean;
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
  /** Place of the reference's octet in the content, -1: the message is in one part. */
  reference: number;
}

export function newTrack(): Track {
  let mask = 0xffff;
  let keys = new Uint32Array(2 * (mask + 1));
  let size = 0;
  let high = 0;
  let low = 0;

  function mix(bytes: Uint8Array, from: number, end: number, except: number): void {
    for (let index = from; index < end; index += 1) {
      const octet = index === except ? 0 : bytes[index]!;
      high = Math.imul(high ^ octet, 0x01000193);
      low = Math.imul(low ^ octet, 0x85ebca6b) + (low >>> 15);
    }
    high = Math.imul(high ^ 0x100, 0x01000193);
    low = Math.imul(low ^ 0x100, 0x85ebca6b);
  }

  function insert(one: number, other: number): boolean {
    let place = (one ^ (one >>> 15)) & mask;
    for (;;) {
      const found = keys[2 * place]!;
      const beside = keys[2 * place + 1]!;
      if (found === 0 && beside === 0) break;
      if (found === one && beside === other) return false;
      place = (place + 1) & mask;
    }
    keys[2 * place] = one;
    keys[2 * place + 1] = other;
    return true;
  }

  function grow(): void {
    const old = keys;
    mask = mask * 2 + 1;
    keys = new Uint32Array(2 * (mask + 1));
    for (let index = 0; index < old.length; index += 2) {
      if (old[index] !== 0 || old[index + 1] !== 0) insert(old[index]!, old[index + 1]!);
    }
  }

  return {
    add(bytes, places) {
      high = 0x811c9dc5 | 0;
      low = 0x9747b28c | 0;
      mix(bytes, places.source, places.sourceEnd, -1);
      mix(bytes, places.destination, places.destinationEnd, -1);
      mix(bytes, places.content, places.contentEnd, places.reference);
      high ^= high >>> 16;
      low ^= low >>> 13;
      // Zero twice means an empty place.
      const isNew = insert(high >>> 0 || 1, low >>> 0 || 1);
      if (isNew) size += 1;
      if (size * 2 > mask) grow();
      return isNew;
    },
    size: () => size,
    clear() {
      mask = 0xffff;
      keys = new Uint32Array(2 * (mask + 1));
      size = 0;
    },
  };
}
