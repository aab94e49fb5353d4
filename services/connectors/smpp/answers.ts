/**
 * Answers: what the answers to one session's submit_sm are, and what stays without one.
 *
 * Each submit_sm ends once: `answered`, or `doubted` because its response timer ended ("expired") or
 * its connection did ("closed"). An answer that comes after the timer is `late`: the doubt that was
 * told ends by it. Any other is `unexpected`: a second one, or one to what was never sent.
 */
import type { DoubtReason } from "../link.js";
import { newExpired } from "./expired.js";
import { newInFlight, taken } from "./in-flight.js";
import { endOfText, HEAD_BYTES, MESSAGE_ID_BYTES_MAX, readUint32BE } from "./pdu.js";
import { STATUS } from "./status.js";

export interface AnswerEvents {
  /** The answer to a part. Its message id is `bytes[at, end)`, empty on an error. */
  answered(
    ticket: number,
    part: number,
    status: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): void;
  /** The answer to a part that was `doubted` as `doubt`. */
  late(doubt: number, status: number, bytes: Uint8Array, at: number, end: number): void;
  /** An answer that nobody waits for. */
  unexpected(status: number): void;
  /** Nobody knows whether it was taken; `doubt` names it, 0: no answer can come. */
  doubted(ticket: number, part: number, reason: DoubtReason, doubt: number): void;
  /** A name for a doubt, never given before. */
  nextDoubt(): number;
}

export interface Answers {
  /** How many wait for an answer. */
  count(): number;
  /** When the oldest of them was sent, Infinity: there is none. */
  oldestMs(): number;
  /** Sequence number of a submit_sm that is about to be written. */
  add(ticket: number, part: number, nowMs: number): number;
  /** Sequence number of any other PDU. */
  next(): number;
  /** A submit_sm_resp, `bytes[at, end)`. */
  take(sequence: number, bytes: Uint8Array, at: number, end: number, nowMs: number): void;
  /** A generic_nack: the carrier could not read the PDU that it names. */
  nack(sequence: number, status: number, nowMs: number): void;
  /** Puts in doubt what was sent before. */
  expire(sentBeforeMs: number, nowMs: number): void;
  /** The connection has ended: puts all in doubt. */
  close(): void;
}

const NO_BYTES = new Uint8Array(0);

export function newAnswers(window: number, events: AnswerEvents): Answers {
  const inFlight = newInFlight(window);
  const expired = newExpired(window);

  function hand(
    sequence: number,
    status: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    nowMs: number,
  ): void {
    if (inFlight.take(sequence)) {
      events.answered(taken.ticket, taken.part, status, bytes, at, end);
      return;
    }
    const doubt = expired.take(sequence, nowMs);
    if (doubt === 0) events.unexpected(status);
    else events.late(doubt, status, bytes, at, end);
  }

  return {
    count: inFlight.count,
    oldestMs: inFlight.oldestMs,
    add: inFlight.add,
    next: inFlight.next,
    take(sequence, bytes, at, end, nowMs) {
      const status = readUint32BE(bytes, at + 8);
      const from = at + HEAD_BYTES;
      // An error has no id (4.4.2); one without its NUL is taken to the PDU's end.
      const to = endOfText(bytes, from, end, MESSAGE_ID_BYTES_MAX);
      const idEnd = to >= 0 ? to : Math.min(end, from + MESSAGE_ID_BYTES_MAX - 1);
      hand(sequence, status, bytes, from, idEnd, nowMs);
    },
    nack(sequence, status, nowMs) {
      // "OK" in a PDU that says "not understood" is no acceptance.
      hand(sequence, status === 0 ? STATUS.RUNKNOWNERR : status, NO_BYTES, 0, 0, nowMs);
    },
    expire(sentBeforeMs, nowMs) {
      inFlight.expire(sentBeforeMs, (ticket, part, sequence) => {
        const doubt = events.nextDoubt();
        expired.add(sequence, doubt, nowMs);
        events.doubted(ticket, part, "expired", doubt);
      });
    },
    close() {
      expired.clear();
      inFlight.expire(Number.POSITIVE_INFINITY, (ticket, part) => {
        events.doubted(ticket, part, "closed", 0);
      });
    },
  };
}
