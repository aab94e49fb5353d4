/**
 * Authenticate: who calls, by metadata `authorization: Bearer <API key>`.
 *
 * In: the header, and the KV buckets of keys and accounts, watched. Out: a caller, or the refusal.
 * A header that was good is remembered whole, so a call costs one Map look-up and no hash; every
 * change of a key empties that memory, and account states are shared with it, so a revoked key or
 * a suspended account is refused as soon as the change arrives. Bad headers are not remembered:
 * a flood of them would only push the good ones out.
 */
import { timingSafeEqual } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { hashSecret, parseApiKey } from "../../core/api-key.js";
import {
  type AccountConfig,
  type KeyConfig,
  parseAccount,
  parseKey,
} from "../../core/configuration.js";
import { type Refusal, refuse } from "../../core/grpc/refuse.js";
import type { Logger } from "../../core/log.js";
import type { Bucket, Consumption } from "../../core/stream/stream.js";
import { newPace, type Pace, setPace } from "./pace.js";

/** One for each account, for as long as the process lives. */
export interface AccountState {
  readonly account: number;
  plan: number;
  status: AccountConfig["status"];
  /** Records of this account that wait for the stream (accept.ts counts). */
  waiting: number;
  /** Bytes of the requests that these came in. */
  waitingBytes: number;
  readonly pace: Pace;
}

export interface Caller {
  readonly account: AccountState;
  readonly keyId: string;
  /** Milliseconds since 1970; 0: never. */
  readonly expiresAtMs: number;
}

export interface Authenticator {
  /** The caller that `header` names, or why there is none. `undefined`: no such header. */
  check(header: string | undefined, nowMs: number): Caller | Refusal;
  /** What the buckets say; undefined: deleted. A value that fails its check changes nothing. */
  keyChanged(key: string, value: Uint8Array | undefined): void;
  accountChanged(key: string, value: Uint8Array | undefined): void;
}

/** More than an installation has keys in use; beyond it the memory starts anew. */
const REMEMBERED_MAX = 65_536;
const REMEMBERED_CHARACTERS_MAX = 256;

const MISSING = unauthenticated(
  "API_KEY_MISSING",
  'Send metadata "authorization: Bearer <API key>".',
);
const MALFORMED = unauthenticated(
  "API_KEY_MALFORMED",
  'Metadata "authorization" must be "Bearer " and an API key, floe_<environment>_<id>_<secret>.',
);
const MISTYPED = unauthenticated(
  "API_KEY_MISTYPED",
  "The API key's checksum is wrong: it was mistyped or cut.",
);
/** One text for unknown, revoked and wrong secret: nobody learns which part matched. */
const INVALID = unauthenticated("API_KEY_INVALID", "The API key is not valid.");
const EXPIRED = unauthenticated("API_KEY_EXPIRED", "The API key has expired.");
const NOT_A_CUSTOMER = refuse(
  status.PERMISSION_DENIED,
  "API_KEY_SCOPE",
  "This API key is for operators; it cannot send messages.",
);
const ACCOUNT_INACTIVE = refuse(
  status.PERMISSION_DENIED,
  "ACCOUNT_INACTIVE",
  "The account is suspended or closed.",
);
const NO_HASH = Buffer.alloc(32);

interface KeyState extends KeyConfig {
  readonly hash: Buffer;
}

export function openAuthenticator(log: Logger): Authenticator {
  const keys = new Map<string, KeyState>();
  const accounts = new Map<number, AccountState>();
  const remembered = new Map<string, Caller>();

  function check(header: string | undefined, nowMs: number): Caller | Refusal {
    const known = header === undefined ? undefined : remembered.get(header);
    if (known !== undefined) return standing(known, nowMs);
    if (header === undefined || header === "") return MISSING;
    const parts = /^bearer +/i.test(header)
      ? parseApiKey(header.replace(/^bearer +/i, "").trimEnd())
      : "malformed";
    if (parts === "malformed") return MALFORMED;
    if (parts === "checksum") return MISTYPED;
    const key = keys.get(parts.keyId);
    // The hash is made for unknown ids too, so that time does not tell them from known ones.
    const same = timingSafeEqual(hashSecret(parts.secret), key?.hash ?? NO_HASH);
    if (key === undefined || !same || key.status !== "active") return INVALID;
    if (key.scope !== "customer") return NOT_A_CUSTOMER;
    const account = accounts.get(key.account);
    if (account === undefined) return ACCOUNT_INACTIVE;
    const caller = { account, keyId: key.keyId, expiresAtMs: key.expiresAtMs };
    // A caller may pad its header as it likes; only what a key needs is worth the memory.
    if (header.length <= REMEMBERED_CHARACTERS_MAX) {
      if (remembered.size >= REMEMBERED_MAX) remembered.clear();
      remembered.set(header, caller);
    }
    return standing(caller, nowMs);
  }

  function standing(caller: Caller, nowMs: number): Caller | Refusal {
    if (caller.expiresAtMs !== 0 && nowMs >= caller.expiresAtMs) return EXPIRED;
    return caller.account.status === "active" ? caller : ACCOUNT_INACTIVE;
  }

  function keyChanged(name: string, value: Uint8Array | undefined): void {
    remembered.clear();
    if (value === undefined) {
      keys.delete(name);
      return;
    }
    try {
      const key = parseKey(value);
      if (key.keyId !== name) throw new Error("the key lies under another id");
      keys.set(name, { ...key, hash: Buffer.from(key.secretHash, "hex") });
    } catch (err) {
      log.error({ err, keyId: name }, "an API key cannot be read");
    }
  }

  function accountChanged(name: string, value: Uint8Array | undefined): void {
    if (value === undefined) {
      // The state stays: callers that were remembered hold it.
      const gone = accounts.get(Number(name));
      if (gone !== undefined) gone.status = "closed";
      return;
    }
    try {
      const { account, plan, status, messagesPerSecond = 0, ...terms } = parseAccount(value);
      if (String(account) !== name) throw new Error("the account lies under another number");
      let state = accounts.get(account);
      if (state === undefined) {
        state = { account, plan, status, waiting: 0, waitingBytes: 0, pace: newPace() };
        accounts.set(account, state);
      } else Object.assign(state, { plan, status });
      setPace(state.pace, messagesPerSecond, terms.burst ?? messagesPerSecond);
    } catch (err) {
      log.error({ err, account: name }, "an account cannot be read");
    }
  }

  return { check, keyChanged, accountChanged };
}

/**
 * Tells `changed` every entry that is there, resolves, and goes on with every change. A watch alone
 * would not say when the first entries are complete, and calls before that would be refused. It
 * runs first, so that no change falls between; revisions keep an older value from coming last.
 */
export async function follow(
  bucket: Bucket,
  changed: (key: string, value: Uint8Array | undefined) => void,
): Promise<Consumption> {
  const revisions = new Map<string, number>();
  const newer = (key: string, value: Uint8Array | undefined, revision: number): void => {
    if (revision <= (revisions.get(key) ?? 0)) return;
    revisions.set(key, revision);
    changed(key, value);
  };
  const watched = await bucket.watch(newer);
  for (const { key, value, revision } of await bucket.entries()) newer(key, value, revision);
  return watched;
}

function unauthenticated(reason: string, details: string): Refusal {
  return refuse(status.UNAUTHENTICATED, reason, details);
}
