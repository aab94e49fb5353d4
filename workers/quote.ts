/**
 * Quote: what would become of one message, without sending it.
 *
 * In: a hypothetical message and a table set. Out: its number, its parts, its verdict, its price.
 * The verdict is that of the hot path itself: a request frame of one record goes through
 * route-and-rate, and what it writes is read back, so a quote cannot tell another story than a
 * decision. Beside it stand what a verdict leaves out (texts of the parts, the kind of number), and
 * what is known of a message that was rejected.
 */
import { dataMonth, KEY_BYTES } from "../core/keys.js";
import { REASON, REASON_NAMES } from "../core/message.js";
import { formatMicros } from "../core/money.js";
import { binaryPartsOf, partTexts } from "../core/parts.js";
import { Verdict } from "../core/proto/floe/v1/frames.js";
import {
  BINARY,
  ENCODING_UCS2,
  FLAG,
  MESSAGE,
  REQUEST,
  REQUEST_FRAME,
} from "../core/stream/fields.js";
import {
  beginNested,
  endNested,
  newWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putRaw,
  putText,
  putVarint,
} from "../core/stream/frame.js";
import { gsm7Widths } from "../core/text.js";
import type { Decision } from "./decide.js";
import { number } from "./number.js";
import { currencyOf, type Explanation, explanationOf, settledBefore } from "./quote-explained.js";
import { type Recipient, recipientOf } from "./quote-number.js";
import { hexOf, idOf, type QuoteProblem, type QuoteRequest } from "./quote-request.js";
import { sellTerms } from "./rates.js";
import { tierAmountOf } from "./rating.js";
import { type Explained, explain } from "./route-and-rate.js";
import { senderKindOf } from "./senders.js";
import { openTables, type Tables } from "./tables.js";
import { INDEX, type RouteTask } from "./task.js";

/** Field for field what `floe quote --json` prints. */
export interface QuoteResult {
  /** E.164 with "+"; null: no number can be made of what was given. */
  readonly to: string | null;
  readonly valid: boolean;
  /** ISO 3166-1 alpha-2; null: unknown. */
  readonly country: string | null;
  readonly numberType: string;
  /** ITU-T E.212; null: unknown. */
  readonly mcc: string | null;
  readonly mnc: string | null;
  readonly encoding: "gsm7" | "ucs2" | "binary";
  /** Septets, or UTF-16 units, of the whole text; octets, their header apart. */
  readonly units: number;
  readonly segments: number;
  /** The text as it arrives, part by part; octets in hexadecimal digits. */
  readonly parts: readonly string[];
  /** `routed`, or why not: a name of REASON in lower case. */
  readonly verdict: string;
  /** In the order in which they are tried. */
  readonly carriers: readonly string[];
  /** Of the whole message, as a decimal; null: no rate applies. */
  readonly price: string | null;
  /** Of the first carrier. */
  readonly cost: string | null;
  /** Of the price; null: the plan is unknown. */
  readonly currency: string | null;
  readonly costCurrency: string | null;
  /** Number of the table set, and what it was made of. */
  readonly tables: { readonly set: number; readonly made: Readonly<Record<string, string>> };
  readonly plan: number | null;
  /** Id of the routing rule that decided; null: none did. */
  readonly rule: string | null;
  /** The sender that each carrier gets, in the order of `carriers`. */
  readonly senders: readonly string[];
  readonly chargeBasis: "submit" | "delivered" | null;
  readonly smartEncoded: boolean;
  readonly monitored: boolean;
  readonly ported: boolean;
  readonly tiered: boolean;
  /** RFC 3339: the time that it was rated at. */
  readonly at: string;
}

export type TaskInputs = Pick<RouteTask, "health" | "quality">;

export interface Quoter {
  readonly tables: Tables;
  /**
   * @param place of the request among others, for `idOf`.
   * @param nowMs the time of a request that names none.
   * @param inputs how well carriers are and deliver; absent: all are well, and no more is known.
   */
  quote(
    request: QuoteRequest,
    place: number,
    nowMs: number,
    inputs?: TaskInputs,
  ): QuoteResult | QuoteProblem;
  /** The same, and what became of every carrier. */
  explain(
    request: QuoteRequest,
    place: number,
    nowMs: number,
    inputs?: TaskInputs,
  ): Explanation | QuoteProblem;
}

/** Numbers are sealed on the way and nobody keeps the result, so any key will do. */
const NO_KEY = new Uint8Array(KEY_BYTES);
/** By floe.v1.ChargeBasis. */
const BASES: readonly QuoteResult["chargeBasis"][] = [null, "submit", "delivered"];
const EMPTY_TEXT = Uint8Array.of((MESSAGE.text << 3) | 2, 0);
const SMS = 0;
const TRANSACTIONAL = 2;
/** Plans that are named to somebody who asked for another. */
const PLANS_TOLD_MAX = 10;

/**
 * Quotes from one table set, for as long as it is kept.
 * @throws FloeError "tables.invalid" if the image is damaged.
 */
export function openQuoter(image: SharedArrayBuffer): Quoter {
  const tables = openTables(image);
  // Of two plans of one name the first, as parse-folder.ts has it for their prices.
  const plans = new Map(tables.plans.map(({ name, plan }) => [name, plan] as const).reverse());
  const numbers = new Set(tables.plans.map(({ plan }) => plan));
  const writer = newWriter();

  /** A name goes before a number: a plan may be called "2". Undefined: there is none like that. */
  function planOf({ plan: wanted, accountPlan }: QuoteRequest): number | undefined {
    if (wanted === "") return accountPlan ?? tables.plans[0]?.plan ?? 0;
    const named = plans.get(wanted);
    if (named !== undefined || !/^\d{1,10}$/.test(wanted)) return named;
    return numbers.has(Number(wanted)) ? Number(wanted) : undefined;
  }

  function run(
    request: QuoteRequest,
    place: number,
    nowMs: number,
    inputs: TaskInputs = {},
  ): Run | QuoteProblem {
    const plan = planOf(request);
    if (plan === undefined) return { field: "plan", problem: noPlan(tables) };
    const atMs = request.atMs === 0 ? nowMs : request.atMs;
    const recipient = recipientOf(request);
    writeFrame(request, recipient.to ?? request.to, plan, atMs, place);
    const frames = writer.bytes.slice(0, writer.at).buffer;
    const keys = { token: NO_KEY, data: { [dataMonth(atMs)]: NO_KEY } };
    const anyNumber = !request.validate;
    const task = { frames, ends: [frames.byteLength], tables: image, keys, anyNumber, ...inputs };
    return { request, recipient, atMs, explained: explain(task) };
  }

  /** A request frame of this one message. */
  function writeFrame(
    request: QuoteRequest,
    to: string,
    plan: number,
    atMs: number,
    place: number,
  ): void {
    writer.at = 0;
    putFixed32(writer, REQUEST_FRAME.partition, 0);
    putFixed64(writer, REQUEST_FRAME.publishedAtMs, atMs);
    const record = beginNested(writer, REQUEST_FRAME.records);
    putBytes(writer, REQUEST.messageId, request.messageId ?? idOf(request, place));
    putFixed64(writer, REQUEST.acceptedAtMs, atMs);
    putFixed32(writer, REQUEST.account, request.account);
    putFixed32(writer, REQUEST.plan, plan);
    const message = beginNested(writer, REQUEST.message);
    putText(writer, MESSAGE.to, to);
    putText(writer, MESSAGE.from, request.from);
    if (request.binary !== undefined) {
      const body = beginNested(writer, MESSAGE.binary);
      putBytes(writer, BINARY.data, request.binary.data);
      putBytes(writer, BINARY.udh, request.binary.udh);
      endNested(writer, body);
    } else if (request.text === "") putRaw(writer, EMPTY_TEXT, 0, EMPTY_TEXT.length);
    else putText(writer, MESSAGE.text, request.text);
    putVarint(writer, MESSAGE.trafficClass, request.trafficClass);
    endNested(writer, message);
    endNested(writer, record);
  }

  return {
    tables,
    quote(request, place, nowMs, inputs) {
      const done = run(request, place, nowMs, inputs);
      return "problem" in done ? done : resultOf(done);
    },
    explain(request, place, nowMs, inputs) {
      const done = run(request, place, nowMs, inputs);
      return "problem" in done ? done : explanationOf(done.explained, resultOf(done));
    },
  };
}

function noPlan({ plans, version }: Tables): string {
  const told = plans.slice(0, PLANS_TOLD_MAX).map(({ plan, name }) => `${plan} (${name})`);
  const more = plans.length - told.length;
  const known = `${told.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const problem = `is neither the number nor the name of a plan of table set ${version}`;
  return plans.length === 0 ? `${problem}, which has none` : `${problem}; known are ${known}`;
}

interface Run {
  readonly request: QuoteRequest;
  readonly recipient: Recipient;
  readonly atMs: number;
  readonly explained: Explained;
}

function resultOf({ request, recipient, atMs, explained }: Run): QuoteResult {
  const { result, routing, choice, decision } = explained;
  const { tables } = routing;
  const [at, end] = [result.index[INDEX.verdictAt]!, result.index[INDEX.verdictEnd]!];
  const verdict = Verdict.decode(new Uint8Array(result.verdicts).subarray(at, end));
  const flag = (bit: number): boolean => (verdict.flags & bit) !== 0;
  const ucs2 = verdict.encoding === ENCODING_UCS2;
  const smart = flag(FLAG.smartEncoded);
  const { binary } = request;
  const parts =
    binary === undefined
      ? partTexts(request.text, verdict.encoding, smart, verdict.languages)
      : binaryPartsOf(binary.data, binary.udh.length).map(hexOf);
  // The hot path lets pass what may be a number that the numbering plans do not know yet.
  const { reason } = verdict;
  const places = Array.from(choice.carriers.subarray(0, choice.count));
  const priceMicros = priceOf(explained, request);
  return {
    to: recipient.to,
    valid: recipient.valid,
    // Of a number that exists the plans know the country; else the tables may know better.
    country: (recipient.valid && recipient.country) || verdict.country || recipient.country || null,
    numberType: recipient.type,
    mcc: verdict.mcc || null,
    mnc: verdict.mnc || null,
    encoding: binary !== undefined ? "binary" : ucs2 ? "ucs2" : "gsm7",
    units: binary?.data.length ?? unitsOf(parts, ucs2, verdict.languages),
    segments: verdict.segments,
    parts,
    verdict: reason === REASON.NONE ? "routed" : (REASON_NAMES[reason] ?? "").toLowerCase(),
    carriers: places.map((carrier) => tables.carriers[carrier]!),
    price: priceMicros < 0 ? null : formatMicros(priceMicros),
    cost: places.length === 0 ? null : formatMicros(choice.costsMicros[0]!),
    currency: tables.plans[decision.planIndex]?.currency ?? null,
    costCurrency: places.length === 0 ? null : currencyOf(tables, places[0]!),
    tables: { set: tables.version, made: tables.made },
    plan: verdict.plan || null,
    rule: settledBefore(reason) ? null : (routing.rules.ids[choice.rule] ?? null),
    senders: places.map((_, index) => {
      return routing.senders.texts[choice.senders[index]!] ?? request.from;
    }),
    chargeBasis: BASES[decision.chargeBasis] ?? null,
    smartEncoded: smart,
    monitored: flag(FLAG.monitored),
    ported: flag(FLAG.ported),
    tiered: flag(FLAG.tiered),
    at: new Date(atMs).toISOString(),
  };
}

/**
 * What the plan asks for the message, also where it is not routed; -1: no rate applies.
 * A tiered one by the segments that the request says the account has had.
 */
function priceOf({ routing, decision }: Explained, request: QuoteRequest): number {
  // A number that nothing is sent to has no price, whatever its prefix would cost.
  if (decision.reason === REASON.NUMBER_INVALID) return -1;
  const { tables } = routing;
  const terms = termsOf(tables, decision, request);
  if (terms < 0) return -1;
  return tierAmountOf(tables.terms, terms, request.monthSegments, decision.segments);
}

function termsOf(tables: Tables, decision: Decision, { from, trafficClass }: QuoteRequest): number {
  if (decision.digits === 0) return -1;
  const sender = Buffer.from(from, "utf8");
  return sellTerms(
    tables,
    decision.planIndex,
    SMS,
    decision.destination,
    number.digits,
    0,
    decision.digits,
    decision.network,
    trafficClass === 0 ? TRANSACTIONAL : trafficClass,
    senderKindOf(sender, 0, sender.length),
    decision.acceptedAtMs,
  );
}

/** Septets or UTF-16 units, headers apart. */
function unitsOf(parts: readonly string[], ucs2: boolean, languages: number): number {
  const widths = gsm7Widths(languages);
  let units = 0;
  for (const part of parts) {
    if (ucs2) units += part.length;
    else for (const one of part) units += widths[one.codePointAt(0)!] ?? 0;
  }
  return units;
}
