/** Mobile: messages from phones, as deliver_sm PDUs; long ones in parts. */
import { encode } from "../../services/connectors/smpp/codec.js";
import { appendReceipt, newReceiptBatch, type ReceiptBatch } from "./receipts.js";

export interface FromPhone {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** How a text that does not fit into one PDU is sent. */
  readonly parts: "udh" | "udh16" | "sar" | "payload";
  readonly reference: number;
}

export const PART_WAYS = ["udh", "udh16", "sar", "payload"] as const;
const UCS2 = 8;
const LATIN1 = 3;
/** Octets of a part, header included: what one short message holds. */
const PART_OCTETS = 140;

/** Latin-1 where it suffices, else UCS-2: every receiver reads both without a table. */
export function messageFromPhone(message: FromPhone): ReceiptBatch {
  const isLatin1 = [...message.text].every((one) => one.codePointAt(0)! < 256);
  const data_coding = isLatin1 ? LATIN1 : UCS2;
  const octets = isLatin1
    ? Buffer.from(message.text, "latin1")
    : Buffer.from(message.text, "utf16le").swap16();
  const batch = newReceiptBatch(4_096, "message");
  const base = {
    command: "deliver_sm",
    source_addr_ton: 1,
    source_addr_npi: 1,
    source_addr: message.from,
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: message.to,
    data_coding,
  };
  for (const fields of partsOf(octets, message)) {
    const encoded = encode({ ...base, ...fields });
    if (!encoded.ok) {
      throw new Error(encoded.problems.map(({ field, problem }) => `${field} ${problem}`).join());
    }
    appendReceipt(batch, encoded.bytes);
  }
  return batch;
}

function partsOf(octets: Buffer, { parts, reference }: FromPhone): Record<string, unknown>[] {
  if (octets.length <= PART_OCTETS) return [{ short_message_hex: octets.toString("hex") }];
  if (parts === "payload") return [{ tlvs: { message_payload_hex: octets.toString("hex") } }];
  // An even number: a UTF-16 unit is never cut.
  const room = parts === "sar" ? PART_OCTETS : parts === "udh" ? 134 : 132;
  const total = Math.ceil(octets.length / room);
  if (total > 255) throw new Error("a message has at most 255 parts");
  return Array.from({ length: total }, (_, index) => {
    const piece = octets.subarray(index * room, (index + 1) * room);
    if (parts === "sar") {
      return {
        short_message_hex: piece.toString("hex"),
        tlvs: {
          sar_msg_ref_num: reference,
          sar_total_segments: total,
          sar_segment_seqnum: index + 1,
        },
      };
    }
    const place = [total, index + 1];
    const header =
      parts === "udh"
        ? [5, 0, 3, reference & 0xff, ...place]
        : [6, 8, 4, reference >>> 8, reference & 0xff, ...place];
    const short_message_hex = Buffer.concat([Uint8Array.from(header), piece]).toString("hex");
    return { esm_class: 0x40, short_message_hex };
  });
}
