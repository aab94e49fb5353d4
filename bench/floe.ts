/**
 * Starts our system as a side of the bench: everything that `npm start` starts, in a folder that
 * goes with it unless the caller names one, with two simulated carriers that answer at once and
 * count what comes twice.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openClickHouse } from "../core/clickhouse.js";
import { SYSTEM_CLOCK } from "../core/clock.js";
import { STREAMS } from "../core/subjects.js";
import { type CarrierSimOptions, type LocalSystem, startLocal } from "../deploy/local/local.js";
import { splitUrl } from "../services/cli/local-system.js";
import { openCdrs } from "./cdrs.js";
import { metricsOf } from "./metrics-text.js";
import type { ProfileFolder } from "./profile-folder.js";
import type { Counts, Side } from "./side.js";
import { difference, openStreamCounts } from "./stream-counts.js";

/** As many unanswered submits as the bare connector lets itself have. */
const WINDOW = 2_000;
const CARRIERS: readonly CarrierSimOptions[] = ["alpha", "beta"].map((name) => ({
  name,
  args: ["--track"],
  window: WINDOW,
}));

export interface FloeOptions {
  readonly accounts: number;
  /** "" for a temporary folder. */
  readonly home: string;
}

/** @throws FloeError "local.failed" with what the user can do. */
export async function startFloe(
  { accounts, home }: FloeOptions,
  profile?: ProfileFolder,
): Promise<Side> {
  const folder = home === "" ? mkdtempSync(join(tmpdir(), "floe-bench-")) : home;
  const removeFolder = (): void => {
    if (home === "") rmSync(folder, { recursive: true, force: true });
  };
  try {
    const system = await startLocal({
      home: folder,
      accounts,
      carriers: CARRIERS,
      roleOutput: "file",
      tell: () => {},
      ...(profile === undefined ? {} : { nodeArgs: (role) => profile.nodeArgs("floe", role) }),
    });
    try {
      return await openSide(system, removeFolder);
    } catch (error) {
      await system.stop();
      throw error;
    }
  } catch (error) {
    removeFolder();
    throw error;
  }
}

async function openSide(system: LocalSystem, removeFolder: () => void): Promise<Side> {
  const names = STREAMS.map(({ name }) => name);
  const streams = await openStreamCounts(system.local.nats, names);
  const { url, user, password } = splitUrl(system.local.clickhouse);
  const clickhouse = openClickHouse({ url, user, password, database: "floe" });
  const cdrs = openCdrs(clickhouse);
  let before = { sinceMs: 0, frames: {} as Counts, records: {} as Counts, duplicates: 0 };

  return {
    name: "floe",
    target: {
      kind: "floe",
      grpc: system.local.grpc,
      apiKeys: system.accounts.map(({ apiKey }) => apiKey),
    },
    processes: system.processes,
    async begin() {
      before = {
        sinceMs: SYSTEM_CLOCK.nowMs(),
        frames: await streams.lastSequences(),
        records: await recordsOut(system),
        duplicates: await duplicatesOf(system),
      };
    },
    frames: async () => difference(await streams.lastSequences(), before.frames),
    backlog: () => streams.backlog(),
    async outcome() {
      const outcome = await cdrs.outcome(before.sinceMs);
      const duplicates = await duplicatesOf(system);
      return { ...outcome, duplicateSubmits: duplicates - before.duplicates };
    },
    async details() {
      const records = difference(await recordsOut(system), before.records);
      return { records, ...(await cdrs.journeys(before.sinceMs)) };
    },
    async stop() {
      await streams.close();
      await clickhouse.close();
      await system.stop();
      removeFolder();
    },
  };
}

/** Messages that a simulated carrier took more than once, since it started. */
async function duplicatesOf({ carriers }: LocalSystem): Promise<number> {
  let duplicates = 0;
  for (const { control } of carriers) {
    const answer = await fetch(`http://127.0.0.1:${control}/stats`);
    duplicates += ((await answer.json()) as { duplicates: number }).duplicates;
  }
  return duplicates;
}

/** Records that the roles have published, by stream, as their metrics count them. */
async function recordsOut({ local }: LocalSystem): Promise<Counts> {
  const counts: Record<string, number> = {};
  for (const url of Object.values(local.metrics)) {
    const text = await (await fetch(url)).text();
    for (const { labels, value } of metricsOf(text, "floe_records_total")) {
      if (labels["direction"] !== "out") continue;
      const stream = labels["stream"] ?? "";
      counts[stream] = (counts[stream] ?? 0) + value;
    }
  }
  return counts;
}
