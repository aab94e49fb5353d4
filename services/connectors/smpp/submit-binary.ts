/**
 * The octets of a submit_sm whose message is binary: data, and header elements of the customer's
 * (ports, pictures) that stand in every part. Nothing is copied: parts are places in the record.
 *
 * Source: 3GPP TS 23.040, 9.2.3.24 (user data header); SMPP v3.4, 5.2.19 (data_coding 4).
 */
import { BINARY, DISPATCH, ENCODING_BINARY, MESSAGE } from "../../../core/stream/fields.js";
import { newFields, readFields, varintOf } from "../../../core/stream/frame.js";
import type { Submission } from "../link.js";
import { cutBody, type Prepared } from "./submit-join.js";
import { type Form, flashCoding } from "./submit-text.js";

const body = newFields();

/** @returns false: it is no body that can be read. */
export function prepareBinary(
  prepared: Prepared,
  form: Form,
  { bytes, record, message }: Submission,
  flash: boolean,
): boolean {
  const bodyAt = message[2 * MESSAGE.binary]!;
  if (!readFields(bytes, bodyAt, bodyAt + message[2 * MESSAGE.binary + 1]!, body)) return false;
  const at = Math.max(body[2 * BINARY.data]!, 0);
  const end = body[2 * BINARY.data]! < 0 ? 0 : at + body[2 * BINARY.data + 1]!;
  const headerAt = body[2 * BINARY.udh]!;
  const headerOctets = headerAt < 0 ? 0 : body[2 * BINARY.udh + 1]!;
  // Its first octet is its length, which changes with ours.
  prepared.elementsAt = headerOctets > 0 ? headerAt + 1 : 0;
  prepared.elementsEnd = headerOctets > 0 ? headerAt + headerOctets : 0;
  prepared.languages = 0;
  prepared.octets = bytes;
  prepared.at = at;
  prepared.dataCoding = flash ? flashCoding(form, form.binary) : form.binary;
  const decided = varintOf(record, DISPATCH.segments);
  cutBody(prepared, form.join, decided, ENCODING_BINARY, bytes, at, end);
  return true;
}
