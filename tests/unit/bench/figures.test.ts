/** Unit tests of the figures: medians, and what counts as lost or duplicated. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { duplicatedOf, figuresOf, lostOf, median } from "../../../bench/figures.js";
import { jsonOf, ratiosOf } from "../../../bench/report.js";
import type { Round } from "../../../bench/round.js";

const figures = suite("bench figures");
const NONE = { count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };

function round(changes: {
  side?: Round["side"];
  accepted?: number;
  seconds?: number;
  cpuMicros?: number;
  errors?: Round["load"]["errors"];
  outcome?: Partial<Round["outcome"]>;
}): Round {
  const { side = "floe", accepted = 1_000, seconds = 1, cpuMicros = 30_000 } = changes;
  return {
    side,
    load: {
      accepted,
      idsChecksum: "aa",
      errors: changes.errors ?? {},
      retriedCalls: 0,
      beganAtMs: 0,
      endedAtMs: 500,
      acceptMicros: NONE,
      callMicros: NONE,
    },
    outcome: {
      terminal: accepted,
      withReceipt: accepted,
      duplicateRows: 0,
      duplicateSubmits: 0,
      idsChecksum: "aa",
      byState: { DELIVERED: accepted },
      ...changes.outcome,
    },
    details: { records: { REQUESTS: accepted } },
    frames: { REQUESTS: 10 },
    seconds,
    cpuMicros: { gateway: cpuMicros },
    loadCpuMicros: 2_000,
    usage: [],
    threadMicros: {},
    window: { fromMicros: 0, toMicros: 1 },
  };
}

figures("take the middle of the rounds", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
  const rounds = [20_000, 90_000, 30_000].map((cpuMicros) => round({ cpuMicros }));
  const { cpuMicrosPerMessage, messagesPerFrame, recordsPerFrame } = figuresOf(rounds);
  assert.is(cpuMicrosPerMessage.all, 30);
  assert.equal(cpuMicrosPerMessage.byProcess, { gateway: 30 });
  assert.equal(messagesPerFrame, { REQUESTS: 100 });
  assert.equal(recordsPerFrame, { REQUESTS: 100 });
});

figures("call lost what was accepted and has no final state", () => {
  assert.is(lostOf(round({})), 0);
  assert.is(lostOf(round({ outcome: { terminal: 990 } })), 10);
});

figures("see by the checksum that another message took a lost one's place", () => {
  assert.is(lostOf(round({ outcome: { idsChecksum: "bb" } })), 1);
  const unknown = { errors: { UNAVAILABLE: 100 }, outcome: { idsChecksum: "bb" } };
  assert.is(lostOf(round(unknown)), 0, "with calls of unknown outcome the sets may differ");
});

figures("call duplicated what the carriers or the rows had twice", () => {
  assert.is(duplicatedOf(round({ outcome: { duplicateRows: 2, duplicateSubmits: 3 } })), 5);
});

figures("give ratios that are better when they are higher", () => {
  const floe = figuresOf([round({ seconds: 2, cpuMicros: 40_000 })]);
  const bare = figuresOf([round({ side: "bare", seconds: 1, cpuMicros: 30_000 })]);
  assert.equal(ratiosOf({ floe, bare }), { ratio: 0.5, cpuRatio: 0.75 });
  assert.is(ratiosOf({ floe, bare: undefined }), undefined);
});

figures("stand at the top of the JSON under the names that programs look for", () => {
  const [one, other] = [round({}), round({ side: "bare" })];
  const machine = { cores: 2, processor: "", memoryBytes: 0, node: "v20", natsServer: "2.15.1" };
  const told = { scenario: "pipeline" as const, commandLine: "", machine, options: {} };
  const sides = { floe: figuresOf([one]), bare: figuresOf([other]), rounds: [one, other] };
  const json = JSON.parse(jsonOf({ ...told, ...sides })) as Record<string, unknown>;
  const { acceptedPerSecond, endToEndPerSecond, lost, duplicated, ratio, cpuRatio } = json;
  assert.equal([acceptedPerSecond, endToEndPerSecond, lost, duplicated], [2_000, 1_000, 0, 0]);
  assert.equal([ratio, cpuRatio], [1, 1]);
  assert.equal(json["cpuMicrosPerMessage"], { all: 30, byProcess: { gateway: 30 } });
  assert.equal(json["messagesPerFrame"], { REQUESTS: 100 });
});

figures.run();
