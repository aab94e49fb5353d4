/**
 * submit_sm out of a dispatch record, from bytes to bytes.
 *
 * A plain text (ASCII that is the same in the GSM alphabet) in one part is copied from the frame as
 * it stands: that is nearly every message. Anything else is cut and encoded once (submit-text.ts)
 * and copied part by part behind its header (UDH). The sender is the record's, where dispatch
 * replaced the message's own.
 *
 * Source: SMPP v3.4, 4.4.1 (layout), 5.2.5 (TON), 5.2.6 (NPI), 5.2.12 (esm_class), 7.1.1 (times).
 */
import { DISPATCH, MESSAGE, RECEIPT_REQUEST_NONE } from "../../../core/stream/fields.js";
import { type FrameWriter, fixed64Of, reserve, varintOf } from "../../../core/stream/frame.js";
import { CANNOT, type Submission } from "../link.js";
import {
  type Alphabet,
  newPrepared,
  PARTS_MAX,
  partHeaderOctets,
  prepareText,
  putPartHeader,
} from "./submit-text.js";

const ESM_CLASS_UDHI = 0x40;
const TON_INTERNATIONAL = 1;
const TON_NETWORK_SPECIFIC = 3;
const TON_ALPHANUMERIC = 5;
const NPI_E164 = 1;
/** Octets of an address without its NUL (5.2.8). */
const ADDRESS_BYTES_MAX = 20;
/** Everything but header, addresses and content, at its longest. */
const FIXED_BYTES = 64;
const PLUS = 0x2b;

export interface SubmitWriter {
  /** Encodes and cuts the record's text. Returns the number of parts, or CANNOT. */
  prepare(submission: Submission): number;
  /** Writes the body of the prepared record's part behind the header in `writer`. */
  put(writer: FrameWriter, submission: Submission, part: number): void;
}

export function newSubmitWriter(alphabet: Alphabet): SubmitWriter {
  const prepared = newPrepared();

  return {
    prepare(submission) {
      const { bytes, record, message } = submission;
      const textAt = message[2 * MESSAGE.text]!;
      if (textAt < 0 || !addressesFit(record, message)) return CANNOT;
      const textEnd = textAt + message[2 * MESSAGE.text + 1]!;
      prepareText(prepared, alphabet, bytes, record, textAt, textEnd);
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
      const header = partHeaderOctets(prepared);
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
      if (header > 0) at = putPartHeader(into, at, prepared, submission.reference, part);
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
