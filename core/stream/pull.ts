/**
 * Pull: requests for messages of one consumer, in one session.
 *
 * Each request asks for many messages, with an expiry and a heartbeat. What was asked and is not
 * delivered yet is known as a sum only, since the server serves waiting requests in turn: deliveries
 * are counted off the oldest request. So a delivery's request is never taken for a later one than it
 * was: deliveries before a request reached the server are no more than the ones before it asked for.
 *
 * A session ends by itself at the first sign that the server lost sight of it (no heartbeat, leader
 * change, consumer deleted); its owner opens another, with an inbox of its own.
 * Statuses: https://github.com/nats-io/nats-architecture-and-design, ADR-9 and ADR-37.
 */
import type { Msg } from "@nats-io/transport-node";
import type { Link } from "./link.js";

export interface PullOptions {
  readonly stream: string;
  readonly consumer: string;
  readonly expiresMs: number;
  /** A message, where to answer it, and the monotonic time when the request for it was sent. */
  message(message: Msg, reply: string, pulledAtMs: number): void;
  /** A request ended with nothing delivered, or not all. Ask again if more is wanted. */
  expired(): void;
  /** The session is over. Called once; nothing else is called afterwards. */
  broken(reason: string): void;
}

export interface Pull {
  /** Messages that were asked for and not delivered yet. */
  asked(): number;
  ask(count: number): void;
  /** Ends it. What arrives until the server has heard of it goes to `late`, by its reply subject. */
  close(late: (reply: string) => void): Promise<void>;
}

/** One sign of life at least in each half of a request's time; two missing end the session. */
const HEARTBEATS_PER_REQUEST = 4;
/**
 * One request's share of what the server may send unread: it drops a connection with 64 MiB of it
 * (its `max_pending`), and a frame may have a MiB.
 */
const REQUEST_BYTES_MAX = 8 * 1_024 * 1_024;
/** A blocked event loop is no silent server: what waits in the socket is read first. */
const GRACE_MS = 500;
const NANOS = 1_000_000;

export function openPull(link: Link, options: PullOptions): Pull {
  const { expiresMs } = options;
  const heartbeatMs = Math.max(100, Math.floor(expiresMs / HEARTBEATS_PER_REQUEST));
  const next = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`;
  const times = `,"expires":${expiresMs * NANOS},"idle_heartbeat":${heartbeatMs * NANOS},"max_bytes":${REQUEST_BYTES_MAX}}`;
  const inbox = link.inbox();
  /** Requests in the order in which they were sent, with what is left of each. */
  const requests: { sentAtMs: number; left: number }[] = [];
  let asked = 0;
  let counter = 0;
  let seenAtMs = link.clock.monotonicMs();
  let silentAtMs = 0;
  let over = false;
  let late: ((reply: string) => void) | undefined;

  const subscription = link.nats.subscribe(`${inbox}*`, {
    callback: (error, message) => {
      if (error === null) link.guard(() => take(message));
      else end(`subscription refused: ${error.message}`);
    },
  });
  const untick = link.onTick(watch);
  const unchange = link.onChange((up) => {
    if (!up) end("the connection was lost");
  });

  function take(message: Msg): void {
    seenAtMs = link.clock.monotonicMs();
    const reply = message.reply ?? "";
    const isDelivery = reply.startsWith("$JS.ACK.");
    if (late !== undefined) {
      if (isDelivery) late(reply);
    } else if (over) {
      return;
    } else if (isDelivery) {
      options.message(message, reply, countOff());
    } else {
      status(message);
    }
  }

  /** Counts one delivery off the oldest request; returns when that was sent. */
  function countOff(): number {
    const oldest = requests[0];
    // More than was asked for cannot be; if it is, it came of the first request of this session.
    if (oldest === undefined) return openedAtMs;
    asked -= 1;
    oldest.left -= 1;
    if (oldest.left === 0) requests.shift();
    return oldest.sentAtMs;
  }
  const openedAtMs = seenAtMs;

  function status(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === 100) return;
    const description = message.headers?.description ?? "";
    if (code === 404 || code === 408 || /maxbytes|batch completed/i.test(description)) {
      writeOff(Number(message.headers?.get("Nats-Pending-Messages") ?? 0));
      options.expired();
      return;
    }
    end(`${code} ${description}`.trim());
  }

  /** `count` messages will not come: a request expired. */
  function writeOff(count: number): void {
    let rest = count;
    while (rest > 0 && requests.length > 0) {
      const oldest = requests[0]!;
      const part = Math.min(rest, oldest.left);
      oldest.left -= part;
      asked -= part;
      rest -= part;
      if (oldest.left === 0) requests.shift();
    }
  }

  function watch(nowMs: number): void {
    if (over || asked === 0 || nowMs - seenAtMs < 2 * heartbeatMs) {
      silentAtMs = 0;
    } else if (silentAtMs === 0) {
      silentAtMs = nowMs;
    } else if (nowMs - silentAtMs >= GRACE_MS) {
      end("heartbeats are missing");
    }
  }

  function end(reason: string): void {
    if (over) return;
    over = true;
    untick();
    unchange();
    options.broken(reason);
  }

  return {
    asked: () => asked,
    ask(count) {
      if (over) return;
      const nowMs = link.clock.monotonicMs();
      if (asked === 0) seenAtMs = nowMs;
      counter += 1;
      asked += count;
      requests.push({ sentAtMs: nowMs, left: count });
      link.nats.publish(next, `{"batch":${count}${times}`, { reply: inbox + counter });
    },
    async close(takeLate) {
      over = true;
      late = takeLate;
      untick();
      unchange();
      if (link.nats.isClosed()) return;
      // Draining asks the server, so that nothing is in flight any more when it has answered.
      if (link.up()) await subscription.drain();
      else subscription.unsubscribe();
    },
  };
}

/**
 * The same bytes as a plain Uint8Array. The library gives Buffers, whose `slice` is a view: whoever
 * copied that way would keep bytes that the next message overwrites.
 */
export function plainView(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

/** What a delivery's reply subject says. */
export interface DeliveryInfo {
  readonly deliveryCount: number;
  readonly sequence: number;
  readonly consumerSequence: number;
  readonly storedAtMs: number;
  /** Messages that wait behind it. */
  readonly pending: number;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<ns>.<pending>`, or
 * the form with domain and account hash before the stream (and a token at the end) that servers
 * from 2.15 may use (ADR-15).
 */
export function parseReply(reply: string): DeliveryInfo {
  const parts = reply.split(".");
  const at = parts.length <= 9 ? 4 : 6;
  const nanos = parts[at + 3] ?? "";
  return {
    deliveryCount: Number(parts[at]),
    sequence: Number(parts[at + 1]),
    consumerSequence: Number(parts[at + 2]),
    // Nanoseconds exceed 2^53, so the last six digits go before it becomes a number.
    storedAtMs: Number(nanos.slice(0, -6)),
    pending: Number(parts[at + 4]),
  };
}
