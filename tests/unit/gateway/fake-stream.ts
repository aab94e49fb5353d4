/**
 * A stream server for the gateway's tests: it keeps what is published in order, and fails, waits or
 * goes away as a test says. Buckets are held in memory. What the gateway does not use throws.
 */
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { FloeError } from "../../../core/errors.js";
import type {
  Bucket,
  Entry,
  PublishAck,
  PublishOptions,
  StreamClient,
} from "../../../core/stream/stream.js";

export interface Published {
  readonly subject: string;
  readonly data: Buffer;
  readonly id: string;
}

export interface FakeStream extends StreamClient {
  readonly published: Published[];
  /** What happens to a publish: stored at once; refused; without an answer until `release`. */
  mode: "store" | "full" | "unknown" | "hang";
  /** Only subjects that begin so are treated as `mode` says; the others are stored. */
  modeOf: string;
  here: boolean;
  /** What the server's clock shows. */
  clockMs: () => number;
  /** Publishes that hang. */
  hanging(): number;
  /** Stores what hangs, and from now on everything. */
  release(): void;
}

export function openFakeStream(): FakeStream {
  const published: Published[] = [];
  const buckets = new Map<string, Bucket>();
  let hanging: (() => void)[] = [];

  const store = (subject: string, data: Uint8Array, options: PublishOptions = {}): PublishAck => {
    // A copy: the outbox uses its buffer again.
    published.push({ subject, data: Buffer.from(data), id: options.id ?? "" });
    return { sequence: published.length, duplicate: false };
  };
  const unused = (): never => {
    throw new Error("the gateway does not use this");
  };

  const fake: FakeStream = {
    published,
    mode: "store",
    modeOf: "",
    here: true,
    clockMs: () => SYSTEM_CLOCK.nowMs(),
    hanging: () => hanging.length,
    release() {
      fake.mode = "store";
      const all = hanging;
      hanging = [];
      for (const go of all) go();
    },
    async publish(subject, data, options) {
      const mode = subject.startsWith(fake.modeOf) ? fake.mode : "store";
      if (mode === "full") throw new FloeError("stream.full", {});
      if (mode === "unknown") throw new FloeError("stream.unavailable", {});
      if (mode === "hang") await new Promise<void>((resolve) => hanging.push(resolve));
      return store(subject, data, options);
    },
    async bucket(name) {
      const bucket = buckets.get(name) ?? openFakeBucket();
      buckets.set(name, bucket);
      return bucket;
    },
    connected: () => fake.here,
    close: async () => {},
    declare: unused,
    declareConsumer: unused,
    recreateConsumer: unused,
    consume: unused,
    read: unused,
    last: unused,
    at: unused,
    state: unused,
    serverTimeMs: async () => fake.clockMs(),
    backlog: unused,
    purge: unused,
    objects: unused,
    ask: unused,
    respond: unused,
  };
  return fake;
}

function openFakeBucket(): Bucket {
  const entries = new Map<string, Entry>();
  type Watcher = (key: string, value: Uint8Array | undefined, revision: number) => void;
  const watchers = new Set<Watcher>();
  let revision = 0;
  const put = async (key: string, value: Uint8Array): Promise<number> => {
    revision += 1;
    entries.set(key, { key, value, revision });
    for (const watcher of watchers) watcher(key, value, revision);
    return revision;
  };
  return {
    get: async (key) => entries.get(key),
    put,
    async compareAndSet(key, value, wanted) {
      return (entries.get(key)?.revision ?? 0) === wanted ? put(key, value) : undefined;
    },
    async delete(key) {
      revision += 1;
      entries.delete(key);
      for (const watcher of watchers) watcher(key, undefined, revision);
    },
    async compareAndDelete(key, wanted) {
      if (entries.get(key)?.revision !== wanted) return undefined;
      revision += 1;
      entries.delete(key);
      for (const watcher of watchers) watcher(key, undefined, revision);
      return revision;
    },
    entries: async () => [...entries.values()],
    async watch(changed) {
      watchers.add(changed);
      for (const { key, value, revision: at } of entries.values()) changed(key, value, at);
      return { pause() {}, resume() {}, stop: async () => void watchers.delete(changed) };
    },
  };
}
