/**
 * Session: one SMPP session as client, for as long as it is wanted: connect, bind, submit within the
 * window, keep alive, unbind, and connect again after whatever went wrong.
 *
 * A submit_sm ends in one of four ways, told apart: its answer comes (`answered`); an answer comes
 * that nobody waits for (`unexpected`: a second one, or one that comes too late); none comes in time
 * (`doubted`, "expired"); the connection ends before (`doubted`, "closed"). The window is held by
 * what is unanswered and by nothing else.
 *
 * Bytes to be sent are collected in one buffer and leave with one write, which the owner asks for
 * (`flush`), once for each batch. Where the kernel does not take them the buffer is left to it and
 * another one is used; while more waits than the socket wants, there is no room.
 */
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Chance, Clock } from "../../../core/clock.js";
import type { Logger } from "../../../core/log.js";
import { type FrameWriter, newWriter, written } from "../../../core/stream/frame.js";
import type { DoubtReason } from "../link.js";
import { newFramer } from "./framing.js";
import { newInFlight, taken } from "./in-flight.js";
import {
  beginPdu,
  COMMAND,
  endOfText,
  endPdu,
  HEAD_BYTES,
  MESSAGE_ID_BYTES_MAX,
  putCText,
  putDeliverResp,
  putHead,
  readUint32BE,
} from "./pdu.js";
import { newReconnect } from "./reconnect.js";
import { STATUS, statusName } from "./status.js";

export interface SessionOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly systemId: string;
  readonly password: string;
  readonly systemType: string;
  readonly mode: "transceiver" | "transmitter" | "receiver";
  readonly window: number;
  readonly responseMs: number;
  readonly enquireLinkMs: number;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Logger;
}

export interface SessionEvents {
  /** Bound: there is room now. */
  up(): void;
  /** Not bound any more; everything unanswered was handed to `doubted` before. */
  down(): void;
  /** The answer to a part. Its message id is `bytes[at, end)`, empty on an error. */
  answered(
    ticket: number,
    part: number,
    status: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): void;
  /** An answer that nobody waits for. */
  unexpected(status: number): void;
  doubted(ticket: number, part: number, reason: DoubtReason): void;
  /** A deliver_sm, to be answered by `answer(epoch, sequence, status)`. */
  delivered(epoch: number, sequence: number, bytes: Uint8Array, at: number, end: number): void;
  /** The PDUs of one read are handed over now, and are all handed over. */
  readBegin(): void;
  readEnd(): void;
  /** The socket takes bytes again. */
  room(): void;
}

export interface Session {
  bound(): boolean;
  /** Parts that may be written now. */
  room(): number;
  unanswered(): number;
  /** Starts a submit_sm: its header stands in the writer, append the body and call `end`. */
  begin(ticket: number, part: number, nowMs: number): FrameWriter;
  end(): void;
  /** Answers a deliver_sm of this connection; of an earlier one it is dropped. */
  answer(epoch: number, sequence: number, status: number): void;
  flush(): void;
  /** Stops reading from the socket, or goes on. */
  pause(isPaused: boolean): void;
  /** The carrier says that this session is in no state to submit: ends it, and binds again later. */
  rebind(status: number): void;
  /** Takes no more, waits for what is unanswered (as long as answers may take), then unbinds. */
  stop(): Promise<void>;
}

type Phase = "waiting" | "connecting" | "binding" | "bound" | "leaving";

const READ_BYTES = 64 * 1_024;
const INTERFACE_VERSION = 0x34;
const BIND_COMMAND = {
  transceiver: COMMAND.bind_transceiver,
  transmitter: COMMAND.bind_transmitter,
  receiver: COMMAND.bind_receiver,
} as const;
const NOT_ASKED = -1;
const CONNECT_MS_MAX = 10_000;
/** How long a peer that was told goodbye, or said it, may keep the connection. */
const LEAVE_MS_MAX = 2_000;
/** How long we who go wait for answers that are due. */
const ANSWERS_MS_MAX = 10_000;

export function openSession(options: SessionOptions, events: SessionEvents): Session {
  const { clock, log, responseMs, enquireLinkMs } = options;
  const inFlight = newInFlight(options.window);
  const reconnect = newReconnect(options.chance);
  const leaveMs = Math.min(responseMs, ANSWERS_MS_MAX);
  const tickMs = Math.max(20, Math.min(1_000, responseMs / 4, enquireLinkMs / 4));
  // Kept over connections: what comes before the last byte of a PDU lives in the framer alone.
  const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let framer = newFramer();
  let phase: Phase = "waiting";
  let socket: Socket | undefined;
  let out = newWriter(READ_BYTES);
  let mark = 0;
  let epoch = 0;
  let paused = false;
  /** The socket has more to send than it wants. */
  let stalled = false;
  let stopping = false;
  let phaseAtMs = 0;
  let readAtMs = 0;
  let tickedAtMs = 0;
  /** Sequence numbers of our unanswered enquire_link and bind; 0: none. */
  let enquired = 0;
  let enquiredAtMs = 0;
  /** Sequence number of our unbind, and of the carrier's. */
  let unbound = 0;
  let askedToLeave = NOT_ASKED;
  let cancelTimer = (): void => {};
  let stopped: (() => void) | undefined;

  function enter(next: Phase): void {
    phase = next;
    phaseAtMs = clock.monotonicMs();
  }

  function open(): void {
    enter("connecting");
    epoch += 1;
    framer = newFramer();
    out.at = 0;
    enquired = 0;
    stalled = false;
    const mine = connect({
      host: options.host,
      port: options.port,
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: readBuffer,
        callback: (count: number): boolean => {
          if (socket === mine) read(count);
          return !paused;
        },
      },
    });
    socket = mine;
    mine.on("connect", bind);
    mine.on("drain", () => {
      if (socket !== mine) return;
      stalled = false;
      events.room();
    });
    mine.on("error", (err: NodeJS.ErrnoException) => close(err.code ?? err.message));
    mine.on("close", () => {
      if (socket === mine) close("the carrier closed the connection");
    });
    tickedAtMs = clock.monotonicMs();
    tick();
  }

  function bind(): void {
    enter("binding");
    readAtMs = phaseAtMs;
    const pdu = beginPdu(out, BIND_COMMAND[options.mode], 0, inFlight.next());
    putCText(out, options.systemId, 16);
    putCText(out, options.password, 9);
    putCText(out, options.systemType, 13);
    // interface_version, addr_ton, addr_npi, address_range: any address
    putCText(out, String.fromCharCode(INTERFACE_VERSION), 2);
    out.at -= 1;
    for (let index = 0; index < 3; index += 1) putCText(out, "", 1);
    endPdu(out, pdu);
    flush();
  }

  function read(count: number): void {
    readAtMs = clock.monotonicMs();
    events.readBegin();
    const wrong = framer.push(readBuffer, 0, count, take);
    events.readEnd();
    if (wrong !== undefined) {
      // The length cannot be believed, so neither can what follows (4.3.1).
      putHead(out, COMMAND.generic_nack, STATUS.RINVCMDLEN, 0);
      flush();
      close(wrong);
      return;
    }
    if (phase === "leaving" && inFlight.count() === 0) leave();
    flush();
  }

  function take(bytes: Uint8Array, at: number, end: number): boolean {
    const command = readUint32BE(bytes, at + 4);
    const sequence = readUint32BE(bytes, at + 12);
    if (command === COMMAND.submit_sm_resp) answered(sequence, bytes, at, end);
    else if (command === COMMAND.deliver_sm) events.delivered(epoch, sequence, bytes, at, end);
    else other(command, sequence, bytes, at);
    return socket !== undefined;
  }

  function answered(sequence: number, bytes: Uint8Array, at: number, end: number): void {
    const status = readUint32BE(bytes, at + 8);
    if (!inFlight.take(sequence)) {
      events.unexpected(status);
      return;
    }
    const from = at + HEAD_BYTES;
    // An error has no id (4.4.2); one without its NUL is taken to the PDU's end.
    const to = endOfText(bytes, from, end, MESSAGE_ID_BYTES_MAX);
    const idEnd = to >= 0 ? to : Math.min(end, from + MESSAGE_ID_BYTES_MAX - 1);
    events.answered(taken.ticket, taken.part, status, bytes, from, idEnd);
  }

  function other(command: number, sequence: number, bytes: Uint8Array, at: number): void {
    const status = readUint32BE(bytes, at + 8);
    if (command === COMMAND.enquire_link) {
      putHead(out, COMMAND.enquire_link_resp, 0, sequence);
    } else if (command === COMMAND.enquire_link_resp) {
      if (sequence === enquired) enquired = 0;
    } else if (command === (BIND_COMMAND[options.mode] | 0x8000_0000) >>> 0) {
      if (phase === "binding") bindAnswered(status);
    } else if (command === COMMAND.unbind) {
      // Agreed when everything is answered: it may close once it has our word.
      log.info({ bind: options.name }, "carrier asked us to unbind");
      askedToLeave = sequence;
      if (phase !== "leaving") enter("leaving");
    } else if (command === COMMAND.unbind_resp) {
      close(undefined);
    } else if (command === COMMAND.generic_nack) {
      nacked(sequence, status);
    } else if (command < 0x8000_0000 && command !== COMMAND.alert_notification) {
      putHead(out, COMMAND.generic_nack, STATUS.RINVCMDID, sequence);
    }
  }

  function bindAnswered(status: number): void {
    if (status !== 0) {
      log.warn({ bind: options.name, status: statusName(status) }, "carrier refused the bind");
      reconnect.refused(status);
      close(undefined);
      return;
    }
    log.info({ bind: options.name, mode: options.mode }, "bound");
    enter("bound");
    events.up();
    if (stopping) leaveSoon();
  }

  /** The carrier could not read one of our PDUs: if we know which, that is its answer. */
  function nacked(sequence: number, status: number): void {
    if (phase === "binding") {
      reconnect.refused(status);
      close("the carrier rejected the bind PDU");
    } else if (inFlight.take(sequence)) {
      events.answered(taken.ticket, taken.part, status, readBuffer, 0, 0);
    } else {
      events.unexpected(status);
    }
  }

  /** Looks at all time limits; one timer for the whole session. */
  function tick(): void {
    const nowMs = clock.monotonicMs();
    // After a sleep (a stopped process, a blocked loop) what came meanwhile is read first.
    const slept = nowMs - tickedAtMs > 3 * tickMs;
    tickedAtMs = nowMs;
    if (!slept && !paused) check(nowMs);
    if (phase !== "waiting") cancelTimer = clock.after(tickMs, tick);
  }

  function check(nowMs: number): void {
    const phaseMs = nowMs - phaseAtMs;
    if (phase === "connecting" && phaseMs > CONNECT_MS_MAX) close("connecting took too long");
    else if (phase === "binding" && phaseMs > responseMs) close("no answer to the bind");
    else if (phase === "leaving" && phaseMs > leaveMs + LEAVE_MS_MAX) {
      close("the carrier did not let go");
    } else if (phase === "bound" || phase === "leaving") keepAlive(nowMs);
    if (inFlight.oldestMs() < nowMs - responseMs) {
      inFlight.expire(nowMs - responseMs, (ticket, part) => {
        events.doubted(ticket, part, "expired");
      });
      // Perhaps nobody is there any more: ask now.
      if (phase === "bound" && enquired === 0) enquire(nowMs);
      events.readEnd();
    }
    if (phase === "leaving" && inFlight.count() === 0) leave();
    flush();
  }

  function keepAlive(nowMs: number): void {
    if (enquired !== 0) {
      if (nowMs - enquiredAtMs > responseMs) close("no answer to enquire_link");
    } else if (nowMs - Math.max(readAtMs, enquiredAtMs) >= enquireLinkMs) {
      enquire(nowMs);
    }
  }

  function enquire(nowMs: number): void {
    enquired = inFlight.next();
    enquiredAtMs = nowMs;
    putHead(out, COMMAND.enquire_link, 0, enquired);
  }

  /** Everything is answered: says goodbye if it is we who go; the peer has said it otherwise. */
  function leave(): void {
    if (askedToLeave !== NOT_ASKED) {
      putHead(out, COMMAND.unbind_resp, 0, askedToLeave);
      flush();
      close("the carrier unbound");
    } else if (unbound === 0) {
      unbound = inFlight.next();
      phaseAtMs = clock.monotonicMs() - leaveMs;
      putHead(out, COMMAND.unbind, 0, unbound);
    }
  }

  function leaveSoon(): void {
    enter("leaving");
    if (inFlight.count() === 0) leave();
    flush();
  }

  function close(reason: string | undefined): void {
    if (socket === undefined) return;
    const old = socket;
    socket = undefined;
    const wasUp = phase === "bound" || phase === "leaving";
    const boundMs = phase === "bound" ? clock.monotonicMs() - phaseAtMs : 0;
    enter("waiting");
    cancelTimer();
    out.at = 0;
    unbound = 0;
    askedToLeave = NOT_ASKED;
    // `destroy` may drop what was written just now: half a goodbye helps nobody.
    old.end(() => old.destroy());
    clock.after(LEAVE_MS_MAX, () => old.destroy());
    inFlight.expire(Number.POSITIVE_INFINITY, (ticket, part) => {
      events.doubted(ticket, part, "closed");
    });
    if (wasUp) events.down();
    if (stopping) {
      stopped?.();
      return;
    }
    const delayMs = reconnect.delayMs(boundMs);
    if (reason !== undefined) {
      log.warn({ bind: options.name, reason, delayMs: Math.round(delayMs) }, "session ended");
    }
    cancelTimer = clock.after(delayMs, open);
  }

  function flush(): void {
    if (out.at === 0 || socket === undefined || phase === "connecting") return;
    socket.write(written(out));
    // What the kernel took at once may be written over. If it did not, the bytes are the socket's.
    if (socket.writableLength > 0) {
      out = newWriter(READ_BYTES);
      stalled = socket.writableNeedDrain;
    } else {
      out.at = 0;
    }
  }

  open();
  return {
    bound: () => phase === "bound",
    room() {
      return phase === "bound" && !stalled ? options.window - inFlight.count() : 0;
    },
    unanswered: () => inFlight.count(),
    begin(ticket, part, nowMs) {
      const sequence = inFlight.add(ticket, part, nowMs);
      mark = beginPdu(out, COMMAND.submit_sm, 0, sequence);
      return out;
    },
    end: () => endPdu(out, mark),
    answer(of, sequence, status) {
      if (of === epoch && (phase === "bound" || phase === "leaving")) {
        putDeliverResp(out, status, sequence);
      }
    },
    flush,
    pause(isPaused) {
      if (paused && !isPaused) {
        readAtMs = clock.monotonicMs();
        socket?.resume();
      }
      paused = isPaused;
    },
    rebind(status) {
      if (phase !== "bound") return;
      log.warn({ bind: options.name, status: statusName(status) }, "bind is in a wrong state");
      reconnect.refused(status);
      leaveSoon();
    },
    stop() {
      return new Promise((resolve) => {
        stopped = resolve;
        stopping = true;
        if (phase === "bound") leaveSoon();
        else if (phase === "waiting") {
          cancelTimer();
          resolve();
        } else if (phase === "connecting") close(undefined);
      });
    },
  };
}
