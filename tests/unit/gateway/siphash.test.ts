/** Unit tests of SipHash, by the vectors of its authors. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sipHash, sipKey } from "../../../services/gateway/siphash.js";
import { SIPHASH_128_VECTORS } from "./siphash-vectors.js";

const siphash = suite("siphash");

const KEY = sipKey(Uint8Array.from({ length: 16 }, (_, index) => index));
const INPUT = Uint8Array.from({ length: 64 }, (_, index) => index);

/** Hash of the first `length` bytes of INPUT, which stand at `shift` in what is given. */
function hashOf(length: number, shift: number): string {
  const bytes = new Uint8Array(80);
  bytes.set(INPUT, shift);
  const head = new DataView(INPUT.buffer);
  const out = new Int32Array(4);
  const view = new DataView(bytes.buffer);
  sipHash(
    KEY,
    head.getInt32(0, true),
    head.getInt32(4, true),
    view,
    shift + 8,
    shift + length,
    out,
  );
  return Buffer.from(out.buffer).toString("hex");
}

siphash("agrees with all vectors of its authors that have the eight bytes of a head", () => {
  assert.is(SIPHASH_128_VECTORS.length, 64);
  for (let length = 8; length < 64; length += 1) {
    assert.is(hashOf(length, 0), SIPHASH_128_VECTORS[length], `${length} bytes`);
  }
});

siphash("reads where it is told to, whatever stands around it", () => {
  for (const shift of [1, 3, 13]) assert.is(hashOf(45, shift), SIPHASH_128_VECTORS[45]);
});

siphash("depends on every byte of its key", () => {
  const view = new DataView(INPUT.buffer);
  const seen = new Set<string>();
  for (let index = 0; index < 16; index += 1) {
    const key = new Uint8Array(16);
    key[index] = 1;
    const out = new Int32Array(4);
    sipHash(sipKey(key), 0, 0, view, 0, 64, out);
    seen.add(out.join());
  }
  assert.is(seen.size, 16);
});

siphash.run();
