/**
 * Inbound: messages from phones, written to INBOUND part by part as they came; the receipts role
 * reads their alphabets and puts them together.
 */
import type { CarrierConfig } from "../../core/configuration.js";
import { INBOUND, INBOUND_FRAME } from "../../core/stream/fields.js";
import { type FrameWriter, putBytes, putFixed64, putVarint } from "../../core/stream/frame.js";
import type { Outbox, OutboxKey } from "../../core/stream/outbox.js";
import { inboundSubject } from "../../core/subjects.js";
import { findTlv, SM, type SmPlaces, TLV, tlvFound } from "./smpp/pdu.js";

/** A phone's owner waits for an answer: hardly any. */
const LINGER_MS = 5;
/** All but the content. */
export const INBOUND_BYTES = 160;
/** 5.3.2.22 to 5.3.2.24. */
const SAR = { reference: 0x020c, total: 0x020e, part: 0x020f } as const;
/** floe.v1.InboundAlphabet. */
const ALPHABETS: Readonly<Record<CarrierConfig["alphabet"], number>> = {
  gsm7: 1,
  latin1: 2,
  ascii: 3,
  gsm7_packed: 4,
};

export interface Inbound {
  readonly key: OutboxKey;
  /** Bytes that the record of the deliver_sm at `places` takes at most. */
  bytesOf(places: SmPlaces): number;
  put(
    writer: FrameWriter,
    bytes: Uint8Array,
    places: SmPlaces,
    bind: Uint8Array,
    nowMs: number,
  ): void;
}

export function openInbound(outbox: Outbox, config: CarrierConfig): Inbound {
  const name = Buffer.from(config.name, "utf8");
  const alphabet = ALPHABETS[config.alphabet];
  const key = outbox.key({
    subject: inboundSubject(config.name),
    lingerMs: LINGER_MS,
    header(writer, nowMs) {
      putBytes(writer, INBOUND_FRAME.carrier, name);
      putFixed64(writer, INBOUND_FRAME.publishedAtMs, nowMs);
    },
  });
  return {
    key,
    bytesOf: (places) => INBOUND_BYTES + places[SM.tlvsEnd]! - places[SM.content]!,
    put(writer, bytes, places, bind, nowMs) {
      const { sourceTon, source, sourceEnd, destinationTon, destination, destinationEnd } = SM;
      putFixed64(writer, INBOUND.atMs, nowMs);
      putBytes(writer, INBOUND.bind, bind);
      putBytes(writer, INBOUND.from, bytes, places[source], places[sourceEnd]);
      putVarint(writer, INBOUND.fromTon, bytes[places[sourceTon]!]!);
      putBytes(writer, INBOUND.to, bytes, places[destination], places[destinationEnd]);
      putVarint(writer, INBOUND.toTon, bytes[places[destinationTon]!]!);
      putVarint(writer, INBOUND.esmClass, bytes[places[SM.esmClass]!]!);
      putVarint(writer, INBOUND.dataCoding, bytes[places[SM.dataCoding]!]!);
      putVarint(writer, INBOUND.alphabet, alphabet);
      putContent(writer, bytes, places);
    },
  };
}

function putContent(writer: FrameWriter, bytes: Uint8Array, places: SmPlaces): void {
  const tlvs = places[SM.tlvs]!;
  const tlvsEnd = places[SM.tlvsEnd]!;
  const content = places[SM.content]!;
  const contentEnd = places[SM.contentEnd]!;
  if (contentEnd > content) putBytes(writer, INBOUND.content, bytes, content, contentEnd);
  else if (findTlv(bytes, tlvs, tlvsEnd, TLV.message_payload)) {
    putBytes(writer, INBOUND.content, bytes, tlvFound.at, tlvFound.end);
  }
  if (tlvs === tlvsEnd) return;
  putVarint(writer, INBOUND.sarReference, numberOf(bytes, tlvs, tlvsEnd, SAR.reference));
  putVarint(writer, INBOUND.sarTotal, numberOf(bytes, tlvs, tlvsEnd, SAR.total));
  putVarint(writer, INBOUND.sarPart, numberOf(bytes, tlvs, tlvsEnd, SAR.part));
}

/** A number of one or two octets; 0: it is not there. */
function numberOf(bytes: Uint8Array, at: number, end: number, tag: number): number {
  if (!findTlv(bytes, at, end, tag)) return 0;
  let value = 0;
  for (let index = tlvFound.at; index < tlvFound.end && index < tlvFound.at + 2; index += 1) {
    value = value * 256 + bytes[index]!;
  }
  return value;
}
