/** Goal: the parts of any text, put together as a phone does, are the text. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { headerOctets, partTexts } from "../../../core/parts.js";
import { encodeGsm7Unpacked, encodeUcs2 } from "../../../core/text.js";
import { CANNOT } from "../../../services/connectors/link.js";
import type { SmPdu } from "../../../services/connectors/smpp/pdu-object.js";
import { countSegments, measured, nationalSegments } from "../../../workers/segments.js";
import { partsOf } from "../../unit/connectors/kit.js";

const parts = suite("connectors: parts");

/** Octets of the GSM alphabet back to text, by trying every character once. */
const GSM7 = new Map<string, string>();
for (let code = 0; code < 0x2100; code += 1) {
  const text = Buffer.from(String.fromCharCode(code), "utf8");
  const octets = new Uint8Array(8);
  const length = encodeGsm7Unpacked(text, 0, text.length, octets, 0);
  if (length > 0) GSM7.set(octets.subarray(0, length).join(), String.fromCharCode(code));
}

function gsm7(octets: Uint8Array): string {
  let text = "";
  for (let at = 0; at < octets.length; ) {
    const width = octets[at] === 0x1b ? 2 : 1;
    text += GSM7.get(octets.subarray(at, at + width).join()) ?? "?";
    at += width;
  }
  return text;
}

function read({ dataCoding, content, esmClass }: SmPdu, latin: boolean): string {
  const octets = esmClass & 0x40 ? content.subarray(6) : content;
  if (dataCoding === 8) return Buffer.from(octets).swap16().toString("utf16le");
  return dataCoding === 3 || latin ? Buffer.from(octets).toString("latin1") : gsm7(octets);
}

const gsmText = fc.string({
  unit: fc.constantFrom(..."abc XYZ019@£ñ€[]{}~|^\\Ω\n"),
  minLength: 1,
  maxLength: 700,
});
const anyText = fc.string({ unit: "binary", minLength: 1, maxLength: 400 });

for (const alphabet of ["gsm7", "latin1", "ascii"] as const) {
  parts(`for a carrier whose alphabet is ${alphabet}`, () => {
    fc.assert(
      fc.property(fc.oneof(gsmText, anyText), fc.nat(255), (text, reference) => {
        if (Buffer.from(text, "utf8").length > 4_096) return;
        const all = partsOf({ text, alphabet, reference });
        if (all === CANNOT) {
          assert.ok(text.length > 1_500, "only very long texts are too many parts");
          return;
        }
        assert.is(
          all.map((part) => read(part, alphabet !== "gsm7")).join(""),
          Buffer.from(text, "utf8").toString("utf8"),
        );
        for (const [index, { content, esmClass, destination }] of all.entries()) {
          assert.ok(content.length <= 160);
          assert.is(destination, "447700900123");
          if (all.length === 1) assert.is(esmClass, 0);
          else {
            assert.equal([...content.subarray(0, 6)], [5, 0, 3, reference, all.length, index + 1]);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
}

/** What was counted is what is sent, with every way to write a text. */
const typographic = fc.string({
  unit: fc.constantFrom(..."ab '[€", ..."’“”–…•\u00a0\r\n", "e\u0301"),
  minLength: 1,
  maxLength: 400,
});
const turkish = fc.string({
  unit: fc.constantFrom(..."abcçğışĞİŞ€[\r\n"),
  minLength: 1,
  maxLength: 400,
});
const hindi = fc.string({
  unit: fc.constantFrom(..."कखगन\u094d\u093f ॐ१A"),
  minLength: 1,
  maxLength: 400,
});
const clusters = fc.string({
  unit: fc.constantFrom(..."жa \u0301\r\n", "👩‍👩‍👧", "🇩🇪", "👍🏽", "😀"),
  minLength: 1,
  maxLength: 150,
});
const ways: readonly (readonly [string, fc.Arbitrary<string>, boolean, number])[] = [
  ["the GSM alphabet", gsmText, false, 0],
  ["clusters", clusters, false, 0],
  ["typographic characters", typographic, true, 0],
  ["Turkish tables", turkish, false, 1],
  ["Hindi tables", hindi, false, 6],
];
for (const [name, texts, smart, language] of ways) {
  parts(`are as many as were counted, and as a quote shows them: ${name}`, () => {
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = new Uint8Array(Buffer.from(text, "utf8"));
        const view = new DataView(bytes.buffer);
        let count = countSegments(bytes, view, 0, bytes.length, smart);
        if (language !== 0) {
          count = nationalSegments(bytes, view, 0, bytes.length, language);
          // Not all of these characters are in the one table.
          fc.pre(count > 0);
        }
        const { encoding, languages, units } = measured;
        const quoted = partTexts(text, encoding, measured.smart, languages);
        const sent = partsOf({ text, smart, language });
        if (sent === CANNOT) {
          assert.ok(count > 12);
          return;
        }
        assert.is(sent.length, count);
        assert.is(quoted.length, count);
        const header = headerOctets(languages, count > 1 ? 8 : 0);
        const octets = sent.map(({ content }) => content.subarray(header));
        const width = encoding === 2 ? 2 : 1;
        assert.is(
          octets.reduce((sum, one) => sum + one.length / width, 0),
          units,
        );
        for (const [part, { esmClass, content }] of sent.entries()) {
          assert.is(esmClass, header > 0 ? 0x40 : 0);
          if (header > 0) assert.is(content[0], header - 1);
          const own = Buffer.from(quoted[part]!, "utf8");
          const into = Buffer.alloc(2 * own.length);
          const length =
            encoding === 1
              ? encodeGsm7Unpacked(own, 0, own.length, into, 0, languages)
              : encodeUcs2(own, 0, own.length, into, 0);
          assert.equal([...octets[part]!], [...into.subarray(0, length)]);
        }
      }),
      { numRuns: 300 },
    );
  });
}

parts.run();
