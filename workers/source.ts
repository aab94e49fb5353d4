/**
 * Source: the rows that a table set is made of.
 *
 * In: CSV files of a folder (parse-folder.ts), or the configuration plane (services/admin). Out:
 * what compile.ts makes an image of. Small tables are rows of objects; what may have millions of
 * rows (decks, networks by prefix, ported numbers) is columns, whose equal values are stored once.
 *
 * Money is whole micro-units of the currency named beside it. Times are milliseconds since 1970.
 */

import type { OutcomeFields } from "../core/outcome-policy.js";

export interface TableSource {
  /** Number of the table set, from 1; decisions record it. */
  readonly version: number;
  /** Which revision of which table the set was made of, for people: `deck/carrier-alpha` -> "3". */
  readonly made: Readonly<Record<string, string>>;
  readonly carriers: readonly CarrierRow[];
  readonly plans: readonly PlanRow[];
  readonly networks: NetworkColumns;
  /** Network of a country's numbers whose network is unknown. */
  readonly defaultNetworks: readonly NetworkId[];
  readonly ported: PortedColumns;
  /** Buy decks, one a carrier and channel, and sell decks, one a plan and channel. */
  readonly decks: readonly DeckSource[];
  readonly exchangeRates: readonly ExchangeRateRow[];
  readonly rules: readonly RuleRow[];
  readonly senderRules: readonly SenderRuleRow[];
  readonly guards: readonly GuardRow[];
}

export interface CarrierRow {
  readonly name: string;
  /** National language tables it takes (3GPP TS 23.038, 6.2.1.2.4: "tr", "es", "pt", ...). */
  readonly languages: readonly string[];
}

/** A customers' price plan. */
export interface PlanRow {
  readonly plan: number;
  readonly name: string;
  /** ISO 4217, of all its prices. */
  readonly currency: string;
  /** floe.v1.ChargeBasis where a price row says none: 1 on submission, 2 on delivery. */
  readonly chargeBasis: number;
  /** Typographic characters are replaced by those of the GSM 7-bit alphabet where that saves. */
  readonly smartEncoding: boolean;
  /**
   * A recipient's number need only be possible (its country has numbers so long). Else it must be
   * valid, that is, in a pattern of its numbering plan.
   */
  readonly possibleNumbers: boolean;
}

/** ITU-T E.212 codes are strings: "01" is not "1". */
export interface NetworkId {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** Three digits, or "" with an empty mnc: the country is known and no more. */
  readonly mcc: string;
  readonly mnc: string;
}

/** Whose numbers begin so. */
export interface NetworkColumns {
  /** Digits, 1 to 15, not beginning with 0. */
  readonly prefixes: readonly string[];
  /** Index into `ids`, for each prefix. */
  readonly of: Uint32Array;
  readonly ids: readonly NetworkId[];
}

/** Numbers that left the network of their prefix. Sorted by number, each once. */
export interface PortedColumns {
  /** All digits, country code included: at most 15, so a double holds them exactly. */
  readonly numbers: Float64Array;
  /** Index into `ids`. */
  readonly of: Uint16Array;
  readonly ids: readonly NetworkId[];
}

export const CHANNELS = ["sms", "fax"] as const;
export type Channel = (typeof CHANNELS)[number];

export interface DeckSource {
  /** Of a carrier: what it charges. Of a plan: what its customers pay. */
  readonly owner: { readonly carrier: string } | { readonly plan: number };
  readonly channel: Channel;
  /** ISO 4217, of all rows. A plan's deck has the plan's. */
  readonly currency: string;
  readonly rows: DeckColumns;
  readonly terms: readonly RateTerms[];
}

/** What a row matches. The most specific that applies wins: network, longest prefix, mcc, default. */
export const MATCH = { default: 0, mcc: 1, prefix: 2, network: 3 } as const;

/** Row n is `kinds[n]`, `codes[n]` with `lengths[n]` digits, `terms[n]`. In no order. */
export interface DeckColumns {
  readonly count: number;
  /** MATCH. */
  readonly kinds: Uint8Array;
  /** Digits as a number: of a prefix, of an mcc, or of mcc and mnc together; 0 of a default. */
  readonly codes: Float64Array;
  /** How many digits: "001" and "01" differ, and so do "23401" and "234001". 0 of a default. */
  readonly lengths: Uint8Array;
  /** Index into the deck's `terms`; rows of equal terms share them. */
  readonly terms: Uint32Array;
}

export const ROUNDING = { up: 0, middle: 1, down: 2 } as const;
export const SENDER_KIND = { any: 0, alphanumeric: 1, numeric: 2, short: 3 } as const;
export const TIERS = { graduated: 1, volume: 2 } as const;

/**
 * When a row applies, and what a message then costs (workers/rating.ts says how it is added up):
 * fee for the message + units * (price + fee for a segment), at least the minimum, rounded.
 */
export interface RateTerms {
  /** Applies from this time on (accepted time of the message), and before that one. 0: no bound. */
  readonly effectiveFromMs: number;
  readonly effectiveToMs: number;
  /** SENDER_KIND: alphanumeric sender, long number, short code. */
  readonly senderKind: number;
  /** floe.v1.TrafficClass; 0: all. A row for the class goes before one for all. */
  readonly trafficClass: number;
  readonly unit: "segment" | "message";
  /** For one unit. */
  readonly priceMicros: number;
  /** Units are billed in multiples of this (CGRateS RateIncrement); 1 as a rule. */
  readonly increment: number;
  /** Once a message (CGRateS ConnectFee). */
  readonly messageFeeMicros: number;
  /** For each segment, whatever the unit. */
  readonly segmentFeeMicros: number;
  /** The message costs at least this. */
  readonly minimumMicros: number;
  /** floe.v1.ChargeBasis; 0: the plan's (a carrier's: 1). */
  readonly chargeBasis: number;
  /** ROUNDING, to so many decimals (0 to 6) of the currency, of the whole message. */
  readonly rounding: number;
  readonly decimals: number;
  /** Instead of `priceMicros`, by the account's segments of the month (UTC); sell decks only. */
  readonly tiers?: TierScheme;
}

export interface TierScheme {
  /** TIERS: each segment at the price of its place, or all of a message at that of its first. */
  readonly mode: number;
  /** Rising; the first is 0. `from`: segments of the month before which the step begins. */
  readonly steps: readonly { readonly from: number; readonly priceMicros: number }[];
}

/** What one unit of `currency` is worth in the unit that all are compared in, times 10^9. */
export interface ExchangeRateRow {
  readonly currency: string;
  readonly effectiveFromMs: number;
  /** From 1 to 10^15. */
  readonly rateNanos: number;
}

/** Which messages go how. Rules are tried in the order of `order`, then `id`; the first match rules. */
export interface RuleRow extends OutcomeFields {
  /** A token: a-z, 0-9, dashes; named in decisions. */
  readonly id: string;
  readonly order: number;
  /** Empty: all. Within one list any, over the lists all must match. */
  readonly accounts: readonly number[];
  readonly plans: readonly number[];
  readonly trafficClasses: readonly number[];
  readonly channels: readonly Channel[];
  readonly countries: readonly string[];
  readonly prefixes: readonly string[];
  /** mcc and mnc together ("23410"), or mcc alone. */
  readonly networks: readonly string[];
  /** Exact, as the customer gives them. */
  readonly senders: readonly string[];
  /** SENDER_KIND. */
  readonly senderKinds: readonly number[];
  /** A strategy expression (workers/strategy.ts), such as `weight(alpha:70, beta:30) else cost(*)`; `block`. */
  readonly strategy: string;
  /**
   * Price less cost must be at least this: micro-units of the plan's currency and 1/100 percent of
   * the price, both. `allowLoss`: neither is looked at.
   */
  readonly marginMicros: number;
  readonly marginBasisPoints: number;
  readonly allowLoss: boolean;
}

/** What a sender may be in a country and at a carrier. The most specific row decides: both, country, carrier, none. */
export interface SenderRuleRow {
  readonly id: string;
  /** ISO 3166-1 alpha-2; "": all. */
  readonly country: string;
  /** "": all. */
  readonly carrier: string;
  /** For each kind of sender: taken as it is, only if registered, replaced by `replacement`, or the carrier is not used. */
  readonly alphanumeric: SenderPolicy;
  readonly numeric: SenderPolicy;
  readonly short: SenderPolicy;
  readonly replacement: string;
  /** Exact. `account` 0: everybody's. */
  readonly registered: readonly { readonly account: number; readonly sender: string }[];
}
export type SenderPolicy = "allow" | "registered" | "replace" | "refuse";

/** What an account may do. */
export interface GuardRow {
  readonly account: number;
  /** By ISO 3166-1 alpha-2. `monitor`: let through and marked in the decision. */
  readonly countries: Readonly<Record<string, "allow" | "block" | "monitor">>;
  /** For all others. */
  readonly otherCountries: "allow" | "block" | "monitor";
  /** Micro-units of the plan's currency for one message; 0: no ceiling. */
  readonly priceCeilingMicros: number;
  /** floe.v1.TrafficClass; empty: all. */
  readonly trafficClasses: readonly number[];
  /** Carriers that this account's traffic comes from: never sent back there (loop guard). */
  readonly neverCarriers: readonly string[];
}
