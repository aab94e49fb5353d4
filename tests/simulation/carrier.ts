/**
 * A simulated carrier: takes submissions from any number of sessions, answers and sends receipts as
 * its mood is, and keeps a book of what really happened, against which everything else is checked.
 *
 * Its side of the link is plain objects; receipts are PDUs, as the stage reads them itself.
 */
import type { Chance, Clock } from "../../core/clock.js";
import { encodePdu } from "../../services/connectors/smpp/pdu-object.js";
import { STATUS } from "../../services/connectors/smpp/status.js";

/** Fractions of 1: how often. Times in ms: how long at most. */
export interface Mood {
  /** Taken, and no answer ever. */
  readonly answerLost: number;
  /** Not taken, and no answer ever. */
  readonly submitLost: number;
  readonly refused: number;
  readonly refusedForNow: number;
  readonly throttled: number;
  /** Taken, and answered after the client has given up. */
  readonly answerLate: number;
  /** Answered by a status that does not say whether it is taken. */
  readonly ambiguous: number;
  readonly answerMsMax: number;
  readonly receiptNever: number;
  /** Sent before the answer to its submission. */
  readonly receiptEarly: number;
  readonly receiptTwice: number;
  readonly receiptMsMax: number;
  readonly undelivered: number;
}

export const CALM: Mood = {
  answerLost: 0,
  submitLost: 0,
  refused: 0,
  refusedForNow: 0,
  throttled: 0,
  answerLate: 0,
  ambiguous: 0,
  answerMsMax: 20,
  receiptNever: 0,
  receiptEarly: 0,
  receiptTwice: 0,
  receiptMsMax: 2_000,
  undelivered: 0.1,
};

/** A part on its way to the carrier. */
export interface Part {
  readonly sequence: number;
  /** Message id in hex, and the part's place from 0: one entry of the book. */
  readonly messageId: string;
  readonly part: number;
  readonly to: string;
}

export interface Answer {
  readonly sequence: number;
  readonly status: number;
  readonly carrierId: string;
}

/** The connector's end of a session. */
export interface Peer {
  readonly process: string;
  answered(answers: readonly Answer[]): void;
  delivered(sequence: number, pdu: Uint8Array): void;
  closed(): void;
}

export interface CarrierSession {
  submit(parts: readonly Part[]): void;
  /** The answer to a receipt. */
  confirm(sequence: number, status: number): void;
  /** The client goes: what it wrote before still arrives. */
  leave(): void;
}

/** What happened to one part of a message, in all. */
export interface Entry {
  readonly messageId: string;
  readonly part: number;
  /** How often it was taken: each is a message on somebody's phone, unless undelivered. */
  taken: number;
  /** How often a connector was left in doubt about it, and so was entitled to send it once more. */
  doubted: number;
  /** States of receipts that were sent, as words. */
  readonly words: string[];
}

export interface SimulatedCarrier {
  readonly name: string;
  readonly book: ReadonlyMap<string, Entry>;
  /** Receipts that were answered with "OK": their id as they named it, and the word. */
  readonly confirmed: readonly { readonly carrierId: string; readonly word: string }[];
  setMood(mood: Mood): void;
  /** undefined: it takes no connection now. */
  connect(peer: Peer): CarrierSession | undefined;
  noteDoubt(messageId: string, part: number): void;
  /** Ends all sessions, and takes none for so long. What is under way is lost. */
  goDown(forMs: number): void;
  /** Receipts that no client has confirmed. */
  unconfirmed(): number;
}

interface Receipt {
  readonly carrierId: string;
  readonly to: string;
  readonly word: string;
}

interface Session {
  readonly peer: Peer;
  open: boolean;
  /** Receipts without an answer, by sequence number. */
  readonly waiting: Map<number, Receipt>;
}

const WAY_MS_MAX = 2;
const LATE_MS = 12_000;
const CONFIRM_MS = 5_000;
const AGAIN_MS = 1_000;

export interface CarrierOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Receipts name ids in decimal, while answers name them in hex. */
  readonly decimal: boolean;
}

export function openSimulatedCarrier(options: CarrierOptions): SimulatedCarrier {
  const { name, clock, chance } = options;
  const book = new Map<string, Entry>();
  const confirmed: { carrierId: string; word: string }[] = [];
  const sessions = new Set<Session>();
  let mood = CALM;
  let downUntilMs = 0;
  let ids = 0x1000;
  let receipts = 0;
  let open = 0;

  const strikes = (fraction: number): boolean => fraction > 0 && chance() < fraction;
  const wayMs = (): number => chance() * WAY_MS_MAX;

  function entryOf(messageId: string, part: number): Entry {
    const key = `${messageId}/${part}`;
    let entry = book.get(key);
    if (entry === undefined) {
      entry = { messageId, part, taken: 0, doubted: 0, words: [] };
      book.set(key, entry);
    }
    return entry;
  }

  function answer(session: Session, one: Answer, delayMs: number): void {
    clock.after(delayMs, () => {
      if (session.open) session.peer.answered([one]);
    });
  }

  function take(session: Session, part: Part): void {
    const { sequence } = part;
    const refusal = refusalOf();
    const answerMs = wayMs() + chance() * mood.answerMsMax;
    if (strikes(mood.submitLost)) return;
    const isAmbiguous = strikes(mood.ambiguous);
    if (isAmbiguous) {
      answer(session, { sequence, status: STATUS.RUNKNOWNERR, carrierId: "" }, answerMs);
      if (chance() < 0.5) return;
    }
    if (refusal !== 0 && !isAmbiguous) {
      answer(session, { sequence, status: refusal, carrierId: "" }, answerMs);
      return;
    }
    ids += 1;
    const carrierId = ids.toString(16);
    const entry = entryOf(part.messageId, part.part);
    entry.taken += 1;
    const isLate = strikes(mood.answerLate);
    const delayMs = isLate ? LATE_MS : answerMs;
    if (!isAmbiguous && !strikes(mood.answerLost)) {
      answer(session, { sequence, status: STATUS.ROK, carrierId }, delayMs);
    }
    if (!strikes(mood.receiptNever)) planReceipts(entry, part.to, ids, answerMs);
  }

  function refusalOf(): number {
    if (strikes(mood.throttled)) return STATUS.RTHROTTLED;
    if (strikes(mood.refusedForNow)) return STATUS.RSYSERR;
    return strikes(mood.refused) ? STATUS.RINVDSTADR : 0;
  }

  function planReceipts(entry: Entry, to: string, id: number, answerMs: number): void {
    const carrierId = options.decimal ? id.toString(10) : id.toString(16).toUpperCase();
    const word = strikes(mood.undelivered) ? "UNDELIV" : "DELIVRD";
    const delayMs = strikes(mood.receiptEarly) ? 0 : answerMs + chance() * mood.receiptMsMax;
    const words = strikes(0.1) ? ["ACCEPTD", word] : [word];
    for (const [index, one] of words.entries()) {
      entry.words.push(one);
      const copies = strikes(mood.receiptTwice) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        open += 1;
        const atMs = delayMs + index * 500 + copy * chance() * 2_000;
        clock.after(atMs, () => deliver({ carrierId, to, word: one }));
      }
    }
  }

  /** Until some client has it: another session may be the one that works. */
  function deliver(receipt: Receipt): void {
    const all = [...sessions].filter((one) => one.open);
    const session = all[Math.floor(chance() * all.length)];
    if (session === undefined) {
      clock.after(AGAIN_MS, () => deliver(receipt));
      return;
    }
    receipts += 1;
    const sequence = receipts;
    session.waiting.set(sequence, receipt);
    const pdu = receiptPdu(sequence, receipt);
    clock.after(wayMs(), () => {
      if (session.open) session.peer.delivered(sequence, pdu);
    });
    clock.after(CONFIRM_MS, () => {
      if (session.waiting.delete(sequence)) deliver(receipt);
    });
  }

  function confirm(session: Session, sequence: number, status: number): void {
    const receipt = session.waiting.get(sequence);
    if (receipt === undefined) return;
    session.waiting.delete(sequence);
    if (status === STATUS.ROK) {
      open -= 1;
      confirmed.push({ carrierId: receipt.carrierId, word: receipt.word });
    } else clock.after(AGAIN_MS, () => deliver(receipt));
  }

  return {
    name,
    book,
    confirmed,
    setMood(next) {
      mood = next;
    },
    connect(peer) {
      if (clock.monotonicMs() < downUntilMs) return undefined;
      const session: Session = { peer, open: true, waiting: new Map() };
      sessions.add(session);
      return {
        submit(parts) {
          clock.after(wayMs(), () => {
            if (sessions.has(session)) for (const part of parts) take(session, part);
          });
        },
        confirm(sequence, status) {
          clock.after(wayMs(), () => {
            if (sessions.has(session)) confirm(session, sequence, status);
          });
        },
        leave() {
          session.open = false;
          clock.after(2 * WAY_MS_MAX, () => sessions.delete(session));
        },
      };
    },
    noteDoubt(messageId, part) {
      entryOf(messageId, part).doubted += 1;
    },
    goDown(forMs) {
      downUntilMs = Math.max(downUntilMs, clock.monotonicMs() + forMs);
      const all = [...sessions];
      sessions.clear();
      for (const session of all) {
        const wasOpen = session.open;
        session.open = false;
        if (wasOpen) session.peer.closed();
      }
    },
    unconfirmed: () => open,
  };
}

function receiptPdu(sequence: number, { carrierId, to, word }: Receipt): Uint8Array {
  const text =
    `id:${carrierId} sub:001 dlvrd:001 submit date:2611302359 done date:2611302359 ` +
    `stat:${word} err:000 text:`;
  return encodePdu({
    command: "deliver_sm",
    status: 0,
    sequence,
    tlvs: [],
    serviceType: "",
    sourceTon: 1,
    sourceNpi: 1,
    source: to,
    destinationTon: 5,
    destinationNpi: 0,
    destination: "Floe",
    esmClass: 4,
    protocolId: 0,
    priority: 0,
    scheduleTime: "",
    validityPeriod: "",
    registeredDelivery: 0,
    replaceIfPresent: 0,
    dataCoding: 0,
    defaultMessageId: 0,
    content: Buffer.from(text, "latin1"),
  });
}
