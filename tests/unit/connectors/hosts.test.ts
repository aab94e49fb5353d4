/** Which of a carrier's hosts is tried when, on a clock that stands in the arguments. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BACK_AFTER_MS, newHosts } from "../../../services/connectors/smpp/hosts.js";

const hosts = suite("connectors: hosts");

const ALL = ["one", "two", "three"].map((host) => ({ host, port: 2775 }));
const [ONE, TWO, THREE] = ALL as [(typeof ALL)[0], (typeof ALL)[0], (typeof ALL)[0]];
const three = () => newHosts(ALL, () => 1);

/** Chooses, waits as told, and says which host it is and when. */
function next(of: ReturnType<typeof newHosts>, nowMs: number): [string, number] {
  const waitMs = of.next(nowMs);
  return [of.current().host, nowMs + waitMs];
}

hosts("one host alone is tried again and again, ever later", () => {
  const alone = newHosts([ONE], () => 1);
  let nowMs = 0;
  const waits: number[] = [];
  for (let index = 0; index < 5; index += 1) {
    waits.push(alone.next(nowMs));
    nowMs += waits.at(-1)!;
    alone.ended(0, nowMs);
  }
  assert.equal(waits, [0, 250, 500, 1_000, 2_000]);
  assert.equal(alone.before(), []);
});

hosts("are tried in their order, at once, each again only after a back-off of its own", () => {
  const all = three();
  const tried: [string, number][] = [];
  let nowMs = 0;
  for (let index = 0; index < 9; index += 1) {
    const [host, atMs] = next(all, nowMs);
    tried.push([host, atMs]);
    nowMs = atMs;
    all.ended(0, nowMs);
  }
  assert.equal(tried.slice(0, 4), [
    ["one", 0],
    ["two", 0],
    ["three", 0],
    ["one", 250],
  ]);
  // Nothing is tried more often than its back-off says.
  for (const { host } of ALL) {
    const times = tried.filter(([name]) => name === host).map(([, atMs]) => atMs);
    assert.equal(times, [0, 250, 750], host);
  }
});

hosts("a session that was there for long and is cut comes back to its host first", () => {
  const all = three();
  assert.equal(next(all, 0), ["one", 0]);
  all.bound(0);
  all.ended(60_000, 60_000);
  assert.equal(next(all, 60_000), ["one", 60_250]);
  // It is not there any more: the next one, at once.
  all.ended(0, 60_250);
  assert.equal(next(all, 60_250), ["two", 60_250]);
});

hosts("one that is bound and dropped at once counts as one that cannot be bound", () => {
  const all = three();
  next(all, 0);
  all.bound(100);
  all.ended(50, 150);
  assert.equal(next(all, 150), ["two", 150]);
});

hosts("a wrong password at one is no back-off for another, and a long one there", () => {
  const all = three();
  next(all, 0);
  all.refused(0x0e);
  all.ended(0, 0);
  assert.equal(next(all, 0), ["two", 0]);
  all.failedLastingly();
  all.ended(0, 0);
  assert.equal(next(all, 0), ["three", 0]);
  all.refused(0x05);
  all.ended(0, 0);
  // "Already bound" is over first.
  assert.equal(next(all, 0), ["three", 5_000]);
  all.ended(0, 5_000);
  assert.equal(next(all, 5_000), ["one", 10_000]);
});

/** Bound at the second host since `nowMs`. */
function atSecond(nowMs: number): ReturnType<typeof newHosts> {
  const all = three();
  next(all, nowMs);
  all.ended(0, nowMs);
  next(all, nowMs);
  all.bound(nowMs);
  return all;
}

hosts("goes back to a host that was good at every probe for a minute, not sooner", () => {
  const all = atSecond(0);
  assert.equal(all.before(), [ONE]);
  assert.not.ok(all.probed(ONE, true, 1_000));
  assert.not.ok(all.probed(ONE, true, 1_000 + BACK_AFTER_MS - 1));
  assert.not.ok(all.probed(ONE, false, 1_000 + BACK_AFTER_MS));
  assert.not.ok(all.probed(ONE, true, 2_000 + BACK_AFTER_MS));
  assert.not.ok(all.probed(ONE, true, 1_999 + 2 * BACK_AFTER_MS));
  assert.ok(all.probed(ONE, true, 2_000 + 2 * BACK_AFTER_MS));
  all.moved(ONE);
  assert.equal(next(all, 200_000), ["one", 200_000]);
});

hosts(
  "a host that it went back to and that did not keep it: the other at once, and ever later back",
  () => {
    const all = atSecond(0);
    let nowMs = 0;
    const stays: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const sinceMs = nowMs;
      while (!all.probed(ONE, true, nowMs)) nowMs += 1_000;
      stays.push(nowMs - sinceMs);
      all.moved(ONE);
      assert.equal(next(all, nowMs), ["one", nowMs]);
      all.ended(0, nowMs);
      assert.equal(next(all, nowMs), ["two", nowMs], "it was left in good order");
      all.bound(nowMs);
    }
    assert.equal(
      stays,
      [1, 2, 4, 8].map((times) => times * BACK_AFTER_MS),
    );
    // It stays now: the next time is as the first.
    while (!all.probed(ONE, true, nowMs)) nowMs += 1_000;
    all.moved(ONE);
    next(all, nowMs);
    all.bound(nowMs);
    nowMs += 3_600_000;
    all.ended(3_600_000, nowMs);
    next(all, nowMs);
    all.ended(0, nowMs);
    assert.equal(next(all, nowMs), ["two", nowMs]);
    all.bound(nowMs);
    const sinceMs = nowMs;
    while (!all.probed(ONE, true, nowMs)) nowMs += 1_000;
    assert.is(nowMs - sinceMs, BACK_AFTER_MS);
  },
);

hosts("from the third, either of those before may be gone back to", () => {
  const all = three();
  for (const _ of [ONE, TWO]) {
    next(all, 0);
    all.ended(0, 0);
  }
  assert.equal(next(all, 0), ["three", 0]);
  all.bound(0);
  assert.equal(all.before(), [ONE, TWO]);
  all.probed(TWO, true, 0);
  assert.ok(all.probed(TWO, true, BACK_AFTER_MS));
  all.moved(TWO);
  assert.equal(next(all, BACK_AFTER_MS), ["two", BACK_AFTER_MS]);
  assert.equal(all.before(), [ONE]);
  assert.is(all.current(), TWO);
  assert.is.not(all.current(), THREE);
});

hosts.run();
