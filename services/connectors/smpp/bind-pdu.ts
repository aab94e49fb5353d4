/** Bind PDUs: what a client says when it binds (SMPP v3.4, 4.1), and what the answer tells. */
import type { FrameWriter } from "../../../core/stream/frame.js";
import {
  beginPdu,
  COMMAND,
  endOfText,
  endPdu,
  findTlv,
  HEAD_BYTES,
  putCText,
  TLV,
  tlvFound,
} from "./pdu.js";

export interface BindWords {
  readonly mode: "transceiver" | "transmitter" | "receiver";
  readonly systemId: string;
  readonly password: string;
  readonly systemType: string;
  readonly version: "3.4" | "5.0";
}

export const BIND_COMMAND = {
  transceiver: COMMAND.bind_transceiver,
  transmitter: COMMAND.bind_transmitter,
  receiver: COMMAND.bind_receiver,
} as const;

/** system_id with its NUL (5.2.1). */
const SYSTEM_ID_BYTES_MAX = 16;

export function putBind(out: FrameWriter, words: BindWords, sequence: number): void {
  const pdu = beginPdu(out, BIND_COMMAND[words.mode], 0, sequence);
  putCText(out, words.systemId, SYSTEM_ID_BYTES_MAX);
  putCText(out, words.password, 9);
  putCText(out, words.systemType, 13);
  // interface_version, addr_ton, addr_npi, address_range: any address
  putCText(out, words.version === "5.0" ? "\x50" : "\x34", 2);
  out.at -= 1;
  for (let index = 0; index < 3; index += 1) putCText(out, "", 1);
  endPdu(out, pdu);
}

/**
 * The SMPP version that the answer to a bind names (sc_interface_version, 5.3.2.25), as "3.4".
 * Empty: none; a carrier that says nothing takes no optional parameters, by the letter (4.1.2).
 */
export function versionIn(bytes: Uint8Array, at: number, end: number): string {
  const from = at + HEAD_BYTES;
  const text = endOfText(bytes, from, end, SYSTEM_ID_BYTES_MAX);
  if (text < 0 || !findTlv(bytes, text + 1, end, TLV.sc_interface_version)) return "";
  if (tlvFound.end - tlvFound.at !== 1) return "";
  const version = bytes[tlvFound.at]!;
  return `${version >>> 4}.${version & 15}`;
}
