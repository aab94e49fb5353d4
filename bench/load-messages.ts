/**
 * Load messages: request bytes from a template, and answers read in place.
 *
 * The generator shares two cores with what it measures, so a message costs it 0.1 us: a batch is
 * encoded once, and for each call only the digits that make its messages different are overwritten
 * (recipient, code, idempotency key, and the begin of the call in client_reference). The text is
 * as long as that of the limit pipelines. The bytes of a batch of one are those of the unary call.
 */
import { found, newFields, nextField, readFields, varintOf } from "../core/stream/frame.js";

export interface BatchTemplate {
  readonly bytes: Buffer;
  /** Bytes of one message, and where in it the digits begin; -1: it has none. */
  readonly stride: number;
  readonly recipientAt: number;
  readonly codeAt: number;
  readonly keyAt: number;
  readonly stampAt: number;
}

const TEXT = "Your code is 123456. It expires in ten minutes. Do not share it.";
const CODE_DIGITS = 6;
const RECIPIENT = "+447700900000";
const RECIPIENT_DIGITS = 5;
const KEY_DIGITS = 9;
/** Milliseconds since 1970 with microseconds: 13 digits, a point, 3 digits. */
const STAMP = "0000000000000.000";
const VALIDITY_SECONDS = 3_600;

/** Fields by number, as in messaging.proto and bare.proto. */
const FIELDS = {
  floe: { to: 1, from: 2, text: 3, key: 9, reference: 10, validity: 11 },
  bare: { to: 1, from: 2, text: 3, key: 4, reference: 5, validity: 6 },
} as const;

/** @param runPrefix makes idempotency keys differ from those of earlier runs (ASCII). */
export function batchTemplate(
  kind: "floe" | "bare",
  batch: number,
  runPrefix: string,
  stamp: boolean,
  validitySeconds = VALIDITY_SECONDS,
): BatchTemplate {
  const fields = FIELDS[kind];
  const parts: Buffer[] = [];
  let size = 0;
  /** Returns where the value begins. */
  const putText = (field: number, value: string): number => {
    parts.push(Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value, "latin1"));
    size += 2 + value.length;
    return size - value.length;
  };
  const recipientAt = putText(fields.to, RECIPIENT) + RECIPIENT.length - RECIPIENT_DIGITS;
  putText(fields.from, "Floe");
  const codeAt = putText(fields.text, TEXT) + TEXT.indexOf("123456");
  const key = runPrefix + "0".repeat(KEY_DIGITS);
  const keyAt = putText(fields.key, key) + runPrefix.length;
  const stampAt = stamp ? putText(fields.reference, STAMP) : -1;
  // Two octets whatever it is: a varint may have leading zeros.
  const validity = [(validitySeconds & 127) | 128, validitySeconds >>> 7];
  parts.push(Buffer.from([fields.validity << 3, ...validity]));
  size += 3;
  // The limit pipelines ask for a receipt by a field; for floe it is the default.
  if (kind === "bare") {
    parts.push(Buffer.from([7 << 3, 1]));
    size += 2;
  }
  const head = Buffer.from(size < 128 ? [10, size] : [10, (size & 127) | 128, size >>> 7]);
  const message = Buffer.concat([head, ...parts]);
  const from = head.length;
  return {
    bytes: Buffer.concat(new Array<Buffer>(batch).fill(message)),
    stride: message.length,
    recipientAt: from + recipientAt,
    codeAt: from + codeAt,
    keyAt: from + keyAt,
    stampAt: stampAt < 0 ? -1 : from + stampAt,
  };
}

/**
 * Makes `into` (as long as the template) the messages `first`, `first + 1`, ... of the run: no two
 * have the same recipient and text before 9 * 10^10 of them.
 */
export function writeBatch(
  template: BatchTemplate,
  into: Buffer,
  first: number,
  stampMs: number,
): void {
  const { stride, recipientAt, codeAt, keyAt, stampAt } = template;
  const stamp = stampAt < 0 ? "" : stampMs.toFixed(3);
  let number = first;
  for (let at = 0; at < into.length; at += stride) {
    putDigits(into, at + recipientAt, RECIPIENT_DIGITS, recipientOf(number));
    putDigits(into, at + codeAt, CODE_DIGITS, number);
    putDigits(into, at + keyAt, KEY_DIGITS, number);
    if (stampAt >= 0) into.latin1Write(stamp, at + stampAt);
    number += 1;
  }
}

/**
 * 90,000 recipients, none of whose last four digits is below 1000: the simulated carriers give some
 * of those another fate than delivery. Recipient and code (a million) repeat together after nine
 * million messages, hence the shift.
 */
function recipientOf(number: number): number {
  const index = (number + Math.floor(number / 9_000_000)) % 90_000;
  return Math.floor(index / 9_000) * 10_000 + 1_000 + (index % 9_000);
}

/** The last `width` decimal digits of `value`. */
function putDigits(into: Uint8Array, at: number, width: number, value: number): void {
  let left = value;
  for (let place = at + width - 1; place >= at; place -= 1) {
    const rest = Math.floor(left / 10);
    into[place] = 48 + left - rest * 10;
    left = rest;
  }
}

/** What answers have told so far. */
export interface Tally {
  accepted: number;
  /** XOR of the low 64 bits of the ids, as two unsigned halves. */
  checksumHigh: number;
  checksumLow: number;
  /** Refused messages by code number of google.rpc.Code. */
  readonly errors: Map<number, number>;
}

export function newTally(): Tally {
  return { accepted: 0, checksumHigh: 0, checksumLow: 0, errors: new Map() };
}

export function checksumOf(tally: Tally): string {
  const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");
  return hex(tally.checksumHigh) + hex(tally.checksumLow);
}

export function addError(tally: Tally, code: number, count: number): void {
  tally.errors.set(code, (tally.errors.get(code) ?? 0) + count);
}

const fields = newFields();
const INTERNAL = 13;

/** Adds the answer of a unary call (SendMessageResponse). */
export function readUnaryAnswer(bytes: Uint8Array, tally: Tally): void {
  if (!readFields(bytes, 0, bytes.length, fields)) addError(tally, INTERNAL, 1);
  else addId(bytes, fields[2]!, fields[3]!, tally);
}

/** Adds the answer of a batch; a result is an id (1) or what was wrong (2). */
export function readBatchAnswer(kind: "floe" | "bare", bytes: Uint8Array, tally: Tally): void {
  let at = 0;
  while (nextField(bytes, at, bytes.length, 1) === 1) {
    const start = found.at;
    at = found.end;
    if (!readFields(bytes, start, at, fields)) addError(tally, INTERNAL, 1);
    else if (kind === "bare") {
      if (varintOf(fields, 2) === 0) tally.accepted += 1;
      else addError(tally, varintOf(fields, 2), 1);
    } else if (fields[2]! >= 0) addId(bytes, fields[2]!, fields[3]!, tally);
    else {
      const status = fields[4]!;
      const known = status >= 0 && readFields(bytes, status, status + fields[5]!, fields);
      addError(tally, known ? varintOf(fields, 1) : INTERNAL, 1);
    }
  }
}

/** A UUID in its text form: 8-4-4-4-12 digits (RFC 9562, section 4). */
function addId(bytes: Uint8Array, at: number, length: number, tally: Tally): void {
  if (at < 0 || length !== 36) {
    addError(tally, INTERNAL, 1);
    return;
  }
  tally.accepted += 1;
  tally.checksumHigh ^= (hex4(bytes, at + 19) << 16) | hex4(bytes, at + 24);
  tally.checksumLow ^= (hex4(bytes, at + 28) << 16) | hex4(bytes, at + 32);
}

function hex4(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let place = at; place < at + 4; place += 1) {
    const octet = bytes[place]!;
    value = (value << 4) | (octet < 58 ? octet - 48 : octet - 87);
  }
  return value;
}
