/**
 * Link: what the delivery stage asks of a carrier's connection, whatever it speaks.
 *
 * The stage (deliver.ts) owns the frames and what becomes of each record; a link owns sessions,
 * windows and rates. Between them go numbers: a ticket is the stage's name for a record that is at
 * the carrier, a part is its place in a long message, from 0. Bytes are lent for a call only.
 */
import type { SessionState } from "../../core/carrier-status.js";
import type { Fields } from "../../core/stream/frame.js";

/** A record on offer: one object, filled anew for each. */
export interface Submission {
  /** The dispatch frame, and where the record's fields and its message's fields stand in it. */
  bytes: Uint8Array;
  record: Fields;
  message: Fields;
  ticket: number;
  /** Monotonic, and since 1970: one look at the clock serves a whole batch. */
  nowMs: number;
  wallMs: number;
  /** Parts to be sent, a bit each; 0: all of them, this is the first try. */
  mask: number;
  /** The tokens of these parts were taken by an earlier offer that had not room for all. */
  paid: boolean;
  /** Reference that joins the parts of a long message; -1: the link chooses, and sets it. */
  reference: number;
  /** Set by the link: into how many parts the message was cut. */
  parts: number;
}

export function newSubmission(record: Fields, message: Fields): Submission {
  const bytes = new Uint8Array(0);
  const times = { nowMs: 0, wallMs: 0 };
  const parts = { mask: 0, paid: false, reference: -1, parts: 1 };
  return { bytes, record, message, ticket: 0, ...times, ...parts };
}

/** No room: offer it again when `LinkEvents.room` is called or `waitMs` is over. */
export const NO_ROOM = 0;
/** This carrier can never take it: an address or a body that it has no form for. */
export const CANNOT = -1;

export interface Link {
  /** At least one session takes messages. */
  up(): boolean;
  /** Parts that may be unanswered, over all sessions that are up. */
  window(): number;
  /** Parts without an answer. */
  unanswered(): number;
  /**
   * Writes a record's parts into the next batch.
   * @returns the parts that were written, a bit each (all that were asked for, unless the window is
   *   smaller than the message), or NO_ROOM or CANNOT.
   */
  submit(submission: Submission): number;
  /** Sends what was written since, with one socket write for each session. */
  flush(): void;
  /** Milliseconds until the rate lets `submit` succeed again; Infinity: an event will tell. */
  waitMs(): number;
  /** Answers what `LinkEvents.delivered` handed over; it leaves with the next `flush`. */
  answer(source: DeliverySource, sequence: number, status: number): void;
  /** Takes no more from the carrier while what came waits to be stored. */
  pause(isPaused: boolean): void;
  /** Starts and ends a slot of the carrier's binds. */
  openSlot(slot: number): void;
  closeSlot(slot: number): Promise<void>;
  /** The slots that this process holds; a link without sessions of its own has nothing to say. */
  binds?(): readonly BindState[];
  /** Ends all slots: waits for what is unanswered, then says goodbye. */
  stop(): Promise<void>;
}

/** The session and the connection that something came from: an answer belongs there or nowhere. */
export interface DeliverySource {
  readonly session: object;
  readonly epoch: number;
  /** Name of the bind, as it is written into attempts. */
  readonly bind: Uint8Array;
}

/**
 * Why a part is in doubt: no answer in time; the connection ended before one; or an answer that does
 * not say whether it was taken (class `ambiguous` of smpp/status.ts).
 */
export type DoubtReason = "expired" | "closed" | "ambiguous";

/** One bind slot as it is now, for operators (core/carrier-status.ts). */
export interface BindState {
  /** Its name, as it is written into attempts. */
  readonly bind: string;
  readonly state: SessionState;
  /** Where it is bound, or tries to be: "host:port". */
  readonly host: string;
  readonly tls: boolean;
  /** Milliseconds since 1970; 0: it is not bound. */
  readonly boundSinceMs: number;
  /** Parts a second that it may send now; 0: no limit. */
  readonly rate: number;
  readonly window: number;
  /** Version that the carrier said it speaks ("3.4"); empty: it did not say. */
  readonly version: string;
  /** Why it is not bound, or the last session ended; empty: nothing was wrong. */
  readonly problem: string;
}

export interface LinkEvents {
  /** The carrier took a part; its id is `bytes[at, end)`. */
  accepted(
    ticket: number,
    part: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    bind: Uint8Array,
  ): void;
  /** It did not take it now (too fast, bind in the wrong state): send it again, it counts nothing. */
  returned(ticket: number, part: number): void;
  /** Refused; `temporary`: another try may succeed. `status` is the carrier's own number. */
  refused(ticket: number, part: number, status: number, temporary: boolean, bind: Uint8Array): void;
  /**
   * Written, and nobody knows whether it came through. `doubt` names this doubt for as long as the
   * link lives (tickets are used again), should the answer come after all; 0: it cannot.
   */
  doubted(ticket: number, part: number, reason: DoubtReason, bind: Uint8Array, doubt: number): void;
  /**
   * The answer to a part whose doubt was told: with status 0 it was taken, and its id is
   * `bytes[at, end)`; with another it was not. Once at most for each doubt, and within a bounded time.
   */
  late?(
    doubt: number,
    status: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    bind: Uint8Array,
  ): void;
  /** The carrier sent something: a receipt or a message, a PDU at `bytes[at, end)`. */
  delivered(
    source: DeliverySource,
    sequence: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): void;
  /** What one read brought is handed over now, and is all handed over. */
  readBegin(): void;
  readEnd(): void;
  /** There may be room again, or there is a session again. */
  room(): void;
  /** The last session went down. */
  down(): void;
}
