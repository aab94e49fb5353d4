/**
 * Requests: query_sm, cancel_sm, replace_sm, submit_multi and data_sm, answered as objects. They are
 * rare, so the complete codec reads and writes them, and the plain mode never comes here.
 */
import {
  type DecodedPdu,
  decode,
  encode,
  type Value,
} from "../../services/connectors/smpp/codec.js";
import type { Carrier, Wire } from "./carrier.js";
import { textOf } from "./ids.js";
import type { Submitting } from "./submitting.js";

const STATUS = { ROK: 0, RINVMSGID: 0x0c, RCANCELFAIL: 0x11, RREPLACEFAIL: 0x13 } as const;
const RINVDFTLIST = 0x34;

/** Answers the PDU if it is one of these. False: it is none, or cannot be read. */
export function answerRequest(
  carrier: Carrier,
  wire: Wire,
  submitting: Submitting,
  pdu: Uint8Array,
): boolean {
  const decoded = decode(pdu);
  if (!decoded.ok) return false;
  const answer = answerTo(carrier, wire, submitting, decoded.pdu);
  if (answer === undefined) return false;
  const encoded = encode({
    command: `${decoded.pdu.command}_resp`,
    sequence_number: decoded.pdu.sequence_number,
    ...answer,
  });
  if (!encoded.ok) throw new Error(encoded.problems.map(({ field }) => field).join(", "));
  const writer = wire.answers(carrier.options.latencyMs);
  const room = encoded.bytes.length;
  if (writer.bytes.length - writer.at < room) {
    const larger = Buffer.allocUnsafeSlow(writer.bytes.length * 2 + room);
    larger.set(writer.bytes.subarray(0, writer.at));
    writer.bytes = larger;
  }
  writer.bytes.set(encoded.bytes, writer.at);
  writer.at += room;
  return true;
}

type Answer = Readonly<Record<string, unknown>>;

function answerTo(
  carrier: Carrier,
  wire: Wire,
  submitting: Submitting,
  pdu: DecodedPdu,
): Answer | undefined {
  switch (pdu.command) {
    case "query_sm":
      return query(carrier, wire, pdu);
    case "cancel_sm":
      return cancel(carrier, wire, pdu);
    case "replace_sm":
      return replace(carrier, wire, pdu);
    case "submit_multi":
      return submitMulti(carrier, submitting, pdu);
    case "data_sm":
      return dataSm(carrier, submitting, pdu);
    default:
      return undefined;
  }
}

function query({ known, clock, stats }: Carrier, wire: Wire, pdu: DecodedPdu): Answer {
  stats().queries += 1;
  const found = known.find(String(pdu["message_id"]), wire.nowMs());
  if (found === undefined) return { command_status: STATUS.RINVMSGID };
  const doneAtMs = clock.nowMs() + found.doneAtMs - wire.nowMs();
  return {
    message_id: pdu["message_id"],
    final_date: found.isFinal ? timeText(doneAtMs) : "",
    message_state: found.state,
    error_code: found.error,
  };
}

/** Absolute time in UTC: YYMMDDhhmmsstnnp (v3.4, 7.1.1). */
function timeText(atMs: number): string {
  const digits = new Date(atMs).toISOString().replaceAll(/[^0-9]/g, "");
  return `${digits.slice(2, 15)}00+`;
}

function cancel({ known, stats }: Carrier, wire: Wire, pdu: DecodedPdu): Answer {
  stats().cancels += 1;
  const found = known.find(String(pdu["message_id"]), wire.nowMs());
  if (found === undefined || found.isFinal) return { command_status: STATUS.RCANCELFAIL };
  known.cancel(found.id, wire.nowMs());
  return {};
}

/** The content is not kept, so what is replaced is only counted. */
function replace({ known, stats }: Carrier, wire: Wire, pdu: DecodedPdu): Answer {
  stats().replaces += 1;
  const found = known.find(String(pdu["message_id"]), wire.nowMs());
  return found === undefined || found.isFinal ? { command_status: STATUS.RREPLACEFAIL } : {};
}

const SHARED = [
  ...["service_type", "source_addr_ton", "source_addr_npi", "source_addr", "esm_class"],
  ...["protocol_id", "priority_flag", "registered_delivery", "data_coding", "short_message_hex"],
] as const;

function submitMulti(carrier: Carrier, submitting: Submitting, pdu: DecodedPdu): Answer {
  const id = carrier.nextId();
  const unsuccess: Record<string, Value>[] = [];
  for (const one of pdu["dest_address"] as readonly Readonly<Record<string, Value>>[]) {
    const to = {
      dest_addr_ton: one["dest_addr_ton"] ?? 0,
      dest_addr_npi: one["dest_addr_npi"] ?? 0,
      destination_addr: one["destination_addr"] ?? "",
    };
    // Distribution lists are the carrier's own; this one has none.
    const status =
      one["dl_name"] === undefined ? submitting.takeAs(asSubmit(pdu, to), id) : RINVDFTLIST;
    if (status !== 0) unsuccess.push({ ...to, error_status_code: status });
  }
  return { message_id: textOf(id, carrier.options.id), unsuccess_sme: unsuccess };
}

function dataSm(carrier: Carrier, submitting: Submitting, pdu: DecodedPdu): Answer {
  const { dest_addr_ton, dest_addr_npi, destination_addr } = pdu;
  const id = carrier.nextId();
  const to = { dest_addr_ton, dest_addr_npi, destination_addr };
  const status = submitting.takeAs(asSubmit(pdu, to as Record<string, Value>), id);
  if (status !== 0) return { command_status: status };
  return { message_id: textOf(id, carrier.options.id) };
}

/** The same as a submit_sm to one recipient. Addresses of data_sm may be longer: they are cut. */
function asSubmit(pdu: DecodedPdu, to: Readonly<Record<string, Value>>): Uint8Array {
  const shared = SHARED.filter((name) => pdu[name] !== undefined).map((name) => [name, pdu[name]]);
  const { destination_addr, ...address } = to;
  const encoded = encode({
    command: "submit_sm",
    sequence_number: pdu.sequence_number,
    ...Object.fromEntries(shared),
    ...address,
    source_addr: String(pdu["source_addr"]).slice(0, 20),
    destination_addr: String(destination_addr).slice(0, 20),
    tlvs: pdu.tlvs,
  });
  if (!encoded.ok) throw new Error(encoded.problems.map(({ field }) => field).join(", "));
  return encoded.bytes;
}
