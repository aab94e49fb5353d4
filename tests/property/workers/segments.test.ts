/**
 * Goal: counting, cutting and encoding agree with each other and with a slow, obvious reference.
 * Method: texts from a few characters of every kind, long enough for several parts; and any bytes.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  characterAt,
  cutParts,
  encodeGsm7Unpacked,
  encodeUcs2,
  GSM7_PART_OCTETS,
  GSM7_SINGLE_OCTETS,
  UCS2_PART_OCTETS,
  UCS2_SINGLE_OCTETS,
} from "../../../core/text.js";
import { countSegments, measured } from "../../../workers/segments.js";

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
const any = fc.constantFrom(..."aé[€ж中ê\t", "😀", "👩‍👩‍👧", "é", "�");
const long = (unit: fc.Arbitrary<string>) => fc.string({ unit, minLength: 0, maxLength: 500 });
const texts = fc.oneof(long(ascii), long(gsm7), long(any), fc.string({ unit: "grapheme" }));

/** By characters and arrays: fill a part until the next character does not fit. */
function reference(text: string) {
  const characters = [...text];
  const isGsm7 = characters.every((one) => DEFAULT.includes(one) || EXTENSION.includes(one));
  const widths = characters.map((one) => (isGsm7 ? (EXTENSION.includes(one) ? 2 : 1) : one.length));
  const [single, part] = isGsm7 ? [160, 153] : [70, 67];
  const parts: number[][] = [[]];
  const sum = (some: readonly number[]) => some.reduce((total, one) => total + one, 0);
  if (sum(widths) <= single) {
    parts[0] = widths;
  } else {
    for (const width of widths) {
      if (sum(parts.at(-1)!) + width > part) parts.push([]);
      parts.at(-1)!.push(width);
    }
  }
  return { isGsm7, sizes: parts.map(sum), plain: PLAIN.test(text) };
}

function encoded(bytes: Uint8Array, encoding: number): Buffer {
  const into = Buffer.alloc(bytes.length * 2);
  const length =
    encoding === 1
      ? encodeGsm7Unpacked(bytes, 0, bytes.length, into, 0)
      : encodeUcs2(bytes, 0, bytes.length, into, 0);
  return into.subarray(0, length);
}

function countIn(bytes: Uint8Array): number {
  return countSegments(
    bytes,
    new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    0,
    bytes.length,
  );
}

segments("count, encoding and plainness are those of the reference", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const { isGsm7, sizes, plain } = reference(text);
      const bytes = new Uint8Array(Buffer.from(text, "utf8"));
      assert.is(countIn(bytes), sizes.length);
      assert.is(measured.encoding, isGsm7 ? 1 : 2);
      assert.is(measured.plain, plain);
    }),
    { numRuns: 2_000 },
  );
});

segments("an encoded text is cut into as many parts as were counted, each as the reference", () => {
  const ends = new Int32Array(1_000);
  fc.assert(
    fc.property(texts, (text) => {
      const { isGsm7, sizes } = reference(text);
      const octets = encoded(Buffer.from(text, "utf8"), isGsm7 ? 1 : 2);
      const count = cutParts(octets, 0, octets.length, isGsm7 ? 1 : 2, ends);
      const cut = [...ends.slice(0, count)].map((end, at) => end - (at === 0 ? 0 : ends[at - 1]!));
      assert.equal(
        cut,
        sizes.map((size) => (isGsm7 ? size : size * 2)),
      );
    }),
    { numRuns: 2_000 },
  );
});

segments(
  "whatever the bytes are, as many parts are cut as are counted, and none is too long",
  () => {
    const ends = new Int32Array(10_000);
    const bytesOf = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.array(fc.constantFrom(0x61, 0x5b, 0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82, 0xac), {
        maxLength: 900,
      }),
    );
    fc.assert(
      fc.property(bytesOf, (some) => {
        const bytes = Uint8Array.from(some);
        const count = countIn(bytes);
        const { encoding } = measured;
        const octets = encoded(bytes, encoding);
        assert.is(cutParts(octets, 0, octets.length, encoding, ends), count);
        const [single, part] =
          encoding === 1
            ? [GSM7_SINGLE_OCTETS, GSM7_PART_OCTETS]
            : [UCS2_SINGLE_OCTETS, UCS2_PART_OCTETS];
        for (let index = 0; index < count; index += 1) {
          const size = ends[index]! - (index === 0 ? 0 : ends[index - 1]!);
          assert.ok(size <= (count === 1 ? single : part));
          assert.ok(size > 0 || octets.length === 0);
        }
      }),
      { numRuns: 3_000 },
    );
  },
);

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
