/**
 * Keys: the keys file, with which numbers are sealed and idempotent ids are made.
 *
 * `token` turns a number into its token (same number, same token), `idempotency` makes message ids
 * from idempotency keys and is never rotated, `data` holds a key for each month of acceptance; a
 * month's key is destroyed when its retention ends, and what it sealed is unreadable from then on.
 * Each is 16 bytes. The file is JSON with hex strings, readable by its owner alone.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { fillRandom } from "./clock.js";
import { FloeError } from "./errors.js";

export const KEY_BYTES = 16;

export interface Keys {
  readonly token: Uint8Array;
  readonly idempotency: Uint8Array;
  /** By month of acceptance in UTC, "2026-11". */
  readonly data: Readonly<Record<string, Uint8Array>>;
}

const hexKey = z
  .string()
  .regex(/^[0-9a-f]{32}$/, "must be 32 hexadecimal digits")
  .transform((hex) => new Uint8Array(Buffer.from(hex, "hex")));
const file = z.strictObject({
  token: hexKey,
  idempotency: hexKey,
  data: z.record(z.string().regex(/^\d{4}-\d{2}$/, "must be a month such as 2026-11"), hexKey),
});

/** @throws FloeError "keys.invalid" naming the file and the fields, never a value. */
export function loadKeys(path: string): Keys {
  let plain: unknown;
  try {
    plain = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    // The cause of a parse error quotes the text, so only its kind goes on.
    const problem = cause instanceof SyntaxError ? "is not JSON" : "cannot be read";
    throw new FloeError("keys.invalid", { file: path, problem });
  }
  const parsed = file.safeParse(plain);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
  throw new FloeError("keys.invalid", { file: path, problems });
}

/** The month whose data key seals a message that was accepted then. */
export function dataMonth(acceptedAtMs: number): string {
  return new Date(acceptedAtMs).toISOString().slice(0, 7);
}

/**
 * The text of a keys file: new keys where `old` has none, data keys from the month of `nowMs` on
 * for `months` months. Keys that are there stay.
 */
export function extendKeys(old: Keys | undefined, nowMs: number, months: number): string {
  const data: Record<string, Uint8Array> = { ...old?.data };
  const start = new Date(nowMs);
  for (let ahead = 0; ahead < months; ahead += 1) {
    const at = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + ahead, 1);
    data[dataMonth(at)] ??= newKey();
  }
  const text = {
    token: hex(old?.token ?? newKey()),
    idempotency: hex(old?.idempotency ?? newKey()),
    data: Object.fromEntries(Object.entries(data).map(([month, key]) => [month, hex(key)])),
  };
  return `${JSON.stringify(text, undefined, 2)}\n`;
}

function newKey(): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  fillRandom(key);
  return key;
}

function hex(key: Uint8Array): string {
  return Buffer.from(key).toString("hex");
}
