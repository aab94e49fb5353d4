/**
 * Goal: the national tables are those of 3GPP TS 23.038, Annex A, and texts are encoded by them.
 * Method: digests and octets made with gsmcodecs 1.0.0 (PyPI, MIT), which was typed from Release 18
 * by other people. Corrected in its tables before: the comma at 0x2C of the Indic locking tables and
 * Urdu's, which other readings of the annex agree on, and Kannada 0x24 (core/national.ts).
 */
import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  LANGUAGE_CODES,
  LANGUAGE_ID_MAX,
  languageIdOf,
  lockingShiftTable,
  type ShiftTable,
  singleShiftTable,
} from "../../../core/national.js";
import { encodeGsm7Unpacked, gsm7Widths } from "../../../core/text.js";
import { countSegments, measured, nationalSegments } from "../../../workers/segments.js";

const national = suite("national language tables");

function digest(table: ShiftTable | undefined): string {
  if (table === undefined) return "none";
  const entries = [...table.entries()].filter(([, codePoint]) => codePoint !== 0);
  const lines = entries.map(([septet, code]) => `${septet.toString(16)}=${code.toString(16)}`);
  return `${createHash("sha256").update(lines.join()).digest("hex").slice(0, 12)} ${lines.length}`;
}

/** Code; locking and single shift: digest and number of characters. */
const tables: readonly (readonly [string, string, string])[] = [
  ["tr", "635615431137 127", "d1d041d8e2bc 17"],
  ["es", "none", "76d48727bfbe 19"],
  ["pt", "356d3c87d964 127", "b1fd09db405f 37"],
  ["bn", "4c9aca56e845 114", "f86b882b5232 82"],
  ["gu", "b462d682ede9 120", "416a5746ff37 70"],
  ["hi", "2a9433c58ffb 127", "d400de4ae8c2 88"],
  ["kn", "de3ac5b45ba3 120", "c3c956dce3d7 73"],
  ["ml", "9ac8c44d4b22 120", "1ce9922ce17b 82"],
  ["or", "f531f365a1e8 116", "9bc298a75c50 75"],
  ["pa", "e56de9411aeb 110", "c419178018be 76"],
  ["ta", "e4673810174b 102", "83e671b89ae5 77"],
  ["te", "3b3e9cbbbfb4 120", "786bad9db817 77"],
  ["ur", "6c57a783d2ae 127", "da5a2b1e6091 90"],
];
for (const [at, [code, locking, single]] of tables.entries()) {
  national(`of ${code}, number ${at + 1}`, () => {
    assert.is(languageIdOf(code), at + 1);
    assert.is(digest(lockingShiftTable(at + 1)), locking);
    assert.is(digest(singleShiftTable(at + 1)), single);
    for (const table of [lockingShiftTable(at + 1), singleShiftTable(at + 1)]) {
      if (table === undefined) continue;
      assert.is(table.length, 128);
      assert.is(table[0x1b], 0);
    }
  });
}

national("there are no others", () => {
  assert.equal(
    LANGUAGE_CODES,
    tables.map(([code]) => code),
  );
  assert.is(LANGUAGE_ID_MAX, tables.length);
  assert.is(languageIdOf("de"), 0);
  assert.is(lockingShiftTable(14), undefined);
  assert.is(singleShiftTable(0), undefined);
  // Tables that do not exist have no characters.
  for (const languages of [14, 14 << 8, 2 << 8, 0x1234_5678]) {
    assert.ok(gsm7Widths(languages).every((width) => width === 0));
  }
});

/** Locking and single shift, a text, its octets. */
const vectors: readonly (readonly [number, number, string, string])[] = [
  [1, 1, "İstanbul ğüşiöç €", "407374616e62756c200c7e1d697c602004"],
  [0, 1, "ğüş", "1b677e1b73"],
  [0, 2, "á Úñ€", "1b61201b557d1b65"],
  [3, 3, "ação ∞ €", "61097b6f20152018"],
  [0, 3, "ação", "611b091b7b6f"],
  [4, 4, "বাংলা A", "4050014650201b41"],
  [5, 5, "ગુજરાતી", "17531d44502752"],
  [6, 6, "नमस्ते ॐ A", "2f424c5f27592060201b41"],
  [7, 7, "ಕನ್ನಕ", "152f5f2f15"],
  [8, 8, "മലയാളം", "424643504701"],
  [9, 9, "ଓଡ଼ିଆ", "13244e5104"],
  [10, 10, "ਪੰਜਾਬੀ", "3d7b1d504052"],
  [11, 11, "தமிழ் A", "274251485f201b41"],
  [12, 12, "తెలుగు A", "275846531753201b41"],
  [13, 13, "اردو A", "00251a53201b41"],
];
for (const [locking, single, text, octets] of vectors) {
  national(`encode ${text}`, () => {
    const bytes = Buffer.from(text, "utf8");
    const into = Buffer.alloc(2 * bytes.length);
    const length = encodeGsm7Unpacked(bytes, 0, bytes.length, into, 0, (locking << 8) | single);
    assert.is(into.toString("hex", 0, length), octets);
  });
}

/** [segments, national tables, septets] of a text in a language's tables. */
function counted(text: string, language: string): readonly number[] {
  const bytes = new Uint8Array(Buffer.from(text, "utf8"));
  const view = new DataView(bytes.buffer);
  const count = nationalSegments(bytes, view, 0, bytes.length, languageIdOf(language));
  return count === 0 ? [0] : [count, measured.languages, measured.units];
}

national("the first choice of tables that needs the fewest segments is taken", () => {
  // Few letters: the single shift alone, which most phones know.
  assert.equal(counted("Günaydın, şifreniz 1234", "tr"), [1, 0x0001, 25]);
  // Many: the locking shift alone; both where a character stands in the other table only.
  assert.equal(counted("ş".repeat(150), "tr"), [1, 0x0100, 150]);
  assert.equal(counted("नमस्ते", "hi"), [1, 0x0600, 6]);
  assert.equal(counted("नमस्ते ॑", "hi"), [1, 0x0606, 9]);
  assert.equal(counted("á".repeat(78), "es"), [2, 0x0002, 156]);
});

national("a text that the tables have not is not counted, and nothing is changed", () => {
  const bytes = new Uint8Array(Buffer.from("ж", "utf8"));
  countSegments(bytes, new DataView(bytes.buffer), 0, bytes.length);
  const before = { ...measured };
  for (const language of ["tr", "es", "hi", "de"]) assert.equal(counted("ж", language), [0]);
  assert.equal(counted("plain", "de"), [0]);
  assert.equal({ ...measured }, before);
});

national.run();
