/**
 * Followed: a bucket of many small values, watched into memory as bytes and parsed when asked for.
 *
 * A write is waited for until the watch has brought it, so that whoever wrote sees it.
 */
import type { Bucket } from "../../core/stream/stream.js";

export interface Followed {
  readonly bucket: Bucket;
  get(key: string): FollowedValue | undefined;
  /** Keys in order: numbers by their size, texts by their characters. */
  keys(): readonly string[];
  /** Resolves when the revision was seen. */
  reached(revision: number): Promise<void>;
  stop(): Promise<void>;
}
export interface FollowedValue {
  readonly value: Uint8Array;
  readonly revision: number;
}

/** Resolves when what is there has been read. */
export async function follow(
  bucket: Bucket,
  compare: (a: string, b: string) => number,
): Promise<Followed> {
  const kept = new Map<string, FollowedValue>();
  const waiting = new Set<{ revision: number; resolve: () => void }>();
  let sorted: readonly string[] | undefined;
  let seen = 0;
  const watching = await bucket.watch((key, value, revision) => {
    seen = Math.max(seen, revision);
    if (value === undefined || !kept.has(key)) sorted = undefined;
    if (value === undefined) kept.delete(key);
    else kept.set(key, { value, revision });
    for (const one of waiting) {
      if (one.revision > seen) continue;
      waiting.delete(one);
      one.resolve();
    }
  });
  return {
    bucket,
    get: (key) => kept.get(key),
    keys() {
      sorted ??= [...kept.keys()].sort(compare);
      return sorted;
    },
    reached(revision) {
      if (revision <= seen) return Promise.resolve();
      return new Promise((resolve) => waiting.add({ revision, resolve }));
    },
    stop: () => watching.stop(),
  };
}
