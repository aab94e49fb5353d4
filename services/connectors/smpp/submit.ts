/**
 * submit_sm out of a dispatch record, from bytes to bytes.
 *
 * A plain text (ASCII that is the same in the GSM alphabet) in one part is copied from the frame as
 * it stands: that is nearly every message. Anything else is cut and encoded once (submit-text.ts,
 * submit-binary.ts) and copied part by part, joined as the carrier wants it (submit-join.ts).
 *
 * Source: SMPP v3.4, 4.4.1 (layout), 5.2.5 (TON), 5.2.6 (NPI), 5.2.12 (esm_class), 7.1.1 (times).
 */
import type { CarrierConfig } from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import { counter } from "../../../core/metrics.js";
import { DISPATCH, MESSAGE, RECEIPT_REQUEST_NONE } from "../../../core/stream/fields.js";
import { type FrameWriter, fixed64Of, has, reserve, varintOf } from "../../../core/stream/frame.js";
import { CANNOT, type Submission } from "../link.js";
import { TLV } from "./pdu.js";
import { prepareBinary } from "./submit-binary.js";
import { JOIN, newPrepared, PARTS_MAX, putPartHeader, putSar, SAR_BYTES } from "./submit-join.js";
import { senderAt, senderLength } from "./submit-sender.js";
import { formOf, prepareText } from "./submit-text.js";
import { newSentTlvs } from "./submit-tlvs.js";

const ESM_CLASS_UDHI = 0x40;
const TON_INTERNATIONAL = 1;
const TON_NETWORK_SPECIFIC = 3;
const TON_ALPHANUMERIC = 5;
const NPI_E164 = 1;
/** Octets of an address without its NUL (5.2.8). */
const ADDRESS_BYTES_MAX = 20;
/** Everything but header, addresses and content, at its longest, service_type apart. */
const FIXED_BYTES = 64;
const PLUS = 0x2b;
/** Of a numbering plan or type: the carrier has no wish of its own. */
const OURS = -1;

const beyondTotal = counter(
  "floe_connector_parts_beyond_total",
  "Parts sent beyond the segments that were decided: text that the carrier's alphabet has not.",
  ["carrier"],
);

export interface SubmitWriter {
  /** Encodes and cuts the record's body. Returns the number of PDUs, or CANNOT. */
  prepare(submission: Submission): number;
  /** Writes the body of the prepared record's part behind the header in `writer`. */
  put(writer: FrameWriter, submission: Submission, part: number): void;
}

/** Type of number and numbering plan of an address, where the carrier wants its own. */
interface Addressing {
  readonly ton: number;
  readonly npi: number;
}

export function newSubmitWriter(config: CarrierConfig, log: Logger): SubmitWriter {
  const prepared = newPrepared();
  const form = formOf(config);
  const serviceType = Buffer.from(`${config.serviceType ?? ""}\0`, "latin1");
  const { sourceTon, sourceNpi, destinationTon, destinationNpi } = config.addressing ?? {};
  const source: Addressing = { ton: sourceTon ?? OURS, npi: sourceNpi ?? OURS };
  const destination: Addressing = { ton: destinationTon ?? OURS, npi: destinationNpi ?? OURS };
  const tlvs = newSentTlvs(config.name, config.tlvs, log);
  const fixedBytes =
    FIXED_BYTES + 2 * ADDRESS_BYTES_MAX + serviceType.length + SAR_BYTES + (tlvs?.bytesMax ?? 0);
  const beyond = beyondTotal.labels(config.name);

  return {
    prepare(submission) {
      const { bytes, record, message } = submission;
      if (!addressesFit(record, message)) return CANNOT;
      const flash = varintOf(message, MESSAGE.flash) !== 0;
      const textAt = message[2 * MESSAGE.text]!;
      if (textAt >= 0) {
        const textEnd = textAt + message[2 * MESSAGE.text + 1]!;
        prepareText(prepared, form, bytes, record, textAt, textEnd, flash);
      } else {
        const isBinary = has(message, MESSAGE.binary);
        if (!isBinary || !prepareBinary(prepared, form, submission, flash)) return CANNOT;
      }
      return prepared.parts > PARTS_MAX ? CANNOT : prepared.parts;
    },
    put(writer, submission, part) {
      const { bytes, record, message } = submission;
      const from = part === 0 ? prepared.at : prepared.ends[part - 1]!;
      const length = prepared.ends[part]! - from;
      reserve(writer, fixedBytes + prepared.headerOctets + length);
      const into = writer.bytes;
      let at = writer.at;
      for (let index = 0; index < serviceType.length; index += 1) into[at++] = serviceType[index]!;
      at = putSource(into, at, bytes, record, message, source);
      at = putDestination(into, at, bytes, message, destination);
      const header = prepared.headerOctets;
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
      const isPayload = prepared.join === JOIN.payload;
      if (isPayload) at = putPayloadHead(into, at, length);
      else into[at++] = header + length;
      if (header > 0) {
        at = putPartHeader(into, at, prepared, bytes, submission.reference, part);
      }
      const octets = prepared.octets;
      if (length < 64)
        for (let index = from; index < from + length; index += 1) into[at++] = octets[index]!;
      else {
        into.set(octets.subarray(from, from + length), at);
        at += length;
      }
      if (prepared.join === JOIN.sar) {
        at = putSar(into, at, submission.reference, prepared.parts, part);
      }
      if (tlvs !== undefined) at = tlvs.put(into, at, submission);
      writer.at = at;
      if (part > 0 && part >= varintOf(record, DISPATCH.segments)) beyond.inc();
    },
  };
}

/** An empty short_message, and the head of the message_payload in its place (5.3.2.32). */
function putPayloadHead(into: Uint8Array, start: number, length: number): number {
  into[start] = 0;
  into[start + 1] = TLV.message_payload >>> 8;
  into[start + 2] = TLV.message_payload & 0xff;
  into[start + 3] = length >>> 8;
  into[start + 4] = length;
  return start + 5;
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
  { ton, npi }: Addressing,
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
  if (ton !== OURS) into[start] = ton;
  if (npi !== OURS) into[start + 1] = npi;
  for (let index = from; index < end; index += 1) into[at++] = bytes[index]!;
  into[at++] = 0;
  return at;
}

function putDestination(
  into: Uint8Array,
  start: number,
  bytes: Uint8Array,
  message: Int32Array,
  { ton, npi }: Addressing,
): number {
  let at = start;
  let from = message[2 * MESSAGE.to]!;
  const end = from + message[2 * MESSAGE.to + 1]!;
  if (bytes[from] === PLUS) from += 1;
  into[at++] = ton === OURS ? TON_INTERNATIONAL : ton;
  into[at++] = npi === OURS ? NPI_E164 : npi;
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
