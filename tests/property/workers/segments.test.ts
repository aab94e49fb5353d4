/**
 * Goal: counting, cutting and encoding agree with each other and with a slow, obvious reference.
 * Method: texts from a few characters of every kind, long enough for several parts; and any bytes.
 * Clusters are those of Intl.Segmenter.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cutPlain, cutText, partTexts, partUnits } from "../../../core/parts.js";
import { smartText } from "../../../core/smart.js";
import { characterAt, encodeGsm7Unpacked, encodeUcs2 } from "../../../core/text.js";
import { countSegments, measured, nationalSegments } from "../../../workers/segments.js";

const segments = suite("segments");
const DEFAULT = [
  ..."@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ",
  ..."ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿",
  ..."abcdefghijklmnopqrstuvwxyzäöñüà",
];
const EXTENSION = [..."\f^{}\\[~]|€"];
const PLAIN = /^[\n\r !"#%&'()*+,\-./0-9:;<=>?A-Za-z]*$/;

const ascii = fc.constantFrom(..."aZ09 ,.\n");
const gsm7 = fc.constantFrom(..."aé@_ßΔ$", ...EXTENSION);
const any = fc.constantFrom(
  ..."aé[€ж中ê\t\r\n\u0301\u200d\ufe0f\u20e3",
  ...["\r\n", "😀", "👩‍👩‍👧", "e\u0301", "�", "👍🏽", "🇩🇪", "🇪", "1️⃣", "\u1112\u1161\u11ab", "नि"],
);
const long = (unit: fc.Arbitrary<string>) => fc.string({ unit, minLength: 0, maxLength: 500 });
const texts = fc.oneof(
  long(ascii),
  long(gsm7),
  long(any),
  fc.string({ unit: "grapheme", maxLength: 300 }),
  // Clusters that are longer than a part.
  fc.tuple(long(any), fc.integer({ min: 60, max: 200 })).map(([text, marks]) => {
    const characters = [...text];
    const before = characters.splice(0, Math.floor(characters.length / 2)).join("");
    return `${before}x${"\u0301".repeat(marks)}${characters.join("")}`;
  }),
);
const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Of one character in a text whose alphabet is known. */
function widthOf(character: string, isGsm7: boolean): number {
  return isGsm7 ? (EXTENSION.includes(character) ? 2 : 1) : character.length;
}
const sum = (some: readonly number[]) => some.reduce((total, one) => total + one, 0);

/**
 * By clusters and arrays: a cluster goes into the part if it fits what is left; else a part begins
 * with it; and one that no part holds is filled in by characters.
 */
function fill(
  clusters: readonly string[],
  width: (text: string) => number,
  full: number,
): string[] {
  const parts = [""];
  for (const cluster of clusters) {
    if (width(parts.at(-1)! + cluster) > full && parts.at(-1) !== "") parts.push("");
    if (width(cluster) <= full) {
      parts[parts.length - 1] += cluster;
      continue;
    }
    for (const character of cluster) {
      if (width(parts.at(-1)! + character) > full) parts.push("");
      parts[parts.length - 1] += character;
    }
  }
  return parts;
}

function reference(text: string) {
  const characters = [...text];
  const isGsm7 = characters.every((one) => DEFAULT.includes(one) || EXTENSION.includes(one));
  const width = (some: string) => sum([...some].map((one) => widthOf(one, isGsm7)));
  const [single, full] = isGsm7 ? [160, 153] : [70, 67];
  const clusters = [...segmenter.segment(text)].map(({ segment }) => segment);
  const parts = width(text) <= single ? [text] : fill(clusters, width, full);
  return { isGsm7, parts, units: width(text), plain: PLAIN.test(text) };
}

function encoded(bytes: Uint8Array, encoding: number): Buffer {
  const into = Buffer.alloc(bytes.length * 2);
  const length =
    encoding === 1
      ? encodeGsm7Unpacked(bytes, 0, bytes.length, into, 0)
      : encodeUcs2(bytes, 0, bytes.length, into, 0);
  return into.subarray(0, length);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function countIn(bytes: Uint8Array, smart = false): number {
  return countSegments(bytes, viewOf(bytes), 0, bytes.length, smart);
}

segments("count, units, encoding, plainness and texts are those of the reference", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const { isGsm7, parts, plain, units } = reference(text);
      const bytes = new Uint8Array(Buffer.from(text, "utf8"));
      assert.is(countIn(bytes), parts.length);
      const { encoding, smart, languages } = measured;
      assert.equal([encoding, smart, languages], [isGsm7 ? 1 : 2, false, 0]);
      assert.is(measured.units, units);
      assert.is(measured.plain, plain);
      assert.equal(partTexts(text, encoding, smart, languages), parts);
    }),
    { numRuns: 3_000 },
  );
});

segments("a plain text is cut as any text is", () => {
  const unit = fc.constantFrom(..."aZ09 ,.\n", "\r", "\r\n");
  fc.assert(
    fc.property(long(unit), (text) => {
      const bytes = Buffer.from(text, "utf8");
      const [one, other] = [new Int32Array(12), new Int32Array(12)];
      const count = cutPlain(bytes, 0, bytes.length, one);
      assert.is(cutText(bytes, 0, bytes.length, 1, 0, other), count);
      assert.is(countIn(bytes), count);
      assert.equal([...one], [...other]);
    }),
    { numRuns: 2_000 },
  );
});

segments("whatever the bytes are, as many parts are cut as are counted, none too long", () => {
  const ends = new Int32Array(10_000);
  const bytesOf = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.array(fc.constantFrom(0x61, 0x5b, 0x0d, 0x0a, 0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82, 0xac), {
      maxLength: 900,
    }),
    fc.array(fc.constantFrom(0xcc, 0x81, 0xe2, 0x80, 0x8d, 0xf0, 0x9f, 0x91, 0xa9), {
      maxLength: 900,
    }),
  );
  fc.assert(
    fc.property(bytesOf, fc.boolean(), (some, smart) => {
      const bytes = Uint8Array.from(some);
      const count = countIn(bytes, smart);
      const { encoding } = measured;
      if (measured.smart) return;
      assert.is(cutText(bytes, 0, bytes.length, encoding, 0, ends), count);
      const full = partUnits(encoding, 0, count === 1 ? 0 : 8);
      let whole = 0;
      for (let index = 0; index < count; index += 1) {
        const from = index === 0 ? 0 : ends[index - 1]!;
        const octets = encoded(bytes.subarray(from, ends[index]!), encoding);
        const units = encoding === 1 ? octets.length : octets.length / 2;
        assert.ok(units <= full);
        assert.ok(units > 0 || bytes.length === 0);
        whole += units;
      }
      assert.is(whole, measured.units);
    }),
    { numRuns: 3_000 },
  );
});

const TYPOGRAPHIC = [..."‘’“”–—…•\u00a0\u200b\ufeffﬁａ１～\u0301\u0300", "e\u0301", "\r\u2028"];

segments("a text with replaced characters counts as its replacement does", () => {
  const unit = fc.constantFrom(..."abcé€[\r\n", ...TYPOGRAPHIC, ...TYPOGRAPHIC, "ж");
  const unitOfGsm7 = fc.constantFrom(..."abcé€[\r\n", "e\u0301", ...TYPOGRAPHIC.slice(0, 15));
  fc.assert(
    fc.property(fc.oneof(long(unit), long(unitOfGsm7), texts), (text) => {
      const bytes = new Uint8Array(Buffer.from(text, "utf8"));
      const before = reference(text);
      const by = smartText(text);
      const count = countIn(bytes, true);
      if (by === undefined || before.isGsm7 || !measured.smart) {
        assert.is(measured.smart, false);
        assert.is(count, before.parts.length);
        assert.is(measured.encoding, before.isGsm7 ? 1 : 2);
        // Where it could be replaced and was not, that would have cost more.
        if (by !== undefined && !before.isGsm7) assert.ok(reference(by).parts.length > count);
        return;
      }
      const after = reference(by);
      assert.is(after.isGsm7, true);
      assert.is(measured.encoding, 1);
      assert.equal([measured.plain, measured.units], [false, after.units]);
      assert.equal(partTexts(text, 1, true, 0), after.parts);
      assert.is(count, after.parts.length);
      assert.ok(count <= before.parts.length);
    }),
    { numRuns: 3_000 },
  );
});

segments("national tables: as many parts are cut as are counted, and none is too long", () => {
  const scripts: readonly (readonly [number, string])[] = [
    [1, "abcçğışĞİŞ€[ \r\n"],
    [2, "abcáíóúÁçñ€[ "],
    [3, "abcãõâêôçÁ∞Φ€{ "],
    [6, "कखगषन\u094d\u093f\u0940 ॐ१aA€"],
    [11, "கஙநமா\u0bcd 0௧bB"],
    [13, "ابپتٹ ۰ۯaA\u0651"],
  ];
  const cases = fc
    .constantFrom(...scripts)
    .chain(([id, letters]) => fc.tuple(fc.constant(id), long(fc.constantFrom(...letters))));
  const ends = new Int32Array(1_000);
  fc.assert(
    fc.property(cases, ([id, text]) => {
      const bytes = new Uint8Array(Buffer.from(text, "utf8"));
      const count = nationalSegments(bytes, viewOf(bytes), 0, bytes.length, id);
      if (count === 0) return;
      const { languages, units } = measured;
      assert.ok([id, id << 8, (id << 8) | id].includes(languages));
      assert.is(cutText(bytes, 0, bytes.length, 1, languages, ends), count);
      const clusters = [...segmenter.segment(text)].map(({ segment }) => segment);
      const width = (some: string) => {
        const from = Buffer.from(some, "utf8");
        return encodeGsm7Unpacked(from, 0, from.length, Buffer.alloc(4_096), 0, languages);
      };
      assert.is(width(text), units);
      const expected =
        units <= partUnits(1, languages, 0)
          ? [text]
          : fill(clusters, width, partUnits(1, languages, 8));
      assert.equal(partTexts(text, 1, false, languages), expected);
    }),
    { numRuns: 2_000 },
  );
});

segments("malformed UTF-8 is read as Node reads it", () => {
  const octet = fc.constantFrom(
    ...[0x41, 0x80, 0xbf, 0xc2, 0xc0, 0xe0, 0xa0, 0xed, 0x9f, 0xef, 0xf0, 0x90, 0xf4, 0x8f, 0xff],
  );
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 12 }), (octets) => {
      const bytes = Uint8Array.from(octets);
      let read = "";
      for (let at = 0; at < bytes.length; ) {
        const character = characterAt(bytes, at, bytes.length);
        read += String.fromCodePoint(character >>> 3);
        at += character & 7;
      }
      assert.is(read, new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
    }),
    { numRuns: 5_000 },
  );
});

segments("UCS-2 octets are the text again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const octets = encoded(Buffer.from(text, "utf8"), 2);
      assert.is(Buffer.from(octets).swap16().toString("utf16le"), text);
    }),
    { numRuns: 1_000 },
  );
});

segments("GSM 7-bit octets are the text again", () => {
  const decode = (octets: Uint8Array): string => {
    let text = "";
    for (let at = 0; at < octets.length; at += 1) {
      if (octets[at] === 0x1b) {
        at += 1;
        text += EXTENSION_AT.get(octets[at]!);
      } else {
        text += WITH_ESCAPE[octets[at]!];
      }
    }
    return text;
  };
  const WITH_ESCAPE = [...DEFAULT.slice(0, 27), "", ...DEFAULT.slice(27)];
  const EXTENSION_AT = new Map(
    [0x0a, 0x14, 0x28, 0x29, 0x2f, 0x3c, 0x3d, 0x3e, 0x40, 0x65].map((septet, at) => [
      septet,
      EXTENSION[at]!,
    ]),
  );
  fc.assert(
    fc.property(long(fc.constantFrom(...DEFAULT, ...EXTENSION)), (text) => {
      assert.is(decode(encoded(Buffer.from(text, "utf8"), 1)), text);
    }),
    { numRuns: 1_000 },
  );
});

segments.run();
