/** A client of the memory form: the stream interface over one connection (memory-line.ts). */
import { type Clock, sleep } from "../clock.js";
import type { ConsumerSpec, StreamName } from "../subjects.js";
import type { MemoryClient, MemoryCore } from "./memory.js";
import { askOf, respondTo } from "./memory-ask.js";
import { consumeFrom } from "./memory-consume.js";
import { type MemoryLine, openMemoryLine, openPipe } from "./memory-line.js";
import { publishTo } from "./memory-publish.js";
import type {
  Bucket,
  ConsumerOptions,
  Consumption,
  Objects,
  PublishAck,
  StoredMessage,
} from "./stream.js";

/** A close looks so often whether what is in flight has come. */
const POLL_MS = 10;

export function openMemoryClient(
  core: MemoryCore,
  name: string,
  clock: Clock,
  network: Clock,
): MemoryClient {
  const line = openMemoryLine(core, name, clock, network);
  const running = new Set<Consumption>();
  let publishing = 0;

  async function keep(opening: Promise<Consumption>): Promise<Consumption> {
    const consumption = await opening;
    running.add(consumption);
    return {
      ...consumption,
      stop() {
        running.delete(consumption);
        return consumption.stop();
      },
    };
  }

  function create(spec: ConsumerSpec, options: ConsumerOptions, isNew: boolean): Promise<void> {
    return line.ask("declareConsumer", () => {
      const stream = core.stream(spec.stream);
      if (isNew || stream.consumer(spec.name) === undefined) stream.createConsumer(spec, options);
    });
  }

  return {
    async publish(subject, data, options): Promise<PublishAck> {
      publishing += 1;
      try {
        return await publishTo(line, subject, data, options);
      } finally {
        publishing -= 1;
      }
    },
    declare: (streams) => line.ask("declare", () => core.declare(streams)),
    declareConsumer: (spec, options = {}) => create(spec, options, false),
    recreateConsumer: (spec, options = {}) => create(spec, options, true),
    consume: (spec, options, receive) => keep(consumeFrom(line, spec, options, receive)),
    read: (stream, subject, from, receive, caughtUp = () => {}) =>
      keep(readFrom(line, { stream, subject, from, receive, caughtUp })),
    last: (stream, subject) => line.ask("last", () => core.stream(stream).last(subject)),
    at: (stream, sequence) => line.ask("at", () => core.stream(stream).at(sequence)),
    state: (stream) =>
      line.ask("state", () => {
        const one = core.stream(stream);
        const [firstSequence, lastSequence] = [one.firstSequence(), one.lastSequence()];
        return { firstSequence, lastSequence, messages: one.count() };
      }),
    serverTimeMs: () => line.ask("time", () => core.nowMs()),
    backlog: ({ stream, name: consumer }) =>
      line.ask("backlog", () => {
        const one = core.stream(stream).consumer(consumer);
        return one?.backlog() ?? { pending: 0, ackPending: 0 };
      }),
    purge: (stream, subject, below) =>
      line.ask("purge", () => core.stream(stream).purge(subject, below)),
    ask: (subject, data, timeoutMs) => askOf(line, subject, data, timeoutMs),
    respond: async (subject, answer) => respondTo(line, subject, answer),
    bucket: async (bucketName) => openBucket(line, bucketName, keep),
    objects: async (storeName) => openObjects(line, storeName),
    connected: line.up,
    async close() {
      while (publishing > 0) await sleep(clock, POLL_MS);
      await Promise.all([...running].map((one) => one.stop()));
      line.kill();
    },
    kill: line.kill,
    disconnect: line.disconnect,
    reconnect: line.reconnect,
  };
}

interface ReadOptions {
  readonly stream: StreamName;
  readonly subject: string;
  readonly from: number;
  receive(message: StoredMessage): void;
  caughtUp(): void;
}

async function readFrom(line: MemoryLine, options: ReadOptions): Promise<Consumption> {
  const { subject, receive, caughtUp } = options;
  const stream = await line.ask("read", () => line.core.stream(options.stream));
  let cursor = Math.max(1, options.from);
  let told = false;
  let busy = false;
  let paused = false;
  let stopped = false;

  function step(): void {
    if (busy || !line.up() || paused || stopped) return;
    const message = stream.next(cursor, subject);
    if (message === undefined && told) return;
    busy = true;
    line.into(() => {
      busy = false;
      if (stopped) return;
      if (message !== undefined) {
        told = false;
        cursor = message.sequence + 1;
        receive({ ...message, data: new Uint8Array(message.data) });
      } else if (stream.next(cursor, subject) === undefined) {
        // Nothing was stored while the word was under way.
        told = true;
        caughtUp();
      }
      step();
    });
  }

  const unlisten = [
    stream.onStored(step),
    line.onChange(() => {
      busy = false;
      step();
    }),
  ];
  step();
  return {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      step();
    },
    async stop() {
      stopped = true;
      for (const end of unlisten) end();
    },
  };
}

function openBucket(
  line: MemoryLine,
  name: string,
  keep: (opening: Promise<Consumption>) => Promise<Consumption>,
): Bucket {
  const there = line.core.bucket(name);
  return {
    get: (key) => line.ask("get", () => there.get(key)),
    put(key, value, ttlSeconds) {
      const copy = new Uint8Array(value);
      return line.ask("put", () => there.set(key, copy, undefined, ttlSeconds)!);
    },
    compareAndSet(key, value, revision, ttlSeconds) {
      const copy = new Uint8Array(value);
      let done: { readonly revision: number | undefined } | undefined;
      // Asked again after a lost connection, it must not be beaten by its own first try.
      return line.ask("compareAndSet", () => {
        done ??= { revision: there.set(key, copy, revision, ttlSeconds) };
        return done.revision;
      });
    },
    delete: (key) => line.ask("delete", () => there.delete(key)),
    compareAndDelete(key, revision) {
      let done: { readonly revision: number | undefined } | undefined;
      return line.ask("compareAndDelete", () => {
        done ??= { revision: there.compareAndDelete(key, revision) };
        return done.revision;
      });
    },
    entries: () => line.ask("entries", () => there.entries()),
    watch: (changed, options) => keep(watch(changed, options?.since === "now")),
  };

  async function watch(
    changed: Parameters<Bucket["watch"]>[0],
    onlyNew: boolean,
  ): Promise<Consumption> {
    const pipe = openPipe<() => void>(line, (run) => run());
    let unlisten = (): void => {};
    const caughtUp = new Promise<void>((resolve, reject) => {
      const asked = line.ask("watch", () => {
        unlisten();
        for (const { key, value, revision } of onlyNew ? [] : there.entries()) {
          pipe.push(() => changed(key, value, revision));
        }
        pipe.push(resolve);
        unlisten = there.onChange((...change) => pipe.push(() => changed(...change)));
      });
      asked.catch(reject);
    });
    await caughtUp;
    return {
      pause() {},
      resume() {},
      async stop() {
        unlisten();
        pipe.stop();
      },
    };
  }
}

function openObjects(line: MemoryLine, name: string): Objects {
  const there = line.core.objects(name);
  return {
    put(key, data) {
      const copy = new Uint8Array(data);
      return line.ask("put object", () => void there.set(key, copy));
    },
    get: (key) =>
      line.ask("get object", () => {
        const data = there.get(key);
        return data === undefined ? undefined : new Uint8Array(data);
      }),
    getShared: (key) =>
      line.ask("get object", () => {
        const data = there.get(key);
        if (data === undefined) return undefined;
        const shared = new SharedArrayBuffer(data.length);
        new Uint8Array(shared).set(data);
        return shared;
      }),
    list: () => line.ask("list objects", () => [...there.keys()]),
    delete: (key) => line.ask("delete object", () => void there.delete(key)),
  };
}
