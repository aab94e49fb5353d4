/** What tests of connectors share: dispatch records, submit_sm, attempts. */
import * as assert from "uvu/assert";
import { type CarrierConfig, parseCarrier } from "../../../core/configuration.js";
import { SILENT } from "../../../core/log.js";
import { DispatchRecord } from "../../../core/proto/floe/v1/frames.js";
import { Message } from "../../../core/proto/floe/v1/messaging.js";
import { DISPATCH } from "../../../core/stream/fields.js";
import {
  newFields,
  newWriter,
  readFields,
  writeUint32,
  writeUint53,
  written,
} from "../../../core/stream/frame.js";
import { CANNOT, newSubmission } from "../../../services/connectors/link.js";
import { START_BYTES } from "../../../services/connectors/record.js";
import { beginPdu, COMMAND, endPdu } from "../../../services/connectors/smpp/pdu.js";
import { decodePdu, type SmPdu } from "../../../services/connectors/smpp/pdu-object.js";
import { newSubmitWriter } from "../../../services/connectors/smpp/submit.js";
import {
  countBinary,
  countSegments,
  measured,
  nationalSegments,
} from "../../../workers/segments.js";

export const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 24);
/** Of all messages here. */
export const MESSAGE_ID = Buffer.from("0193a1b2c3d4e5f6a7b8091a2b3c4d5e", "hex");

export interface Wanted {
  readonly to?: string;
  readonly from?: string;
  readonly text?: string;
  /** Instead of a text. */
  readonly binary?: { readonly data: Uint8Array; readonly udh?: Uint8Array };
  readonly flash?: boolean;
  readonly clientReference?: string;
  readonly tags?: Record<string, string>;
  readonly trafficClass?: 0 | 1 | 2 | 3;
  readonly receipt?: 0 | 1 | 2;
  readonly validitySeconds?: number;
  readonly alphabet?: CarrierConfig["alphabet"];
  /** Of the carrier, beside its alphabet. */
  readonly config?: Partial<CarrierConfig>;
  readonly reference?: number;
  /** In place of `from`, as a sender rule has it. */
  readonly sender?: string;
  /** The plan allows typographic characters to be replaced. */
  readonly smart?: boolean;
  /** National language whose tables are used, by its number. */
  readonly language?: number;
}

/** A dispatch record of the message, as workers count and write it. */
export function dispatchOf(wanted: Wanted): Uint8Array {
  const { to = "+447700900123", from = "Floe", text = "Hello", binary } = wanted;
  const { receipt = 0, validitySeconds = 0, flash = false, tags = {} } = wanted;
  const { sender = "", smart = false, language = 0 } = wanted;
  const { clientReference = "", trafficClass = 0 } = wanted;
  const utf8 = Buffer.from(text, "utf8");
  const view = new DataView(utf8.buffer, utf8.byteOffset, utf8.length);
  const segments =
    binary !== undefined
      ? countBinary(binary.data.length, binary.udh?.length ?? 0)
      : language === 0
        ? countSegments(utf8, view, 0, utf8.length, smart)
        : nationalSegments(utf8, view, 0, utf8.length, language);
  assert.ok(segments > 0);
  const body =
    binary === undefined
      ? { $case: "text" as const, text }
      : {
          $case: "binary" as const,
          binary: {
            data: Buffer.from(binary.data),
            udh: Buffer.from(binary.udh ?? []),
          },
        };
  return DispatchRecord.encode(
    DispatchRecord.fromPartial({
      ...{ messageId: MESSAGE_ID, account: 7, segments, plain: measured.plain },
      ...{ encoding: measured.encoding as 1 | 2 | 3, sender },
      ...{ smart: measured.smart, languages: measured.languages },
      expiresAtMs: BigInt(NOW_MS + validitySeconds * 1_000),
      message: Message.fromPartial({
        ...{ to, from, body, receipt, validitySeconds, flash, tags },
        ...{ clientReference, trafficClass },
      }),
    }),
  ).finish();
}

/** Segments that were decided, as the record says. */
export function decidedOf(wanted: Wanted): number {
  return DispatchRecord.decode(dispatchOf(wanted)).segments;
}

/** All PDUs of a message, whole, as they go to the carrier. */
export function pdusOf(wanted: Wanted): Uint8Array[] | typeof CANNOT {
  const { alphabet = "gsm7", reference = 0x2a, config = {} } = wanted;
  const bytes = dispatchOf(wanted);
  const [record, message] = [newFields(), newFields()];
  assert.ok(readFields(bytes, 0, bytes.length, record));
  const at = record[2 * DISPATCH.message]!;
  assert.ok(readFields(bytes, at, at + record[2 * DISPATCH.message + 1]!, message));
  const submission = newSubmission(record, message);
  Object.assign(submission, { bytes, wallMs: NOW_MS, reference });
  const writer = newSubmitWriter(carrierOf({ alphabet, ...config }), SILENT);
  const parts = writer.prepare(submission);
  if (parts === CANNOT) return CANNOT;
  return Array.from({ length: parts }, (_, part) => {
    const out = newWriter(64);
    const mark = beginPdu(out, COMMAND.submit_sm, 0, part + 1);
    writer.put(out, submission, part);
    endPdu(out, mark);
    return written(out).slice();
  });
}

/** All parts of a message, as the carrier reads them. */
export function partsOf(wanted: Wanted): SmPdu[] | typeof CANNOT {
  const pdus = pdusOf(wanted);
  if (pdus === CANNOT) return CANNOT;
  return pdus.map((pdu) => {
    const decoded = decodePdu(pdu);
    assert.not("error" in decoded, JSON.stringify(decoded));
    return decoded as SmPdu;
  });
}

/** A carrier's configuration. */
export function carrierOf(some: Partial<CarrierConfig> = {}): CarrierConfig {
  return parseCarrier({
    ...{ name: "alpha", link: "smpp", status: "active", host: "127.0.0.1", port: 2775 },
    ...{ systemId: "floe", password: "secret", ...some },
  });
}

/** Fields 1 to 3 of an attempt about message `id`. */
export function startOf(id: number, acceptedAtMs = DAY_MS): Uint8Array {
  const start = new Uint8Array(START_BYTES);
  start.set([0x0a, 16]);
  writeUint32(start, 14, id);
  start[18] = 0x11;
  writeUint53(start, 19, acceptedAtMs);
  start[27] = 0x1d;
  writeUint32(start, 28, 7);
  return start;
}

export function tokenFor(number: number): Uint8Array {
  return new Uint8Array(16).fill(number);
}

export const SUBMIT: SmPdu = {
  command: "submit_sm",
  status: 0,
  sequence: 0x01020304,
  serviceType: "",
  sourceTon: 5,
  sourceNpi: 0,
  source: "Floe",
  destinationTon: 1,
  destinationNpi: 1,
  destination: "447700900123",
  esmClass: 0,
  protocolId: 0,
  priority: 0,
  scheduleTime: "",
  validityPeriod: "",
  registeredDelivery: 1,
  replaceIfPresent: 0,
  dataCoding: 0,
  defaultMessageId: 0,
  content: Buffer.from("hi"),
  tlvs: [],
};
