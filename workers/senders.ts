/**
 * Senders: what kind a sender is, and what it may be in a country and at a carrier.
 *
 * In: the sender rules of a table set. Out: for one carrier and message whether the sender passes, as
 * it is or as another. The most specific rule decides alone: that for country and carrier, for the
 * country, for the carrier, for all. Without any a sender passes.
 */
import { FloeError } from "../core/errors.js";
import { CANDIDATE, DISPATCH, VERDICT } from "../core/stream/fields.js";
import { putBytes } from "../core/stream/frame.js";
import {
  type ByteKeys,
  byteKeys,
  COUNTRY_CODES,
  COUNTRY_UNKNOWN,
  countryCode,
  findKey,
  hashOf,
  isKey,
} from "./codes.js";
import { encodePieces, type Pieces } from "./pieces.js";
import type { TableNames } from "./rules.js";
import { SENDER_KIND, type SenderPolicy, type SenderRuleRow, type TableSource } from "./source.js";

const PLUS = 0x2b;
const ZERO = 0x30;
const KINDS = 4;
/** As the gateway takes them; more digits without "+" are a number all the same. */
const SHORT_CODE_DIGITS_MAX = 8;
const POLICIES: Readonly<Record<SenderPolicy, number>> = {
  allow: 0,
  registered: 1,
  replace: 2,
  refuse: 3,
};
/** "+" and 15 digits. Verdicts have room for so much. */
const REPLACEMENT_BYTES_MAX = 16;
/** What `passSender` gives beside the index of a replacement. */
export const SENDER_OWN = -1;
export const SENDER_REFUSED = -2;

export interface Senders {
  /** No rule at all: every sender passes. */
  readonly none: boolean;
  /** By country code: row in `rules`. */
  readonly countries: Uint16Array;
  /** By that row and carrier: index of the rule, -1: none. */
  readonly rules: Int32Array;
  /** By that row: 1 if any carrier has a rule. */
  readonly judges: Uint8Array;
  readonly carriers: number;
  /** By rule and kind of sender. */
  readonly policies: Uint8Array;
  /** By rule: index of its replacement, -1: none. */
  readonly replacements: Int32Array;
  /** By replacement: SENDER_KIND, and what records say of it. */
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
  readonly octets: ByteKeys;
  readonly verdictPieces: Pieces;
  readonly dispatchPieces: Pieces;
  readonly candidatePieces: Pieces;
  /** Keys of rule, account and sender. */
  readonly registered: ByteKeys;
}

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileSenders(source: TableSource): Uint8Array {
  const problems = problemsOfSenders(source);
  if (problems.length > 0) throw new FloeError("tables.invalid", { problems });
  return Buffer.from(JSON.stringify(source.senderRules), "utf8");
}

/** What is wrong with the sender rules, a sentence each. */
export function problemsOfSenders({
  senderRules,
  carriers,
}: Pick<TableSource, "senderRules" | "carriers">): string[] {
  const problems: string[] = [];
  const places = new Set<string>();
  const names = new Set(carriers.map(({ name }) => name));
  for (const [index, row] of senderRules.entries()) {
    const where = `senderRules[${index}]`;
    if (row.country !== "" && countryCode(row.country) === COUNTRY_UNKNOWN) {
      problems.push(`${where} country: ${row.country} is no ISO 3166-1 alpha-2 code`);
    }
    if (row.carrier !== "" && !names.has(row.carrier)) {
      problems.push(`${where} carrier: ${row.carrier} is no carrier`);
    }
    const place = `${row.country} ${row.carrier}`;
    if (places.has(place)) problems.push(`${where}: repeats a country and carrier`);
    places.add(place);
    const policies = [row.alphanumeric, row.numeric, row.short];
    if (!policies.every((policy) => Object.hasOwn(POLICIES, policy))) {
      problems.push(`${where}: has a policy that is none`);
    }
    if (policies.includes("replace") && row.replacement === "") {
      problems.push(`${where} replacement: is missing`);
    }
    if (Buffer.byteLength(row.replacement) > REPLACEMENT_BYTES_MAX) {
      problems.push(`${where} replacement: is longer than ${REPLACEMENT_BYTES_MAX} octets`);
    }
  }
  return problems;
}

export function openSenders(bytes: Uint8Array, names: TableNames): Senders {
  const rows = JSON.parse(Buffer.from(bytes).toString("utf8")) as SenderRuleRow[];
  const texts = [...new Set(rows.map((row) => row.replacement).filter((text) => text !== ""))];
  const octets = texts.map((text) => Buffer.from(text, "utf8"));
  const policies = new Uint8Array(rows.length * KINDS);
  for (const [index, row] of rows.entries()) {
    policies[index * KINDS + SENDER_KIND.alphanumeric] = POLICIES[row.alphanumeric];
    policies[index * KINDS + SENDER_KIND.numeric] = POLICIES[row.numeric];
    policies[index * KINDS + SENDER_KIND.short] = POLICIES[row.short];
  }
  return {
    none: rows.length === 0,
    ...layOut(rows, names),
    carriers: names.carriers.length,
    policies,
    replacements: Int32Array.from(rows, (row) => texts.indexOf(row.replacement)),
    kinds: Uint8Array.from(octets, (text) => senderKindOf(text, 0, text.length)),
    texts,
    octets: byteKeys(octets),
    verdictPieces: encodePieces(octets, (writer, text) => {
      putBytes(writer, VERDICT.sentSender, text);
    }),
    dispatchPieces: encodePieces(octets, (writer, text) => {
      putBytes(writer, DISPATCH.sender, text);
    }),
    candidatePieces: encodePieces(octets, (writer, text) => {
      putBytes(writer, CANDIDATE.sender, text);
    }),
    registered: byteKeys(
      rows.flatMap((row, rule) =>
        row.registered.map(({ account, sender }) => keyBytes(rule, account, sender)),
      ),
    ),
  };
}

/** For each country that a rule names, and all others together, the rule of each carrier. */
function layOut(rows: readonly SenderRuleRow[], names: TableNames) {
  const named = [...new Set(rows.map((row) => row.country).filter((country) => country !== ""))];
  const countries = new Uint16Array(COUNTRY_CODES);
  for (const [index, country] of named.entries()) countries[countryCode(country)] = index + 1;
  const find = (country: string, carrier: string): number =>
    rows.findIndex((row) => row.country === country && row.carrier === carrier);
  const all = find("", "");
  const ofCarriers = names.carriers.map((carrier) => find("", carrier));
  const rules: number[] = ofCarriers.map((rule) => (rule >= 0 ? rule : all));
  for (const country of named) {
    const ofCountry = find(country, "");
    for (const [index, carrier] of names.carriers.entries()) {
      const both = find(country, carrier);
      rules.push(both >= 0 ? both : ofCountry >= 0 ? ofCountry : rules[index]!);
    }
  }
  const judges = new Uint8Array(named.length + 1);
  for (const [index, rule] of rules.entries()) {
    if (rule >= 0) judges[Math.floor(index / names.carriers.length)] = 1;
  }
  return { countries, rules: Int32Array.from(rules), judges };
}

/** SENDER_KIND of `bytes[at, end)`: "+" and digits, few digits alone, anything else; any: empty. */
export function senderKindOf(bytes: Uint8Array, at: number, end: number): number {
  if (end <= at) return SENDER_KIND.any;
  const plus = bytes[at] === PLUS;
  let digits = 0;
  for (let index = plus ? at + 1 : at; index < end; index += 1) {
    const digit = bytes[index]! - ZERO;
    if (digit < 0 || digit > 9) return SENDER_KIND.alphanumeric;
    digits += 1;
  }
  if (plus) return digits > 0 ? SENDER_KIND.numeric : SENDER_KIND.alphanumeric;
  return digits <= SHORT_CODE_DIGITS_MAX ? SENDER_KIND.short : SENDER_KIND.numeric;
}

let key = new Uint8Array(256);
const KEY_HEAD = 8;

/** Rule and account, four octets each, then the sender. */
function keyBytes(rule: number, account: number, sender: string): Uint8Array {
  const bytes = Buffer.alloc(KEY_HEAD + Buffer.byteLength(sender));
  bytes.writeUInt32LE(rule, 0);
  bytes.writeUInt32LE(account, 4);
  bytes.write(sender, KEY_HEAD);
  return bytes;
}

/** Whether `passSender` needs to be asked at all: else every sender passes. */
export function judgesSenders(senders: Senders, country: number, kind: number): boolean {
  if (senders.none || kind === SENDER_KIND.any) return false;
  return senders.judges[senders.countries[country]!] === 1;
}

/** Whether every sender of the kind passes as it is. */
export function letsAll(senders: Senders, country: number, carrier: number, kind: number): boolean {
  const rule = senders.rules[senders.countries[country]! * senders.carriers + carrier]!;
  return rule < 0 || senders.policies[rule * KINDS + kind] === POLICIES.allow;
}

/**
 * What becomes of the sender `bytes[at, end)` at a carrier: SENDER_OWN, SENDER_REFUSED or the index
 * of what replaces it. One that is its own replacement is SENDER_OWN.
 * @param country code (codes.ts).
 * @param kind SENDER_KIND; without a sender there is nothing to judge.
 */
export function passSender(
  senders: Senders,
  country: number,
  carrier: number,
  account: number,
  kind: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  if (senders.none || kind === SENDER_KIND.any) return SENDER_OWN;
  const rule = senders.rules[senders.countries[country]! * senders.carriers + carrier]!;
  if (rule < 0) return SENDER_OWN;
  const policy = senders.policies[rule * KINDS + kind]!;
  if (policy === POLICIES.allow) return SENDER_OWN;
  if (policy === POLICIES.refuse) return SENDER_REFUSED;
  if (policy === POLICIES.registered) {
    const known =
      isRegistered(senders, rule, account, bytes, at, end) ||
      isRegistered(senders, rule, 0, bytes, at, end);
    return known ? SENDER_OWN : SENDER_REFUSED;
  }
  const replacement = senders.replacements[rule]!;
  return isKey(senders.octets, replacement + 1, bytes, at, end) ? SENDER_OWN : replacement;
}

function isRegistered(
  senders: Senders,
  rule: number,
  account: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): boolean {
  const length = KEY_HEAD + end - at;
  if (length > key.length) key = new Uint8Array(2 * length);
  for (let octet = 0; octet < 4; octet += 1) {
    key[octet] = rule >>> (8 * octet);
    key[4 + octet] = account >>> (8 * octet);
  }
  for (let index = at; index < end; index += 1) key[KEY_HEAD + index - at] = bytes[index]!;
  return findKey(senders.registered, hashOf(key, 0, length), key, 0, length) !== 0;
}
