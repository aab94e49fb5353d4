/**
 * Session: one SMPP session as client, for as long as it is wanted: connect, bind, submit within the
 * window, keep alive, unbind, and connect again after whatever went wrong, here or at another host.
 *
 * What becomes of each submit_sm is told by answers.ts; the window is held by what is unanswered and
 * by nothing else. Which host is tried is up to hosts.ts, and when it is gone back to a better one,
 * to fail-back.ts: what is unanswered is waited for, then the session unbinds, and binds there.
 *
 * Bytes to be sent are collected (output.ts) and leave when the owner asks for it (`flush`), once for
 * each batch. While more waits than the socket wants, there is no room.
 */
import type { Socket } from "node:net";
import type { SessionState } from "../../../core/carrier-status.js";
import type { Chance, Clock } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import type { FrameWriter } from "../../../core/stream/frame.js";
import { type AnswerEvents, newAnswers } from "./answers.js";
import { BIND_COMMAND, type BindWords, putBind, versionIn } from "./bind-pdu.js";
import { putDataResp } from "./data-sm.js";
import { openFailBack } from "./fail-back.js";
import { newFramer } from "./framing.js";
import { newHosts } from "./hosts.js";
import { newOutput } from "./output.js";
import { beginPdu, COMMAND, endPdu, putDeliverResp, putHead, readUint32BE } from "./pdu.js";
import { STATUS, statusClass, statusName } from "./status.js";
import {
  CONNECT_MS_MAX,
  type Failure,
  failureOf,
  type HostAndPort,
  newTransport,
} from "./transport.js";

export interface SessionOptions extends BindWords {
  readonly name: string;
  /** At least one; the first is where it wants to be. */
  readonly hosts: readonly HostAndPort[];
  readonly tls: CarrierConfig["tls"];
  readonly window: number;
  readonly responseMs: number;
  readonly enquireLinkMs: number;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Logger;
}

export interface SessionEvents extends AnswerEvents {
  /** Bound: there is room now. */
  up(): void;
  /** Not bound any more; everything unanswered was handed to `doubted` before. */
  down(): void;
  /** The carrier refused a bind. */
  bindRefused(status: number): void;
  /** May it leave the host that it is bound at, to bind at a better one? True: it does. */
  mayMove(): boolean;
  /** A deliver_sm or data_sm, to be answered by `answer(epoch, sequence, status)`. */
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
  /** Answers a deliver_sm or data_sm of this connection; of an earlier one it is dropped. */
  answer(epoch: number, sequence: number, status: number): void;
  flush(): void;
  /** Stops reading from the socket, or goes on. */
  pause(isPaused: boolean): void;
  /** The carrier says that this session is in no state to submit: ends it, and binds again later. */
  rebind(status: number): void;
  /** Takes no more, waits for what is unanswered (as long as answers may take), then unbinds. */
  stop(): Promise<void>;
  told(): SessionTold;
}

/** How a session is, for operators. */
export interface SessionTold {
  readonly state: SessionState;
  readonly host: HostAndPort;
  /** Milliseconds since 1970; 0: it is not bound. */
  readonly boundSinceMs: number;
  readonly version: string;
  readonly problem: string;
}

const READ_BYTES = 64 * 1_024;
const NOT_ASKED = -1;
/** Of what we sent, and a peer did not read, as much as half a million answers. */
const UNREAD_BYTES_MAX = 8 * 1_024 * 1_024;
/** How long a peer that was told goodbye, or said it, may keep the connection. */
const LEAVE_MS_MAX = 2_000;
/** How long we who go wait for answers that are due. */
const ANSWERS_MS_MAX = 10_000;

export function openSession(options: SessionOptions, events: SessionEvents): Session {
  const { clock, log, responseMs, enquireLinkMs } = options;
  const answers = newAnswers(options.window, events);
  const transport = newTransport(options.tls);
  const hosts = newHosts(options.hosts, options.chance);
  const output = newOutput(transport.secure);
  const failBack = openFailBack({
    ...{ clock, hosts, transport },
    mayMove: () => phase === "bound" && events.mayMove(),
    move,
  });
  const leaveMs = Math.min(responseMs, ANSWERS_MS_MAX);
  const tickMs = Math.max(20, Math.min(1_000, responseMs / 4, enquireLinkMs / 4));
  // Kept over connections: what comes before the last byte of a PDU lives in the framer alone.
  const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let framer = newFramer();
  let phase: SessionState = "waiting";
  let socket: Socket | undefined;
  let mark = 0;
  let epoch = 0;
  let paused = false;
  let stopping = false;
  let phaseAtMs = 0;
  let readAtMs = 0;
  let tickedAtMs = 0;
  /** Sequence numbers of our unanswered enquire_link and bind; 0: none. */
  let enquired = 0;
  let enquiredAtMs = 0;
  /** Sequence numbers of its data_sm that are not answered: their answer is another PDU. */
  const dataSms = new Set<number>();
  /** Sequence number of our unbind, and of the carrier's. */
  let unbound = 0;
  let askedToLeave = NOT_ASKED;
  /** Where it goes when all is answered. */
  let movingTo: HostAndPort | undefined;
  let cancelTimer = (): void => {};
  let stopped: (() => void) | undefined;
  let boundSinceMs = 0;
  let version = "";
  let problem = "";

  function enter(next: SessionState): void {
    phase = next;
    phaseAtMs = clock.monotonicMs();
  }

  function openLater(): void {
    cancelTimer = clock.after(hosts.next(clock.monotonicMs()), open);
  }

  function open(): void {
    enter("connecting");
    epoch += 1;
    framer = newFramer();
    output.clear();
    enquired = 0;
    dataSms.clear();
    tickedAtMs = phaseAtMs;
    let mine: Socket;
    try {
      mine = transport.open(hosts.current(), readBuffer, bind, (count) => {
        if (socket === mine) read(count);
        return !paused;
      });
    } catch (err) {
      fail(failureOf(err as NodeJS.ErrnoException));
      return;
    }
    socket = mine;
    mine.on("drain", () => {
      if (socket !== mine) return;
      output.drained();
      events.room();
    });
    mine.on("error", (err: NodeJS.ErrnoException) => {
      if (socket === mine) fail(failureOf(err));
    });
    mine.on("close", () => {
      if (socket === mine) close("the carrier closed the connection");
    });
    tick();
  }

  function bind(): void {
    enter("binding");
    readAtMs = phaseAtMs;
    putBind(output.writer(), options, answers.next());
    flush();
  }

  function read(count: number): void {
    readAtMs = clock.monotonicMs();
    events.readBegin();
    const wrong = framer.push(readBuffer, 0, count, take);
    events.readEnd();
    if (wrong !== undefined) {
      // The length cannot be believed, so neither can what follows (4.3.1).
      putHead(output.writer(), COMMAND.generic_nack, STATUS.RINVCMDLEN, 0);
      flush();
      close(wrong);
      return;
    }
    if (phase === "leaving" && answers.count() === 0) leave();
    flush();
  }

  function take(bytes: Uint8Array, at: number, end: number): boolean {
    const command = readUint32BE(bytes, at + 4);
    const sequence = readUint32BE(bytes, at + 12);
    if (command === COMMAND.submit_sm_resp) answers.take(sequence, bytes, at, end, readAtMs);
    else if (command === COMMAND.deliver_sm) events.delivered(epoch, sequence, bytes, at, end);
    else other(command, sequence, bytes, at, end);
    return socket !== undefined;
  }

  function other(command: number, sequence: number, bytes: Uint8Array, at: number, end: number) {
    const status = readUint32BE(bytes, at + 8);
    if (command === COMMAND.enquire_link) {
      putHead(output.writer(), COMMAND.enquire_link_resp, 0, sequence);
    } else if (command === COMMAND.enquire_link_resp) {
      if (sequence === enquired) enquired = 0;
    } else if (command === (BIND_COMMAND[options.mode] | 0x8000_0000) >>> 0) {
      if (phase !== "binding") return;
      if (status === 0) bindAccepted(versionIn(bytes, at, end));
      else bindRefused(status, `carrier refused the bind: ${statusName(status)}`);
    } else if (command === COMMAND.data_sm) {
      dataSms.add(sequence);
      events.delivered(epoch, sequence, bytes, at, end);
    } else if (command === COMMAND.unbind) {
      // Agreed when everything is answered: it may close once it has our word.
      log.info({ bind: options.name }, "carrier asked us to unbind");
      askedToLeave = sequence;
      if (phase !== "leaving") enter("leaving");
    } else if (command === COMMAND.unbind_resp) {
      close(unbound === 0 ? "the carrier agreed to an unbind that nobody asked for" : undefined);
    } else if (command === COMMAND.generic_nack) {
      if (phase === "binding") bindRefused(status, "the carrier rejected the bind PDU");
      // It does not know enquire_link, but it is there.
      else if (sequence !== 0 && sequence === enquired) enquired = 0;
      else answers.nack(sequence, status, readAtMs);
    } else if (command === COMMAND.outbind) {
      // It asks a client that listens to bind (2.2.1). We are bound, or about to be; it has no answer.
      log.info({ bind: options.name }, "carrier sent an outbind: this session binds by itself");
    } else if (command === COMMAND.alert_notification) {
      // A phone can be reached again (4.12): nothing waits for it, and it has no answer.
      log.debug({ bind: options.name }, "carrier sent an alert_notification");
    } else if (command < 0x8000_0000) {
      putHead(output.writer(), COMMAND.generic_nack, STATUS.RINVCMDID, sequence);
    }
  }

  function bindAccepted(saidVersion: string): void {
    const { mode, name } = options;
    log.info({ bind: name, mode, host: hostNow(), version: saidVersion }, "bound");
    enter("bound");
    hosts.bound(phaseAtMs);
    version = saidVersion;
    problem = "";
    boundSinceMs = clock.nowMs();
    events.up();
    if (stopping) leaveSoon();
    else failBack.start();
  }

  function bindRefused(status: number, reason: string): void {
    hosts.refused(status);
    events.bindRefused(status);
    // "Already bound" ends by itself; a wrong password waits for somebody who reads this.
    const isLasting = statusClass(status) === "bind" && status !== STATUS.RALYBND;
    close(reason, isLasting);
  }

  function fail({ reason, lasting }: Failure): void {
    if (lasting) hosts.failedLastingly();
    close(reason, lasting);
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
    if (answers.oldestMs() < nowMs - responseMs) {
      answers.expire(nowMs - responseMs, nowMs);
      // Perhaps nobody is there any more: ask now.
      if (phase === "bound" && enquired === 0) enquire(nowMs);
      events.readEnd();
    }
    if (phase === "leaving" && answers.count() === 0) leave();
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
    enquired = answers.next();
    enquiredAtMs = nowMs;
    putHead(output.writer(), COMMAND.enquire_link, 0, enquired);
  }

  function move(to: HostAndPort): void {
    log.info({ bind: options.name, from: hostNow(), to: nameOf(to) }, "going back to a host");
    movingTo = to;
    leaveSoon();
  }

  /** Everything is answered: says goodbye if it is we who go; the peer has said it otherwise. */
  function leave(): void {
    if (askedToLeave !== NOT_ASKED) {
      putHead(output.writer(), COMMAND.unbind_resp, 0, askedToLeave);
      flush();
      close("the carrier unbound");
    } else if (unbound === 0) {
      unbound = answers.next();
      phaseAtMs = clock.monotonicMs() - leaveMs;
      putHead(output.writer(), COMMAND.unbind, 0, unbound);
    }
  }

  function leaveSoon(): void {
    failBack.stop();
    enter("leaving");
    if (answers.count() === 0) leave();
    flush();
  }

  /** @param isLasting nothing changes before somebody corrects it. */
  function close(reason: string | undefined, isLasting = false): void {
    const old = socket;
    if (old === undefined && phase !== "connecting") return;
    socket = undefined;
    failBack.stop();
    // A carrier may ask us to leave before it has let us in.
    const wasUp = boundSinceMs !== 0;
    const boundMs = phase === "bound" ? clock.monotonicMs() - phaseAtMs : 0;
    const from = hostNow();
    enter("waiting");
    cancelTimer();
    output.clear();
    unbound = 0;
    askedToLeave = NOT_ASKED;
    boundSinceMs = 0;
    // `destroy` may drop what was written just now: half a goodbye helps nobody.
    old?.end(() => old.destroy());
    clock.after(LEAVE_MS_MAX, () => old?.destroy());
    answers.close();
    if (movingTo === undefined) hosts.ended(boundMs, phaseAtMs);
    else hosts.moved(movingTo);
    movingTo = undefined;
    if (wasUp) events.down();
    if (stopping) {
      stopped?.();
      return;
    }
    openLater();
    if (reason === undefined) return;
    problem = reason;
    const facts = { bind: options.name, host: from, reason, next: hostNow() };
    if (isLasting) log.error(facts, "session cannot be had until this is corrected");
    else log.warn(facts, "session ended");
  }

  function flush(): void {
    if (socket === undefined || phase === "connecting") return;
    output.flush(socket);
    // Submits end where the socket stalls: this is answers to one who asks and does not read.
    if (socket.writableLength > UNREAD_BYTES_MAX) close("the carrier does not read our answers");
  }

  function hostNow(): string {
    return nameOf(hosts.current());
  }

  openLater();
  return {
    bound: () => phase === "bound",
    room() {
      return phase === "bound" && !output.stalled() ? options.window - answers.count() : 0;
    },
    unanswered: answers.count,
    begin(ticket, part, nowMs) {
      const out = output.writer();
      mark = beginPdu(out, COMMAND.submit_sm, 0, answers.add(ticket, part, nowMs));
      return out;
    },
    end: () => endPdu(output.writer(), mark),
    answer(of, sequence, status) {
      if (of === epoch && (phase === "bound" || phase === "leaving")) {
        if (dataSms.delete(sequence)) putDataResp(output.writer(), status, sequence);
        else putDeliverResp(output.writer(), status, sequence);
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
      hosts.refused(status);
      leaveSoon();
    },
    stop() {
      return new Promise((resolve) => {
        stopped = resolve;
        stopping = true;
        movingTo = undefined;
        if (phase === "bound") leaveSoon();
        else if (phase === "waiting") {
          cancelTimer();
          resolve();
        } else if (phase === "connecting") close(undefined);
      });
    },
    told: () => ({ state: phase, host: hosts.current(), boundSinceMs, version, problem }),
  };
}

export function nameOf({ host, port }: HostAndPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
