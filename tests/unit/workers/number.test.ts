/**
 * Goal: numbers as people and systems write them are read as what they are, and the places where
 * we differ from libphonenumber are these and no others that matter.
 * Facts: numbering plans as published; Ofcom's and the NANPA's numbers for fiction where they exist.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { number, parseNumber, readNumber } from "../../../workers/number.js";
import {
  CALLING_CODES,
  COUNTRY_CODES,
  countryIndex,
  WRITTEN_DIGITS_MAX,
} from "../../../workers/number-plans.js";
import { NUMBER_TYPES } from "../../../workers/number-table.js";

const numbers = suite("number");

/** In short: E.164 (or digits), country, type, v(alid) p(ossible); "" if it is no number. */
function read(text: string, region = "", shortCodes = false): string {
  const parsed = parseNumber(text, region, shortCodes);
  if (parsed === undefined) return "";
  const flags = `${parsed.valid ? "v" : "-"}${parsed.possible ? "p" : "-"}`;
  return `${parsed.e164 ?? parsed.digits} ${parsed.country} ${parsed.type} ${flags}`;
}

const table: readonly (readonly [name: string, text: string, region: string, read: string])[] = [
  ["a mobile", "+4915123456789", "", "+4915123456789 DE mobile vp"],
  ["a fixed line", "+442079460018", "", "+442079460018 GB fixed vp"],
  [
    "one of a plan that does not tell them apart",
    "+14155552671",
    "",
    "+14155552671 US fixed_or_mobile vp",
  ],
  ["the same code, another country", "+12684641234", "", "+12684641234 AG mobile vp"],
  ["the same code, a country by leading digits", "+77012345678", "", "+77012345678 KZ mobile vp"],
  ["toll free", "+448001234567", "", "+448001234567 GB toll_free vp"],
  ["premium", "+449001234567", "", "+449001234567 GB premium vp"],
  ["toll free of no country", "+80012345678", "", "+80012345678  toll_free vp"],
  ["a possible one that no plan has", "+447700900123", "", "+447700900123  unknown -p"],
  ["a short one", "+4915", "", "+4915 DE unknown --"],
  ["a long one", "+441234567890123", "", "+441234567890123  unknown --"],
  ["a national one", "020 7946 0018", "GB", "+442079460018 GB fixed vp"],
  ["a national one without its prefix", "2079460018", "GB", "+442079460018 GB fixed vp"],
  ["one that lost its plus", "442079460018", "GB", "+442079460018 GB fixed vp"],
  ["a prefix in brackets after the code", "+44 (0) 20-7946.0018", "", "+442079460018 GB fixed vp"],
  ["a prefix that belongs to the number", "06 698 12345", "VA", "+390669812345 VA fixed vp"],
  ["dialled abroad, as Europe does", "00442079460018", "DE", "+442079460018 GB fixed vp"],
  ["dialled abroad, as North America does", "011442079460018", "US", "+442079460018 GB fixed vp"],
  ["seven digits of an island", "464-1234", "AG", "+12684641234 AG mobile vp"],
  ["Argentina's 15 after the area", "011 15-2345-6789", "AR", "+5491123456789 AR mobile vp"],
  ["Brazil's carrier before the area", "0 15 11 96123 4567", "BR", "+5511961234567 BR mobile vp"],
  ["full-width digits", "＋４４２０７９４６００１８", "", "+442079460018 GB fixed vp"],
  ["Arabic-Indic digits", "٠٢٠٧٩٤٦٠٠١٨", "GB", "+442079460018 GB fixed vp"],
  [
    "typographic dashes and spaces",
    "+44\u00a020\u2013794\u200b60018",
    "",
    "+442079460018 GB fixed vp",
  ],
  ["a region that is not known", "+442079460018", "ZZ", "+442079460018 GB fixed vp"],
];
for (const [name, text, region, expected] of table) {
  numbers(`reads ${name}`, () => {
    assert.is(read(text, region), expected);
  });
}

numbers("refuses what is no number", () => {
  for (const text of ["", "+", "+1", "+12", "+0123456", "+210123456", "++4420", "4+4", "Floe"]) {
    assert.is(read(text, "GB"), "", text);
  }
  assert.is(read("2079460018"), "", "national without a region");
  assert.is(read(`+44${"1".repeat(18)}`), "", "18 national digits");
  assert.is(read("1".repeat(WRITTEN_DIGITS_MAX + 1), "GB"), "");
  assert.is(read(`+${" ".repeat(250)}442079460018`), "", "too long a text");
});

numbers("reads 00 as plus where no region says otherwise", () => {
  assert.is(read("0044 20 7946 0018"), "+442079460018 GB fixed vp");
  assert.is(read("000442079460018"), "");
});

numbers("does not search a text for numbers, nor take extensions", () => {
  assert.is(read("Call 020 7946 0018", "GB"), "");
  assert.is(read("020 7946 0018 ext. 5", "GB"), "");
  assert.is(read("020 7946 0018 ~5", "GB"), "");
  assert.is(read("tel:+442079460018"), "");
});

numbers("reads two digits with something between, which are nobody's number", () => {
  assert.is(read("1-2", "GB"), "+4412 GB unknown --");
});

numbers("reads short codes where it is asked to, of the region", () => {
  assert.is(read("60070", "GB", true), "60070 GB short_code vp");
  assert.is(read("60070", "", true), "60070  short_code vp");
  assert.is(read("60070", "GB").endsWith("--"), true);
  assert.is(read("12", "GB", true).includes("short_code"), false);
  assert.is(read("123456789", "GB", true).includes("short_code"), false);
  assert.is(read("012345", "GB", true).includes("short_code"), false);
});

numbers("prefers a valid number of the region to a short code", () => {
  assert.is(read("2345678", "FO", true).includes("short_code"), true);
  assert.is(read("211234", "FO", true), "+298211234 FO mobile vp");
});

numbers("reads where the number stands among other bytes", () => {
  const bytes = Buffer.from("99+442079460018123");
  assert.is(readNumber(bytes, 2, 15, 0), true);
  assert.is(Buffer.from(number.digits.subarray(0, number.length)).toString(), "442079460018");
  assert.is(number.callingCodeDigits, 2);
  assert.is(COUNTRY_CODES[number.country], "GB");
  assert.is(NUMBER_TYPES[number.type], "fixed");
});

numbers("knows countries by code and index", () => {
  assert.is(countryIndex(""), 0);
  assert.is(countryIndex("ZZ"), 0);
  assert.is(CALLING_CODES[countryIndex("DE")], "49");
  assert.is(COUNTRY_CODES[countryIndex("VA")], "VA");
  assert.is(new Set(COUNTRY_CODES).size, COUNTRY_CODES.length);
  assert.ok(COUNTRY_CODES.length > 240);
});

numbers.run();
