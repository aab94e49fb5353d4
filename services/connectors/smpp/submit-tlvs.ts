/**
 * The optional parameters of the carrier's own that go with each submit_sm: constants, and fields of
 * the message (CarrierConfig.tlvs).
 *
 * Constants are one run of octets, made once. A field that the message has not leaves its parameter
 * out; so does a value that its type cannot hold, which is counted, and told in the log once: cutting
 * a customer's reference would make it another's.
 *
 * Source: SMPP v3.4, 3.2.4.1 (tag, length, value; in any order), 3.1 (types).
 */
import type { SentTlv } from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import { counter } from "../../../core/metrics.js";
import { DISPATCH, MESSAGE, TAG } from "../../../core/stream/fields.js";
import {
  fixed32Of,
  found,
  newFields,
  nextField,
  readFields,
  varintOf,
} from "../../../core/stream/frame.js";
import type { Submission } from "../link.js";
import { senderAt, senderLength } from "./submit-sender.js";

export interface SentTlvs {
  /** Octets that they take at most. */
  readonly bytesMax: number;
  /** Writes them into `into` from `at` on. Returns the end. */
  put(into: Uint8Array, at: number, submission: Submission): number;
}

const HEAD_BYTES = 4;
/** A value taken from a message: no field of one that is longer is let in (core/limits.ts). */
const VALUE_BYTES_MAX = 256;
const INT_BYTES = { int8: 1, int16: 2, int32: 4 } as const;
/** By floe.v1.TrafficClass; unspecified counts as transactional. */
const CLASSES = ["transactional", "authentication", "transactional", "promotional"].map((name) =>
  Buffer.from(name, "latin1"),
);
const TRANSACTIONAL = 2;

const leftOutTotal = counter(
  "floe_connector_tlvs_left_out_total",
  "Optional parameters left out of a submit_sm because their type cannot hold the value.",
  ["carrier", "tag"],
);

/** A value on its way into a PDU: `bytes[at, end)`, or a number. */
const value = { bytes: new Uint8Array(0) as Uint8Array, at: 0, end: 0, number: -1 };
const ABSENT = -1;
/** Writes where `value` is; false: the message has none. */
type Find = (submission: Submission) => boolean;

interface Taken {
  readonly tag: number;
  readonly type: SentTlv["type"];
  readonly find: Find;
  leftOut(): void;
}

/** @returns undefined: there are none. */
export function newSentTlvs(
  carrier: string,
  tlvs: readonly SentTlv[] | undefined,
  log: Logger,
): SentTlvs | undefined {
  if (tlvs === undefined || tlvs.length === 0) return undefined;
  const constants = Buffer.concat(tlvs.map((tlv) => constantTlv(tlv) ?? Buffer.alloc(0)));
  const taken = tlvs
    .filter(({ from }) => from !== undefined)
    .map(({ tag, type, from }): Taken => {
      const total = leftOutTotal.labels(carrier, tag);
      let told = false;
      return {
        ...{ tag: Number(tag), type, find: finderOf(from!, type) },
        leftOut() {
          total.inc();
          if (told) return;
          told = true;
          log.warn({ carrier, tag, type }, "optional parameter left out: too long for its type");
        },
      };
    });
  return {
    bytesMax: constants.length + taken.length * (HEAD_BYTES + VALUE_BYTES_MAX + 1),
    put(into, start, submission) {
      let at = start;
      for (let index = 0; index < constants.length; index += 1) into[at++] = constants[index]!;
      for (let index = 0; index < taken.length; index += 1) {
        const one = taken[index]!;
        if (!one.find(submission)) continue;
        const end = putTaken(into, at, one);
        if (end < 0) one.leftOut();
        else at = end;
      }
      return at;
    },
  };
}

/**
 * The whole parameter with a constant; undefined: it is none, or its type cannot hold the value
 * (which core/configuration.ts does not let in).
 */
function constantTlv({ tag, type, value: text }: SentTlv): Buffer | undefined {
  if (text === undefined) return undefined;
  const into = Buffer.alloc(HEAD_BYTES + VALUE_BYTES_MAX + 1);
  value.bytes = type === "octets" ? Buffer.from(text, "hex") : Buffer.from(text, "utf8");
  value.at = 0;
  value.end = value.bytes.length;
  value.number = ABSENT;
  const end = putTaken(into, 0, { tag: Number(tag), type });
  return end < 0 ? undefined : into.subarray(0, end);
}

/** Writes tag, length and `value`. @returns the end; -1: the type cannot hold it. */
function putTaken(into: Uint8Array, start: number, { tag, type }: Omit<Taken, "find" | "leftOut">) {
  let at = start + HEAD_BYTES;
  if (type === "text" || type === "octets") {
    if (value.number !== ABSENT) digitsOf(value.number);
    const { bytes, end } = value;
    if (end - value.at > VALUE_BYTES_MAX) return -1;
    for (let from = value.at; from < end; from += 1) {
      // A NUL would end the text there.
      if (bytes[from] === 0 && type === "text") return -1;
      into[at++] = bytes[from]!;
    }
    if (type === "text") into[at++] = 0;
  } else {
    const number = value.number !== ABSENT ? value.number : numberOf();
    const bytes = INT_BYTES[type];
    if (number < 0 || number >= 256 ** bytes) return -1;
    for (let shift = bytes - 1; shift >= 0; shift -= 1) into[at++] = number >>> (8 * shift);
  }
  const length = at - start - HEAD_BYTES;
  into[start] = tag >>> 8;
  into[start + 1] = tag;
  into[start + 2] = length >>> 8;
  into[start + 3] = length;
  return at;
}

/** The whole number that the text is, in decimal digits; -1: it is none below 2^32. */
function numberOf(): number {
  const { bytes, at, end } = value;
  if (end === at) return -1;
  let number = 0;
  for (let index = at; index < end; index += 1) {
    const digit = bytes[index]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
    if (number > 0xffff_ffff) return -1;
  }
  return number;
}

const digits = new Uint8Array(10);

/** Turns `value` into the decimal digits of a number below 2^32. */
function digitsOf(number: number): void {
  let at = digits.length;
  let rest = number;
  do {
    at -= 1;
    digits[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  } while (rest > 0);
  setValue(digits, at, digits.length);
}

function setValue(bytes: Uint8Array, at: number, end: number): boolean {
  value.bytes = bytes;
  value.at = at;
  value.end = end;
  value.number = ABSENT;
  return end > at;
}

const idText = new Uint8Array(36).fill(0x2d);
const HEX_DIGITS = Buffer.from("0123456789abcdef", "latin1");

/** A UUID as people write it. */
function idOf(bytes: Uint8Array, at: number): void {
  let to = 0;
  for (let index = 0; index < 16; index += 1) {
    // The dashes stand there.
    if (index === 4 || index === 6 || index === 8 || index === 10) to += 1;
    idText[to++] = HEX_DIGITS[bytes[at + index]! >>> 4]!;
    idText[to++] = HEX_DIGITS[bytes[at + index]! & 0x0f]!;
  }
  setValue(idText, 0, to);
}

function finderOf(from: string, type: SentTlv["type"]): Find {
  switch (from) {
    case "message_id":
      return ({ bytes, record }) => {
        const at = record[2 * DISPATCH.messageId]!;
        if (at < 0 || record[2 * DISPATCH.messageId + 1] !== 16) return false;
        idOf(bytes, at);
        return true;
      };
    case "client_reference":
      return ({ bytes, message }) => {
        const at = message[2 * MESSAGE.clientReference]!;
        return at >= 0 && setValue(bytes, at, at + message[2 * MESSAGE.clientReference + 1]!);
      };
    case "account":
      return ({ bytes, record }) => {
        value.number = fixed32Of(bytes, record, DISPATCH.account);
        return true;
      };
    case "sender":
      return ({ bytes, record, message }) => {
        const at = senderAt(record, message);
        return at >= 0 && setValue(bytes, at, at + senderLength(record, message));
      };
    case "traffic_class":
      return ({ message }) => {
        const given = varintOf(message, MESSAGE.trafficClass);
        const known = given >= 1 && given < CLASSES.length ? given : TRANSACTIONAL;
        const name = CLASSES[known]!;
        setValue(name, 0, name.length);
        if (type !== "text" && type !== "octets") value.number = known;
        return true;
      };
    default:
      return tagFinder(Buffer.from(from.slice("tag:".length), "utf8"));
  }
}

/** The customer's tag of this key; of one that stands there twice the last, as in any map. */
function tagFinder(key: Uint8Array): Find {
  const entry = newFields();
  return ({ bytes, record, message }) => {
    if (message[2 * MESSAGE.tags]! < 0) return false;
    let at = record[2 * DISPATCH.message]!;
    const end = at + record[2 * DISPATCH.message + 1]!;
    let has = false;
    while (nextField(bytes, at, end, MESSAGE.tags) === 1) {
      at = found.end;
      if (!readFields(bytes, found.at, found.end, entry)) continue;
      const keyAt = entry[2 * TAG.key]!;
      if (keyAt < 0 || !isSame(bytes, keyAt, entry[2 * TAG.key + 1]!, key)) continue;
      const valueAt = entry[2 * TAG.value]!;
      has = valueAt >= 0 && setValue(bytes, valueAt, valueAt + entry[2 * TAG.value + 1]!);
    }
    return has;
  };
}

function isSame(bytes: Uint8Array, at: number, length: number, other: Uint8Array): boolean {
  if (length !== other.length) return false;
  for (let index = 0; index < length; index += 1) {
    if (bytes[at + index] !== other[index]) return false;
  }
  return true;
}
