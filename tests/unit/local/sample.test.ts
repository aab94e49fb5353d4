/** The sample that `npm start` sends: varied, safe, and made by its maker. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSample } from "../../../deploy/local/sample.js";
import { readFolder } from "../../../workers/parse-folder.js";
import { MATCH } from "../../../workers/source.js";

const sample = suite("sample");

const FOLDER = fileURLToPath(new URL("../../../../deploy/local/sample/", import.meta.url));
const MAKER = fileURLToPath(new URL("../../../deploy/local/sample/make.js", import.meta.url));
const messages = readSample("run");
const textOf = ({ body }: (typeof messages)[number]) => (body?.$case === "text" ? body.text : "");
const valid = messages.filter(({ to }) => /^\+[1-9]\d{6,14}$/.test(to));
const { networks, decks } = readFolder(`${FOLDER}tables`, 1);
/** Prefixes that any carrier goes to. */
const routed = decks
  .filter(({ owner }) => "carrier" in owner)
  .flatMap(({ rows }) => [...rows.codes].filter((_, row) => rows.kinds[row] === MATCH.prefix));

function countryOf(to: string): string | undefined {
  const known = networks.prefixes.filter((prefix) => to.startsWith(`+${prefix}`));
  const longest = known.sort((one, two) => two.length - one.length)[0];
  if (longest === undefined) return undefined;
  return networks.ids[networks.of[networks.prefixes.indexOf(longest)]!]?.country;
}

sample("is what its maker makes", () => {
  const made = execFileSync(process.execPath, [MAKER], { encoding: "utf8" });
  assert.is(made, readFileSync(`${FOLDER}messages.csv`, "utf8"));
});

sample("has a thousand messages to a dozen countries and more", () => {
  assert.is(messages.length, 1_000);
  const countries = new Set(valid.map(({ to }) => countryOf(to)));
  assert.ok(countries.size > 12);
});

sample("has plain, accented, Unicode and long texts, and empty ones", () => {
  const kinds: readonly [string, (text: string) => boolean][] = [
    ["ASCII", (text) => /^[ -~]+$/.test(text)],
    ["GSM with accents", (text) => /[éèùìòÇØøÅåÄÖÑÜäöñüà£€]/.test(text)],
    ["beyond GSM", (text) => /[\u0400-\u04ff\u0600-\u06ff\u3040-\u30ff]/.test(text)],
    ["emoji", (text) => /\p{Extended_Pictographic}/u.test(text)],
    ["several parts", (text) => text.length > 160 && text.length < 4_000],
    ["empty", (text) => text === ""],
  ];
  for (const [kind, is] of kinds)
    assert.ok(
      messages.some((one) => is(textOf(one))),
      kind,
    );
});

sample("has every traffic class, malformed numbers, senders too long, and no route", () => {
  assert.equal([...new Set(messages.map((one) => one.trafficClass))].sort(), [1, 2, 3]);
  assert.ok(messages.length - valid.length > 20);
  assert.ok(messages.some(({ from }) => from.length > 11 && !from.startsWith("+")));
  const unroutable = valid.filter(({ to }) => !routed.some((code) => to.startsWith(`+${code}`)));
  assert.ok(unroutable.length >= 20);
});

sample("has failures at the carrier, and none that keeps `--once` waiting", () => {
  const special = (last: string) => valid.filter(({ to }) => to.endsWith(last)).length;
  for (const last of ["0001", "0002", "0003", "0004", "0005", "0007", "0009", "0010", "0011"]) {
    assert.ok(special(last) > 0, last);
  }
  assert.is(special("0006"), 0);
  assert.is(special("0008"), 0);
});

sample.run();
