/**
 * Customers: the load of a fault test, and the book of what each caller was told.
 *
 * A customer behaves as the API asks: a call without an answer, or told to come back, is repeated
 * with the same idempotency key until it is answered. A share of the messages has no key; whoever
 * gets no answer for one of these does not know what became of it, and does not repeat it. Each
 * message has a number in the run: in its reference, by which its record is found, and in its text,
 * by which the carriers' submits are.
 */
import { status as codes, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import {
  Message,
  ReceiptRequest,
  type SendBatchResponse,
} from "../../core/proto/floe/v1/messaging.js";
import { MessagingServiceClient } from "../../core/proto/floe/v1/messaging_service.js";

export interface Load {
  readonly messages: number;
  /** Messages a second; 0: as fast as calls are answered. */
  readonly perSecond?: number;
  /** Messages a call. Default 20. */
  readonly batch?: number;
  /** Calls under way at a time. Default 8. */
  readonly calls?: number;
  /** Accounts that send, by place among the system's; default: all in turn. */
  readonly accounts?: readonly number[];
  /** floe.v1.TrafficClass; default: 1 to 3 in turn. */
  readonly trafficClass?: number;
  /** Recipients begin so (with "+"); default: numbers that both carriers take. */
  readonly prefix?: string;
  /** Share of messages with an idempotency key. Default 0.9. */
  readonly keyed?: number;
  readonly validitySeconds?: number;
  /** No more is sent once this says so; what is under way is finished. */
  readonly until?: () => boolean;
}

export interface Sent {
  readonly number: number;
  /** Account number in Floe. */
  readonly account: number;
  readonly key: string;
  readonly atMs: number;
  /** `unknown`: the caller was never told, and may not ask again. */
  outcome: "waiting" | "accepted" | "refused" | "unknown";
  /** Message id, once accepted. */
  id: string;
  /** gRPC status that refused it. */
  code: number;
}

export interface Customers {
  /** Sends all of it, and resolves when every call is answered or given up. */
  send(load: Load): Promise<readonly Sent[]>;
  /** All that was ever sent, by number. */
  readonly book: ReadonlyMap<number, Sent>;
  /** Calls that had to be repeated. */
  repeats(): number;
  /** How often a call was answered with each gRPC status, and how often that had a RetryInfo. */
  readonly answers: ReadonlyMap<number, { times: number; withRetryInfo: number }>;
  /** A message that was accepted without a call of ours. */
  adopt(id: string, account: number): void;
  /** Sends what was sent once more, keys and all. @returns the answers that differ, in sentences. */
  repeat(sent: readonly Sent[]): Promise<readonly string[]>;
  close(): void;
}

export interface CustomersOptions {
  readonly target: string;
  readonly accounts: readonly { readonly account: number; readonly apiKey: string }[];
  /** Different for each run on one system: in keys and references. */
  readonly run: string;
}

const PREFIX = "+44770090";
const VALIDITY_SECONDS = 120;
const GIVE_UP_MS = 150_000;
const CALL_MS_MAX = 20_000;
const RETRY_MS = 200;
/** No answer, or "come back": what a client repeats. */
const COME_BACK: readonly number[] = [
  codes.UNAVAILABLE,
  codes.RESOURCE_EXHAUSTED,
  codes.DEADLINE_EXCEEDED,
  codes.CANCELLED,
  codes.ABORTED,
  codes.INTERNAL,
  codes.UNKNOWN,
];
/** Surely not accepted: the message may be sent anew whether it has a key or not. */
const NOT_ACCEPTED: readonly number[] = [codes.RESOURCE_EXHAUSTED];

const NOTHING = new Uint8Array(0);

/** What stands in a text before a message's number. */
export const MARK = "No. ";

export function openCustomers({ target, accounts, run }: CustomersOptions): Customers {
  const client = new MessagingServiceClient(target, credentials.createInsecure(), {
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 1_000,
    "grpc.enable_retries": 0,
  });
  const logins = accounts.map(({ apiKey }) => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${apiKey}`);
    return metadata;
  });
  const book = new Map<number, Sent>();
  const messages = new Map<number, Message>();
  const answers = new Map<number, { times: number; withRetryInfo: number }>();
  let made = 0;
  let repeats = 0;

  function ask(login: Metadata, asked: Message[]): Promise<SendBatchResponse | ServiceError> {
    return new Promise((resolve) => {
      const deadline = SYSTEM_CLOCK.nowMs() + CALL_MS_MAX;
      client.sendBatch({ messages: asked }, login, { deadline }, (error, answer) =>
        resolve(noted(error) ?? answer),
      );
    });
  }

  function noted(error: ServiceError | null): ServiceError | null {
    if (error === null) return null;
    const one = answers.get(error.code) ?? { times: 0, withRetryInfo: 0 };
    one.times += 1;
    const [details] = error.metadata.get("grpc-status-details-bin");
    if (String(details).includes("google.rpc.RetryInfo")) one.withRetryInfo += 1;
    answers.set(error.code, one);
    return error;
  }

  /** One call with the messages of one account, and its repeats. */
  async function call(place: number, sent: readonly Sent[]): Promise<void> {
    const endMs = SYSTEM_CLOCK.monotonicMs() + GIVE_UP_MS;
    let open = sent;
    for (let tries = 0; open.length > 0; tries += 1) {
      if (tries > 0) repeats += 1;
      const answer = await ask(
        logins[place]!,
        open.map(({ number }) => messages.get(number)!),
      );
      const over = SYSTEM_CLOCK.monotonicMs() > endMs;
      open = open.filter((one, at) => {
        const result = answer instanceof Error ? undefined : answer.results[at]?.result;
        if (result?.$case === "messageId") {
          one.id = result.messageId;
          one.outcome = "accepted";
          return false;
        }
        const code = answer instanceof Error ? answer.code : (result?.error.code ?? codes.UNKNOWN);
        one.code = code;
        const mayRepeat = one.key !== "" || NOT_ACCEPTED.includes(code);
        if (COME_BACK.includes(code) && mayRepeat && !over) return true;
        one.outcome = COME_BACK.includes(code) ? "unknown" : "refused";
        return false;
      });
      if (open.length > 0) await sleep(SYSTEM_CLOCK, RETRY_MS);
    }
    for (const { number, key } of sent) if (key === "") messages.delete(number);
  }

  function make(load: Load, place: number, count: number): Sent[] {
    const { keyed = 0.9, trafficClass, prefix = PREFIX } = load;
    return Array.from({ length: count }, () => {
      made += 1;
      const number = made;
      // Every tenth and so on: the same in each run of the same load.
      const key = (number * 7) % 100 < keyed * 100 ? `${run}-${number}` : "";
      messages.set(number, {
        ...Message.decode(NOTHING),
        to: prefix + recipient(number),
        from: "Floe",
        body: {
          $case: "text",
          text: `${MARK}${number}. Your code is ${100_000 + (number % 900_000)}.`,
        },
        trafficClass: (trafficClass ?? 1 + (number % 3)) as Message["trafficClass"],
        idempotencyKey: key,
        clientReference: `${run}-${number}`,
        validitySeconds: load.validitySeconds ?? VALIDITY_SECONDS,
        receipt: ReceiptRequest.RECEIPT_REQUEST_FINAL,
      });
      const one: Sent = {
        ...{ number, account: accounts[place]!.account, key, atMs: SYSTEM_CLOCK.nowMs() },
        ...{ outcome: "waiting", id: "", code: 0 },
      };
      book.set(number, one);
      return one;
    });
  }

  async function send(load: Load): Promise<readonly Sent[]> {
    const { batch = 20, calls = 8, perSecond = 0, until = () => false } = load;
    const places = load.accounts ?? accounts.map((_, at) => at);
    const all: Sent[] = [];
    const open = new Set<Promise<void>>();
    const startMs = SYSTEM_CLOCK.monotonicMs();
    for (let index = 0; all.length < load.messages && !until(); index += 1) {
      if (perSecond > 0) {
        const waitMs = startMs + (all.length * 1_000) / perSecond - SYSTEM_CLOCK.monotonicMs();
        if (waitMs > 0) await sleep(SYSTEM_CLOCK, waitMs);
      } else while (open.size >= calls) await Promise.race(open);
      const place = places[index % places.length]!;
      const sent = make(load, place, Math.min(batch, load.messages - all.length));
      all.push(...sent);
      const answered: Promise<void> = call(place, sent).finally(() => open.delete(answered));
      open.add(answered);
    }
    await Promise.all(open);
    return all;
  }

  return {
    send,
    book,
    repeats: () => repeats,
    answers,
    adopt(id, account) {
      made += 1;
      book.set(made, {
        ...{ number: made, account, key: "", atMs: SYSTEM_CLOCK.nowMs() },
        ...{ outcome: "accepted", id, code: 0 },
      });
    },
    async repeat(sent) {
      const wrongs: string[] = [];
      for (const one of sent) {
        const message = messages.get(one.number);
        if (message === undefined) continue;
        const place = accounts.findIndex(({ account }) => account === one.account);
        const endMs = SYSTEM_CLOCK.monotonicMs() + GIVE_UP_MS;
        let answer = await ask(logins[place]!, [message]);
        while (answer instanceof Error && SYSTEM_CLOCK.monotonicMs() < endMs) {
          await sleep(SYSTEM_CLOCK, RETRY_MS);
          answer = await ask(logins[place]!, [message]);
        }
        const result = answer instanceof Error ? undefined : answer.results[0]?.result;
        const id = result?.$case === "messageId" ? result.messageId : "";
        if (id !== one.id)
          wrongs.push(`message ${one.id} was sent again and is ${id || "refused"}`);
      }
      return wrongs;
    },
    close: () => client.close(),
  };
}

/** Four digits, none below 1000: the simulated carriers give some of those another fate. */
function recipient(number: number): string {
  return String(1_000 + (number % 9_000));
}
