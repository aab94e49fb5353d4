/**
 * Goal: segments, encoding and plainness of the texts that are known to be counted wrongly.
 * Facts: 3GPP TS 23.038 and TS 23.040; npm sms-segments-calculator for the euro and the accents.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { countSegments, measured } from "../../../workers/segments.js";

const segments = suite("segments");
const GSM7 = 1;
const UCS2 = 2;

function counted(text: string) {
  const bytes = new Uint8Array(Buffer.from(`ab${text}zz`, "utf8"));
  const count = countSegments(bytes, new DataView(bytes.buffer), 2, bytes.length - 2);
  return [count, measured.encoding, measured.plain];
}

const table: readonly (readonly [string, string, number, number, boolean])[] = [
  ["nothing", "", 1, GSM7, true],
  ["one letter", "a", 1, GSM7, true],
  ["160 letters", "a".repeat(160), 1, GSM7, true],
  ["161 letters", "a".repeat(161), 2, GSM7, true],
  ["306 letters", "a".repeat(306), 2, GSM7, true],
  ["307 letters", "a".repeat(307), 3, GSM7, true],
  ["80 euros", "€".repeat(80), 1, GSM7, false],
  ["81 euros", "€".repeat(81), 2, GSM7, false],
  ["an escape pair at the end of a part", `${"a".repeat(152)}[${"b".repeat(151)}`, 2, GSM7, false],
  ["one that leaves a septet empty", `${"a".repeat(152)}[${"b".repeat(152)}`, 3, GSM7, false],
  ["é, which GSM 7-bit has", "é", 1, GSM7, false],
  ["ê, which it has not", "ê", 1, UCS2, false],
  ["Ç, which it has", "Ç", 1, GSM7, false],
  ["ç, which it has not", "ç", 1, UCS2, false],
  ["an at sign, another octet there", "a@b.c", 1, GSM7, false],
  ["a dollar, another octet there", "$5", 1, GSM7, false],
  ["an underscore, another octet there", "a_b", 1, GSM7, false],
  ["a grave accent, which it has not", "`", 1, UCS2, false],
  ["a line feed and a return", "a\r\nb", 1, GSM7, true],
  ["a form feed, in the extension", "\f", 1, GSM7, false],
  ["a tabulator, which it has not", "\t", 1, UCS2, false],
  ["the escape itself, which is no text", "\u001b", 1, UCS2, false],
  ["70 units", "ж".repeat(70), 1, UCS2, false],
  ["71 units", "ж".repeat(71), 2, UCS2, false],
  ["134 units", "ж".repeat(134), 2, UCS2, false],
  ["135 units", "ж".repeat(135), 3, UCS2, false],
  ["35 pairs", "😀".repeat(35), 1, UCS2, false],
  ["36 pairs", "😀".repeat(36), 2, UCS2, false],
  ["67 pairs: a unit of each part stays empty", "😀".repeat(67), 3, UCS2, false],
  ["ASCII until the last character", `${"a".repeat(70)}ж`, 2, UCS2, false],
];
for (const [name, text, count, encoding, plain] of table) {
  segments(`counts ${name}`, () => {
    assert.equal(counted(text), [count, encoding, plain]);
  });
}

segments.run();
