/**
 * Unary calls: SendMessage and SendBatch.
 *
 * In: the request's bytes. Out: the response's bytes or a refusal, once the stream has confirmed.
 */
import { type sendUnaryData, status } from "@grpc/grpc-js";
import { isRefusal, type Refusal, refuse } from "../../core/grpc/refuse.js";
import { batchAnswer, messageAnswer } from "./answer.js";
import {
  answerByMs,
  type CallView,
  codeOf,
  countMessages,
  type Door,
  enter,
  guarded,
  identify,
  leave,
  MALFORMED,
  ready,
  type Visit,
} from "./call.js";
import { DEADLINE_SHORT, USAGE_FULL } from "./refuse.js";
import type { Taken } from "./taken.js";

export interface UnaryCall extends CallView {
  readonly request: Buffer;
}
type Answer = sendUnaryData<Buffer>;

/** Field of `message` and of `messages` in SendMessageRequest and SendBatchRequest. */
const MESSAGES = 1;
const MISSING_WANTED = "must be there";
const MESSAGE_MISSING = refuse(
  status.INVALID_ARGUMENT,
  "MESSAGE_INVALID",
  `message ${MISSING_WANTED}.`,
  { violations: [{ field: "message", description: MISSING_WANTED, reason: "MISSING" }] },
);

export function sendMessage(door: Door) {
  return (call: UnaryCall, callback: Answer): void =>
    serve(door, "SendMessage", call, callback, countOne, messageAnswer);
}

export function sendBatch(door: Door) {
  return (call: UnaryCall, callback: Answer): void =>
    serve(door, "SendBatch", call, callback, countAll, batchAnswer);
}

function countAll(request: Buffer): number | Refusal {
  return countMessages(request, MESSAGES);
}

function countOne(request: Buffer): number | Refusal {
  if (request.length === 0) return MESSAGE_MISSING;
  const count = countAll(request);
  if (count === 1) return 1;
  // Two halves of one message would be merged by the book; no client writes that.
  return count === MALFORMED || typeof count === "number" ? MALFORMED : MESSAGE_MISSING;
}

function serve(
  door: Door,
  method: string,
  call: UnaryCall,
  callback: Answer,
  countOf: (request: Buffer) => number | Refusal,
  answerOf: (taken: Taken) => Buffer | Refusal,
): void {
  const { request } = call;
  const visit = enter(door, method, call, request.length);
  if (visit === undefined) {
    callback(USAGE_FULL);
    return;
  }
  let messages = 0;

  /** @returns why nothing was taken; undefined: the answer follows. */
  function take(visit: Visit): Refusal | undefined {
    const caller = identify(door, visit, call);
    if (isRefusal(caller)) return caller;
    const acceptor = ready(door);
    if (isRefusal(acceptor)) return acceptor;
    const count = countOf(request);
    if (isRefusal(count)) return count;
    messages = count;
    const byMs = answerByMs(visit, call.getDeadline());
    if (byMs === undefined) return DEADLINE_SHORT;
    return acceptor.take(request, MESSAGES, count, caller.account, byMs, (taken) => {
      const answer = answerOf(taken);
      const code = isRefusal(answer) ? answer.code : status.OK;
      leave(door, visit, codeOf(door, call, code), taken.stored, taken.count - taken.stored);
      if (isRefusal(answer)) callback(answer);
      else callback(null, answer);
    });
  }

  const refusal = guarded(door, () => take(visit));
  if (refusal === undefined) return;
  leave(door, visit, refusal.code, 0, messages);
  callback(refusal);
}
