/**
 * Goal: a sealed number opens again, only for its own message and key, and tokens join.
 * Method: batches of numbers in one call against one number at a time by Node's own cipher.
 */
import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BLOCK_BYTES,
  openNumber,
  openSeal,
  openSealCache,
  putDataBlock,
  putTokenBlock,
  tokenOf,
} from "../../../core/number-seal.js";

const seal = suite("number seal");
const number = fc
  .string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 15 })
  .filter((digits) => digits.length > 0);
const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
const message = fc.record({ number, id: sixteen });

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

seal("what is sealed in a batch opens one by one, with its own id and key alone", () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 20 }),
      sixteen,
      sixteen,
      (messages, tokenKey, dataKey) => {
        const tokens = new Uint8Array(messages.length * BLOCK_BYTES);
        const data = new Uint8Array(messages.length * BLOCK_BYTES);
        for (const [index, one] of messages.entries()) {
          const at = index * BLOCK_BYTES;
          const digits = Buffer.from(`x${one.number}y`);
          assert.ok(putTokenBlock(tokens, at, digits, 1, 1 + one.number.length));
          putDataBlock(viewOf(data), at, viewOf(tokens), at, viewOf(one.id), 0);
        }
        const sealedTokens = openSeal(tokenKey)(tokens);
        const sealedData = openSeal(dataKey)(data);
        for (const [index, one] of messages.entries()) {
          const at = index * BLOCK_BYTES;
          const sealed = sealedData.slice(at, at + BLOCK_BYTES);
          assert.is(openNumber(sealed, one.id, dataKey), one.number);
          const otherId = one.id.slice();
          otherId[15]! ^= 1;
          assert.is(openNumber(sealed, otherId, dataKey), undefined);
          const otherKey = dataKey.slice();
          otherKey[0]! ^= 1;
          assert.is(openNumber(sealed, one.id, otherKey), undefined);
          const token = sealedTokens.subarray(at, at + BLOCK_BYTES);
          assert.is(Buffer.compare(tokenOf(`+${one.number}`, tokenKey)!, token), 0);
        }
      },
    ),
    { numRuns: 300 },
  );
});

seal("a token is one AES block of the number as BCD, filled with F and zeros", () => {
  fc.assert(
    fc.property(number, sixteen, (digits, key) => {
      const block = Buffer.from(digits.padEnd(16, "f") + "0".repeat(16), "hex");
      const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
      const expected = Buffer.concat([cipher.update(block), cipher.final()]);
      assert.is(Buffer.from(tokenOf(digits, key)!).toString("hex"), expected.toString("hex"));
    }),
    { numRuns: 300 },
  );
});

seal("what is no number has no block and no token", () => {
  const block = new Uint8Array(BLOCK_BYTES);
  for (const text of ["", "1234567890123456", "12a4", "12 34", "+1", "1:"]) {
    const bytes = Buffer.from(text);
    assert.is(putTokenBlock(block, 0, bytes, 0, bytes.length), false, text);
  }
  assert.is(tokenOf("Floe", new Uint8Array(16)), undefined);
  assert.is(tokenOf("", new Uint8Array(16)), undefined);
});

seal("any block opens to a number or to nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 32 }), sixteen, sixteen, (block, id, key) => {
      const opened = openNumber(block, id, key);
      assert.ok(opened === undefined || /^\d{1,15}$/.test(opened));
    }),
  );
});

seal("kept seals follow the key's bytes, not the array that holds them", () => {
  const seals = openSealCache(2);
  const key = new Uint8Array(16).fill(1);
  const first = seals.of(key);
  assert.is(seals.of(key.slice()), first);
  key.fill(9);
  assert.is.not(seals.of(key), first);
  assert.is(seals.of(new Uint8Array(16).fill(1)), first);
  seals.of(new Uint8Array(16).fill(3));
  seals.of(new Uint8Array(16).fill(4));
  assert.is.not(seals.of(new Uint8Array(16).fill(1)), first);
});

seal.run();
