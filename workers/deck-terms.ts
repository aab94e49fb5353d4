/**
 * Terms of a deck's rows: the columns of a deck file, and what the cells of a row say of its price.
 *
 * Names beside the columns are those of carriers' files (a messaging platform's
 * `MCCMNC,PriceSubmit,PriceDelivered,Currency,Effective` with Ignore and Cease, `MCC,MNC,...,RATE`,
 * dial code decks with a billing increment). Cells are read as text here: a file has few different
 * terms, and each is read once (parse-deck.ts).
 */
import type { CsvRow, TellProblem } from "./csv.js";
import { AMOUNT_PROBLEMS, amountOf, TIME_PROBLEM, timeOf } from "./csv-cells.js";
import { cellText, type Header, type KnownColumns } from "./csv-header.js";
import { type RateTerms, ROUNDING, SENDER_KIND, TIERS, type TierScheme } from "./source.js";

export type DeckColumn =
  | (typeof MATCH_COLUMNS)[number]
  | (typeof TERMS_COLUMNS)[number]
  | "carrier"
  | "plan"
  | "channel"
  | "currency"
  | "ignore";

export const MATCH_COLUMNS = ["prefix", "mccmnc", "mcc", "mnc"] as const;
export const TERMS_COLUMNS = [
  "price",
  "price_submit",
  "price_delivered",
  "charge_basis",
  "effective",
  "expires",
  "unit",
  "increment",
  "message_fee",
  "segment_fee",
  "minimum",
  "sender_kind",
  "traffic_class",
  "rounding",
  "decimals",
  "tiers",
] as const;

export const DECK_COLUMNS: KnownColumns<DeckColumn> = {
  prefix: ["prefixes", "code", "dialcode", "dialingcode", "destinationcode", "areacode"],
  mccmnc: ["plmn", "networkcode"],
  mcc: ["mobilecountrycode"],
  mnc: ["mobilenetworkcode"],
  price: ["rate", "cost", "unitprice", "pricepersms", "pricepersegment", "ratepersms", "tariff"],
  price_submit: ["submitprice", "pricesubmitted", "pricepersubmit"],
  price_delivered: ["deliveredprice", "pricedelivery", "priceperdelivered"],
  charge_basis: ["billedby", "chargedby"],
  currency: ["ccy", "currencycode"],
  effective: [
    "effectivedate",
    "effectivefrom",
    "effectivetime",
    "validfrom",
    "startdate",
    "starttime",
    "activationtime",
  ],
  expires: [
    "expiry",
    "expirydate",
    "expirationdate",
    "effectiveto",
    "validto",
    "validuntil",
    "cease",
    "ceasetime",
    "ceasedate",
    "enddate",
    "endtime",
  ],
  ignore: ["ignored", "skip"],
  unit: ["rateunit"],
  increment: ["increments", "billingincrement", "billingincrements", "rateincrement"],
  message_fee: ["fee", "connectfee", "connectionfee", "connectioncharge", "setupfee"],
  segment_fee: ["surcharge", "segmentsurcharge"],
  minimum: ["minimumcharge", "mincharge", "minimumprice"],
  sender_kind: ["sendertype", "senderidtype"],
  traffic_class: ["traffictype", "traffickind"],
  channel: ["service"],
  rounding: ["roundingmethod"],
  decimals: ["roundingdecimals"],
  tiers: [],
  carrier: [],
  plan: [],
};

export const TRAFFIC_CLASSES: Readonly<Record<string, number>> = {
  "": 0,
  all: 0,
  any: 0,
  authentication: 1,
  transactional: 2,
  promotional: 3,
};
const CHARGE_BASES: Readonly<Record<string, number>> = {
  "": 0,
  submit: 1,
  submitted: 1,
  sent: 1,
  delivered: 2,
};
const SENDER_KINDS: Readonly<Record<string, number>> = { "": 0, ...SENDER_KIND };
const ROUNDINGS: Readonly<Record<string, number>> = { "": ROUNDING.up, ...ROUNDING };
const INCREMENT_MAX = 1_000_000;
/** Finer than a micro-unit there is nothing, so that nothing is rounded. */
const DECIMALS_MAX = 6;

export interface TermsContext {
  readonly header: Header<DeckColumn>;
  /** For rows that say none. */
  readonly effectiveFromMs: number;
  readonly tell: TellProblem;
}

/** undefined: a cell was wrong, and has been told. */
export function readTerms(row: CsvRow, context: TermsContext): RateTerms | undefined {
  const { at, names } = context.header;
  let right = true;
  const wrong = (column: DeckColumn, problem: string): undefined => {
    right = false;
    context.tell(row.line, names[at[column]] ?? column, problem);
  };
  const cell = (column: DeckColumn): string => cellText(row, at[column]);
  const amount = (column: DeckColumn, text = cell(column)): number => {
    if (text === "") return 0;
    const bytes = Buffer.from(text);
    const value = amountOf(bytes, 0, bytes.length);
    if (value < 0) wrong(column, AMOUNT_PROBLEMS[value]!);
    return value;
  };
  const time = (column: DeckColumn, absent: number): number => {
    if (cell(column) === "") return absent;
    const ms = timeOf(cell(column));
    if (Number.isNaN(ms)) wrong(column, TIME_PROBLEM);
    return ms;
  };
  const choice = (column: DeckColumn, of: Readonly<Record<string, number>>): number => {
    const text = cell(column).toLowerCase().replace(/^\*/, "");
    if (Object.hasOwn(of, text)) return of[text]!;
    wrong(column, `must be one of ${Object.keys(of).filter(Boolean).join(", ")}`);
    return 0;
  };

  const tiers = readTiers(cell("tiers"), (problem) => wrong("tiers", problem), amount);
  const price = readPrice({ cell, amount, wrong, tiers });
  const effectiveFromMs = time("effective", context.effectiveFromMs);
  const effectiveToMs = time("expires", 0);
  if (effectiveToMs > 0 && effectiveToMs <= effectiveFromMs) {
    wrong("expires", "is not after the time from which the row is effective");
  }
  const unit = cell("unit").toLowerCase() || "segment";
  if (unit !== "segment" && unit !== "message") wrong("unit", "must be segment or message");
  const terms: RateTerms = {
    effectiveFromMs,
    effectiveToMs,
    senderKind: choice("sender_kind", SENDER_KINDS),
    trafficClass: choice("traffic_class", TRAFFIC_CLASSES),
    unit: unit === "message" ? "message" : "segment",
    priceMicros: price,
    increment: readIncrement(cell("increment"), (problem) => wrong("increment", problem)),
    messageFeeMicros: amount("message_fee"),
    segmentFeeMicros: amount("segment_fee"),
    minimumMicros: amount("minimum"),
    chargeBasis: readBasis({ cell, amount, wrong }, choice("charge_basis", CHARGE_BASES)),
    rounding: choice("rounding", ROUNDINGS),
    decimals: readDecimals(cell("decimals"), (problem) => wrong("decimals", problem)),
    ...(tiers === undefined ? {} : { tiers }),
  };
  return right ? terms : undefined;
}

interface Cells {
  cell(column: DeckColumn): string;
  amount(column: DeckColumn): number;
  wrong(column: DeckColumn, problem: string): void;
}

/** One of the three columns, or the first step of the tiers. */
function readPrice(cells: Cells & { readonly tiers: TierScheme | undefined }): number {
  const { cell, amount, wrong, tiers } = cells;
  const given = (["price", "price_submit", "price_delivered"] as const).filter(
    (column) => cell(column) !== "",
  );
  if (tiers !== undefined) {
    if (given.length > 0) wrong("tiers", "stand in place of a price: leave the price empty");
    return tiers.steps[0]?.priceMicros ?? 0;
  }
  if (given.length === 0) {
    wrong(cells.cell("price_submit") === "" ? "price" : "price_submit", "is missing");
    return 0;
  }
  const submit = amount("price_submit");
  const delivered = amount("price_delivered");
  if (cell("price") === "") {
    if (submit > 0 && delivered > 0) {
      wrong("price_delivered", "and the price on submission are both given: one must be 0");
    }
    return submit > 0 ? submit : delivered;
  }
  if (given.length > 1) wrong("price", "and a price by charge basis are both given");
  return amount("price");
}

function readBasis({ cell, amount, wrong }: Cells, named: number): number {
  const submit = cell("price_submit") === "" ? 0 : amount("price_submit");
  const delivered = cell("price_delivered") === "" ? 0 : amount("price_delivered");
  const found = submit > 0 ? 1 : delivered > 0 ? 2 : 0;
  if (named > 0 && found > 0 && named !== found) wrong("charge_basis", "is not that of the price");
  return found > 0 ? found : named;
}

/** `n`, or `n/n` as dial code decks write it, of which only 1/1 has a meaning for messages. */
function readIncrement(text: string, wrong: (problem: string) => void): number {
  if (text === "" || text === "1/1") return 1;
  if (/^\d+\/\d+$/.test(text)) {
    wrong("is in seconds, which messages do not have: only 1/1 is taken");
    return 1;
  }
  const value = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > INCREMENT_MAX) wrong("must be a whole number from 1");
  return value;
}

function readDecimals(text: string, wrong: (problem: string) => void): number {
  if (text === "") return DECIMALS_MAX;
  if (!/^[0-6]$/.test(text)) wrong(`must be a whole number from 0 to ${DECIMALS_MAX}`);
  return Number(text);
}

/** `graduated 0:0.03 1000:0.025`: from so many segments of the month on, this price. */
function readTiers(
  text: string,
  wrong: (problem: string) => void,
  amount: (column: DeckColumn, text: string) => number,
): TierScheme | undefined {
  if (text === "") return undefined;
  const [name = "", ...parts] = text.toLowerCase().split(/[\s|]+/);
  const mode = Object.hasOwn(TIERS, name) ? TIERS[name as keyof typeof TIERS] : 0;
  if (mode === 0) wrong("must begin with graduated or volume");
  const steps = parts.map((part) => {
    const [from, price = "", more] = part.split(":");
    const whole = /^\d{1,12}$/.test(from ?? "") && price !== "" && more === undefined;
    if (!whole) wrong("must be steps such as 0:0.03 1000:0.025");
    return { from: whole ? Number(from) : 0, priceMicros: whole ? amount("tiers", price) : 0 };
  });
  if (steps[0]?.from !== 0) wrong("must begin with a step from 0");
  if (steps.some(({ from }, at) => at > 0 && from <= steps[at - 1]!.from)) wrong("must rise");
  return { mode, steps };
}
