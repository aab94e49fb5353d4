/** Which table sets are kept to go back to. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { TableSetConfig } from "../../../core/configuration.js";
import { staleSets } from "../../../services/admin/tables/sweep.js";

const sweeping = suite("old table sets");
const DAY_MS = 24 * 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 24);

function set(version: number, builtDaysAgo: number, more: Partial<TableSetConfig> = {}) {
  return {
    ...{ version, object: `tables-${version}`, hash: "", bytes: 1_000, made: {}, buildMs: 1 },
    ...{ builtAtMs: NOW_MS - builtDaysAgo * DAY_MS, changedBy: "x", format: 3 },
    through: { entities: version, carriers: 0 },
    ...more,
  } satisfies TableSetConfig;
}

function versions(all: readonly TableSetConfig[], inForce: number, kept = 2): number[] {
  return staleSets(all, inForce, kept, NOW_MS).map(({ version }) => version);
}

sweeping("keep the newest, and all that were in force during the last week", () => {
  // 5 came eight days ago and was in force until 6 came; 4 went nine days ago.
  const all = [set(7, 0), set(6, 3), set(5, 8), set(4, 9), set(3, 10)];
  assert.equal(versions(all, 7, 1), [4, 3]);
  assert.equal(versions(all, 7, 4), [3]);
  const edits = Array.from({ length: 40 }, (_, at) => set(40 - at, at / 10));
  assert.equal(versions(edits, 40), []);
});

sweeping("go by when another was put in the place of one", () => {
  const all = [set(4, 20), set(3, 30), set(2, 40, { leftAtMs: NOW_MS - DAY_MS }), set(1, 50)];
  assert.equal(versions(all, 4), [1]);
  assert.equal(versions(all, 1), []);
});

sweeping("never go beyond a gibibyte, but for the one in force; the last used stay", () => {
  const bytes = 400 * 1_024 ** 2;
  const all = [6, 5, 4, 3, 2].map((version, at) => set(version, at, { bytes }));
  assert.equal(versions(all, 6, 10), [3, 2]);
  const huge = { bytes: 3 * 1_024 ** 3 };
  assert.equal(versions([set(2, 0, huge), set(1, 1, huge)], 2, 10), [1]);
});

sweeping.run();
