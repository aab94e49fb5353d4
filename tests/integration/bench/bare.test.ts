/** Integration test of the bare pipeline: the yardstick must itself do what it is measured by. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startBare } from "../../../bench/bare/start.js";
import { duplicatedOf, lostOf } from "../../../bench/figures.js";
import { runRound } from "../../../bench/round.js";

const bare = suite("bare pipeline");

bare("brings every message to its receipt, and the round says what it cost", async () => {
  const side = await startBare();
  try {
    const spec = { messages: 1_000, batch: 50, calls: 4, rate: 0, stamp: false };
    const round = await runRound(side, spec, "bare");
    assert.is(round.load.accepted, 1_000);
    assert.is(lostOf(round), 0);
    assert.is(duplicatedOf(round), 0);
    assert.is(round.outcome.withReceipt, 1_000);
    assert.ok(round.frames["REQ"]! > 0 && round.frames["EVT"]! > 0);
    const roles = ["nats-server", "smsc", "gateway", "router", "connector", "cdr"];
    assert.equal(Object.keys(round.cpuMicros), roles);
  } finally {
    await side.stop();
  }
});

bare.run();
