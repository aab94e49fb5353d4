/**
 * Goal: clusters begin where Intl.Segmenter, which is another implementation of UAX #29, begins
 * them. Method: texts out of characters of every class, and every character between probes.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UNICODE_VERSION } from "../../../core/grapheme-classes.js";
import { BREAK, graphemeStep, START } from "../../../core/graphemes.js";

const graphemes = suite("graphemes");
const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Another Unicode version knows other characters: then only old ones are compared. */
const SAME_UNICODE = process.versions["unicode"] === UNICODE_VERSION;

function ours(text: string): string {
  let marked = "";
  let state = START;
  for (const character of text) {
    const step = graphemeStep(state, character.codePointAt(0)!);
    if ((step & BREAK) !== 0 && marked !== "") marked += "|";
    marked += character;
    state = step & ~BREAK;
  }
  return marked;
}

function theirs(text: string): string {
  return [...segmenter.segment(text)].map(({ segment }) => segment).join("|");
}

function escaped(text: string): string {
  return [...text].map((one) => one.codePointAt(0)!.toString(16)).join(" ");
}

function same(text: string): void {
  const [expected, actual] = [theirs(text), ours(text)];
  if (expected !== actual) assert.is(escaped(actual), escaped(expected));
}

const families: readonly (readonly [string, string])[] = [
  ["a family joined", "👨‍👩‍👧‍👦"],
  ["a flag", "🇩🇪"],
  ["a flag of tags", "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}"],
  ["a keycap", "1\ufe0f\u20e3"],
  ["a skin tone", "👍🏽"],
  ["a profession with a skin tone and a selector", "🧑🏿‍✈️"],
  ["a letter with two marks", "e\u0301\u0323"],
  ["a syllable of Jamo", "\u1112\u1161\u11ab"],
  ["a syllable and a final", "가\u11a8"],
  ["a conjunct", "क्ष"],
  ["a conjunct with a vowel sign", "स्त्री"],
  ["a Tamil syllable", "நி"],
  ["a return and a line feed", "\r\n"],
  ["a prepended mark", "\u0600١"],
];
for (const [name, text] of families) {
  graphemes(`takes ${name} for one`, () => {
    assert.is(ours(`x${text}y`), `x|${text}|y`);
  });
}

graphemes("counts three regional indicators as a flag and one more", () => {
  assert.is(ours("🇩🇪🇫"), "🇩🇪|🇫");
});

graphemes("texts of old characters of every class", () => {
  const unit = fc.constantFrom(
    ..."ae1#\r\n\t \u0301\u0323\u200d\u200c\ufe0f\u20e3\u0600\u0e33\u0903\u093f가각힣\u1100\u1161\u11a8",
    ...[
      "👩",
      "❤",
      "👍",
      "🏽",
      "🇩",
      "🇪",
      "🏴",
      "\u{e0067}",
      "\u{e007f}",
      "©",
      "中",
      "\u2028",
      "\u200b",
    ],
    ...(SAME_UNICODE ? [..."कखष\u094d\u09cdক\u0d4dക\u0ccdਕ\u1039\u17d2\u0dca\u0bcdக"] : []),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 14 }), (units) => same(units.join(""))),
    { numRuns: 20_000 },
  );
});

graphemes("any text", () => {
  if (!SAME_UNICODE) return;
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => same(text)),
    { numRuns: 5_000 },
  );
});

graphemes("every character that may join, between what it may join", () => {
  if (!SAME_UNICODE) return;
  const around = ["\u0301", "👩", "\u200d", "क", "\u094d", "🇩", "a", "\u0600", "\u1161"];
  const any = fc.oneof(
    fc.integer({ min: 0, max: 0x3400 }),
    fc.integer({ min: 0xa000, max: 0xabff }),
    fc.integer({ min: 0xd7a4, max: 0xd7ff }),
    fc.integer({ min: 0xf900, max: 0x1ffff }),
    fc.integer({ min: 0xe0000, max: 0xe1fff }),
  );
  const neighbour = fc.constantFrom(...around);
  fc.assert(
    fc.property(fc.array(fc.tuple(neighbour, any), { maxLength: 6 }), (pairs) =>
      same(pairs.map(([one, code]) => one + String.fromCodePoint(code)).join("")),
    ),
    { numRuns: 20_000 },
  );
});

graphemes.run();
