/**
 * Attempts: what happened at a carrier, as records on ATTEMPTS (proto/floe/v1/frames.proto).
 *
 * Written in place into the process's outbox, one frame for each partition and carrier. There is a
 * record for every answer and one for every receipt, so its first fields are put by hand, in the
 * order of their numbers, from where they stand.
 */
import { ATTEMPT, ATTEMPT_FRAME } from "../../core/stream/fields.js";
import {
  type FrameWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  reserve,
  writeUint32,
  writeUint53,
} from "../../core/stream/frame.js";
import type { Outbox, OutboxKey } from "../../core/stream/outbox.js";
import { attemptSubject } from "../../core/subjects.js";
import { START_BYTES } from "./record.js";

/** Above the frame budget an attempt may wait this long for company. */
export const ATTEMPT_LINGER_MS = 50;
/** Bytes of an attempt record without texts of changing length. */
export const ATTEMPT_BYTES = 128;

/** The keys of a carrier's attempts, by partition. */
export interface AttemptKeys {
  of(partition: number): OutboxKey;
}

export function openAttemptKeys(outbox: Outbox, carrier: string, writer: string): AttemptKeys {
  const keys: (OutboxKey | undefined)[] = [];
  const writerBytes = Buffer.from(writer, "utf8");
  const carrierBytes = Buffer.from(carrier, "utf8");
  return {
    of(partition) {
      keys[partition] ??= outbox.key({
        subject: attemptSubject(partition, carrier),
        lingerMs: ATTEMPT_LINGER_MS,
        header(into, nowMs) {
          putFixed32(into, ATTEMPT_FRAME.partition, partition);
          putBytes(into, ATTEMPT_FRAME.carrier, carrierBytes);
          putFixed64(into, ATTEMPT_FRAME.publishedAtMs, nowMs);
          putBytes(into, ATTEMPT_FRAME.writer, writerBytes);
        },
      });
      return keys[partition];
    },
  };
}

/** What every attempt says; one object, filled anew for each. */
export interface AttemptStart {
  /** Where fields 1 to 3 stand (record.ts). */
  bytes: Uint8Array;
  startAt: number;
  /** Where the token stands; -1: there is none. */
  token: Uint8Array;
  tokenAt: number;
  kind: number;
  hop: number;
  atMs: number;
  /** State rank, 0: it proves none. */
  state: number;
}

export function newAttemptStart(): AttemptStart {
  const none = new Uint8Array(0);
  return { bytes: none, startAt: 0, token: none, tokenAt: -1, kind: 0, hop: 0, atMs: 0, state: 0 };
}

/** Fields 1 to 7. */
export function putStart(writer: FrameWriter, start: AttemptStart): void {
  reserve(writer, START_BYTES + 24);
  const into = writer.bytes;
  const { bytes, startAt } = start;
  let at = writer.at;
  for (let index = startAt; index < startAt + START_BYTES; index += 1) into[at++] = bytes[index]!;
  into[at] = (ATTEMPT.kind << 3) | 5;
  writeUint32(into, at + 1, start.kind);
  into[at + 5] = (ATTEMPT.hop << 3) | 5;
  writeUint32(into, at + 6, start.hop);
  into[at + 10] = (ATTEMPT.atMs << 3) | 1;
  writeUint53(into, at + 11, start.atMs);
  into[at + 19] = (ATTEMPT.state << 3) | 5;
  writeUint32(into, at + 20, start.state);
  writer.at = at + 24;
}

/** A carrier's id, an empty one too: an id's place in the list is its part. */
export function putCarrierId(
  writer: FrameWriter,
  bytes: Uint8Array,
  at: number,
  end: number,
): void {
  if (end > at) {
    putBytes(writer, ATTEMPT.carrierIds, bytes, at, end);
    return;
  }
  reserve(writer, 2);
  writer.bytes[writer.at] = (ATTEMPT.carrierIds << 3) | 2;
  writer.bytes[writer.at + 1] = 0;
  writer.at += 2;
}

export function putToken(writer: FrameWriter, { token, tokenAt }: AttemptStart): void {
  if (tokenAt >= 0) putBytes(writer, ATTEMPT.toTok, token, tokenAt, tokenAt + 16);
}

export function putBind(writer: FrameWriter, bind: Uint8Array): void {
  putBytes(writer, ATTEMPT.bind, bind);
}

/** What a refusal says: field 10 on. */
export interface Refusal {
  /** command_status of the carrier, or a reason of ours (core/message.ts), then with its name. */
  readonly error: number;
  readonly reason: string;
  readonly final: boolean;
  /** Carrier tried next and the place of its frame; "" and 0: none. */
  readonly nextCarrier: string;
  readonly nextPlace: number;
  readonly bind: Uint8Array;
}

export function putRefusal(writer: FrameWriter, refusal: Refusal): void {
  putFixed32(writer, ATTEMPT.error, refusal.error);
  putText(writer, ATTEMPT.errorText, refusal.reason);
  putVarint(writer, ATTEMPT.final, refusal.final ? 1 : 0);
  putText(writer, ATTEMPT.nextCarrier, refusal.nextCarrier);
  if (refusal.nextCarrier !== "") putFixed32(writer, ATTEMPT.nextPlace, refusal.nextPlace);
  putBind(writer, refusal.bind);
}
