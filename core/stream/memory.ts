/**
 * The memory form of the stream: server and clients in one process, on a simulated clock, with
 * faults by seed. For simulation and unit tests; what services see is the same interface.
 *
 * Every request and every answer takes time, on a clock that the caller moves; chance decides how
 * much, and what is lost, late or repeated. `kill` on a client is the end of its process: nothing it
 * waits for comes, its unacked deliveries go to others after their ack wait. Give each simulated
 * process `clock.fork()`, and stop that too.
 */
import { type Chance, type Clock, sleep } from "../clock.js";
import { FloeError } from "../errors.js";
import type { StreamName, StreamSpec } from "../subjects.js";
import { type MemoryBucket, openMemoryBucket } from "./memory-bucket.js";
import { openMemoryClient } from "./memory-client.js";
import { type MemoryStream, matches, openMemoryStream } from "./memory-stream.js";
import type { StoredMessage, StreamClient } from "./stream.js";

/** Fractions of 1: how often. Times in ms: how long at most. */
export interface MemoryFaults {
  /** A publish is stored, and its answer lost. */
  readonly publishAckLost: number;
  /** A publish is lost on its way. */
  readonly publishLost: number;
  /** A publish is stored late, after its repeat perhaps. */
  readonly publishLate: number;
  /** A delivery is given once more while the first is still worked on. */
  readonly deliveryRepeated: number;
  /** A delivery comes late, after others behind it. */
  readonly deliveryLate: number;
  /** An ack, nak or term is lost. */
  readonly ackLost: number;
  readonly lateMsMax: number;
  /** Every way through the network takes up to so long. */
  readonly wayMsMax: number;
}

export const NO_FAULTS: MemoryFaults = {
  publishAckLost: 0,
  publishLost: 0,
  publishLate: 0,
  deliveryRepeated: 0,
  deliveryLate: 0,
  ackLost: 0,
  lateMsMax: 0,
  wayMsMax: 0.2,
};

export interface MemoryServer {
  /** A client of its own connection. `clock`: that of its process; default: the server's. */
  connect(name: string, clock?: Clock): MemoryClient;
  /** From now on. Heal with `setFaults(NO_FAULTS)`, then let time pass, and all must settle. */
  setFaults(faults: MemoryFaults): void;
  /** Away for `downMs`: clients lose their sessions, ids of what was acked away are forgotten. */
  restart(downMs: number): Promise<void>;
  /** Everything that was ever stored, in order, whatever became of it. */
  history(stream: StreamName): readonly StoredMessage[];
  /** What is stored now. */
  stored(stream: StreamName): readonly StoredMessage[];
}

export interface MemoryClient extends StreamClient {
  /** Its process is gone. */
  kill(): void;
  /** Its connection is away until `reconnect`. */
  disconnect(): void;
  reconnect(): void;
}

export interface MemoryOptions {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly faults: MemoryFaults;
}

/** What clients see of the server. */
export interface MemoryCore {
  readonly chance: Chance;
  /** The server's clock. */
  nowMs(): number;
  faults(): MemoryFaults;
  declare(specs: readonly StreamSpec[]): void;
  stream(name: StreamName): MemoryStream;
  /** The stream that takes this subject. */
  streamOf(subject: string): MemoryStream | undefined;
  bucket(name: string): MemoryBucket;
  objects(name: string): Map<string, Uint8Array>;
  /** Who answers on each subject. */
  readonly responders: Map<string, Set<Responder>>;
}

/** One of those who answer on a subject, behind its own connection. */
export interface Responder {
  hear(data: Uint8Array, answered: (data: Uint8Array) => void): void;
}

export function openMemory({ clock, chance, faults: initial }: MemoryOptions): MemoryServer {
  const streams = new Map<string, MemoryStream>();
  const buckets = new Map<string, MemoryBucket>();
  const stores = new Map<string, Map<string, Uint8Array>>();
  const clients = new Set<MemoryClient>();
  let faults = initial;

  function stream(name: StreamName): MemoryStream {
    const found = streams.get(name);
    if (found === undefined) {
      throw new FloeError("stream.config", { stream: name, problem: "no such stream" });
    }
    return found;
  }

  const core: MemoryCore = {
    chance,
    nowMs: clock.nowMs,
    faults: () => faults,
    declare(specs) {
      const differences: string[] = [];
      for (const spec of specs) {
        const there = streams.get(spec.name)?.spec;
        if (there === undefined) streams.set(spec.name, openMemoryStream(spec, clock));
        else if (JSON.stringify(there) !== JSON.stringify(spec)) {
          differences.push(`stream ${spec.name} differs`);
        }
      }
      if (differences.length > 0) throw new FloeError("stream.config", { differences });
    },
    stream,
    streamOf(subject) {
      for (const one of streams.values()) {
        if (one.spec.subjects.some((pattern) => matches(pattern, subject))) return one;
      }
      return undefined;
    },
    bucket: (name) => made(buckets, name, () => openMemoryBucket(clock)),
    objects: (name) => made(stores, name, () => new Map()),
    responders: new Map(),
  };

  return {
    connect(name, own = clock) {
      const client = openMemoryClient(core, name, own, clock);
      clients.add(client);
      return client;
    },
    setFaults(next) {
      faults = next;
    },
    async restart(downMs) {
      for (const client of clients) client.disconnect();
      for (const one of streams.values()) one.restart();
      await sleep(clock, downMs);
      for (const client of clients) client.reconnect();
    },
    history: (name) => stream(name).history(),
    stored(name) {
      const one = stream(name);
      return one.history().filter(({ sequence }) => one.at(sequence) !== undefined);
    },
  };
}

function made<T>(all: Map<string, T>, name: string, make: () => T): T {
  let one = all.get(name);
  if (one === undefined) {
    one = make();
    all.set(name, one);
  }
  return one;
}
