/** Unit tests of the window: who gets a place. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openWindow } from "../../../services/dispatch/window.js";

const window = suite("dispatch window");

window("gives a place to who has waited longest, whenever it asked", async () => {
  const places = openWindow(1);
  await places.enter(0);
  const order: number[] = [];
  const entered = [30, 10, 20, 10].map((sinceMs, index) =>
    places.enter(sinceMs).then(() => void order.push(index)),
  );
  for (const _ of entered) {
    places.leave();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(entered);
  assert.equal(order, [1, 3, 2, 0]);
});

window("has as many places as it was given", async () => {
  const places = openWindow(2);
  await places.enter(0);
  await places.enter(0);
  let third = false;
  const waiting = places.enter(0).then(() => {
    third = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(third, false);
  places.leave();
  await waiting;
  places.leave();
  places.leave();
  assert.throws(() => places.leave());
});

window.run();
