/**
 * SMPP 3.4 on bytes: framing, the places of a PDU's fields, and writing PDUs in place.
 *
 * The hot path reads and writes by offset; objects are for logs, tests and the CLI (pdu-object.ts).
 * All readers are total: whatever the bytes are, they say so by their result, never throw and never
 * read beyond `end`. A length field is believed only after it was compared with the bounds here.
 *
 * Source: SMPP Protocol Specification v3.4, Issue 1.2 (section numbers below).
 */
import { type FrameWriter, reserve } from "../../../core/stream/frame.js";

/** The header: length, id, status, sequence number, four bytes each, big endian (3.2). */
export const HEAD_BYTES = 16;
/**
 * Longest PDU taken: a message_payload of 64 KiB with its TLV head (5.3.2.32) and every other field
 * at its bound. A length beyond it is no SMPP, or an attack on memory.
 */
export const PDU_BYTES_MAX = 65_536 + 4_096;
/** Sequence numbers go from 1 to this, then from 1 again (3.2). */
export const SEQUENCE_MAX = 0x7fff_ffff;
/** Octets of `short_message` (4.4.1); this and no more can be sent without message_payload. */
export const SHORT_MESSAGE_BYTES_MAX = 254;
/** Carrier's message id with its final NUL (5.2.23). */
export const MESSAGE_ID_BYTES_MAX = 65;

/** command_id (5.1.2.1). A response has the top bit set. */
export const COMMAND = {
  generic_nack: 0x8000_0000,
  bind_receiver: 0x01,
  bind_receiver_resp: 0x8000_0001,
  bind_transmitter: 0x02,
  bind_transmitter_resp: 0x8000_0002,
  submit_sm: 0x04,
  submit_sm_resp: 0x8000_0004,
  deliver_sm: 0x05,
  deliver_sm_resp: 0x8000_0005,
  unbind: 0x06,
  unbind_resp: 0x8000_0006,
  bind_transceiver: 0x09,
  bind_transceiver_resp: 0x8000_0009,
  outbind: 0x0b,
  enquire_link: 0x15,
  enquire_link_resp: 0x8000_0015,
  alert_notification: 0x102,
  data_sm: 0x103,
  data_sm_resp: 0x8000_0103,
} as const;
export type CommandName = keyof typeof COMMAND;

/** Optional parameters that are read or written here (5.3.2). */
export const TLV = {
  receipted_message_id: 0x001e,
  user_message_reference: 0x0204,
  sc_interface_version: 0x0210,
  network_error_code: 0x0423,
  message_payload: 0x0424,
  message_state: 0x0427,
} as const;

export function readUint32BE(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

export function writeUint32BE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** The length says less than a header. */
export const LENGTH_SHORT = -1;
/** The length says more than PDU_BYTES_MAX. */
export const LENGTH_LONG = -2;

/**
 * Length of the PDU that begins at `at`, once all of it is in `bytes[at, end)`.
 * @returns 0: more bytes are needed; LENGTH_SHORT or LENGTH_LONG: this stream cannot be read on.
 */
export function pduLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 4) return 0;
  const length = readUint32BE(bytes, at);
  if (length < HEAD_BYTES) return LENGTH_SHORT;
  if (length > PDU_BYTES_MAX) return LENGTH_LONG;
  return length <= end - at ? length : 0;
}

const FOREIGN: readonly (readonly [string, string])[] = [
  ["HTTP", "HTTP"],
  ["GET ", "HTTP"],
  ["POST", "HTTP"],
  ["PUT ", "HTTP"],
  ["HEAD", "HTTP"],
  ["PRI ", "HTTP/2"],
  ["AMQP", "AMQP"],
  ["SSH-", "SSH"],
  ["220 ", "SMTP or FTP"],
  ["INFO", "NATS"],
];

/**
 * The protocol that a peer speaks whose first four bytes are no SMPP length: "PDU of 1213486160
 * bytes" is "HTTP" in ASCII, and an operator looks for it for a day. Empty if it is none we know.
 */
export function foreignProtocol(bytes: Uint8Array, at: number, end: number): string {
  if (end - at < 4) return "";
  if (bytes[at] === 0x16 && bytes[at + 1] === 0x03) return "TLS";
  const start = String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  return FOREIGN.find(([first]) => first === start)?.[1] ?? "";
}

/**
 * End of the C-octet string at `at`: the place of its NUL, within `bytesMax` bytes, NUL included.
 * @returns -1 if there is none.
 */
export function endOfText(bytes: Uint8Array, at: number, end: number, bytesMax: number): number {
  const bound = Math.min(end, at + bytesMax);
  for (let index = at; index < bound; index += 1) if (bytes[index] === 0) return index;
  return -1;
}

/** Places in `SmPlaces`: offsets of bytes, and [start, end) of texts, octets and TLVs. */
export const SM = {
  sourceTon: 0,
  source: 1,
  sourceEnd: 2,
  destinationTon: 3,
  destination: 4,
  destinationEnd: 5,
  esmClass: 6,
  registeredDelivery: 7,
  dataCoding: 8,
  content: 9,
  contentEnd: 10,
  tlvs: 11,
  tlvsEnd: 12,
} as const;

/** Where the fields of a submit_sm or deliver_sm stand: the two have one layout (4.4.1, 4.6.1). */
export type SmPlaces = Int32Array;

export function newSmPlaces(): SmPlaces {
  return new Int32Array(13);
}

/**
 * Notes the places of the submit_sm or deliver_sm in `bytes[at, end)`, header included.
 * @returns false if a text has no end within its bound, or sm_length lies.
 */
export function readSm(bytes: Uint8Array, at: number, end: number, into: SmPlaces): boolean {
  // service_type, mostly empty
  let next = bytes[at + HEAD_BYTES] === 0 ? at + HEAD_BYTES : endOfText(bytes, at + 16, end, 6);
  if (next < 0) return false;
  into[0] = next + 1;
  into[1] = next + 3;
  next = endOfText(bytes, next + 3, end, 21);
  if (next < 0) return false;
  into[2] = next;
  into[3] = next + 1;
  into[4] = next + 3;
  next = endOfText(bytes, next + 3, end, 21);
  if (next < 0) return false;
  into[5] = next;
  into[6] = next + 1;
  // esm_class, protocol_id, priority_flag, then two times of 1 or 17 bytes
  next = endOfText(bytes, next + 4, end, 17);
  if (next < 0) return false;
  next = endOfText(bytes, next + 1, end, 17);
  if (next < 0 || end - next < 6) return false;
  // registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id, sm_length
  into[7] = next + 1;
  into[8] = next + 3;
  const content = next + 6;
  const contentEnd = content + bytes[next + 5]!;
  if (contentEnd > end) return false;
  into[9] = content;
  into[10] = contentEnd;
  into[11] = contentEnd;
  into[12] = end;
  return true;
}

/** Where `findTlv` found the value: read by its caller before the next call. */
export const tlvFound = { at: 0, end: 0 };

/**
 * Finds the TLV `tag` in `bytes[at, end)` (3.2.4.1).
 * @returns false if it is not there; a length that lies ends the search.
 */
export function findTlv(bytes: Uint8Array, at: number, end: number, tag: number): boolean {
  let next = at;
  while (end - next >= 4) {
    const length = (bytes[next + 2]! << 8) | bytes[next + 3]!;
    const from = next + 4;
    if (from + length > end) return false;
    if (((bytes[next]! << 8) | bytes[next + 1]!) === tag) {
      tlvFound.at = from;
      tlvFound.end = from + length;
      return true;
    }
    next = from + length;
  }
  return false;
}

/** Begins a PDU whose length `endPdu` fills in. Returns the mark that it wants. */
export function beginPdu(
  writer: FrameWriter,
  command: number,
  status: number,
  sequence: number,
): number {
  reserve(writer, HEAD_BYTES);
  const mark = writer.at;
  writeUint32BE(writer.bytes, mark + 4, command);
  writeUint32BE(writer.bytes, mark + 8, status);
  writeUint32BE(writer.bytes, mark + 12, sequence);
  writer.at = mark + HEAD_BYTES;
  return mark;
}

export function endPdu(writer: FrameWriter, mark: number): void {
  writeUint32BE(writer.bytes, mark, writer.at - mark);
}

/** A PDU that is a header and no more: enquire_link and its answer, unbind, generic_nack. */
export function putHead(
  writer: FrameWriter,
  command: number,
  status: number,
  sequence: number,
): void {
  endPdu(writer, beginPdu(writer, command, status, sequence));
}

/** deliver_sm_resp: its message_id is unused and empty (4.6.2). */
export function putDeliverResp(writer: FrameWriter, status: number, sequence: number): void {
  reserve(writer, HEAD_BYTES + 1);
  const mark = beginPdu(writer, COMMAND.deliver_sm_resp, status, sequence);
  writer.bytes[writer.at] = 0;
  writer.at += 1;
  endPdu(writer, mark);
}

/** A C-octet string of Latin-1 characters, cut to `bytesMax` with its NUL. */
export function putCText(writer: FrameWriter, text: string, bytesMax: number): void {
  const length = Math.min(text.length, bytesMax - 1);
  reserve(writer, length + 1);
  for (let index = 0; index < length; index += 1) {
    writer.bytes[writer.at + index] = text.charCodeAt(index);
  }
  writer.bytes[writer.at + length] = 0;
  writer.at += length + 1;
}
