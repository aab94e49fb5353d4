/** Heap: how far it may grow before V8 looks through it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { growthPercent } from "../../../core/heap.js";

const heap = suite("heap");
const MB = 1_024 * 1_024;

heap("lets small heaps grow by a sum, large ones by a part of themselves", () => {
  assert.is(growthPercent(32 * MB), 400);
  assert.is(growthPercent(64 * MB), 200);
  assert.is(growthPercent(2_000 * MB), 100);
});

heap("has a bound for heaps that are next to nothing", () => {
  assert.is(growthPercent(1 * MB), 1_000);
  assert.is(growthPercent(0), 1_000);
});

heap.run();
