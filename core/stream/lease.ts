/**
 * Leases: who owns which partition (or bind slot), in KV, by compare-and-set with an epoch.
 *
 * Members announce themselves with a key that expires; each key's owner should be the member that
 * rendezvous hashing picks among those alive. A lease is renewed well before it ends, and given up
 * when its member should no longer hold it or could not renew it in time.
 *
 * In the bucket: `<group>.member.<member>`, and `<group>.key.<key>` whose value is the owner's name,
 * or empty once it was handed over. The epoch is the revision with which a lease was taken: revisions
 * rise over the whole bucket and outlive every key.
 */
import { type Clock, sleep } from "../clock.js";
import { isFloeError } from "../errors.js";
import { assign } from "./rendezvous.js";
import type { Bucket } from "./stream.js";

export interface LeaseOptions {
  /** Opened with `keyTtl`. */
  readonly bucket: Bucket;
  readonly clock: Clock;
  /** Key prefix: "partition" or "bind.<carrier>". */
  readonly group: string;
  /** What can be owned: "0", "1", ... */
  readonly keys: readonly string[];
  /** This member, unique to its process for ever. */
  readonly member: string;
  readonly ttlSeconds: number;
  /** At most so many for this member; undefined: no bound. */
  readonly ownMax?: number;
  /** Now owned. `epoch` is higher than that of any owner before. */
  gained(key: string, epoch: number): void;
  /**
   * To be given up: stop work on it and resolve; the lease is released then, so that the next owner
   * finds nothing in flight. Not awaited if the lease was lost already.
   */
  lost(key: string): Promise<void>;
}

export interface Leases {
  owned(): readonly string[];
  /** Hands everything over: each `lost` is awaited, then its lease released at once. */
  stop(): Promise<void>;
}

const EMPTY = new Uint8Array(0);
/** What comes in so short a time is looked at together. */
const SETTLE_MS = 10;
/** Renewals in the life of a lease: two may fail. */
const RENEWALS = 3;

interface Held {
  readonly epoch: number;
  revision: number;
  /** Monotonic; counted from sending the last renewal that was confirmed. */
  untilMs: number;
  cancelLoss: () => void;
  renewing: Promise<void> | undefined;
  leaving: boolean;
}

/** Who holds a lease as the bucket said last. */
interface Holder {
  readonly member: string;
  readonly revision: number;
  readonly seenMs: number;
}

/**
 * Joins the group. Resolves when what is there has been read and what is free has been taken.
 * @throws FloeError "stream.unavailable"
 */
export async function holdLeases(options: LeaseOptions): Promise<Leases> {
  const { bucket, clock, group, member, ttlSeconds } = options;
  const ttlMs = ttlSeconds * 1_000;
  const memberPrefix = `${group}.member.`;
  const keyPrefix = `${group}.key.`;
  const name = Buffer.from(member, "utf8");
  /** Members by name, with when they were heard of last. */
  const members = new Map<string, number>();
  const holders = new Map<string, Holder>();
  const held = new Map<string, Held>();
  let passing: Promise<void> | undefined;
  let cancelPass = (): void => {};
  let passAtMs = Infinity;
  let renewAtMs = 0;
  let stopping = false;
  let ended = false;

  function changed(key: string, value: Uint8Array | undefined, revision: number): void {
    const seenMs = clock.monotonicMs();
    if (key.startsWith(memberPrefix)) {
      const one = key.slice(memberPrefix.length);
      const isNew = !members.has(one);
      if (value === undefined) members.delete(one);
      else members.set(one, seenMs);
      if (isNew || value === undefined) passSoon(SETTLE_MS);
    } else if (key.startsWith(keyPrefix)) {
      const leaseKey = key.slice(keyPrefix.length);
      const before = holders.get(leaseKey)?.member;
      const owner = value === undefined ? "" : Buffer.from(value).toString("utf8");
      if (value === undefined) holders.delete(leaseKey);
      else holders.set(leaseKey, { member: owner, revision, seenMs });
      const lease = held.get(leaseKey);
      if (lease !== undefined && owner !== member && revision > lease.revision) {
        lose(leaseKey, lease);
      }
      if (owner === "" && before !== "") passSoon(SETTLE_MS);
    }
  }

  function passSoon(delayMs: number): void {
    const atMs = clock.monotonicMs() + delayMs;
    if (ended || atMs >= passAtMs) return;
    cancelPass();
    passAtMs = atMs;
    cancelPass = clock.after(delayMs, () => {
      passAtMs = Infinity;
      void pass();
    });
  }

  /** One at a time: announces, renews, gives up what others should have, takes what is free. */
  async function pass(): Promise<void> {
    if (passing !== undefined) {
      passSoon(SETTLE_MS);
      return;
    }
    passing = passOnce();
    try {
      await passing;
    } finally {
      passing = undefined;
    }
    passSoon(Math.max(SETTLE_MS, renewAtMs - clock.monotonicMs()));
  }

  async function passOnce(): Promise<void> {
    const nowMs = clock.monotonicMs();
    const work: Promise<unknown>[] = [];
    if (nowMs >= renewAtMs) {
      renewAtMs = nowMs + ttlMs / RENEWALS;
      if (!stopping) work.push(unlessAway(bucket.put(memberPrefix + member, name, ttlSeconds)));
      for (const [key, lease] of held) work.push(renew(key, lease));
    }
    const mine = share(nowMs);
    for (const [key, lease] of held) {
      if (!mine.has(key) && !lease.leaving) void handOver(key, lease);
    }
    for (const key of mine) if (!held.has(key)) work.push(take(key, nowMs));
    await Promise.all(work);
  }

  /** The keys that should be this member's, as all members work it out. */
  function share(nowMs: number): Set<string> {
    if (stopping) return new Set();
    for (const [one, seenMs] of members) if (nowMs - seenMs > ttlMs) members.delete(one);
    const alive = [...new Set([...members.keys(), member])].sort();
    return assign(options.keys, alive, options.ownMax).get(member)!;
  }

  async function take(key: string, nowMs: number): Promise<void> {
    const holder = holders.get(key);
    let revision = 0;
    if (holder !== undefined && (holder.member === "" || holder.member === member)) {
      revision = holder.revision;
    } else if (holder !== undefined && nowMs - holder.seenMs <= ttlMs) {
      return;
    }
    const sentMs = clock.monotonicMs();
    const written = bucket.compareAndSet(keyPrefix + key, name, revision, ttlSeconds);
    const epoch = await unlessAway(written);
    if (epoch === undefined) return;
    const lease: Held = {
      epoch,
      revision: epoch,
      untilMs: 0,
      cancelLoss: () => {},
      renewing: undefined,
      leaving: false,
    };
    held.set(key, lease);
    extend(key, lease, sentMs);
    if (held.has(key)) options.gained(key, epoch);
  }

  function renew(key: string, lease: Held): Promise<void> {
    lease.renewing ??= renewOnce(key, lease).finally(() => {
      lease.renewing = undefined;
    });
    return lease.renewing;
  }

  async function renewOnce(key: string, lease: Held): Promise<void> {
    const sentMs = clock.monotonicMs();
    const place = keyPrefix + key;
    try {
      const revision = await bucket.compareAndSet(place, name, lease.revision, ttlSeconds);
      if (held.get(key) !== lease) return;
      if (revision !== undefined) {
        lease.revision = revision;
        extend(key, lease, sentMs);
        return;
      }
      // An earlier renewal without an answer may have been stored all the same.
      const there = await bucket.get(place);
      if (held.get(key) !== lease) return;
      if (there !== undefined && Buffer.from(there.value).equals(name)) {
        lease.revision = there.revision;
        renewAtMs = 0;
      } else {
        lose(key, lease);
      }
    } catch (error) {
      if (!isFloeError(error, "stream.unavailable")) throw error;
    }
  }

  function extend(key: string, lease: Held, sentMs: number): void {
    lease.untilMs = sentMs + ttlMs;
    lease.cancelLoss();
    const leftMs = lease.untilMs - clock.monotonicMs();
    if (leftMs <= 0) lose(key, lease);
    else lease.cancelLoss = clock.after(leftMs, () => lose(key, lease));
  }

  function lose(key: string, lease: Held): void {
    if (held.get(key) !== lease) return;
    forget(key, lease);
    if (!lease.leaving) void options.lost(key);
    passSoon(SETTLE_MS);
  }

  function forget(key: string, lease: Held): void {
    lease.cancelLoss();
    held.delete(key);
  }

  /** It is renewed until its member has stopped work on it; then it is free at once. */
  async function handOver(key: string, lease: Held): Promise<void> {
    lease.leaving = true;
    await options.lost(key);
    await lease.renewing;
    if (held.get(key) !== lease) return;
    forget(key, lease);
    await unlessAway(bucket.compareAndSet(keyPrefix + key, EMPTY, lease.revision, ttlSeconds));
  }

  const watching = await bucket.watch(changed);
  await pass();
  return {
    owned: () => [...held.keys()],
    async stop() {
      stopping = true;
      // While they are handed over, passes go on and renew them.
      await unlessAway(bucket.delete(memberPrefix + member));
      const leaving = [...held].filter(([, lease]) => !lease.leaving);
      await Promise.all(leaving.map(([key, lease]) => handOver(key, lease)));
      while (held.size > 0) await sleep(clock, SETTLE_MS);
      ended = true;
      cancelPass();
      await passing;
      await watching.stop();
    },
  };
}

/** A stream that is away is tried again at the next pass. */
async function unlessAway<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isFloeError(error, "stream.unavailable")) return undefined;
    throw error;
  }
}
