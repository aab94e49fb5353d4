/**
 * API keys: ApiKeyService on the KV bucket of keys, which gateways and the admin service follow.
 *
 * The secret is told once, in the answer that makes the key; what is stored is its hash. A key is
 * never deleted: a revoked one says who revoked it, and its id is in the records of its calls.
 */
import { status } from "@grpc/grpc-js";
import { newApiKey } from "../../../core/api-key.js";
import { encodeConfig, type KeyConfig, parseKey } from "../../../core/configuration.js";
import { type Refusal, refuse } from "../../../core/grpc/refuse.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type ApiKey,
  ApiKeyScope,
  ApiKeyServiceService,
  ApiKeyStatus,
  type CreateApiKeyRequest,
  type GetApiKeyRequest,
  type ListApiKeysRequest,
  type RevokeApiKeyRequest,
} from "../../../core/proto/floe/v1/accounts.js";
import { type Desk, unary } from "../call.js";
import { notFound } from "../crud.js";
import type { Followed } from "../followed.js";
import { pageSizeOf, pageToken, placeOf } from "../page.js";
import { invalid } from "../problems.js";
import type { Staff } from "../staff.js";

export interface KeysOptions {
  readonly desk: Desk;
  readonly keys: Followed;
  readonly accounts: Followed;
}

const NAME_CHARACTERS_MAX = 100;
const ENVIRONMENT_DEFAULT = "live";
const KEY_ID = /^[0-9a-z]{8,32}$/;

export function apiKeyService({ desk, keys, accounts }: KeysOptions): GrpcService {
  async function create(request: CreateApiKeyRequest, staff: Staff): Promise<object | Refusal> {
    const problems = await problemsOf(request);
    if (problems.length > 0) return invalid(problems);
    const { key, keyId, secretHash } = newApiKey(request.environment || ENVIRONMENT_DEFAULT);
    const nowMs = desk.clock.nowMs();
    const made: KeyConfig = {
      keyId,
      account: request.account,
      secretHash,
      scope: request.scope === ApiKeyScope.API_KEY_SCOPE_STAFF ? "staff" : "customer",
      status: "active",
      expiresAtMs: request.expiresAt?.getTime() ?? 0,
      name: request.name,
      createdAtMs: nowMs,
      changedBy: staff.keyId,
      changedAtMs: nowMs,
    };
    const revision = await keys.bucket.compareAndSet(keyId, encodeConfig(made), 0);
    // 62 bits of chance: it is a fault of ours if there is such an id.
    if (revision === undefined) throw new Error("an API key's id was given twice");
    desk.log.info({ keyId, account: made.account, changedBy: staff.keyId }, "API key created");
    await keys.reached(revision);
    return { apiKey: messageOf(made, revision), key };
  }

  async function problemsOf(request: CreateApiKeyRequest) {
    const problems: { field: string; description: string; reason: string }[] = [];
    const add = (field: string, description: string): void =>
      void problems.push({ field, description, reason: "INVALID" });
    const isStaff = request.scope === ApiKeyScope.API_KEY_SCOPE_STAFF;
    if (isStaff && request.account !== 0) add("account", "must be 0 for staff");
    if (!isStaff) {
      const key = String(request.account);
      const there = request.account !== 0 && (await accounts.bucket.get(key)) !== undefined;
      if (!there) add("account", "is not an account");
    }
    if (request.name.length > NAME_CHARACTERS_MAX)
      add("name", `must have at most ${NAME_CHARACTERS_MAX} characters`);
    if (!/^[a-z0-9]{0,16}$/.test(request.environment))
      add("environment", "must be lower-case letters and digits, at most 16");
    if (request.expiresAt !== undefined && request.expiresAt.getTime() <= desk.clock.nowMs())
      add("expires_at", "must be in the future");
    return problems;
  }

  async function get({ keyId }: GetApiKeyRequest): Promise<object | Refusal> {
    const there = KEY_ID.test(keyId) ? await keys.bucket.get(keyId) : undefined;
    if (there === undefined) return notFound("API key");
    return { apiKey: messageOf(parseKey(there.value), there.revision) };
  }

  async function revoke({ keyId }: RevokeApiKeyRequest, staff: Staff): Promise<object | Refusal> {
    if (keyId === staff.keyId) return OWN_KEY;
    for (;;) {
      const there = KEY_ID.test(keyId) ? await keys.bucket.get(keyId) : undefined;
      if (there === undefined) return notFound("API key");
      const before = parseKey(there.value);
      // Who revoked it first is who revoked it.
      if (before.status === "revoked") return { apiKey: messageOf(before, there.revision) };
      const changedAtMs = desk.clock.nowMs();
      const after = { ...before, status: "revoked", changedBy: staff.keyId, changedAtMs } as const;
      const revision = await keys.bucket.compareAndSet(keyId, encodeConfig(after), there.revision);
      if (revision === undefined) continue;
      desk.log.info({ keyId, changedBy: staff.keyId }, "API key revoked");
      await keys.reached(revision);
      return { apiKey: messageOf(after, revision) };
    }
  }

  async function list(request: ListApiKeysRequest): Promise<object | Refusal> {
    const place = placeOf("key", request);
    if (typeof place === "object") return place;
    const size = pageSizeOf(request);
    const page: ApiKey[] = [];
    for (const id of keys.keys()) {
      if (place !== undefined && id <= place) continue;
      const { value, revision } = keys.get(id)!;
      const key = parseKey(value);
      if (request.account !== 0 && key.account !== request.account) continue;
      if (page.length === size) {
        return { apiKeys: page, nextPageToken: pageToken("key", page.at(-1)!.keyId) };
      }
      page.push(messageOf(key, revision));
    }
    return { apiKeys: page, nextPageToken: "" };
  }

  return {
    name: "floe.v1.ApiKeyService",
    definition: ApiKeyServiceService,
    implementation: {
      createApiKey: unary(desk, "ApiKeyService/CreateApiKey", create),
      getApiKey: unary(desk, "ApiKeyService/GetApiKey", get),
      revokeApiKey: unary(desk, "ApiKeyService/RevokeApiKey", revoke),
      listApiKeys: unary(desk, "ApiKeyService/ListApiKeys", list),
    },
  };
}

const OWN_KEY = refuse(
  status.FAILED_PRECONDITION,
  "OWN_KEY",
  "A key does not revoke itself: use another one, so that somebody can still operate.",
);

function messageOf(key: KeyConfig, revision: number): ApiKey {
  const timeOf = (atMs: number | undefined): Date | undefined =>
    atMs === undefined || atMs === 0 ? undefined : new Date(atMs);
  return {
    keyId: key.keyId,
    account: key.account,
    scope:
      key.scope === "staff" ? ApiKeyScope.API_KEY_SCOPE_STAFF : ApiKeyScope.API_KEY_SCOPE_CUSTOMER,
    status:
      key.status === "active"
        ? ApiKeyStatus.API_KEY_STATUS_ACTIVE
        : ApiKeyStatus.API_KEY_STATUS_REVOKED,
    expiresAt: timeOf(key.expiresAtMs),
    name: key.name ?? "",
    createdAt: timeOf(key.createdAtMs),
    revision: BigInt(revision),
    changedBy: key.changedBy ?? "",
    changedAt: timeOf(key.changedAtMs),
  };
}
