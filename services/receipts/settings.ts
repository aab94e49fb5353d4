/** Settings of the receipts role: its table. */
import type { Settings, SettingsTable } from "../../core/settings.js";
import { integer } from "../../core/settings.js";

export const RECEIPTS_SETTINGS = {
  outstandingFrames: integer(
    "FLOE_RECEIPTS_OUTSTANDING_FRAMES",
    { min: 1, max: 2_000, default: 256 },
    "Frames of receipts that may be in work at a time.",
  ),
  orphansMs: integer(
    "FLOE_RECEIPTS_ORPHANS_MS",
    { min: 100, max: 3_600_000, default: 30_000 },
    "Between two looks for the messages of receipts that could not be placed.",
  ),
  mergeMs: integer(
    "FLOE_RECEIPTS_MERGE_MS",
    { min: 10, max: 60_000, default: 1_000 },
    "Between two looks whether ClickHouse shows what was recorded of a long message's parts.",
  ),
  partsWaitMs: integer(
    "FLOE_RECEIPTS_PARTS_WAIT_MS",
    { min: 100, max: 3_600_000, default: 300_000 },
    "How long the parts of a message from a phone are waited for; then it is kept without the rest.",
  ),
  leaseSeconds: integer(
    "FLOE_RECEIPTS_LEASE_SECONDS",
    { min: 1, max: 60, default: 10 },
    "Life of the leases under which one process puts messages from phones together and looks after orphans.",
  ),
} satisfies SettingsTable;
export type ReceiptsSettings = Settings<typeof RECEIPTS_SETTINGS>;
