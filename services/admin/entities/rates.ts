/** Rates: a row of a deck as a message. */

import { formatMicros } from "../../../core/money.js";
import type { Rate } from "../../../core/proto/floe/v1/pricing_admin.js";
import { type DeckSource, MATCH, type RateTerms } from "../../../workers/source.js";
import { amountText } from "./amounts.js";

const MCC_DIGITS = 3;

/** The digits that row `row` matches: of a prefix, of an mcc, of mcc and mnc; "" of a default. */
export function digitsOf({ rows }: DeckSource, row: number): string {
  const length = rows.lengths[row]!;
  return length === 0 ? "" : String(rows.codes[row]).padStart(length, "0");
}

export function rateOf(deck: DeckSource, row: number): Rate {
  const kind = deck.rows.kinds[row];
  const digits = digitsOf(deck, row);
  const isNetwork = kind === MATCH.network || kind === MATCH.mcc;
  return {
    prefix: kind === MATCH.prefix ? digits : "",
    mcc: isNetwork ? digits.slice(0, MCC_DIGITS) : "",
    mnc: isNetwork ? digits.slice(MCC_DIGITS) : "",
    ...termsOf(deck.terms[deck.rows.terms[row]!]!),
  };
}

function termsOf(terms: RateTerms): Omit<Rate, "prefix" | "mcc" | "mnc"> {
  return {
    effectiveFrom: timeOf(terms.effectiveFromMs),
    effectiveTo: timeOf(terms.effectiveToMs),
    senderKind: terms.senderKind as Rate["senderKind"],
    trafficClass: terms.trafficClass as Rate["trafficClass"],
    unit: terms.unit === "segment" ? 1 : 2,
    price: terms.tiers === undefined ? formatMicros(terms.priceMicros) : "",
    increment: terms.increment,
    messageFee: amountText(terms.messageFeeMicros),
    segmentFee: amountText(terms.segmentFeeMicros),
    minimum: amountText(terms.minimumMicros),
    chargeBasis: terms.chargeBasis as Rate["chargeBasis"],
    rounding: (terms.rounding + 1) as Rate["rounding"],
    decimals: terms.decimals,
    tierMode: (terms.tiers?.mode ?? 0) as Rate["tierMode"],
    tiers: (terms.tiers?.steps ?? []).map(({ from, priceMicros }) => ({
      fromSegments: BigInt(from),
      price: formatMicros(priceMicros),
    })),
  };
}

function timeOf(ms: number): Date | undefined {
  return ms === 0 ? undefined : new Date(ms);
}
