/**
 * Messages of the probe: submit_sm written by the same code as the connectors' (alphabet, long
 * messages, addresses, TLVs), so that what the carrier says about one holds for the others.
 */
import { fillRandom } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import { FloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import { DispatchRecord } from "../../../core/proto/floe/v1/frames.js";
import { Message } from "../../../core/proto/floe/v1/messaging.js";
import { DISPATCH } from "../../../core/stream/fields.js";
import { newFields, newWriter, readFields, written } from "../../../core/stream/frame.js";
import { countSegments, measured } from "../../../workers/segments.js";
import { CANNOT, newSubmission } from "../../connectors/link.js";
import { beginPdu, COMMAND, endPdu } from "../../connectors/smpp/pdu.js";
import { newSubmitWriter } from "../../connectors/smpp/submit.js";

export interface Draft {
  readonly to: string;
  readonly text: string;
}

export interface MessageWriter {
  /** The PDUs of a message, one for each part. @throws FloeError where it has no form. */
  pdusOf(draft: Draft): Uint8Array[];
}

/** @param tags of each message, for TLVs that are taken from them. */
export function newMessageWriter(
  config: CarrierConfig,
  from: string,
  tags: Readonly<Record<string, string>>,
): MessageWriter {
  const writer = newSubmitWriter(config, SILENT);
  let references = 0;
  let messages = 0;

  return {
    pdusOf({ to, text }) {
      messages += 1;
      const bytes = recordOf({ to, text }, from, tags, messages);
      const [record, message] = [newFields(), newFields()];
      readFields(bytes, 0, bytes.length, record);
      const at = record[2 * DISPATCH.message]!;
      readFields(bytes, at, at + record[2 * DISPATCH.message + 1]!, message);
      references += 1;
      const submission = newSubmission(record, message);
      Object.assign(submission, { bytes, reference: references });
      const parts = writer.prepare(submission);
      if (parts === CANNOT) {
        const problems = ["the sender or a test number has no form at this carrier."];
        throw new FloeError("settings.invalid", { problems });
      }
      return Array.from({ length: parts }, (_, part) => {
        const out = newWriter(512);
        const mark = beginPdu(out, COMMAND.submit_sm, 0, 0);
        writer.put(out, submission, part);
        endPdu(out, mark);
        return written(out).slice();
      });
    },
  };
}

function recordOf(
  { to, text }: Draft,
  from: string,
  tags: Readonly<Record<string, string>>,
  number: number,
): Uint8Array {
  const messageId = new Uint8Array(16);
  fillRandom(messageId);
  const utf8 = Buffer.from(text, "utf8");
  const view = new DataView(utf8.buffer, utf8.byteOffset, utf8.length);
  const segments = countSegments(utf8, view, 0, utf8.length);
  const record = DispatchRecord.fromPartial({
    ...{ messageId: Buffer.from(messageId), segments, plain: measured.plain },
    encoding: measured.encoding as 1 | 2,
    message: Message.fromPartial({
      ...{ to, from, tags, clientReference: `probe-${number}` },
      body: { $case: "text", text },
    }),
  });
  return DispatchRecord.encode(record).finish();
}
