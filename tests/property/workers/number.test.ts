/**
 * Goal: country, type, validity, possibility and E.164 form are what libphonenumber-js says.
 * Method: numbers drawn from the patterns of every plan, then left, mutated, cut, lengthened or
 * replaced by noise; with "+", national, with prefixes, and as if "+" were lost. The examples that
 * fast-check draws are seeds of a hundred numbers each; a failure names the number.
 */
import { createRequire } from "node:module";
import fc from "fast-check";
import {
  type CountryCode,
  type NumberType,
  parsePhoneNumberFromString,
} from "libphonenumber-js/max";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Pattern, parsePattern } from "../../../deploy/numbers/patterns.js";
import type { Metadata } from "../../../deploy/numbers/plans.js";
import { parseNumber } from "../../../workers/number.js";

const agreement = suite("number, against libphonenumber");
const NUMBERS_A_SEED = 100;

const TYPES: Readonly<Record<NonNullable<NumberType>, string>> = {
  MOBILE: "mobile",
  FIXED_LINE: "fixed",
  FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
  TOLL_FREE: "toll_free",
  PREMIUM_RATE: "premium",
  SHARED_COST: "shared_cost",
  VOIP: "voip",
  PERSONAL_NUMBER: "personal",
  PAGER: "pager",
  UAN: "uan",
  VOICEMAIL: "voicemail",
};

interface Plan {
  /** "" where it belongs to no country. */
  readonly country: string;
  readonly callingCode: string;
  /** General pattern, and those of types. */
  readonly patterns: readonly Pattern[];
  readonly nationalPrefix: Pattern;
  readonly internationalPrefix: Pattern;
}
const metadata = createRequire(import.meta.url)("libphonenumber-js/metadata.max.json") as Metadata;
const plans: readonly Plan[] = [
  ...Object.entries(metadata.countries),
  ...Object.entries(metadata.nonGeographic).map(([, data]) => ["", data] as const),
].map(([country, data]) => ({
  country,
  callingCode: data[0],
  patterns: [data[2], ...data[11].map((type) => (type ? type[0] : ""))]
    .filter((pattern) => pattern !== "")
    .map(parsePattern),
  nationalPrefix: parsePattern(data[7] || data[5] || ""),
  internationalPrefix: parsePattern(data[1] || ""),
}));
const countries = plans.filter(({ country }) => country !== "");

type Below = (bound: number) => number;

/** Numerical Recipes' generator: the high bits are good enough to draw digits from. */
function drawing(seed: number): Below {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

function textOf(pattern: Pattern, below: Below): string {
  switch (pattern.kind) {
    case "end":
      return "";
    case "digit": {
      const digits = [..."0123456789"].filter((digit) => pattern.mask & (1 << Number(digit)));
      return digits[below(digits.length)]!;
    }
    case "sequence":
      return pattern.parts.map((part) => textOf(part, below)).join("");
    case "choice":
      return textOf(pattern.options[below(pattern.options.length)]!, below);
    case "repeat": {
      const count = pattern.min + below(pattern.max - pattern.min + 1);
      return Array.from({ length: count }, () => textOf(pattern.part, below)).join("");
    }
  }
}

function noise(digits: number, below: Below): string {
  return Array.from({ length: digits }, () => below(10)).join("");
}

function nationalNumber(plan: Plan, below: Below): string {
  const right = textOf(plan.patterns[below(plan.patterns.length)]!, below);
  const at = below(right.length);
  switch (below(12)) {
    case 0:
    case 1:
      return right.slice(0, at) + noise(1, below) + right.slice(at + 1);
    case 2:
    case 3:
      return right.slice(0, -1 - below(3));
    case 4:
    case 5:
      return right + noise(1 + below(3), below);
    case 6:
      return noise(1 + below(18), below);
    default:
      return right;
  }
}

function agree(text: string, region: string | undefined): void {
  const theirs = parsePhoneNumberFromString(text, region as CountryCode | undefined);
  const type = theirs?.getType();
  const expected = theirs && [
    theirs.number,
    theirs.country ?? "",
    type === undefined ? "unknown" : TYPES[type],
    theirs.isValid(),
    theirs.isPossible(),
  ];
  const ours = parseNumber(text, region);
  const found = ours && [ours.e164, ours.country, ours.type, ours.valid, ours.possible];
  assert.equal(found, expected, `${text} in ${region ?? "no region"}`);
}

function holds(
  seeds: number,
  write: (below: Below) => readonly [text: string, region: string | undefined],
): void {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const below = drawing(seed);
      for (let count = 0; count < NUMBERS_A_SEED; count += 1) agree(...write(below));
    }),
    { numRuns: seeds, includeErrorInReport: true },
  );
}

agreement("numbers with plus are theirs", () => {
  holds(1_000, (below) => {
    const plan = plans[below(plans.length)]!;
    const prefix = below(4) === 0 ? textOf(plan.nationalPrefix, below) : "";
    const code = below(20) === 0 ? noise(3, below) : plan.callingCode;
    return [`+${code}${prefix}${nationalNumber(plan, below)}`, undefined];
  });
});

agreement("numbers written in a region are theirs", () => {
  holds(1_000, (below) => {
    const plan = countries[below(countries.length)]!;
    const number = nationalNumber(plan, below);
    // Mostly at home, sometimes where other rules hold.
    const at = below(4) === 0 ? countries[below(countries.length)]! : plan;
    switch (below(5)) {
      case 0:
        return [number, at.country];
      case 1:
      case 2:
        return [textOf(at.nationalPrefix, below) + number, at.country];
      case 3:
        return [textOf(at.internationalPrefix, below) + plan.callingCode + number, at.country];
      default:
        return [plan.callingCode + number, at.country];
    }
  });
});

agreement("numbers with punctuation are theirs", () => {
  holds(300, (below) => {
    const plan = countries[below(countries.length)]!;
    const digits = [...nationalNumber(plan, below), ...noise(2, below)];
    const marks = [" ", "-", ".", "(", ")", "/", "[", "]", "\u00a0", "\u2013", ""];
    const apart = digits.map((digit) => digit + marks[below(marks.length)]!).join("");
    return [below(2) === 0 ? `+${plan.callingCode} ${apart}` : apart, plan.country];
  });
});

agreement.run();
