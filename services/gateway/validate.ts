/**
 * Validate: is this a message that we can send? Read in place, before anything is stored.
 *
 * In: the bytes of one floe.v1.Message as sent. Out: a set of problems as bits, 0 for a good one,
 * and, in `seen`, what the accept path needs of it. A good message allocates nothing (0.2 us at
 * 110 bytes); a bad one gets its sentences from `violations`, all of them at once.
 *
 * It reads for itself and not by `readFields`, because what it lets through is read by everybody
 * after it without another look: here a known field of the wrong wire type, or a length that leads
 * out of the message, refuses it. `tests/property/gateway` holds it against ts-proto.
 */

import type { Violation } from "../../core/grpc/refuse.js";
import {
  BINARY_BYTES_MAX,
  CLIENT_REFERENCE_BYTES_MAX,
  IDEMPOTENCY_KEY_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  NUMBER_DIGITS_MAX,
  NUMBER_DIGITS_MIN,
  SENDER_CHARACTERS_MAX,
  TAG_KEY_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX,
  TEXT_BYTES_MAX,
  UDH_BYTES_MAX,
  VALIDITY_SECONDS_MAX,
} from "../../core/limits.js";
import { partUnits, USER_DATA_OCTETS } from "../../core/parts.js";
import { BINARY, ENCODING_BINARY, MESSAGE, TAG } from "../../core/stream/fields.js";
import { isUtf8 } from "./utf8.js";

/** Problems of a message, as bits. */
export const PROBLEM = {
  malformed: 1,
  size: 2,
  to: 4,
  from: 8,
  body: 16,
  text: 32,
  trafficClass: 64,
  idempotencyKey: 128,
  clientReference: 256,
  validitySeconds: 512,
  receipt: 1_024,
  tags: 2_048,
  data: 4_096,
  udh: 8_192,
  bodies: 16_384,
} as const;

/** Of the message that was checked last: read it before the next one. */
export const seen = { trafficClass: 0, keyAt: 0, keyEnd: 0, tags: 0 };

const SHORT_CODE_DIGITS_MIN = 3;
const SHORT_CODE_DIGITS_MAX = 8;
const TRAFFIC_CLASS_MAX = 3;
const RECEIPT_REQUEST_MAX = 2;
/** Fields between `binary` and `traffic_class` are for bodies to come (messaging.proto). */
const BODY_FIELD_MAX = MESSAGE.trafficClass - 1;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const LENGTH_OCTETS_MAX = 5;
const VALUE_OCTETS_MAX = 10;

/** Tags of the fields that we know: number and wire type in one, so that both are checked. */
const TAGS = {
  to: (MESSAGE.to << 3) | LENGTH,
  from: (MESSAGE.from << 3) | LENGTH,
  text: (MESSAGE.text << 3) | LENGTH,
  trafficClass: (MESSAGE.trafficClass << 3) | VARINT,
  idempotencyKey: (MESSAGE.idempotencyKey << 3) | LENGTH,
  clientReference: (MESSAGE.clientReference << 3) | LENGTH,
  validitySeconds: (MESSAGE.validitySeconds << 3) | VARINT,
  receipt: (MESSAGE.receipt << 3) | VARINT,
  tags: (MESSAGE.tags << 3) | LENGTH,
  binary: (MESSAGE.binary << 3) | LENGTH,
  flash: (MESSAGE.flash << 3) | VARINT,
} as const;

/** Where the fields of bytes stand: `at` = `end` = 0 if they are not there. */
const to = { at: 0, end: 0 };
const from = { at: 0, end: 0 };
const text = { at: 0, end: 0 };
const key = { at: 0, end: 0 };
const reference = { at: 0, end: 0 };
const SPANS = [to, from, text, key, reference];

/**
 * Problems of the message in `bytes[at, end)`: bits of PROBLEM, 0 for none. `view` is over all of
 * `bytes`.
 */
export function check(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  if (end - at > MESSAGE_BYTES_MAX) return PROBLEM.size;
  for (const span of SPANS) {
    span.at = 0;
    span.end = 0;
  }
  let problems = 0;
  let trafficClass = 0;
  let validitySeconds = 0;
  let receipt = 0;
  let tags = 0;
  let bodies = 0;
  while (at < end) {
    let tag = bytes[at++]!;
    if (tag > 127) {
      if (at >= end || bytes[at]! > 127) return PROBLEM.malformed;
      tag = (tag & 127) | (bytes[at++]! << 7);
    }
    const kind = tag & 7;
    let value = 0;
    if (kind === LENGTH || kind === VARINT) {
      if (at >= end) return PROBLEM.malformed;
      value = bytes[at++]!;
      if (value > 127) {
        at = readVarint(bytes, at - 1, end, kind === LENGTH ? LENGTH_OCTETS_MAX : VALUE_OCTETS_MAX);
        if (at < 0) return PROBLEM.malformed;
        value = varint.value;
      }
      if (kind === LENGTH && (value < 0 || value > end - at)) return PROBLEM.malformed;
    } else if (kind === FIXED64) at += 8;
    else if (kind === FIXED32) at += 4;
    else return PROBLEM.malformed;
    if (at > end) return PROBLEM.malformed;
    switch (tag) {
      case TAGS.to:
        place(to, at, value);
        break;
      case TAGS.from:
        place(from, at, value);
        break;
      case TAGS.text:
        bodies |= TEXT;
        place(text, at, value);
        break;
      case TAGS.trafficClass:
        trafficClass = value;
        break;
      case TAGS.idempotencyKey:
        place(key, at, value);
        break;
      case TAGS.clientReference:
        place(reference, at, value);
        break;
      case TAGS.validitySeconds:
        validitySeconds = value;
        break;
      case TAGS.receipt:
        receipt = value;
        break;
      case TAGS.tags:
        tags += 1;
        problems |= checkTag(bytes, view, at, at + value);
        break;
      case TAGS.binary:
        bodies |= BINARY_BODY;
        problems |= checkBinary(bytes, at, at + value);
        break;
      case TAGS.flash:
        // A bool is any varint; what is not 0 is true.
        break;
      default:
        problems |= strange(tag >>> 3);
    }
    if (kind === LENGTH) at += value;
  }
  if ((problems & PROBLEM.malformed) !== 0) return PROBLEM.malformed;
  if (trafficClass >>> 0 > TRAFFIC_CLASS_MAX) problems |= PROBLEM.trafficClass;
  if (validitySeconds >>> 0 > VALIDITY_SECONDS_MAX) problems |= PROBLEM.validitySeconds;
  if (receipt >>> 0 > RECEIPT_REQUEST_MAX) problems |= PROBLEM.receipt;
  if (tags > TAGS_MAX) problems |= PROBLEM.tags;
  seen.trafficClass = trafficClass;
  seen.keyAt = key.at;
  seen.keyEnd = key.end;
  seen.tags = tags;
  if (bodies === (TEXT | BINARY_BODY)) problems |= PROBLEM.bodies;
  if ((bodies & BINARY_BODY) === 0) {
    if (!isText(bytes, view, text.at, text.end, 1, TEXT_BYTES_MAX)) problems |= PROBLEM.text;
  }
  return problems | checkSpans(bytes, view);
}

/** Which bodies a message has. */
const TEXT = 1;
const BINARY_BODY = 2;

/** Of a field that occurs twice the last place counts, as protobuf asks. */
function place(span: { at: number; end: number }, at: number, length: number): void {
  span.at = at;
  span.end = at + length;
}

/** A field that is not as we know it: newer than we are, or of the wrong wire type. */
function strange(field: number): number {
  if (field > MESSAGE.flash) return 0;
  return field > MESSAGE.binary && field <= BODY_FIELD_MAX ? PROBLEM.body : PROBLEM.malformed;
}

const varint = { value: 0 };

/** Sets `varint.value` to the low 32 bits. @returns the offset after it, or -1. */
function readVarint(bytes: Uint8Array, at: number, end: number, octetsMax: number): number {
  let value = 0;
  const octetsEnd = Math.min(end, at + octetsMax);
  for (let shift = 0; at < octetsEnd; shift += 7) {
    const octet = bytes[at++]!;
    if (shift < 32) value |= (octet & 127) << shift;
    if (octet < 128) {
      varint.value = value;
      return at;
    }
  }
  return -1;
}

function checkSpans(bytes: Uint8Array, view: DataView): number {
  let problems = 0;
  if (!isNumber(bytes, to.at, to.end)) problems |= PROBLEM.to;
  if (!isSender(bytes, from.at, from.end)) problems |= PROBLEM.from;
  if (!isText(bytes, view, key.at, key.end, 0, IDEMPOTENCY_KEY_BYTES_MAX)) {
    problems |= PROBLEM.idempotencyKey;
  }
  if (!isText(bytes, view, reference.at, reference.end, 0, CLIENT_REFERENCE_BYTES_MAX)) {
    problems |= PROBLEM.clientReference;
  }
  return problems;
}

/** "+" and 7 to 15 digits, the first not 0. An absent field is empty: too short. */
function isNumber(bytes: Uint8Array, at: number, end: number): boolean {
  const digits = end - at - 1;
  if (digits < NUMBER_DIGITS_MIN || digits > NUMBER_DIGITS_MAX) return false;
  if (bytes[at] !== 0x2b || bytes[at + 1] === 0x30) return false;
  for (let index = at + 1; index < end; index += 1) {
    if (bytes[index]! < 0x30 || bytes[index]! > 0x39) return false;
  }
  return true;
}

function isSender(bytes: Uint8Array, at: number, end: number): boolean {
  const length = end - at;
  if (length === 0) return false;
  if (bytes[at] === 0x2b) return isNumber(bytes, at, end);
  if (length > SENDER_CHARACTERS_MAX) return false;
  let letters = 0;
  let digits = 0;
  for (let index = at; index < end; index += 1) {
    const octet = bytes[index]!;
    const lower = octet | 0x20;
    if (lower >= 0x61 && lower <= 0x7a) letters += 1;
    else if (octet >= 0x30 && octet <= 0x39) digits += 1;
    else if (!isSenderMark(octet)) return false;
  }
  if (letters > 0) return true;
  return digits === length && length >= SHORT_CODE_DIGITS_MIN && length <= SHORT_CODE_DIGITS_MAX;
}

/** One of space & ' - . _ */
function isSenderMark(octet: number): boolean {
  return (
    octet === 0x20 ||
    octet === 0x26 ||
    octet === 0x27 ||
    octet === 0x2d ||
    octet === 0x2e ||
    octet === 0x5f
  );
}

/** UTF-8 of so many bytes. An absent field is empty. */
function isText(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  min: number,
  max: number,
): boolean {
  const length = end - at;
  return length >= min && length <= max && isUtf8(bytes, view, at, end);
}

const data = { at: 0, end: 0 };
const udh = { at: 0, end: 0 };

/** A body of octets: PROBLEM.malformed, PROBLEM.data, PROBLEM.udh or 0. */
function checkBinary(bytes: Uint8Array, at: number, end: number): number {
  place(data, at, 0);
  place(udh, at, 0);
  while (at < end) {
    const tag = bytes[at++]!;
    const field = tag >>> 3;
    if ((field !== BINARY.data && field !== BINARY.udh) || (tag & 7) !== LENGTH) {
      return PROBLEM.malformed;
    }
    at = readVarint(bytes, at, end, LENGTH_OCTETS_MAX);
    if (at < 0 || varint.value < 0 || varint.value > end - at) return PROBLEM.malformed;
    place(field === BINARY.data ? data : udh, at, varint.value);
    at += varint.value;
  }
  const header = udh.end - udh.at;
  const octets = data.end - data.at;
  let problems = 0;
  if (octets > BINARY_BYTES_MAX || (octets === 0 && header === 0)) problems |= PROBLEM.data;
  if (header > 0 && !isHeader(bytes, udh.at, udh.end, header + octets > USER_DATA_OCTETS)) {
    problems |= PROBLEM.udh;
  }
  return problems;
}

/** Elements that join parts: with a reference of 8 and of 16 bits. */
const IEI_CONCATENATED_8 = 0x00;
const IEI_CONCATENATED_16 = 0x08;

/** A user data header. @param isLong there will be several parts, joined by elements of ours. */
function isHeader(bytes: Uint8Array, at: number, end: number, isLong: boolean): boolean {
  const header = end - at;
  if (header > UDH_BYTES_MAX || bytes[at] !== header - 1 || header < 3) return false;
  if (isLong && partUnits(ENCODING_BINARY, 0, 8, header - 1) < 1) return false;
  for (let element = at + 1; element < end; ) {
    if (end - element < 2) return false;
    const isJoin = bytes[element] === IEI_CONCATENATED_8 || bytes[element] === IEI_CONCATENATED_16;
    if (isLong && isJoin) return false;
    element += 2 + bytes[element + 1]!;
    if (element > end) return false;
  }
  return true;
}

const tagKey = { at: 0, end: 0 };
const tagValue = { at: 0, end: 0 };

/** An entry of `tags`: PROBLEM.malformed, PROBLEM.tags or 0. */
function checkTag(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  place(tagKey, at, 0);
  place(tagValue, at, 0);
  while (at < end) {
    const tag = bytes[at++]!;
    const field = tag >>> 3;
    // Generated code writes nothing but key and value; both are strings.
    if ((field !== TAG.key && field !== TAG.value) || (tag & 7) !== LENGTH) {
      return PROBLEM.malformed;
    }
    at = readVarint(bytes, at, end, LENGTH_OCTETS_MAX);
    if (at < 0 || varint.value < 0 || varint.value > end - at) return PROBLEM.malformed;
    place(field === TAG.key ? tagKey : tagValue, at, varint.value);
    at += varint.value;
  }
  return isText(bytes, view, tagKey.at, tagKey.end, 1, TAG_KEY_BYTES_MAX) &&
    isText(bytes, view, tagValue.at, tagValue.end, 0, TAG_VALUE_BYTES_MAX)
    ? 0
    : PROBLEM.tags;
}

/** What is wanted, field by field: [problem, field, reason, sentence]. Never a value. */
const WANTED: readonly (readonly [number, string, string, string])[] = [
  [PROBLEM.malformed, "", "MALFORMED", "must be a well-formed floe.v1.Message"],
  [PROBLEM.size, "", "TOO_LARGE", `must be at most ${MESSAGE_BYTES_MAX} bytes`],
  [
    PROBLEM.to,
    "to",
    "NUMBER_INVALID",
    `must be "+" and ${NUMBER_DIGITS_MIN} to ${NUMBER_DIGITS_MAX} digits, the first not 0 (E.164)`,
  ],
  [
    PROBLEM.from,
    "from",
    "SENDER_INVALID",
    'must be a number in E.164 with "+", a short code of ' +
      `${SHORT_CODE_DIGITS_MIN} to ${SHORT_CODE_DIGITS_MAX} digits, or 1 to ` +
      `${SENDER_CHARACTERS_MAX} letters, digits, spaces and any of - . _ & ', a letter among them`,
  ],
  [PROBLEM.body, "body", "BODY_UNKNOWN", "must be text or binary: this server sends nothing else"],
  [PROBLEM.bodies, "body", "BODY_AMBIGUOUS", "must be either text or binary"],
  [PROBLEM.text, "text", "TEXT_INVALID", `must be 1 to ${TEXT_BYTES_MAX} bytes of UTF-8`],
  [
    PROBLEM.data,
    "binary.data",
    "DATA_INVALID",
    `must be 1 to ${BINARY_BYTES_MAX} octets, or none behind a header`,
  ],
  [
    PROBLEM.udh,
    "binary.udh",
    "HEADER_INVALID",
    `must be a user data header of up to ${UDH_BYTES_MAX} octets: its length, then elements of ` +
      "identifier, length and data (3GPP TS 23.040, 9.2.3.24); where the data needs several parts, " +
      "it must leave room for some of it and have no element that joins parts (0x00, 0x08)",
  ],
  [
    PROBLEM.trafficClass,
    "traffic_class",
    "ENUM_UNKNOWN",
    "must be a floe.v1.TrafficClass: AUTHENTICATION, TRANSACTIONAL or PROMOTIONAL",
  ],
  [
    PROBLEM.idempotencyKey,
    "idempotency_key",
    "TOO_LONG",
    `must be at most ${IDEMPOTENCY_KEY_BYTES_MAX} bytes of UTF-8`,
  ],
  [
    PROBLEM.clientReference,
    "client_reference",
    "TOO_LONG",
    `must be at most ${CLIENT_REFERENCE_BYTES_MAX} bytes of UTF-8`,
  ],
  [
    PROBLEM.validitySeconds,
    "validity_seconds",
    "OUT_OF_RANGE",
    `must be at most ${VALIDITY_SECONDS_MAX}`,
  ],
  [PROBLEM.receipt, "receipt", "ENUM_UNKNOWN", "must be a floe.v1.ReceiptRequest: FINAL or NONE"],
  [
    PROBLEM.tags,
    "tags",
    "TAGS_INVALID",
    `must be at most ${TAGS_MAX}, keys of 1 to ${TAG_KEY_BYTES_MAX} and values of up to ` +
      `${TAG_VALUE_BYTES_MAX} bytes of UTF-8`,
  ],
];

/** Sentences for `problems`. `path` names the message in its request: `messages[3]`. */
export function violations(problems: number, path: string): Violation[] {
  return WANTED.filter(([problem]) => (problems & problem) !== 0).map(
    ([, field, reason, description]) => ({
      field: field === "" ? path : `${path}.${field}`,
      description,
      reason,
    }),
  );
}
