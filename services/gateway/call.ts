/**
 * Call: what every call of MessagingService passes before its messages are taken, and what it
 * leaves behind.
 *
 * In: metadata, peer, deadline. Out: a caller, or the refusal; at the end a usage record. Order:
 * room for the usage record, key, readiness, deadline. Unary calls and each request of a stream
 * pass the same way.
 */
import { type Metadata, status } from "@grpc/grpc-js";
import type { Clock } from "../../core/clock.js";
import { INTERNAL, isRefusal, type Refusal, refuse } from "../../core/grpc/refuse.js";
import { BATCH_MESSAGES_MAX, REQUEST_PUBLISH_MS_MAX } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { counter, histogram } from "../../core/metrics.js";
import { found, nextField } from "../../core/stream/frame.js";
import type { Acceptor } from "./accept.js";
import type { Authenticator, Caller } from "./authenticate.js";
import { CLOCK_WRONG, NOT_READY, STREAM_AWAY } from "./refuse.js";
import type { Usage } from "./usage.js";

/** What the handlers work with. */
export interface Door {
  readonly clock: Clock;
  readonly log: Logger;
  readonly authenticator: Authenticator;
  readonly usage: Usage;
  /** Undefined until the partitions are known. */
  acceptor(): Acceptor | undefined;
  /** The stream has been away for a while. */
  away(): boolean;
  /** This machine's clock is wrong. */
  clockOff(): boolean;
  /** Streams that are open: each is asked, when the process stops, to answer and end. */
  readonly streams: Set<() => void>;
}

export interface CallView {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getPeer(): string;
  getDeadline(): number | Date;
}

/** A call on its way: from `enter` to `leave`. */
export interface Visit {
  readonly method: string;
  readonly peer: string;
  readonly arrivedMs: number;
  readonly atMs: number;
  readonly requestBytes: number;
  caller: Caller | undefined;
}

const callsTotal = counter(
  "floe_gateway_calls_total",
  "Calls, and requests on streams, by the code of their answer.",
  ["method", "code"],
);
const callSeconds = histogram(
  "floe_gateway_call_seconds",
  "From the arrival of a call, or of a request on a stream, to its answer.",
  [0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 15],
  ["method"],
);

/** Below this, no publish would be confirmed before the caller has given up. */
const DEADLINE_MS_MIN = 5;
/** An answer before the deadline, with reason and RetryInfo, is worth more than a bare time-out. */
const ANSWER_MS_MIN = 10;
const ANSWER_MS_MAX = 250;

/** @returns undefined: there is no room for a usage record; nothing may be done. */
export function enter(
  door: Door,
  method: string,
  call: CallView,
  requestBytes: number,
): Visit | undefined {
  if (!door.usage.admit()) {
    door.usage.refused();
    return undefined;
  }
  return {
    method,
    peer: withoutPort(call.getPeer()),
    arrivedMs: door.clock.monotonicMs(),
    atMs: door.clock.nowMs(),
    requestBytes,
    caller: undefined,
  };
}

/** Who calls, or why nobody does. Notes the caller in `visit`. */
export function identify(door: Door, visit: Visit, call: CallView): Caller | Refusal {
  const header = call.metadata.get("authorization")[0];
  const checked = door.authenticator.check(header?.toString(), visit.atMs);
  if (!isRefusal(checked)) visit.caller = checked;
  return checked;
}

/** Whether anything can be taken now. */
export function ready(door: Door): Acceptor | Refusal {
  if (door.clockOff()) return CLOCK_WRONG;
  return door.away() ? STREAM_AWAY : (door.acceptor() ?? NOT_READY);
}

/**
 * Monotonic time by which the call is answered: before its deadline, so that the answer arrives.
 * @returns undefined: there is no time left to begin.
 */
export function answerByMs(visit: Visit, deadline: number | Date): number | undefined {
  const atMs = Number(deadline);
  const leftMs = Number.isFinite(atMs) ? atMs - visit.atMs : Infinity;
  if (leftMs < DEADLINE_MS_MIN) return undefined;
  const earlierMs = Math.min(ANSWER_MS_MAX, Math.max(ANSWER_MS_MIN, leftMs / 10));
  return visit.arrivedMs + Math.min(REQUEST_PUBLISH_MS_MAX, leftMs - earlierMs);
}

/** The end of a call or request: its usage record. `code` is that of the answer. */
export function leave(
  door: Door,
  visit: Visit,
  code: number,
  accepted: number,
  refused: number,
): void {
  const durationMs = door.clock.monotonicMs() - visit.arrivedMs;
  callsTotal.inc({ method: visit.method, code: status[code] ?? "" });
  callSeconds.observe({ method: visit.method }, durationMs / 1_000);
  door.usage.record({
    atMs: visit.atMs,
    account: visit.caller?.account.account ?? 0,
    keyId: visit.caller?.keyId ?? "",
    method: visit.method,
    peer: visit.peer,
    accepted,
    refused,
    code,
    requestBytes: visit.requestBytes,
    durationMicros: Math.round(durationMs * 1_000),
  });
}

/** Runs `take`; what it throws is a bug, which costs this call and no other. */
export function guarded(door: Door, take: () => Refusal | undefined): Refusal | undefined {
  try {
    return take();
  } catch (err) {
    door.log.error({ err }, "a call failed by a bug");
    return INTERNAL;
  }
}

/** The code of an answer that nobody waited for any more, else `code`. */
export function codeOf(door: Door, call: CallView, code: number): number {
  if (!call.cancelled) return code;
  return door.clock.nowMs() >= Number(call.getDeadline())
    ? status.DEADLINE_EXCEEDED
    : status.CANCELLED;
}

/** How many messages lie in field `field`; a refusal if too few, too many or unreadable. */
export function countMessages(request: Uint8Array, field: number): number | Refusal {
  let count = 0;
  for (let at = 0; ; at = found.end) {
    const next = nextField(request, at, request.length, field);
    if (next < 0) return MALFORMED;
    if (next === 0) break;
    count += 1;
  }
  return count >= 1 && count <= BATCH_MESSAGES_MAX ? count : BATCH_SIZE;
}

export const MALFORMED = refuse(
  status.INVALID_ARGUMENT,
  "REQUEST_MALFORMED",
  "The request is not well-formed.",
);
const SIZE_WANTED = `must be 1 to ${BATCH_MESSAGES_MAX} messages`;
export const BATCH_SIZE = refuse(
  status.INVALID_ARGUMENT,
  "BATCH_SIZE",
  `messages ${SIZE_WANTED}; nothing was accepted.`,
  { violations: [{ field: "messages", description: SIZE_WANTED, reason: "BATCH_SIZE" }] },
);

/** The address without the port: "::1" of "::1:50000", "10.0.0.1" of "10.0.0.1:50000". */
export function withoutPort(peer: string): string {
  const colon = peer.lastIndexOf(":");
  return colon < 0 ? "" : peer.slice(0, colon);
}
