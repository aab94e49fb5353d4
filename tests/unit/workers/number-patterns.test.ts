/**
 * Goal: patterns of numbering plans are read as regular expressions read them, and what is not
 * understood is refused.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openAutomaton } from "../../../deploy/numbers/automaton.js";
import { parsePattern, textsOf } from "../../../deploy/numbers/patterns.js";

const patterns = suite("number patterns");

patterns("refuse what they do not understand", () => {
  for (const source of ["a", "1+", "1*", "(?=1)", "(1", "1)", "[1", "[a]", "1{2", "\\w", "1{,2}"]) {
    assert.throws(() => parsePattern(source), /not understood/, source);
  }
});

patterns("tell their texts in the order in which a matcher tries them", () => {
  assert.equal(textsOf(parsePattern("0|80?"), 10), ["0", "80", "8"]);
  assert.equal(textsOf(parsePattern("1[2-4]{1,2}"), 20)?.slice(0, 4), ["122", "123", "124", "12"]);
  assert.equal(textsOf(parsePattern("(1\\d)?"), 11)?.at(-1), "");
});

patterns("tell no texts where there are too many, or an end", () => {
  assert.is(textsOf(parsePattern("\\d{3}"), 999), undefined);
  assert.is(textsOf(parsePattern("1$"), 10), undefined);
});

patterns("end in labels, of whole numbers and of prefixes", () => {
  const automaton = openAutomaton();
  const whole = { pattern: parsePattern("1(?:2|34)?\\d{2}"), tag: "whole" };
  const prefix = { pattern: parsePattern("(?:13)?"), tag: "prefix", prefix: true };
  const ended = { pattern: parsePattern("(5\\d)$|7"), tag: "ended", prefix: true };
  const root = automaton.add([whole, prefix, ended], (tags, length) =>
    [...tags].reduce((sum, tag) => sum + { whole: 100, prefix: 200, ended: 400 }[tag]!, length),
  );
  const { next, labels, roots } = automaton.finish();
  const label = (digits: string) =>
    labels[[...digits].reduce((at, digit) => next[at * 10 + Number(digit)]!, roots[root]!)];
  const expected: readonly (readonly [string, number])[] = [
    ["", 0],
    ["1", 1],
    ["145", 103],
    ["1245", 104],
    ["134", 303],
    ["13456", 305],
    ["134567", 206],
    ["51", 402],
    ["513", 3],
    ["7", 401],
    ["79999", 405],
    ["9".repeat(30), 18],
  ];
  for (const [digits, wanted] of expected) assert.is(label(digits), wanted, digits);
});

patterns.run();
