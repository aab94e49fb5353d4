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

/*
 * What a pair of octets adds to a text: its septets in the low bits, and what it makes of the text
 * above them. A lookup for each pair halves the time of one for each octet (44 against 110 ns for 70
 * octets), and the 64 KiB that pairs take are used sparsely: texts have few different ones.
 */
const SEPTETS = 7;
const NOT_PLAIN = 8;
const NOT_GSM7_ASCII = 16;
const KINDS = Uint8Array.from({ length: 256 }, (_, octet) => kindOf(octet));
const PAIRS = Uint8Array.from({ length: 65_536 }, (_, pair) =>
  addKinds(KINDS[pair & 255]!, KINDS[pair >>> 8]!),
);

function kindOf(octet: number): number {
  const septets = octet < 128 ? gsm7Septets(octet) : 0;
  if (septets === 0) return NOT_GSM7_ASCII | NOT_PLAIN;
  return septets | (isPlain(octet) ? 0 : NOT_PLAIN);
}

function addKinds(one: number, other: number): number {
  return ((one & SEPTETS) + (other & SEPTETS)) | ((one | other) & ~SEPTETS);
}

/**
 * Segments of the text `bytes[at, end)`, at least 1. Encoding and plainness are in `measured`.
 * @param view of the same bytes.
 */
export function countSegments(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  let septets = 0;
  let kinds = 0;
  let here = at;
  // Most texts are ASCII to their end, and this loop is all they see.
  for (const last = end - 3; here < last; here += 4) {
    const four = view.getInt32(here, true);
    const first = PAIRS[four & 0xffff]!;
    const second = PAIRS[four >>> 16]!;
    septets += (first & SEPTETS) + (second & SEPTETS);
    kinds |= first | second;
  }
  for (; here < end; here += 1) {
    const kind = KINDS[bytes[here]!]!;
    septets += kind & SEPTETS;
    kinds |= kind;
  }
  if ((kinds & NOT_GSM7_ASCII) !== 0) return countAny(bytes, at, end);
  measured.encoding = ENCODING_GSM7;
  measured.plain = (kinds & NOT_PLAIN) === 0;
  return septets <= GSM7_SINGLE_OCTETS ? 1 : gsm7Parts(bytes, at, end, septets, end - at);
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
