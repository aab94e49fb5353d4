/**
 * Host: what a process gives to the roles that run in it (`floe serve gateway dispatch ...`).
 *
 * A role's `main.ts` exports `serve(host)`: it loads its settings, opens its parts, registers their
 * ends with the lifecycle, and returns when it is at work.
 */
import type { Clock } from "./clock.js";
import type { Lifecycle } from "./lifecycle.js";
import type { Logger } from "./log.js";
import type { Settings, SettingsTable } from "./settings.js";
import { choice, integer, optional, text } from "./settings.js";
import type { StreamClient } from "./stream/stream.js";

export type Serve = (host: Host) => Promise<void>;

export interface Host {
  /** Unique to this process, for ever: `<role>-<random>`; the writer part of ids. */
  readonly processId: string;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly common: CommonSettings;
  log(part: string): Logger;
  /** Reads a role's own settings, with the environment's other FLOE_ names checked as well. */
  settings<T extends SettingsTable>(table: T): Settings<T>;
  /** The process's one connection to the stream server, streams declared. Closed last. */
  stream(): Promise<StreamClient>;
  /** Says (log line "listening") where a part can be reached; port is the real one. */
  listening(service: string, address: string, port: number): void;
  /** A part's readiness, asked at each /healthz. All must be true. */
  readiness(part: string, ready: () => boolean): void;
}

export const COMMON_SETTINGS = {
  natsUrl: text("FLOE_NATS_URL", "NATS servers, comma separated.", "nats://127.0.0.1:4222"),
  natsUser: optional("FLOE_NATS_USER", "User for NATS; empty: none."),
  natsPasswordFile: optional("FLOE_NATS_PASSWORD_FILE", "File that holds the NATS password."),
  replicas: integer(
    "FLOE_REPLICAS",
    { min: 1, max: 5, default: 1 },
    "Copies of each stream, bucket and object store in the NATS cluster; 3 in production.",
  ),
  clickhouseUrl: text("FLOE_CLICKHOUSE_URL", "ClickHouse HTTP interface.", "http://127.0.0.1:8123"),
  clickhouseUser: text("FLOE_CLICKHOUSE_USER", "ClickHouse user.", "default"),
  clickhousePasswordFile: optional(
    "FLOE_CLICKHOUSE_PASSWORD_FILE",
    "File that holds the ClickHouse password.",
  ),
  clickhouseDatabase: text("FLOE_CLICKHOUSE_DATABASE", "ClickHouse database.", "floe"),
  keysFile: text(
    "FLOE_KEYS_FILE",
    "File with token, idempotency and data keys.",
    ".floe/keys.json",
  ),
  bindHost: text("FLOE_BIND_HOST", "Address that servers listen on.", "127.0.0.1"),
  metricsPort: integer(
    "FLOE_METRICS_PORT",
    { min: 0, max: 65_535, default: 0 },
    "Port of /metrics and /healthz; 0: any free one.",
  ),
  logLevel: choice(
    "FLOE_LOG_LEVEL",
    ["info", "debug", "warn", "error", "silent"],
    "What is logged.",
  ),
  stopGraceMs: integer(
    "FLOE_STOP_GRACE_MS",
    { min: 1_000, max: 300_000, default: 30_000 },
    "How long a stop may take before the process exits all the same.",
  ),
} satisfies SettingsTable;
export type CommonSettings = Settings<typeof COMMON_SETTINGS>;
