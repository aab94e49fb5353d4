/** Unit tests of API keys. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hashSecret, newApiKey, parseApiKey } from "../../../core/api-key.js";
import { parseKey } from "../../../core/configuration.js";

const apiKey = suite("API key");

apiKey("is made so that it can be taken apart, and its record is a valid one", () => {
  const { key, keyId, secretHash } = newApiKey("live");
  const parts = parseApiKey(key);
  assert.ok(typeof parts === "object");
  assert.is(parts.environment, "live");
  assert.is(parts.keyId, keyId);
  assert.is(hashSecret(parts.secret).toString("hex"), secretHash);
  assert.not(secretHash.includes(parts.secret));
  const rest = { scope: "customer", status: "active", expiresAtMs: 0 } as const;
  assert.is(parseKey({ keyId, account: 1, secretHash, ...rest }).keyId, keyId);
});

apiKey("has 190 bits of chance, and never the same twice", () => {
  const secrets = Array.from({ length: 100 }, () => parseApiKey(newApiKey("t").key));
  assert.ok(secrets.every((parts) => typeof parts === "object" && parts.secret.length === 32));
  const texts = secrets.map((parts) => (typeof parts === "object" ? parts.secret : ""));
  assert.is(new Set(texts).size, 100);
  assert.is(new Set(texts.join("")).size, 62);
});

apiKey("tells a typing error from another form", () => {
  const { key } = newApiKey("live");
  const at = key.length - 20;
  const typed = key.slice(0, at) + (key[at] === "a" ? "b" : "a") + key.slice(at + 1);
  assert.is(parseApiKey(typed), "checksum");
  assert.is(parseApiKey(key.replace("_live_", "_life_")), "checksum");
  assert.is(parseApiKey(key.slice(0, -1)), "checksum");
  for (const other of ["", "floe", "floe_live", `x${key}`, `${key} `, key.toUpperCase()]) {
    assert.is(parseApiKey(other), "malformed", other);
  }
});

apiKey("has the checksum that python's zlib.crc32 gives for the same text", () => {
  assert.equal(parseApiKey("floe_test_00000000_00000000000000000000000Tj0cd"), {
    environment: "test",
    keyId: "00000000",
    secret: "0000000000000000000000",
  });
});

apiKey.run();
