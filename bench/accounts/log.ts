/**
 * A log for the bench of accounts: decision frames of a thousand verdicts each, put together in place,
 * as an owner's turns leave them behind.
 */

import { STATE } from "../../core/message.js";
import { COVER, DECISION_FRAME, VERDICT } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  newWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  writeUint32,
  written,
} from "../../core/stream/frame.js";

export interface LogOptions {
  readonly accounts: number;
  readonly recordsPerFrame: number;
  /** When the first frame was decided, and how far apart frames are. */
  readonly fromMs: number;
  readonly stepMs: number;
}

export interface LogMaker {
  /** The next frame, behind `previous`; valid until the next call. */
  next(previous: number): Uint8Array;
  /** Frames made so far. */
  count(): number;
}

const PRICE_MICROS = 31_200;
const VALIDITY_MS = 86_400_000;
const LANE_NORMAL = 2;
const SEALED = new Uint8Array(16).fill(7);

export function openLog({ accounts, recordsPerFrame, fromMs, stepMs }: LogOptions): LogMaker {
  const writer = newWriter(512 * 1_024);
  const id = new Uint8Array(16);
  let frames = 0;
  let message = 0;

  function verdict(atMs: number): void {
    const mark = beginNested(writer, DECISION_FRAME.records);
    // Ids as gateways make them: a counter's bits are mixed as random ones are.
    writeUint32(id, 0, message);
    writeUint32(id, 4, 0x70);
    writeUint32(id, 8, Math.imul(message + 1, 0x9e3779b1) >>> 0);
    writeUint32(id, 12, Math.imul(message + 7, 0x85ebca6b) >>> 0);
    putBytes(writer, VERDICT.messageId, id);
    putFixed64(writer, VERDICT.acceptedAtMs, atMs);
    // Every account sends, the next one each time.
    putFixed32(writer, VERDICT.account, 1 + (message % accounts));
    putFixed32(writer, VERDICT.state, STATE.ROUTED);
    putFixed32(writer, VERDICT.reason, 0);
    putFixed32(writer, VERDICT.place, LANE_NORMAL);
    putFixed64(writer, VERDICT.priceMicros, PRICE_MICROS);
    putFixed64(writer, VERDICT.costMicros, PRICE_MICROS / 2);
    putFixed64(writer, VERDICT.keyTag, 0);
    putFixed64(writer, VERDICT.expiresAtMs, atMs + VALIDITY_MS);
    rest(writer);
    endNested(writer, mark);
    message += 1;
  }

  return {
    next(previous) {
      const atMs = fromMs + frames * stepMs;
      frames += 1;
      writer.at = 0;
      putFixed32(writer, DECISION_FRAME.partition, 0);
      putFixed64(writer, DECISION_FRAME.decidedAtMs, atMs);
      putFixed64(writer, DECISION_FRAME.previousSequence, previous);
      putFixed64(writer, DECISION_FRAME.attemptsThrough, frames);
      putFixed64(writer, DECISION_FRAME.epoch, 1);
      putFixed64(writer, DECISION_FRAME.counter, frames);
      const mark = beginNested(writer, DECISION_FRAME.covers);
      putVarint(writer, COVER.lane, LANE_NORMAL);
      putFixed64(writer, COVER.sequence, frames);
      putText(writer, COVER.publishId, `gateway-request-${frames}`);
      putFixed32(writer, COVER.count, recordsPerFrame);
      endNested(writer, mark);
      for (let record = 0; record < recordsPerFrame; record += 1) verdict(atMs);
      return written(writer);
    },
    count: () => frames,
  };
}

const TEXTS = [
  [VERDICT.carrier, "alpha"],
  [VERDICT.toPrefix, "4477"],
  [VERDICT.country, "GB"],
  [VERDICT.mcc, "234"],
  [VERDICT.mnc, "15"],
  [VERDICT.sender, "Floe"],
].map(([field, text]) => ({ field: field as number, bytes: Buffer.from(text as string) }));
const CURRENCY = Buffer.from("EUR");

function rest(writer: FrameWriter): void {
  putBytes(writer, TEXTS[0]!.field, TEXTS[0]!.bytes);
  putBytes(writer, VERDICT.toEnc, SEALED);
  putBytes(writer, VERDICT.toTok, SEALED);
  for (const { field, bytes } of TEXTS.slice(1)) putBytes(writer, field, bytes);
  putVarint(writer, VERDICT.segments, 1);
  putBytes(writer, VERDICT.currency, CURRENCY);
  putVarint(writer, VERDICT.chargeBasis, 2);
}
