/** Carrier: what the sessions of one simulator share. */
import type { Chance, Clock } from "../../core/clock.js";
import type { FrameWriter } from "../../core/stream/frame.js";
import type { Draws } from "./draws.js";
import type { Known } from "./known.js";
import type { CarrierOptions } from "./options.js";
import type { ReceiptBatch, ReceiptWriter } from "./receipts.js";
import type { Rules } from "./rules.js";
import type { CarrierStats } from "./stats.js";
import type { SubmitLog } from "./submits.js";
import type { Track } from "./track.js";

export interface Carrier {
  readonly options: CarrierOptions;
  readonly clock: Clock;
  /** For what befalls sessions; messages have draws of their own. */
  readonly chance: Chance;
  readonly draws: Draws;
  readonly rules: Rules;
  /** Submits taken, and tries of any outcome. */
  readonly track: Track;
  readonly tries: Track;
  readonly known: Known;
  readonly receipts: ReceiptWriter;
  readonly submits: SubmitLog;
  stats(): CarrierStats;
  nextId(): number;
  /** Takes tokens for one part; false: too fast. */
  mayTake(nowMs: number): boolean;
  /** True the first time for this number: outcomes that befall only the first try. */
  firstTry(outcome: number, number: string): boolean;
  /** May this session bind? A status other than 0 refuses it. */
  admit(session: Session, systemId: string, password: string): number;
  /** Gives receipts to a session that takes them; it keeps them while there is none. */
  deliver(batch: ReceiptBatch, preferred: Session | undefined): void;
  /** This session takes receipts now. */
  ready(session: Session): void;
  gone(session: Session): void;
}

export interface Session {
  bound(): boolean;
  receives(): boolean;
  send(batch: ReceiptBatch): void;
  unbind(): void;
  destroy(): void;
  /** From now on deaf and dumb: reads nothing, answers nothing, and keeps the connection. */
  freeze(): void;
}

/** What a session lends to those that answer its PDUs. */
export interface Wire {
  /** Number of the connection. */
  readonly number: number;
  readonly session: Session;
  /** Monotonic, when the read that is handled came. */
  nowMs(): number;
  submits(): boolean;
  receives(): boolean;
  /** submit_sm that wait for their answer. */
  unanswered(): number;
  /** Where an answer goes: out at the end of the read, or into the delay line of the session. */
  answers(delayMs: number): FrameWriter;
  /** Where receipts go that leave with the answers of this read; undefined: none may. */
  fresh(): ReceiptBatch | undefined;
  /** Receipts that leave later, on any session. */
  later(delayMs: number): ReceiptBatch;
  /** Sends what was written so far. */
  flush(): void;
  /** Sends the receipts of this read, before what is written from now on. */
  sendFresh(): void;
  /** Ends the connection: what was flushed arrives, nothing more is read. */
  end(): void;
}

export function latin1(bytes: Uint8Array, from: number, end: number): string {
  return Buffer.from(bytes.subarray(from, end)).toString("latin1");
}
