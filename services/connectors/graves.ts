/**
 * Graves: dispatch frames and records that cannot be read, or that made the stage fail, and receipts
 * that mean nothing to us, on their way to the dead letters. What came of a record is told when its letter is stored; while none can be
 * stored it stays, and is tried again.
 */
import type { Clock } from "../../core/clock.js";
import { buryFrame, type DeadReason, openDeadLetters } from "../../core/dead-letters.js";
import type { Logger } from "../../core/log.js";
import { DISPATCH, DISPATCH_FRAME } from "../../core/stream/fields.js";
import { fixed32Of, newFields, readFields } from "../../core/stream/frame.js";
import { headerEnd, single } from "../../core/stream/single.js";
import type { Delivery, StreamClient } from "../../core/stream/stream.js";
import { receiptSubject } from "../../core/subjects.js";
import { type Job, RECORD } from "./job.js";

export interface GravesOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly carrier: string;
  /** The record is to be looked at again. */
  again(job: Job, index: number): void;
}

export interface Graves {
  /** A frame that cannot be read: ended when its letter is stored. */
  frame(delivery: Delivery): void;
  /** A record; `buried` is called when its letter is stored. */
  record(job: Job, index: number, reason: DeadReason, buried: () => void): void;
  /** A receipt's PDU, kept by the caller no longer. `done` says whether its letter is stored. */
  receipt(pdu: Uint8Array, done: (stored: boolean) => void): void;
}

const AGAIN_MS = 30_000;
/** Receipts on their way; what a carrier sends beyond is refused for now, and comes again. */
const RECEIPTS_MAX = 100;
const fields = newFields();

export function openGraves(options: GravesOptions): Graves {
  const { client, clock, log } = options;
  const dead = openDeadLetters({ client, clock, log, stage: "connector" });
  let receipts = 0;
  let number = 0;
  return {
    receipt(pdu, done) {
      if (receipts >= RECEIPTS_MAX) {
        done(false);
        return;
      }
      receipts += 1;
      // It comes from no stream: a number that no other letter of this carrier has.
      number = Math.max(number + 1, clock.nowMs() * 1_000);
      const storedAtMs = clock.nowMs();
      const place = { sequence: number, storedAtMs, record: 0, frame: pdu };
      const subject = receiptSubject(options.carrier);
      void dead.bury({ stream: "RECEIPTS", subject, ...place, reason: "unreadable" }).then(
        () => end(true),
        (err) => {
          log.error({ err }, "a receipt that cannot be read cannot be kept, it is refused for now");
          end(false);
        },
      );
      function end(stored: boolean): void {
        receipts -= 1;
        done(stored);
      }
    },
    frame(delivery) {
      void buryFrame(dead, "DISPATCH", delivery, log);
    },
    record(job, index, reason, buried) {
      const { bytes, places, sequence } = job;
      const [at, end] = [places[2 * index]!, places[2 * index + 1]!];
      const { subject, storedAtMs } = job.deliveries[0]!;
      const header = headerEnd(bytes, [DISPATCH_FRAME.records]);
      const frame = single(bytes, header, DISPATCH_FRAME.records, at, end);
      const letter = { stream: "DISPATCH", subject, sequence, storedAtMs, record: index } as const;
      // On its way to a stream, as an attempt would be: nobody gives its frame back meanwhile.
      job.status[index] = RECORD.answered;
      dead.bury({ ...letter, reason, frame, ...namesIn(bytes, at, end) }).then(buried, (err) => {
        log.error({ err, sequence, record: index }, "a dead letter cannot be stored, it waits");
        clock.after(AGAIN_MS, () => options.again(job, index));
      });
    },
  };
}

function namesIn(bytes: Uint8Array, at: number, end: number): object {
  readFields(bytes, at, end, fields);
  if (fields[2 * DISPATCH.messageId + 1] !== 16) return {};
  const idAt = fields[2 * DISPATCH.messageId]!;
  if (idAt < 0 || idAt + 16 > end) return {};
  const account = fixed32Of(bytes, fields, DISPATCH.account);
  return { messageId: bytes.slice(idAt, idAt + 16), ...(account > 0 ? { account } : {}) };
}
