/**
 * Quote wire: quotes as proto/floe/v1/quote.proto and routing.proto have them, and back.
 *
 * In proto an empty text is what null is in JSON: nothing that may be empty stands in these fields.
 * What customers get has no carrier, no cost, no rule, and no word of what watches them.
 */
import { formatId } from "../core/message.js";
import type { Quote, QuoteMessage } from "../core/proto/floe/v1/quote.js";
import type {
  CarrierOutcome,
  HypotheticalMessage,
  RoutedQuote,
} from "../core/proto/floe/v1/routing.js";
import type { QuoteResult } from "./quote.js";
import type { CarrierExplained } from "./quote-explained.js";
import {
  CLASSES,
  hexOf,
  parseQuoteRequest,
  type QuoteProblem,
  type QuoteRequest,
} from "./quote-request.js";

/** What a customer's message asks; checked as a line of a file is. */
export function requestOf(message: QuoteMessage): QuoteRequest | QuoteProblem {
  return parseQuoteRequest(plainOf(message));
}

export function hypotheticalRequestOf(asked: HypotheticalMessage): QuoteRequest | QuoteProblem {
  if (asked.message === undefined) return { field: "message", problem: "must be there" };
  return parseQuoteRequest({
    ...plainOf(asked.message),
    ...(asked.account === 0 ? {} : { account: asked.account }),
    ...(asked.plan === "" ? {} : { plan: asked.plan }),
    ...(asked.monthSegments === 0n ? {} : { monthSegments: Number(asked.monthSegments) }),
    ...(asked.messageId === "" ? {} : { messageId: asked.messageId }),
  });
}

function plainOf(message: QuoteMessage): Record<string, unknown> {
  const { to, from, text, binary, trafficClass, defaultRegion, at, skipValidation } = message;
  const octets = binary && { binary: hexOf(binary.data), udh: hexOf(binary.udh) };
  return {
    to,
    from,
    ...octets,
    ...(binary !== undefined && text === "" ? {} : { text }),
    // A number that is no class stays one, and is refused as such.
    ...(trafficClass === 0
      ? {}
      : { trafficClass: CLASSES[trafficClass as number] ?? trafficClass }),
    ...(defaultRegion === "" ? {} : { defaultRegion }),
    ...(at === "" ? {} : { at }),
    validate: !skipValidation,
  };
}

/** For RoutingService. */
export function hypotheticalOf(request: QuoteRequest): HypotheticalMessage {
  const { to, from, text, binary, trafficClass, defaultRegion, atMs, messageId } = request;
  return {
    message: {
      to,
      from,
      text,
      trafficClass: trafficClass as QuoteMessage["trafficClass"],
      defaultRegion,
      at: atMs === 0 ? "" : new Date(atMs).toISOString(),
      skipValidation: !request.validate,
      binary: binary && { data: Buffer.from(binary.data), udh: Buffer.from(binary.udh) },
    },
    account: request.account,
    plan: request.plan,
    monthSegments: BigInt(request.monthSegments),
    messageId: messageId === undefined ? "" : formatId(messageId, 0),
  };
}

/** What the message's customer may know. */
export function quoteOf(result: QuoteResult): Quote {
  return {
    to: result.to ?? "",
    valid: result.valid,
    country: result.country ?? "",
    numberType: result.numberType,
    mcc: result.mcc ?? "",
    mnc: result.mnc ?? "",
    encoding: result.encoding,
    units: result.units,
    segments: result.segments,
    parts: [...result.parts],
    verdict: result.verdict,
    price: result.price ?? "",
    currency: result.currency ?? "",
    chargeBasis: result.chargeBasis ?? "",
    plan: result.plan ?? 0,
    tablesVersion: result.tables.set,
    smartEncoded: result.smartEncoded,
    ported: result.ported,
    tiered: result.tiered,
    at: result.at,
  };
}

export function routedQuoteOf(result: QuoteResult): RoutedQuote {
  return {
    quote: quoteOf(result),
    carriers: [...result.carriers],
    senders: [...result.senders],
    cost: result.cost ?? "",
    costCurrency: result.costCurrency ?? "",
    rule: result.rule ?? "",
    monitored: result.monitored,
    tablesMade: { ...result.tables.made },
  };
}

export function carrierOutcomeOf(told: CarrierExplained): CarrierOutcome {
  return {
    carrier: told.carrier,
    place: told.place ?? 0,
    removedBy: told.removedBy ?? "",
    cost: told.cost ?? "",
    costCurrency: told.costCurrency ?? "",
    costInCurrency: told.costInCurrency ?? "",
    score: told.score === null ? "" : String(told.score),
  };
}

/** `carrierOutcomeOf` undone. */
export function carrierExplainedOf(told: CarrierOutcome): CarrierExplained {
  return {
    carrier: told.carrier,
    place: told.place || null,
    removedBy: told.removedBy || null,
    cost: told.cost || null,
    costCurrency: told.costCurrency || null,
    costInCurrency: told.costInCurrency || null,
    score: told.score === "" ? null : Number(told.score),
  };
}

/** What a customer's quote says in JSON. */
export function customerResultOf(quote: Quote) {
  return {
    to: quote.to || null,
    valid: quote.valid,
    country: quote.country || null,
    numberType: quote.numberType,
    mcc: quote.mcc || null,
    mnc: quote.mnc || null,
    encoding: quote.encoding as QuoteResult["encoding"],
    units: quote.units,
    segments: quote.segments,
    parts: quote.parts,
    verdict: quote.verdict,
    price: quote.price || null,
    currency: quote.currency || null,
    tables: { set: quote.tablesVersion },
    plan: quote.plan || null,
    chargeBasis: (quote.chargeBasis || null) as QuoteResult["chargeBasis"],
    smartEncoded: quote.smartEncoded,
    ported: quote.ported,
    tiered: quote.tiered,
    at: quote.at,
  };
}
export type CustomerResult = ReturnType<typeof customerResultOf>;

/** `routedQuoteOf` and this undo each other. */
export function resultOf(routed: RoutedQuote): QuoteResult | undefined {
  if (routed.quote === undefined) return undefined;
  const told = customerResultOf(routed.quote);
  return {
    to: told.to,
    valid: told.valid,
    country: told.country,
    numberType: told.numberType,
    mcc: told.mcc,
    mnc: told.mnc,
    encoding: told.encoding,
    units: told.units,
    segments: told.segments,
    parts: told.parts,
    verdict: told.verdict,
    carriers: routed.carriers,
    price: told.price,
    cost: routed.cost || null,
    currency: told.currency,
    costCurrency: routed.costCurrency || null,
    tables: { set: told.tables.set, made: routed.tablesMade },
    plan: told.plan,
    rule: routed.rule || null,
    senders: routed.senders,
    chargeBasis: told.chargeBasis,
    smartEncoded: told.smartEncoded,
    monitored: routed.monitored,
    ported: told.ported,
    tiered: told.tiered,
    at: told.at,
  };
}
