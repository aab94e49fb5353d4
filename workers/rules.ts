/**
 * Rules: which routing rule a message falls under.
 *
 * In: the rule rows of a table set. Out: the first, by order and id, that matches a message.
 *
 * For each dimension (account, plan, country, ...) every value that some rule names has a row of
 * bits, one for each rule that takes the value, and all other values share one. Nine rows are ANDed
 * word by word; the first bit that is left is the rule: 0.2 us for a thousand rules. Messages repeat,
 * so where there are many rules what nine rows gave is kept in a small cache.
 */
import { FloeError } from "../core/errors.js";
import { isDispatched, type OutcomePolicy, policyOf, putPolicy } from "../core/outcome-policy.js";
import { DISPATCH, VERDICT } from "../core/stream/fields.js";
import { beginNested, endNested, putText } from "../core/stream/frame.js";
import {
  type ByteKeys,
  byteKeys,
  COUNTRY_CODES,
  COUNTRY_UNKNOWN,
  countryCode,
  findKey,
  hashOf,
  mix,
  type NumberKeys,
  numberKeys,
  numberOf,
} from "./codes.js";
import { encodePieces, type Pieces } from "./pieces.js";
import { longestPrefix, openPrefixTree } from "./prefixes.js";
import { CHANNELS, type NetworkId, type RuleRow, type TableSource } from "./source.js";
import { parseStrategy, type StrategyNode } from "./strategy.js";

/** What an image names by index, so that rules, sender rules and guards may be laid out by it. */
export interface TableNames {
  readonly carriers: readonly string[];
  /** ISO 3166-1 alpha-2, as `countryOf` counts them. */
  readonly countries: readonly string[];
  /** As `networkOf` counts them. */
  readonly networks: readonly NetworkId[];
}

export interface Rules {
  readonly count: number;
  /** In the order in which they are tried. */
  readonly ids: readonly string[];
  readonly strategies: readonly StrategyNode[];
  readonly marginMicros: Float64Array;
  readonly marginBasisPoints: Float64Array;
  readonly allowLoss: Uint8Array;
  /** What other carriers may cost, in percent of the first; 0: no bound. */
  readonly costPercentMax: Float64Array;
  /** Its messages go out at most once: 1. */
  readonly once: Uint8Array;
  /** A verdict's and a dispatch record's field `policy`; empty where it is the default. */
  readonly verdictPolicies: Pieces;
  readonly dispatchPolicies: Pieces;
  /** A verdict's field `rule`. */
  readonly pieces: Pieces;
  readonly matcher: Matcher;
}

/** Where each value has its row: its first word in `bits`. */
interface Matcher {
  readonly bits: Int32Array;
  readonly words: number;
  readonly accountRows: Int32Array;
  readonly planRows: Int32Array;
  readonly prefixRows: Int32Array;
  readonly senderRows: Int32Array;
  readonly accounts: NumberKeys;
  readonly plans: NumberKeys;
  /** By country code, network (from 1; 0: unknown) and prefix value: index into its `rowOf`. */
  readonly countries: Int32Array;
  readonly networks: Int32Array;
  readonly prefixes: Int32Array;
  readonly senders: ByteKeys;
  readonly classes: Int32Array;
  readonly channels: Int32Array;
  readonly kinds: Int32Array;
  /** For each slot, the nine rows and what they gave. */
  readonly cache: Int32Array;
}

const DEFAULT_RULE: RuleRow = {
  id: "default",
  order: 0,
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
};
const BASIS_POINTS_MAX = 10_000;
/** Below this many words of bits the cache costs more than it saves. */
const CACHED_WORDS_MIN = 4;
const CACHE_SLOTS = 1_024;
const CACHE_WORDS = 10;

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileRules(source: TableSource): Uint8Array {
  const problems = problemsOfRules(source);
  if (problems.length > 0) throw new FloeError("tables.invalid", { problems });
  const rules = source.rules.length === 0 ? [DEFAULT_RULE] : [...source.rules];
  rules.sort((one, other) => one.order - other.order || (one.id < other.id ? -1 : 1));
  return Buffer.from(JSON.stringify(rules), "utf8");
}

/** What is wrong with the rules, a sentence each. */
export function problemsOfRules({
  rules,
  carriers,
}: Pick<TableSource, "rules" | "carriers">): string[] {
  const problems: string[] = [];
  const ids = new Set<string>();
  const names = carriers.map(({ name }) => name);
  for (const [row, rule] of rules.entries()) {
    const tell = (problem: string): void => {
      problems.push(`rules[${row}] ${problem}`);
    };
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(rule.id))
      tell("id: is not 1 to 63 of a-z, 0-9 and dashes");
    if (ids.has(rule.id)) tell("id: is that of another rule");
    ids.add(rule.id);
    const strategy = parseStrategy(rule.strategy, names);
    if ("problem" in strategy) tell(`strategy: at ${strategy.at + 1}: ${strategy.problem}`);
    if (!Number.isSafeInteger(rule.order)) tell("order: is not a whole number");
    if (!Number.isSafeInteger(rule.marginMicros)) tell("marginMicros: is not a whole number");
    if (!Number.isInteger(rule.marginBasisPoints) || rule.marginBasisPoints > BASIS_POINTS_MAX) {
      tell(`marginBasisPoints: is not a whole number to ${BASIS_POINTS_MAX}`);
    }
    if (rule.countries.some((one) => countryCode(one) === COUNTRY_UNKNOWN)) {
      tell("countries: has one that is no ISO 3166-1 alpha-2 code");
    }
    if (!rule.prefixes.every((one) => /^[1-9]\d{0,14}$/.test(one))) {
      tell("prefixes: has one that is not 1 to 15 digits, the first not 0");
    }
    if (!rule.networks.every((one) => /^\d{3}(\d{2,3})?$/.test(one))) {
      tell("networks: has one that is no mcc, or mcc and mnc");
    }
  }
  return problems;
}

export function openRules(bytes: Uint8Array, names: TableNames): Rules {
  const rows = JSON.parse(Buffer.from(bytes).toString("utf8")) as RuleRow[];
  const parsed = new Map<string, StrategyNode>();
  const strategies = rows.map(({ strategy }) => {
    const known = parsed.get(strategy);
    if (known !== undefined) return known;
    const read = parseStrategy(strategy, names.carriers, true);
    if ("problem" in read) throw new FloeError("tables.invalid", { problem: read.problem });
    parsed.set(strategy, read.node);
    return read.node;
  });
  const policies = rows.map(policyOf);
  return {
    count: rows.length,
    ids: rows.map(({ id }) => id),
    strategies,
    marginMicros: Float64Array.from(rows, (row) => row.marginMicros),
    marginBasisPoints: Float64Array.from(rows, (row) => row.marginBasisPoints),
    allowLoss: Uint8Array.from(rows, (row) => (row.allowLoss ? 1 : 0)),
    costPercentMax: Float64Array.from(policies, (policy) => policy.failoverCostPercentMax),
    once: Uint8Array.from(policies, ({ delivery }) => (delivery === "at_most_once" ? 1 : 0)),
    verdictPolicies: policyPieces(policies, VERDICT.policy),
    dispatchPolicies: policyPieces(policies, DISPATCH.policy),
    pieces: encodePieces(rows, (writer, { id }) => {
      putText(writer, VERDICT.rule, id);
    }),
    matcher: openMatcher(rows, names),
  };
}

function policyPieces(policies: readonly OutcomePolicy[], field: number): Pieces {
  return encodePieces(policies, (writer, policy) => {
    if (!isDispatched(policy)) return;
    const mark = beginNested(writer, field);
    putPolicy(writer, policy);
    endNested(writer, mark);
  });
}

/** Rows of bits of one dimension: index 0 for all values that no rule names, then the named ones. */
interface Dimension<Value> {
  readonly values: readonly Value[];
  readonly rows: Int32Array;
}

function openMatcher(rules: readonly RuleRow[], names: TableNames): Matcher {
  const words = Math.max(1, Math.ceil(rules.length / 32));
  const bits: number[] = [];

  /** @param covers whether a value is one of those that a named one stands for. */
  function dimension<Value>(
    listOf: (rule: RuleRow) => readonly Value[],
    covers: (named: Value, value: Value) => boolean = (named, value) => named === value,
  ): Dimension<Value> {
    const named = new Map<Value, number[]>();
    const open: number[] = [];
    for (const [index, rule] of rules.entries()) {
      const list = listOf(rule);
      if (list.length === 0) open.push(index);
      for (const value of new Set(list)) {
        const known = named.get(value);
        if (known === undefined) named.set(value, [index]);
        else known.push(index);
      }
    }
    const values = [...named.keys()];
    const rows = new Int32Array(values.length + 1);
    rows[0] = rowOf(open);
    for (const [place, value] of values.entries()) {
      const covering = [...named].filter(([one]) => covers(one, value));
      rows[place + 1] = rowOf(open, ...covering.map(([, own]) => own));
    }
    return { values, rows };
  }
  function rowOf(...lists: readonly (readonly number[])[]): number {
    const at = bits.length;
    for (let word = 0; word < words; word += 1) bits.push(0);
    for (const list of lists) {
      for (const rule of list) bits[at + (rule >>> 5)]! |= 1 << (rule & 31);
    }
    return at;
  }

  const accounts = dimension((rule) => rule.accounts);
  const plans = dimension((rule) => rule.plans);
  const classes = dimension((rule) => rule.trafficClasses);
  const channels = dimension((rule) => rule.channels);
  const countries = dimension((rule) => rule.countries);
  const startsWith = (named: string, value: string): boolean => value.startsWith(named);
  const prefixes = dimension((rule) => rule.prefixes, startsWith);
  const networks = dimension(
    (rule) => rule.networks,
    (named, value) => named === value || (named.length === 3 && value.startsWith(named)),
  );
  const senders = dimension((rule) => rule.senders);
  const kinds = dimension((rule) => rule.senderKinds);
  const networkPlaces = new Map(networks.values.map((value, place) => [value, place + 1]));
  return {
    words,
    bits: Int32Array.from(bits),
    accountRows: accounts.rows,
    planRows: plans.rows,
    prefixRows: prefixes.rows,
    senderRows: senders.rows,
    accounts: numberKeys(accounts.values.map((value, place) => [value, place + 1])),
    plans: numberKeys(plans.values.map((value, place) => [value, place + 1])),
    prefixes: prefixTable(prefixes.values),
    senders: byteKeys(senders.values.map((sender) => Buffer.from(sender, "utf8"))),
    countries: direct(COUNTRY_CODES, countries, (country) => countryCode(country)),
    networks: Int32Array.from([
      networks.rows[0]!,
      ...names.networks.map(
        ({ mcc, mnc }) =>
          networks.rows[networkPlaces.get(mcc + mnc) ?? networkPlaces.get(mcc) ?? 0]!,
      ),
    ]),
    classes: direct(4, classes, (one) => one),
    channels: direct(CHANNELS.length, channels, (one) => CHANNELS.indexOf(one)),
    kinds: direct(4, kinds, (one) => one),
    cache: new Int32Array(words < CACHED_WORDS_MIN ? 0 : CACHE_SLOTS * CACHE_WORDS).fill(-1),
  };
}

function direct<Value>(
  size: number,
  { values, rows }: Dimension<Value>,
  place: (value: Value) => number,
): Int32Array {
  const table = new Int32Array(size).fill(rows[0]!);
  for (const [index, value] of values.entries()) table[place(value)] = rows[index + 1]!;
  return table;
}

function prefixTable(prefixes: readonly string[]): Int32Array {
  const tree = openPrefixTree();
  const nodes = prefixes.map((prefix) => tree.node(Number(prefix), prefix.length));
  const values = new Int32Array(tree.count());
  for (const [index, node] of nodes.entries()) values[node] = index + 1;
  return tree.pack(values, 0);
}

/** What rules look at. One is made and used again and again. */
export interface RuleQuery {
  account: number;
  plan: number;
  /** 1 to 3. */
  trafficClass: number;
  /** Index into CHANNELS. */
  channel: number;
  /** Code (codes.ts). */
  country: number;
  /** Index in the tables; -1: unknown. */
  network: number;
  /** Digits of the recipient. */
  digits: Uint8Array;
  digitsAt: number;
  digitsEnd: number;
  /** As the customer gave it. */
  sender: Uint8Array;
  senderAt: number;
  senderEnd: number;
  senderKind: number;
}

const places = new Int32Array(CACHE_WORDS);

/** The first rule that matches, an index; -1: none does. */
export function matchRule({ matcher }: Rules, query: RuleQuery): number {
  const { accountRows, planRows, prefixRows, senderRows, bits, words } = matcher;
  const account =
    accountRows[accountRows.length === 1 ? 0 : numberOf(matcher.accounts, query.account)]!;
  const plan = planRows[planRows.length === 1 ? 0 : numberOf(matcher.plans, query.plan)]!;
  const trafficClass = matcher.classes[query.trafficClass]!;
  const channel = matcher.channels[query.channel]!;
  const country = matcher.countries[query.country]!;
  const network = matcher.networks[query.network + 1]!;
  const kind = matcher.kinds[query.senderKind]!;
  let prefix = prefixRows[0]!;
  if (prefixRows.length > 1) {
    const { digits, digitsAt, digitsEnd } = query;
    prefix = prefixRows[longestPrefix(matcher.prefixes, 0, digits, digitsAt, digitsEnd)]!;
  }
  let sender = senderRows[0]!;
  if (senderRows.length > 1) {
    const { sender: bytes, senderAt, senderEnd } = query;
    const hash = hashOf(bytes, senderAt, senderEnd);
    sender = senderRows[findKey(matcher.senders, hash, bytes, senderAt, senderEnd)]!;
  }
  if (words === 1) {
    const left =
      bits[account]! &
      bits[plan]! &
      bits[trafficClass]! &
      bits[channel]! &
      bits[country]! &
      bits[network]! &
      bits[prefix]! &
      bits[sender]! &
      bits[kind]!;
    return left === 0 ? -1 : 31 - Math.clz32(left & -left);
  }
  places[0] = account;
  places[1] = plan;
  places[2] = trafficClass;
  places[3] = channel;
  places[4] = country;
  places[5] = network;
  places[6] = prefix;
  places[7] = sender;
  places[8] = kind;
  return matcher.cache.length === 0 ? firstOf(matcher) : cached(matcher);
}

function cached(matcher: Matcher): number {
  const { cache } = matcher;
  let hash = 0;
  for (let index = 0; index < 9; index += 1) hash = Math.imul(hash, 31) + places[index]!;
  const slot = (mix(hash) & (CACHE_SLOTS - 1)) * CACHE_WORDS;
  let index = 0;
  while (index < 9 && cache[slot + index] === places[index]) index += 1;
  if (index === 9) return cache[slot + 9]!;
  for (index = 0; index < 9; index += 1) cache[slot + index] = places[index]!;
  const rule = firstOf(matcher);
  cache[slot + 9] = rule;
  return rule;
}

/** The first bit that is set in all nine rows. */
function firstOf({ bits, words }: Matcher): number {
  const a = places[0]!;
  const b = places[1]!;
  const c = places[2]!;
  const d = places[3]!;
  const e = places[4]!;
  const f = places[5]!;
  const g = places[6]!;
  const h = places[7]!;
  const i = places[8]!;
  for (let word = 0; word < words; word += 1) {
    const left =
      bits[a + word]! &
      bits[b + word]! &
      bits[c + word]! &
      bits[d + word]! &
      bits[e + word]! &
      bits[f + word]! &
      bits[g + word]! &
      bits[h + word]! &
      bits[i + word]!;
    if (left !== 0) return word * 32 + 31 - Math.clz32(left & -left);
  }
  return -1;
}

/**
 * What a message of this price may cost at most, in the same currency. A margin in percent is rounded
 * up to a whole micro-unit.
 */
export function costLimit(rules: Rules, rule: number, priceMicros: number): number {
  const points = rules.marginBasisPoints[rule]!;
  const least = rules.marginMicros[rule]!;
  if (points === 0) return priceMicros - Math.max(least, 0);
  // By parts, since price times points may be inexact.
  const whole = Math.floor(priceMicros / BASIS_POINTS_MAX);
  const rest = priceMicros - whole * BASIS_POINTS_MAX;
  const ofRest = Math.ceil((rest * points) / BASIS_POINTS_MAX);
  return priceMicros - Math.max(least, whole * points + ofRest);
}
