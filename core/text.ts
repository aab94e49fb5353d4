/**
 * Text: the two alphabets of short messages, and how a text becomes the octets of its parts.
 *
 * In: UTF-8 bytes, where they lie in a frame. Out: octets as a carrier takes them (GSM 7-bit one
 * septet an octet, "unpacked", as SMPP sends it; UCS-2 as UTF-16BE), and where a long text is cut.
 * workers/segments.ts counts what this file cuts; a property test holds them together. Malformed
 * UTF-8 is read as U+FFFD, one for each maximal part, as TextDecoder does, so that no bytes throw.
 *
 * Alphabet: 3GPP TS 23.038, 6.2.1 (default and extension table) and 6.2.3. Parts: 3GPP TS 23.040,
 * 9.2.3.24.1 (concatenation with an 8-bit reference takes 6 octets of 140).
 */
import { ENCODING_GSM7 } from "./stream/fields.js";

/** Octets of a text that is sent in one part: 160 septets, 70 UCS-2 units. */
export const GSM7_SINGLE_OCTETS = 160;
export const UCS2_SINGLE_OCTETS = 140;
/** Octets of each part of a longer text, the header of its concatenation apart: 153, 67 units. */
export const GSM7_PART_OCTETS = 153;
export const UCS2_PART_OCTETS = 134;

const ESCAPE = 0x1b;
/** The default alphabet in the order of its septets; at 0x1b stands the escape, which is no text. */
const DEFAULT_ALPHABET =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u001bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
  "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/** What follows the escape: septet and character. */
const EXTENSION_ALPHABET: readonly (readonly [number, string])[] = [
  [0x0a, "\f"],
  [0x14, "^"],
  [0x28, "{"],
  [0x29, "}"],
  [0x2f, "\\"],
  [0x3c, "["],
  [0x3d, "~"],
  [0x3e, "]"],
  [0x40, "|"],
  [0x65, "€"],
];

const NOT_GSM7 = 0xff;
const EXTENDED = 0x80;
const EURO = 0x20ac;
const REPLACEMENT = 0xfffd;

/** By code point below 0x400: septet, EXTENDED + septet, or NOT_GSM7. Only the euro lies above. */
const GSM7_CODES = new Uint8Array(0x400).fill(NOT_GSM7);
for (let septet = 0; septet < DEFAULT_ALPHABET.length; septet += 1) {
  if (septet !== ESCAPE) GSM7_CODES[DEFAULT_ALPHABET.charCodeAt(septet)] = septet;
}
for (const [septet, character] of EXTENSION_ALPHABET) {
  const code = character.charCodeAt(0);
  if (code !== EURO) GSM7_CODES[code] = EXTENDED | septet;
}
const EURO_CODE = EXTENDED | 0x65;

function gsm7Code(codePoint: number): number {
  if (codePoint < 0x400) return GSM7_CODES[codePoint]!;
  return codePoint === EURO ? EURO_CODE : NOT_GSM7;
}

/** Septets that a character takes in the GSM 7-bit alphabet: 1, 2 (with escape); 0: not in it. */
export function gsm7Septets(codePoint: number): 0 | 1 | 2 {
  const code = gsm7Code(codePoint);
  return code === NOT_GSM7 ? 0 : code < EXTENDED ? 1 : 2;
}

/** Whether an ASCII octet is the same octet in the GSM 7-bit alphabet. */
export function isPlain(octet: number): boolean {
  return octet < 128 && GSM7_CODES[octet] === octet;
}

/**
 * The character that begins at `bytes[at]`, as code point * 8 + its length in bytes (1 to 4). In
 * one number, because a pair would be an object per character.
 */
export function characterAt(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return (lead << 3) | 1;
  // Which second bytes may follow keeps out overlong forms, surrogates and beyond U+10FFFF.
  let lowest = 0x80;
  let highest = 0xbf;
  let more: number;
  let codePoint: number;
  if (lead >= 0xc2 && lead <= 0xdf) {
    more = 1;
    codePoint = lead & 0x1f;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    more = 2;
    codePoint = lead & 0x0f;
    if (lead === 0xe0) lowest = 0xa0;
    else if (lead === 0xed) highest = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    more = 3;
    codePoint = lead & 0x07;
    if (lead === 0xf0) lowest = 0x90;
    else if (lead === 0xf4) highest = 0x8f;
  } else {
    return (REPLACEMENT << 3) | 1;
  }
  for (let next = 1; next <= more; next += 1) {
    const octet = at + next < end ? bytes[at + next]! : 0;
    if (octet < lowest || octet > highest) return (REPLACEMENT << 3) | next;
    codePoint = (codePoint << 6) | (octet & 0x3f);
    lowest = 0x80;
    highest = 0xbf;
  }
  return (codePoint << 3) | (more + 1);
}

/**
 * Writes the text `bytes[at, end)` as unpacked GSM 7-bit octets into `into` from `intoAt` on, where
 * there must be room for twice as many octets as the text has bytes.
 * @returns how many octets were written; -1 if a character is not in the alphabet.
 */
export function encodeGsm7Unpacked(
  bytes: Uint8Array,
  at: number,
  end: number,
  into: Uint8Array,
  intoAt: number,
): number {
  let to = intoAt;
  while (at < end) {
    let code: number;
    if (bytes[at]! < 0x80) {
      code = GSM7_CODES[bytes[at]!]!;
      at += 1;
    } else {
      const character = characterAt(bytes, at, end);
      code = gsm7Code(character >>> 3);
      at += character & 7;
    }
    if (code < EXTENDED) {
      into[to++] = code;
    } else {
      if (code === NOT_GSM7) return -1;
      into[to++] = ESCAPE;
      into[to++] = code & 0x7f;
    }
  }
  return to - intoAt;
}

/**
 * Writes the text `bytes[at, end)` as UTF-16BE into `into` from `intoAt` on, where there must be
 * room for twice as many octets as the text has bytes.
 * @returns how many octets were written.
 */
export function encodeUcs2(
  bytes: Uint8Array,
  at: number,
  end: number,
  into: Uint8Array,
  intoAt: number,
): number {
  let to = intoAt;
  while (at < end) {
    const character = characterAt(bytes, at, end);
    at += character & 7;
    let unit = character >>> 3;
    if (unit > 0xffff) {
      const high = 0xd7c0 + (unit >>> 10);
      into[to++] = high >>> 8;
      into[to++] = high;
      unit = 0xdc00 | (unit & 0x3ff);
    }
    into[to++] = unit >>> 8;
    into[to++] = unit;
  }
  return to - intoAt;
}

/**
 * Where the part that begins at `octets[at]` ends, in a text that is encoded in `octets[at, end)`
 * and needs several parts. An escape pair or a surrogate pair is never divided.
 */
export function partEnd(octets: Uint8Array, at: number, end: number, encoding: number): number {
  if (encoding === ENCODING_GSM7) {
    const full = at + GSM7_PART_OCTETS;
    if (full >= end) return end;
    // 0x1b stands for nothing but the escape.
    return octets[full - 1] === ESCAPE ? full - 1 : full;
  }
  const full = at + UCS2_PART_OCTETS;
  if (full >= end) return end;
  return (octets[full - 2]! & 0xfc) === 0xd8 ? full - 2 : full;
}

/**
 * Cuts an encoded text into parts: writes the end of each into `ends`, in order (those beyond its
 * length are counted, not kept).
 * @returns the number of parts, at least 1.
 */
export function cutParts(
  octets: Uint8Array,
  at: number,
  end: number,
  encoding: number,
  ends: Int32Array,
): number {
  const single = encoding === ENCODING_GSM7 ? GSM7_SINGLE_OCTETS : UCS2_SINGLE_OCTETS;
  if (end - at <= single) {
    ends[0] = end;
    return 1;
  }
  let parts = 0;
  while (at < end) {
    at = partEnd(octets, at, end, encoding);
    ends[parts] = at;
    parts += 1;
  }
  return parts;
}
