/** Settings of the connector service. */
import { integer, optional, type Settings, type SettingsTable } from "../../core/settings.js";

export const CONNECTOR_SETTINGS = {
  carriers: optional(
    "FLOE_CONNECTOR_CARRIERS",
    "Carriers that this process serves, comma separated; empty: every active one.",
  ),
  memoryRecords: integer(
    "FLOE_CONNECTOR_MEMORY_RECORDS",
    { min: 1_000, max: 50_000_000, default: 500_000 },
    "Submitted parts of each carrier kept for joining receipts, twice over; about 120 bytes each.",
  ),
  framesPerSecond: integer(
    "FLOE_CONNECTOR_FRAMES_PER_SECOND",
    { min: 0, max: 100_000, default: 50 },
    "Attempt frames a second above which records wait up to 50 ms for company; 0: they never do.",
  ),
  leaseSeconds: integer(
    "FLOE_CONNECTOR_LEASE_SECONDS",
    { min: 2, max: 300, default: 10 },
    "After this a dead connector's bind slots go to another.",
  ),
} satisfies SettingsTable;
export type ConnectorSettings = Settings<typeof CONNECTOR_SETTINGS>;

/** Names in FLOE_CONNECTOR_CARRIERS; undefined: no restriction. */
export function servedCarriers(settings: ConnectorSettings): ReadonlySet<string> | undefined {
  const names = settings.carriers.split(",").map((name) => name.trim());
  const given = names.filter((name) => name !== "");
  return given.length === 0 ? undefined : new Set(given);
}
