/**
 * The text of a submit_sm: alphabet and octets of its parts, and its data_coding.
 *
 * Replaced characters and national tables are those that the record says, as dispatch counted and
 * priced them; the carrier's own alphabet may still want other octets. Text that a Latin-1 or ASCII
 * carrier cannot be told in its alphabet goes as UCS-2, which may be more parts than were counted:
 * the only other way would be not to send it there.
 *
 * Source: SMPP v3.4, 5.2.19 (data_coding); 3GPP TS 23.038, 4 (message classes), 6.1.2.1 (packing).
 */
import type { CarrierConfig } from "../../../core/configuration.js";
import { TEXT_BYTES_MAX } from "../../../core/limits.js";
import { PLAIN_SINGLE } from "../../../core/parts.js";
import { fillBitsAfter, packedOctets, packSeptets } from "../../../core/septets.js";
import { replaceSmart } from "../../../core/smart.js";
import { DISPATCH, ENCODING_GSM7, ENCODING_UCS2 } from "../../../core/stream/fields.js";
import { newWriter, reserve, varintOf } from "../../../core/stream/frame.js";
import { encodeGsm7Unpacked, encodeUcs2 } from "../../../core/text.js";
import {
  cutBody,
  ENCODING_PLAIN,
  type Join,
  joinOf,
  PARTS_MAX,
  type Prepared,
  setWhole,
} from "./submit-join.js";

export type Alphabet = CarrierConfig["alphabet"];

/** How a carrier takes bodies. */
export interface Form {
  readonly alphabet: Alphabet;
  readonly join: Join;
  /** data_coding of text in the alphabet, of UCS-2, of octets. */
  readonly text: number;
  readonly ucs2: number;
  readonly binary: number;
}

const DATA_CODING_LATIN1 = 0x03;
/** Message class 0: shown at once, not kept (3GPP TS 23.038, 4); bits 2 and 3 are the alphabet. */
const CLASS_0 = 0x10;
const ALPHABET_8_BIT = 0x04;
const ALPHABET_UCS2 = 0x08;
/** 0xF0 and above: data coding and message class, bit 2 is the alphabet. */
const CODING_CLASS_AT = 0xf0;

const scratch = newWriter(2 * TEXT_BYTES_MAX + 64);
const second = newWriter(2 * TEXT_BYTES_MAX + 64);
const replaced = newWriter(2 * TEXT_BYTES_MAX + 64);

export function formOf(
  config: Pick<CarrierConfig, "alphabet" | "longMessages" | "dataCodings">,
): Form {
  const { text = 0, ucs2 = 8, binary = 4 } = config.dataCodings ?? {};
  return { alphabet: config.alphabet, join: joinOf(config), text, ucs2, binary };
}

/** data_coding of message class 0, in the place of one without a class. */
export function flashCoding(form: Form, dataCoding: number): number {
  // A carrier that wants the group 0xF wants it of a class 0, too.
  if (dataCoding >= CODING_CLASS_AT) return dataCoding & ~0x03;
  if (dataCoding === form.ucs2) return CLASS_0 | ALPHABET_UCS2;
  return dataCoding === form.binary ? CLASS_0 | ALPHABET_8_BIT : CLASS_0;
}

/**
 * Encodes and cuts the text `bytes[textAt, textEnd)` of a dispatch record into `prepared`, whose
 * octets are good until the next call.
 */
export function prepareText(
  prepared: Prepared,
  form: Form,
  bytes: Uint8Array,
  record: Int32Array,
  textAt: number,
  textEnd: number,
  flash: boolean,
): void {
  prepared.elementsAt = 0;
  prepared.elementsEnd = 0;
  prepared.languages = 0;
  prepared.dataCoding = form.text;
  if (varintOf(record, DISPATCH.plain) === 1) {
    prepared.octets = bytes;
    prepared.at = textAt;
    if (textEnd - textAt <= PLAIN_SINGLE) setWhole(prepared, textEnd);
    else {
      const decided = varintOf(record, DISPATCH.segments);
      cutBody(prepared, form.join, decided, ENCODING_PLAIN, bytes, textAt, textEnd);
    }
    if (form.alphabet === "gsm7_packed") pack(prepared);
  } else encode(prepared, form, bytes, record, textAt, textEnd, flash);
  if (flash) prepared.dataCoding = flashCoding(form, prepared.dataCoding);
}

/** Cuts and encodes a text that is not plain, as record and carrier's alphabet say. */
function encode(
  prepared: Prepared,
  form: Form,
  bytes: Uint8Array,
  record: Int32Array,
  textAt: number,
  textEnd: number,
  flash: boolean,
): void {
  const decided = varintOf(record, DISPATCH.segments);
  const { alphabet } = form;
  const isGsm7 = alphabet === "gsm7" || alphabet === "gsm7_packed";
  if (varintOf(record, DISPATCH.encoding) !== ENCODING_UCS2) {
    // Tables are the affair of carriers that take septets; others would turn them into other text.
    prepared.languages = isGsm7 ? varintOf(record, DISPATCH.languages) : 0;
    const isDone =
      varintOf(record, DISPATCH.smart) === 1
        ? encodeSmart(prepared, form, decided, bytes, textAt, textEnd)
        : encodeParts(prepared, form, decided, bytes, textAt, textEnd, ENCODING_GSM7);
    // More parts than can be sent are not worth another alphabet, and their ends are not known.
    if (isDone && prepared.parts > PARTS_MAX) return;
    if (isDone && alphabet === "gsm7_packed") pack(prepared);
    if (isDone && (isGsm7 || toLatin1(prepared, alphabet, flash))) return;
  }
  prepared.languages = 0;
  encodeParts(prepared, form, decided, bytes, textAt, textEnd, ENCODING_UCS2);
}

function encodeSmart(
  prepared: Prepared,
  form: Form,
  decided: number,
  bytes: Uint8Array,
  textAt: number,
  textEnd: number,
): boolean {
  replaced.at = 0;
  reserve(replaced, 2 * (textEnd - textAt));
  const length = replaceSmart(bytes, textAt, textEnd, replaced.bytes, 0);
  return (
    length >= 0 && encodeParts(prepared, form, decided, replaced.bytes, 0, length, ENCODING_GSM7)
  );
}

/** False: a character is not in the alphabet. */
function encodeParts(
  prepared: Prepared,
  form: Form,
  decided: number,
  bytes: Uint8Array,
  textAt: number,
  textEnd: number,
  encoding: number,
): boolean {
  scratch.at = 0;
  reserve(scratch, 2 * (textEnd - textAt));
  const { ends, languages } = prepared;
  cutBody(prepared, form.join, decided, encoding, bytes, textAt, textEnd);
  let to = 0;
  let from = textAt;
  for (let part = 0; part < prepared.parts && part < PARTS_MAX; part += 1) {
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
  prepared.dataCoding = encoding === ENCODING_GSM7 ? form.text : form.ucs2;
  return true;
}

/** Packs the septets of `prepared`, part by part, each behind its header. */
function pack(prepared: Prepared): void {
  const { ends, octets, headerOctets } = prepared;
  const parts = Math.min(prepared.parts, PARTS_MAX);
  reserve(second, packedOctets(ends[parts - 1]! - prepared.at) + 2 * parts);
  const fillBits = headerOctets === 0 ? 0 : fillBitsAfter(headerOctets);
  let to = 0;
  let from = prepared.at;
  for (let part = 0; part < parts; part += 1) {
    const end = ends[part]!;
    to += packSeptets(octets, from, end, second.bytes, to, fillBits);
    from = end;
    ends[part] = to;
  }
  prepared.octets = second.bytes;
  prepared.at = 0;
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
 * the cuts, which count septets, stay right. False: a character has no place in Latin-1, or the
 * message class has none beside it.
 */
function toLatin1(prepared: Prepared, alphabet: Alphabet, flash: boolean): boolean {
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
  if (alphabet === "ascii" && !isAscii) {
    // data_coding 3 says Latin-1 and can say no class.
    if (flash) return false;
    prepared.dataCoding = DATA_CODING_LATIN1;
  }
  prepared.octets = second.bytes;
  return true;
}
