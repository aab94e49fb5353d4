/**
 * Leases: who owns which partition (or bind slot), in KV, by compare-and-set with an epoch.
 *
 * Members announce themselves with a key that expires; each key's owner should be the member that
 * rendezvous hashing picks among those alive. A lease is renewed well before it ends, and given up
 * when its member should no longer hold it or could not renew it in time.
 */
import type { Clock } from "../clock.js";
import type { Bucket } from "./stream.js";

export interface LeaseOptions {
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

export declare function holdLeases(options: LeaseOptions): Promise<Leases>;
