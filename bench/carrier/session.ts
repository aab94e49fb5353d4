/**
 * Session of the simulated carrier: one connection of a client.
 *
 * A read is taken whole: its PDUs are answered into one buffer, their receipts written into one
 * batch, and both leave with one write. So a PDU costs about 1 us here, and the simulator can be
 * measured against. Delays are delay lines; nothing is kept per PDU but the bytes that will leave.
 */
import type { Socket } from "node:net";
import type { Chance, Clock } from "../../core/clock.js";
import { type FrameWriter, newWriter, reserve, written } from "../../core/stream/frame.js";
import { newFramer } from "../../services/connectors/smpp/framing.js";
import {
  beginPdu,
  COMMAND,
  endPdu,
  newSmPlaces,
  putCText,
  putHead,
  readSm,
  readUint32BE,
  SM,
} from "../../services/connectors/smpp/pdu.js";
import { decodePdu } from "../../services/connectors/smpp/pdu-object.js";
import { STATUS } from "../../services/connectors/smpp/status.js";
import { newDelayLine } from "./delay-line.js";
import { putId } from "./ids.js";
import type { CarrierOptions } from "./options.js";
import { type Fate, fateOf, OUTCOME, outcomeOf } from "./outcomes.js";
import {
  appendReceipt,
  newReceiptBatch,
  newUnanswered,
  type ReceiptBatch,
  type ReceiptWriter,
} from "./receipts.js";
import type { CarrierStats } from "./stats.js";
import type { Track } from "./track.js";

/** What the sessions of one simulator share. */
export interface Carrier {
  readonly options: CarrierOptions;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly track: Track;
  readonly receipts: ReceiptWriter;
  stats(): CarrierStats;
  nextId(): number;
  /** Takes tokens for one part; false: too fast. */
  mayTake(nowMs: number): boolean;
  /** True the first time for this number: outcomes that befall only the first try. */
  firstTry(outcome: number, number: string): boolean;
  /** May this session bind? A status other than 0 refuses it. */
  admit(session: Session, systemId: string, password: string): number;
  /** Gives receipts to a session that takes them; it keeps them while there is none. */
  deliver(batch: ReceiptBatch, preferred: Session): void;
  /** This session takes receipts now. */
  ready(session: Session): void;
  gone(session: Session): void;
  log(submit: Submitted): void;
}

export interface Submitted {
  readonly source: string;
  readonly destination: string;
  readonly esmClass: number;
  readonly dataCoding: number;
  readonly registeredDelivery: number;
  readonly content: string;
  readonly status: number;
  readonly id: number;
}

export interface Session {
  bound(): boolean;
  receives(): boolean;
  send(batch: ReceiptBatch): void;
  unbind(): void;
  destroy(): void;
}

const RESEND_MS = 1_000;
const UNANSWERED = -1;
const BINDS: Readonly<Record<number, { submits: boolean; receives: boolean }>> = {
  [COMMAND.bind_transmitter]: { submits: true, receives: false },
  [COMMAND.bind_receiver]: { submits: false, receives: true },
  [COMMAND.bind_transceiver]: { submits: true, receives: true },
};

export function openSession(carrier: Carrier, socket: Socket): Session {
  const { options, clock, chance, track } = carrier;
  const framer = newFramer();
  const places = newSmPlaces();
  const trackPlaces = {
    source: 0,
    sourceEnd: 0,
    destination: 0,
    destinationEnd: 0,
    content: 0,
    contentEnd: 0,
    reference: -1,
  };
  const subject = {
    bytes: new Uint8Array(0) as Uint8Array,
    source: 0,
    sourceEnd: 0,
    destination: 0,
    destinationEnd: 0,
    id: 0,
  };
  const receiptsOut = newUnanswered();
  let stats = carrier.stats();
  let out = newWriter(64 * 1_024);
  let freshHint = 0;
  let fresh: ReceiptBatch | undefined;
  let bind = { submits: false, receives: false };
  let unanswered = 0;
  let nowMs = 0;
  let outcome: number = OUTCOME.delivered;
  let open = true;
  let stalled = false;

  const lateAnswers = newDelayLine(
    clock,
    () => ({ writer: newWriter(1_024), count: 0 }),
    ({ writer, count }) => {
      unanswered -= count;
      write(writer.bytes.subarray(0, writer.at));
    },
  );
  const lateReceipts = newDelayLine(clock, newReceiptBatch, (batch) =>
    carrier.deliver(batch, session),
  );

  socket.setNoDelay(true);
  socket.on("data", (data: Buffer) => {
    nowMs = clock.monotonicMs();
    stats = carrier.stats();
    // Receipts are about twice as long as what they answer to.
    freshHint = data.length * 2 + 512;
    const wrong = framer.push(data, 0, data.length, take);
    flush();
    if (wrong !== undefined) {
      stats.malformed += 1;
      socket.destroy();
    }
  });
  socket.on("error", () => {});
  socket.on("close", close);

  function close(): void {
    if (!open) return;
    open = false;
    bind = { submits: false, receives: false };
    lateAnswers.clear();
    carrier.gone(session);
    const rest = receiptsOut.rest();
    if (rest !== undefined) carrier.deliver(rest, session);
  }

  function take(bytes: Uint8Array, at: number, end: number): boolean {
    const command = readUint32BE(bytes, at + 4);
    if (command === COMMAND.submit_sm) submit(bytes, at, end);
    else if (command === COMMAND.deliver_sm_resp) acknowledge(bytes, at);
    else other(command, bytes, at, end);
    return open;
  }

  function acknowledge(bytes: Uint8Array, at: number): void {
    const sequence = readUint32BE(bytes, at + 12);
    if (readUint32BE(bytes, at + 8) !== 0) {
      const pdu = receiptsOut.find(sequence);
      stats.receiptsRefused += 1;
      if (pdu !== undefined) appendReceipt(lateReceipts.item(nowMs, RESEND_MS), pdu);
      receiptsOut.answer(sequence);
    } else if (receiptsOut.answer(sequence)) stats.receiptsAcked += 1;
    else stats.malformed += 1;
  }

  function submit(bytes: Uint8Array, at: number, end: number): void {
    const sequence = readUint32BE(bytes, at + 12);
    stats.submits += 1;
    const status = judge(bytes, at, end);
    if (status === UNANSWERED) {
      stats.unanswered += 1;
      return;
    }
    const id = status === 0 ? carrier.nextId() : 0;
    if (options.log !== "") log(bytes, status, id);
    if (status === 0) accept(bytes, sequence, id);
    else refuse(sequence, status);
  }

  /** What is answered to the submit_sm; its outcome is in `outcome`, its fields in `places`. */
  function judge(bytes: Uint8Array, at: number, end: number): number {
    if (options.mute === 1) return UNANSWERED;
    if (!bind.submits) return STATUS.RINVBNDSTS;
    if (!readSm(bytes, at, end, places)) {
      stats.malformed += 1;
      return STATUS.RSYSERR;
    }
    if (options.window > 0 && unanswered >= options.window) {
      stats.windowExceeded += 1;
      return STATUS.RTHROTTLED;
    }
    if (!carrier.mayTake(nowMs)) return STATUS.RTHROTTLED;
    const destination = places[SM.destination]!;
    const destinationEnd = places[SM.destinationEnd]!;
    outcome = outcomeOf(bytes, destination, destinationEnd, options.delivered, chance);
    return outcome === OUTCOME.delivered ? 0 : statusOf(bytes, destination, destinationEnd);
  }

  function statusOf(bytes: Uint8Array, from: number, end: number): number {
    if (outcome === OUTCOME.invalid) return STATUS.RINVDSTADR;
    if (
      outcome !== OUTCOME.temporary &&
      outcome !== OUTCOME.throttled &&
      outcome !== OUTCOME.unanswered
    ) {
      return 0;
    }
    if (!carrier.firstTry(outcome, text(bytes, from, end))) return 0;
    if (outcome === OUTCOME.unanswered) return UNANSWERED;
    return outcome === OUTCOME.temporary ? STATUS.RSYSERR : STATUS.RTHROTTLED;
  }

  function accept(bytes: Uint8Array, sequence: number, id: number): void {
    const content = places[SM.content]!;
    const part = bytes[places[SM.esmClass]!]! & 0x40 ? bytes[content + 5]! : 0;
    stats.parts += 1;
    if (part <= 1) stats.messages += 1;
    if (options.track) remember(bytes, part);
    const fate = bytes[places[SM.registeredDelivery]!]! & 3 ? fateOf(outcome) : undefined;
    if (outcome === OUTCOME.early && fate !== undefined) {
      receipt(bytes, id, fate, 0);
      sendFresh();
    }
    const writer = answers();
    const mark = beginPdu(writer, COMMAND.submit_sm_resp, 0, sequence);
    putId(writer, id, options.id);
    reserve(writer, 1);
    writer.bytes[writer.at] = 0;
    writer.at += 1;
    endPdu(writer, mark);
    if (fate === undefined || outcome === OUTCOME.early) return;
    if (outcome === OUTCOME.enroute) receipt(bytes, id, "enroute", options.latencyMs);
    const delayMs = options.latencyMs + options.receiptDelayMs;
    receipt(bytes, id, fate, delayMs);
    if (outcome === OUTCOME.twice) receipt(bytes, id, fate, delayMs);
  }

  function remember(bytes: Uint8Array, part: number): void {
    trackPlaces.source = places[SM.source]!;
    trackPlaces.sourceEnd = places[SM.sourceEnd]!;
    trackPlaces.destination = places[SM.destination]!;
    trackPlaces.destinationEnd = places[SM.destinationEnd]!;
    trackPlaces.content = places[SM.content]!;
    trackPlaces.contentEnd = places[SM.contentEnd]!;
    trackPlaces.reference = part === 0 ? -1 : trackPlaces.content + 3;
    if (track.add(bytes, trackPlaces)) stats.unique += 1;
    else stats.duplicates += 1;
  }

  function receipt(bytes: Uint8Array, id: number, fate: Fate, delayMs: number): void {
    subject.bytes = bytes;
    subject.source = places[SM.sourceTon]!;
    subject.sourceEnd = places[SM.sourceEnd]!;
    subject.destination = places[SM.destinationTon]!;
    subject.destinationEnd = places[SM.destinationEnd]!;
    subject.id = id;
    fresh ??= delayMs === 0 && bind.receives ? newReceiptBatch(freshHint) : undefined;
    const now = delayMs === 0 ? fresh : undefined;
    carrier.receipts.put(now ?? lateReceipts.item(nowMs, delayMs), subject, fate);
  }

  /** Where the answer goes: out at once, or into the delay line. */
  function answers(): FrameWriter {
    if (options.latencyMs === 0) return out;
    const late = lateAnswers.item(nowMs, options.latencyMs);
    late.count += 1;
    unanswered += 1;
    return late.writer;
  }

  function refuse(sequence: number, status: number): void {
    stats.rejected += 1;
    stats.byStatus[status] = (stats.byStatus[status] ?? 0) + 1;
    putHead(answers(), COMMAND.submit_sm_resp, status, sequence);
  }

  function other(command: number, bytes: Uint8Array, at: number, end: number): void {
    const sequence = readUint32BE(bytes, at + 12);
    if (command === COMMAND.enquire_link) {
      stats.enquireLinks += 1;
      putHead(out, COMMAND.enquire_link_resp, 0, sequence);
    } else if (command === COMMAND.unbind) {
      stats.unbinds += 1;
      putHead(out, COMMAND.unbind_resp, 0, sequence);
      flush();
      socket.end();
    } else if (BINDS[command] !== undefined) {
      answerBind(command, bytes.slice(at, end), sequence);
    } else if (command === COMMAND.unbind_resp) {
      socket.end();
    } else if (command < 0x8000_0000) {
      stats.malformed += 1;
      putHead(out, COMMAND.generic_nack, STATUS.RINVCMDID, sequence);
    }
  }

  function answerBind(command: number, pdu: Uint8Array, sequence: number): void {
    const asked = decodePdu(pdu);
    let status: number = STATUS.RBINDFAIL;
    if ("systemId" in asked) status = carrier.admit(session, asked.systemId, asked.password);
    const mark = beginPdu(out, (command | 0x8000_0000) >>> 0, status, sequence);
    if (status === 0) putCText(out, options.name, 16);
    endPdu(out, mark);
    if (status !== 0) {
      stats.bindsRefused += 1;
      return;
    }
    stats.binds += 1;
    bind = BINDS[command]!;
    flush();
    if (bind.receives) carrier.ready(session);
  }

  function sendFresh(): void {
    const batch = fresh;
    fresh = undefined;
    if (batch !== undefined) send(batch);
  }

  function flush(): void {
    if (!open) return;
    const sent = out.at > 0 ? out : undefined;
    socket.cork();
    if (sent !== undefined) write(written(sent));
    sendFresh();
    socket.uncork();
    // What the kernel took at once may be written over; the rest only when it is gone.
    if (sent !== undefined && socket.writableLength > 0) out = newWriter(64 * 1_024);
    else out.at = 0;
  }

  function write(bytes: Uint8Array): void {
    if (!open) return;
    if (!socket.write(bytes) && !stalled) {
      // A client that does not read is not read either.
      stalled = true;
      socket.pause();
      socket.once("drain", () => {
        stalled = false;
        socket.resume();
      });
    }
  }

  function send(batch: ReceiptBatch): void {
    receiptsOut.add(batch);
    stats.receiptsSent += batch.count;
    write(written(batch.writer));
  }

  function log(bytes: Uint8Array, status: number, id: number): void {
    const content = bytes.subarray(places[SM.content]!, places[SM.contentEnd]!);
    carrier.log({
      source: text(bytes, places[SM.source]!, places[SM.sourceEnd]!),
      destination: text(bytes, places[SM.destination]!, places[SM.destinationEnd]!),
      esmClass: bytes[places[SM.esmClass]!]!,
      dataCoding: bytes[places[SM.dataCoding]!]!,
      registeredDelivery: bytes[places[SM.registeredDelivery]!]!,
      content: Buffer.from(content).toString("hex"),
      status,
      id,
    });
  }

  const session: Session = {
    bound: () => bind.submits || bind.receives,
    receives: () => bind.receives && open,
    send,
    unbind() {
      if (bind.submits || bind.receives) putHead(out, COMMAND.unbind, 0, 1);
      flush();
    },
    destroy: () => socket.destroy(),
  };
  return session;
}

function text(bytes: Uint8Array, from: number, end: number): string {
  return Buffer.from(bytes.subarray(from, end)).toString("latin1");
}
