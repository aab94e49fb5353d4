/** How the word of connectors about carriers, and what was learned of them, reaches routing. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SILENT } from "../../../core/log.js";
import { encodeRouteInput, QUALITY_KEY } from "../../../core/route-inputs.js";
import { BUCKETS } from "../../../core/subjects.js";
import { openHealth } from "../../../services/connectors/health.js";
import { watchInputs } from "../../../services/dispatch/inputs.js";
import { HEALTH } from "../../../workers/task.js";
import { type Ground, withMemory } from "../core/stream/with-memory.js";

const inputs = suite("route inputs");
const CARRIERS = ["alpha", "beta"];
const COUNTRIES = ["GB", "FR"];

async function open({ clock, server, run }: Ground) {
  const client = server.connect("dispatch");
  const health = await run(client.bucket(BUCKETS.health, { keyTtl: true }));
  const config = await run(client.bucket(BUCKETS.config));
  const watched = await run(watchInputs({ health, config, clock, log: SILENT }));
  const connect = (processId: string) => {
    const process = { state: "up" as "up" | "down" | undefined, dead: () => {} };
    const own = clock.fork();
    const other = server.connect(processId, own);
    process.dead = () => {
      other.kill();
      own.stop();
    };
    const bucket = run(other.bucket(BUCKETS.health, { keyTtl: true }));
    return bucket.then((its) => {
      const state = () => process.state;
      const told = openHealth({
        ...{ bucket: its, clock: own, log: SILENT, carrier: "alpha", processId },
        state,
      });
      return Object.assign(process, { stop: () => run(told.stop()) });
    });
  };
  const healthOf = (): number => watched.of(CARRIERS, COUNTRIES).health[0]!;
  return { clock, config, watched, connect, healthOf };
}

inputs("a carrier is down when no process has a session, after a moment; up when one has", () =>
  withMemory(async (ground) => {
    const { clock, watched, connect, healthOf } = await open(ground);
    const one = await connect("one");
    const two = await connect("two");
    await clock.advance(1_000);
    assert.is(healthOf(), HEALTH.well);
    one.state = "down";
    await clock.advance(60_000);
    assert.is(healthOf(), HEALTH.well);
    two.state = "down";
    await clock.advance(2_000);
    assert.is(healthOf(), HEALTH.well, "a reconnect takes no traffic away");
    await clock.advance(3_000);
    assert.is(healthOf(), HEALTH.down);
    assert.is(watched.of(CARRIERS, COUNTRIES).health[1], HEALTH.well, "beta was never heard of");
    two.state = "up";
    await clock.advance(1_000);
    assert.is(healthOf(), HEALTH.well);
  }),
);

inputs("silence: a moment after a hand-over is nothing, half a minute is down", () =>
  withMemory(async (ground) => {
    const { clock, connect, healthOf } = await open(ground);
    const one = await connect("one");
    await clock.advance(1_000);
    await one.stop();
    await clock.advance(10_000);
    assert.is(healthOf(), HEALTH.well);
    await clock.advance(21_000);
    assert.is(healthOf(), HEALTH.down);
    const two = await connect("two");
    await clock.advance(1_000);
    assert.is(healthOf(), HEALTH.well);
    two.dead();
    await clock.advance(90_000);
    assert.is(healthOf(), HEALTH.down, "the word of a dead process fades");
  }),
);

inputs("arrays are those of the tables, made anew when something changed", () =>
  withMemory(async (ground) => {
    const { clock, config, watched } = await open(ground);
    const before = watched.of(CARRIERS, COUNTRIES);
    assert.equal([...before.quality], [-1, 0, -1, 0, -1, 0, -1, 0]);
    assert.is(watched.of(CARRIERS, COUNTRIES), before);
    const row = { carrier: "beta", country: "", deliveredRate: 9_000, p95Ms: 4_000 };
    const rows = [row, { ...row, country: "FR", deliveredRate: 5_000 }];
    await ground.run(config.put(QUALITY_KEY, encodeRouteInput({ atMs: 1, rows })));
    await clock.advance(100);
    const after = watched.of(CARRIERS, COUNTRIES);
    assert.equal([...after.quality], [-1, 0, -1, 0, 9_000, 4_000, 5_000, 4_000]);
    assert.equal([...before.quality], [-1, 0, -1, 0, -1, 0, -1, 0], "a task may still have it");
    await ground.run(config.put(QUALITY_KEY, Buffer.from("{")));
    await clock.advance(100);
    assert.equal(
      [...watched.of(CARRIERS, COUNTRIES).quality].slice(4),
      [9_000, 4_000, 5_000, 4_000],
    );
  }),
);

inputs.run();
