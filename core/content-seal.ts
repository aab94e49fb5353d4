/**
 * Content seal: how what people wrote is hidden where it is stored: AES-128-GCM under a key made of
 * the data key of the month, so that it is unreadable once that key is destroyed.
 *
 * A key of its own, since data keys encrypt single blocks elsewhere (number-seal.ts), and the two
 * uses must not meet.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { fillRandom } from "./clock.js";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const INFO = "floe content";

function keyOf(dataKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", dataKey, new Uint8Array(0), INFO, 16));
}

/**
 * Nonce, cipher text, tag.
 * @param id of what it belongs to: elsewhere it cannot be opened.
 */
export function sealContent(content: Uint8Array, id: Uint8Array, dataKey: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  fillRandom(nonce);
  const cipher = createCipheriv("aes-128-gcm", keyOf(dataKey), nonce).setAAD(id);
  return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** What was sealed; undefined: under another key, for another id, or changed since. */
export function openContent(
  sealed: Uint8Array,
  id: Uint8Array,
  dataKey: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-128-gcm", keyOf(dataKey), nonce).setAAD(id);
  decipher.setAuthTag(sealed.subarray(end));
  const content = decipher.update(sealed.subarray(NONCE_BYTES, end));
  try {
    return Buffer.concat([content, decipher.final()]);
  } catch {
    return undefined;
  }
}
