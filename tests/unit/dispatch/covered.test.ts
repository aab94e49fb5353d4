/** Unit tests of what is known of decided request frames. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openCovered } from "../../../services/dispatch/covered.js";

const covered = suite("dispatch covered frames");
const T = 1_700_000_000_000;
const MINUTE = 60_000;

covered("knows a decided frame by its sequence, in whatever order they came", () => {
  const lane = openCovered();
  for (const sequence of [7, 3, 12]) lane.add(sequence, `id-${sequence}`, 100 + sequence, T, T);
  assert.is(lane.look(3, "id-3", T).decision, 103);
  assert.is(lane.look(12, "id-12", T).decision, 112);
  assert.is(lane.look(5, "id-5", T).decision, undefined);
  assert.equal(lane.sequences(), [3, 7, 12]);
});

covered("forgets what is below the floor, and takes it for decided all the same", () => {
  const lane = openCovered();
  for (const sequence of [3, 7, 12]) lane.add(sequence, `id-${sequence}`, 100 + sequence, T, T);
  lane.raiseFloor(8, T);
  assert.equal(lane.sequences(), [12]);
  assert.is(lane.look(5, "other", T - 1).decision, 0);
  lane.raiseFloor(4, T);
  assert.is(lane.floor(), 7);
});

covered("knows a frame under a new sequence by its id, for ten minutes of the lane's time", () => {
  const lane = openCovered();
  lane.add(3, "twice", 100, T, T);
  lane.add(4, "later", 101, T + 9 * MINUTE, T + 9 * MINUTE);
  assert.is(lane.look(50, "twice", T + 9 * MINUTE).decision, 0);
  for (let minute = 10; minute < 40; minute += 1) {
    lane.add(100 + minute, `id-${minute}`, 100 + minute, T + minute * MINUTE, T);
  }
  assert.is(lane.look(50, "twice", T).decision, undefined);
  assert.is(lane.look(50, "id-39", T).decision, 0);
  assert.is(lane.look(50, "id-30", T).decision, 0);
});

covered("takes a frame for new where the stream was made anew", () => {
  const lane = openCovered();
  lane.add(3, "old", 100, T, T);
  assert.equal(lane.look(3, "new", T), { decision: undefined, reborn: true });
  lane.raiseFloor(10, T);
  assert.equal(lane.look(5, "new", T + 1), { decision: undefined, reborn: true });
});

covered.run();
