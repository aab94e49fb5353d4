/** Properties of the flat tables: each is a Map (or a sum of bigints), only smaller and faster. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isBalanced, openAccounts } from "../../../services/dispatch/accounts.js";
import {
  KEY_NEW,
  KEY_OTHER,
  KEY_SAME,
  type Keys,
  openKeys,
} from "../../../services/dispatch/keys.js";
import {
  ADJUSTED,
  HELD,
  openReservations,
  RELEASED,
} from "../../../services/dispatch/reservations.js";

const tables = suite("dispatch tables");

/** Few ids, so that they meet; the last octets decide the place, so some share it. */
const id = fc.record({ name: fc.nat(40), crowd: fc.nat(3) }).map(({ name, crowd }) => {
  const bytes = new Uint8Array(16);
  bytes[0] = name;
  bytes[15] = crowd;
  return bytes;
});
const day = fc.integer({ min: 20_000, max: 20_002 });
const price = fc.oneof(fc.nat(1_000_000), fc.maxSafeNat());

tables("hold reservations as a map from id and day does", () => {
  const command = fc.record({
    what: fc.constantFrom("insert", "remove", "release", "adjust", "find"),
    id,
    day,
    price,
    account: fc.nat(5_000_000),
    basis: fc.constantFrom(1, 2),
    currency: fc.nat(127),
  });
  const property = fc.property(fc.array(command, { maxLength: 600 }), (commands) => {
    const table = openReservations();
    const model = new Map<
      string,
      { price: number; status: number; account: number; money: string }
    >();
    for (const one of commands) {
      const name = `${Buffer.from(one.id).toString("hex")}/${one.day}`;
      const known = model.get(name);
      assert.is(table.find(one.id, 0, one.day), known !== undefined);
      if (known === undefined) {
        if (one.what !== "insert") continue;
        table.insert(one.id, 0, one.day, {
          account: one.account,
          priceMicros: one.price,
          chargeBasis: one.basis,
          currency: one.currency,
          expiresAtMs: one.day * 86_400_000 + 60_000,
        });
        const money = `${one.basis}/${one.currency}`;
        model.set(name, { price: one.price, status: HELD, account: one.account, money });
        continue;
      }
      assert.is(table.priceMicros(), known.price);
      assert.is(table.status(), known.status);
      assert.is(table.account(), known.account);
      assert.is(`${table.chargeBasis()}/${table.currency()}`, known.money);
      if (one.what === "remove") {
        table.remove();
        model.delete(name);
      } else if (one.what === "release" || one.what === "adjust") {
        known.status = one.what === "release" ? RELEASED : ADJUSTED;
        table.setStatus(known.status);
      }
    }
    const held = [...model.values()].filter(({ status }) => status === HELD);
    assert.is(table.held(), held.length);
    assert.is(table.count(), model.size);
    let seen = 0;
    table.each(() => {
      seen += 1;
    });
    assert.is(seen, model.size);
  });
  fc.assert(property, { numRuns: 200 });
});

tables("sweep what was released and has ended, and nothing else", () => {
  const entry = fc.record({ id, day, status: fc.constantFrom(HELD, RELEASED, ADJUSTED) });
  const property = fc.property(fc.array(entry, { maxLength: 300 }), (entries) => {
    const table = openReservations();
    const model = new Map<string, { day: number; status: number }>();
    const dayMs = 86_400_000;
    for (const one of entries) {
      const name = `${Buffer.from(one.id).toString("hex")}/${one.day}`;
      if (table.find(one.id, 0, one.day)) continue;
      const expiresAtMs = one.day * dayMs + 120_000;
      const more = { account: 0, priceMicros: 5, chargeBasis: 1, currency: 0, expiresAtMs };
      table.insert(one.id, 0, one.day, more);
      table.find(one.id, 0, one.day);
      table.setStatus(one.status);
      model.set(name, one);
    }
    // All of the first two days have ended, the third has not.
    const dropped = table.sweep(20_002 * dayMs, 1_000_000);
    const left = [...model.values()].filter((one) => one.status === HELD || one.day === 20_002);
    assert.is(table.count(), left.length);
    assert.is(dropped, model.size - left.length);
    for (const [name, one] of model) {
      const stays = one.status === HELD || one.day === 20_002;
      assert.is(table.find(Buffer.from(name.slice(0, 32), "hex"), 0, one.day), stays);
    }
  });
  fc.assert(property, { numRuns: 100 });
});

const HOUR = 3_600;
const START = 500_000 * HOUR;

tables("know an idempotency key for 24 hours either way", () => {
  const command = fc.record({
    tag: fc.nat(30),
    id: fc.nat(3),
    at: fc.integer({ min: START, max: START + 30 * HOUR }),
  });
  const property = fc.property(fc.array(command, { maxLength: 500 }), (commands) => {
    const keys = openKeys(1_000_000);
    const model: { tag: number; id: number; at: number }[] = [];
    for (const one of commands) {
      const near = model.filter(({ tag, at }) => {
        return tag === one.tag && Math.abs(at - one.at) < 24 * HOUR;
      });
      const same = near.some((known) => known.id === one.id);
      const expected = same ? KEY_SAME : near.length > 0 ? KEY_OTHER : KEY_NEW;
      // Tags in few places, so that they crowd.
      const [low, high] = [one.tag % 5, one.tag];
      assert.is(keys.look(low, high, one.id, 9, one.at), expected);
      if (expected !== KEY_NEW && one.id > 1) continue;
      keys.add(low, high, one.id, 9, one.at, 0, one.at);
      model.push(one);
    }
    assert.is(keys.count(), model.length);
    dropAll(keys, model);
  });
  fc.assert(property, { numRuns: 100 });
});

/** Hour by hour, a few entries at a time: what was not dropped is still found. */
function dropAll(keys: Keys, model: readonly { tag: number; id: number; at: number }[]): void {
  for (let hour = 0; hour <= 31; hour += 1) {
    const ended = START + hour * HOUR;
    while (keys.drop(ended, 7, () => {}) === 7);
    const left = model.filter(({ at }) => at >= ended);
    assert.is(keys.count(), left.length);
    for (const one of left) {
      const found = keys.look(one.tag % 5, one.tag, one.id, 9, one.at);
      assert.is(found, KEY_SAME);
    }
  }
}

tables("keep sums exact however large they grow", () => {
  const command = fc.record({
    account: fc.integer({ min: 1, max: 6 }),
    what: fc.constantFrom("commit", "release", "adjust", "keep"),
    price,
  });
  const property = fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
    const accounts = openAccounts();
    const model = new Map<number, { committed: bigint; reserved: bigint; ledger: number }>();
    for (const { account, what, price: micros } of commands) {
      const known = model.get(account) ?? { committed: 0n, reserved: 0n, ledger: 0 };
      model.set(account, known);
      const place = accounts.place(account);
      if (what !== "adjust") {
        accounts.reserve(place, micros, 20_000, 24_000);
        known.reserved += BigInt(micros);
      }
      if (what === "keep") continue;
      known.ledger += 1;
      assert.is(accounts[what](place, micros, 20_000, 24_000), known.ledger);
      if (what !== "adjust") known.reserved -= BigInt(micros);
      if (what !== "release") known.committed += BigInt(micros);
    }
    for (const [account, { committed, reserved }] of model) {
      const sums = accounts.sums(accounts.place(account));
      assert.ok(isBalanced(sums));
      assert.is(sums.committedMicros, committed);
      assert.is(sums.reservedMicros, reserved);
    }
  });
  fc.assert(property, { numRuns: 200 });
});

tables("give each of many accounts a place of its own", () => {
  const accounts = openAccounts();
  for (let account = 1; account <= 5_000; account += 1) {
    assert.is(accounts.place(account * 7), account - 1);
  }
  for (let account = 1; account <= 5_000; account += 1) {
    assert.is(accounts.place(account * 7), account - 1);
    assert.is(accounts.number(account - 1), account * 7);
  }
});

tables.run();
