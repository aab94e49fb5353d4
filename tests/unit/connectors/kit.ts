/** What tests of connectors share: dispatch records, submit_sm, attempts. */
import * as assert from "uvu/assert";
import type { CarrierConfig } from "../../../core/configuration.js";
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
import { countSegments, measured, nationalSegments } from "../../../workers/segments.js";

export const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 24);

export interface Wanted {
  readonly to?: string;
  readonly from?: string;
  readonly text?: string;
  readonly receipt?: 0 | 1 | 2;
  readonly validitySeconds?: number;
  readonly alphabet?: CarrierConfig["alphabet"];
  readonly reference?: number;
  /** In place of `from`, as a sender rule has it. */
  readonly sender?: string;
  /** The plan allows typographic characters to be replaced. */
  readonly smart?: boolean;
  /** National language whose tables are used, by its number. */
  readonly language?: number;
}

/** All parts of a message, as the carrier reads them. */
export function partsOf(wanted: Wanted): SmPdu[] | typeof CANNOT {
  const { to = "+447700900123", from = "Floe", text = "Hello", alphabet = "gsm7" } = wanted;
  const { receipt = 0, validitySeconds = 0, reference = 0x2a } = wanted;
  const { sender = "", smart = false, language = 0 } = wanted;
  const utf8 = Buffer.from(text, "utf8");
  const view = new DataView(utf8.buffer, utf8.byteOffset, utf8.length);
  let segments = countSegments(utf8, view, 0, utf8.length, smart);
  if (language !== 0) segments = nationalSegments(utf8, view, 0, utf8.length, language);
  assert.ok(segments > 0);
  const body = { $case: "text" as const, text };
  const bytes = DispatchRecord.encode(
    DispatchRecord.fromPartial({
      ...{ messageId: Buffer.alloc(16), segments, plain: measured.plain },
      ...{ encoding: measured.encoding as 1 | 2, sender },
      ...{ smart: measured.smart, languages: measured.languages },
      expiresAtMs: BigInt(NOW_MS + validitySeconds * 1_000),
      message: Message.fromPartial({ to, from, body, receipt, validitySeconds }),
    }),
  ).finish();
  const [record, message] = [newFields(), newFields()];
  assert.ok(readFields(bytes, 0, bytes.length, record));
  const at = record[2 * DISPATCH.message]!;
  assert.ok(readFields(bytes, at, at + record[2 * DISPATCH.message + 1]!, message));
  const submission = newSubmission(record, message);
  Object.assign(submission, { bytes, wallMs: NOW_MS, reference });
  const writer = newSubmitWriter(alphabet);
  const parts = writer.prepare(submission);
  if (parts === CANNOT) return CANNOT;
  return Array.from({ length: parts }, (_, part) => {
    const out = newWriter(64);
    const mark = beginPdu(out, COMMAND.submit_sm, 0, part + 1);
    writer.put(out, submission, part);
    endPdu(out, mark);
    const decoded = decodePdu(written(out).slice());
    assert.not("error" in decoded, JSON.stringify(decoded));
    return decoded as SmPdu;
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
