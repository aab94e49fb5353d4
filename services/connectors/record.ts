/**
 * Record: where the fixed fields of a dispatch record stand.
 *
 * Owners write them first and in order (workers/records.ts), so a comparison of eight bytes tells
 * the places; a record from elsewhere is walked. An answer needs no more of a record than these.
 */
import { DISPATCH } from "../../core/stream/fields.js";
import { type Fields, newFields, readFields, readUint32 } from "../../core/stream/frame.js";

/**
 * One object, filled anew for each record. `bytes[startAt, startAt + START_BYTES)` are fields 1 to 3
 * (message id, time of acceptance, account) as they stand in dispatch and attempt records alike, so
 * they are copied in one piece.
 */
export interface RecordHead {
  bytes: Uint8Array;
  startAt: number;
  /** Place of the 16 bytes of the recipient's token, in the record; -1: none. */
  tokenAt: number;
  hop: number;
}

export const START_BYTES = 32;
/** From `startAt`. */
export const START = { messageId: 2, acceptedAtMs: 19, account: 28 } as const;

export function newRecordHead(): RecordHead {
  return { bytes: new Uint8Array(0), startAt: 0, tokenAt: -1, hop: 0 };
}

const ID_BYTES = 16;
const fields = newFields();
/** Of a record that is laid out otherwise. */
const composed = new Uint8Array(START_BYTES);

/** Whether fields 1 to 3 stand at `at` one after the other. */
export function isStart(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x0a &&
    bytes[at + 1] === ID_BYTES &&
    bytes[at + 18] === 0x11 &&
    bytes[at + 27] === 0x1d
  );
}

/** @returns false: the record cannot be read, or has no message id. */
export function readHead(bytes: Uint8Array, at: number, end: number, into: RecordHead): boolean {
  if (
    end - at >= 64 &&
    isStart(bytes, at) &&
    bytes[at + 32] === 0x25 &&
    bytes[at + 37] === 0x29 &&
    bytes[at + 46] === 0x42 &&
    bytes[at + 47] === ID_BYTES
  ) {
    into.bytes = bytes;
    into.startAt = at;
    into.hop = readUint32(bytes, at + 33);
    into.tokenAt = at + 48;
    return true;
  }
  if (!readFields(bytes, at, end, fields)) return false;
  if (fields[2 * DISPATCH.messageId + 1] !== ID_BYTES) return false;
  const hasToken = fields[2 * DISPATCH.toTok]! >= 0 && fields[2 * DISPATCH.toTok + 1] === ID_BYTES;
  const hopAt = fields[2 * DISPATCH.hop]!;
  composeStart(bytes, fields, composed, 0);
  into.bytes = composed;
  into.startAt = 0;
  into.tokenAt = hasToken ? fields[2 * DISPATCH.toTok]! : -1;
  into.hop = hopAt < 0 ? 0 : readUint32(bytes, hopAt);
  return true;
}

/** Writes fields 1 to 3 of a record that was read into `of` (and has an id) one after the other. */
export function composeStart(bytes: Uint8Array, of: Fields, into: Uint8Array, at: number): void {
  const idAt = of[2 * DISPATCH.messageId]!;
  const acceptedAt = of[2 * DISPATCH.acceptedAtMs]!;
  const accountAt = of[2 * DISPATCH.account]!;
  into.fill(0, at, at + START_BYTES);
  into[at] = 0x0a;
  into[at + 1] = ID_BYTES;
  into.set(bytes.subarray(idAt, idAt + ID_BYTES), at + START.messageId);
  into[at + 18] = 0x11;
  if (acceptedAt >= 0)
    into.set(bytes.subarray(acceptedAt, acceptedAt + 8), at + START.acceptedAtMs);
  into[at + 27] = 0x1d;
  if (accountAt >= 0) into.set(bytes.subarray(accountAt, accountAt + 4), at + START.account);
}
