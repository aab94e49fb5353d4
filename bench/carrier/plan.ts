/**
 * Plan: what befalls one submit_sm, drawn from the options. Pure: the draws are an argument.
 *
 * The draws come in one fixed order, each share once, so that a share that is changed moves no other.
 */
import type { Chance } from "../../core/clock.js";
import { spread } from "./draws.js";
import type { CarrierOptions, ReceiptForm, Shares } from "./options.js";
import { type Fate, fateOf, OUTCOME } from "./outcomes.js";

export interface Plan {
  /** Answered with this status; 0: taken. */
  status: number;
  /** Not taken and not answered, or by a generic_nack. */
  ignored: boolean;
  nacked: boolean;
  /** The answer of what is taken. */
  answer: "usual" | "lost" | "late" | "twice" | "closed-before" | "closed-after";
  stray: boolean;
  latencyMs: number;
  /** The receipt. */
  fate: Fate;
  receipt: boolean;
  first: boolean;
  twice: boolean;
  enroute: boolean;
  stranger: boolean;
  form: ReceiptForm;
  receiptDelayMs: number;
}

export function newPlan(): Plan {
  return {
    ...{ status: 0, ignored: false, nacked: false, answer: "usual", stray: false, latencyMs: 0 },
    ...{ fate: "delivered", receipt: true, first: false, twice: false, enroute: false },
    ...{ stranger: false, form: "text", receiptDelayMs: 0 },
  };
}

/** @param outcome what the number says; it counts more than chance. */
export function drawPlan(plan: Plan, options: CarrierOptions, outcome: number, next: Chance): void {
  const falls = (share: keyof Shares): boolean => next() < options[share];
  const refused = falls("refused");
  const status = pick(options.refuseWith, next);
  plan.status = refused ? status : 0;
  plan.ignored = falls("ignored");
  plan.nacked = falls("nacked");
  plan.answer = "usual";
  // The later in this list is the rarer and the worse.
  if (falls("twiceAnswered")) plan.answer = "twice";
  if (falls("lateAnswers")) plan.answer = "late";
  if (falls("lostAnswers")) plan.answer = "lost";
  if (falls("closedAfter")) plan.answer = "closed-after";
  if (falls("closedBefore")) plan.answer = "closed-before";
  plan.stray = falls("strayAnswers");
  plan.latencyMs = spread(options.latencyMs, options.latencyShape, next);
  if (plan.answer === "late") plan.latencyMs += options.lateMs;

  const delivered = next() < options.delivered;
  const otherwise = pick(options.notDelivered, next);
  plan.fate = outcome === OUTCOME.delivered && !delivered ? otherwise : fateOf(outcome);
  plan.receipt = !falls("receiptNever") && outcome !== OUTCOME.silent;
  plan.first = falls("receiptFirst") || outcome === OUTCOME.early;
  plan.twice = falls("receiptTwice") || outcome === OUTCOME.twice;
  plan.enroute = falls("receiptEnroute") || outcome === OUTCOME.enroute;
  plan.stranger = falls("receiptStranger");
  plan.form = pick(options.receiptForm, next);
  plan.receiptDelayMs = spread(options.receiptDelayMs, options.receiptShape, next);
  if (falls("receiptLate")) plan.receiptDelayMs += options.receiptLateMs;
  const heldMs = next() * options.reorderMs;
  if (falls("receiptReordered")) plan.receiptDelayMs += heldMs;
}

function pick<T>(list: readonly T[], next: Chance): T {
  return list[Math.floor(next() * list.length)]!;
}

/** What befell it, in words, for the log of submits. */
export function befell(plan: Plan): string[] {
  const words: string[] = [];
  if (plan.answer !== "usual") words.push(`answer ${plan.answer}`);
  if (plan.stray) words.push("stray answer");
  if (!plan.receipt) words.push("receipt never");
  else {
    if (plan.first) words.push("receipt first");
    if (plan.twice) words.push("receipt twice");
    if (plan.enroute) words.push("notification");
    if (plan.form !== "text") words.push(`receipt ${plan.form}`);
  }
  if (plan.stranger) words.push("stranger's receipt");
  return words;
}
