/** Settings of the dispatch service. */
import { availableParallelism } from "node:os";
import { integer, type SettingsTable } from "../../core/settings.js";

export const DISPATCH_SETTINGS = {
  threads: integer(
    "FLOE_DISPATCH_THREADS",
    { min: 1, max: 256, default: Math.max(1, availableParallelism() - 1) },
    "Threads that route and rate.",
  ),
  leaseSeconds: integer(
    "FLOE_DISPATCH_LEASE_SECONDS",
    { min: 2, max: 120, default: 6 },
    "How long a partition stays without an owner after its process was killed.",
  ),
  reservationsMax: integer(
    "FLOE_DISPATCH_RESERVATIONS_MAX",
    { min: 1_000, max: 100_000_000, default: 16_000_000 },
    "Messages of one partition whose money is not settled, 40 bytes each; no more are taken then.",
  ),
  keysMax: integer(
    "FLOE_DISPATCH_KEYS_MAX",
    { min: 1_000, max: 500_000_000, default: 32_000_000 },
    "Idempotency keys of one partition in 24 hours, 36 bytes each; further ones are refused.",
  ),
  accountKeysMax: integer(
    "FLOE_DISPATCH_ACCOUNT_KEYS_MAX",
    { min: 1_000, max: 500_000_000, default: 16_000_000 },
    "Idempotency keys of one account in 24 hours; further ones are refused.",
  ),
} satisfies SettingsTable;
