/** Leases: who owns what, hand-over, loss, and epochs that rise. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { holdLeases, type LeaseOptions } from "../../../../core/stream/lease.js";
import type { MemoryClient } from "../../../../core/stream/memory.js";
import { assign } from "../../../../core/stream/rendezvous.js";
import { type Ground, withMemory } from "./with-memory.js";

const lease = suite("leases");
const KEYS = ["0", "1", "2", "3"];
const TTL_MS = 6_000;

/** Everything that happened, in order: "a+0" gained, "a-0" lost. */
interface Group {
  readonly events: string[];
  readonly epochs: Map<string, number[]>;
  join(member: string, more?: Partial<LeaseOptions>): Promise<Member>;
}
interface Member {
  readonly client: MemoryClient;
  owned(): readonly string[];
  stop(): Promise<void>;
  /** The end of its process. */
  kill(): void;
}

function group(ground: Ground): Group {
  const events: string[] = [];
  const epochs = new Map<string, number[]>();
  return {
    events,
    epochs,
    async join(member, more = {}) {
      const clock = ground.clock.fork();
      const client = ground.server.connect(member, clock);
      const bucket = await ground.run(client.bucket("floe_leases", { keyTtl: true }));
      const leases = await ground.run(
        holdLeases({
          bucket,
          clock,
          group: "partition",
          keys: KEYS,
          member,
          ttlSeconds: TTL_MS / 1_000,
          gained(key, epoch) {
            events.push(`${member}+${key}`);
            epochs.set(key, [...(epochs.get(key) ?? []), epoch]);
          },
          async lost(key) {
            events.push(`${member}-${key}`);
          },
          ...more,
        }),
      );
      return {
        client,
        owned: () => [...leases.owned()].sort(),
        stop: leases.stop,
        kill() {
          client.kill();
          clock.stop();
        },
      };
    },
  };
}

/** Each key has at most one owner by the order of events. */
function neverShared(events: readonly string[]): void {
  const owners = new Map<string, string>();
  for (const event of events) {
    const [member, key] = event.split(/[+-]/) as [string, string];
    if (event.includes("+")) {
      assert.is(
        owners.get(key),
        undefined,
        `${event} while ${owners.get(key)} owned it: ${events}`,
      );
      owners.set(key, member);
    } else owners.delete(key);
  }
}

lease("gives everything to a lone member", () =>
  withMemory(async (ground) => {
    const a = await group(ground).join("a");
    assert.equal(a.owned(), KEYS);
  }),
);

lease("shares evenly with who joins, handing over only what the other should have", () =>
  withMemory(async (ground) => {
    const all = group(ground);
    const a = await all.join("a");
    const b = await all.join("b");
    await ground.clock.advance(1_000);
    assert.is(a.owned().length, 2);
    assert.equal([...a.owned(), ...b.owned()].sort(), KEYS);
    assert.is(all.events.filter((event) => event.startsWith("a-")).length, 2);
    neverShared(all.events);
  }),
);

lease("holds a lease until its member has stopped work on it, however long that takes", () =>
  withMemory(async (ground) => {
    const all = group(ground);
    let finish = (): void => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const a = await all.join("a", { lost: () => slow });
    const b = await all.join("b");
    await ground.clock.advance(5 * TTL_MS);
    assert.equal(b.owned(), []);
    assert.equal(a.owned(), KEYS);
    finish();
    await ground.clock.advance(1_000);
    assert.is(b.owned().length, 2);
  }),
);

lease("frees everything at once on a stop", () =>
  withMemory(async (ground) => {
    const all = group(ground);
    const a = await all.join("a");
    const b = await all.join("b");
    await ground.clock.advance(1_000);
    await ground.run(a.stop(), 1_000);
    await ground.clock.advance(500);
    assert.equal(a.owned(), []);
    assert.equal(b.owned(), KEYS);
    neverShared(all.events);
  }),
);

lease("passes to others after the time to live when a process is killed", () =>
  withMemory(async (ground) => {
    const all = group(ground);
    const a = await all.join("a");
    const b = await all.join("b");
    await ground.clock.advance(1_000);
    a.kill();
    await ground.clock.advance(TTL_MS / 2);
    assert.is(b.owned().length, 2);
    await ground.clock.advance(TTL_MS);
    assert.equal(b.owned(), KEYS);
  }),
);

lease("is lost by its own clock before anybody else can have it, when it cannot be renewed", () =>
  withMemory(async (ground) => {
    const all = group(ground);
    const a = await all.join("a");
    const b = await all.join("b");
    await ground.clock.advance(1_000);
    a.client.disconnect();
    await ground.clock.advance(3 * TTL_MS);
    assert.equal(a.owned(), []);
    assert.equal(b.owned(), KEYS);
    neverShared(all.events);
    a.client.reconnect();
    await ground.clock.advance(2 * TTL_MS);
    assert.is(a.owned().length, 2);
    neverShared(all.events);
  }),
);

lease("is kept through a short loss of the connection", () =>
  withMemory(async (ground) => {
    const all = group(ground);
    const a = await all.join("a");
    for (let time = 0; time < 5; time += 1) {
      a.client.disconnect();
      await ground.clock.advance(TTL_MS / 3);
      a.client.reconnect();
      await ground.clock.advance(TTL_MS);
    }
    assert.equal([...all.events].sort(), ["a+0", "a+1", "a+2", "a+3"]);
    assert.equal(a.owned(), KEYS);
  }),
);

lease("has a higher epoch with each owner", () =>
  withMemory(async (ground) => {
    const all = group(ground);
    const a = await all.join("a");
    const b = await all.join("b");
    await ground.clock.advance(1_000);
    await ground.run(a.stop());
    const c = await all.join("c");
    await ground.clock.advance(1_000);
    b.kill();
    await ground.clock.advance(3 * TTL_MS);
    assert.equal(c.owned(), KEYS);
    for (const epochs of all.epochs.values()) {
      assert.ok(epochs.length > 1);
      assert.equal(
        epochs,
        [...new Set(epochs)].sort((x, y) => x - y),
      );
    }
  }),
);

lease("takes no more than a member may own", () =>
  withMemory(async (ground) => {
    const a = await group(ground).join("a", { ownMax: 1 });
    assert.is(a.owned().length, 1);
  }),
);

lease("is assigned evenly and alike by everyone, and moves little when one comes", () => {
  const keys = Array.from({ length: 16 }, (_, index) => `${index}`);
  const three = assign(keys, ["a", "b", "c"]);
  assert.equal([...three.values()].map(({ size }) => size).sort(), [5, 5, 6]);
  const shuffled = assign(keys, ["c", "a", "b"]);
  for (const [member, owned] of three) {
    assert.equal([...shuffled.get(member)!].sort(), [...owned].sort());
  }
  const four = assign(keys, ["a", "b", "c", "d"]);
  const moved = keys.filter(
    (key) => !four.get("d")!.has(key) && ownerOf(three, key) !== ownerOf(four, key),
  );
  assert.ok(moved.length <= 3, `${moved.length} keys moved between members that stayed`);
});

function ownerOf(owned: ReadonlyMap<string, ReadonlySet<string>>, key: string): string | undefined {
  return [...owned].find(([, keys]) => keys.has(key))?.[0];
}

lease.run();
