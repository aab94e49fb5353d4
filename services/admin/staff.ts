/**
 * Staff: who operates, by metadata `authorization: Bearer <API key>` of scope staff.
 *
 * In: the header, and the KV bucket of keys, watched. Out: the key's id, or the refusal. Calls are
 * few here, so each is checked anew.
 */
import { timingSafeEqual } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { hashSecret, parseApiKey } from "../../core/api-key.js";
import type { Clock } from "../../core/clock.js";
import { type KeyConfig, parseKey } from "../../core/configuration.js";
import { type Refusal, refuse } from "../../core/grpc/refuse.js";
import type { Logger } from "../../core/log.js";
import type { Bucket } from "../../core/stream/stream.js";

/** Who calls. */
export interface Staff {
  readonly keyId: string;
}

export interface StaffKeys {
  /** `header` undefined: there is none. */
  check(header: string | undefined): Staff | Refusal;
  stop(): Promise<void>;
}

const MISSING = refuse(
  status.UNAUTHENTICATED,
  "API_KEY_MISSING",
  'Send metadata "authorization: Bearer <API key>".',
);
const MALFORMED = refuse(
  status.UNAUTHENTICATED,
  "API_KEY_MALFORMED",
  'Metadata "authorization" must be "Bearer " and an API key, floe_<environment>_<id>_<secret>.',
);
/** One text for unknown, revoked, expired and wrong secret: nobody learns which part matched. */
const INVALID = refuse(status.UNAUTHENTICATED, "API_KEY_INVALID", "The API key is not valid.");
const NOT_STAFF = refuse(
  status.PERMISSION_DENIED,
  "API_KEY_SCOPE",
  "This API key is a customer's; it cannot operate.",
);
const NO_HASH = Buffer.alloc(32);

/** Resolves when the keys that are there are known. */
export async function openStaffKeys(bucket: Bucket, clock: Clock, log: Logger): Promise<StaffKeys> {
  const keys = new Map<string, KeyConfig>();
  const watching = await bucket.watch((name, value) => {
    if (value === undefined) {
      keys.delete(name);
      return;
    }
    try {
      const key = parseKey(value);
      if (key.keyId !== name) throw new Error("the key lies under another id");
      keys.set(name, key);
    } catch (err) {
      log.error({ err, keyId: name }, "an API key cannot be read");
    }
  });

  return {
    check(header) {
      if (header === undefined || header === "") return MISSING;
      const parts = /^bearer +/i.test(header)
        ? parseApiKey(header.replace(/^bearer +/i, "").trimEnd())
        : "malformed";
      if (typeof parts === "string") return MALFORMED;
      const key = keys.get(parts.keyId);
      // The hash is made for unknown ids too, so that time does not tell them from known ones.
      const wanted = key === undefined ? NO_HASH : Buffer.from(key.secretHash, "hex");
      const same = timingSafeEqual(hashSecret(parts.secret), wanted);
      if (key === undefined || !same || key.status !== "active") return INVALID;
      if (key.expiresAtMs !== 0 && clock.nowMs() >= key.expiresAtMs) return INVALID;
      return key.scope === "staff" ? { keyId: key.keyId } : NOT_STAFF;
    },
    stop: () => watching.stop(),
  };
}
