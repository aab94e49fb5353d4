/**
 * Goal: septets are packed as a phone unpacks them. Method: known vectors (3GPP TS 23.038, 6.1.2.1;
 * the SMS-SUBMIT of "hellohello" that every PDU tool shows), and a string of bits as the reference.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { headerOctets } from "../../../core/parts.js";
import { fillBitsAfter, packedOctets, packSeptets, unpackSeptets } from "../../../core/septets.js";
import { encodeGsm7Unpacked } from "../../../core/text.js";

const septets = suite("septets");

function packed(text: string, fillBits = 0): string {
  const bytes = Buffer.from(text, "utf8");
  const unpacked = new Uint8Array(2 * bytes.length);
  const count = encodeGsm7Unpacked(bytes, 0, bytes.length, unpacked, 0);
  const into = Buffer.alloc(200, 0xff);
  const length = packSeptets(unpacked, 0, count, into, 3, fillBits);
  assert.is(length, packedOctets(count, fillBits));
  assert.is(into[2], 0xff);
  assert.is(into[3 + length], 0xff);
  return into.toString("hex", 3, 3 + length);
}

const vectors: readonly (readonly [string, string])[] = [
  ["", ""],
  ["1", "31"],
  ["12", "3119"],
  ["1234567", "31d98c56b3dd00"],
  ["12345678", "31d98c56b3dd70"],
  ["hello", "e8329bfd06"],
  ["hellohello", "e8329bfd4697d9ec37"],
  ["€", "9b32"],
  ["@@@@@@@@", "00000000000000"],
];
for (const [text, octets] of vectors) {
  septets(`packs ${JSON.stringify(text)} as ${octets || "nothing"}`, () => {
    assert.is(packed(text), octets);
  });
}

septets("behind a header they begin at a multiple of seven bits", () => {
  assert.equal(
    [0, 4, 6, 7, 9, 10, 12, 13].map((octets) => fillBitsAfter(octets)),
    [0, 3, 1, 0, 5, 4, 2, 1],
  );
  // "h" is 1101000: one fill bit, and it begins at bit 1.
  assert.is(packed("h", fillBitsAfter(headerOctets(0, 8))), "d0");
  assert.is(packed("hello", 1), "d06536fb0d");
});

septets("a whole part fills its 140 octets", () => {
  for (const [count, header] of [
    [160, 0],
    [153, 6],
    [152, 7],
    [155, 4],
    [149, 9],
    [146, 12],
  ] as const) {
    const octets = packedOctets(count, fillBitsAfter(header));
    assert.ok(header + octets <= 140);
    assert.ok(header + packedOctets(count + 1, fillBitsAfter(header)) > 140);
  }
});

septets("any septets, packed bit by bit, and unpacked again", () => {
  const any = fc.uint8Array({ max: 127, maxLength: 170 });
  fc.assert(
    fc.property(any, fc.integer({ min: 0, max: 6 }), (some, fillBits) => {
      // The bits of each septet, the lowest first, are the bits of the octets, the lowest first.
      const bits = [...some].flatMap((one) =>
        Array.from({ length: 7 }, (_, at) => (one >> at) & 1),
      );
      const all = [...new Array<number>(some.length > 0 ? fillBits : 0).fill(0), ...bits];
      const expected = Array.from({ length: Math.ceil(all.length / 8) }, (_, octet) =>
        all.slice(octet * 8, octet * 8 + 8).reduce((sum, bit, at) => sum | (bit << at), 0),
      );
      const into = new Uint8Array(200);
      const length = packSeptets(some, 0, some.length, into, 0, fillBits);
      assert.equal([...into.subarray(0, length)], expected);
      const back = new Uint8Array(some.length);
      unpackSeptets(into, 0, some.length, back, 0, fillBits);
      assert.equal([...back], [...some]);
    }),
    { numRuns: 1_000 },
  );
});

septets.run();
