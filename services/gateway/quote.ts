/**
 * Quote: what messages would cost, to the customer whose key it is.
 *
 * In: the request's bytes. Out: quotes by the account's own plan, without carriers and costs. What
 * SendMessage would refuse is refused here in the same words, but for the number: that may be
 * national, and a quote says itself what it is worth. Rated in a thread; nothing is published but
 * the usage record.
 */
import { type sendUnaryData, status } from "@grpc/grpc-js";
import { isFloeError } from "../../core/errors.js";
import {
  INTERNAL,
  isRefusal,
  type Refusal,
  refuse,
  type Violation,
} from "../../core/grpc/refuse.js";
import { QUOTES_MAX } from "../../core/limits.js";
import { Message } from "../../core/proto/floe/v1/messaging.js";
import {
  type QuoteMessage,
  type QuoteOutcome,
  QuoteRequest,
  QuoteResponse,
} from "../../core/proto/floe/v1/quote.js";
import { Status } from "../../core/proto/google/rpc/status.js";
import type { QuoteDesk } from "../../workers/quote-desk.js";
import type { AccountState } from "./authenticate.js";
import { codeOf, type Door, enter, identify, leave, MALFORMED, type Visit } from "./call.js";
import { USAGE_FULL } from "./refuse.js";
import type { UnaryCall } from "./unary.js";
import { check, PROBLEM, violations } from "./validate.js";

/** Calls of one account at a time: others find room in the thread's line. */
const ACCOUNT_CALLS_MAX = 4;
const SIZE_WANTED = `must be 1 to ${QUOTES_MAX} messages`;
const SIZE = refuse(status.INVALID_ARGUMENT, "BATCH_SIZE", `messages ${SIZE_WANTED}.`, {
  violations: [{ field: "messages", description: SIZE_WANTED, reason: "BATCH_SIZE" }],
});
const BUSY = refuse(
  status.RESOURCE_EXHAUSTED,
  "QUOTES_FULL",
  "Too many quotes are asked for at the same time.",
  { retryMs: 250 },
);
const NO_TABLES = refuse(
  status.UNAVAILABLE,
  "TABLES_AWAY",
  "There are no tables to quote from at the moment.",
  { retryMs: 1_000 },
);

/** @param deskOf opened by the first call: who is never asked loads no tables. */
export function quote(door: Door, deskOf: () => Promise<QuoteDesk>) {
  const callsOf = new Map<number, number>();

  async function answer(visit: Visit, call: UnaryCall): Promise<Buffer | Refusal> {
    const caller = identify(door, visit, call);
    if (isRefusal(caller)) return caller;
    const messages = decode(call.request);
    if (isRefusal(messages)) return messages;
    const { account } = caller;
    const calls = callsOf.get(account.account) ?? 0;
    if (calls >= ACCOUNT_CALLS_MAX) return BUSY;
    callsOf.set(account.account, calls + 1);
    try {
      return await quotesOf(await deskOf(), messages, account, visit.atMs);
    } finally {
      const left = (callsOf.get(account.account) ?? 1) - 1;
      if (left === 0) callsOf.delete(account.account);
      else callsOf.set(account.account, left);
    }
  }

  return (call: UnaryCall, callback: sendUnaryData<Buffer>): void => {
    const visit = enter(door, "Quote", call, call.request.length);
    if (visit === undefined) {
      callback(USAGE_FULL);
      return;
    }
    void answer(visit, call)
      .catch((error: unknown) => refusalOf(door, error))
      .then((given) => {
        const code = isRefusal(given) ? given.code : status.OK;
        leave(door, visit, codeOf(door, call, code), 0, 0);
        if (isRefusal(given)) callback(given);
        else callback(null, given);
      });
  };
}

function decode(request: Buffer): readonly QuoteMessage[] | Refusal {
  let messages: readonly QuoteMessage[];
  try {
    ({ messages } = QuoteRequest.decode(request));
  } catch {
    return MALFORMED;
  }
  return messages.length >= 1 && messages.length <= QUOTES_MAX ? messages : SIZE;
}

async function quotesOf(
  desk: QuoteDesk,
  messages: readonly QuoteMessage[],
  { account, plan }: AccountState,
  nowMs: number,
): Promise<Buffer> {
  const problems = messages.map((message, at) => problemsOf(message, `messages[${at}]`));
  const right = messages.filter((_, at) => problems[at]!.length === 0);
  const quotes = right.length === 0 ? [] : await desk.quote(right, { account, plan }, nowMs);
  let next = 0;
  const outcomes = messages.map((_, at): QuoteOutcome => {
    const wrong = problems[at]!;
    if (wrong.length > 0) return errorOf(wrong);
    const quoted = quotes[next++]!;
    if (!("problem" in quoted)) return { outcome: { $case: "quote", quote: quoted } };
    const field = `messages[${at}].${snake(quoted.field)}`;
    return errorOf([{ field, description: quoted.problem, reason: "INVALID" }]);
  });
  return Buffer.from(QuoteResponse.encode({ outcomes }).finish());
}

/** Any number will do: the quote tells what it is. */
const ANY_NUMBER = "+10000000";

/** What SendMessage would say, the number apart. */
function problemsOf(asked: QuoteMessage, path: string): Violation[] {
  const { from, text, binary, trafficClass } = asked;
  const message = Message.fromPartial({
    to: ANY_NUMBER,
    from,
    body: binary === undefined ? { $case: "text", text } : { $case: "binary", binary },
    trafficClass,
  });
  const bytes = Message.encode(message).finish();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = check(bytes, view, 0, bytes.length);
  return found === 0 ? [] : violations(found & ~PROBLEM.to, path);
}

function errorOf(wrong: readonly Violation[]): QuoteOutcome {
  const text = wrong.map(({ field, description }) => `${field} ${description}`).join("; ");
  const refused = refuse(status.INVALID_ARGUMENT, "MESSAGE_INVALID", `${text}.`, {
    violations: wrong,
  });
  return { outcome: { $case: "error", error: Status.decode(refused.status) } };
}

/** As proto spells the field. */
function snake(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function refusalOf(door: Door, err: unknown): Refusal {
  if (isFloeError(err, "actor.full")) return BUSY;
  if (isFloeError(err)) {
    door.log.warn({ err }, "no quote can be given");
    return NO_TABLES;
  }
  door.log.error({ err }, "a quote failed by a bug");
  return INTERNAL;
}
