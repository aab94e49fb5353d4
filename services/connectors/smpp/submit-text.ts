/**
 * The text of a submit_sm: alphabet, cuts and header (UDH) of its parts.
 *
 * Replaced characters and national tables are those that the record says, as dispatch counted and
 * priced them; the carrier's own alphabet may still want other octets.
 *
 * Source: SMPP v3.4, 5.2.19 (data_coding); 3GPP TS 23.040, 9.2.3.24.1 (concatenation, 8-bit
 * reference), 15 (single shift) and 16 (locking shift).
 */
import assert from "node:assert";
import type { CarrierConfig } from "../../../core/configuration.js";
import { SEGMENTS_MAX, TEXT_BYTES_MAX } from "../../../core/limits.js";
import { cutPlain, cutText, headerOctets } from "../../../core/parts.js";
import { replaceSmart } from "../../../core/smart.js";
import { DISPATCH, ENCODING_GSM7, ENCODING_UCS2 } from "../../../core/stream/fields.js";
import { newWriter, reserve, varintOf } from "../../../core/stream/frame.js";
import { encodeGsm7Unpacked, encodeUcs2 } from "../../../core/text.js";

export type Alphabet = CarrierConfig["alphabet"];

const DATA_CODING_DEFAULT = 0x00;
const DATA_CODING_LATIN1 = 0x03;
const DATA_CODING_UCS2 = 0x08;
/** Information elements of the user data header. */
const IEI_CONCATENATED_8 = 0x00;
const IEI_SINGLE_SHIFT = 0x24;
const IEI_LOCKING_SHIFT = 0x25;
/** A long text in another alphabet than it was counted in may need more than SEGMENTS_MAX. */
export const PARTS_MAX = 30;
assert(PARTS_MAX < 31 && SEGMENTS_MAX <= PARTS_MAX, "a part is a bit of a mask");

/** How the text of the record on offer is sent; one object, filled anew by `prepareText`. */
export interface Prepared {
  octets: Uint8Array;
  at: number;
  /** More than PARTS_MAX: it cannot be sent, and the ends of those beyond are not known. */
  parts: number;
  dataCoding: number;
  /** National tables that its header names; 0: none. */
  languages: number;
  /** Where each part ends in `octets`. */
  readonly ends: Int32Array;
}

const scratch = newWriter(2 * TEXT_BYTES_MAX + 64);
const second = newWriter(2 * TEXT_BYTES_MAX + 64);
const replaced = newWriter(2 * TEXT_BYTES_MAX + 64);

export function newPrepared(): Prepared {
  return {
    ...{ octets: new Uint8Array(0), at: 0, parts: 1, dataCoding: DATA_CODING_DEFAULT },
    ...{ languages: 0, ends: new Int32Array(PARTS_MAX) },
  };
}

/**
 * Encodes and cuts the text `bytes[textAt, textEnd)` of a dispatch record into `prepared`, whose
 * octets are good until the next call.
 */
export function prepareText(
  prepared: Prepared,
  alphabet: Alphabet,
  bytes: Uint8Array,
  record: Int32Array,
  textAt: number,
  textEnd: number,
): void {
  if (varintOf(record, DISPATCH.plain) !== 1) {
    encode(prepared, alphabet, bytes, record, textAt, textEnd);
    return;
  }
  prepared.octets = bytes;
  prepared.at = textAt;
  prepared.dataCoding = DATA_CODING_DEFAULT;
  prepared.languages = 0;
  prepared.parts = cutPlain(bytes, textAt, textEnd, prepared.ends);
}

/** Octets of the header of each part; 0: it has none. */
export function partHeaderOctets({ languages, parts }: Prepared): number {
  return headerOctets(languages, parts > 1 ? 8 : 0);
}

/** Writes the header of a part, which has one, into `into` from `start` on. Returns its end. */
export function putPartHeader(
  into: Uint8Array,
  start: number,
  prepared: Prepared,
  reference: number,
  part: number,
): number {
  const { parts, languages } = prepared;
  let at = start;
  into[at++] = partHeaderOctets(prepared) - 1;
  if (parts > 1) {
    into[at++] = IEI_CONCATENATED_8;
    into[at++] = 3;
    into[at++] = reference;
    into[at++] = parts;
    into[at++] = part + 1;
  }
  at = putLanguage(into, at, IEI_SINGLE_SHIFT, languages & 0xff);
  return putLanguage(into, at, IEI_LOCKING_SHIFT, languages >>> 8);
}

function putLanguage(into: Uint8Array, start: number, element: number, id: number): number {
  if (id === 0) return start;
  into[start] = element;
  into[start + 1] = 1;
  into[start + 2] = id;
  return start + 3;
}

/** Cuts and encodes a text that is not plain, as record and carrier's alphabet say. */
function encode(
  prepared: Prepared,
  alphabet: Alphabet,
  bytes: Uint8Array,
  record: Int32Array,
  textAt: number,
  textEnd: number,
): void {
  if (varintOf(record, DISPATCH.encoding) !== ENCODING_UCS2) {
    // Tables are the affair of carriers that take septets; others would turn them into other text.
    const languages = alphabet === "gsm7" ? varintOf(record, DISPATCH.languages) : 0;
    const isDone =
      varintOf(record, DISPATCH.smart) === 1
        ? encodeSmart(prepared, bytes, textAt, textEnd)
        : encodeParts(prepared, bytes, textAt, textEnd, ENCODING_GSM7, languages);
    // More parts than can be sent are not worth another alphabet, and their ends are not known.
    if (isDone && (alphabet === "gsm7" || prepared.parts > PARTS_MAX)) return;
    if (isDone && toLatin1(prepared, alphabet)) return;
  }
  encodeParts(prepared, bytes, textAt, textEnd, ENCODING_UCS2, 0);
}

function encodeSmart(
  prepared: Prepared,
  bytes: Uint8Array,
  textAt: number,
  textEnd: number,
): boolean {
  replaced.at = 0;
  reserve(replaced, 2 * (textEnd - textAt));
  const length = replaceSmart(bytes, textAt, textEnd, replaced.bytes, 0);
  return length >= 0 && encodeParts(prepared, replaced.bytes, 0, length, ENCODING_GSM7, 0);
}

/** False: a character is not in the alphabet. */
function encodeParts(
  prepared: Prepared,
  bytes: Uint8Array,
  textAt: number,
  textEnd: number,
  encoding: number,
  languages: number,
): boolean {
  scratch.at = 0;
  reserve(scratch, 2 * (textEnd - textAt));
  const { ends } = prepared;
  const parts = cutText(bytes, textAt, textEnd, encoding, languages, ends);
  let to = 0;
  let from = textAt;
  for (let part = 0; part < parts && part < PARTS_MAX; part += 1) {
    const end = ends[part]!;
    const length =
      encoding === ENCODING_GSM7
        ? encodeGsm7Unpacked(bytes, from, end, scratch.bytes, to, languages)
        : encodeUcs2(bytes, from, end, scratch.bytes, to);
    if (length < 0) return false;
    from = end;
    to += length;
    ends[part] = to;
  }
  prepared.octets = scratch.bytes;
  prepared.at = 0;
  prepared.parts = parts;
  prepared.languages = languages;
  prepared.dataCoding = encoding === ENCODING_GSM7 ? DATA_CODING_DEFAULT : DATA_CODING_UCS2;
  return true;
}

/** Latin-1 octet of a GSM septet, and of one after the escape; 0: it has none. */
const LATIN1 = new Uint8Array(128);
const LATIN1_ESCAPED = new Uint8Array(128);
{
  const octets = new Uint8Array(2);
  for (let code = 0x0a; code < 0x100; code += 1) {
    const text = Buffer.from(String.fromCharCode(code), "utf8");
    const length = encodeGsm7Unpacked(text, 0, text.length, octets, 0);
    if (length === 1) LATIN1[octets[0]!] = code;
    else if (length === 2) LATIN1_ESCAPED[octets[1]!] = code;
  }
}

/**
 * Turns the GSM octets of `prepared` into Latin-1, part by part: the carrier turns them back, so
 * the cuts, which count septets, stay right. False: a character has no place in Latin-1.
 */
function toLatin1(prepared: Prepared, alphabet: Alphabet): boolean {
  reserve(second, prepared.ends[prepared.parts - 1]!);
  let to = 0;
  let from = 0;
  let isAscii = true;
  for (let part = 0; part < prepared.parts; part += 1) {
    const end = prepared.ends[part]!;
    while (from < end) {
      const escaped = prepared.octets[from] === 0x1b;
      const octet = escaped
        ? LATIN1_ESCAPED[prepared.octets[from + 1]!]!
        : LATIN1[prepared.octets[from]!]!;
      if (octet === 0) return false;
      if (octet > 127) isAscii = false;
      second.bytes[to++] = octet;
      from += escaped ? 2 : 1;
    }
    prepared.ends[part] = to;
  }
  prepared.octets = second.bytes;
  prepared.dataCoding = alphabet === "ascii" && !isAscii ? DATA_CODING_LATIN1 : DATA_CODING_DEFAULT;
  return true;
}
