/** Unit tests of the keys that a gateway remembers. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openRememberedKeys } from "../../../services/gateway/remembered.js";

const remembered = suite("remembered keys");
const HOUR_MS = 3_600_000;
const NOW_MS = 500_000 * HOUR_MS;

const id = (seed: number): Uint8Array => new Uint8Array(16).fill(seed);

remembered("know a conflict only of a key that was confirmed for another message", () => {
  const keys = openRememberedKeys(64);
  assert.not(keys.conflicts(5, 6, id(1), 0, NOW_MS));
  keys.remember(5, 6, id(1), 0, NOW_MS);
  assert.not(keys.conflicts(5, 6, id(1), 0, NOW_MS));
  assert.ok(keys.conflicts(5, 6, id(2), 0, NOW_MS));
  assert.not(keys.conflicts(5, 7, id(2), 0, NOW_MS));
  assert.not(keys.conflicts(69, 6, id(2), 0, NOW_MS));
});

remembered("keep the first message of a key", () => {
  const keys = openRememberedKeys(64);
  keys.remember(5, 6, id(1), 0, NOW_MS);
  keys.remember(5, 6, id(2), 0, NOW_MS);
  assert.ok(keys.conflicts(5, 6, id(2), 0, NOW_MS));
  assert.not(keys.conflicts(5, 6, id(1), 0, NOW_MS));
});

remembered("forget after 24 hours at the latest, and then take another", () => {
  const keys = openRememberedKeys(64);
  keys.remember(5, 6, id(1), 0, NOW_MS);
  assert.ok(keys.conflicts(5, 6, id(2), 0, NOW_MS + 23 * HOUR_MS));
  const laterMs = NOW_MS + 24 * HOUR_MS;
  assert.not(keys.conflicts(5, 6, id(2), 0, laterMs));
  keys.remember(5, 6, id(2), 0, laterMs);
  assert.ok(keys.conflicts(5, 6, id(1), 0, laterMs));
});

remembered("stay within their bound: the oldest of a set leaves", () => {
  const keys = openRememberedKeys(4);
  for (let key = 1; key <= 4; key += 1) keys.remember(key, 0, id(key), 0, NOW_MS + key * HOUR_MS);
  keys.remember(5, 0, id(5), 0, NOW_MS + 5 * HOUR_MS);
  const nowMs = NOW_MS + 5 * HOUR_MS;
  assert.not(keys.conflicts(1, 0, id(9), 0, nowMs));
  for (let key = 2; key <= 5; key += 1) assert.ok(keys.conflicts(key, 0, id(9), 0, nowMs));
});

remembered.run();
