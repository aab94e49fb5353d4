/**
 * Record: where the fixed fields of a dispatch record stand.
 *
 * Owners write them first and in order (workers/records.ts), so a comparison of eight bytes tells
 * the places; a record from elsewhere is walked. An answer needs no more of a record than these.
 */
import { DISPATCH } from "../../core/stream/fields.js";
import { newFields, readFields, readUint32, readUint53 } from "../../core/stream/frame.js";

/** One object, filled anew for each record. */
export interface RecordHead {
  /** Place of the 16 bytes of the message id. */
  idAt: number;
  /** Place of the 16 bytes of the recipient's token, -1: none. */
  tokenAt: number;
  acceptedAtMs: number;
  account: number;
  hop: number;
}

export function newRecordHead(): RecordHead {
  return { idAt: 0, tokenAt: -1, acceptedAtMs: 0, account: 0, hop: 0 };
}

const ID_BYTES = 16;
const fields = newFields();

/** @returns false: the record cannot be read, or has no message id. */
export function readHead(bytes: Uint8Array, at: number, end: number, into: RecordHead): boolean {
  if (
    end - at >= 64 &&
    bytes[at] === 0x0a &&
    bytes[at + 1] === ID_BYTES &&
    bytes[at + 18] === 0x11 &&
    bytes[at + 27] === 0x1d &&
    bytes[at + 32] === 0x25 &&
    bytes[at + 37] === 0x29 &&
    bytes[at + 46] === 0x42 &&
    bytes[at + 47] === ID_BYTES
  ) {
    into.idAt = at + 2;
    into.acceptedAtMs = readUint53(bytes, at + 19);
    into.account = readUint32(bytes, at + 28);
    into.hop = readUint32(bytes, at + 33);
    into.tokenAt = at + 48;
    return true;
  }
  if (!readFields(bytes, at, end, fields)) return false;
  if (fields[2 * DISPATCH.messageId + 1] !== ID_BYTES) return false;
  const hasToken = fields[2 * DISPATCH.toTok]! >= 0 && fields[2 * DISPATCH.toTok + 1] === ID_BYTES;
  const acceptedAt = fields[2 * DISPATCH.acceptedAtMs]!;
  const accountAt = fields[2 * DISPATCH.account]!;
  const hopAt = fields[2 * DISPATCH.hop]!;
  into.idAt = fields[2 * DISPATCH.messageId]!;
  into.tokenAt = hasToken ? fields[2 * DISPATCH.toTok]! : -1;
  into.acceptedAtMs = acceptedAt < 0 ? 0 : readUint53(bytes, acceptedAt);
  into.account = accountAt < 0 ? 0 : readUint32(bytes, accountAt);
  into.hop = hopAt < 0 ? 0 : readUint32(bytes, hopAt);
  return true;
}
