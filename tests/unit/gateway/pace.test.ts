/** Unit tests of the pace of accounts: bucket, burst, debt, shares, and what callers are told. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newPace, setPace, takePace, tooFast } from "../../../services/gateway/pace.js";

const pace = suite("pace of accounts");

pace("lets everything through where there is no limit", () => {
  const one = newPace();
  for (let call = 0; call < 10; call += 1) assert.is(takePace(one, 1_000, 1, 0), 0);
});

pace("lets a burst through at once, and then the rate", () => {
  const one = newPace();
  setPace(one, 10, 20);
  assert.is(takePace(one, 20, 1, 1_000), 0);
  assert.is(takePace(one, 1, 1, 1_000), 100);
  assert.is(takePace(one, 1, 1, 1_099), 1);
  assert.is(takePace(one, 1, 1, 1_100), 0);
  assert.is(takePace(one, 5, 1, 1_100), 500);
  assert.is(takePace(one, 5, 1, 1_600), 0);
});

pace("takes all messages of a call or none, and more than the burst in debt", () => {
  const one = newPace();
  setPace(one, 10, 20);
  assert.is(takePace(one, 15, 1, 0), 0);
  assert.is(takePace(one, 15, 1, 0), 1_000);
  assert.is(takePace(one, 5, 1, 0), 0);
  // Full after two seconds: sixty are taken, and forty are owed.
  assert.is(takePace(one, 60, 1, 2_000), 0);
  assert.is(takePace(one, 1, 1, 2_000), 4_100);
});

pace("divides rate and burst among gateways", () => {
  const one = newPace();
  setPace(one, 40, 40);
  let taken = 0;
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 10) {
    if (takePace(one, 1, 4, nowMs) === 0) taken += 1;
  }
  assert.is(taken, 10 + 100);
});

pace("keeps what is owed when the terms change", () => {
  const one = newPace();
  setPace(one, 10, 10);
  assert.is(takePace(one, 10, 1, 0), 0);
  setPace(one, 100, 100);
  assert.is(takePace(one, 1, 1, 0), 10);
  setPace(one, 0, 0);
  assert.is(takePace(one, 1_000, 1, 0), 0);
});

pace("tells callers when to come back, a minute at most", () => {
  assert.is(tooFast(120), tooFast(101));
  assert.is(tooFast(10_000_000), tooFast(60_000));
  assert.is.not(tooFast(120), tooFast(160));
});

pace.run();
