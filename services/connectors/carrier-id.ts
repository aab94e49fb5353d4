/**
 * Carrier ids: the ids that carriers give to messages, and the forms in which receipts repeat them.
 *
 * The raw id is kept untouched everywhere; only comparing knows forms. Carriers answer with one form
 * and write another into the receipt: other case, leading zeros, the same number in the other base.
 * So an id is hashed in one canonical form (lower case, no leading zeros), and a receipt is looked
 * up by that of its own id, then by its id turned from decimal to hex, then from hex to decimal.
 */

/**
 * Hash of the canonical form of `bytes[at, end)`. Its low four bits are the last digit, the others
 * are mixed from the rest: many carriers count, and sixteen neighbours then share a cache line of an
 * index (measured: an insert costs a third), while ids that differ in other places spread.
 */
export function hashId(bytes: Uint8Array, at: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  const last = end - 1;
  for (let index = skipZeros(bytes, at, end); index < last; index += 1) {
    hash = Math.imul(hash ^ folded(bytes[index]!), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  const digit = last < at ? 0 : folded(bytes[last]!);
  return (((hash ^ (hash >>> 13)) << 4) | (digit < 58 ? digit & 15 : (digit - 87) & 15)) >>> 0;
}

/** Whether two ids have the same canonical form. */
export function sameId(
  one: Uint8Array,
  oneAt: number,
  oneEnd: number,
  other: Uint8Array,
  otherAt: number,
  otherEnd: number,
): boolean {
  let here = skipZeros(one, oneAt, oneEnd);
  let there = skipZeros(other, otherAt, otherEnd);
  if (oneEnd - here !== otherEnd - there) return false;
  while (here < oneEnd) {
    if (folded(one[here]!) !== folded(other[there]!)) return false;
    here += 1;
    there += 1;
  }
  return true;
}

/** Ways to read a receipt's id. What worked last at a carrier is tried first. */
export const FORMS = ["same", "decimalToHex", "hexToDecimal"] as const;
export type Form = (typeof FORMS)[number];

/** Digits of a 64-bit number, in decimal; no carrier counts further. */
const DIGITS_MAX = 20;

/**
 * Writes the id `bytes[at, end)` in the other base into `into`.
 * @returns its length, 0: it is no number in the base that it is turned from.
 */
export function convertId(
  bytes: Uint8Array,
  at: number,
  end: number,
  form: Exclude<Form, "same">,
  into: Uint8Array,
): number {
  const from = skipZeros(bytes, at, end);
  if (end - from > DIGITS_MAX || end === from) return 0;
  const base = form === "decimalToHex" ? 10 : 16;
  let small = 0;
  for (let index = from; index < end; index += 1) {
    const digit = digitOf(folded(bytes[index]!));
    if (digit < 0 || digit >= base) return 0;
    small = small * base + digit;
  }
  const text =
    small <= Number.MAX_SAFE_INTEGER
      ? small.toString(26 - base)
      : largeNumber(bytes, from, end, base).toString(26 - base);
  for (let index = 0; index < text.length; index += 1) into[index] = text.charCodeAt(index);
  return text.length;
}

function largeNumber(bytes: Uint8Array, from: number, end: number, base: number): bigint {
  const text = Buffer.from(bytes.subarray(from, end)).toString("latin1");
  return BigInt(base === 16 ? `0x${text}` : text);
}

function digitOf(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  return octet >= 97 && octet <= 102 ? octet - 87 : -1;
}

function folded(octet: number): number {
  return octet >= 65 && octet <= 90 ? octet + 32 : octet;
}

/** Zero itself keeps its last digit. */
function skipZeros(bytes: Uint8Array, at: number, end: number): number {
  let index = at;
  while (index < end - 1 && bytes[index] === 48) index += 1;
  return index;
}
