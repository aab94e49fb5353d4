/**
 * Parts: how much a short message holds, and where a long text is cut.
 *
 * Everything follows from the 140 octets of a message's user data less its header. Cutting and
 * counting are one function here: workers/segments.ts counts with it what does not fit one part,
 * and connectors cut with it, so what is charged is what is sent.
 *
 * Source: 3GPP TS 23.040, 9.2.3.24 (header), 9.2.3.24.1 and 8 (concatenation), 15 and 16 (national
 * language tables); 3GPP TS 23.038, 6.1.2.1 (7-bit characters fill the octets).
 */
import { BREAK, graphemeStep, START } from "./graphemes.js";
import { replaceSmart } from "./smart.js";
import { ENCODING_BINARY, ENCODING_GSM7, ENCODING_UCS2 } from "./stream/fields.js";
import { characterAt, gsm7Widths } from "./text.js";

/** Octets of user data, its header included. */
export const USER_DATA_OCTETS = 140;

/** Bits of the reference that joins the parts of a long message; 0: the message has one part. */
export type ReferenceBits = 0 | 8 | 16;

/** What a concatenation element takes, by bits of its reference: identifier, length, 3 or 4. */
const CONCATENATION_OCTETS: Readonly<Record<ReferenceBits, number>> = { 0: 0, 8: 5, 16: 6 };
const LANGUAGE_OCTETS = 3;

/**
 * Octets of the user data header, its own length included; 0: there is none.
 * @param own octets of the elements that a customer gave.
 */
export function headerOctets(languages: number, reference: ReferenceBits, own = 0): number {
  let elements = CONCATENATION_OCTETS[reference] + own;
  if ((languages & 0xff) !== 0) elements += LANGUAGE_OCTETS;
  if (languages >>> 8 !== 0) elements += LANGUAGE_OCTETS;
  return elements === 0 ? 0 : elements + 1;
}

/** What one part holds behind its header: septets, UTF-16 units, or octets of a binary body. */
export function partUnits(
  encoding: number,
  languages: number,
  reference: ReferenceBits,
  own = 0,
): number {
  const octets = USER_DATA_OCTETS - headerOctets(languages, reference, own);
  if (encoding === ENCODING_GSM7) return Math.floor((octets * 8) / 7);
  return encoding === ENCODING_UCS2 ? octets >>> 1 : octets;
}

/** For callers that count and do not cut. */
export const NO_ENDS = new Int32Array(0);

/**
 * Cuts the text `bytes[at, end)`: writes where each part ends (in `bytes`) into `ends`, in order;
 * those beyond its length are counted, not kept. A part ends where a grapheme cluster does; only a
 * cluster that is longer than a part is divided, between its characters.
 * @param encoding ENCODING_GSM7 (every character must be in that alphabet) or ENCODING_UCS2.
 * @param languages national tables, as in core/text.ts; of ENCODING_UCS2: 0.
 * @returns the number of parts, at least 1.
 */
export function cutText(
  bytes: Uint8Array,
  at: number,
  end: number,
  encoding: number,
  languages: number,
  ends: Int32Array,
  reference: 8 | 16 = 8,
): number {
  const widths = encoding === ENCODING_GSM7 ? gsm7Widths(languages) : undefined;
  const full = partUnits(encoding, languages, reference);
  let total = 0;
  let parts = 0;
  let partAt = at;
  /** Units of the part so far; and where its last cluster began, with the units before that. */
  let filled = 0;
  let clusterAt = at;
  let filledBefore = 0;
  let state = START;
  for (let here = at; here < end; ) {
    const character = characterAt(bytes, here, end);
    const codePoint = character >>> 3;
    const width =
      widths === undefined
        ? codePoint > 0xffff
          ? 2
          : 1
        : codePoint < widths.length
          ? widths[codePoint]!
          : 0;
    const step = graphemeStep(state, codePoint);
    state = step & ~BREAK;
    if ((step & BREAK) !== 0) {
      clusterAt = here;
      filledBefore = filled;
    }
    while (filled + width > full) {
      if (clusterAt > partAt) {
        partAt = clusterAt;
        filled -= filledBefore;
      } else {
        partAt = here;
        filled = 0;
      }
      filledBefore = 0;
      ends[parts] = partAt;
      parts += 1;
    }
    filled += width;
    total += width;
    here += character & 7;
  }
  if (total <= partUnits(encoding, languages, 0)) parts = 0;
  ends[parts] = end;
  return parts + 1;
}

/** `cutText` for ASCII that is the same in the GSM alphabet, octet for octet. */
export function cutPlain(
  bytes: Uint8Array,
  at: number,
  end: number,
  ends: Int32Array,
  reference: 8 | 16 = 8,
): number {
  let parts = 0;
  if (end - at > PLAIN_SINGLE) {
    const full = partUnits(ENCODING_GSM7, 0, reference);
    while (end - at > full) {
      at += full;
      // The only cluster of several characters that ASCII has.
      if (bytes[at - 1] === 0x0d && bytes[at] === 0x0a) at -= 1;
      ends[parts] = at;
      parts += 1;
    }
  }
  ends[parts] = end;
  return parts + 1;
}
/** What one part holds of such a text. */
export const PLAIN_SINGLE = partUnits(ENCODING_GSM7, 0, 0);

/** A body that no number of parts holds. */
export const PARTS_ENDLESS = 0xffff;

/**
 * Cuts a body of octets, `[at, end)`, as `cutText` does a text: full parts.
 * @param own octets of header elements that stand in every part, their header's length apart.
 * @returns the number of parts, at least 1; PARTS_ENDLESS: the header leaves no room.
 */
export function cutBinary(
  at: number,
  end: number,
  ends: Int32Array,
  reference: 8 | 16 = 8,
  own = 0,
): number {
  let parts = 0;
  if (end - at > partUnits(ENCODING_BINARY, 0, 0, own)) {
    const full = partUnits(ENCODING_BINARY, 0, reference, own);
    if (full < 1) return PARTS_ENDLESS;
    for (; end - at > full; parts += 1) {
      at += full;
      ends[parts] = at;
    }
  }
  ends[parts] = end;
  return parts + 1;
}

/** Parts of a body of so many octets, at least 1. */
export function binaryParts(octets: number, reference: 8 | 16 = 8, own = 0): number {
  return cutBinary(0, octets, NO_ENDS, reference, own);
}

/**
 * The octets of a binary message's parts, its headers apart; for people, not for the hot path.
 * @param header octets of the customer's header, 0: none.
 */
export function binaryPartsOf(octets: Uint8Array, header: number): Uint8Array[] {
  const ends = new Int32Array(octets.length + 1);
  const count = cutBinary(0, octets.length, ends, 8, Math.max(header - 1, 0));
  if (count === PARTS_ENDLESS) return [];
  return Array.from({ length: count }, (_, part) =>
    octets.subarray(part === 0 ? 0 : ends[part - 1]!, ends[part]!),
  );
}

/**
 * The texts of a message's parts, as a phone shows them before it joins them; for people, not for
 * the hot path. Encoding, `smart` and `languages` are what was decided about it.
 */
export function partTexts(
  text: string,
  encoding: number,
  smart: boolean,
  languages: number,
): string[] {
  let bytes: Uint8Array = Buffer.from(text, "utf8");
  if (smart) {
    const replaced = new Uint8Array(2 * bytes.length);
    const length = replaceSmart(bytes, 0, bytes.length, replaced, 0);
    if (length >= 0) bytes = replaced.subarray(0, length);
  }
  const ends = new Int32Array(bytes.length + 1);
  const count = cutText(bytes, 0, bytes.length, encoding, languages, ends);
  return Array.from({ length: count }, (_, part) =>
    Buffer.from(bytes.subarray(part === 0 ? 0 : ends[part - 1]!, ends[part]!)).toString("utf8"),
  );
}
