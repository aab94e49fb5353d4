/** Countries: ISO 3166-1 alpha-2 codes, and the English names that files have instead (CLDR). */

import { countryIndex } from "./number-plans.js";

const A = 65;
const LETTERS = 26;
/** Regions that CLDR names and ISO 3166-1 does not, apart from XK, which networks use for Kosovo. */
const NO_COUNTRIES = new Set([
  "EU",
  "EZ",
  "QO",
  "UN",
  "XA",
  "XB",
  "ZZ",
  "AC",
  "CP",
  "CQ",
  "DG",
  "EA",
]);
for (const more of ["IC", "TA"]) NO_COUNTRIES.add(more);
/** As carriers write them. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  usa: "US",
  unitedstatesofamerica: "US",
  uk: "GB",
  greatbritain: "GB",
  russianfederation: "RU",
  southkorea: "KR",
  korearepublicof: "KR",
  czechrepublic: "CZ",
  turkey: "TR",
  vietnam: "VN",
  ivorycoast: "CI",
  macedonia: "MK",
  burma: "MM",
  swaziland: "SZ",
  capeverde: "CV",
  uae: "AE",
  hongkong: "HK",
  macau: "MO",
};

/** What a rule or guard for a code that is none must be told: no message is ever to such a country. */
export const NO_COUNTRY = "is no country (ISO 3166-1 alpha-2)";

let names: Map<string, string> | undefined;

/** Whether it is a country's code, or one that numbers have (AC, TA): two letters alone are not. */
export function isCountry(code: string): boolean {
  return countryIndex(code) > 0 || (code.length === 2 && countryOfText(code) === code);
}

/** The code of a code or an English name, in any case; "" if it is neither. */
export function countryOfText(text: string): string {
  names ??= readNames();
  return names.get(plainName(text)) ?? "";
}

function readNames(): Map<string, string> {
  const found = new Map<string, string>();
  const known = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  for (let first = 0; first < LETTERS; first += 1) {
    for (let second = 0; second < LETTERS; second += 1) {
      const code = String.fromCharCode(A + first, A + second);
      const name = known.of(code);
      // CLDR also names codes that were withdrawn, as what they are today.
      const today = new Intl.Locale(`und-${code}`).region;
      if (name === undefined || NO_COUNTRIES.has(code) || today !== code) continue;
      found.set(plainName(code), code);
      found.set(plainName(name), code);
    }
  }
  for (const [name, code] of Object.entries(OTHER_NAMES)) found.set(name, code);
  return found;
}

function plainName(name: string): string {
  return name
    .normalize("NFD")
    .toLowerCase()
    .replace(/[^a-z]/g, "");
}
