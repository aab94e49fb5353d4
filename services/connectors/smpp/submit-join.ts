/**
 * How the parts of a long message are joined: a user data header (UDH) before each, sar_* optional
 * parameters behind each, or one message_payload that the carrier cuts for itself.
 *
 * What was decided and charged is what is sent. Segments are counted for a reference of 8 bits, which
 * is also how carriers cut what comes with sar_* or in one piece. A reference of 16 bits leaves less
 * room (152 septets for 153, 66 units for 67, 133 octets for 134): where a message would need more
 * parts for it than were decided, it goes with 8 bits, which every phone reads.
 *
 * A header of the message's own (national tables, ports) must stand in every part, and only we can
 * put it there: such a message has a UDH, also where the carrier is set to sar_* or message_payload.
 *
 * Source: 3GPP TS 23.040, 9.2.3.24.1 and 9.2.3.24.8 (concatenation), 15 and 16 (national tables);
 * SMPP v3.4, 5.3.2.22 to 24 (sar_*), 5.3.2.32 (message_payload).
 */
import assert from "node:assert";
import type { CarrierConfig } from "../../../core/configuration.js";
import { SEGMENTS_MAX } from "../../../core/limits.js";
import { cutBinary, cutPlain, cutText, headerOctets } from "../../../core/parts.js";
import { ENCODING_BINARY } from "../../../core/stream/fields.js";

export const JOIN = { none: 0, udh8: 1, udh16: 2, sar: 3, payload: 4 } as const;
export type Join = (typeof JOIN)[keyof typeof JOIN];

export function joinOf({ longMessages = "udh8" }: Pick<CarrierConfig, "longMessages">): Join {
  return JOIN[longMessages];
}

/** A long text in another alphabet than it was counted in may need more than SEGMENTS_MAX. */
export const PARTS_MAX = 30;
assert(PARTS_MAX < 31 && SEGMENTS_MAX <= PARTS_MAX, "a part is a bit of a mask");

/** Beside floe.v1.Encoding: GSM 7-bit text that needs no encoding. */
export const ENCODING_PLAIN = -1;

/** Information elements of the user data header. */
const IEI_CONCATENATED_8 = 0x00;
const IEI_CONCATENATED_16 = 0x08;
const IEI_SINGLE_SHIFT = 0x24;
const IEI_LOCKING_SHIFT = 0x25;

/** How the body of the record on offer is sent; one object, filled anew for each. */
export interface Prepared {
  octets: Uint8Array;
  at: number;
  /** PDUs. More than PARTS_MAX: it cannot be sent, and the ends of those beyond are not known. */
  parts: number;
  dataCoding: number;
  join: Join;
  /** National tables that its header names; 0: none. */
  languages: number;
  /** The customer's own header elements: `bytes[elementsAt, elementsEnd)` of the record. */
  elementsAt: number;
  elementsEnd: number;
  /** Octets of the header of each part, its own length included; 0: it has none. */
  headerOctets: number;
  /** Where each part ends in `octets`. */
  readonly ends: Int32Array;
}

export function newPrepared(): Prepared {
  return {
    ...{ octets: new Uint8Array(0), at: 0, parts: 1, dataCoding: 0, join: JOIN.none },
    ...{ languages: 0, elementsAt: 0, elementsEnd: 0, headerOctets: 0 },
    ends: new Int32Array(PARTS_MAX),
  };
}

/**
 * Cuts the body `bytes[at, end)`: sets parts, their ends in `bytes`, join and size of the header.
 * National tables and elements of `prepared` are set before.
 * @param encoding floe.v1.Encoding, or ENCODING_PLAIN.
 * @param wanted what the carrier is set to.
 * @param decided segments that the message was counted as.
 */
export function cutBody(
  prepared: Prepared,
  wanted: Join,
  decided: number,
  encoding: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): void {
  const { languages } = prepared;
  const elements = prepared.elementsEnd - prepared.elementsAt;
  const hasOwn = languages !== 0 || elements > 0;
  let join = hasOwn && wanted !== JOIN.udh16 ? JOIN.udh8 : wanted;
  let bits: 8 | 16 = join === JOIN.udh16 ? 16 : 8;
  let parts = cutAs(prepared, encoding, bytes, at, end, bits);
  if (bits === 16 && parts > decided) {
    join = JOIN.udh8;
    bits = 8;
    parts = cutAs(prepared, encoding, bytes, at, end, bits);
  }
  if (parts === 1) join = JOIN.none;
  else if (join === JOIN.payload) {
    parts = 1;
    prepared.ends[0] = end;
  }
  prepared.parts = parts;
  prepared.join = join;
  const reference = join === JOIN.udh8 || join === JOIN.udh16 ? bits : 0;
  prepared.headerOctets = headerOctets(languages, reference, elements);
}

/** A body in one part without a header, which ends there: what `cutBody` finds of nearly all. */
export function setWhole(prepared: Prepared, end: number): void {
  prepared.parts = 1;
  prepared.join = JOIN.none;
  prepared.headerOctets = 0;
  prepared.ends[0] = end;
}

function cutAs(
  { ends, languages, elementsAt, elementsEnd }: Prepared,
  encoding: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  bits: 8 | 16,
): number {
  if (encoding === ENCODING_PLAIN) return cutPlain(bytes, at, end, ends, bits);
  if (encoding === ENCODING_BINARY) {
    return cutBinary(at, end, ends, bits, elementsEnd - elementsAt);
  }
  return cutText(bytes, at, end, encoding, languages, ends, bits);
}

/**
 * Writes the header of a part, which has one, into `into` from `start` on. Returns its end.
 * @param bytes of the record.
 */
export function putPartHeader(
  into: Uint8Array,
  start: number,
  prepared: Prepared,
  bytes: Uint8Array,
  reference: number,
  part: number,
): number {
  const { parts, languages, join } = prepared;
  let at = start;
  into[at++] = prepared.headerOctets - 1;
  if (join === JOIN.udh8 || join === JOIN.udh16) {
    const isLong = join === JOIN.udh16;
    into[at++] = isLong ? IEI_CONCATENATED_16 : IEI_CONCATENATED_8;
    into[at++] = isLong ? 4 : 3;
    if (isLong) into[at++] = reference >>> 8;
    into[at++] = reference;
    into[at++] = parts;
    into[at++] = part + 1;
  }
  at = putLanguage(into, at, IEI_SINGLE_SHIFT, languages & 0xff);
  at = putLanguage(into, at, IEI_LOCKING_SHIFT, languages >>> 8);
  for (let from = prepared.elementsAt; from < prepared.elementsEnd; from += 1) {
    into[at++] = bytes[from]!;
  }
  return at;
}

function putLanguage(into: Uint8Array, start: number, element: number, id: number): number {
  if (id === 0) return start;
  into[start] = element;
  into[start + 1] = 1;
  into[start + 2] = id;
  return start + 3;
}

/** What `putSar` writes. */
export const SAR_BYTES = 16;

/** sar_msg_ref_num, sar_total_segments, sar_segment_seqnum. Returns the end. */
export function putSar(
  into: Uint8Array,
  start: number,
  reference: number,
  parts: number,
  part: number,
): number {
  let at = start;
  into[at++] = 0x02;
  into[at++] = 0x0c;
  into[at++] = 0;
  into[at++] = 2;
  into[at++] = reference >>> 8;
  into[at++] = reference;
  into[at++] = 0x02;
  into[at++] = 0x0e;
  into[at++] = 0;
  into[at++] = 1;
  into[at++] = parts;
  into[at++] = 0x02;
  into[at++] = 0x0f;
  into[at++] = 0;
  into[at++] = 1;
  into[at++] = part + 1;
  return at;
}
