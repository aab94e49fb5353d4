/**
 * Goal: parts hold what the 140 octets of a message less its header hold, and texts are cut where
 * readers see characters end. Facts: 3GPP TS 23.038, 6.1.2.1; 3GPP TS 23.040, 9.2.3.24.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  binaryParts,
  cutBinary,
  cutText,
  headerOctets,
  NO_ENDS,
  partTexts,
  partUnits,
} from "../../../core/parts.js";
import { ENCODING_BINARY } from "../../../core/stream/fields.js";

const parts = suite("parts");
const GSM7 = 1;
const UCS2 = 2;
const TURKISH = 1;
const BOTH = 0x0101;

/** Encoding, national tables; then octets of the header and units: one part, 8 bits, 16 bits. */
const limits: readonly (readonly [string, number, number, readonly number[]])[] = [
  ["GSM 7-bit", GSM7, 0, [0, 160, 6, 153, 7, 152]],
  ["GSM 7-bit with a single shift", GSM7, TURKISH, [4, 155, 9, 149, 10, 148]],
  ["GSM 7-bit with a locking shift", GSM7, TURKISH << 8, [4, 155, 9, 149, 10, 148]],
  ["GSM 7-bit with both", GSM7, BOTH, [7, 152, 12, 146, 13, 145]],
  ["UCS-2", UCS2, 0, [0, 70, 6, 67, 7, 66]],
  ["octets", ENCODING_BINARY, 0, [0, 140, 6, 134, 7, 133]],
];
for (const [name, encoding, languages, expected] of limits) {
  parts(`hold of ${name}: ${expected.filter((_, at) => at % 2 === 1).join(", ")}`, () => {
    const found = ([0, 8, 16] as const).flatMap((reference) => [
      headerOctets(languages, reference),
      partUnits(encoding, languages, reference),
    ]);
    assert.equal(found, expected);
  });
}

function cut(text: string, encoding: number, languages = 0): string[] {
  return partTexts(text, encoding, false, languages);
}

const cuts: readonly (readonly [string, string, number, readonly string[]])[] = [
  ["160 letters", "a".repeat(160), GSM7, ["a".repeat(160)]],
  ["161 letters", "a".repeat(161), GSM7, ["a".repeat(153), "a".repeat(8)]],
  [
    "an escape pair",
    `${"a".repeat(152)}[${"b".repeat(20)}`,
    GSM7,
    ["a".repeat(152), `[${"b".repeat(20)}`],
  ],
  [
    "a return with a line feed",
    `${"a".repeat(152)}\r\n${"b".repeat(20)}`,
    GSM7,
    ["a".repeat(152), `\r\n${"b".repeat(20)}`],
  ],
  [
    "a surrogate pair",
    `${"ж".repeat(66)}😀${"ж".repeat(9)}`,
    UCS2,
    ["ж".repeat(66), `😀${"ж".repeat(9)}`],
  ],
  [
    "an accent",
    `${"ж".repeat(66)}e\u0301${"ж".repeat(9)}`,
    UCS2,
    ["ж".repeat(66), `e\u0301${"ж".repeat(9)}`],
  ],
  [
    "a family",
    `${"ж".repeat(60)}👩‍👩‍👧${"ж".repeat(9)}`,
    UCS2,
    ["ж".repeat(60), `👩‍👩‍👧${"ж".repeat(9)}`],
  ],
  [
    "a flag",
    `${"ж".repeat(65)}🇩🇪🇫🇷${"ж".repeat(9)}`,
    UCS2,
    ["ж".repeat(65), `🇩🇪🇫🇷${"ж".repeat(9)}`],
  ],
  [
    "a skin tone",
    `${"ж".repeat(64)}👍🏽${"ж".repeat(9)}`,
    UCS2,
    ["ж".repeat(64), `👍🏽${"ж".repeat(9)}`],
  ],
  [
    "a keycap",
    `${"ж".repeat(65)}1\ufe0f\u20e3${"ж".repeat(9)}`,
    UCS2,
    ["ж".repeat(65), `1\ufe0f\u20e3${"ж".repeat(9)}`],
  ],
  [
    "a conjunct",
    `${"ж".repeat(65)}क्ष${"ж".repeat(9)}`,
    UCS2,
    ["ж".repeat(65), `क्ष${"ж".repeat(9)}`],
  ],
];
for (const [name, text, encoding, expected] of cuts) {
  parts(`cuts ${name}`, () => {
    assert.equal(cut(text, encoding), expected);
  });
}

parts("a cluster that no part holds begins one, and is divided between its characters", () => {
  const long = `x${"\u0301".repeat(100)}`;
  assert.equal(cut(`abc${long}ж`, UCS2), ["abc", long.slice(0, 67), `${long.slice(67)}ж`]);
  const emoji = ["👩", ...new Array<string>(40).fill("\u200d👩")].join("");
  const [first, second] = cut(emoji, UCS2);
  assert.is(`${first}${second}`, emoji);
  assert.not.match(`${first}${second}`, /\ufffd/);
});

parts("national tables leave less of each part", () => {
  const text = "ş".repeat(77);
  assert.equal(cut(text, GSM7, TURKISH), [text]);
  assert.equal(cut(`${text}ş`, GSM7, TURKISH), ["ş".repeat(74), "ş".repeat(4)]);
  assert.equal(cut("ş".repeat(156), GSM7, TURKISH << 8), ["ş".repeat(149), "ş".repeat(7)]);
});

parts("a reference of 16 bits leaves one septet and one unit less", () => {
  const bytes = Buffer.from("a".repeat(306));
  assert.is(cutText(bytes, 0, 306, GSM7, 0, NO_ENDS), 2);
  assert.is(cutText(bytes, 0, 306, GSM7, 0, NO_ENDS, 16), 3);
});

parts("octets fill the parts", () => {
  const ends = new Int32Array(4);
  assert.is(cutBinary(10, 150, ends), 1);
  assert.is(ends[0], 150);
  assert.is(cutBinary(10, 151, ends), 2);
  assert.equal([...ends.subarray(0, 2)], [144, 151]);
  assert.equal(
    [0, 1, 140, 141, 268, 269].map((octets) => binaryParts(octets)),
    [1, 1, 1, 2, 2, 3],
  );
  assert.equal(
    [140, 141, 266, 267].map((octets) => binaryParts(octets, 16)),
    [1, 2, 2, 3],
  );
});

parts.run();
