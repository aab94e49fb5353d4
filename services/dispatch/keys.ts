/**
 * Idempotency keys of one partition: which message a key of the last 24 hours (of acceptance) led to.
 *
 * A key's tag is a keyed hash of account and key, so the table asks for no account. Entries, 24
 * bytes each, lie in hourly generations in the order in which they came: a generation is dropped as
 * a whole and, once its hour is over, never changes, so it can be a snapshot part of its own. An
 * index, open addressing in 256 segments that grow one by one, leads from tags to entries: nearly
 * all looks are for keys that are new, and find so in one place instead of in 25 generations.
 * A key is never forgotten early: when there is no room, further keys are refused.
 */
import assert from "node:assert";
import { IDEMPOTENCY_WINDOW_MS } from "../../core/limits.js";

/** What `look` found: no message, this very message, or another one under the same key. */
export const KEY_NEW = 0;
export const KEY_SAME = 1;
export const KEY_OTHER = 2;

export interface Keys {
  /**
   * What is known of the key: its tag as two 32-bit halves, and the last 8 bytes of the message id
   * (62 of its bits are random or a keyed hash; under one tag that names the message).
   */
  look(tagLow: number, tagHigh: number, idLow: number, idHigh: number, atSeconds: number): number;
  /** Whether a key accepted at `atSeconds` can be remembered: there is room, and it is not too old. */
  room(atSeconds: number): boolean;
  /**
   * Drops what was accepted too long before `atSeconds` to be told apart from it, and tells for each
   * the place of its account. False: `atSeconds` itself is too old.
   */
  makeRoom(atSeconds: number, dropped: (place: number) => void): boolean;
  /** Remembers it. `nowSeconds` bounds the hour: a clock that runs ahead must not pass the window. */
  add(
    tagLow: number,
    tagHigh: number,
    idLow: number,
    idHigh: number,
    atSeconds: number,
    place: number,
    nowSeconds: number,
  ): void;
  count(): number;
  /**
   * Drops at most `entriesMax` entries of generations that ended before `endedBeforeSeconds`, and
   * tells for each the place of its account. Returns how many it dropped.
   */
  drop(endedBeforeSeconds: number, entriesMax: number, dropped: (place: number) => void): number;
  /** Every entry as its 6 words, for checks. */
  each(seen: (words: Uint32Array) => void): void;
  /** The generations: hours since 1970, and how many entries each has. */
  generations(): readonly { readonly hour: number; readonly count: number }[];
  /** A generation as bytes, and back, where it is not there yet. */
  dump(hour: number): Uint8Array;
  restore(hour: number, bytes: Uint8Array): void;
}

// Words of an entry: 0-1 tag; 2-3 id; 4 seconds since 1970; 5 place of the account.
const WORDS = 6;
const CHUNK_ENTRIES = 4_096;
const CHUNK_SHIFT = 12;
const SEGMENTS = 256;
const FIRST_SLOTS = 32;
const HOUR_SECONDS = 3_600;
/** Hours that can be told apart: the window, and a backlog of a day and a half. */
const HOURS = 64;
/** A reference is the hour modulo HOURS in 6 bits, and a place in it from 1 on in 26; 0 is empty. */
const PLACE_BITS = 26;
const PLACES_MAX = 2 ** PLACE_BITS - 1;
const WINDOW_SECONDS = IDEMPOTENCY_WINDOW_MS / 1_000;

interface Generation {
  hour: number;
  chunks: Uint32Array[];
  count: number;
  /** How many of them, from the first on, are out of the index already. */
  dropped: number;
}

export function openKeys(keysMax: number): Keys {
  const index: Uint32Array[] = Array.from({ length: SEGMENTS }, () => new Uint32Array(FIRST_SLOTS));
  const used = new Uint32Array(SEGMENTS);
  const generations: (Generation | undefined)[] = new Array(HOURS).fill(undefined);
  let oldestHour = Number.POSITIVE_INFINITY;
  let newestHour = 0;
  let total = 0;
  // Where `wordsOf` found the entry of a reference.
  let words: Uint32Array = new Uint32Array(0);
  let at = 0;

  function seek(reference: number): void {
    const place = (reference & PLACES_MAX) - 1;
    const generation = generations[reference >>> PLACE_BITS]!;
    words = generation.chunks[place >>> CHUNK_SHIFT]!;
    at = (place & (CHUNK_ENTRIES - 1)) * WORDS;
  }

  function look(
    tagLow: number,
    tagHigh: number,
    idLow: number,
    idHigh: number,
    atSeconds: number,
  ): number {
    const slots = index[tagHigh >>> 24]!;
    const mask = slots.length - 1;
    let slot = tagLow & mask;
    let found = KEY_NEW;
    for (let reference = slots[slot]!; reference !== 0; reference = slots[slot]!) {
      seek(reference);
      if (words[at] === tagLow && words[at + 1] === tagHigh) {
        const apart = atSeconds - words[at + 4]!;
        if (apart < WINDOW_SECONDS && -apart < WINDOW_SECONDS) {
          if (words[at + 2] === idLow && words[at + 3] === idHigh) return KEY_SAME;
          found = KEY_OTHER;
        }
      }
      slot = (slot + 1) & mask;
    }
    return found;
  }

  function room(atSeconds: number): boolean {
    return total < keysMax && fits(Math.floor(atSeconds / HOUR_SECONDS));
  }

  /** Far apart hours would meet in one place. */
  function fits(hour: number): boolean {
    if (hour <= newestHour - HOURS + 2) return false;
    return total === 0 || hour < oldestHour + HOURS - 2;
  }

  function makeRoom(atSeconds: number, dropped: (place: number) => void): boolean {
    const hour = Math.floor(atSeconds / HOUR_SECONDS);
    drop((hour - HOURS + 3) * HOUR_SECONDS, Number.POSITIVE_INFINITY, dropped);
    return fits(hour);
  }

  function add(
    tagLow: number,
    tagHigh: number,
    idLow: number,
    idHigh: number,
    atSeconds: number,
    place: number,
    nowSeconds: number,
  ): void {
    const hour = Math.floor(Math.min(atSeconds, nowSeconds + HOUR_SECONDS) / HOUR_SECONDS);
    addTo(hour, tagLow, tagHigh, idLow, idHigh, atSeconds, place);
  }

  function addTo(
    hour: number,
    tagLow: number,
    tagHigh: number,
    idLow: number,
    idHigh: number,
    atSeconds: number,
    place: number,
  ): void {
    const generation = generationOf(hour);
    assert(generation.count < PLACES_MAX, "an hour holds no more keys");
    const position = generation.count;
    const offset = (position & (CHUNK_ENTRIES - 1)) * WORDS;
    if (offset === 0) generation.chunks.push(new Uint32Array(CHUNK_ENTRIES * WORDS));
    const chunk = generation.chunks[position >>> CHUNK_SHIFT]!;
    chunk[offset] = tagLow;
    chunk[offset + 1] = tagHigh;
    chunk[offset + 2] = idLow;
    chunk[offset + 3] = idHigh;
    chunk[offset + 4] = atSeconds;
    chunk[offset + 5] = place;
    generation.count += 1;
    total += 1;
    enter(tagLow, tagHigh >>> 24, (((hour % HOURS) << PLACE_BITS) | (position + 1)) >>> 0);
  }

  function generationOf(hour: number): Generation {
    const known = generations[hour % HOURS];
    if (known !== undefined) {
      assert(known.hour === hour, "hours of the window are told apart");
      return known;
    }
    const made: Generation = { hour, chunks: [], count: 0, dropped: 0 };
    generations[hour % HOURS] = made;
    oldestHour = Math.min(oldestHour, hour);
    newestHour = Math.max(newestHour, hour);
    return made;
  }

  function enter(tagLow: number, segment: number, reference: number): void {
    let slots = index[segment]!;
    // At most half full: a reference that is not looked for still costs a look at its entry.
    if ((used[segment]! + 1) * 2 > slots.length) slots = grow(segment, slots);
    const mask = slots.length - 1;
    let slot = tagLow & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = reference;
    used[segment] = used[segment]! + 1;
  }

  function grow(segment: number, old: Uint32Array): Uint32Array {
    const slots = new Uint32Array(old.length * 2);
    const mask = slots.length - 1;
    for (const reference of old) {
      if (reference === 0) continue;
      seek(reference);
      let slot = words[at]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = reference;
    }
    index[segment] = slots;
    return slots;
  }

  function leave(tagLow: number, segment: number, reference: number): void {
    const slots = index[segment]!;
    const mask = slots.length - 1;
    let hole = tagLow & mask;
    while (slots[hole] !== reference) hole = (hole + 1) & mask;
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      seek(slots[next]!);
      // It may move up if its home is not after the hole.
      if (((next - words[at]!) & mask) < ((next - hole) & mask)) continue;
      slots[hole] = slots[next]!;
      hole = next;
    }
    slots[hole] = 0;
    used[segment] = used[segment]! - 1;
  }

  function drop(
    endedBeforeSeconds: number,
    entriesMax: number,
    dropped: (place: number) => void,
  ): number {
    let count = 0;
    while (total > 0 && (oldestHour + 1) * HOUR_SECONDS <= endedBeforeSeconds) {
      const generation = generations[oldestHour % HOURS];
      while (generation !== undefined && generation.dropped < generation.count) {
        if (count === entriesMax) return count;
        const reference = ((oldestHour % HOURS) << PLACE_BITS) | (generation.dropped + 1);
        seek(reference >>> 0);
        const [tagLow, tagHigh, place] = [words[at]!, words[at + 1]!, words[at + 5]!];
        leave(tagLow, tagHigh >>> 24, reference >>> 0);
        dropped(place);
        generation.dropped += 1;
        total -= 1;
        count += 1;
      }
      generations[oldestHour % HOURS] = undefined;
      oldestHour = total === 0 ? Number.POSITIVE_INFINITY : oldestHour + 1;
    }
    return count;
  }

  function dump(hour: number): Uint8Array {
    const generation = generations[hour % HOURS]!;
    const rows = new Uint32Array((generation.count - generation.dropped) * WORDS);
    let into = 0;
    for (let place = generation.dropped; place < generation.count; ) {
      const end = Math.min(generation.count, ((place >>> CHUNK_SHIFT) + 1) << CHUNK_SHIFT);
      const from = (place & (CHUNK_ENTRIES - 1)) * WORDS;
      const chunk = generation.chunks[place >>> CHUNK_SHIFT]!;
      rows.set(chunk.subarray(from, from + (end - place) * WORDS), into);
      into += (end - place) * WORDS;
      place = end;
    }
    return new Uint8Array(rows.buffer);
  }

  function restore(hour: number, bytes: Uint8Array): void {
    const rows = new Uint32Array(new Uint8Array(bytes).buffer);
    for (let at = 0; at < rows.length; at += WORDS) {
      const [tagLow, tagHigh, idLow] = [rows[at]!, rows[at + 1]!, rows[at + 2]!];
      addTo(hour, tagLow, tagHigh, idLow, rows[at + 3]!, rows[at + 4]!, rows[at + 5]!);
    }
  }

  return {
    look,
    room,
    makeRoom,
    add,
    count: () => total,
    drop,
    dump,
    restore,
    generations: () =>
      generations.flatMap((one) =>
        one === undefined || one.count === one.dropped
          ? []
          : [{ hour: one.hour, count: one.count - one.dropped }],
      ),
    each(seen) {
      for (const generation of generations) {
        for (let place = generation?.dropped ?? 0; place < (generation?.count ?? 0); place += 1) {
          const chunk = generation!.chunks[place >>> CHUNK_SHIFT]!;
          const from = (place & (CHUNK_ENTRIES - 1)) * WORDS;
          seen(chunk.subarray(from, from + WORDS));
        }
      }
    },
  };
}
