/** Goal: what is replaced reads the same, fits the GSM alphabet, and nothing else is touched. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { smartText } from "../../../core/smart.js";
import { gsm7Septets } from "../../../core/text.js";
import { countSegments, measured } from "../../../workers/segments.js";

const smart = suite("smart encoding");

const table: readonly (readonly [string, string, string | undefined])[] = [
  ["quotation marks", "“It’s ‘here’”, «oui» ‚so‘ „na“", '"It\'s \'here\'", "oui" \'so\' "na"'],
  ["dashes", "1–2—3‑4−5", "1-2-3-4-5"],
  ["an ellipsis", "wait…", "wait..."],
  ["spaces", "a\u00a0b\u2009c\u202fd\u3000e\tf", "a b c d e f"],
  ["what has no width", "\ufeffa\u200bb\u00adc", "abc"],
  ["line separators", "a\u2028b", "a\nb"],
  ["bullets", "• one", "* one"],
  ["ligatures", "ﬁnd oﬃce", "find office"],
  ["full-width forms", "Ｃｏｄｅ１２３！", "Code123!"],
  ["accents apart from their letters", "cafe\u0301 u\u0308ber A\u030a", "café über Å"],
  ["an ohm", "5 \u2126", "5 Ω"],
  ["what fits stays", "Grüße € [1]", "Grüße € [1]"],
  ["an accented letter that the alphabet has not", "“á”", undefined],
  ["an accent that makes none of the alphabet's letters", "a\u0301", undefined],
  ["Cyrillic", "“Код”", undefined],
  ["an emoji", "It’s 😀", undefined],
];
for (const [name, text, expected] of table) {
  smart(`${name}: ${expected === undefined ? "left alone" : "replaced"}`, () => {
    assert.is(smartText(text), expected);
    if (expected === undefined) return;
    assert.ok([...expected].every((one) => gsm7Septets(one.codePointAt(0)!) > 0));
  });
}

function count(text: string, isAllowed: boolean): readonly [number, number, boolean] {
  const bytes = new Uint8Array(Buffer.from(text, "utf8"));
  const segments = countSegments(bytes, new DataView(bytes.buffer), 0, bytes.length, isAllowed);
  return [segments, measured.encoding, measured.smart];
}

smart("is done where the plan allows it", () => {
  const text = `It’s ${"a".repeat(90)}`;
  assert.equal(count(text, false), [2, 2, false]);
  assert.equal(count(text, true), [1, 1, true]);
});

smart("is not done where the replacement needs more segments", () => {
  assert.equal(count("…".repeat(70), true), [1, 2, false]);
  assert.equal(count("…".repeat(53), true), [1, 1, true]);
});

smart("is not reported of a text that needs none", () => {
  assert.equal(count("It's", true), [1, 1, false]);
  assert.equal(count("é", true), [1, 1, false]);
});

smart.run();
