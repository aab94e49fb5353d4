/**
 * Session of the simulated carrier: one connection of a client.
 *
 * A read is taken whole: its PDUs are answered into one buffer, their receipts written into one
 * batch, and both leave with one write. So a PDU costs about 1 us here, and the simulator can be
 * measured against. Delays are delay lines; nothing is kept per PDU but the bytes that will leave.
 * A bind ends when it flaps: cut, unbound, or half-open (the connection stays, deaf and dumb).
 */
import type { Socket } from "node:net";
import { newWriter, written } from "../../core/stream/frame.js";
import { newFramer } from "../../services/connectors/smpp/framing.js";
import {
  beginPdu,
  COMMAND,
  endPdu,
  putCText,
  putHead,
  readUint32BE,
} from "../../services/connectors/smpp/pdu.js";
import { decodePdu } from "../../services/connectors/smpp/pdu-object.js";
import { STATUS } from "../../services/connectors/smpp/status.js";
import type { Carrier, Session, Wire } from "./carrier.js";
import { newDelayLine } from "./delay-line.js";
import { spread } from "./draws.js";
import { isPlain } from "./options.js";
import { appendReceipt, newReceiptBatch, newUnanswered, type ReceiptBatch } from "./receipts.js";
import { answerRequest } from "./requests.js";
import { openSubmitting } from "./submitting.js";

const RESEND_MS = 1_000;
/** How long a client that was shown the door may take to close. */
const END_MS = 1_000;
const BINDS: Readonly<Record<number, { submits: boolean; receives: boolean }>> = {
  [COMMAND.bind_transmitter]: { submits: true, receives: false },
  [COMMAND.bind_receiver]: { submits: false, receives: true },
  [COMMAND.bind_transceiver]: { submits: true, receives: true },
};
const FLAPS = ["cut", "unbind", "half-open"] as const;

/** @param number of the connection since the simulator started. */
export function openSession(carrier: Carrier, socket: Socket, number: number): Session {
  const { options, clock, chance } = carrier;
  const framer = newFramer();
  const receiptsOut = newUnanswered();
  let stats = carrier.stats();
  let out = newWriter(64 * 1_024);
  let freshHint = 0;
  let fresh: ReceiptBatch | undefined;
  let bind = { submits: false, receives: false };
  let unanswered = 0;
  let nowMs = 0;
  let open = true;
  /** Nothing more is read: the connection ends, or it is half-open. */
  let over = false;
  let frozen = false;
  let stalled = false;
  let plain = true;
  let cancelFlap = (): void => {};

  const lateAnswers = newDelayLine(
    clock,
    () => ({ writer: newWriter(1_024), count: 0, askedMs: 0 }),
    ({ writer, count, askedMs }) => {
      unanswered -= count;
      stats.delayed += count;
      stats.delayedMs += count * clock.monotonicMs() - askedMs;
      write(writer.bytes.subarray(0, writer.at));
    },
  );
  const lateReceipts = newDelayLine(clock, newReceiptBatch, (batch) =>
    carrier.deliver(batch, session),
  );

  const session: Session = {
    bound: () => bind.submits || bind.receives,
    receives: () => bind.receives && open,
    send,
    unbind() {
      if (bind.submits || bind.receives) putHead(out, COMMAND.unbind, 0, 1);
      flush();
    },
    destroy: () => socket.destroy(),
    freeze() {
      frozen = true;
      over = true;
      stats.halfOpened += 1;
      socket.pause();
      clock.after(options.halfOpenMs, () => socket.destroy());
    },
  };
  const wire: Wire = {
    number,
    session,
    nowMs: () => nowMs,
    submits: () => bind.submits,
    receives: () => bind.receives,
    unanswered: () => unanswered,
    answers(delayMs) {
      if (delayMs === 0) return out;
      const late = lateAnswers.item(nowMs, delayMs);
      late.count += 1;
      late.askedMs += nowMs;
      unanswered += 1;
      return late.writer;
    },
    fresh() {
      fresh ??= bind.receives ? newReceiptBatch(freshHint) : undefined;
      return fresh;
    },
    later: (delayMs) => lateReceipts.item(nowMs, delayMs),
    flush,
    sendFresh,
    end() {
      over = true;
      flush();
      socket.end();
      clock.after(END_MS, () => socket.destroy());
    },
  };
  const submitting = openSubmitting(carrier, wire);

  socket.setNoDelay(true);
  socket.on("data", (data: Buffer) => {
    if (over) return;
    nowMs = clock.monotonicMs();
    stats = carrier.stats();
    plain = carrier.rules.isEmpty() && isPlain(options);
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
    cancelFlap();
    lateAnswers.clear();
    carrier.gone(session);
    for (const rest of receiptsOut.rest()) carrier.deliver(rest, session);
  }

  function take(bytes: Uint8Array, at: number, end: number): boolean {
    const command = readUint32BE(bytes, at + 4);
    if (command === COMMAND.submit_sm) submitting.submit(bytes, at, end, plain);
    else if (command === COMMAND.deliver_sm_resp) acknowledge(bytes, at);
    else other(command, bytes, at, end);
    return open && !over;
  }

  function acknowledge(bytes: Uint8Array, at: number): void {
    const sequence = readUint32BE(bytes, at + 12);
    const isRefused = readUint32BE(bytes, at + 8) !== 0;
    const pdu = isRefused ? receiptsOut.find(sequence) : undefined;
    const kind = receiptsOut.answer(sequence);
    if (kind === undefined) stats.malformed += 1;
    else if (pdu === undefined) stats[kind === "receipt" ? "receiptsAcked" : "moAcked"] += 1;
    else {
      stats[kind === "receipt" ? "receiptsRefused" : "moRefused"] += 1;
      const again = newReceiptBatch(pdu.length, kind);
      appendReceipt(again, pdu);
      clock.after(RESEND_MS, () => carrier.deliver(again, session));
    }
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
      if (answerRequest(carrier, wire, submitting, bytes.slice(at, end))) return;
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
    if (options.flapMs > 0) {
      cancelFlap = clock.after(spread(options.flapMs, "exponential", chance), flap);
    }
    flush();
    if (bind.receives) carrier.ready(session);
  }

  function flap(): void {
    stats.flaps += 1;
    const how = options.flap === "any" ? FLAPS[Math.floor(chance() * FLAPS.length)] : options.flap;
    if (how === "cut") session.destroy();
    else if (how === "unbind") session.unbind();
    else session.freeze();
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
    if (!open || frozen || socket.writableEnded) return;
    if (!socket.write(bytes) && !stalled) {
      // A client that does not read is not read either.
      stalled = true;
      socket.pause();
      socket.once("drain", () => {
        stalled = false;
        if (!frozen) socket.resume();
      });
    }
  }

  function send(batch: ReceiptBatch): void {
    receiptsOut.add(batch);
    stats[batch.kind === "receipt" ? "receiptsSent" : "moSent"] += batch.count;
    write(written(batch.writer));
  }

  return session;
}
