/**
 * Frames: walks a delivered frame's records into a batch, and stops where the batch is full.
 *
 * A frame that did not fit goes on in the next batch and is acked with it: batches are written one
 * after another, so what went before is stored by then. A record that makes no sense is passed over
 * and becomes a dead letter, stored before its frame is acked; so is what stands behind a length
 * that cannot be true.
 */
import type { Logger } from "../../core/log.js";
import { droppedTotal, framesTotal, recordsTotal } from "../../core/metrics.js";
import { ATTEMPT_FRAME, DECISION_FRAME, USAGE_FRAME } from "../../core/stream/fields.js";
import { found, nextField } from "../../core/stream/frame.js";
import { headerEnd, single, tailFrom } from "../../core/stream/single.js";
import type { Delivery } from "../../core/stream/stream.js";
import { readAttemptFrame, takeAttempt } from "./attempts.js";
import { type Batch, roomOf } from "./batch.js";
import { takeCall } from "./calls.js";
import { newSource, type Source } from "./column.js";
import { takeSettlement, takeVerdict } from "./decisions.js";

export type SourceName = "DECISIONS" | "ATTEMPTS" | "USAGE";

/** A frame on its way into batches. */
export interface OpenFrame {
  readonly source: SourceName;
  readonly delivery: Delivery;
  /** How long its data was: once it is taken that is let go. */
  readonly bytes: number;
  /** Which of the source's repeated fields is walked, and from where. */
  section: number;
  at: number;
  records: number;
}

/** The repeated fields of each source's frames, in the order in which they are walked. */
const SECTIONS: Readonly<Record<SourceName, readonly number[]>> = {
  DECISIONS: [DECISION_FRAME.records, DECISION_FRAME.settlements],
  ATTEMPTS: [ATTEMPT_FRAME.records],
  USAGE: [USAGE_FRAME.records],
};

export function openFrame(source: SourceName, delivery: Delivery): OpenFrame {
  return { source, delivery, bytes: delivery.data.length, section: 0, at: 0, records: 0 };
}

/** Takes records into `batch`. @returns whether the frame is done; else the batch is full. */
export function takeFrame(frame: OpenFrame, batch: Batch, log: Logger): boolean {
  const { source, delivery } = frame;
  const bytes = delivery.data;
  const data = newSource(bytes);
  const sections = SECTIONS[source];
  let room = 0;
  if (source === "ATTEMPTS" && !readAttemptFrame(batch, data)) {
    refuse(frame, batch, log, "frame.malformed", bytes);
    frame.section = sections.length;
  }
  while (frame.section < sections.length) {
    const field = sections[frame.section]!;
    for (;;) {
      const kind = nextField(bytes, frame.at, bytes.length, field);
      if (kind === 0) break;
      if (kind < 0) {
        const header = headerEnd(bytes, sections);
        refuse(frame, batch, log, "frame.malformed", tailFrom(bytes, header, frame.at));
        break;
      }
      if (room === 0) {
        room = roomOf(batch);
        if (room === 0) return false;
      }
      room -= 1;
      const { at, end } = found;
      frame.at = end;
      frame.records += 1;
      if (!takeRecord(frame, batch, data, at, end)) {
        const one = single(bytes, headerEnd(bytes, sections), field, at, end);
        refuse(frame, batch, log, "record.malformed", one);
      }
    }
    frame.section += 1;
    frame.at = 0;
  }
  batch.frames.push(delivery);
  delivery.drop?.();
  framesTotal.inc({ stream: source, direction: "in" });
  recordsTotal.inc({ stream: source, direction: "in" }, frame.records);
  return true;
}

function takeRecord(
  frame: OpenFrame,
  batch: Batch,
  data: Source,
  at: number,
  end: number,
): boolean {
  if (frame.source === "ATTEMPTS") return takeAttempt(batch, data, at, end);
  if (frame.source === "USAGE") return takeCall(batch, data, at, end);
  return frame.section === 0
    ? takeVerdict(batch, data, at, end)
    : takeSettlement(batch, data, at, end);
}

function refuse(
  frame: OpenFrame,
  batch: Batch,
  log: Logger,
  code: string,
  bytes: Uint8Array,
): void {
  const { source, delivery, records } = frame;
  const { subject, sequence, storedAtMs } = delivery;
  droppedTotal.inc({ stage: "cdr", code });
  log.error({ stream: source, subject, sequence, record: records, code }, "a record was refused");
  const where = { stream: source, subject, sequence, storedAtMs, record: records } as const;
  batch.letters.push({ ...where, reason: "unreadable", frame: bytes.slice() });
}
