/**
 * Publish: frames to JetStream and their acknowledgements.
 *
 * One inbox subscription takes all answers, one coarse tick all time-outs; the library's own
 * request would make a promise, a timer and headers for each. A publish of unknown outcome is
 * repeated with the same Nats-Msg-Id until its time is over, and after every reconnect; without an
 * id only where the server surely stored nothing. Answers: PubAck JSON, or headers with code 503
 * where no stream listens (https://docs.nats.io, "JetStream wire API reference").
 */
import assert from "node:assert";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { FloeError } from "../errors.js";
import { STREAM_MESSAGE_BYTES_MAX } from "../limits.js";
import type { Link } from "./link.js";
import type { PublishAck, PublishOptions } from "./stream.js";

const TIMEOUT_MS_DEFAULT = 5_000;
/**
 * The first try waits this long for its answer, each further one twice as long: a server that is
 * slow must not get more to do by it.
 */
const TRY_MS = 1_000;
/** After an answer that nothing was stored and nobody is to blame. */
const PAUSE_MS = 100;

/** Errors of nats-server by number (server/errors.json). */
const WRONG_LAST_SEQUENCE = [10_071, 10_164];
/** The same id is being stored right now: an earlier try of one's own. */
const ID_IN_PROCESS = 10_158;
const STORE_FAILED = 10_077;
/** Storage, memory or account limit. */
const NO_ROOM = [10_002, 10_023, 10_028, 10_047, 10_053];
/** No leader, stream offline, fence not ready, too many at once: goes by. */
const NOT_NOW = [10_008, 10_009, 10_076, 10_118, 10_163, 10_167];

export interface HeaderOptions extends PublishOptions {
  /** KV-Operation: marks a key as deleted. */
  operation?: "DEL";
  /** What lies on the subject goes when this is stored. */
  rollup?: true;
}

export interface Publisher {
  /** @throws FloeError see StreamClient.publish; "stream.config" when the stream may not take it. */
  publish(subject: string, data: Uint8Array, options?: HeaderOptions): Promise<PublishAck>;
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>;
  /** Ends what still waits with "stream.unavailable". */
  close(): void;
}

interface Pending {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly options: { reply: string; headers?: MsgHdrs };
  readonly fenced: boolean;
  readonly repeatable: boolean;
  readonly deadlineMs: number;
  readonly resolve: (ack: PublishAck) => void;
  readonly reject: (error: FloeError) => void;
  /** When the next try is due; Infinity: never. */
  dueMs: number;
  tryMs: number;
  /** Tries that went out and were not answered: each may have stored it. */
  open: number;
  problem: string;
}

interface Answer {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code: number; readonly description: string };
}

export function openPublisher(link: Link): Publisher {
  const inbox = link.inbox();
  const pending = new Map<string, Pending>();
  let counter = 0;
  let waiters: (() => void)[] = [];

  const answers = link.nats.subscribe(`${inbox}*`, {
    callback: (error, message) => {
      if (error === null) settle(message);
    },
  });
  const untick = link.onTick((nowMs) => {
    for (const [token, one] of pending) {
      if (nowMs >= one.deadlineMs) fail(token, one, unavailable(one));
      else if (nowMs >= one.dueMs && link.up()) send(one, nowMs);
    }
  });
  const unchange = link.onChange((up) => {
    const nowMs = link.clock.monotonicMs();
    for (const one of pending.values()) if (up && one.dueMs !== Infinity) send(one, nowMs);
  });

  function send(one: Pending, nowMs: number): void {
    one.open += 1;
    one.dueMs = one.repeatable ? nowMs + one.tryMs : Infinity;
    one.tryMs *= 2;
    link.nats.publish(one.subject, one.data, one.options);
  }

  function settle(message: Msg): void {
    const token = message.subject.slice(inbox.length);
    const one = pending.get(token);
    if (one === undefined) return;
    one.open -= 1;
    if (message.data.length === 0) {
      if (message.headers?.code === 503) pause(one, "nobody listens on the subject");
      return;
    }
    const answer = JSON.parse(message.string()) as Answer;
    if (answer.error !== undefined) {
      refused(token, one, answer.error.err_code, answer.error.description);
      return;
    }
    forget(token);
    one.resolve({ sequence: answer.seq ?? 0, duplicate: answer.duplicate === true });
  }

  function refused(token: string, one: Pending, code: number, problem: string): void {
    const { subject } = one;
    const details = { subject, code, problem };
    const full = NO_ROOM.includes(code) || (code === STORE_FAILED && /maximum/.test(problem));
    if (WRONG_LAST_SEQUENCE.includes(code) || (code === ID_IN_PROCESS && one.fenced)) {
      fail(token, one, new FloeError("stream.fenced", details));
    } else if (NOT_NOW.includes(code)) {
      pause(one, problem);
    } else if (code === ID_IN_PROCESS) {
      one.dueMs = link.clock.monotonicMs() + PAUSE_MS;
    } else if (full && one.open === 0) {
      fail(token, one, new FloeError("stream.full", details));
    } else if (full || code === STORE_FAILED) {
      // An earlier try may lie there already, so "nothing was stored" would be a guess.
      fail(token, one, new FloeError("stream.unavailable", details));
    } else {
      fail(token, one, new FloeError("stream.config", details));
    }
  }

  /** This try stored nothing, so it may be repeated whether it has an id or not. */
  function pause(one: Pending, problem: string): void {
    one.problem = problem;
    one.tryMs = TRY_MS;
    one.dueMs = link.clock.monotonicMs() + PAUSE_MS;
  }

  function fail(token: string, one: Pending, error: FloeError): void {
    forget(token);
    one.reject(error);
  }

  function forget(token: string): void {
    pending.delete(token);
    if (pending.size > 0) return;
    for (const done of waiters) done();
    waiters = [];
  }

  function publish(subject: string, data: Uint8Array, options: HeaderOptions = {}) {
    assert(data.length <= STREAM_MESSAGE_BYTES_MAX, "a frame is larger than the streams take");
    const nowMs = link.clock.monotonicMs();
    counter += 1;
    const token = counter.toString(36);
    const headers = headersOf(options);
    return new Promise<PublishAck>((resolve, reject) => {
      const one: Pending = {
        subject,
        data,
        options: { reply: inbox + token, ...(headers === undefined ? {} : { headers }) },
        fenced: options.expectedLast !== undefined,
        repeatable: options.id !== undefined,
        deadlineMs: nowMs + (options.timeoutMs ?? TIMEOUT_MS_DEFAULT),
        resolve,
        reject,
        dueMs: nowMs,
        tryMs: TRY_MS,
        open: 0,
        problem: "the stream server is away",
      };
      if (link.closed()) {
        one.problem = "the client is closed";
        reject(unavailable(one));
        return;
      }
      pending.set(token, one);
      if (link.up()) send(one, nowMs);
    });
  }

  return {
    publish,
    idle() {
      if (pending.size === 0) return Promise.resolve();
      return new Promise((resolve) => waiters.push(resolve));
    },
    close() {
      untick();
      unchange();
      answers.unsubscribe();
      for (const [token, one] of pending) fail(token, one, unavailable(one));
    },
  };
}

function unavailable({ subject, problem, open }: Pending): FloeError {
  return new FloeError("stream.unavailable", { subject, problem, unanswered: open });
}

/**
 * The library's header object has a Map, checks every character and joins: 3 us. All that publish
 * asks of it is its bytes.
 */
function headersOf(options: HeaderOptions): MsgHdrs | undefined {
  const { id, expectedLast, ttlSeconds, operation, rollup } = options;
  if (id === undefined && expectedLast === undefined && ttlSeconds === undefined) return undefined;
  let text = "NATS/1.0\r\n";
  if (id !== undefined) text += `Nats-Msg-Id: ${id}\r\n`;
  if (expectedLast !== undefined) {
    text += `Nats-Expected-Last-Subject-Sequence: ${expectedLast}\r\n`;
  }
  if (ttlSeconds !== undefined) text += `Nats-TTL: ${ttlSeconds}\r\n`;
  if (operation !== undefined) text += `KV-Operation: ${operation}\r\n`;
  if (rollup) text += "Nats-Rollup: sub\r\n";
  const bytes = Buffer.from(`${text}\r\n`, "latin1");
  return { encode: () => bytes } as unknown as MsgHdrs;
}
