/**
 * Segments: how many parts a text takes, and in which alphabet, counted on its UTF-8 bytes.
 *
 * In: `bytes[at, end)` where it lies in a request frame. Out: the number of segments, and in
 * `measured` what else was seen. No octet is copied and nothing is allocated: this runs for every
 * message, and core/text.ts, which encodes, runs only for what leaves. Rules and limits are its.
 */
import { ENCODING_GSM7, ENCODING_UCS2 } from "../core/stream/fields.js";
import {
  characterAt,
  GSM7_PART_OCTETS,
  GSM7_SINGLE_OCTETS,
  gsm7Septets,
  isPlain,
  UCS2_PART_OCTETS,
  UCS2_SINGLE_OCTETS,
} from "../core/text.js";

const UCS2_SINGLE_UNITS = UCS2_SINGLE_OCTETS / 2;
const UCS2_PART_UNITS = UCS2_PART_OCTETS / 2;

/** Set by `countSegments`, read by its caller before the next call. */
export const measured = {
  /** floe.v1.Encoding. */
  encoding: ENCODING_GSM7 as number,
  /** ASCII whose octets are the same in the GSM alphabet: they may be copied as they are. */
  plain: true,
};

const SEPTETS = 3;
const NOT_PLAIN = 4;
const NOT_GSM7 = 8;
/** By ASCII octet: its septets, and what it makes of the text. */
const KINDS = new Uint8Array(128);
for (let octet = 0; octet < 128; octet += 1) {
  const septets = gsm7Septets(octet);
  KINDS[octet] = septets === 0 ? NOT_GSM7 | NOT_PLAIN : septets | (isPlain(octet) ? 0 : NOT_PLAIN);
}

/** Segments of the text `bytes[at, end)`, at least 1. Encoding and plainness are in `measured`. */
export function countSegments(bytes: Uint8Array, at: number, end: number): number {
  let septets = 0;
  let kinds = 0;
  let here = at;
  // Most texts are ASCII to their end, and this loop is all they see.
  while (here < end) {
    const octet = bytes[here]!;
    if (octet >= 128) break;
    const kind = KINDS[octet]!;
    septets += kind & SEPTETS;
    kinds |= kind;
    here += 1;
  }
  if (here === end && (kinds & NOT_GSM7) === 0) {
    measured.encoding = ENCODING_GSM7;
    measured.plain = (kinds & NOT_PLAIN) === 0;
    return septets <= GSM7_SINGLE_OCTETS ? 1 : gsm7Parts(bytes, at, end, septets, here - at);
  }
  return countAny(bytes, at, end);
}

function countAny(bytes: Uint8Array, at: number, end: number): number {
  let septets = 0;
  let units = 0;
  let characters = 0;
  let gsm7 = true;
  for (let here = at; here < end; ) {
    const character = characterAt(bytes, here, end);
    here += character & 7;
    const codePoint = character >>> 3;
    const width = gsm7Septets(codePoint);
    if (width === 0) gsm7 = false;
    septets += width;
    units += codePoint > 0xffff ? 2 : 1;
    characters += 1;
  }
  measured.plain = false;
  if (gsm7) {
    measured.encoding = ENCODING_GSM7;
    return septets <= GSM7_SINGLE_OCTETS ? 1 : gsm7Parts(bytes, at, end, septets, characters);
  }
  measured.encoding = ENCODING_UCS2;
  return units <= UCS2_SINGLE_UNITS ? 1 : ucs2Parts(bytes, at, end, units, characters);
}

/** Where every character takes one place, parts are full; else a pair may leave a place empty. */
function gsm7Parts(
  bytes: Uint8Array,
  at: number,
  end: number,
  septets: number,
  characters: number,
): number {
  if (septets === characters) return Math.ceil(septets / GSM7_PART_OCTETS);
  let parts = 1;
  let filled = 0;
  while (at < end) {
    const character = characterAt(bytes, at, end);
    at += character & 7;
    const width = gsm7Septets(character >>> 3);
    if (filled + width > GSM7_PART_OCTETS) {
      parts += 1;
      filled = 0;
    }
    filled += width;
  }
  return parts;
}

function ucs2Parts(
  bytes: Uint8Array,
  at: number,
  end: number,
  units: number,
  characters: number,
): number {
  if (units === characters) return Math.ceil(units / UCS2_PART_UNITS);
  let parts = 1;
  let filled = 0;
  while (at < end) {
    const character = characterAt(bytes, at, end);
    at += character & 7;
    const width = character >>> 3 > 0xffff ? 2 : 1;
    if (filled + width > UCS2_PART_UNITS) {
      parts += 1;
      filled = 0;
    }
    filled += width;
  }
  return parts;
}
