/**
 * Source: table sets of a given size, the same for the same size wherever they are made.
 *
 * `prefixes` different prefixes, each with a row in every carrier's buy deck and in the sell deck
 * of the first plan, as the "N prefixes x 20 carriers" says; beside them rows by mcc and a
 * default row. Each carrier prices each prefix by itself: real decks price whole networks alike,
 * which a compiler may store once and a cache keep, so these tables are the worst of their size.
 * All decks share the arrays of their matches, as columns may.
 */
import { type Chance, seededChance } from "../../core/clock.js";
import {
  type DeckColumns,
  type DeckSource,
  type GuardRow,
  MATCH,
  type NetworkColumns,
  type NetworkId,
  type PortedColumns,
  type RateTerms,
  ROUNDING,
  type RuleRow,
  type SenderRuleRow,
  type TableSource,
} from "../../workers/source.js";
import { COUNTRIES, type CountryPlan } from "./plan.js";

export interface BenchTables {
  readonly source: TableSource;
  /** All prefixes, for numbers that begin so. */
  readonly prefixes: Prefixes;
}

/** Prefix n is `codes[n]` with `lengths[n]` digits, in the country `COUNTRIES[countries[n]]`. */
export interface Prefixes {
  readonly count: number;
  readonly codes: Float64Array;
  readonly lengths: Uint8Array;
  readonly countries: Uint8Array;
}

/** What all accepted times of the bench are, a while after every rate's start. */
export const BENCH_AT_MS = Date.UTC(2026, 10, 24, 9, 30);
/** Plans and accounts that messages have. */
export const BENCH_PLAN = 1;
export const BENCH_ACCOUNT = 7;
/** Different prices of a deck, as carriers have: terms are shared by the rows that have them. */
const PRICES = 2_000;
const EFFECTIVE_AT_MS = Date.UTC(2026, 0, 1);
/** Ported numbers for each prefix, so that both grow. */
const PORTED_SHARE = 1;

/** @param told is called with how many of `prefixes` are made, now and then. */
export function benchTables(
  prefixes: number,
  carriers: number,
  version = 1,
  told: (made: number) => void = () => {},
): BenchTables {
  const chance = seededChance(20_261_124 + version);
  const known = makePrefixes(prefixes, seededChance(4), told);
  const matches = matchesOf(known);
  const names = Array.from({ length: carriers }, (_, index) => `carrier-${index + 1}`);
  const ids = networkIds();
  const source: TableSource = {
    version,
    made: { bench: String(version) },
    carriers: names.map((name) => ({ name, languages: [] })),
    plans: [
      {
        plan: BENCH_PLAN,
        name: "standard",
        currency: "EUR",
        chargeBasis: 1,
        smartEncoding: false,
        possibleNumbers: false,
      },
    ],
    networks: networksOf(known, ids, chance),
    defaultNetworks: COUNTRIES.map(({ country, mcc, mncs }) => ({ country, mcc, mnc: mncs[0]! })),
    ported: portedOf(known, ids, chance),
    decks: [
      ...names.map((carrier, index) => {
        const currency = index % 4 === 3 ? "USD" : "EUR";
        return deckOf({ carrier }, currency, matches, 8_000, chance);
      }),
      deckOf({ plan: BENCH_PLAN }, "EUR", matches, 60_000, chance),
    ],
    exchangeRates: [
      { currency: "EUR", effectiveFromMs: 0, rateNanos: 1_000_000_000 },
      { currency: "USD", effectiveFromMs: 0, rateNanos: 921_000_000 },
      { currency: "USD", effectiveFromMs: EFFECTIVE_AT_MS, rateNanos: 918_300_000 },
    ],
    rules: rules(names),
    senderRules: senderRules(names),
    guards: [guard()],
  };
  return { source, prefixes: known };
}

/** Ranges first, then ever longer ones below them, until there are enough. */
function makePrefixes(count: number, chance: Chance, told: (made: number) => void): Prefixes {
  const codes = new Float64Array(count);
  const lengths = new Uint8Array(count);
  const countries = new Uint8Array(count);
  const seen = new Set<number>();
  let made = 0;
  const add = (code: number, length: number, country: number): void => {
    if (made === count || seen.has(code)) return;
    seen.add(code);
    codes[made] = code;
    lengths[made] = length;
    countries[made] = country;
    made += 1;
    if ((made & 0xffff) === 0) told(made);
  };
  for (const [index, { ranges }] of COUNTRIES.entries()) {
    for (const range of ranges) add(Number(range), range.length, index);
  }
  while (made < count) {
    const index = Math.floor(chance() * COUNTRIES.length);
    const { ranges, digits } = COUNTRIES[index]!;
    const range = ranges[Math.floor(chance() * ranges.length)]!;
    // Two to five digits more than the range, but not a whole number.
    const more = Math.min(2 + Math.floor(chance() * 4), digits - range.length - 2);
    const code = Number(range) * 10 ** more + Math.floor(chance() * 10 ** more);
    add(code, range.length + more, index);
  }
  told(count);
  return { count, codes, lengths, countries };
}

function matchesOf(known: Prefixes): Omit<DeckColumns, "terms"> {
  const count = known.count + COUNTRIES.length + 1;
  const kinds = new Uint8Array(count).fill(MATCH.prefix, 0, known.count);
  const codes = new Float64Array(count);
  const lengths = new Uint8Array(count);
  codes.set(known.codes);
  lengths.set(known.lengths);
  for (const [index, { mcc }] of COUNTRIES.entries()) {
    kinds[known.count + index] = MATCH.mcc;
    codes[known.count + index] = Number(mcc);
    lengths[known.count + index] = mcc.length;
  }
  return { count, kinds, codes, lengths };
}

function deckOf(
  owner: DeckSource["owner"],
  currency: string,
  matches: Omit<DeckColumns, "terms">,
  lowestMicros: number,
  chance: Chance,
): DeckSource {
  const terms = Array.from({ length: PRICES }, (_, index) =>
    termsOf(lowestMicros + Math.floor(chance() * 4_000) * 10 + index * 10),
  );
  const rows = new Uint32Array(matches.count);
  for (let row = 0; row < rows.length; row += 1) rows[row] = Math.floor(chance() * PRICES);
  return { owner, channel: "sms", currency, rows: { ...matches, terms: rows }, terms };
}

function termsOf(priceMicros: number): RateTerms {
  return {
    effectiveFromMs: EFFECTIVE_AT_MS,
    effectiveToMs: 0,
    senderKind: 0,
    trafficClass: 0,
    unit: "segment",
    priceMicros,
    increment: 1,
    messageFeeMicros: 0,
    segmentFeeMicros: 0,
    minimumMicros: 0,
    chargeBasis: 0,
    rounding: ROUNDING.up,
    decimals: 6,
  };
}

function networkIds(): NetworkId[] {
  return COUNTRIES.flatMap(({ country, mcc, mncs }) =>
    mncs.map((mnc): NetworkId => ({ country, mcc, mnc })),
  );
}

/** Index of a random network of a country. */
function anyNetwork(country: number, ids: readonly NetworkId[], chance: Chance): number {
  const { mcc, mncs }: CountryPlan = COUNTRIES[country]!;
  const first = ids.findIndex((id) => id.mcc === mcc);
  return first + Math.floor(chance() * mncs.length);
}

function networksOf(known: Prefixes, ids: readonly NetworkId[], chance: Chance): NetworkColumns {
  const of = Uint32Array.from(known.countries, (country) => anyNetwork(country, ids, chance));
  return { prefixes: Array.from(known.codes, (code) => String(code)), of, ids };
}

function portedOf(known: Prefixes, ids: readonly NetworkId[], chance: Chance): PortedColumns {
  const wanted = Math.floor(known.count * PORTED_SHARE);
  const numbers = new Float64Array(wanted);
  for (let index = 0; index < wanted; index += 1) {
    numbers[index] = numberIn(known, Math.floor(chance() * known.count), chance);
  }
  const sorted = numbers.sort().filter((number, index, all) => number !== all[index - 1]);
  const of = new Uint16Array(sorted.length);
  for (let index = 0; index < of.length; index += 1) of[index] = Math.floor(chance() * ids.length);
  return { numbers: sorted, of, ids };
}

/** All digits of a number that begins with the prefix `index`. */
export function numberIn(known: Prefixes, index: number, chance: Chance): number {
  const { digits } = COUNTRIES[known.countries[index]!]!;
  const more = 10 ** (digits - known.lengths[index]!);
  return known.codes[index]! * more + Math.floor(chance() * more);
}

/** A dozen rules of every kind before the one that most messages meet. */
function rules(carriers: readonly string[]): RuleRow[] {
  const some = (id: string, order: number, changes: Partial<RuleRow>): RuleRow => ({
    id,
    order,
    accounts: [],
    plans: [],
    trafficClasses: [],
    channels: [],
    countries: [],
    prefixes: [],
    networks: [],
    senders: [],
    senderKinds: [],
    strategy: "cost(*)",
    marginMicros: 0,
    marginBasisPoints: 0,
    allowLoss: false,
    ...changes,
  });
  const [a, b, c] = [carriers[0]!, carriers[1 % carriers.length]!, carriers[2 % carriers.length]!];
  const pair = a === b ? a : `${a}:70, ${b}:30`;
  const weighted = a === b ? "cost(*)" : `weight(${pair}) else cost(*)`;
  return [
    some("vip", 10, { accounts: [101, 102, 103], strategy: `priority(${a}) else cost(*)` }),
    some("otp-in", 20, { countries: ["IN"], trafficClasses: [1], strategy: "quality(*)" }),
    some("no-cn", 30, { countries: ["CN"], trafficClasses: [3], strategy: "block" }),
    some("us-short", 40, { countries: ["US"], senderKinds: [3], strategy: `cost(${a})` }),
    some("gb-range", 50, { prefixes: ["44740", "44741"], accounts: [9], strategy: weighted }),
    some("network", 60, { networks: ["23410", "26201"], plans: [5], strategy: `cost(${c})` }),
    some("brand", 70, { senders: ["ACME", "Contoso"], strategy: `priority(${c}) else cost(*)` }),
    some("plan-2", 80, { plans: [2], strategy: "cost(*)", marginBasisPoints: 500 }),
    some("split-pl", 90, { countries: ["PL"], strategy: weighted }),
    some("quality-br", 100, { countries: ["BR"], strategy: "quality(*) else cost(*)" }),
    some("rest", 1_000, { strategy: "cost(*)", marginBasisPoints: 100 }),
  ];
}

function senderRules(carriers: readonly string[]): SenderRuleRow[] {
  const some = (id: string, changes: Partial<SenderRuleRow>): SenderRuleRow => ({
    id,
    country: "",
    carrier: "",
    alphanumeric: "allow",
    numeric: "allow",
    short: "allow",
    replacement: "",
    registered: [],
    ...changes,
  });
  return [
    some("us", { country: "US", alphanumeric: "replace", replacement: "+12025550142" }),
    some("ca", { country: "CA", alphanumeric: "replace", replacement: "+14165550142" }),
    some("cn", { country: "CN", alphanumeric: "refuse", short: "refuse" }),
    some("fr", { country: "FR", numeric: "replace", replacement: "Floe" }),
    some("in", {
      country: "IN",
      alphanumeric: "registered",
      registered: [{ account: 0, sender: "Floe" }],
    }),
    some("first", { carrier: carriers[0]!, short: "refuse" }),
    some("first-de", { country: "DE", carrier: carriers[0]!, alphanumeric: "allow" }),
  ];
}

function guard(): GuardRow {
  return {
    account: BENCH_ACCOUNT,
    countries: { CU: "block", KE: "monitor" },
    otherCountries: "allow",
    priceCeilingMicros: 50_000_000,
    trafficClasses: [],
    neverCarriers: [],
  };
}
