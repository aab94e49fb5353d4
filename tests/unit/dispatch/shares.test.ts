/** Shares: who has much waiting at a carrier goes to a slot of its own, and comes back. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openShares } from "../../../services/dispatch/shares.js";

const test = suite("shares");
const unlimited = (): number => Number.POSITIVE_INFINITY;

test("moves a flood out of everybody's slot at 250 waiting, and back at half of that", () => {
  const shares = openShares(unlimited);
  const alpha = shares.carrier("alpha");
  const slots = Array.from({ length: 251 }, () => shares.sent(7, alpha));
  assert.is(
    slots.findIndex((slot) => slot !== 0),
    250,
  );
  const [slot] = slots.slice(-1);
  assert.ok(slot! >= 1 && slot! <= 3);
  assert.is(shares.sent(8, alpha), 0, "others stay");
  assert.is(shares.sent(7, shares.carrier("beta")), 0, "elsewhere it is as others are");
  for (let left = 251; left > 125; left -= 1) shares.ended(7, alpha);
  assert.is(shares.sent(7, alpha), slot);
  shares.ended(7, alpha);
  shares.ended(7, alpha);
  assert.is(shares.sent(7, alpha), 0);
});

test("counts a slow carrier's flood by a quarter of a second of its rate", () => {
  const shares = openShares(() => 100);
  const alpha = shares.carrier("alpha");
  const slots = Array.from({ length: 26 }, () => shares.sent(7, alpha));
  assert.is(
    slots.findIndex((slot) => slot !== 0),
    25,
  );
});

test("never counts below nothing, and forgets who has nothing waiting", () => {
  const shares = openShares(unlimited);
  const alpha = shares.carrier("alpha");
  shares.ended(7, alpha);
  assert.is(shares.waiting(7, alpha), 0);
  for (let account = 1; account <= 100_000; account += 1) {
    shares.sent(account, alpha);
    shares.ended(account, alpha);
  }
  shares.sent(7, alpha);
  assert.is(shares.waiting(7, alpha), 1);
});

test("leaves everybody in slot 0 when there are too many to count", () => {
  const shares = openShares(unlimited);
  const alpha = shares.carrier("alpha");
  for (let account = 1; account <= 40_000; account += 1) assert.is(shares.sent(account, alpha), 0);
  for (let more = 0; more < 1_000; more += 1) assert.is(shares.sent(39_999, alpha), 0);
});

test("counts as a map would, whatever comes and ends", () => {
  const event = fc.record({
    account: fc.integer({ min: 1, max: 12 }).map((one) => one * 65_536),
    carrier: fc.integer({ min: 0, max: 3 }),
    sent: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 400 }), (events) => {
      const shares = openShares(unlimited);
      const numbers = ["a", "b", "c", "d"].map((name) => shares.carrier(name));
      const known = new Map<string, number>();
      for (const { account, carrier, sent } of events) {
        const key = `${account} ${carrier}`;
        const count = known.get(key) ?? 0;
        if (sent) shares.sent(account, numbers[carrier]!);
        else shares.ended(account, numbers[carrier]!);
        known.set(key, sent ? count + 1 : Math.max(0, count - 1));
      }
      for (const [key, count] of known) {
        const [account, carrier] = key.split(" ").map(Number);
        assert.is(shares.waiting(account!, numbers[carrier!]!), count);
      }
    }),
  );
});

test.run();
