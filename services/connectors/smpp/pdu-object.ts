/**
 * PDUs as objects: for logs, tests and the CLI. The hot path never makes one.
 *
 * Decoding what was encoded gives it back; anything else is an `error` naming what is wrong, never
 * a throw. Optional parameters are kept as raw TLVs, unknown ones too.
 */
import { type FrameWriter, newWriter, reserve } from "../../../core/stream/frame.js";
import {
  beginPdu,
  COMMAND,
  type CommandName,
  endOfText,
  endPdu,
  MESSAGE_ID_BYTES_MAX,
  newSmPlaces,
  PDU_BYTES_MAX,
  pduLength,
  putCText,
  readSm,
  readUint32BE,
  SHORT_MESSAGE_BYTES_MAX,
  SM,
} from "./pdu.js";

export interface Tlv {
  readonly tag: number;
  readonly value: Uint8Array;
}

interface Head {
  readonly status: number;
  readonly sequence: number;
  readonly tlvs: readonly Tlv[];
}

/** bind_transmitter, bind_receiver, bind_transceiver (4.1). */
export interface BindPdu extends Head {
  readonly command: "bind_transmitter" | "bind_receiver" | "bind_transceiver";
  readonly systemId: string;
  readonly password: string;
  readonly systemType: string;
  readonly interfaceVersion: number;
  readonly addressTon: number;
  readonly addressNpi: number;
  readonly addressRange: string;
}

/** Their answers, and those of submit_sm and deliver_sm: one text. `text` is absent on an error. */
export interface TextPdu extends Head {
  readonly command:
    | "bind_transmitter_resp"
    | "bind_receiver_resp"
    | "bind_transceiver_resp"
    | "submit_sm_resp"
    | "deliver_sm_resp";
  /** system_id of the carrier, or its message id. */
  readonly text: string;
}

/** submit_sm and deliver_sm (4.4.1, 4.6.1). */
export interface SmPdu extends Head {
  readonly command: "submit_sm" | "deliver_sm";
  readonly serviceType: string;
  readonly sourceTon: number;
  readonly sourceNpi: number;
  readonly source: string;
  readonly destinationTon: number;
  readonly destinationNpi: number;
  readonly destination: string;
  readonly esmClass: number;
  readonly protocolId: number;
  readonly priority: number;
  readonly scheduleTime: string;
  readonly validityPeriod: string;
  readonly registeredDelivery: number;
  readonly replaceIfPresent: number;
  readonly dataCoding: number;
  readonly defaultMessageId: number;
  readonly content: Uint8Array;
}

/** A header and nothing else. */
export interface HeadPdu extends Head {
  readonly command:
    | "enquire_link"
    | "enquire_link_resp"
    | "unbind"
    | "unbind_resp"
    | "generic_nack";
}

export type Pdu = BindPdu | TextPdu | SmPdu | HeadPdu;

/** `bytes` is what its own length says, at least the header. */
export interface UnreadPdu {
  readonly error: string;
}

const NAMES = new Map<number, CommandName>(
  Object.entries(COMMAND).map(([name, id]) => [id, name as CommandName]),
);

/** Name of a command_id; its number in hex if it is none of ours. */
export function commandName(id: number): string {
  return NAMES.get(id) ?? `0x${id.toString(16).padStart(8, "0")}`;
}

/** Decodes the one PDU that `bytes` holds. */
export function decodePdu(bytes: Uint8Array): Pdu | UnreadPdu {
  const length = pduLength(bytes, 0, bytes.length);
  if (length <= 0 || length !== bytes.length) return { error: "its length is not its size" };
  const name = NAMES.get(readUint32BE(bytes, 4));
  const head = { status: readUint32BE(bytes, 8), sequence: readUint32BE(bytes, 12) };
  switch (name) {
    case "bind_transmitter":
    case "bind_receiver":
    case "bind_transceiver":
      return decodeBind(name, head, bytes);
    case "bind_transmitter_resp":
    case "bind_receiver_resp":
    case "bind_transceiver_resp":
    case "submit_sm_resp":
    case "deliver_sm_resp":
      return decodeText(name, head, bytes);
    case "submit_sm":
    case "deliver_sm":
      return decodeSm(name, head, bytes);
    case "enquire_link":
    case "enquire_link_resp":
    case "unbind":
    case "unbind_resp":
    case "generic_nack":
      return withTlvs({ command: name, ...head }, bytes, 16);
    default:
      return { error: `command ${commandName(readUint32BE(bytes, 4))} is not read here` };
  }
}

/** The bytes of `pdu`. Texts longer than their field are cut: check them before. */
export function encodePdu(pdu: Pdu): Uint8Array {
  const writer = newWriter(256);
  const mark = beginPdu(writer, COMMAND[pdu.command], pdu.status, pdu.sequence);
  if ("systemId" in pdu) encodeBind(writer, pdu);
  else if ("content" in pdu) encodeSm(writer, pdu);
  else if ("text" in pdu) {
    // A refused submit_sm has no body (4.4.2).
    if (pdu.status === 0 || pdu.text !== "") putCText(writer, pdu.text, MESSAGE_ID_BYTES_MAX);
  }
  for (const { tag, value } of pdu.tlvs) {
    putOctets(writer, [tag >>> 8, tag, value.length >>> 8, value.length]);
    putOctets(writer, value);
  }
  endPdu(writer, mark);
  return writer.bytes.slice(0, Math.min(writer.at, PDU_BYTES_MAX));
}

type Start = Omit<Head, "tlvs">;

function decodeBind(command: BindPdu["command"], head: Start, bytes: Uint8Array): Pdu | UnreadPdu {
  const cursor = { bytes, at: 16, bad: false };
  const systemId = takeText(cursor, 16);
  const password = takeText(cursor, 9);
  const systemType = takeText(cursor, 13);
  const interfaceVersion = takeOctet(cursor);
  const addressTon = takeOctet(cursor);
  const addressNpi = takeOctet(cursor);
  const addressRange = takeText(cursor, 41);
  if (cursor.bad) return { error: `${command} is cut short` };
  const address = { addressTon, addressNpi, addressRange };
  const bind = { command, ...head, systemId, password, systemType, interfaceVersion, ...address };
  return withTlvs(bind, bytes, cursor.at);
}

function decodeText(command: TextPdu["command"], head: Start, bytes: Uint8Array): Pdu | UnreadPdu {
  if (bytes.length === 16) return { command, ...head, text: "", tlvs: [] };
  const cursor = { bytes, at: 16, bad: false };
  const text = takeText(cursor, MESSAGE_ID_BYTES_MAX);
  if (cursor.bad) return { error: `the text of ${command} has no end` };
  return withTlvs({ command, ...head, text }, bytes, cursor.at);
}

function decodeSm(command: SmPdu["command"], head: Start, bytes: Uint8Array): Pdu | UnreadPdu {
  const places = newSmPlaces();
  if (!readSm(bytes, 0, bytes.length, places)) return { error: `${command} is malformed` };
  const cursor = { bytes, at: 16, bad: false };
  const serviceType = takeText(cursor, 6);
  const sourceTon = takeOctet(cursor);
  const sourceNpi = takeOctet(cursor);
  const source = takeText(cursor, 21);
  const destinationTon = takeOctet(cursor);
  const destinationNpi = takeOctet(cursor);
  const destination = takeText(cursor, 21);
  const esmClass = takeOctet(cursor);
  const protocolId = takeOctet(cursor);
  const priority = takeOctet(cursor);
  const scheduleTime = takeText(cursor, 17);
  const validityPeriod = takeText(cursor, 17);
  const registeredDelivery = takeOctet(cursor);
  const replaceIfPresent = takeOctet(cursor);
  const dataCoding = takeOctet(cursor);
  const defaultMessageId = takeOctet(cursor);
  const content = bytes.slice(places[SM.content]!, places[SM.contentEnd]!);
  const addresses = { sourceTon, sourceNpi, source, destinationTon, destinationNpi, destination };
  const times = { scheduleTime, validityPeriod, registeredDelivery, replaceIfPresent };
  const rest = { dataCoding, defaultMessageId, content };
  const sm = { command, ...head, serviceType, ...addresses, esmClass, protocolId, priority };
  return withTlvs({ ...sm, ...times, ...rest }, bytes, places[SM.tlvs]!);
}

function withTlvs<P extends Omit<Pdu, "tlvs">>(pdu: P, bytes: Uint8Array, from: number) {
  const tlvs: Tlv[] = [];
  let at = from;
  while (at < bytes.length) {
    if (bytes.length - at < 4) return { error: `${pdu.command} ends in half a TLV` };
    const end = at + 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (end > bytes.length) return { error: `a TLV of ${pdu.command} is longer than the PDU` };
    tlvs.push({ tag: (bytes[at]! << 8) | bytes[at + 1]!, value: bytes.slice(at + 4, end) });
    at = end;
  }
  return { ...pdu, tlvs } as unknown as Pdu;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  bad: boolean;
}

function takeText(cursor: Cursor, bytesMax: number): string {
  const end = endOfText(cursor.bytes, cursor.at, cursor.bytes.length, bytesMax);
  if (end < 0) {
    cursor.bad = true;
    return "";
  }
  const text = Buffer.from(cursor.bytes.subarray(cursor.at, end)).toString("latin1");
  cursor.at = end + 1;
  return text;
}

function takeOctet(cursor: Cursor): number {
  const octet = cursor.bytes[cursor.at];
  cursor.at += 1;
  if (octet === undefined) cursor.bad = true;
  return octet ?? 0;
}

function putOctets(writer: FrameWriter, octets: ArrayLike<number>): void {
  reserve(writer, octets.length);
  writer.bytes.set(octets, writer.at);
  writer.at += octets.length;
}

function encodeBind(writer: FrameWriter, pdu: BindPdu): void {
  putCText(writer, pdu.systemId, 16);
  putCText(writer, pdu.password, 9);
  putCText(writer, pdu.systemType, 13);
  putOctets(writer, [pdu.interfaceVersion, pdu.addressTon, pdu.addressNpi]);
  putCText(writer, pdu.addressRange, 41);
}

function encodeSm(writer: FrameWriter, pdu: SmPdu): void {
  putCText(writer, pdu.serviceType, 6);
  putOctets(writer, [pdu.sourceTon, pdu.sourceNpi]);
  putCText(writer, pdu.source, 21);
  putOctets(writer, [pdu.destinationTon, pdu.destinationNpi]);
  putCText(writer, pdu.destination, 21);
  putOctets(writer, [pdu.esmClass, pdu.protocolId, pdu.priority]);
  putCText(writer, pdu.scheduleTime, 17);
  putCText(writer, pdu.validityPeriod, 17);
  const content = pdu.content.subarray(0, SHORT_MESSAGE_BYTES_MAX);
  putOctets(writer, [pdu.registeredDelivery, pdu.replaceIfPresent, pdu.dataCoding]);
  putOctets(writer, [pdu.defaultMessageId, content.length]);
  putOctets(writer, content);
}
