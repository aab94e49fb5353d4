/**
 * Text: the alphabets of short messages, and the octets of a text in each.
 *
 * In: UTF-8 bytes, where they lie in a frame. Out: octets as a carrier takes them (GSM 7-bit one
 * septet an octet, "unpacked", as SMPP sends it; UCS-2 as UTF-16BE). Malformed UTF-8 is read as
 * U+FFFD, one for each maximal part, as TextDecoder does, so that no bytes throw.
 *
 * `languages` names national tables throughout: the single shift in bits 0-7, the locking shift in
 * bits 8-15, as in floe.v1.Verdict; 0: the default alphabet and its extension.
 *
 * Source: 3GPP TS 23.038, 6.2.1 (default and extension table), 6.2.1.2 (national ones), 6.2.3.
 */
import { LANGUAGE_ID_MAX, lockingShiftTable, singleShiftTable } from "./national.js";

const ESCAPE = 0x1b;
/** The default alphabet in the order of its septets; at 0x1b stands the escape, no character. */
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

const REPLACEMENT = 0xfffd;
const EXTENDED = 0x80;
/** No character has the escape for its septet. */
const NOT_GSM7 = ESCAPE;
/** Beyond all characters of all tables: the last is the infinity of the Portuguese one. */
const CODES_END = 0x2220;

/** One choice of tables, by code point below CODES_END. */
interface Alphabet {
  /** Septet; EXTENDED and the septet behind an escape; NOT_GSM7. */
  readonly codes: Uint8Array;
  /** Septets that the character takes: 1, 2; 0: it is not in the alphabet. */
  readonly widths: Uint8Array;
}

const DEFAULT_TABLE = Array.from(DEFAULT_ALPHABET, (one) => one.charCodeAt(0));
const EXTENSION_TABLE = new Array<number>(128).fill(0);
for (const [septet, one] of EXTENSION_ALPHABET) EXTENSION_TABLE[septet] = one.charCodeAt(0);
const DEFAULT = alphabetOf(DEFAULT_TABLE, EXTENSION_TABLE);
const NONE = alphabetOf([], []);
/** By `languages`, made when first asked for: a few are ever used. */
const NATIONAL = new Map<number, Alphabet>();

function alphabetOf(base: readonly number[], extension: readonly number[]): Alphabet {
  const codes = new Uint8Array(CODES_END).fill(NOT_GSM7);
  const widths = new Uint8Array(CODES_END);
  // Downwards, and the base last: the lowest septet wins, and one without an escape.
  for (let septet = 127; septet >= 0; septet -= 1) {
    const codePoint = extension[septet] ?? 0;
    if (codePoint === 0) continue;
    codes[codePoint] = EXTENDED | septet;
    widths[codePoint] = 2;
  }
  for (let septet = 127; septet >= 0; septet -= 1) {
    const codePoint = base[septet] ?? 0;
    if (codePoint === 0 || septet === ESCAPE) continue;
    codes[codePoint] = septet;
    widths[codePoint] = 1;
  }
  return { codes, widths };
}

/** Tables that do not exist make an alphabet without characters. */
function alphabetWith(languages: number): Alphabet {
  if (languages === 0) return DEFAULT;
  const known = NATIONAL.get(languages);
  if (known !== undefined) return known;
  const single = languages & 0xff;
  const locking = languages >>> 8;
  if (single > LANGUAGE_ID_MAX || locking > LANGUAGE_ID_MAX) return NONE;
  const base = locking === 0 ? DEFAULT_TABLE : lockingShiftTable(locking);
  const extension = single === 0 ? EXTENSION_TABLE : singleShiftTable(single);
  const exist = base !== undefined && extension !== undefined;
  const made = exist ? alphabetOf(base, extension) : NONE;
  NATIONAL.set(languages, made);
  return made;
}

/**
 * Septets of each character below the array's length in the GSM 7-bit alphabet with these national
 * tables: 1, 2 (with escape); 0: it is not in it, nor is any character above.
 */
export function gsm7Widths(languages: number): Uint8Array {
  return alphabetWith(languages).widths;
}

/** Septets that a character takes in the GSM 7-bit alphabet: 1, 2 (with escape); 0: not in it. */
export function gsm7Septets(codePoint: number): number {
  return codePoint < CODES_END ? DEFAULT.widths[codePoint]! : 0;
}

/** Whether an ASCII octet is the same octet in the GSM 7-bit alphabet. */
export function isPlain(octet: number): boolean {
  return octet < 128 && DEFAULT.codes[octet] === octet && octet !== ESCAPE;
}

/**
 * The character that begins at `bytes[at]`, as code point * 8 + its length in bytes (1 to 4). In
 * one number, because a pair would be an object per character.
 */
export function characterAt(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return (lead << 3) | 1;
  if (lead < 0xe0) {
    const second = at + 1 < end ? bytes[at + 1]! : 0;
    if (lead >= 0xc2 && (second & 0xc0) === 0x80) {
      return ((((lead & 0x1f) << 6) | (second & 0x3f)) << 3) | 2;
    }
  } else if (lead > 0xe0 && lead < 0xf0 && lead !== 0xed && at + 2 < end) {
    const second = bytes[at + 1]!;
    const third = bytes[at + 2]!;
    if ((second & 0xc0) === 0x80 && (third & 0xc0) === 0x80) {
      return ((((lead & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f)) << 3) | 3;
    }
  }
  return rareCharacterAt(bytes, at, end);
}

/** Characters whose first octet restricts the second, those of four octets, and what is malformed. */
function rareCharacterAt(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
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
  languages = 0,
): number {
  const { codes } = alphabetWith(languages);
  let to = intoAt;
  while (at < end) {
    const character = characterAt(bytes, at, end);
    const codePoint = character >>> 3;
    const code = codePoint < CODES_END ? codes[codePoint]! : NOT_GSM7;
    at += character & 7;
    if (code === NOT_GSM7) return -1;
    if (code >= EXTENDED) into[to++] = ESCAPE;
    into[to++] = code & 0x7f;
  }
  return to - intoAt;
}

/** Tables by `languages`: which character each septet stands for, alone and behind the escape. */
function tablesOf(languages: number): { base: readonly number[]; extension: readonly number[] } {
  const base = languages >>> 8 === 0 ? undefined : lockingShiftTable(languages >>> 8);
  const extension = (languages & 0xff) === 0 ? undefined : singleShiftTable(languages & 0xff);
  return { base: base ?? DEFAULT_TABLE, extension: extension ?? EXTENSION_TABLE };
}

/**
 * The text of the septets `octets[at, end)`, one an octet. Tables that do not exist are taken for the
 * default ones; behind the escape a septet without a character is that of the main table (3GPP TS
 * 23.038, 6.2.1.1); an octet above 127 is no septet, and taken for Latin-1, as who sends it means it.
 */
export function decodeGsm7(octets: Uint8Array, at: number, end: number, languages = 0): string {
  const { base, extension } = tablesOf(languages);
  let text = "";
  for (let index = at; index < end; index += 1) {
    let octet = octets[index]!;
    if (octet > 127) {
      text += String.fromCharCode(octet);
      continue;
    }
    let codePoint = base[octet]!;
    if (octet === ESCAPE) {
      index += 1;
      // A text that ends with the escape: a cut one.
      if (index >= end) break;
      octet = octets[index]! & 0x7f;
      codePoint = extension[octet] || base[octet]!;
      // Another table that nobody has made yet: a space is shown.
      if (octet === ESCAPE) codePoint = 0x20;
    }
    text += String.fromCharCode(codePoint === 0 ? REPLACEMENT : codePoint);
  }
  return text;
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
