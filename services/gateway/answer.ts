/**
 * Answer: the bytes of responses, written in place.
 *
 * In: the fates of a call's messages. Out: SendMessageResponse, SendBatchResponse,
 * SendStreamResponse (proto/floe/v1/messaging.proto), or the refusal of the call as a whole. A
 * stored message costs 40 bytes and no object; only a refused one gets a google.rpc.Status.
 */
import { status } from "@grpc/grpc-js";
import { INTERNAL, type Refusal, refuse } from "../../core/grpc/refuse.js";
import { IDEMPOTENCY_CONFLICT, OUTBOX_FULL, STREAM_FULL, STREAM_UNCONFIRMED } from "./refuse.js";
import { FATE, type Taken } from "./taken.js";
import { violations } from "./validate.js";

const ID_CHARACTERS = 36;
/** Tag, length 38, tag, length 36, id. */
const STORED_BYTES = 4 + ID_CHARACTERS;
const MESSAGE_ID_TAG = 0x0a;
const ERROR_TAG = 0x12;
const SEQUENCE_TAG = 0x08;
const CREDIT_TAG = 0x18;
/** `results` of SendBatchResponse and of SendStreamResponse. */
const BATCH_RESULTS = 1;
const STREAM_RESULTS = 2;
const VARINT_BYTES_MAX = 10;

const HEX = new Uint8Array(Buffer.from("0123456789abcdef", "latin1"));

/** The answer to one message: its id, or why it was not accepted. */
export function messageAnswer(taken: Taken): Buffer | Refusal {
  const refusal = refusalOf(taken, 0, "message");
  if (refusal !== undefined) return refusal;
  const into = Buffer.allocUnsafe(2 + ID_CHARACTERS);
  into[0] = MESSAGE_ID_TAG;
  into[1] = ID_CHARACTERS;
  putId(into, 2, taken.ids, 0);
  return into;
}

/**
 * The answer to a batch: a result for each, in order. If the stream or this process took none of
 * them, for one reason, that is the answer to the call: clients then retry it as they retry calls.
 */
export function batchAnswer(taken: Taken): Buffer | Refusal {
  if (taken.stored === taken.count) {
    const into = Buffer.allocUnsafe(STORED_BYTES * taken.count);
    putStored(into, 0, BATCH_RESULTS, taken);
    return into;
  }
  const first = taken.fates[0]!;
  if (isOfCall(first)) {
    let same = 1;
    while (same < taken.count && taken.fates[same] === first) same += 1;
    if (same === taken.count) return refusalOf(taken, 0, "") ?? INTERNAL;
  }
  return Buffer.concat(results(BATCH_RESULTS, taken));
}

/** The answer to a request on a stream; it grants its credit anew. */
export function streamAnswer(taken: Taken, sequence: bigint): Buffer {
  const head = numberField(SEQUENCE_TAG, sequence);
  const credit = numberField(CREDIT_TAG, BigInt(taken.count));
  if (taken.stored !== taken.count) {
    return Buffer.concat([head, ...results(STREAM_RESULTS, taken), credit]);
  }
  const into = Buffer.allocUnsafe(head.length + STORED_BYTES * taken.count + credit.length);
  into.set(head, 0);
  into.set(credit, putStored(into, head.length, STREAM_RESULTS, taken));
  return into;
}

/** The answer to a request on a stream of which nothing was taken, for one reason. */
export function streamRefusal(refusal: Refusal, sequence: bigint, count: number): Buffer {
  const result = [resultHead(STREAM_RESULTS, refusal.status.length), refusal.status];
  const all = Array.from({ length: count }, () => result).flat();
  const credit = numberField(CREDIT_TAG, BigInt(count));
  return Buffer.concat([numberField(SEQUENCE_TAG, sequence), ...all, credit]);
}

/** The first response on a stream: nothing but credit. */
export function creditAnswer(credit: number): Buffer {
  return numberField(CREDIT_TAG, BigInt(credit));
}

function numberField(tag: number, value: bigint): Buffer {
  const into = Buffer.allocUnsafe(1 + VARINT_BYTES_MAX);
  into[0] = tag;
  return into.subarray(0, putVarint(into, 1, value));
}

/** Why message `index` was not accepted; undefined: it was. */
function refusalOf(taken: Taken, index: number, path: string): Refusal | undefined {
  switch (taken.fates[index]) {
    case FATE.stored:
      return undefined;
    case FATE.invalid:
      return invalid(taken.problems[index]!, path);
    case FATE.conflict:
      return IDEMPOTENCY_CONFLICT;
    case FATE.outboxFull:
      return OUTBOX_FULL;
    case FATE.streamFull:
      return STREAM_FULL;
    default:
      return STREAM_UNCONFIRMED;
  }
}

/** Whether a fate says nothing about the message itself. */
function isOfCall(fate: number): boolean {
  return fate !== FATE.stored && fate !== FATE.invalid && fate !== FATE.conflict;
}

function invalid(problems: number, path: string): Refusal {
  const found = violations(problems, path);
  const sentences = found.map(({ field, description }) => `${field} ${description}`);
  return refuse(status.INVALID_ARGUMENT, "MESSAGE_INVALID", `${sentences.join("; ")}.`, {
    violations: found,
  });
}

/** A buffer for each result. */
function results(field: number, taken: Taken): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let index = 0; index < taken.count; index += 1) {
    const refusal = refusalOf(taken, index, `messages[${index}]`);
    if (refusal === undefined) {
      const into = Buffer.allocUnsafe(STORED_BYTES);
      putOneStored(into, 0, field, taken.ids, 16 * index);
      parts.push(into);
    } else parts.push(resultHead(field, refusal.status.length), refusal.status);
  }
  return parts;
}

/** Tags and lengths of a SendResult whose error has `length` bytes. */
function resultHead(field: number, length: number): Buffer {
  const into = Buffer.allocUnsafe(2 * (1 + VARINT_BYTES_MAX));
  into[0] = (field << 3) | 2;
  let inner = 1;
  for (let rest = length; rest > 127; rest >>>= 7) inner += 1;
  let at = putVarint(into, 1, BigInt(1 + inner + length));
  into[at] = ERROR_TAG;
  at = putVarint(into, at + 1, BigInt(length));
  return into.subarray(0, at);
}

function putStored(into: Uint8Array, at: number, field: number, taken: Taken): number {
  for (let index = 0; index < taken.count; index += 1) {
    putOneStored(into, at, field, taken.ids, 16 * index);
    at += STORED_BYTES;
  }
  return at;
}

function putOneStored(
  into: Uint8Array,
  at: number,
  field: number,
  ids: Uint8Array,
  idAt: number,
): void {
  into[at] = (field << 3) | 2;
  into[at + 1] = 2 + ID_CHARACTERS;
  into[at + 2] = MESSAGE_ID_TAG;
  into[at + 3] = ID_CHARACTERS;
  putId(into, at + 4, ids, idAt);
}

/** The text form of a UUID (RFC 9562, section 4). */
function putId(into: Uint8Array, at: number, ids: Uint8Array, idAt: number): void {
  at = putHex(into, at, ids, idAt, idAt + 4);
  into[at] = 0x2d;
  at = putHex(into, at + 1, ids, idAt + 4, idAt + 6);
  into[at] = 0x2d;
  at = putHex(into, at + 1, ids, idAt + 6, idAt + 8);
  into[at] = 0x2d;
  at = putHex(into, at + 1, ids, idAt + 8, idAt + 10);
  into[at] = 0x2d;
  putHex(into, at + 1, ids, idAt + 10, idAt + 16);
}

function putHex(
  into: Uint8Array,
  at: number,
  ids: Uint8Array,
  idAt: number,
  idEnd: number,
): number {
  for (; idAt < idEnd; idAt += 1, at += 2) {
    const octet = ids[idAt]!;
    into[at] = HEX[octet >>> 4]!;
    into[at + 1] = HEX[octet & 15]!;
  }
  return at;
}

/** Returns the offset after it. */
function putVarint(into: Uint8Array, at: number, value: bigint): number {
  let rest = value;
  while (rest > 127n) {
    into[at++] = Number(rest & 127n) | 128;
    rest >>= 7n;
  }
  into[at++] = Number(rest);
  return at;
}
