/**
 * Plans: from libphonenumber's metadata to what workers/number-table.ts reads.
 *
 * In: metadata.max.json of libphonenumber-js (its arrays are described in that package's
 * METADATA.md). Out: for each calling code an automaton over the national number whose label says
 * country, type and validity at once; for each country how its national numbers are written; and
 * the bytes of all that. libphonenumber decides in steps (country by leading digits or by the first
 * plan that knows a type for the number; then general pattern, lengths, type by type): the labels
 * are these steps, taken for every number beforehand.
 */
import { LABEL, NUMBER_TYPES, type NumberPlans } from "../../workers/number-table.js";
import { type LabelOf, openAutomaton, type Tagged } from "./automaton.js";
import { parsePattern, textsOf } from "./patterns.js";

/** A plan as the metadata has it: positions in an array, 0 for what is absent. */
type PlanData = readonly [
  callingCode: string,
  internationalPrefix: string | 0,
  general: string,
  lengths: readonly number[],
  formats: unknown,
  nationalPrefix: string | 0,
  nationalPrefixFormat: unknown,
  nationalPrefixPattern: string | 0,
  nationalPrefixTransform: string | 0,
  nationalPrefixOptional: unknown,
  leadingDigits: string | 0,
  types: readonly (readonly [pattern: string, lengths?: readonly number[]] | 0)[],
];
export interface Metadata {
  readonly country_calling_codes: Readonly<Record<string, readonly string[]>>;
  readonly countries: Readonly<Record<string, PlanData>>;
  readonly nonGeographic: Readonly<Record<string, PlanData>>;
}

/** Types in the order of the metadata, and in the order in which libphonenumber asks for them. */
const TYPES_STORED = [
  "fixed",
  "mobile",
  "toll_free",
  "premium",
  "personal",
  "voicemail",
  "uan",
  "pager",
  "voip",
  "shared_cost",
] as const;
const TYPES_ASKED = [
  "mobile",
  "premium",
  "toll_free",
  "shared_cost",
  "voip",
  "personal",
  "pager",
  "uan",
  "voicemail",
] as const;
type StoredType = (typeof TYPES_STORED)[number];

/** Prefixes with fewer texts than this are compared with them; others stay regular expressions. */
const PREFIX_TEXTS_MAX = 128;

/** @throws Error if the metadata has what this does not understand. */
export function compilePlans(metadata: Metadata): NumberPlans {
  const automaton = openAutomaton();
  const countries: NumberPlans["countries"][number][] = [];
  const codes: NumberPlans["codes"][number][] = [];
  for (const [callingCode, names] of Object.entries(metadata.country_calling_codes)) {
    const plans = names.map((name) => checked(name, metadata.countries[name]));
    const root = automaton.add(codePatterns(plans), codeLabels(plans));
    codes.push({ callingCode, first: countries.length + 1, root, plan: countries.length + 1 });
    for (const [index, plan] of plans.entries()) {
      // A country that has its code for itself is that code: the same states serve both.
      const own = plans.length === 1 ? root : automaton.add(ownPatterns(plan), codeLabels([plan]));
      countries.push({ ...written(names[index]!, plan), root: own });
    }
  }
  const geographic = countries.length;
  for (const [callingCode, data] of Object.entries(metadata.nonGeographic)) {
    const plan = checked(callingCode, data);
    const root = automaton.add(codePatterns([plan]), nowhere(codeLabels([plan])));
    countries.push({ ...written("", plan), root });
    codes.push({ callingCode, first: 0, root, plan: countries.length });
  }
  const { next, labels, roots } = automaton.finish();
  const settled = <T extends { root: number }>(row: T) => ({ ...row, root: roots[row.root]! });
  return {
    countries: countries.map(settled),
    geographic,
    codes: codes.map(settled),
    next,
    labels,
  };
}

function checked(name: string, plan: PlanData | undefined): PlanData {
  if (plan === undefined || !Array.isArray(plan[3]) || !Array.isArray(plan[11])) {
    throw new Error(`The plan of ${name} has no lengths or no types.`);
  }
  return plan;
}

/** What is said of a number whose country is not known yet: by all plans of its calling code. */
function codePatterns(plans: readonly PlanData[]): Tagged[] {
  return [
    ...plans.flatMap((plan, index) => planPatterns(plan, index)),
    // libphonenumber takes off national prefixes by the code's first plan.
    ...prefixPatterns(plans[0]!),
  ];
}

function ownPatterns(plan: PlanData): Tagged[] {
  return [...planPatterns(plan, 0), ...prefixPatterns(plan)];
}

function prefixPatterns(plan: PlanData): Tagged[] {
  const prefix = plan[7] || plan[5];
  return prefix ? [{ pattern: parsePattern(prefix), tag: "prefix", prefix: true }] : [];
}

function planPatterns(plan: PlanData, index: number): Tagged[] {
  const patterns: Tagged[] = [{ pattern: parsePattern(plan[2]), tag: `${index} general` }];
  for (const [at, type] of TYPES_STORED.entries()) {
    const stored = plan[11][at];
    if (!stored || stored[0] === "") continue;
    patterns.push({ pattern: parsePattern(stored[0]), tag: `${index} ${type}` });
  }
  if (plan[10]) {
    patterns.push({ pattern: parsePattern(plan[10]), tag: `${index} leading`, prefix: true });
  }
  return patterns;
}

/** Labels of numbers of a calling code; the plans are in the order of its countries. */
function codeLabels(plans: readonly PlanData[]): LabelOf {
  return (tags, length) => {
    const country = plans.length === 1 ? 0 : countryIn(plans, tags, length);
    const decides = Math.max(country, 0);
    const type = typeIn(plans[decides]!, decides, tags, length);
    return (
      (type === undefined ? 0 : NUMBER_TYPES.indexOf(type) | LABEL.valid) |
      (tags.has("0 general") ? LABEL.general : 0) |
      (tags.has("prefix") ? LABEL.prefix : 0) |
      ((country + 1) << LABEL.countryShift)
    );
  };
}

function nowhere(labelOf: LabelOf): LabelOf {
  return (tags, length) => labelOf(tags, length) & ((1 << LABEL.countryShift) - 1);
}

/** Place of the country among those of its calling code; -1 if no plan knows the number. */
function countryIn(plans: readonly PlanData[], tags: ReadonlySet<string>, length: number): number {
  return plans.findIndex((plan, index) =>
    plan[10] ? tags.has(`${index} leading`) : typeIn(plan, index, tags, length) !== undefined,
  );
}

function typeIn(
  plan: PlanData,
  index: number,
  tags: ReadonlySet<string>,
  length: number,
): StoredType | "fixed_or_mobile" | undefined {
  if (!tags.has(`${index} general`)) return undefined;
  const is = (type: StoredType) => {
    const stored = plan[11][TYPES_STORED.indexOf(type)];
    if (!stored) return false;
    return tags.has(`${index} ${type}`) && (stored[1] || plan[3]).includes(length);
  };
  if (is("fixed")) {
    // A plan without mobile numbers of their own has them among the others.
    const mobile = plan[11][TYPES_STORED.indexOf("mobile")];
    return !mobile || mobile[0] === "" || is("mobile") ? "fixed_or_mobile" : "fixed";
  }
  return TYPES_ASKED.find(is);
}

/** How the numbers of a country are written within it. */
function written(code: string, plan: PlanData) {
  return {
    code,
    callingCode: plan[0],
    lengths: plan[3].reduce((mask, length) => mask | (1 << length), 0),
    national: prefix(plan[7] || plan[5], plan[8]),
    international: prefix(plan[1], 0),
  };
}

/**
 * Texts in the order in which they are tried, or a regular expression with a transform, "" for
 * none. A group that is not transformed is a carrier code, of no interest here.
 */
function prefix(pattern: string | 0, transform: string | 0) {
  if (!pattern) return { texts: [], expression: "", transform: "" };
  const groups = pattern.match(/\((?!\?)/g)?.length ?? 0;
  if (transform && !new RegExp(`^\\d*\\$${groups}$`).test(transform)) {
    throw new Error(`Transform not understood: ${pattern} ${transform}`);
  }
  const texts = transform ? undefined : textsOf(parsePattern(pattern), PREFIX_TEXTS_MAX);
  return texts === undefined
    ? { texts: [], expression: pattern, transform: transform || "" }
    : { texts, expression: "", transform: "" };
}
