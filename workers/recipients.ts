/**
 * Recipients: the numbers of some neighbouring messages, read and looked up together.
 *
 * Tables of a million prefixes lie in no cache, and each step of a walk waits for the one before. So
 * the walks of 32 messages are taken in turn, a digit each: then it is one wait for all of them
 * (measured with a million prefixes and twenty carriers: bench/README.md). What a message will need
 * next, its destination's cells, is asked for on the way.
 */
import { NUMBER_DIGITS_MAX, NUMBER_DIGITS_MIN } from "../core/limits.js";
import { networkOfPrefix } from "./destinations.js";
import { number, readNumber } from "./number.js";
import { askPorted, placePorted, portedAt } from "./ported.js";
import { below, longestPrefix, ownValue, TOP_DIGITS, topOf } from "./prefixes.js";
import type { Tables } from "./tables.js";

/** Messages that are looked up together. */
export const RECIPIENTS_MAX = 32;
/** Bytes of one number's digits; the first lie at slot * RECIPIENT_BYTES. */
export const RECIPIENT_BYTES = 16;
const FOURS = RECIPIENT_BYTES / 4;

export interface Recipients {
  /** ASCII digits, calling code first. */
  readonly digits: Uint8Array;
  /** The same memory: four digits each, to be copied at once. */
  readonly fours: Int32Array;
  /** How many; 0: not a number that messages go to. */
  readonly lengths: Int32Array;
  /** 1: in a pattern of a numbering plan, or taken as it is. */
  readonly valid: Uint8Array;
  /** As number.ts says. */
  readonly countries: Int32Array;
  /** As destinations.ts says. */
  readonly destinations: Int32Array;
  readonly networks: Int32Array;
  readonly ported: Uint8Array;
}

export function newRecipients(): Recipients {
  const digits = new Uint8Array(RECIPIENTS_MAX * RECIPIENT_BYTES);
  return {
    digits,
    fours: new Int32Array(digits.buffer),
    lengths: new Int32Array(RECIPIENTS_MAX),
    valid: new Uint8Array(RECIPIENTS_MAX),
    countries: new Int32Array(RECIPIENTS_MAX),
    destinations: new Int32Array(RECIPIENTS_MAX),
    networks: new Int32Array(RECIPIENTS_MAX),
    ported: new Uint8Array(RECIPIENTS_MAX),
  };
}

const LINE_WORDS = 16;
const NO_REGION = 0;
const PLUS = 0x2b;
const ZERO = 0x30;

/**
 * Reads the recipient `bytes[at, end)` into a slot.
 * @param anyNumber "+" and digits are taken as they are, whatever numbering plans say.
 */
export function readRecipient(
  into: Recipients,
  slot: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  anyNumber: boolean,
): void {
  const read = end > at && readNumber(bytes, at, end, NO_REGION);
  into.lengths[slot] = 0;
  into.valid[slot] = anyNumber || (read && number.valid) ? 1 : 0;
  into.countries[slot] = read ? number.country : 0;
  const first = slot * RECIPIENT_BYTES;
  if (anyNumber) {
    into.lengths[slot] = takeDigits(into.digits, first, bytes, at, end);
    return;
  }
  const { length } = number;
  if (!read || !number.possible) return;
  if (length < NUMBER_DIGITS_MIN || length > NUMBER_DIGITS_MAX) return;
  const { fours } = number;
  for (let index = 0; index < FOURS; index += 1) into.fours[first / 4 + index] = fours[index]!;
  into.lengths[slot] = length;
}

/** @returns how many digits; 0: it is not "+" and digits. */
function takeDigits(
  into: Uint8Array,
  first: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const length = end - at - 1;
  if (length < 1 || length > NUMBER_DIGITS_MAX || bytes[at] !== PLUS) return 0;
  for (let index = 0; index < length; index += 1) {
    const digit = bytes[at + 1 + index]!;
    if (digit < ZERO || digit > ZERO + 9) return 0;
    into[first + index] = digit;
  }
  return length;
}

/** Which slots walk on, and where each of these is. */
const going = new Int32Array(RECIPIENTS_MAX);
const walks = new Int32Array(RECIPIENTS_MAX);
/** Makes a slot's digits those of `number`. */
export function takeDigitsOf({ fours }: Recipients, slot: number): void {
  const first = slot * FOURS;
  for (let index = 0; index < FOURS; index += 1) number.fours[index] = fours[first + index]!;
}

/** What was asked for, so that nobody leaves it out. */
const asked = new Int32Array(1);

/** Looks the first `count` slots up. */
export function lookUp(tables: Tables, recipients: Recipients, count: number): void {
  walkTogether(tables, recipients, count);
  const { digits, lengths, destinations, networks, ported } = recipients;
  const { destinations: rows, stride } = tables;
  // In loops of their own: what a processor has begun and not done is some hundred instructions, and
  // those of a hash would keep it from asking for the next line.
  for (let slot = 0; slot < count; slot += 1) {
    const first = slot * RECIPIENT_BYTES;
    placePorted(tables, digits, first, first + lengths[slot]!, slot);
  }
  let sum = 0;
  const secondLine = stride > LINE_WORDS ? LINE_WORDS : 0;
  for (let slot = 0; slot < count; slot += 1) {
    const row = destinations[slot]! * stride;
    sum ^= rows[row]! ^ rows[row + secondLine]!;
  }
  asked[0] = sum + askPorted(tables, count);
  for (let slot = 0; slot < count; slot += 1) {
    if (lengths[slot]! === 0) continue;
    const own = portedAt(tables, slot);
    ported[slot] = own < 0 ? 0 : 1;
    networks[slot] = own < 0 ? networkOfPrefix(tables, destinations[slot]!) : own;
  }
}

/**
 * `longestPrefix` of all slots in the table of destinations, a digit of each at a time. All
 * nodes are asked for before one is looked at: a branch that was guessed wrong would wait for its own
 * line before the next one is asked for.
 */
function walkTogether({ nodes, top }: Tables, recipients: Recipients, count: number): void {
  const { digits, lengths, destinations } = recipients;
  let left = 0;
  for (let slot = 0; slot < count; slot += 1) {
    const first = slot * RECIPIENT_BYTES;
    const length = lengths[slot]!;
    if (length < TOP_DIGITS) {
      destinations[slot] = longestPrefix(nodes, 0, digits, first, first + length);
      continue;
    }
    const entry = topOf(digits, first);
    const place = top[entry]!;
    destinations[slot] = top[entry + 1]!;
    if (place < 0) continue;
    going[left] = slot;
    walks[left] = place;
    left += 1;
  }
  let sum = 0;
  for (let depth = TOP_DIGITS; left > 0; depth += 1) {
    for (let index = 0; index < left; index += 1) sum ^= nodes[2 * walks[index]!]!;
    let stay = 0;
    for (let index = 0; index < left; index += 1) {
      const slot = going[index]!;
      const place = walks[index]!;
      const word = nodes[2 * place + 1]!;
      const own = ownValue(word);
      // Without a branch: which digits have a value is what nobody predicts.
      destinations[slot] = own | (destinations[slot]! & ((own - 1) >> 31));
      if (depth >= lengths[slot]!) continue;
      const digit = digits[slot * RECIPIENT_BYTES + depth]!;
      const next = below(nodes[2 * place]!, word, digit);
      if (next < 0) continue;
      walks[stay] = next;
      going[stay] = slot;
      stay += 1;
    }
    left = stay;
  }
  asked[0] = sum;
}
