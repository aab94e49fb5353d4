/**
 * Problems: what may be wrong with the rows of a table set.
 *
 * Out: every problem of every row, by table, row and column. compile.ts takes no source that has
 * one. Rules, sender rules, guards and exchange rates are looked at where they are compiled.
 */
import { NUMBER_DIGITS_MAX, SEGMENT_MICROS_MAX } from "../core/limits.js";
import { isCarrierName } from "../core/subjects.js";
import { openCodeKeys } from "./code-keys.js";
import { NETWORKS_MAX } from "./indices.js";
import {
  CHANNELS,
  type DeckSource,
  MATCH,
  type NetworkId,
  type RateTerms,
  ROUNDING,
  type TableSource,
} from "./source.js";

export interface RowProblem {
  /** Such as `carriers`, or `decks[3].terms`. */
  readonly table: string;
  /** Index into its rows. */
  readonly row: number;
  readonly column: string;
  readonly problem: string;
}

/** Rows of each table; a destination has a word for each carrier. */
export const ROWS_MAX = {
  carriers: 1_000,
  plans: 100_000,
  prefixes: 4_000_000,
  deck: 10_000_000,
  ported: 100_000_000,
} as const;
const PLAN_MAX = 0xffff_ffff;
const TRAFFIC_CLASS_MAX = 3;
const SENDER_KIND_MAX = 3;
const DECIMALS_MAX = 6;
const INCREMENT_MAX = 1_000;
const TIERS_MAX = 100;
/** Ported columns name their network in 16 bits. */
const PORTED_IDS_MAX = 2 ** 16;
/** Of one table: a file whose columns are mixed up has a million. */
const PROBLEMS_MAX = 10_000;

const AMOUNT_RULE = "must be from 0 to 1,000,000";
const CURRENCY_RULE = "must be three capital letters (ISO 4217)";
const PREFIX_RULE = "must be 1 to 15 digits, not beginning with 0";

type Wrong = (row: number, column: string, problem: string) => void;

/** All that is wrong with the rows; empty: they can be compiled. */
export function problemsOf(source: TableSource): readonly RowProblem[] {
  const problems: RowProblem[] = [];
  const wrongIn = (table: string): Wrong => {
    let told = 0;
    return (row, column, problem) => {
      told += 1;
      if (told <= PROBLEMS_MAX) problems.push({ table, row, column, problem });
    };
  };
  checkCarriers(source, wrongIn("carriers"));
  checkPlans(source, wrongIn("plans"));
  checkNetworks(source, wrongIn);
  checkPorted(source, wrongIn);
  checkDecks(source, wrongIn);
  return problems;
}

function checkCarriers({ carriers }: TableSource, wrong: Wrong): void {
  if (carriers.length > ROWS_MAX.carriers) wrong(ROWS_MAX.carriers, "", "too many rows");
  const seen = new Set<string>();
  for (const [row, { name, languages }] of carriers.entries()) {
    if (!isCarrierName(name)) wrong(row, "name", "must be a-z, 0-9 and dashes, at most 32");
    if (seen.has(name)) wrong(row, "name", "was there before");
    seen.add(name);
    if (!languages.every((one) => /^[a-z]{2}$/.test(one))) {
      wrong(row, "languages", "must be two small letters each (ISO 639-1)");
    }
  }
}

function checkPlans({ plans }: TableSource, wrong: Wrong): void {
  if (plans.length > ROWS_MAX.plans) wrong(ROWS_MAX.plans, "", "too many rows");
  const seen = new Set<number>();
  for (const [row, { plan, name, currency, chargeBasis }] of plans.entries()) {
    if (!isWhole(plan, 1, PLAN_MAX)) wrong(row, "plan", "must be a number from 1 on");
    if (seen.has(plan)) wrong(row, "plan", "was there before");
    seen.add(plan);
    if (name === "") wrong(row, "name", "must not be empty");
    if (!isCurrency(currency)) wrong(row, "currency", CURRENCY_RULE);
    if (chargeBasis !== 1 && chargeBasis !== 2) {
      wrong(row, "charge_basis", "must be submit or delivered");
    }
  }
}

function checkNetworks(source: TableSource, wrongIn: (table: string) => Wrong): void {
  const { networks, defaultNetworks } = source;
  const wrong = wrongIn("networks");
  if (networks.prefixes.length > ROWS_MAX.prefixes) wrong(ROWS_MAX.prefixes, "", "too many rows");
  checkIds(networks.ids, wrongIn("networks.ids"));
  const seen = openCodeKeys(networks.prefixes.length);
  for (let row = 0; row < networks.prefixes.length; row += 1) {
    const prefix = networks.prefixes[row]!;
    const code = Number(prefix);
    if (!isPrefix(prefix)) wrong(row, "prefix", PREFIX_RULE);
    else if (seen.get(code) >= 0) wrong(row, "prefix", "was there before");
    else seen.set(code, row);
    if (!(networks.of[row]! < networks.ids.length)) wrong(row, "network", "is none of the ids");
  }
  const wrongDefault = wrongIn("defaultNetworks");
  checkIds(defaultNetworks, wrongDefault);
  const countries = new Set<string>();
  for (const [row, { country, mcc }] of defaultNetworks.entries()) {
    if (mcc === "") wrongDefault(row, "mcc", "must be three digits");
    if (countries.has(country)) wrongDefault(row, "country", "was there before");
    countries.add(country);
  }
}

function checkIds(ids: readonly NetworkId[], wrong: Wrong): void {
  if (ids.length > NETWORKS_MAX) wrong(NETWORKS_MAX, "", "too many rows");
  for (const [row, { country, mcc, mnc }] of ids.entries()) {
    if (!/^[A-Z]{2}$/.test(country)) wrong(row, "country", "must be two capital letters");
    if (!/^([0-9]{3})?$/.test(mcc)) wrong(row, "mcc", "must be three digits or empty");
    if (!/^([0-9]{2,3})?$/.test(mnc)) wrong(row, "mnc", "must be two or three digits or empty");
    if ((mcc === "") !== (mnc === "")) wrong(row, "mnc", "mcc and mnc go together");
  }
}

function checkPorted({ ported }: TableSource, wrongIn: (table: string) => Wrong): void {
  const wrong = wrongIn("ported");
  const { numbers, of, ids } = ported;
  if (numbers.length > ROWS_MAX.ported) wrong(ROWS_MAX.ported, "", "too many rows");
  if (ids.length > PORTED_IDS_MAX) wrong(0, "network", "too many networks");
  if (of.length !== numbers.length) wrong(0, "network", "is not there for each number");
  checkIds(ids, wrongIn("ported.ids"));
  let before = 0;
  for (let row = 0; row < numbers.length; row += 1) {
    const number = numbers[row]!;
    if (!isWhole(number, 1, 10 ** NUMBER_DIGITS_MAX - 1)) wrong(row, "number", PREFIX_RULE);
    if (number === before) wrong(row, "number", "was there before");
    if (number < before) wrong(row, "number", "is not in order");
    before = number;
    if (!(of[row]! < ids.length)) wrong(row, "network", "is none of the ids");
  }
}

function checkDecks(source: TableSource, wrongIn: (table: string) => Wrong): void {
  const carriers = new Set(source.carriers.map(({ name }) => name));
  const plans = new Map(source.plans.map(({ plan, currency }) => [plan, currency]));
  const wrong = wrongIn("decks");
  const seen = new Set<string>();
  for (const [row, deck] of source.decks.entries()) {
    const { owner, channel, currency } = deck;
    if (!CHANNELS.includes(channel)) wrong(row, "channel", "must be sms or fax");
    if (!isCurrency(currency)) wrong(row, "currency", CURRENCY_RULE);
    const bought = "carrier" in owner;
    if (bought && !carriers.has(owner.carrier)) wrong(row, "carrier", "is not among the carriers");
    if (!bought && !plans.has(owner.plan)) wrong(row, "plan", "is not among the plans");
    if (!bought && plans.has(owner.plan) && plans.get(owner.plan) !== currency) {
      wrong(row, "currency", "is not that of the plan");
    }
    const key = bought ? `carrier ${owner.carrier} ${channel}` : `plan ${owner.plan} ${channel}`;
    if (seen.has(key)) wrong(row, bought ? "carrier" : "plan", "has two decks of one channel");
    seen.add(key);
    for (const [index, terms] of deck.terms.entries()) {
      checkTerms(terms, index, bought, wrongIn(`decks[${row}].terms`));
    }
    checkRows(deck, wrongIn(`decks[${row}].rows`));
  }
}

function checkTerms(terms: RateTerms, row: number, bought: boolean, wrong: Wrong): void {
  const amount = (value: number, column: string) => {
    if (!isWhole(value, 0, SEGMENT_MICROS_MAX)) wrong(row, column, AMOUNT_RULE);
  };
  amount(terms.priceMicros, "price");
  amount(terms.messageFeeMicros, "message_fee");
  amount(terms.segmentFeeMicros, "segment_fee");
  amount(terms.minimumMicros, "minimum");
  const { effectiveFromMs, effectiveToMs, tiers } = terms;
  if (!isWhole(effectiveFromMs, 0)) wrong(row, "effective", "must be a time");
  if (!isWhole(effectiveToMs, 0)) wrong(row, "expires", "must be a time");
  if (effectiveToMs !== 0 && effectiveToMs <= effectiveFromMs) {
    wrong(row, "expires", "must be after the beginning");
  }
  if (!isWhole(terms.senderKind, 0, SENDER_KIND_MAX)) wrong(row, "sender_kind", "is none");
  if (!isWhole(terms.trafficClass, 0, TRAFFIC_CLASS_MAX)) {
    wrong(row, "traffic_class", "must be authentication, transactional, promotional or empty");
  }
  if (terms.unit !== "segment" && terms.unit !== "message") {
    wrong(row, "unit", "must be segment or message");
  }
  if (!isWhole(terms.increment, 1, INCREMENT_MAX)) {
    wrong(row, "increment", `must be from 1 to ${INCREMENT_MAX}`);
  }
  if (!isWhole(terms.chargeBasis, 0, 2)) wrong(row, "charge_basis", "must be submit or delivered");
  if (!isWhole(terms.rounding, ROUNDING.up, ROUNDING.down)) {
    wrong(row, "rounding", "must be up, middle or down");
  }
  if (!isWhole(terms.decimals, 0, DECIMALS_MAX)) wrong(row, "decimals", "must be from 0 to 6");
  if (tiers === undefined) return;
  if (bought) wrong(row, "tiers", "are for what is sold");
  if (!isWhole(tiers.mode, 1, 2)) wrong(row, "tiers", "must be graduated or volume");
  if (!isWhole(tiers.steps.length, 1, TIERS_MAX)) {
    wrong(row, "tiers", `must have from 1 to ${TIERS_MAX} steps`);
  }
  let before = -1;
  for (const [index, { from, priceMicros }] of tiers.steps.entries()) {
    if (!isWhole(from, 0) || from <= before) wrong(row, "tiers", "must rise");
    if (index === 0 && from !== 0) wrong(row, "tiers", "must begin at 0");
    amount(priceMicros, "tiers");
    before = from;
  }
}

const POWERS = Float64Array.from({ length: NUMBER_DIGITS_MAX + 1 }, (_, digits) => 10 ** digits);
/** Digits of a network's mcc with mnc, at least and at most. */
const NETWORK_DIGITS = [5, 6] as const;
const MCC_DIGITS = 3;

/** Once for each of millions of rows: no closures, no objects, unless something is wrong. */
function checkRows({ rows, terms }: DeckSource, wrong: Wrong): void {
  const { count, kinds, codes, lengths } = rows;
  if (count > ROWS_MAX.deck) wrong(ROWS_MAX.deck, "", "too many rows");
  const least = Math.min(kinds.length, codes.length, lengths.length, rows.terms.length);
  if (count > least) {
    wrong(least, "", "is in some columns only");
    return;
  }
  for (let row = 0; row < count; row += 1) {
    const kind = kinds[row]!;
    const code = codes[row]!;
    const length = lengths[row]!;
    if (rows.terms[row]! >= terms.length) wrong(row, "terms", "are none of the deck's");
    if (kind === MATCH.prefix) {
      const right =
        length >= 1 &&
        length <= NUMBER_DIGITS_MAX &&
        code >= POWERS[length - 1]! &&
        code < POWERS[length]! &&
        Math.floor(code) === code;
      if (!right) wrong(row, "prefix", PREFIX_RULE);
      continue;
    }
    const whole = code >= 0 && code < POWERS[length]! && Math.floor(code) === code;
    if (kind === MATCH.network) {
      if (!whole || length < NETWORK_DIGITS[0] || length > NETWORK_DIGITS[1]) {
        wrong(row, "mccmnc", "must be five or six digits");
      }
    } else if (kind === MATCH.mcc) {
      if (!whole || length !== MCC_DIGITS) wrong(row, "mcc", "must be three digits");
    } else if (kind !== MATCH.default || code !== 0 || length !== 0) {
      wrong(row, "match", "is no match");
    }
  }
}

function isPrefix(prefix: string): boolean {
  return prefix.length <= NUMBER_DIGITS_MAX && /^[1-9][0-9]*$/.test(prefix);
}

function isCurrency(currency: string): boolean {
  return /^[A-Z]{3}$/.test(currency);
}

function isWhole(value: number, min: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
