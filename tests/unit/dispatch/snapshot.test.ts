/** Unit tests of snapshots: a state and what is loaded are the same, and what may be purged. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../core/clock.js";
import { SILENT } from "../../../core/log.js";
import type { Objects, StreamClient } from "../../../core/stream/stream.js";
import { CDR_CONSUMERS, decisionSubject, SNAPSHOTS_STORE } from "../../../core/subjects.js";
import {
  capture,
  loadSnapshot,
  NO_PARTS,
  type Snapshot,
  store,
} from "../../../services/dispatch/snapshot.js";
import { openSnapshots } from "../../../services/dispatch/snapshots.js";
import { applyFrame, openState } from "../../../services/dispatch/state.js";
import { dump, LIMITS, NOW_MS } from "./kit.js";
import { openStage, type Stage } from "./stage.js";

const snapshot = suite("dispatch snapshots");
const HOUR = 3_600_000;

function memoryObjects(): Objects & { readonly there: Map<string, Uint8Array> } {
  const there = new Map<string, Uint8Array>();
  return {
    there,
    put: async (name, data) => void there.set(name, new Uint8Array(data)),
    get: async (name) => there.get(name),
    getShared: async () => undefined,
    list: async () => [...there.keys()],
    delete: async (name) => void there.delete(name),
  };
}

/** The state that the stage's log leads to. */
function stateOf(stage: Stage) {
  const state = openState(LIMITS);
  for (const { data, sequence } of stage.server.history("DECISIONS")) {
    assert.is(applyFrame(state, data, sequence), undefined);
  }
  return state;
}

/** A log with keys of several hours, several accounts, and things settled and released. */
async function someLog(): Promise<Stage> {
  const stage = await openStage();
  await stage.own();
  const nowMs = stage.clock.nowMs();
  for (let id = 0; id < 40; id += 1) {
    const acceptedAtMs = nowMs - (id % 3) * HOUR;
    await stage.publish([{ id, account: 1 + (id % 4), key: id, acceptedAtMs }]);
  }
  await stage.until(() => stage.requests() === 0);
  return stage;
}

snapshot("give a state back as it was", async () => {
  const stage = await someLog();
  const state = stateOf(stage);
  const objects = memoryObjects();
  await store(objects, capture(0, state, NO_PARTS));
  const loaded = await loadSnapshot(objects, 0, LIMITS, () => assert.unreachable());
  assert.equal(dump(loaded!.state), dump(state));
  assert.is(await loadSnapshot(objects, 1, LIMITS, () => {}), undefined);
});

snapshot("write only the hours that have changed", async () => {
  const stage = await someLog();
  const state = stateOf(stage);
  const first = capture(0, state, NO_PARTS);
  const newOf = (kind: string, { newParts }: Snapshot) =>
    newParts.filter(({ name }) => name.split(".")[1] === kind).length;
  assert.is(newOf("keys", first), 3);
  assert.is(newOf("accounts", first), 1);
  const objects = memoryObjects();
  await store(objects, first);
  const same = capture(0, state, first.parts);
  assert.is(same.newParts.length, 0);
  await store(objects, same);
  await stage.publish([{ id: 100, key: 100 }]);
  await stage.until(() => stage.requests() === 0);
  const { data, sequence } = stage.server.history("DECISIONS").at(-1)!;
  assert.is(applyFrame(state, data, sequence), undefined);
  const second = capture(0, state, first.parts);
  assert.is(newOf("keys", second), 1);
  assert.is(newOf("accounts", second), 1);
  assert.is(newOf("held", second), 1);
  await store(objects, second);
  const loaded = await loadSnapshot(objects, 0, LIMITS, () => assert.unreachable());
  assert.equal(dump(loaded!.state), dump(state));
});

snapshot("fall back to the one before where the last cannot be read", async () => {
  const stage = await someLog();
  const state = stateOf(stage);
  const objects = memoryObjects();
  const whole = capture(0, state, NO_PARTS);
  await store(objects, whole);
  objects.there.set("0.9999999999999999", Buffer.from("torn"));
  const told: string[] = [];
  const loaded = await loadSnapshot(objects, 0, LIMITS, (name) => void told.push(name));
  assert.equal(told, ["0.9999999999999999"]);
  assert.is(loaded!.state.sequence, whole.sequence);
});

/** An account as versions 1 and 2 wrote it: sums in units of 2^50, and the rest. */
function oldAccounts(number: number, ledger: number, sums: readonly bigint[]): Uint8Array {
  const unit = 2n ** 50n;
  const floor = (sum: bigint) => (sum - (((sum % unit) + unit) % unit)) / unit;
  const row = [number, 0, ledger, ...sums.map((sum) => Number(sum - floor(sum) * unit))];
  return new Uint8Array(
    new Float64Array([...row, ...sums.map((sum) => Number(floor(sum)))]).buffer,
  );
}

snapshot("of version 2 are still read: sums, and what is reserved counts as spent", async () => {
  const stage = await someLog();
  const state = stateOf(stage);
  const held = state.reservations.capture();
  const rows = held.changed.map((group) => held.take(group));
  held.end();
  const ours = [...Array(4).keys()].map((place) => {
    const { creditedMicros, committedMicros, reservedMicros, balanceMicros } =
      state.accounts.sums(place);
    const sums = [creditedMicros, committedMicros, reservedMicros, balanceMicros];
    return oldAccounts(state.accounts.number(place), state.accounts.ledgerSequence(place), sums);
  });
  const accounts = Buffer.concat(ours);
  const months = state.months.dump(0, 4);
  const head = {
    version: 2,
    sequence: state.sequence,
    decidedAtMs: state.decidedAtMs,
    epoch: state.epoch,
    attemptsThrough: state.attemptsThrough,
    currencies: state.currencies.dump(),
    covered: state.covered.map((lane) => lane.dump()),
    accountsBytes: accounts.length,
    monthsBytes: months.length,
    keyParts: [],
  };
  const text = Buffer.from(JSON.stringify(head), "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const objects = memoryObjects();
  await objects.put("0.0000000000000009", Buffer.concat([length, text, accounts, months, ...rows]));
  const loaded = await loadSnapshot(objects, 0, LIMITS, (_name, error) => {
    throw error;
  });
  const plain = (one: object) => {
    const { accounts: all, ...rest } = one as { accounts: Record<string, object> };
    const withoutKeys = Object.values(all).map((account) => ({ ...account, keys: 0 }));
    return { ...rest, keys: 0, accounts: withoutKeys };
  };
  assert.equal(plain(dump(loaded!.state)), plain(dump(state)));
  // And the next one is whole.
  await store(objects, capture(0, loaded!.state, loaded!.parts));
  const again = await loadSnapshot(objects, 0, LIMITS, () => {});
  assert.equal(dump(again!.state), dump(loaded!.state));
});

snapshot("hold the state of their moment while it goes on changing", async () => {
  const stage = await someLog();
  const state = stateOf(stage);
  const before = dump(state);
  const taken = capture(0, state, NO_PARTS);
  await stage.publish([{ id: 500 }, { id: 501, account: 2 }]);
  await stage.until(() => stage.requests() === 0);
  const { data, sequence } = stage.server.history("DECISIONS").at(-1)!;
  assert.is(applyFrame(state, data, sequence), undefined);
  const objects = memoryObjects();
  await store(objects, taken);
  const loaded = await loadSnapshot(objects, 0, LIMITS, () => assert.unreachable());
  assert.equal(dump(loaded!.state), before);
});

/** Two snapshots' time, with something appended before each. */
async function twoSnapshots(stage: Stage): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    for (let id = 0; id < 3; id += 1) await stage.publish([{ id: 1_000 * (round + 1) + id }]);
    await stage.clock.advance(11_000);
  }
}

snapshot("let the log be purged behind the older of two, and a start need no more", async () => {
  const stage = await openStage();
  const first = await stage.own();
  await twoSnapshots(stage);
  const all = stage.server.history("DECISIONS").length;
  const left = stage.server.stored("DECISIONS").length;
  assert.ok(left < all, `${left} of ${all} are left`);
  const objects = await stage.run(stage.client.objects(SNAPSHOTS_STORE));
  assert.is(
    (await stage.run(objects.list())).filter((name) => name.split(".").length === 2).length,
    2,
  );
  await first.stop();
  const second = await stage.own();
  const { state } = second.owner.partitions()[0]!;
  assert.is(state.sequence, stage.server.history("DECISIONS").at(-1)!.sequence);
  assert.is(state.reservations.held(), 9);
  // Floors are asked of the stream at a start, and are in no log.
  assert.equal({ ...dump(state), covered: 0 }, { ...dump(stateOf(stage)), covered: 0 });
});

snapshot("let a start go on where age has emptied the log", async () => {
  const stage = await openStage();
  const first = await stage.own();
  await twoSnapshots(stage);
  await first.stop();
  const last = stage.server.history("DECISIONS").at(-1)!.sequence;
  await stage.run(stage.client.purge("DECISIONS", decisionSubject(0), last + 1));
  assert.is(stage.server.stored("DECISIONS").length, 0);
  const second = await stage.own();
  await stage.publish([{ id: 1 }]);
  await stage.until(() => stage.requests() === 0);
  const { state } = second.owner.partitions()[0]!;
  assert.ok(state.reservations.held() > 1);
  await second.stop();
  const third = await stage.own();
  assert.is(third.owner.partitions()[0]!.state.sequence, state.sequence);
});

snapshot("are taken of a few frames too, long before age takes these from the log", async () => {
  const clock = simulatedClock(NOW_MS);
  const objects = memoryObjects();
  const snapshots = openSnapshots({
    client: {} as StreamClient,
    objects,
    clock,
    log: SILENT,
    partition: 0,
    state: openState(LIMITS),
    parts: NO_PARTS,
    behind: { frames: 1, sinceMs: NOW_MS - 23 * HOUR },
    between: async (run) => run(),
    everyMs: 60_000,
    framesMin: 1_000,
  });
  await clock.advance(HOUR - 1);
  snapshots.tick();
  assert.is(objects.there.size, 0);
  await clock.advance(1);
  snapshots.tick();
  await clock.advance(HOUR);
  assert.equal([...objects.there.keys()], ["0.0000000000000000"]);
  // Nothing was appended since.
  await clock.advance(48 * HOUR);
  snapshots.tick();
  await clock.advance(HOUR);
  assert.is(objects.there.size, 1);
});

snapshot("never purge what cdr has not acked", async () => {
  const stage = await openStage();
  await stage.run(stage.client.declareConsumer(CDR_CONSUMERS[0]));
  await stage.own();
  await twoSnapshots(stage);
  const all = stage.server.history("DECISIONS").length;
  assert.is(stage.server.stored("DECISIONS").length, all);
});

snapshot.run();
