/**
 * Goal: texts become the octets that an independent implementation expects.
 * Method: npm smpp's own GSM 7-bit tables as the peer; UTF-16 by Node.
 */
import { createRequire } from "node:module";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeGsm7Unpacked, encodeUcs2, gsm7Septets, isPlain } from "../../../core/text.js";

const text = suite("text");
const smpp = createRequire(import.meta.url)("smpp") as {
  encodings: { ASCII: { encode(text: string): Buffer; match(text: string): boolean } };
};
const peer = smpp.encodings.ASCII;

function gsm7(value: string): Uint8Array | undefined {
  const bytes = Buffer.from(value, "utf8");
  const into = new Uint8Array(bytes.length * 2 + 3);
  const length = encodeGsm7Unpacked(bytes, 0, bytes.length, into, 3);
  return length < 0 ? undefined : into.slice(3, 3 + length);
}

function ucs2(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  const into = Buffer.alloc(bytes.length * 2);
  return into.subarray(0, encodeUcs2(bytes, 0, bytes.length, into, 0));
}

text("every character has the octets that npm smpp gives it, or neither has any", () => {
  let known = 0;
  for (let code = 0; code < 0x1_0000; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCharCode(code);
    const octets = gsm7(character);
    // The peer takes the escape itself for text; 3GPP TS 23.038 does not.
    const expected = code !== 0x1b && peer.match(character);
    assert.is(octets !== undefined, expected, `U+${code.toString(16)}`);
    assert.is(gsm7Septets(code), octets?.length ?? 0);
    if (octets === undefined) continue;
    known += 1;
    assert.equal([...octets], [...peer.encode(character)], `U+${code.toString(16)}`);
    assert.is(isPlain(code), octets.length === 1 && octets[0] === code);
  }
  assert.is(known, 127 + 10);
});

text("UCS-2 is UTF-16 with the high octet first, surrogate pairs included", () => {
  const value = "aж€😀";
  assert.equal(ucs2(value).toString("hex"), "00610436" + "20ac" + "d83dde00");
});

text.run();
