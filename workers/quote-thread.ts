/**
 * Quote thread: quotes in a thread of their own (core/thread.ts), so that opening a table set, which
 * takes a tenth of a second where it is large, holds up nobody.
 *
 * In: requests, and the name of the table set to rate by, which is handed over once. Out: what each
 * request came to, in order.
 */
import { answerQuestions } from "../core/thread.js";
import { openQuoter, type QuoteResult, type Quoter } from "./quote.js";
import type { Explanation } from "./quote-explained.js";
import { type QuoteInputs, taskInputs } from "./quote-inputs.js";
import type { QuoteProblem, QuoteRequest } from "./quote-request.js";

export interface QuoteQuestion {
  /** A table set, by a name that no other has. */
  readonly name: string;
  /** Where the thread does not have it yet. */
  readonly image?: SharedArrayBuffer;
  readonly requests: readonly QuoteRequest[];
  /** The time of those that name none. */
  readonly nowMs: number;
  /** How well carriers are and deliver; absent: nothing is known. */
  readonly inputs?: QuoteInputs;
  /** Say what became of every carrier, too. */
  readonly explain: boolean;
}

/** `missing`: the thread does not have that table set; ask again with it. */
export type QuoteAnswer = "missing" | readonly QuoteAnswered[];
export type QuoteAnswered = QuoteResult | Explanation | QuoteProblem;

/** One in force, one that comes into force, and one that is asked about. */
const QUOTERS_MAX = 3;
let quoters: { name: string; quoter: Quoter }[] = [];

/** @throws FloeError "tables.invalid" if the image is damaged. */
function answer(question: QuoteQuestion): QuoteAnswer {
  const { name, image, requests, nowMs, explain } = question;
  let kept = quoters.find((one) => one.name === name);
  if (kept === undefined) {
    if (image === undefined) return "missing";
    kept = { name, quoter: openQuoter(image) };
  }
  quoters = [kept, ...quoters.filter((one) => one !== kept)].slice(0, QUOTERS_MAX);
  const { quoter } = kept;
  const { carriers, countries } = quoter.tables;
  const inputs = question.inputs && taskInputs(question.inputs, carriers, countries);
  return requests.map((request, place) =>
    explain
      ? quoter.explain(request, place, nowMs, inputs)
      : quoter.quote(request, place, nowMs, inputs),
  );
}

answerQuestions(answer);
