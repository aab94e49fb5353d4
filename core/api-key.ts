/**
 * API keys: how they look, how they are made and taken apart.
 *
 * `floe_<environment>_<key id>_<secret><checksum>`. The prefix lets leak scanners find a key, the
 * checksum (CRC-32 in base 62, six characters, over all that stands before it) tells a mistyped or
 * truncated key from a wrong one without a look-up. The key id is public; of the secret, 32
 * characters of base 62 (190 bits), only the SHA-256 is kept: with that much chance in it a slow
 * hash would add nothing. The form follows GitHub's
 * (https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats).
 */
import assert from "node:assert";
import { createHash } from "node:crypto";
import { fillRandom } from "./clock.js";

export interface NewApiKey {
  /** The whole key: shown once, kept by its owner alone. */
  readonly key: string;
  readonly keyId: string;
  /** SHA-256 of the secret, hex: what KeyConfig holds. */
  readonly secretHash: string;
}

export interface ApiKeyParts {
  readonly environment: string;
  readonly keyId: string;
  readonly secret: string;
}

const BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BASE36 = BASE62.slice(0, 36);
const KEY_ID_CHARACTERS = 12;
const SECRET_CHARACTERS = 32;
const CHECKSUM_CHARACTERS = 6;
/** 22 characters of base 62 are 131 bits: a shorter secret could be guessed. */
const FORM = /^floe_([a-z0-9]{1,16})_([0-9a-z]{8,32})_([0-9A-Za-z]{22,64})([0-9A-Za-z]{6})$/;

/** A new key. `environment` ("live", "test", "local") is lower-case letters and digits. */
export function newApiKey(environment: string): NewApiKey {
  assert(/^[a-z0-9]{1,16}$/.test(environment), "an environment is lower-case letters and digits");
  const keyId = randomText(BASE36, KEY_ID_CHARACTERS);
  const secret = randomText(BASE62, SECRET_CHARACTERS);
  const body = `floe_${environment}_${keyId}_${secret}`;
  return { key: body + checksum(body), keyId, secretHash: hashSecret(secret).toString("hex") };
}

/** "malformed": it does not look like a key; "checksum": it does, but was mistyped or cut. */
export function parseApiKey(key: string): ApiKeyParts | "malformed" | "checksum" {
  const match = FORM.exec(key);
  if (match === null) return "malformed";
  const [, environment, keyId, secret, written] = match;
  if (checksum(key.slice(0, -CHECKSUM_CHARACTERS)) !== written) return "checksum";
  return { environment: environment!, keyId: keyId!, secret: secret! };
}

/** SHA-256 of a secret. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}

function randomText(alphabet: string, count: number): string {
  // Octets beyond the largest multiple of the alphabet are thrown away: the rest is not skewed.
  const bound = 256 - (256 % alphabet.length);
  const octets = new Uint8Array(count * 2);
  let text = "";
  while (text.length < count) {
    fillRandom(octets);
    for (const octet of octets) {
      if (octet < bound && text.length < count) text += alphabet[octet % alphabet.length];
    }
  }
  return text;
}

/** Six characters of base 62: 62^6 is more than 2^32. */
function checksum(text: string): string {
  let rest = crc32(Buffer.from(text, "latin1"));
  let written = "";
  for (let index = 0; index < CHECKSUM_CHARACTERS; index += 1) {
    written = BASE62[rest % 62] + written;
    rest = Math.floor(rest / 62);
  }
  return written;
}

/** CRC-32 as zip has it (ISO 3309). zlib.crc32 is missing from early Node 20. */
function crc32(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
