/** Settings of the admin service: its table. */
import type { Settings, SettingsTable } from "../../core/settings.js";
import { choice, integer, optional } from "../../core/settings.js";

export const ADMIN_SETTINGS = {
  port: integer(
    "FLOE_ADMIN_PORT",
    { min: 0, max: 65_535, default: 50_052 },
    "Port of the operators' gRPC API; 0: any free one.",
  ),
  tlsCertFile: optional(
    "FLOE_ADMIN_TLS_CERT_FILE",
    "PEM file with the server's certificate chain; empty: plain text, for a proxy that ends TLS.",
  ),
  tlsKeyFile: optional(
    "FLOE_ADMIN_TLS_KEY_FILE",
    "PEM file with the certificate's private key; wanted if there is a certificate.",
  ),
  reflection: choice(
    "FLOE_ADMIN_REFLECTION",
    ["on", "off"],
    "Whether grpcurl and the like may ask for the API's schema.",
  ),
  tableSetsKept: integer(
    "FLOE_ADMIN_TABLE_SETS_KEPT",
    { min: 2, max: 1_000, default: 10 },
    "Newest table sets that are kept to go back to, beside those in force in the last 7 days; 1 GiB in all.",
  ),
  quietMs: integer(
    "FLOE_ADMIN_QUIET_MS",
    { min: 0, max: 600_000, default: 1_000 },
    "How long nothing must have changed before a table set is made by itself.",
  ),
  leaseSeconds: integer(
    "FLOE_ADMIN_LEASE_SECONDS",
    { min: 2, max: 120, default: 6 },
    "How long nobody makes table sets after the process that did was killed.",
  ),
  drainMs: integer(
    "FLOE_ADMIN_DRAIN_MS",
    { min: 100, max: 300_000, default: 20_000 },
    "At a stop: how long calls may take to finish. Below FLOE_STOP_GRACE_MS.",
  ),
} satisfies SettingsTable;
export type AdminSettings = Settings<typeof ADMIN_SETTINGS>;
