/**
 * Record: the RECEIPT attempts of receipts that were placed, as connectors write them, on ATTEMPTS.
 *
 * A frame's identity is a hash of its records: a batch that is done again after a crash makes either
 * the same frame, which the stream knows, or another one, which must be stored. Records that are
 * stored twice say the same twice (CDR, owner and connectors take the highest state).
 */
import { createHash } from "node:crypto";
import { FRAME_RECORDS_MAX } from "../../core/limits.js";
import { parseId, partitionOf, STATE } from "../../core/message.js";
import { ATTEMPT, ATTEMPT_FRAME, ATTEMPT_RECEIPT } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  newWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putRaw,
  putText,
  putVarint,
  written,
} from "../../core/stream/frame.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { attemptSubject } from "../../core/subjects.js";
import type { Placed } from "./receipt.js";

export interface ReceiptRecord {
  readonly placed: Placed;
  /** State rank of the whole message, SUBMITTED while parts leave it open. */
  readonly state: number;
}

export interface RecordOptions {
  readonly client: StreamClient;
  readonly processId: string;
  readonly partitions: number;
  readonly nowMs: number;
}

/**
 * Publishes them. Resolves when all are stored; a repeat is harmless.
 * @throws FloeError "stream.*"
 */
export async function publishReceipts(
  records: readonly ReceiptRecord[],
  options: RecordOptions,
): Promise<void> {
  const groups = new Map<string, ReceiptRecord[]>();
  for (const record of records) {
    const { account, receipt } = record.placed;
    const subject = attemptSubject(partitionOf(account, options.partitions), receipt.carrier);
    const group = groups.get(subject);
    if (group === undefined) groups.set(subject, [record]);
    else group.push(record);
  }
  for (const [subject, group] of groups) {
    for (let at = 0; at < group.length; at += FRAME_RECORDS_MAX) {
      await publishFrame(subject, group.slice(at, at + FRAME_RECORDS_MAX), options);
    }
  }
}

async function publishFrame(
  subject: string,
  records: readonly ReceiptRecord[],
  { client, processId, partitions, nowMs }: RecordOptions,
): Promise<void> {
  const { account, receipt } = records[0]!.placed;
  const body = newWriter();
  for (const record of records) putReceipt(body, record);
  const hash = createHash("sha256").update(subject).update(written(body)).digest("base64url");
  const frame = newWriter(body.at + 256);
  putFixed32(frame, ATTEMPT_FRAME.partition, partitionOf(account, partitions));
  putText(frame, ATTEMPT_FRAME.carrier, receipt.carrier);
  putFixed64(frame, ATTEMPT_FRAME.publishedAtMs, nowMs);
  putText(frame, ATTEMPT_FRAME.writer, processId);
  putRaw(frame, body.bytes, 0, body.at);
  await client.publish(subject, written(frame), { id: `receipts/${hash}` });
}

function putReceipt(writer: FrameWriter, { placed, state }: ReceiptRecord): void {
  const { receipt, part, parts } = placed;
  const mark = beginNested(writer, ATTEMPT_FRAME.records);
  putBytes(writer, ATTEMPT.messageId, parseId(placed.messageId)!);
  putFixed64(writer, ATTEMPT.acceptedAtMs, placed.acceptedAtMs);
  putFixed32(writer, ATTEMPT.account, placed.account);
  putFixed32(writer, ATTEMPT.kind, ATTEMPT_RECEIPT);
  putFixed32(writer, ATTEMPT.hop, placed.hop);
  putFixed64(writer, ATTEMPT.atMs, receipt.atMs);
  putFixed32(writer, ATTEMPT.state, state);
  putText(writer, ATTEMPT.carrierIds, receipt.carrierId);
  putBytes(writer, ATTEMPT.toTok, receipt.token);
  if (receipt.error !== 0) putFixed32(writer, ATTEMPT.error, receipt.error);
  putText(writer, ATTEMPT.errorText, receipt.errorText);
  if (parts > 1) {
    putFixed32(writer, ATTEMPT.part, part);
    putFixed32(writer, ATTEMPT.parts, parts);
  }
  putText(writer, ATTEMPT.bind, receipt.bind);
  if (parts > 1) putVarint(writer, ATTEMPT.partState, receipt.state);
  putText(writer, ATTEMPT.tlvs, receipt.tlvs);
  endNested(writer, mark);
}

/** What is recorded at once: of a part only that, its whole is decided when all are seen. */
export function firstRecord(placed: Placed): ReceiptRecord {
  return { placed, state: placed.parts > 1 ? STATE.SUBMITTED : placed.receipt.state };
}
