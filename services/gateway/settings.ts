/** Settings of the gateway: its table. */
import type { Settings, SettingsTable } from "../../core/settings.js";
import { choice, integer, optional } from "../../core/settings.js";

export const GATEWAY_SETTINGS = {
  port: integer(
    "FLOE_GATEWAY_PORT",
    { min: 0, max: 65_535, default: 50_051 },
    "Port of the customers' gRPC API; 0: any free one.",
  ),
  tlsCertFile: optional(
    "FLOE_GATEWAY_TLS_CERT_FILE",
    "PEM file with the server's certificate chain; empty: plain text, for a proxy that ends TLS.",
  ),
  tlsKeyFile: optional(
    "FLOE_GATEWAY_TLS_KEY_FILE",
    "PEM file with the certificate's private key; wanted if there is a certificate.",
  ),
  reflection: choice(
    "FLOE_GATEWAY_REFLECTION",
    ["on", "off"],
    "Whether grpcurl and the like may ask for the API's schema.",
  ),
  requestsWindow: integer(
    "FLOE_GATEWAY_REQUESTS_WINDOW",
    { min: 1, max: 2, default: 1 },
    "Request frames in flight. 2: a little less latency under load, emptier frames.",
  ),
  framesPerSecond: integer(
    "FLOE_GATEWAY_FRAMES_PER_SECOND",
    { min: 0, max: 10_000, default: 100 },
    "Request frames a second above which records linger for company, 10 ms at most; 0: never.",
  ),
  recordsMax: integer(
    "FLOE_GATEWAY_RECORDS_MAX",
    { min: 1_000, max: 1_000_000, default: 50_000 },
    "Accepted messages that may wait for the stream; callers beyond get RESOURCE_EXHAUSTED.",
  ),
  accountRecordsMax: integer(
    "FLOE_GATEWAY_ACCOUNT_RECORDS_MAX",
    { min: 1_000, max: 1_000_000, default: 25_000 },
    "How many of those may be one account's, and as large a part of their bytes: others find room.",
  ),
  bytesMax: integer(
    "FLOE_GATEWAY_BYTES_MAX",
    { min: 1_048_576, max: 1_073_741_824, default: 67_108_864 },
    "Bytes of accepted messages that may wait for the stream.",
  ),
  usageRecordsMax: integer(
    "FLOE_GATEWAY_USAGE_RECORDS_MAX",
    { min: 1_000, max: 1_000_000, default: 50_000 },
    "Usage records (one a call) that may wait for the stream; then calls are refused.",
  ),
  callsMax: integer(
    "FLOE_GATEWAY_CALLS_MAX",
    { min: 1, max: 100_000, default: 1_000 },
    "Calls at the same time on one connection; clients queue the rest.",
  ),
  sessionMemoryMb: integer(
    "FLOE_GATEWAY_SESSION_MEMORY_MB",
    { min: 16, max: 4_096, default: 128 },
    "Memory that one connection may use for what is being received and sent.",
  ),
  connectionAgeMs: integer(
    "FLOE_GATEWAY_CONNECTION_AGE_MS",
    { min: 10_000, max: 86_400_000, default: 600_000 },
    "Age at which a connection is asked to open anew, so that clients find new gateways.",
  ),
  connectionGraceMs: integer(
    "FLOE_GATEWAY_CONNECTION_GRACE_MS",
    { min: 1_000, max: 3_600_000, default: 60_000 },
    "How long its calls may go on after that.",
  ),
  drainWaitMs: integer(
    "FLOE_GATEWAY_DRAIN_WAIT_MS",
    { min: 0, max: 60_000, default: 0 },
    "At a stop: how long health says NOT_SERVING before connections are closed.",
  ),
  drainMs: integer(
    "FLOE_GATEWAY_DRAIN_MS",
    { min: 100, max: 300_000, default: 20_000 },
    "At a stop: how long calls may take to finish. Below FLOE_STOP_GRACE_MS.",
  ),
} satisfies SettingsTable;
export type GatewaySettings = Settings<typeof GATEWAY_SETTINGS>;
