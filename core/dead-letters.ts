/**
 * Dead letters: what a stage could not read, or what crashed it, goes out of the path into a stream
 * where operators see it (`floe dead`), so that nothing waits behind it and nothing is lost.
 *
 * In: a record with the header of its frame, or a frame that cannot be walked. Out: one message on
 * `dead.<stage>` (floe.v1.BuriedFrame). A letter has an id of its place, so that one buried again
 * after a crash is stored once within the duplicate window.
 */
import type { Clock } from "./clock.js";
import type { Logger } from "./log.js";
import { counter } from "./metrics.js";
import { BuriedFrame } from "./proto/floe/v1/dead_letters.js";
import type { Delivery, StreamClient } from "./stream/stream.js";
import { type DeadStage, deadSubject, type StreamName } from "./subjects.js";

const buriedTotal = counter("floe_dead_letters_total", "Records and frames that were buried.", [
  "stage",
  "reason",
]);

/** `crashed`: a stage failed at it again and again. `unreadable`: its bytes make no sense. */
export type DeadReason = "crashed" | "unreadable";

export interface DeadLetter {
  readonly stream: StreamName;
  readonly subject: string;
  /** Of its frame. */
  readonly sequence: number;
  readonly storedAtMs: number;
  /** The record's place in the frame, from 0; 0 for a frame as a whole. */
  readonly record: number;
  readonly reason: DeadReason;
  /** The frame, or its header and the one record. Copied before `bury` returns. */
  readonly frame: Uint8Array;
  /** 16 bytes. */
  readonly messageId?: Uint8Array;
  readonly account?: number;
}

export interface DeadLetters {
  /**
   * Resolves when the letter is stored.
   * @throws FloeError "stream.unavailable", "stream.full": it is not; what it came from must stay.
   */
  bury(letter: DeadLetter): Promise<void>;
}

export interface DeadLettersOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stage: DeadStage;
}

export function openDeadLetters(options: DeadLettersOptions): DeadLetters {
  const { client, clock, log, stage } = options;
  return {
    async bury(letter) {
      const { stream, subject, sequence, record, reason } = letter;
      const data = BuriedFrame.encode({
        ...{ stage, stream, subject, record, reason },
        sequence: BigInt(sequence),
        storedAtMs: BigInt(letter.storedAtMs),
        buriedAtMs: BigInt(clock.nowMs()),
        messageId: Buffer.from(letter.messageId ?? []),
        account: letter.account ?? 0,
        frame: Buffer.from(letter.frame),
      }).finish();
      const id = `dead/${stage}/${subject}/${sequence}/${record}`;
      await client.publish(deadSubject(stage), data, { id });
      buriedTotal.inc({ stage, reason });
      log.error({ stream, sequence, record, reason }, "a dead letter: see floe dead list");
    },
  };
}

/** A frame that comes again because its letter was not stored does so after this long. */
const AGAIN_MS = 30_000;

/** Buries a delivered frame as a whole and ends it; it comes again if that is not possible now. */
export async function buryFrame(
  dead: DeadLetters,
  stream: StreamName,
  delivery: Delivery,
  log: Logger,
): Promise<void> {
  const { subject, sequence, storedAtMs, data } = delivery;
  const where = { stream, subject, sequence, storedAtMs, record: 0 };
  try {
    await dead.bury({ ...where, reason: "unreadable", frame: data });
    delivery.term();
  } catch (err) {
    log.error({ err, stream, sequence }, "a dead letter cannot be stored, its frame waits");
    delivery.nak(AGAIN_MS);
  }
}
