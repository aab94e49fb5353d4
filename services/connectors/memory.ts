/**
 * Memory: the attempts at one carrier that receipts and redelivered frames are compared with.
 *
 * One entry for each part that was submitted (with the carrier's id for it), or for the attempt that
 * was refused or is in doubt. Entries lie in one array of words, found by open-addressing indexes:
 * by carrier id, and (filled in when it is asked for) by message id, accepted day and hop. Nothing is ever taken out: there
 * are two generations, and when the younger is full or two hours old the older is dropped whole. An
 * entry costs about 120 bytes and 0.2 us; a Map of objects takes five times both.
 *
 * It is a cache (promise P4): filled from `attempt.*.<carrier>`, by the attempts of all connectors,
 * and `coversFromMs` says how far back it is complete.
 */
import assert from "node:assert";
import { acceptedDay } from "../../core/message.js";
import { ATTEMPT_SUBMITTED } from "../../core/stream/fields.js";
import { readUint53 } from "../../core/stream/frame.js";
import { hashId, sameId } from "./carrier-id.js";
import { START, START_BYTES } from "./record.js";

/** How long an attempt is remembered at least, if there is room: the join horizon. */
export const MEMORY_MS = 2 * 3_600_000;

/** Words of an entry. */
const WORD = {
  /** Fields 1 to 3 of its attempt, as they are written (record.ts). */
  start: 0,
  token: 8,
  /** partition | hop << 16 */
  partition: 12,
  /** kind | part << 8 | parts << 16 | state of the part << 24 */
  kinds: 13,
  carrierId: 14,
  carrierIdLength: 15,
  hashCarrier: 16,
  sequenceLow: 17,
  sequenceHigh: 18,
} as const;
const STRIDE = 19;

/** State of the part of a refusal: a late one, which its frame goes on after by itself. */
export const REFUSED_LATE = 2;
const ENTRIES_MIN = 1_024;

/** An attempt to be remembered; one object, filled anew for each. */
export interface Remembered {
  /** Where fields 1 to 3 of the attempt stand (record.ts). */
  bytes: Uint8Array;
  startAt: number;
  /** Where the token stands; -1: there is none. */
  token: Uint8Array;
  tokenAt: number;
  partition: number;
  hop: number;
  kind: number;
  /** From 1; 1 of 1 for a short message. */
  part: number;
  parts: number;
  /** State rank of the part by itself, 0: not known yet. */
  partState: number;
  carrierId: Uint8Array;
  carrierIdAt: number;
  carrierIdEnd: number;
  /** Stream sequence of the attempt's frame, 0: not known. */
  sequence: number;
}

export function newRemembered(): Remembered {
  const none = new Uint8Array(0);
  const places = { bytes: none, startAt: 0, token: none, tokenAt: -1 };
  const parts = { part: 1, parts: 1, partState: 0, carrierId: none };
  const ids = { carrierIdAt: 0, carrierIdEnd: 0, sequence: 0 };
  return { ...places, partition: 0, hop: 0, kind: 0, ...parts, ...ids };
}

/** Fills what all parts of an attempt have in common, and the rest with what most have. */
export function beginRemembered(
  into: Remembered,
  kind: number,
  partition: number,
  hop: number,
  parts: number,
): void {
  into.kind = kind;
  into.partition = partition;
  into.hop = hop;
  into.parts = parts;
  into.part = 1;
  into.partState = 0;
  into.carrierIdAt = 0;
  into.carrierIdEnd = 0;
  into.sequence = 0;
}

/** Where an entry was found: read by its caller before the next call. */
export interface Hit {
  words: Uint32Array;
  bytes: Uint8Array;
  /** Where carrier ids stand. */
  texts: Uint8Array;
  /** First word of the entry. */
  at: number;
}

export interface Memory {
  /** Room for `count` entries that stay together: call it before the parts of a message. */
  together(count: number, nowMs: number): void;
  /** Adds an entry; it is in `hit` then. */
  add(attempt: Remembered): void;
  /** Finds the part with this carrier id whose recipient has this token; in `hit`. */
  findCarrierId(
    id: Uint8Array,
    at: number,
    end: number,
    token: Uint8Array,
    tokenAt: number,
  ): boolean;
  /**
   * Finds the first entry of the attempt whose fields 1 to 3 stand at `startAt`; in `hit`. Of
   * several of a hop, the newest: a late answer is told after its doubt. But a submission stands,
   * whatever comes after it: another connector may have been in doubt about its own.
   */
  findAttempt(start: Uint8Array, startAt: number, hop: number): boolean;
  readonly hit: Hit;
  entries(): number;
  /** Attempts stored since then (stream time) are all here; Infinity: none is sure. */
  coversFromMs(): number;
  /** Sets it, when reading begins; or Infinity, when something may be missing. */
  coverFrom(fromMs: number): void;
}

/** @param entriesMax of one generation; there are two. */
export function openMemory(entriesMax: number, nowMs: number): Memory {
  let young = newGeneration(nowMs);
  let old: Generation | undefined;
  let coversFromMs = Number.POSITIVE_INFINITY;
  const hit: Hit = { words: young.words, bytes: young.bytes, texts: young.texts, at: 0 };

  function rotate(atMs: number): void {
    // What the young one holds is stored from its birth on; before that only the old one knows.
    if (old !== undefined) coversFromMs = Math.max(coversFromMs, young.bornAtMs);
    const oldest = old;
    old = young;
    // Its memory is used again: growing anew would copy everything twice.
    young = oldest ?? newGeneration(atMs);
    young.clear(atMs);
  }

  function find(generation: Generation | undefined, place: number): boolean {
    if (generation === undefined || place < 0) return false;
    hit.words = generation.words;
    hit.bytes = generation.bytes;
    hit.texts = generation.texts;
    hit.at = place * STRIDE;
    return true;
  }

  return {
    hit,
    together(count, atMs) {
      if (young.count + count > entriesMax || atMs - young.bornAtMs > MEMORY_MS) rotate(atMs);
      young.together(count);
    },
    add(attempt) {
      young.add(attempt);
      find(young, young.count - 1);
    },
    findCarrierId(id, at, end, token, tokenAt) {
      const hash = hashId(id, at, end);
      return (
        find(young, young.byCarrierId(hash, id, at, end, token, tokenAt)) ||
        (old !== undefined && find(old, old.byCarrierId(hash, id, at, end, token, tokenAt)))
      );
    },
    findAttempt(start, startAt, hop) {
      const id = start;
      const at = startAt + START.messageId;
      const hash = hashMessage(id, at, hop);
      const day = acceptedDay(readUint53(start, startAt + START.acceptedAtMs));
      const inYoung = find(young, young.byMessage(hash, id, at, day, hop));
      if (old === undefined || (inYoung && entry.kind(hit) === ATTEMPT_SUBMITTED)) return inYoung;
      const place = old.byMessage(hash, id, at, day, hop);
      if (!inYoung) return find(old, place);
      const isSubmitted =
        place >= 0 && (old.words[place * STRIDE + WORD.kinds]! & 0xff) === ATTEMPT_SUBMITTED;
      if (isSubmitted) find(old, place);
      return true;
    },
    entries: () => young.count + (old?.count ?? 0),
    coversFromMs: () => coversFromMs,
    coverFrom(fromMs) {
      coversFromMs = fromMs;
    },
  };
}

/** What an entry says. */
export const entry = {
  partition: ({ words, at }: Hit): number => words[at + WORD.partition]! & 0xffff,
  hop: ({ words, at }: Hit): number => words[at + WORD.partition]! >>> 16,
  kind: ({ words, at }: Hit): number => words[at + WORD.kinds]! & 0xff,
  part: ({ words, at }: Hit): number => (words[at + WORD.kinds]! >>> 8) & 0xff,
  parts: ({ words, at }: Hit): number => (words[at + WORD.kinds]! >>> 16) & 0xff,
  partState: ({ words, at }: Hit): number => words[at + WORD.kinds]! >>> 24,
  sequence: ({ words, at }: Hit): number =>
    words[at + WORD.sequenceHigh]! * 2 ** 32 + words[at + WORD.sequenceLow]!,
  /** Place of the carrier id in `hit.texts`. */
  carrierIdAt: ({ words, at }: Hit): number => words[at + WORD.carrierId]!,
  carrierIdEnd: ({ words, at }: Hit): number =>
    words[at + WORD.carrierId]! + words[at + WORD.carrierIdLength]!,
  /** Offset of fields 1 to 3, and of the token's 16 bytes, in `hit.bytes`. */
  startAt: ({ at }: Hit): number => (at + WORD.start) * 4,
  tokenAt: ({ at }: Hit): number => (at + WORD.token) * 4,
} as const;

/** Sets the state of the part that was found. */
export function setPartState({ words, at }: Hit, state: number): void {
  words[at + WORD.kinds] = ((words[at + WORD.kinds]! & 0xff_ffff) | (state << 24)) >>> 0;
}

/** Changes what the attempt that was found is: 0 for none that counts. */
export function setAttempt({ words, at }: Hit, kind: number, sequence: number): void {
  words[at + WORD.kinds] = ((words[at + WORD.kinds]! & 0xffff_ff00) | kind) >>> 0;
  words[at + WORD.sequenceHigh] = sequence / 2 ** 32;
  words[at + WORD.sequenceLow] = sequence % 2 ** 32;
}

/** Moves `hit` to another part of the message that was found. */
export function moveToPart(hit: Hit, part: number): void {
  hit.at += (part - entry.part(hit)) * STRIDE;
}

interface Generation {
  bornAtMs: number;
  count: number;
  words: Uint32Array;
  bytes: Uint8Array;
  texts: Uint8Array;
  clear(bornAtMs: number): void;
  together(count: number): void;
  add(attempt: Remembered): void;
  byCarrierId(
    hash: number,
    id: Uint8Array,
    at: number,
    end: number,
    token: Uint8Array,
    tokenAt: number,
  ): number;
  byMessage(hash: number, id: Uint8Array, at: number, day: number, hop: number): number;
}

const NO_INDEX = new Uint32Array(0);

function newGeneration(bornAtMs: number): Generation {
  let capacity = ENTRIES_MIN;
  let carrierIndex = new Uint32Array(2 * ENTRIES_MIN);
  // By message only lookups ask, and none is made for hours: it is filled in when one is.
  let messageIndex = NO_INDEX;
  let indexed = 0;
  let textEnd = 0;

  function insert(index: Uint32Array, hash: number, place: number): void {
    const mask = index.length - 1;
    let slot = hash & mask;
    while (index[slot] !== 0) slot = (slot + 1) & mask;
    index[slot] = place + 1;
  }

  function grow(): void {
    capacity *= 2;
    const words = new Uint32Array(capacity * STRIDE);
    words.set(self.words);
    self.words = words;
    self.bytes = new Uint8Array(words.buffer);
    carrierIndex = new Uint32Array(2 * capacity);
    messageIndex = NO_INDEX;
    indexed = 0;
    for (let place = 0; place < self.count; place += 1) {
      const at = place * STRIDE;
      if (words[at + WORD.carrierIdLength] !== 0) {
        insert(carrierIndex, words[at + WORD.hashCarrier]!, place);
      }
    }
  }

  /** Takes in the entries that were added since the last lookup. */
  function indexMessages(): void {
    if (messageIndex.length === 0) messageIndex = new Uint32Array(2 * capacity);
    for (; indexed < self.count; indexed += 1) {
      const at = indexed * STRIDE;
      if (((self.words[at + WORD.kinds]! >>> 8) & 0xff) > 1) continue;
      const hop = self.words[at + WORD.partition]! >>> 16;
      insert(messageIndex, hashMessage(self.bytes, at * 4 + START.messageId, hop), indexed);
    }
  }

  function putText(attempt: Remembered): number {
    const { carrierId, carrierIdAt, carrierIdEnd } = attempt;
    const length = carrierIdEnd - carrierIdAt;
    if (textEnd + length > self.texts.length) {
      const larger = Buffer.allocUnsafeSlow(self.texts.length * 2 + length);
      larger.set(self.texts.subarray(0, textEnd));
      self.texts = larger;
    }
    const { texts } = self;
    const from = textEnd;
    for (let index = carrierIdAt; index < carrierIdEnd; index += 1) {
      texts[textEnd++] = carrierId[index]!;
    }
    return from;
  }

  const self: Generation = {
    bornAtMs,
    count: 0,
    words: new Uint32Array(capacity * STRIDE),
    bytes: new Uint8Array(0),
    texts: Buffer.allocUnsafeSlow(ENTRIES_MIN * 16),
    clear(atMs) {
      self.bornAtMs = atMs;
      self.count = 0;
      textEnd = 0;
      carrierIndex.fill(0);
      messageIndex = NO_INDEX;
      indexed = 0;
    },
    together(count) {
      while (self.count + count > capacity) grow();
    },
    add(attempt) {
      assert(self.count < capacity, "room was made before");
      const place = self.count;
      self.count += 1;
      const at = place * STRIDE;
      const { words, bytes } = self;
      const { startAt, token, tokenAt, kind, part, parts, sequence } = attempt;
      const source = attempt.bytes;
      const length = attempt.carrierIdEnd - attempt.carrierIdAt;
      let to = at * 4;
      for (let index = startAt; index < startAt + START_BYTES; index += 1)
        bytes[to++] = source[index]!;
      if (tokenAt < 0) bytes.fill(0, to, to + 16);
      else for (let index = tokenAt; index < tokenAt + 16; index += 1) bytes[to++] = token[index]!;
      words[at + WORD.partition] = attempt.partition | (attempt.hop << 16);
      words[at + WORD.kinds] = kind | (part << 8) | (parts << 16) | (attempt.partState << 24);
      words[at + WORD.carrierIdLength] = length;
      words[at + WORD.sequenceHigh] = sequence / 2 ** 32;
      words[at + WORD.sequenceLow] = sequence % 2 ** 32;
      if (length > 0) {
        const hash = hashId(attempt.carrierId, attempt.carrierIdAt, attempt.carrierIdEnd);
        words[at + WORD.carrierId] = putText(attempt);
        words[at + WORD.hashCarrier] = hash;
        insert(carrierIndex, hash, place);
      }
    },
    byCarrierId(hash, id, at, end, token, tokenAt) {
      const { words, bytes, texts } = self;
      const mask = carrierIndex.length - 1;
      for (let slot = hash & mask; carrierIndex[slot] !== 0; slot = (slot + 1) & mask) {
        const place = carrierIndex[slot]! - 1;
        const base = place * STRIDE;
        if (words[base + WORD.hashCarrier] !== hash) continue;
        const from = words[base + WORD.carrierId]!;
        const to = from + words[base + WORD.carrierIdLength]!;
        if (!sameBytes(bytes, (base + WORD.token) * 4, token, tokenAt, 16)) continue;
        if (sameId(texts, from, to, id, at, end)) return place;
      }
      return -1;
    },
    byMessage(hash, id, at, day, hop) {
      if (indexed < self.count) indexMessages();
      if (self.count === 0) return -1;
      const { words, bytes } = self;
      const mask = messageIndex.length - 1;
      let newest = -1;
      let isSubmitted = false;
      for (let slot = hash & mask; messageIndex[slot] !== 0; slot = (slot + 1) & mask) {
        const place = messageIndex[slot]! - 1;
        const base = place * STRIDE;
        if (words[base + WORD.partition]! >>> 16 !== hop) continue;
        if (!sameBytes(bytes, base * 4 + START.messageId, id, at, 16)) continue;
        if (acceptedDay(readUint53(bytes, base * 4 + START.acceptedAtMs)) !== day) continue;
        // In the order in which they were added. No doubt of somebody else's undoes a submission.
        const submits = (words[base + WORD.kinds]! & 0xff) === ATTEMPT_SUBMITTED;
        if (isSubmitted && !submits) continue;
        newest = place;
        isSubmitted = submits;
      }
      return newest;
    },
  };
  self.bytes = new Uint8Array(self.words.buffer);
  return self;
}

/** The last bytes of a message id are random (RFC 9562, versions 7 and 8). */
function hashMessage(id: Uint8Array, at: number, hop: number): number {
  const last = id[at + 12]! | (id[at + 13]! << 8) | (id[at + 14]! << 16) | (id[at + 15]! << 24);
  const hash = last ^ Math.imul(hop + 1, 0x9e3779b1);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function sameBytes(
  one: Uint8Array,
  oneAt: number,
  other: Uint8Array,
  otherAt: number,
  count: number,
): boolean {
  for (let index = 0; index < count; index += 1) {
    if (one[oneAt + index] !== other[otherAt + index]) return false;
  }
  return true;
}
