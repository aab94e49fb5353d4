/**
 * Kept: the TLVs of answers and receipts that a carrier's profile wants in the call detail record
 * (CarrierConfig.keepTlvs), as text: a line for each, its name and value.
 *
 * The name is the specification's, else the tag ("0x1403"). A number is decimal, a text as it is, and
 * other octets are text where all are printable, else hex ("0x0300").
 */
import { readUint32BE } from "./smpp/pdu.js";
import { tlvOfTag } from "./smpp/tlvs.js";

export interface Keeper {
  /** Of the TLVs at `bytes[at, end)`. Empty: none of them is kept. */
  read(bytes: Uint8Array, at: number, end: number): Uint8Array;
  /** Of the submit_sm_resp whose message id is `bytes[at, end)`, behind the PDU's header. */
  readAnswer(bytes: Uint8Array, at: number, end: number): Uint8Array;
}

export const NOTHING_KEPT = new Uint8Array(0);
/** Longer ones are told by their length alone: a record is no place for them. */
const VALUE_BYTES_MAX = 255;
/** Of one PDU: where a carrier repeats a TLV a thousand times, the first ones tell enough. */
const TEXT_MAX = 4_096;
const HEAD_BYTES = 16;

/** @returns undefined: there are none to be kept. */
export function newKeeper(tags: readonly string[] | undefined): Keeper | undefined {
  if (tags === undefined || tags.length === 0) return undefined;
  const wanted = new Map(tags.map((tag) => [Number(tag), tlvOfTag(Number(tag))?.name ?? tag]));

  function read(bytes: Uint8Array, start: number, end: number): Uint8Array {
    let text = "";
    for (let at = start; at + 4 <= end; ) {
      const tag = (bytes[at]! << 8) | bytes[at + 1]!;
      const from = at + 4;
      at = from + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
      const name = wanted.get(tag);
      if (name === undefined || at > end) continue;
      if (text.length > TEXT_MAX) break;
      text += `${text === "" ? "" : "\n"}${name}=${toldValue(tag, bytes.subarray(from, at))}`;
    }
    return text === "" ? NOTHING_KEPT : Buffer.from(text, "latin1");
  }

  return {
    read,
    readAnswer(bytes, at, end) {
      const pdu = at - HEAD_BYTES;
      if (pdu < 0) return NOTHING_KEPT;
      // Behind the id's NUL.
      return read(bytes, end + 1, Math.min(bytes.length, pdu + readUint32BE(bytes, pdu)));
    },
  };
}

function toldValue(tag: number, octets: Uint8Array): string {
  if (octets.length > VALUE_BYTES_MAX) return `(${octets.length} octets)`;
  const type = tlvOfTag(tag)?.type;
  if (type?.kind === "integer" && octets.length === type.octets) {
    return String(octets.reduce((value, octet) => value * 256 + octet, 0));
  }
  const end = octets[octets.length - 1] === 0 ? octets.length - 1 : octets.length;
  const text = Buffer.from(octets.subarray(0, end)).toString("latin1");
  if (end > 0 && type?.kind !== "integer" && /^[\x20-\x7e]+$/.test(text)) return text;
  return `0x${Buffer.from(octets).toString("hex")}`;
}
