/**
 * Quote askers: who answers a quote: this process from a table set, the system's RoutingService (as
 * staff), or its gateway (as a customer, who is told prices only).
 *
 * In: requests of a batch, with their places in all of it. Out: what `floe quote --json` prints,
 * one for each, in order.
 */
import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { CALL_BYTES_MAX, QUOTES_MAX } from "../../core/limits.js";
import { MessagingServiceClient } from "../../core/proto/floe/v1/messaging_service.js";
import type { QuoteMessage, QuoteResponse } from "../../core/proto/floe/v1/quote.js";
import type {
  ExplainRequest,
  ExplainResponse,
  QuoteBatchResponse,
} from "../../core/proto/floe/v1/routing.js";
import { RoutingServiceClient } from "../../core/proto/floe/v1/routing_service.js";
import type { Status } from "../../core/proto/google/rpc/status.js";
import type { QuoteResult, Quoter } from "../../workers/quote.js";
import {
  idOf,
  isProblem,
  type QuoteProblem,
  type QuoteRequest,
} from "../../workers/quote-request.js";
import {
  type CustomerResult,
  customerResultOf,
  hypotheticalOf,
  resultOf,
} from "../../workers/quote-wire.js";
import { failure, violations } from "./grpc.js";

export interface Placed {
  readonly request: QuoteRequest;
  /** Of the request among all: equal messages of a file spread over carriers by it. */
  readonly place: number;
}

export type Told = QuoteResult | CustomerResult | { readonly error: QuoteProblem };

export interface Asker {
  /** Where the answers come from, for people. */
  readonly source: string;
  /** @throws FloeError "stream.unavailable" if nobody answers. */
  ask(requests: readonly Placed[]): Promise<readonly Told[]>;
  close(): void;
}

const CALL_MS_MAX = 60_000;

export function openLocalAsker(quoter: Quoter, source: string): Asker {
  return {
    source,
    async ask(requests) {
      const nowMs = SYSTEM_CLOCK.nowMs();
      return requests.map(({ request, place }) => {
        const quoted = quoter.quote(request, place, nowMs);
        return "verdict" in quoted ? quoted : { error: quoted };
      });
    },
    close() {},
  };
}

export interface StaffAsker extends Asker {
  explain(request: ExplainRequest): Promise<ExplainResponse>;
}

/** @param target host:port of the admin role. */
export function openStaffAsker(target: string, key: string, tablesVersion = 0): StaffAsker {
  const client = new RoutingServiceClient(target, credentials.createInsecure(), OPTIONS);
  const metadata = bearer(key);
  return {
    source: `the system at ${target}`,
    async ask(requests) {
      const messages = requests.map(({ request, place }) =>
        hypotheticalOf({ ...request, messageId: request.messageId ?? idOf(request, place) }),
      );
      const asked = { messages, tablesVersion };
      const { outcomes } = await call<QuoteBatchResponse>(target, (done) =>
        client.quoteBatch(asked, metadata, deadline(), done),
      );
      return requests.map((_, index): Told => {
        const outcome = outcomes[index]?.outcome;
        const quoted = outcome?.$case === "quote" ? resultOf(outcome.quote) : undefined;
        return (
          quoted ?? { error: problemOf(outcome?.$case === "error" ? outcome.error : undefined) }
        );
      });
    },
    explain: (request) =>
      call(target, (done) => client.explain(request, metadata, deadline(), done)),
    close: () => client.close(),
  };
}

/** What a customer's request must leave out: the key says it. */
const STAFF_ONLY = ["account", "plan", "monthSegments", "messageId"] as const;

/** @param target host:port of a gateway. */
export function openCustomerAsker(target: string, key: string): Asker {
  const client = new MessagingServiceClient(target, credentials.createInsecure(), OPTIONS);
  const metadata = bearer(key);

  async function askSome(messages: QuoteMessage[]): Promise<readonly Told[]> {
    const { outcomes } = await call<QuoteResponse>(target, (done) =>
      client.quote({ messages }, metadata, deadline(), done),
    );
    return messages.map((_, index): Told => {
      const outcome = outcomes[index]?.outcome;
      if (outcome?.$case === "quote") return customerResultOf(outcome.quote);
      return { error: problemOf(outcome?.error) };
    });
  }

  return {
    source: `the gateway at ${target}`,
    async ask(requests) {
      const told = new Array<Told>(requests.length);
      const asked: { index: number; message: QuoteMessage }[] = [];
      for (const [index, { request }] of requests.entries()) {
        const problem = staffOnly(request);
        if (problem === undefined) asked.push({ index, message: hypotheticalOf(request).message! });
        else told[index] = { error: problem };
      }
      for (let at = 0; at < asked.length; at += QUOTES_MAX) {
        const some = asked.slice(at, at + QUOTES_MAX);
        const answers = await askSome(some.map(({ message }) => message));
        for (const [nth, { index }] of some.entries()) told[index] = answers[nth]!;
      }
      return told;
    },
    close: () => client.close(),
  };
}

function staffOnly(request: QuoteRequest): QuoteProblem | undefined {
  const field = STAFF_ONLY.find((name) => {
    const value = request[name];
    return value !== undefined && value !== 0 && value !== "";
  });
  if (field === undefined) return undefined;
  return { field, problem: "is for staff: a customer's key says whose message it is" };
}

const OPTIONS = { "grpc.max_receive_message_length": 8 * CALL_BYTES_MAX };

function bearer(key: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  return metadata;
}

function deadline(): { deadline: number } {
  return { deadline: performance.timeOrigin + performance.now() + CALL_MS_MAX };
}

type Done<T> = (error: ServiceError | null, response: T) => void;

/** @throws FloeError "stream.unavailable"; `status` is the gRPC code. */
function call<T>(target: string, start: (done: Done<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, response) => {
      if (error === null) resolve(response);
      else reject(failure(error, target));
    });
  });
}

function problemOf(status: Status | undefined): QuoteProblem {
  if (status === undefined) {
    throw new FloeError("stream.unavailable", { problem: "The answer holds no result." });
  }
  const [first] = violations(status);
  const field = first?.field.replace(/^messages\[\d+\]\.?/, "") ?? "";
  return { field, problem: first?.description ?? status.message };
}

export function isError(told: Told): told is { readonly error: QuoteProblem } {
  return "error" in told;
}

/** A request, or what is printed in its place. */
export function toldProblem(request: QuoteRequest | QuoteProblem): Told | undefined {
  return isProblem(request) ? { error: request } : undefined;
}
