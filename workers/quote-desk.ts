/**
 * Quote desk: where services have messages quoted: by a thread of its own, from the table set in
 * force or one that is still kept.
 *
 * In: messages as proto/floe/v1 has them. Out: quotes as proto has them, or which field is wrong.
 * The first question loads the tables and starts the thread: who never asks pays nothing.
 */

import { FloeError } from "../core/errors.js";
import type { Quote, QuoteMessage } from "../core/proto/floe/v1/quote.js";
import type {
  CarrierOutcome,
  HypotheticalMessage,
  RoutedQuote,
} from "../core/proto/floe/v1/routing.js";
import type { TableImage, TableImages } from "../core/table-images.js";
import { openThread, type Thread } from "../core/thread.js";
import type { QuoteResult } from "./quote.js";
import type { Explanation } from "./quote-explained.js";
import type { QuoteInputsReader } from "./quote-inputs.js";
import { isProblem, type QuoteProblem, type QuoteRequest } from "./quote-request.js";
import type { QuoteAnswer, QuoteAnswered, QuoteQuestion } from "./quote-thread.js";
import {
  carrierOutcomeOf,
  hypotheticalRequestOf,
  quoteOf,
  requestOf,
  routedQuoteOf,
} from "./quote-wire.js";

/** Whose message it is, where its sender does not say so. */
export interface QuoteAccount {
  readonly account: number;
  /** Number of the price plan; 0: the first of the tables. */
  readonly plan: number;
}

export interface ExplainedWire {
  readonly quote: RoutedQuote;
  readonly carriers: CarrierOutcome[];
  readonly strategy: string;
}

/** All throw FloeError "tables.invalid", "stream.unavailable", and "actor.full" if too many wait. */
export interface QuoteDesk {
  /** For the account's own customer. */
  quote(
    messages: readonly QuoteMessage[],
    account: QuoteAccount,
    nowMs: number,
  ): Promise<readonly (Quote | QuoteProblem)[]>;
  /**
   * For staff.
   * @param planOf plan of an account, 0: unknown.
   * @param version of the table set; 0: the one in force.
   */
  quoteRouted(
    messages: readonly HypotheticalMessage[],
    planOf: (account: number) => number,
    nowMs: number,
    version: number,
  ): Promise<readonly (RoutedQuote | QuoteProblem)[]>;
  /**
   * One message, with what became of every carrier.
   * @param past it was accepted already: how well carriers are now says nothing of it.
   */
  explain(
    request: QuoteRequest,
    nowMs: number,
    version: number,
    past: boolean,
  ): Promise<ExplainedWire | QuoteProblem>;
  /** Whether that table set is still kept. */
  isKept(version: number): Promise<boolean>;
  close(): Promise<void>;
}

const THREAD = new URL("./quote-thread.js", import.meta.url);
/** Of a hundred messages each: a fifth of a second. */
const QUESTIONS_MAX = 64;

/** @param inputs of a message that would go now; a past one is asked about without. */
export function openQuoteDesk(images: TableImages, inputs: QuoteInputsReader): QuoteDesk {
  const thread: Thread<QuoteQuestion, QuoteAnswer> = openThread(THREAD, QUESTIONS_MAX);

  async function imageOf(version: number): Promise<TableImage> {
    if (version === 0) return await images.inForce();
    const image = await images.kept(version);
    if (image !== undefined) return image;
    throw new FloeError("tables.invalid", { problem: `table set ${version} is not kept any more` });
  }

  async function ask(
    requests: readonly QuoteRequest[],
    nowMs: number,
    version: number,
    explain: boolean,
    past = false,
  ): Promise<readonly QuoteAnswered[]> {
    const image = await imageOf(version);
    const known = past ? {} : { inputs: await inputs.read(nowMs) };
    const question = { name: image.name, requests, nowMs, explain, ...known };
    const first = await thread.ask(question);
    // It has not been given that one yet, or has let go of it.
    const answered =
      first === "missing" ? await thread.ask({ ...question, image: image.bytes }) : first;
    if (answered === "missing") throw new FloeError("tables.invalid", { name: image.name });
    return answered;
  }

  /** Asks about those that are right, and puts what they came to in their places. */
  async function askRight(
    parsed: readonly (QuoteRequest | QuoteProblem)[],
    nowMs: number,
    version: number,
  ): Promise<readonly (QuoteResult | QuoteProblem)[]> {
    const right = parsed.filter((one): one is QuoteRequest => !isProblem(one));
    const answers = right.length === 0 ? [] : await ask(right, nowMs, version, false);
    let next = 0;
    return parsed.map((one) => (isProblem(one) ? one : (answers[next++] as QuoteResult)));
  }

  return {
    async quote(messages, { account, plan }, nowMs) {
      const parsed = messages.map((message) => {
        const request = requestOf(message);
        if (isProblem(request)) return request;
        return { ...request, account, plan: "", accountPlan: plan === 0 ? undefined : plan };
      });
      const answered = await askRight(parsed, nowMs, 0);
      return answered.map((one) => ("problem" in one ? one : quoteOf(one)));
    },
    async quoteRouted(messages, planOf, nowMs, version) {
      const parsed = messages.map((message) => requestOfHypothetical(message, planOf));
      const answered = await askRight(parsed, nowMs, version);
      return answered.map((one) => ("problem" in one ? one : routedQuoteOf(one)));
    },
    async explain(request, nowMs, version, past) {
      const [answered] = await ask([request], nowMs, version, true, past);
      if ("problem" in answered!) return answered;
      const { quote, carriers, strategy } = answered as Explanation;
      return {
        quote: routedQuoteOf(quote),
        carriers: carriers.map(carrierOutcomeOf),
        strategy: strategy ?? "",
      };
    },
    async isKept(version) {
      return (await images.kept(version)) !== undefined;
    },
    async close() {
      await images.close();
      await thread.close();
    },
  };
}

/** A message of staff as a request, with its account's plan where it names none. */
export function requestOfHypothetical(
  message: HypotheticalMessage,
  planOf: (account: number) => number,
): QuoteRequest | QuoteProblem {
  return withPlan(hypotheticalRequestOf(message), planOf);
}

function withPlan(
  request: QuoteRequest | QuoteProblem,
  planOf: (account: number) => number,
): QuoteRequest | QuoteProblem {
  if (isProblem(request) || request.plan !== "" || request.account === 0) return request;
  const plan = planOf(request.account);
  if (plan === 0) return { field: "account", problem: "is not known" };
  return { ...request, accountPlan: plan };
}
