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
import { partTexts } from "../core/parts.js";
import { Verdict } from "../core/proto/floe/v1/frames.js";
import { ENCODING_UCS2, FLAG, MESSAGE, REQUEST, REQUEST_FRAME } from "../core/stream/fields.js";
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
import { parseNumber } from "./number.js";
import { idOf, type QuoteProblem, type QuoteRequest } from "./quote-request.js";
import routeAndRate from "./route-and-rate.js";
import { openTables, planIndex, type Tables } from "./tables.js";
import { INDEX } from "./task.js";

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
  readonly encoding: "gsm7" | "ucs2";
  /** Septets, or UTF-16 units, of the whole text. */
  readonly units: number;
  readonly segments: number;
  /** The text as it arrives, part by part. */
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

export interface Quoter {
  readonly tables: Tables;
  /**
   * @param place of the request among others, for `idOf`.
   * @param nowMs the time of a request that names none.
   */
  quote(request: QuoteRequest, place: number, nowMs: number): QuoteResult | QuoteProblem;
}

/** Numbers are sealed on the way and nobody keeps the result, so any key will do. */
const NO_KEY = new Uint8Array(KEY_BYTES);
/** By floe.v1.ChargeBasis. */
const BASES: readonly QuoteResult["chargeBasis"][] = [null, "submit", "delivered"];
const EMPTY_TEXT = Uint8Array.of((MESSAGE.text << 3) | 2, 0);
const SHORT_CODE = /^\d{3,6}$/;

/**
 * Quotes from one table set, for as long as it is kept.
 * @throws FloeError "tables.invalid" if the image is damaged.
 */
export function openQuoter(image: SharedArrayBuffer): Quoter {
  const tables = openTables(image);
  const plans = new Map<string, number>();
  for (const { plan, name } of tables.plans) plans.set(name, plan);
  const writer = newWriter();

  function quote(request: QuoteRequest, place: number, nowMs: number): QuoteResult | QuoteProblem {
    const plan = planOf(request.plan);
    if (plan === undefined) return { field: "plan", problem: "is no plan of the tables" };
    const atMs = request.atMs === 0 ? nowMs : request.atMs;
    const recipient = recipientOf(request);
    writeFrame(request, recipient.to ?? request.to, plan, atMs, place);
    const frames = writer.bytes.slice(0, writer.at).buffer;
    const keys = { token: NO_KEY, data: { [dataMonth(atMs)]: NO_KEY } };
    const result = routeAndRate({ frames, ends: [frames.byteLength], tables: image, keys });
    const verdict = Verdict.decode(
      new Uint8Array(result.verdicts).subarray(
        result.index[INDEX.verdictAt]!,
        result.index[INDEX.verdictEnd]!,
      ),
    );
    return told(request, recipient, verdict, atMs);
  }

  /** A name goes before a number: a plan may be called "2". */
  function planOf(wanted: string): number | undefined {
    if (wanted === "") return tables.plans[0]?.plan ?? 0;
    return plans.get(wanted) ?? (/^\d{1,10}$/.test(wanted) ? Number(wanted) : undefined);
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
    if (request.text === "") putRaw(writer, EMPTY_TEXT, 0, EMPTY_TEXT.length);
    else putText(writer, MESSAGE.text, request.text);
    putVarint(writer, MESSAGE.trafficClass, request.trafficClass);
    endNested(writer, message);
    endNested(writer, record);
  }

  function told(
    request: QuoteRequest,
    recipient: Recipient,
    verdict: Verdict,
    atMs: number,
  ): QuoteResult {
    const routed = verdict.reason === REASON.NONE;
    const ucs2 = verdict.encoding === ENCODING_UCS2;
    const flag = (bit: number): boolean => (verdict.flags & bit) !== 0;
    const smart = flag(FLAG.smartEncoded);
    const parts = partTexts(request.text, verdict.encoding, smart, verdict.languages);
    const index = planIndex(tables, verdict.plan);
    return {
      to: recipient.to,
      valid: recipient.valid,
      country: recipient.country || verdict.country || null,
      numberType: recipient.type,
      mcc: verdict.mcc || null,
      mnc: verdict.mnc || null,
      encoding: ucs2 ? "ucs2" : "gsm7",
      units: unitsOf(parts, ucs2, verdict.languages),
      segments: verdict.segments,
      parts,
      verdict: routed ? "routed" : (REASON_NAMES[verdict.reason] ?? "internal").toLowerCase(),
      carriers: routed
        ? [verdict.carrier, ...verdict.candidates.map(({ carrier }) => carrier)]
        : [],
      price: routed ? formatMicros(verdict.priceMicros) : null,
      cost: routed ? formatMicros(verdict.costMicros) : null,
      currency: tables.plans[index]?.currency ?? null,
      costCurrency: verdict.costCurrency || null,
      tables: { set: tables.version, made: tables.made },
      plan: verdict.plan || null,
      rule: verdict.rule || null,
      senders: routed
        ? [verdict.sentSender, ...verdict.candidates.map(({ sender }) => sender)].map(
            (sender) => sender || verdict.sender,
          )
        : [],
      chargeBasis: BASES[verdict.chargeBasis as number] ?? null,
      smartEncoded: smart,
      monitored: flag(FLAG.monitored),
      ported: flag(FLAG.ported),
      tiered: flag(FLAG.tiered),
      at: new Date(atMs).toISOString(),
    };
  }

  return { tables, quote };
}

interface Recipient {
  /** E.164 with "+"; null: none can be made of it. */
  readonly to: string | null;
  readonly country: string;
  readonly type: string;
  readonly valid: boolean;
}

function recipientOf({ to, defaultRegion }: QuoteRequest): Recipient {
  const parsed = parseNumber(to, defaultRegion);
  if (SHORT_CODE.test(to) && parsed?.possible !== true) {
    return { to: null, country: defaultRegion, type: "short_code", valid: false };
  }
  if (parsed === undefined) return { to: null, country: "", type: "unknown", valid: false };
  const { e164 = null, country, type, valid } = parsed;
  return { to: e164, country, type, valid };
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
