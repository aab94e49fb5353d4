/**
 * Number plans: the numbering plans of the world, in the shape in which numbers are read.
 *
 * In: the table of number-table.ts, loaded with this module (10 ms). Out: which calling code digits
 * begin with, where an automaton's walk ends, and what remains of a national number without the
 * prefix that is dialled within its country.
 *
 * A plan is a country's, by index from 1 (`COUNTRY_CODES`), or one of a calling code that belongs to
 * no country; these follow the countries.
 */
import { LABEL, loadPlans, type PrefixRule } from "./number-table.js";

const ZERO = 0x30;
const DIGITS = "0123456789";
/** Digits of a number as it may be written: prefixes, code and 17 national digits, with room. */
export const WRITTEN_DIGITS_MAX = 40;

const table = loadPlans();
const plans = table.countries;

/** ISO 3166-1 alpha-2 of each country index; "" at 0: none. */
export const COUNTRY_CODES: readonly string[] = [
  "",
  ...plans.slice(0, table.geographic).map((plan) => plan.code),
];
/** Calling code of each country index, without "+"; "" at 0. */
export const CALLING_CODES: readonly string[] = [
  "",
  ...plans.slice(0, table.geographic).map((plan) => plan.callingCode),
];
const indexes = new Map(COUNTRY_CODES.map((code, index) => [code, index]));

/** Index of a country by its ISO 3166-1 alpha-2 code in capitals; 0 if it is not known. */
export function countryIndex(code: string): number {
  return indexes.get(code) ?? 0;
}

const next = table.next;
const labels = table.labels;
/** By plan: where walks of its own begin, and bit n for every possible length n. */
const planRoot = Int32Array.from([0, ...plans.map((plan) => plan.root)]);
export const planLengths = Int32Array.from([0, ...plans.map((plan) => plan.lengths)]);
/** By plan: its calling code, as an index into the arrays below. */
export const planCallingCode = Int32Array.from([
  0,
  ...plans.map((plan) => table.codes.findIndex((code) => code.callingCode === plan.callingCode)),
]);

/** By calling code: its digits, where walks begin, its first country (0: none), its plan. */
export const codeDigits = Uint8Array.from(table.codes, (code) => code.callingCode.length);
const codeRoot = Int32Array.from(table.codes, (code) => code.root);
export const codeFirst = Int32Array.from(table.codes, (code) => code.first);
export const codePlan = Int32Array.from(table.codes, (code) => code.plan);

/** Calling code by the first three digits, as no code begins with another; -1: none. */
export const codeOf = new Int16Array(1_000).fill(-1);
for (const [index, { callingCode }] of table.codes.entries()) {
  const digits = 3 - callingCode.length;
  const from = Number(callingCode) * 10 ** digits;
  codeOf.fill(index, from, from + 10 ** digits);
}

/** The label of the national number `bytes[at, end)`, all digits, of a calling code. */
export function labelInCode(code: number, bytes: Uint8Array, at: number, end: number): number {
  return labels[walk(codeRoot[code]!, bytes, at, end)]!;
}

/** The label of `bytes[at, end)` by the rules of one plan only; it tells no country. */
export function labelInPlan(plan: number, bytes: Uint8Array, at: number, end: number): number {
  return labels[walk(planRoot[plan]!, bytes, at, end)]!;
}

function walk(root: number, bytes: Uint8Array, at: number, end: number): number {
  let state = root;
  for (let index = at; index < end; index += 1) {
    state = next[state * 10 + bytes[index]! - ZERO]!;
  }
  return state;
}

/**
 * Copies `bytes[at, end)` to the beginning of `target` and walks a calling code's automaton from
 * digit `skipped` on. The label, or -1 if something is not a digit.
 */
export function copyAndLabel(
  code: number,
  skipped: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  target: Uint8Array,
): number {
  for (let index = 0; index < skipped; index += 1) target[index] = bytes[at + index]!;
  let state = codeRoot[code]!;
  for (let index = at + skipped, to = skipped; index < end; index += 1, to += 1) {
    const octet = bytes[index]!;
    const digit = octet - ZERO;
    if (digit < 0 || digit > 9) return -1;
    target[to] = octet;
    state = next[state * 10 + digit]!;
  }
  return labels[state]!;
}

/** The country of a label of this calling code; 0: none. */
export function countryOfLabel(code: number, label: number): number {
  const place = label >> LABEL.countryShift;
  return place === 0 ? 0 : codeFirst[code]! + place - 1;
}

/** Whether numbers of this plan may have so many digits. */
export function isPossibleLength(plan: number, digits: number): boolean {
  return digits < 32 && ((planLengths[plan]! >>> digits) & 1) === 1;
}

/** Whether all numbers of this plan have fewer digits. */
export function isTooLong(plan: number, digits: number): boolean {
  return digits >= 32 || planLengths[plan]! >>> digits === 0;
}

/** A rule in the shape in which it is applied. */
interface Prefix {
  readonly texts: readonly Uint8Array[];
  readonly expression: RegExp | undefined;
  /** Of a transform, "9$1": what comes before its group, and which group that is (0: none). */
  readonly put: string;
  readonly group: number;
}
const NO_PREFIX: Prefix = { texts: [], expression: undefined, put: "", group: 0 };
const national = [NO_PREFIX, ...plans.map((plan) => open(plan.national))];
const international = [NO_PREFIX, ...plans.map((plan) => open(plan.international))];

function open(rule: PrefixRule): Prefix {
  const [put = "", group = "0"] = rule.transform.split("$");
  return {
    texts: rule.texts.map((text) => Buffer.from(text, "latin1")),
    expression: rule.expression === "" ? undefined : new RegExp(`^(?:${rule.expression})`),
    put,
    group: Number(group),
  };
}

/** Digits of the prefix by which `plan` dials abroad that `bytes[at, end)` begins with; 0: none. */
export function internationalPrefix(
  plan: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const rule = international[plan]!;
  const { expression } = rule;
  if (expression === undefined) return textLength(rule.texts, bytes, at, end);
  return expression.exec(textOf(bytes, at, end))?.[0].length ?? 0;
}

/** What `withoutNationalPrefix` leaves. */
export const stripped = new Uint8Array(WRITTEN_DIGITS_MAX + 8);

/**
 * Takes off what `bytes[at, end)` begins with only because it is dialled within the country (as
 * libphonenumber does it: not if a number is thereby lost). The digits of `stripped` that remain;
 * -1 if nothing is taken off. Allocates where a plan rewrites numbers (Argentina, Brazil, ...).
 */
export function withoutNationalPrefix(
  plan: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const digits = strip(national[plan]!, bytes, at, end);
  if (digits < 0) return -1;
  if (
    (labelInPlan(plan, bytes, at, end) & LABEL.general) !== 0 &&
    (labelInPlan(plan, stripped, 0, digits) & LABEL.general) === 0
  ) {
    return -1;
  }
  const code = planCallingCode[plan]!;
  const country = countryOfLabel(code, labelInCode(code, stripped, 0, digits)) || plan;
  return isPossibleLength(country, digits) || isTooLong(country, digits) ? digits : -1;
}

/** What the rule leaves, in `stripped`; -1 if it does not apply or changes nothing. */
function strip(rule: Prefix, bytes: Uint8Array, at: number, end: number): number {
  const { expression } = rule;
  if (expression === undefined) {
    const digits = textLength(rule.texts, bytes, at, end);
    if (digits === 0) return -1;
    for (let index = at + digits; index < end; index += 1) {
      stripped[index - at - digits] = bytes[index]!;
    }
    return end - at - digits;
  }
  const text = textOf(bytes, at, end);
  const match = expression.exec(text);
  if (match === null) return -1;
  const kept = rule.group === 0 ? "" : (match[rule.group] ?? "");
  const left = (kept === "" ? "" : rule.put + kept) + text.slice(match[0].length);
  if (left === text) return -1;
  for (let index = 0; index < left.length; index += 1) stripped[index] = left.charCodeAt(index);
  return left.length;
}

/** Length of the first of `texts` that `bytes[at, end)` begins with; 0: none. */
function textLength(
  texts: readonly Uint8Array[],
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  for (let number = 0; number < texts.length; number += 1) {
    const text = texts[number]!;
    let index = 0;
    while (index < text.length && at + index < end && bytes[at + index] === text[index]) index += 1;
    if (index === text.length) return index;
  }
  return 0;
}

function textOf(bytes: Uint8Array, at: number, end: number): string {
  let text = "";
  for (let index = at; index < end; index += 1) text += DIGITS[bytes[index]! - ZERO]!;
  return text;
}
