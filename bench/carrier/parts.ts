/**
 * Parts: where the text of a submit_sm stands and which part of a long message it is, whichever of
 * the ways it came by: UDH with a reference of 8 or 16 bits (3GPP 23.040, 9.2.3.24.1 and .8), the
 * sar_* parameters, message_payload (SMPP v3.4, 5.3.2.22 to 24 and 32).
 */
import { findTlv, SM, type SmPlaces, tlvFound } from "../../services/connectors/smpp/pdu.js";
import type { TrackPlaces } from "./track.js";

export interface Part {
  /** 0: the message is in one. */
  part: number;
  parts: number;
  reference: number;
}

const UDHI = 0x40;
const IE_REFERENCE_8 = 0x00;
const IE_REFERENCE_16 = 0x08;
const TAG = { reference: 0x020c, total: 0x020e, sequence: 0x020f, payload: 0x0424 } as const;

/** Fills `into` and the places of the content in `track`. */
export function readPart(
  bytes: Uint8Array,
  places: SmPlaces,
  track: TrackPlaces,
  into: Part,
): void {
  into.part = 0;
  into.parts = 1;
  into.reference = -1;
  track.source = places[SM.source]!;
  track.sourceEnd = places[SM.sourceEnd]!;
  track.destination = places[SM.destination]!;
  track.destinationEnd = places[SM.destinationEnd]!;
  track.content = places[SM.content]!;
  track.contentEnd = places[SM.contentEnd]!;
  track.reference = -1;
  track.referenceEnd = -1;
  track.part = 0;
  if (places[SM.tlvs]! < places[SM.tlvsEnd]!) readTlvs(bytes, places, track, into);
  if (bytes[places[SM.esmClass]!]! & UDHI) readUdh(bytes, track, into);
}

function readTlvs(bytes: Uint8Array, places: SmPlaces, track: TrackPlaces, into: Part): void {
  const from = places[SM.tlvs]!;
  const end = places[SM.tlvsEnd]!;
  if (track.content === track.contentEnd && findTlv(bytes, from, end, TAG.payload)) {
    track.content = tlvFound.at;
    track.contentEnd = tlvFound.end;
  }
  if (!findTlv(bytes, from, end, TAG.sequence) || tlvFound.end - tlvFound.at !== 1) return;
  into.part = bytes[tlvFound.at]!;
  track.part = into.part;
  if (findTlv(bytes, from, end, TAG.total)) into.parts = bytes[tlvFound.at] ?? 1;
  if (findTlv(bytes, from, end, TAG.reference) && tlvFound.end - tlvFound.at === 2) {
    into.reference = (bytes[tlvFound.at]! << 8) | bytes[tlvFound.at + 1]!;
  }
}

function readUdh(bytes: Uint8Array, track: TrackPlaces, into: Part): void {
  const end = Math.min(track.contentEnd, track.content + 1 + (bytes[track.content] ?? 0));
  let at = track.content + 1;
  while (at + 2 <= end) {
    const [id, length] = [bytes[at]!, bytes[at + 1]!];
    const from = at + 2;
    at = from + length;
    if (at > end) return;
    const width = id === IE_REFERENCE_8 ? 1 : id === IE_REFERENCE_16 ? 2 : 0;
    if (width === 0 || length !== width + 2) continue;
    track.reference = from;
    track.referenceEnd = from + width;
    into.reference = width === 1 ? bytes[from]! : (bytes[from]! << 8) | bytes[from + 1]!;
    into.parts = bytes[from + width]!;
    into.part = bytes[from + width + 1]!;
  }
}
