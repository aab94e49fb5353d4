/** Settings of cdr: its table. */
import type { Settings, SettingsTable } from "../../core/settings.js";
import { choice, integer } from "../../core/settings.js";

export const CDR_SETTINGS = {
  flushMs: integer(
    "FLOE_CDR_FLUSH_MS",
    { min: 10, max: 10_000, default: 1_000 },
    "How long a record may wait in memory for the others of its message.",
  ),
  flushMsMax: integer(
    "FLOE_CDR_FLUSH_MS_MAX",
    { min: 10, max: 10_000, default: 3_000 },
    "The same while records keep coming: fewer inserts, and more messages complete in one row.",
  ),
  flushRows: integer(
    "FLOE_CDR_FLUSH_ROWS",
    { min: 1, max: 64_000, default: 50_000 },
    "Messages in memory that make a flush before its time.",
  ),
  outstandingFrames: integer(
    "FLOE_CDR_OUTSTANDING_FRAMES",
    { min: 2, max: 8_000, default: 2_000 },
    "Frames of one stream that may be unacked: what waits while ClickHouse is away.",
  ),
  receiptWaitMs: integer(
    "FLOE_CDR_RECEIPT_WAIT_MS",
    { min: 0, max: 604_800_000, default: 600_000 },
    "How long after a message's validity the sweep closes it without a receipt.",
  ),
  sweepMs: integer(
    "FLOE_CDR_SWEEP_MS",
    { min: 100, max: 3_600_000, default: 10_000 },
    "Between two looks for messages whose deadline has passed; long looks are followed by longer pauses.",
  ),
  rollupMs: integer(
    "FLOE_CDR_ROLLUP_MS",
    { min: 100, max: 3_600_000, default: 10_000 },
    "Between two computations of the hours that changed.",
  ),
  qualityMs: integer(
    "FLOE_CDR_QUALITY_MS",
    { min: 100, max: 3_600_000, default: 60_000 },
    "Between two looks at how well carriers deliver, which routing by quality goes by.",
  ),
  replicated: choice(
    "FLOE_CDR_REPLICATED",
    ["off", "on"],
    "Whether tables are made with replicated engines, for a ClickHouse cluster with Keeper.",
  ),
} satisfies SettingsTable;
export type CdrSettings = Settings<typeof CDR_SETTINGS>;
