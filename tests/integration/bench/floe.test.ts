/** Integration test of our side of the bench: the whole system, started, loaded, measured, gone. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { duplicatedOf, lostOf } from "../../../bench/figures.js";
import { startFloe } from "../../../bench/floe.js";
import { runRound } from "../../../bench/round.js";

const floe = suite("bench of the whole system");

floe("finds every accepted message in its CDR, by its id, with its times and frames", async () => {
  const side = await startFloe({ accounts: 5, home: "" });
  try {
    const spec = { messages: 400, batch: 20, calls: 4, rate: 2_000, stamp: true };
    const round = await runRound(side, spec, "floe");
    assert.equal(round.load.errors, {});
    assert.is(round.load.accepted, 400);
    assert.is(round.outcome.idsChecksum, round.load.idsChecksum);
    assert.is(lostOf(round), 0);
    assert.is(duplicatedOf(round), 0);
    assert.is(round.outcome.withReceipt, 400);
    assert.is(round.details.submitMicros?.count, 400);
    assert.is(round.details.receiptMicros?.count, 400);
    assert.is(round.details.records["REQUESTS"], 400);
    assert.is(round.details.records["DISPATCH"], 400);
    assert.ok(round.frames["DECISIONS"]! > 0 && round.frames["ATTEMPTS"]! > 0);
    for (const role of ["nats", "clickhouse", "gateway", "dispatch", "connector", "cdr"]) {
      assert.ok(role in round.cpuMicros, role);
    }
  } finally {
    await side.stop();
  }
});

floe.run();
