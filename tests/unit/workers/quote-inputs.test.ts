/** Quote inputs: what KV says of carriers, as a task carries it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import { SILENT } from "../../../core/log.js";
import { encodeRouteInput, healthKey, QUALITY_KEY } from "../../../core/route-inputs.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import { BUCKETS } from "../../../core/subjects.js";
import { openQuoteInputs, taskInputs } from "../../../workers/quote-inputs.js";
import { HEALTH } from "../../../workers/task.js";

const inputs = suite("quote inputs");

async function open() {
  const memory = openMemory({ clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS });
  const client = memory.connect("test");
  const health = await client.bucket(BUCKETS.health, { keyTtl: true });
  const config = await client.bucket(BUCKETS.config);
  const say = (carrier: string, process: string, state: "up" | "degraded" | "down") =>
    health.put(healthKey(carrier, process), encodeRouteInput({ state, sinceMs: 1 }));
  return { reader: openQuoteInputs(health, config, SILENT), health, config, say };
}

inputs("take the best word of a carrier's processes, and none for well", async () => {
  const { reader, say } = await open();
  await say("alpha", "one", "down");
  await say("alpha", "two", "degraded");
  await say("beta", "one", "down");
  await say("gamma", "one", "up");
  const { health } = await reader.read(1_000);
  assert.equal(health, { alpha: HEALTH.degraded, beta: HEALTH.down, gamma: HEALTH.well });
  const arrays = taskInputs({ health, quality: [] }, ["beta", "alpha", "delta"], []);
  assert.equal([...arrays.health], [HEALTH.down, HEALTH.degraded, HEALTH.well]);
});

inputs("give a country's quality, else the carrier's, else say that it is not known", () => {
  const quality = [
    { carrier: "alpha", country: "", deliveredRate: 9_000, p95Ms: 4_000 },
    { carrier: "alpha", country: "GB", deliveredRate: 9_900, p95Ms: 1_000 },
  ];
  const arrays = taskInputs({ health: {}, quality }, ["alpha", "beta"], ["FR", "GB"]);
  assert.equal([...arrays.quality], [9_000, 4_000, 9_900, 1_000, -1, 0, -1, 0]);
});

inputs("are read once a second at most, and again after a failure", async () => {
  const { reader, say, config } = await open();
  assert.equal((await reader.read(1_000)).health, {});
  await say("alpha", "one", "down");
  const rows = [{ carrier: "alpha", country: "", deliveredRate: 1, p95Ms: 2 }];
  await config.put(QUALITY_KEY, encodeRouteInput({ atMs: 1, rows }));
  assert.equal((await reader.read(1_999)).health, {});
  assert.equal(await reader.read(2_000), { health: { alpha: HEALTH.down }, quality: rows });
});

inputs("leave out what cannot be read", async () => {
  const { reader, say, health, config } = await open();
  await say("alpha", "one", "down");
  await health.put(healthKey("beta", "one"), Buffer.from("{}"));
  await config.put(QUALITY_KEY, Buffer.from("no"));
  assert.equal(await reader.read(1), { health: { alpha: HEALTH.down }, quality: [] });
});

inputs.run();
