/**
 * Steps: what the parts of a decision cost by themselves, in this thread: number, segments, sender
 * rules, and the rest, which is routing and rating (network, guard, rule, twenty carriers' rates
 * and their order, price, margin).
 *
 * Number and segments are called alone. Whole decisions (workers/decide.ts, recipients looked up
 * many together as in a task) are measured with the
 * tables' sender rules and without any; their difference is what sender rules cost, and what is left
 * without number and segments is routing and rating. Nothing is encoded here.
 */

import { newChoice } from "../../workers/choice.js";
import { clearDecision, decide, newDecision, type Places } from "../../workers/decide.js";
import { number, readNumber } from "../../workers/number.js";
import { lookUp, newRecipients, RECIPIENTS_MAX, readRecipient } from "../../workers/recipients.js";
import { newRoutingQuery, openRouting, type Routing } from "../../workers/routing.js";
import { countSegments } from "../../workers/segments.js";
import { openTables, planIndex, type Tables } from "../../workers/tables.js";
import { runBare } from "./bare.js";
import { BENCH_ACCOUNT, BENCH_AT_MS, BENCH_PLAN } from "./source.js";
import { least, read, since } from "./task-runs.js";
import { senderOf, TEXT, type Traffic } from "./traffic.js";

/** CPU microseconds a message, the least of all rounds. */
export interface StepFigures {
  readonly numberMicros: number;
  readonly segmentsMicros: number;
  readonly senderMicros: number;
  readonly routingMicros: number;
  /** All of it in one call, as it is done. */
  readonly decisionMicros: number;
  /** Routing and rating of skewed traffic, which finds more in the caches. */
  readonly skewedMicros: number;
  /** The least that routing and rating could take (bare.ts). */
  readonly bareMicros: number;
}

const ROUND_MESSAGES_MIN = 200_000;
/** What messages look like in memory here: id, recipient, sender and text, each from a fixed place. */
const RECORD = { id: 0, to: 16, from: 32, text: 48 } as const;
const RECORD_BYTES = 160;
const NO_REGION = 0;

/** Whether a recipient ("+" and digits) is one that dispatch sends to, and patterns know. */
export function isValidNumber(to: string): boolean {
  const bytes = Buffer.from(to, "latin1");
  return readNumber(bytes, 0, bytes.length, NO_REGION) && number.valid;
}

/** @param told is called after each round. */
export function measureSteps(
  image: SharedArrayBuffer,
  traffic: Traffic,
  skewed: Traffic,
  rounds: number,
  told: (round: number) => void,
): StepFigures {
  const messages = layOut(traffic);
  const busy = layOut(skewed);
  // Of one shape, as there is only one in dispatch: the engine's code would else be slower for both.
  const [routing, without] = [
    openRouting(openTables(image, true)),
    openRouting(noSenderRules(image)),
  ];
  const steps = [
    () => runNumbers(messages),
    () => runSegments(messages),
    () => runDecisions(messages, routing),
    () => runDecisions(messages, without),
    () => runDecisions(busy, without),
    () => runBare(traffic, without),
  ];
  const readings: number[][] = steps.map(() => []);
  for (const step of steps) step();
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, step] of steps.entries()) readings[index]!.push(timed(step, messages));
    told(round + 1);
  }
  const [numberMicros, segmentsMicros, decisionMicros, plainMicros, busyMicros, bareMicros] =
    readings.map(least) as [number, number, number, number, number, number];
  return {
    numberMicros,
    segmentsMicros,
    senderMicros: Math.max(0, decisionMicros - plainMicros),
    routingMicros: plainMicros - numberMicros - segmentsMicros,
    decisionMicros,
    skewedMicros: busyMicros - numberMicros - segmentsMicros,
    bareMicros,
  };
}

function noSenderRules(image: SharedArrayBuffer): Tables {
  return Object.assign(openTables(image, true), { senderRules: Buffer.from("[]") });
}

interface Messages {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly toEnd: Int32Array;
  readonly fromEnd: Int32Array;
  /** Passes over all that make a round long enough to measure. */
  readonly passes: number;
}

function layOut({ digits, digitsAt, messages: count }: Traffic): Messages {
  const bytes = new Uint8Array(count * RECORD_BYTES);
  const toEnd = new Int32Array(count);
  const fromEnd = new Int32Array(count);
  for (let index = 0; index < count; index += 1) {
    const at = index * RECORD_BYTES;
    const view = new DataView(bytes.buffer, at);
    view.setUint32(RECORD.id, Math.imul(index + 1, 0x9e3779b1) >>> 0);
    view.setUint32(RECORD.id + 12, Math.imul(index + 1, 0x85ebca6b) >>> 0);
    bytes[at + RECORD.to] = 0x2b;
    bytes.set(digits.subarray(digitsAt[index]!, digitsAt[index + 1]!), at + RECORD.to + 1);
    toEnd[index] = at + RECORD.to + 1 + digitsAt[index + 1]! - digitsAt[index]!;
    const sender = Buffer.from(senderOf(index), "latin1");
    bytes.set(sender, at + RECORD.from);
    fromEnd[index] = at + RECORD.from + sender.length;
    bytes.set(Buffer.from(TEXT, "latin1"), at + RECORD.text);
  }
  const passes = Math.ceil(ROUND_MESSAGES_MIN / count);
  return { count, bytes, view: new DataView(bytes.buffer), toEnd, fromEnd, passes };
}

/** What the steps have found, so that no step may be left out. */
let sum = 0;

function timed(step: () => number, { count, passes }: Messages): number {
  const before = read();
  for (let pass = 0; pass < passes; pass += 1) sum += step();
  const { cpuMicros } = since(before);
  if (!Number.isFinite(sum)) throw new Error("a step found nothing");
  return cpuMicros / (count * passes);
}

function runNumbers({ count, bytes, toEnd }: Messages): number {
  let found = 0;
  for (let index = 0; index < count; index += 1) {
    if (readNumber(bytes, index * RECORD_BYTES + RECORD.to, toEnd[index]!, NO_REGION)) {
      found += number.country;
    }
  }
  return found;
}

function runSegments({ count, bytes, view }: Messages): number {
  let found = 0;
  for (let index = 0; index < count; index += 1) {
    const at = index * RECORD_BYTES + RECORD.text;
    found += countSegments(bytes, view, at, at + TEXT.length, false);
  }
  return found;
}

/** In batches, as a task does: recipients are looked up together. */
function runDecisions(messages: Messages, routing: Routing): number {
  const { count, bytes, view, toEnd, fromEnd } = messages;
  const decision = newDecision();
  const query = newRoutingQuery();
  const choice = newChoice();
  const recipients = newRecipients();
  const places: Places = {
    ...{ bytes, view, idAt: 0, fromAt: 0, fromEnd: 0, textAt: 0, textEnd: 0 },
    ...{ binary: false, headerOctets: 0 },
  };
  decision.account = BENCH_ACCOUNT;
  decision.plan = BENCH_PLAN;
  decision.planIndex = planIndex(routing.tables, BENCH_PLAN);
  let found = 0;
  for (let first = 0; first < count; first += RECIPIENTS_MAX) {
    const batch = Math.min(RECIPIENTS_MAX, count - first);
    for (let slot = 0; slot < batch; slot += 1) {
      const at = (first + slot) * RECORD_BYTES + RECORD.to;
      readRecipient(recipients, slot, bytes, at, toEnd[first + slot]!, false);
    }
    lookUp(routing.tables, recipients, batch);
    for (let slot = 0; slot < batch; slot += 1) {
      const index = first + slot;
      const at = index * RECORD_BYTES;
      places.idAt = at + RECORD.id;
      places.fromAt = at + RECORD.from;
      places.fromEnd = fromEnd[index]!;
      places.textAt = at + RECORD.text;
      places.textEnd = places.textAt + TEXT.length;
      decision.acceptedAtMs = BENCH_AT_MS + index;
      decision.trafficClass = 1 + (index % 3);
      clearDecision(decision);
      decide(routing, places, decision, query, choice, recipients, slot);
      found += decision.priceMicros + choice.count;
    }
  }
  return found;
}
