/**
 * submit_sm out of a dispatch record, from bytes to bytes.
 *
 * A plain text (ASCII that is the same in the GSM alphabet) in one part is copied from the frame as
 * it stands: that is nearly every message. Anything else is cut (core/parts.ts), encoded once into a
 * scratch buffer, and copied part by part behind its header (UDH). Sender, replaced characters and
 * national tables are those that the record says, as dispatch counted and priced them.
 *
 * Source: SMPP v3.4, 4.4.1 (layout), 5.2.5 (TON), 5.2.6 (NPI), 5.2.12 (esm_class), 5.2.19
 * (data_coding), 7.1.1 (times); 3GPP TS 23.040, 9.2.3.24.1 (concatenation, 8-bit reference), 15
 * (single shift) and 16 (locking shift).
 */
import assert from "node:assert";
import type { CarrierConfig } from "../../../core/configuration.js";
import { SEGMENTS_MAX, TEXT_BYTES_MAX } from "../../../core/limits.js";
import { cutPlain, cutText, headerOctets } from "../../../core/parts.js";
import { replaceSmart } from "../../../core/smart.js";
import {
  DISPATCH,
  ENCODING_GSM7,
  ENCODING_UCS2,
  MESSAGE,
  RECEIPT_REQUEST_NONE,
} from "../../../core/stream/fields.js";
import {
  type FrameWriter,
  fixed64Of,
  newWriter,
  reserve,
  varintOf,
} from "../../../core/stream/frame.js";
import { encodeGsm7Unpacked, encodeUcs2 } from "../../../core/text.js";
import { CANNOT, type Submission } from "../link.js";

type Alphabet = CarrierConfig["alphabet"];

const DATA_CODING_DEFAULT = 0x00;
const DATA_CODING_LATIN1 = 0x03;
const DATA_CODING_UCS2 = 0x08;
const ESM_CLASS_UDHI = 0x40;
const TON_INTERNATIONAL = 1;
const TON_NETWORK_SPECIFIC = 3;
const TON_ALPHANUMERIC = 5;
const NPI_E164 = 1;
/** Octets of an address without its NUL (5.2.8). */
const ADDRESS_BYTES_MAX = 20;
/** A long text in another alphabet than it was counted in may need more than SEGMENTS_MAX. */
const PARTS_MAX = 30;
assert(PARTS_MAX < 31 && SEGMENTS_MAX <= PARTS_MAX, "a part is a bit of a mask");
/** Everything but header, addresses and content, at its longest. */
const FIXED_BYTES = 64;
const PLUS = 0x2b;
/** Information elements of the user data header. */
const IEI_CONCATENATED_8 = 0x00;
const IEI_SINGLE_SHIFT = 0x24;
const IEI_LOCKING_SHIFT = 0x25;

/** How the text of the record on offer is sent; one object, filled anew by `prepare`. */
interface Prepared {
  octets: Uint8Array;
  at: number;
  parts: number;
  dataCoding: number;
  /** National tables that its header names; 0: none. */
  languages: number;
  /** Where each part ends in `octets`. */
  readonly ends: Int32Array;
}

export interface SubmitWriter {
  /** Encodes and cuts the record's text. Returns the number of parts, or CANNOT. */
  prepare(submission: Submission): number;
  /** Writes the body of the prepared record's part behind the header in `writer`. */
  put(writer: FrameWriter, submission: Submission, part: number): void;
}

const scratch = newWriter(2 * TEXT_BYTES_MAX + 64);
const second = newWriter(2 * TEXT_BYTES_MAX + 64);
const replaced = newWriter(2 * TEXT_BYTES_MAX + 64);

export function newSubmitWriter(alphabet: Alphabet): SubmitWriter {
  const prepared: Prepared = {
    octets: new Uint8Array(0),
    at: 0,
    parts: 1,
    dataCoding: DATA_CODING_DEFAULT,
    languages: 0,
    ends: new Int32Array(PARTS_MAX),
  };

  return {
    prepare(submission) {
      const { bytes, record, message } = submission;
      const textAt = message[2 * MESSAGE.text]!;
      if (textAt < 0 || !addressesFit(record, message)) return CANNOT;
      const textEnd = textAt + message[2 * MESSAGE.text + 1]!;
      if (varintOf(record, DISPATCH.plain) === 1) {
        prepared.octets = bytes;
        prepared.at = textAt;
        prepared.dataCoding = DATA_CODING_DEFAULT;
        prepared.languages = 0;
        prepared.parts = cutPlain(bytes, textAt, textEnd, prepared.ends);
      } else {
        encode(prepared, alphabet, bytes, record, textAt, textEnd);
      }
      return prepared.parts > PARTS_MAX ? CANNOT : prepared.parts;
    },
    put(writer, submission, part) {
      const { bytes, record, message } = submission;
      const from = part === 0 ? prepared.at : prepared.ends[part - 1]!;
      const length = prepared.ends[part]! - from;
      reserve(writer, FIXED_BYTES + 2 * ADDRESS_BYTES_MAX + length);
      const into = writer.bytes;
      let at = writer.at;
      into[at++] = 0;
      at = putSource(into, at, bytes, record, message);
      at = putDestination(into, at, bytes, message);
      const { parts, languages } = prepared;
      const header = headerOctets(languages, parts > 1 ? 8 : 0);
      into[at++] = header > 0 ? ESM_CLASS_UDHI : 0;
      // protocol_id, priority_flag, schedule_delivery_time
      into[at++] = 0;
      into[at++] = 0;
      into[at++] = 0;
      at = putValidity(into, at, bytes, record, message, submission.wallMs);
      into[at++] = varintOf(message, MESSAGE.receipt) === RECEIPT_REQUEST_NONE ? 0 : 1;
      into[at++] = 0;
      into[at++] = prepared.dataCoding;
      into[at++] = 0;
      into[at++] = header + length;
      if (header > 0) {
        into[at++] = header - 1;
        if (parts > 1) at = putConcatenation(into, at, submission.reference, parts, part);
        if (languages !== 0) at = putLanguages(into, at, languages);
      }
      const octets = prepared.octets;
      if (length < 64)
        for (let index = from; index < from + length; index += 1) into[at++] = octets[index]!;
      else {
        into.set(octets.subarray(from, from + length), at);
        at += length;
      }
      writer.at = at;
    },
  };
}

/** IEI_CONCATENATED_8: reference, number of parts, which this is. */
function putConcatenation(
  into: Uint8Array,
  start: number,
  reference: number,
  parts: number,
  part: number,
): number {
  let at = start;
  into[at++] = IEI_CONCATENATED_8;
  into[at++] = 3;
  into[at++] = reference;
  into[at++] = parts;
  into[at++] = part + 1;
  return at;
}

function putLanguages(into: Uint8Array, start: number, languages: number): number {
  let at = start;
  for (const [element, id] of [
    [IEI_SINGLE_SHIFT, languages & 0xff],
    [IEI_LOCKING_SHIFT, languages >>> 8],
  ] as const) {
    if (id === 0) continue;
    into[at++] = element;
    into[at++] = 1;
    into[at++] = id;
  }
  return at;
}

/** Whether the sender is the record's own, and not the message's. */
function isSenderReplaced(record: Int32Array): boolean {
  return record[2 * DISPATCH.sender]! >= 0 && record[2 * DISPATCH.sender + 1]! > 0;
}

/** Where the sender to submit begins. */
export function senderAt(record: Int32Array, message: Int32Array): number {
  return isSenderReplaced(record) ? record[2 * DISPATCH.sender]! : message[2 * MESSAGE.from]!;
}

/** Its length in octets. */
export function senderLength(record: Int32Array, message: Int32Array): number {
  return isSenderReplaced(record)
    ? record[2 * DISPATCH.sender + 1]!
    : message[2 * MESSAGE.from + 1]!;
}

function addressesFit(record: Int32Array, message: Int32Array): boolean {
  const to = message[2 * MESSAGE.to + 1]!;
  const from = senderLength(record, message);
  if (message[2 * MESSAGE.to]! < 0 || senderAt(record, message) < 0) return false;
  return to > 0 && to <= ADDRESS_BYTES_MAX + 1 && from > 0 && from <= ADDRESS_BYTES_MAX + 1;
}

/** The sender: E.164 with "+", a short code of digits, or a name. */
function putSource(
  into: Uint8Array,
  start: number,
  bytes: Uint8Array,
  record: Int32Array,
  message: Int32Array,
): number {
  let at = start;
  let from = senderAt(record, message);
  const end = from + senderLength(record, message);
  if (bytes[from] === PLUS) {
    into[at++] = TON_INTERNATIONAL;
    into[at++] = NPI_E164;
    from += 1;
  } else {
    into[at++] = isDigits(bytes, from, end) ? TON_NETWORK_SPECIFIC : TON_ALPHANUMERIC;
    into[at++] = 0;
  }
  for (let index = from; index < end; index += 1) into[at++] = bytes[index]!;
  into[at++] = 0;
  return at;
}

function putDestination(
  into: Uint8Array,
  start: number,
  bytes: Uint8Array,
  message: Int32Array,
): number {
  let at = start;
  let from = message[2 * MESSAGE.to]!;
  const end = from + message[2 * MESSAGE.to + 1]!;
  if (bytes[from] === PLUS) from += 1;
  into[at++] = TON_INTERNATIONAL;
  into[at++] = NPI_E164;
  for (let index = from; index < end; index += 1) into[at++] = bytes[index]!;
  into[at++] = 0;
  return at;
}

function isDigits(bytes: Uint8Array, from: number, end: number): boolean {
  for (let index = from; index < end; index += 1) {
    if (bytes[index]! < 0x30 || bytes[index]! > 0x39) return false;
  }
  return true;
}

/**
 * validity_period, relative ("000000hhmmss000R"), where the customer set one: a carrier that keeps
 * a password for a day after it expired does harm. Where none was set the carrier's own rule holds.
 */
function putValidity(
  into: Uint8Array,
  start: number,
  bytes: Uint8Array,
  record: Int32Array,
  message: Int32Array,
  wallMs: number,
): number {
  let at = start;
  const leftMs = fixed64Of(bytes, record, DISPATCH.expiresAtMs) - wallMs;
  if (varintOf(message, MESSAGE.validitySeconds) !== 0 && leftMs > 0) {
    const seconds = Math.ceil(leftMs / 1_000);
    const days = Math.floor(seconds / 86_400);
    at = put2(into, at, 0);
    at = put2(into, at, 0);
    at = put2(into, at, Math.min(days, 99));
    at = put2(into, at, Math.floor(seconds / 3_600) % 24);
    at = put2(into, at, Math.floor(seconds / 60) % 60);
    at = put2(into, at, seconds % 60);
    at = put2(into, at, 0);
    into[at++] = 0x30;
    into[at++] = 0x52;
  }
  into[at++] = 0;
  return at;
}

function put2(into: Uint8Array, at: number, value: number): number {
  into[at] = 0x30 + Math.floor(value / 10);
  into[at + 1] = 0x30 + (value % 10);
  return at + 2;
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
    if (isDone && (alphabet === "gsm7" || toLatin1(prepared, alphabet))) return;
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
