/** Buckets and object stores of the memory form, as the server holds them. No network. */
import type { Clock } from "../clock.js";
import type { Entry } from "./stream.js";

export interface MemoryBucket {
  get(key: string): Entry | undefined;
  /** `revision` undefined: whatever it was. */
  set(
    key: string,
    value: Uint8Array,
    revision: number | undefined,
    ttlSeconds: number | undefined,
  ): number | undefined;
  delete(key: string): void;
  /** The revision of the deletion; undefined: its revision is another. */
  compareAndDelete(key: string, revision: number): number | undefined;
  entries(): readonly Entry[];
  /** Told of each change from now on; `value` undefined: deleted or expired. The result ends it. */
  onChange(changed: Changed): () => void;
}
export type Changed = (key: string, value: Uint8Array | undefined, revision: number) => void;

export function openMemoryBucket(clock: Clock): MemoryBucket {
  const entries = new Map<string, Entry & { expire(): void }>();
  const watchers = new Set<Changed>();
  let revisions = 0;

  function tell(key: string, value: Uint8Array | undefined): void {
    for (const changed of watchers) changed(key, value, revisions);
  }

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entry.expire();
    entries.delete(key);
    revisions += 1;
    tell(key, undefined);
  }

  return {
    get: (key) => entries.get(key),
    set(key, value, revision, ttlSeconds) {
      const old = entries.get(key);
      if (revision !== undefined && (old?.revision ?? 0) !== revision) return undefined;
      old?.expire();
      revisions += 1;
      const mine = revisions;
      const expire =
        ttlSeconds === undefined
          ? () => {}
          : clock.after(ttlSeconds * 1_000, () => {
              if (entries.get(key)?.revision === mine) remove(key);
            });
      const copy = new Uint8Array(value);
      entries.set(key, { key, value: copy, revision: mine, expire });
      tell(key, copy);
      return mine;
    },
    delete: remove,
    compareAndDelete(key, revision) {
      if (entries.get(key)?.revision !== revision) return undefined;
      remove(key);
      return revisions;
    },
    entries: () => [...entries.values()],
    onChange(changed) {
      watchers.add(changed);
      return () => void watchers.delete(changed);
    },
  };
}
