/** Whatever octets a phone sends: headers and alphabets are read to some end, and texts come back. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { packSeptets } from "../../../core/septets.js";
import { encodeGsm7Unpacked, encodeUcs2, gsm7Septets } from "../../../core/text.js";
import { ALPHABET, decodeText } from "../../../services/receipts/decode.js";
import { readHeader } from "../../../services/receipts/header.js";

const decoding = suite("receipts: decoding");
const octets = fc.uint8Array({ maxLength: 200 });

decoding("takes any octets under any data_coding", () => {
  const alphabet = fc.constantFrom(...Object.values(ALPHABET), 0, 9);
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(
      octets,
      byte,
      alphabet,
      fc.integer({ min: 0, max: 0xffff }),
      (all, coding, of, languages) => {
        const header = readHeader(all);
        assert.ok(header.octets <= all.length);
        const { place } = header;
        assert.ok(place === undefined || (place.part >= 1 && place.part <= place.total));
        const { text } = decodeText(
          all.subarray(header.octets),
          coding,
          of,
          languages,
          header.octets,
        );
        assert.ok(text === undefined || Buffer.from(text, "utf8").toString("utf8") === text);
      },
    ),
    { numRuns: 2_000 },
  );
});

decoding("gives back what our own writers make of a text", () => {
  const gsm = fc
    .string({ unit: "grapheme", maxLength: 60 })
    .map((text) => [...text].filter((one) => gsm7Septets(one.codePointAt(0)!) > 0).join(""));
  fc.assert(
    fc.property(gsm, fc.integer({ min: 0, max: 6 }), (text, fill) => {
      const bytes = Buffer.from(text, "utf8");
      const plain = new Uint8Array(2 * bytes.length + 1);
      const length = encodeGsm7Unpacked(bytes, 0, bytes.length, plain, 0);
      const unpacked = plain.subarray(0, length);
      assert.is(decodeText(unpacked, 0, ALPHABET.gsm7, 0, 0).text, text);
      // Headers of so many octets are followed by so many bits of filling.
      const headers = [0, 6, 5, 4, 3, 2, 1].map((one) => (one === 0 ? 7 : one));
      const header = headers.find((one) => (7 - ((one * 8) % 7)) % 7 === fill)!;
      const packed = new Uint8Array(length + 2);
      const count = packSeptets(plain, 0, length, packed, 0, fill);
      const read = decodeText(packed.subarray(0, count), 0, ALPHABET.gsm7Packed, 0, header).text;
      // Seven zero bits at the end may be filling: an "@" there is lost.
      assert.ok(read === text || `${read}@` === text, JSON.stringify([text, read]));
    }),
    { numRuns: 1_000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
      const bytes = Buffer.from(text.replaceAll("\ufeff", ""), "utf8");
      const into = new Uint8Array(2 * bytes.length + 1);
      const length = encodeUcs2(bytes, 0, bytes.length, into, 0);
      const { text: read } = decodeText(into.subarray(0, length), 8, ALPHABET.gsm7, 0, 0);
      assert.is(read, bytes.toString("utf8"));
    }),
  );
});

decoding.run();
