/**
 * SendStream: batches on one stream, answered by sequence number, within a credit.
 *
 * In: requests. Out: first a response that grants credit, then one for each request, in the order
 * in which the stream confirms; each grants as many messages as it answers. So at most
 * STREAM_CREDIT_MAX messages of a caller are in this process, and answers that the caller does not
 * read come to a stop with him: while the transport is full nothing more is read, written or
 * granted. Who sends more than he was granted is cut off, because he would not stop by himself.
 *
 * However a stream ends (half-close, a mistake of the caller, a stop of the process), nothing more
 * is read, what was taken is answered first, and then the status follows.
 */
import { status } from "@grpc/grpc-js";
import { isRefusal, type Refusal, refuse } from "../../core/grpc/refuse.js";
import { STREAM_CREDIT_MAX } from "../../core/limits.js";
import { creditAnswer, streamAnswer, streamRefusal } from "./answer.js";
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
import { DRAINING, USAGE_FULL } from "./refuse.js";
import { sequenceOf } from "./sequence.js";

/** What is used of grpc-js's ServerDuplexStream. */
export interface StreamCall extends CallView {
  on(event: "data", listen: (request: Buffer) => void): unknown;
  on(event: "end" | "drain" | "cancelled", listen: () => void): unknown;
  emit(event: "error", error: Refusal): boolean;
  write(response: Buffer): boolean;
  end(): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Field of `messages` in SendStreamRequest. */
const MESSAGES = 2;

const CREDIT_EXCEEDED = refuse(
  status.RESOURCE_EXHAUSTED,
  "CREDIT_EXCEEDED",
  "More messages were sent than the stream had granted. Requests without an answer were not " +
    "accepted.",
);
const NOT_RISING = refuse(
  status.INVALID_ARGUMENT,
  "SEQUENCE",
  "sequence must rise from request to request, from 1 on.",
);

export function sendStream(door: Door) {
  return (call: StreamCall): void => {
    const opening = enter(door, "SendStream", call, 0);
    if (opening === undefined) return void call.emit("error", USAGE_FULL);
    const caller = identify(door, opening, call);
    const refusal = isRefusal(caller) ? caller : undefined;
    leave(door, opening, refusal?.code ?? status.OK, 0, 0);
    if (refusal !== undefined) return void call.emit("error", refusal);
    run(door, call);
  };
}

function run(door: Door, call: StreamCall): void {
  let credit = STREAM_CREDIT_MAX;
  let sequence = 0n;
  /** Requests whose answer is not written yet. */
  let unanswered = 0;
  /** Answers that wait for the transport, and the messages of each. */
  let held: { bytes: Buffer; count: number }[] = [];
  /** The transport holds as much as it should. */
  let full = false;
  /** How it will end, once everything is answered. */
  let ending: Refusal | "well" | undefined;
  let ended = false;

  function receive(request: Buffer): void {
    if (ending !== undefined || ended) return;
    const visit = enter(door, "SendStream", call, request.length);
    if (visit === undefined) {
      end(USAGE_FULL);
      return;
    }
    const refusal = guarded(door, () => take(request, visit));
    if (refusal === undefined) return;
    leave(door, visit, refusal.code, 0, 0);
    end(refusal);
  }

  /** @returns why the stream must end; undefined: it goes on. */
  function take(request: Buffer, visit: Visit): Refusal | undefined {
    // Each time anew: the key may have been revoked, the account suspended, since.
    const caller = identify(door, visit, call);
    if (isRefusal(caller)) return caller;
    const count = countMessages(request, MESSAGES);
    if (isRefusal(count)) return count;
    const number = sequenceOf(request);
    if (number === undefined) return MALFORMED;
    if (number <= sequence) return NOT_RISING;
    if (count > credit) return CREDIT_EXCEEDED;
    sequence = number;
    credit -= count;
    unanswered += 1;
    const acceptor = ready(door);
    const refusal = isRefusal(acceptor)
      ? acceptor
      : acceptor.take(
          request,
          MESSAGES,
          count,
          caller.account,
          answerByMs(visit, Infinity)!,
          (taken) => {
            const { stored } = taken;
            leave(door, visit, codeOf(door, call, status.OK), stored, count - stored);
            if (!ended) send(streamAnswer(taken, number), count);
          },
        );
    if (refusal === undefined) return undefined;
    leave(door, visit, refusal.code, 0, count);
    send(streamRefusal(refusal, number, count), count);
    return undefined;
  }

  function send(bytes: Buffer, count: number): void {
    held.push({ bytes, count });
    flush();
  }

  function flush(): void {
    if (ended) return;
    while (held.length > 0 && !full) {
      const { bytes, count } = held.shift()!;
      // Granted when it is written: a caller who does not read gets no more.
      credit += count;
      unanswered -= 1;
      full = !call.write(bytes);
    }
    if (full) call.pause();
    if (ending !== undefined && unanswered === 0) finish(ending);
  }

  /** Ends the stream when what was taken is answered. The first reason counts. */
  function end(how: Refusal | "well"): void {
    ending ??= how;
    flush();
  }

  function finish(how: Refusal | "well" | "cancelled"): void {
    if (ended) return;
    ended = true;
    held = [];
    door.streams.delete(drain);
    if (how === "well") call.end();
    else if (how !== "cancelled") call.emit("error", how);
  }

  const drain = (): void => end(DRAINING);

  door.streams.add(drain);
  call.on("data", receive);
  call.on("end", () => end("well"));
  call.on("drain", () => {
    full = false;
    flush();
    // What is read after its end is dropped, so that the transport does not stand still.
    if (!full) call.resume();
  });
  call.on("cancelled", () => finish("cancelled"));
  full = !call.write(creditAnswer(STREAM_CREDIT_MAX));
}
