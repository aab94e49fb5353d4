/**
 * data_sm from a carrier: a receipt or a message from a phone in its other form, with the text in
 * message_payload. Few carriers send it; what is read of it are the places that a deliver_sm has, so
 * that everybody behind takes both alike.
 *
 * Source: SMPP v3.4, 4.7.1 (data_sm), 4.7.2 (data_sm_resp), 4.6.1 (deliver_sm).
 */
import { type FrameWriter, reserve } from "../../../core/stream/frame.js";
import {
  beginPdu,
  COMMAND,
  endOfText,
  endPdu,
  HEAD_BYTES,
  readSm,
  readUint32BE,
  type SmPlaces,
} from "./pdu.js";

const SERVICE_TYPE_BYTES_MAX = 6;
/** Longer than those of deliver_sm (5.2.8, 5.2.9). */
const ADDRESS_BYTES_MAX = 65;
/** What a mailbox or a number takes, and no more is kept of it. */
const KEPT_BYTES_MAX = 20;

/**
 * Notes the places of the deliver_sm or data_sm in `bytes[at, end)`, header included.
 * @returns false if a text has no end within its bound, or it is cut short.
 */
export function readDelivered(bytes: Uint8Array, at: number, end: number, into: SmPlaces): boolean {
  return readUint32BE(bytes, at + 4) === COMMAND.data_sm
    ? readDataSm(bytes, at, end, into)
    : readSm(bytes, at, end, into);
}

function readDataSm(bytes: Uint8Array, at: number, end: number, into: SmPlaces): boolean {
  let next = endOfText(bytes, at + HEAD_BYTES, end, SERVICE_TYPE_BYTES_MAX);
  if (next < 0) return false;
  into[0] = next + 1;
  into[1] = next + 3;
  next = endOfText(bytes, next + 3, end, ADDRESS_BYTES_MAX);
  if (next < 0) return false;
  into[2] = Math.min(next, into[1]! + KEPT_BYTES_MAX);
  into[3] = next + 1;
  into[4] = next + 3;
  next = endOfText(bytes, next + 3, end, ADDRESS_BYTES_MAX);
  // esm_class, registered_delivery, data_coding
  if (next < 0 || end - next < 4) return false;
  into[5] = Math.min(next, into[4]! + KEPT_BYTES_MAX);
  into[6] = next + 1;
  into[7] = next + 2;
  into[8] = next + 3;
  // There is no short_message: what asks for it finds it empty, and looks for message_payload.
  into[9] = next + 4;
  into[10] = next + 4;
  into[11] = next + 4;
  into[12] = end;
  return true;
}

/** data_sm_resp: we give messages of carriers no id of ours, so its message_id is empty. */
export function putDataResp(writer: FrameWriter, status: number, sequence: number): void {
  reserve(writer, HEAD_BYTES + 1);
  const mark = beginPdu(writer, COMMAND.data_sm_resp, status, sequence);
  writer.bytes[writer.at] = 0;
  writer.at += 1;
  endPdu(writer, mark);
}
