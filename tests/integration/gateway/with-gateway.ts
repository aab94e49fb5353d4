/**
 * Brackets: a gateway in this process on a free port, over a given stream client, with one account
 * and its key; a client of it; and what the errors of that client hold.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CallOptions, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { newApiKey } from "../../../core/api-key.js";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { type AccountConfig, encodeConfig, type KeyConfig } from "../../../core/configuration.js";
import { COMMON_SETTINGS, type Host } from "../../../core/host.js";
import { extendKeys } from "../../../core/keys.js";
import { SILENT } from "../../../core/log.js";
import type {
  Message,
  SendBatchResponse,
  SendMessageResponse,
} from "../../../core/proto/floe/v1/messaging.js";
import { MessagingServiceClient } from "../../../core/proto/floe/v1/messaging_service.js";
import { BadRequest, ErrorInfo, RetryInfo } from "../../../core/proto/google/rpc/error_details.js";
import { Status } from "../../../core/proto/google/rpc/status.js";
import { loadSettings } from "../../../core/settings.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS } from "../../../core/subjects.js";
import { serve } from "../../../services/gateway/main.js";

export const ACCOUNT = 7;
export const PLAN = 3;
export const PARTITIONS = 2;

export interface Gateway {
  readonly address: string;
  readonly key: string;
  readonly keyId: string;
  readonly client: MessagingServiceClient;
  readonly stream: StreamClient;
  ready(): boolean;
  /** As SIGTERM does; repeats are harmless. */
  stop(): Promise<void>;
  putAccount(more: Partial<AccountConfig>): Promise<void>;
  putKey(more: Partial<KeyConfig>): Promise<void>;
}

/** Runs `run` with a gateway, and stops it whatever happens. */
export async function withGateway(
  stream: StreamClient,
  run: (gateway: Gateway) => Promise<void>,
  environment: Readonly<Record<string, string>> = {},
  seeded: { partitions: boolean } = { partitions: true },
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-gateway-"));
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, SYSTEM_CLOCK.nowMs(), 1));
  const env = { FLOE_GATEWAY_PORT: "0", FLOE_KEYS_FILE: keysFile, ...environment };
  const { key, keyId, secretHash } = newApiKey("test");
  const account: AccountConfig = { account: ACCOUNT, name: "Test", plan: PLAN, status: "active" };
  const scope = { scope: "customer", status: "active", expiresAtMs: 0 } as const;
  const keyConfig: KeyConfig = { keyId, account: ACCOUNT, secretHash, ...scope };

  const put = async (bucket: string, name: string, value: Uint8Array): Promise<void> => {
    await (await stream.bucket(bucket)).put(name, value);
  };
  if (seeded.partitions) {
    await put(BUCKETS.config, "partitions", encodeConfig({ count: PARTITIONS }));
  }
  const putAccount = (more: Partial<AccountConfig>): Promise<void> =>
    put(BUCKETS.accounts, String(ACCOUNT), encodeConfig({ ...account, ...more }));
  const putKey = (more: Partial<KeyConfig>): Promise<void> =>
    put(BUCKETS.keys, keyId, encodeConfig({ ...keyConfig, ...more }));
  await putAccount({});
  await putKey({});

  const host = openTestHost(stream, env);
  let client: MessagingServiceClient | undefined;
  try {
    await serve(host.host);
    const address = `127.0.0.1:${host.port()}`;
    client = new MessagingServiceClient(address, credentials.createInsecure());
    const { ready, stop } = host;
    await run({ address, key, keyId, client, stream, ready, stop, putAccount, putKey });
  } finally {
    client?.close();
    await host.stop();
    rmSync(folder, { recursive: true });
  }
}

function openTestHost(stream: StreamClient, env: Readonly<Record<string, string>>) {
  const ends: (() => Promise<void> | void)[] = [];
  let port = 0;
  let isReady = (): boolean => false;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      for (const end of ends.reverse()) await end();
    })();
    return stopped;
  };
  const host: Host = {
    processId: "gateway-test",
    clock: SYSTEM_CLOCK,
    lifecycle: {
      onStop: (_name, close) => void ends.push(close),
      stop: () => stop(),
      stopping: () => stopped !== undefined,
    },
    common: loadSettings(COMMON_SETTINGS, [], { FLOE_KEYS_FILE: env["FLOE_KEYS_FILE"] }),
    log: () => SILENT,
    settings: (table) => loadSettings(table, [COMMON_SETTINGS], env),
    stream: async () => stream,
    listening: (_service, _address, at) => {
      port = at;
    },
    readiness: (_part, ready) => {
      isReady = ready;
    },
  };
  return { host, stop, port: () => port, ready: () => isReady() };
}

export function bearer(key: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  return metadata;
}

/** @throws ServiceError as grpc-js gives it. */
export function sendMessage(
  { client, key }: Gateway,
  message: Message | undefined,
  options: Partial<CallOptions> = {},
  metadata: Metadata = bearer(key),
): Promise<SendMessageResponse> {
  return new Promise((resolve, reject) => {
    client.sendMessage({ message }, metadata, options, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

/** @throws ServiceError as grpc-js gives it. */
export function sendBatch(
  { client, key }: Gateway,
  messages: Message[],
  options: Partial<CallOptions> = {},
): Promise<SendBatchResponse> {
  return new Promise((resolve, reject) => {
    client.sendBatch({ messages }, bearer(key), options, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

export interface Told {
  readonly code: number;
  readonly text: string;
  readonly reason: string;
  /** `field: description`. */
  readonly fields: readonly string[];
  readonly retryMs: number | undefined;
}

/** The error that `failing` ends in, with its google.rpc details. @throws if it does not fail. */
export async function errorOf(failing: Promise<unknown>): Promise<Told> {
  try {
    await failing;
  } catch (error) {
    return toldByError(error as ServiceError);
  }
  throw new Error("it did not fail");
}

export function toldByError(error: ServiceError): Told {
  const encoded = error.metadata.get("grpc-status-details-bin")[0];
  const status = encoded === undefined ? undefined : Status.decode(encoded as Buffer);
  return { ...told(status), code: error.code, text: error.details };
}

export function told(status: Status | undefined): Told {
  let reason = "";
  let fields: readonly string[] = [];
  let retryMs: number | undefined;
  for (const { typeUrl, value } of status?.details ?? []) {
    if (typeUrl.endsWith("google.rpc.ErrorInfo")) {
      const info = ErrorInfo.decode(value);
      reason = `${info.domain}/${info.reason}`;
    } else if (typeUrl.endsWith("google.rpc.BadRequest")) {
      const { fieldViolations } = BadRequest.decode(value);
      fields = fieldViolations.map(({ field, description }) => `${field}: ${description}`);
    } else if (typeUrl.endsWith("google.rpc.RetryInfo")) {
      const delay = RetryInfo.decode(value).retryDelay;
      retryMs = Number(delay?.seconds ?? 0n) * 1_000 + (delay?.nanos ?? 0) / 1e6;
    }
  }
  return { code: status?.code ?? -1, text: status?.message ?? "", reason, fields, retryMs };
}
