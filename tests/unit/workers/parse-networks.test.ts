/** Networks by prefix and ported numbers from CSV. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { countryOfText } from "../../../workers/countries.js";
import type { CsvProblem } from "../../../workers/csv-problems.js";
import { parseNetworks } from "../../../workers/parse-networks.js";
import { PORTED_BACK, parsePorted, portedCountries } from "../../../workers/parse-ported.js";

const networks = suite("parseNetworks and parsePorted");

const told = ({ problems }: { readonly problems: readonly CsvProblem[] }): readonly string[] =>
  problems.map(({ line, column, problem }) => `${line} ${column}: ${problem}`);

networks("reads prefixes with countries by code and by name, MCC and MNC apart or together", () => {
  const text =
    "Dial Code;Country;MCC;MNC;mccmnc\n44;United Kingdom;;;\n+447;gb;234;01;\n448;GB;;;234-15\n";
  const { networks: found, lines, problems } = parseNetworks(Buffer.from(text));
  assert.equal(problems, []);
  assert.equal(found.prefixes, ["44", "447", "448"]);
  assert.equal([...lines], [2, 3, 4]);
  assert.equal(
    [...found.of].map((id) => found.ids[id]),
    [
      { country: "GB", mcc: "", mnc: "" },
      { country: "GB", mcc: "234", mnc: "01" },
      { country: "GB", mcc: "234", mnc: "15" },
    ],
  );
});

for (const [row, problem] of [
  ["044,GB,,", "2 prefix: must be 1 to 15 digits"],
  ["44,Atlantis,,", "2 country: must be a country"],
  ["44,,,", "2 country: must be a country"],
  ["44,GB,23,10", "2 mcc: must have 3 digits"],
  ["44,GB,234,1", "2 mnc: must have 2 or 3 digits"],
  ["44,GB,234,", "2 mnc: must have 2 or 3 digits"],
  ["44,GB,,\n44,GB,,", "3 prefix: is that of line 2 again"],
] as const) {
  networks(`tells ${JSON.stringify(row)}: ${problem}`, () => {
    const found = told(parseNetworks(Buffer.from(`prefix,country,mcc,mnc\n${row}\n`)));
    assert.is(found.length, 1);
    assert.match(found[0]!, problem);
  });
}

networks("knows countries by ISO 3166-1 and by names that carriers use", () => {
  for (const [text, code] of [
    ["de", "DE"],
    ["Côte d'Ivoire", "CI"],
    ["Turkey", "TR"],
    ["Türkiye", "TR"],
    ["USA", "US"],
    ["UK", "GB"],
    ["Hong Kong", "HK"],
    ["XK", "XK"],
    ["EU", ""],
    ["SU", ""],
    ["AA", ""],
    ["", ""],
  ] as const) {
    assert.is(countryOfText(text), code, text);
  }
});

networks("sorts ported numbers, of any length, each with its network", () => {
  const numbers = ["447911123456", "4915112345678", "61412345678", "1204555123", "8613912345678"];
  const text = `msisdn,mcc,mnc\n${numbers.map((one, at) => `${one},234,1${at}`).join("\n")}\n`;
  const { numbers: sorted, of, ids, lines, problems } = parsePorted(Buffer.from(text));
  assert.equal(problems, []);
  const order = numbers.map((_, at) => at).sort((a, b) => Number(numbers[a]) - Number(numbers[b]));
  assert.equal(
    [...sorted],
    order.map((at) => Number(numbers[at])),
  );
  assert.equal(
    [...of].map((id) => ids[id]?.mnc),
    order.map((at) => `1${at}`),
  );
  assert.equal(
    [...lines],
    order.map((at) => at + 2),
  );
});

networks("marks ported numbers that came back, and tells repeats without the number", () => {
  const text =
    "number,mccmnc\n+447911123456,\n447911123457,23410\n447911123456,23415\n0791,23410\n";
  const parsed = parsePorted(Buffer.from(text));
  assert.is(parsed.of[0], PORTED_BACK);
  assert.equal(told(parsed), [
    "4 number: is that of line 2 again",
    "5 number: must be a number with its country code, 7 to 15 digits",
  ]);
});

networks("finds countries of ported networks where there is one answer", () => {
  const id = (mcc: string, mnc: string, country = "") => ({ country, mcc, mnc });
  const known = [
    id("234", "10", "GB"),
    id("234", "55", "GG"),
    id("262", "01", "DE"),
    id("", "", "FR"),
  ];
  const wanted = [
    id("234", "10"),
    id("234", "11"),
    id("262", "99"),
    id("208", "01"),
    id("208", "10", "FR"),
  ];
  const { ids, unknown } = portedCountries(wanted, known);
  assert.equal(
    ids.map(({ country }) => country),
    ["GB", "", "DE", "", "FR"],
  );
  assert.equal(unknown, [1, 3]);
});

networks.run();
