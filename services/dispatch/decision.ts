/**
 * Decision frames: written from what a turn has, and read again after a restart.
 */
import { COVER, DECISION_FRAME } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  putFixed32,
  putFixed64,
  putRaw,
  putText,
  putVarint,
} from "../../core/stream/frame.js";
import { type Routed, verdictsEnd, verdictsStart } from "./routed.js";

export interface DecisionHead {
  readonly partition: number;
  readonly decidedAtMs: number;
  readonly previousSequence: number;
  readonly attemptsThrough: number;
  readonly epoch: number;
  readonly counter: number;
}

/** Settlement records (whole fields) that go along. */
export interface SettlementBytes {
  readonly bytes: Uint8Array;
  readonly end: number;
}

export function writeDecision(
  writer: FrameWriter,
  head: DecisionHead,
  turn: readonly Routed[],
  settlements: SettlementBytes | undefined,
): void {
  writer.at = 0;
  putFixed32(writer, DECISION_FRAME.partition, head.partition);
  putFixed64(writer, DECISION_FRAME.decidedAtMs, head.decidedAtMs);
  putFixed64(writer, DECISION_FRAME.previousSequence, head.previousSequence);
  putFixed64(writer, DECISION_FRAME.attemptsThrough, head.attemptsThrough);
  putFixed64(writer, DECISION_FRAME.epoch, head.epoch);
  putFixed64(writer, DECISION_FRAME.counter, head.counter);
  for (const { held, records } of turn) {
    const mark = beginNested(writer, DECISION_FRAME.covers);
    putVarint(writer, COVER.lane, held.lane);
    putFixed64(writer, COVER.sequence, held.sequence);
    putText(writer, COVER.publishId, held.publishId);
    putFixed32(writer, COVER.count, records);
    endNested(writer, mark);
  }
  for (const { parts } of turn) {
    for (const part of parts) {
      putRaw(writer, part.verdicts, verdictsStart(part), verdictsEnd(part));
    }
  }
  if (settlements !== undefined) putRaw(writer, settlements.bytes, 0, settlements.end);
}
