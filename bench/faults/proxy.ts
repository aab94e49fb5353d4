/**
 * Fault proxy: a TCP connection between two parts, on which a test does what networks do.
 *
 * Faults are set in process and hold for both directions or one: `up` goes from the client to the
 * server, `down` comes back. A stall is a partition: bytes wait, nothing is closed, and what waited
 * flows on when it ends, as TCP repeats what was lost. What was swallowed cannot flow on, so its
 * connections are reset when the fault ends.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { type Clock, SYSTEM_CLOCK } from "../../core/clock.js";

export interface DirectionFault {
  /** Each chunk comes so much later. */
  readonly delayMs?: number;
  /** Nothing comes through, nothing is closed: a partition, or a half-open connection. */
  readonly stall?: true;
  /** Taken and thrown away: a black hole. */
  readonly swallow?: true;
  /** After so many more bytes the connection is reset, in the midst of whatever it is. */
  readonly truncateAfterBytes?: number;
}

export interface ProxyFault {
  readonly up?: DirectionFault;
  readonly down?: DirectionFault;
  /** New connections are reset at once: nobody listens. */
  readonly refuse?: true;
}

export interface FaultProxy {
  readonly port: number;
  /** What holds from now on, for connections that are open too; undefined: nothing. */
  set(fault: ProxyFault | undefined): void;
  /** Resets all connections. @returns how many. */
  reset(): number;
  /**
   * Lets the next `times` requests whose bytes `matches` says yes to arrive, and resets their
   * connections when the answer comes: done, and nobody was told.
   */
  loseAnswers(times: number, matches: (request: string) => boolean): void;
  /** How many answers have been lost so. */
  lost(): number;
  connections(): number;
  close(): Promise<void>;
}

/** Bytes that wait in one direction; beyond, its sender is held back, as by a full window. */
const WAITING_BYTES_MAX = 1_048_576;
/** Of a request, this much is looked at by `loseAnswers`. */
const LOOK_BYTES = 16_384;

/** One connection: the client's socket and ours to the server. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: Direction;
  readonly down: Direction;
  /** The answer to what it is asking now is to be lost. */
  doomed: boolean;
}

interface Direction {
  /** Applies the fault that holds now to what waits. */
  changed(): void;
  /** Bytes were thrown away: the connection is no use any more. */
  broken(): boolean;
}

/** @param target port on 127.0.0.1, asked at each connection: a part may come back elsewhere. */
export async function openProxy(
  target: () => number,
  clock: Clock = SYSTEM_CLOCK,
): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let fault: ProxyFault = {};
  let losing = 0;
  let lost = 0;
  let matches = (_request: string): boolean => false;

  const server = createServer((client) => {
    if (fault.refuse === true) {
      client.on("error", ignore);
      client.resetAndDestroy();
      return;
    }
    open(client);
  });

  function open(client: Socket): void {
    const upstream = createConnection(target(), "127.0.0.1");
    const pair: Pair = {
      client,
      server: upstream,
      up: direct(
        client,
        upstream,
        () => fault.up,
        clock,
        (chunk) => {
          if (losing === 0 || pair.doomed) return true;
          pair.doomed = matches(chunk.subarray(0, LOOK_BYTES).toString("latin1"));
          if (pair.doomed) losing -= 1;
          return true;
        },
      ),
      down: direct(
        upstream,
        client,
        () => fault.down,
        clock,
        () => {
          if (!pair.doomed) return true;
          lost += 1;
          end(pair);
          return false;
        },
      ),
      doomed: false,
    };
    pairs.add(pair);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      // Node reports a reset as an error and then closes; closing is what is acted on.
      socket.on("error", ignore);
      socket.on("close", () => close(pair));
    }
  }

  /** A side that is gone takes the other with it, unless a partition hides it. */
  function close(pair: Pair): void {
    if (!pairs.delete(pair)) return;
    pair.client.destroy();
    pair.server.destroy();
  }

  function end(pair: Pair): void {
    pairs.delete(pair);
    for (const socket of [pair.client, pair.server]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  const port = await listen(server);
  return {
    port,
    set(next) {
      fault = next ?? {};
      for (const pair of pairs) {
        if (pair.up.broken() || pair.down.broken()) end(pair);
        else {
          pair.up.changed();
          pair.down.changed();
        }
      }
    },
    reset() {
      const all = [...pairs];
      for (const pair of all) end(pair);
      return all.length;
    },
    loseAnswers(times, which) {
      losing = times;
      matches = which;
    },
    lost: () => lost,
    connections: () => pairs.size,
    close() {
      for (const pair of [...pairs]) end(pair);
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function direct(
  from: Socket,
  to: Socket,
  faultNow: () => DirectionFault | undefined,
  clock: Clock,
  pass: (chunk: Buffer) => boolean,
): Direction {
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let passedBytes = 0;
  let dueMs = 0;
  let broken = false;
  let ended = false;
  let timer: (() => void) | undefined;

  from.on("data", (chunk: Buffer) => {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes > WAITING_BYTES_MAX) from.pause();
    const { delayMs = 0 } = faultNow() ?? {};
    if (delayMs === 0 && timer === undefined) return flush();
    dueMs = Math.max(dueMs, clock.monotonicMs() + delayMs);
    later();
  });
  from.on("end", () => {
    ended = true;
    if (timer === undefined) flush();
  });
  to.on("drain", () => {
    if (timer === undefined) flush();
  });

  /** Chunks of a delay go out together when the last of them is due: enough for tests. */
  function later(): void {
    if (timer !== undefined) return;
    timer = clock.after(Math.max(1, dueMs - clock.monotonicMs()), () => {
      timer = undefined;
      flush();
    });
  }

  function flush(): void {
    const fault = faultNow() ?? {};
    if (fault.stall === true || to.destroyed) return;
    while (waiting.length > 0) {
      const chunk = waiting.shift()!;
      waitingBytes -= chunk.length;
      if (fault.swallow === true) {
        broken = true;
        continue;
      }
      if (!pass(chunk)) return;
      const { truncateAfterBytes } = fault;
      const isCut =
        truncateAfterBytes !== undefined && passedBytes + chunk.length > truncateAfterBytes;
      const part = isCut ? chunk.subarray(0, truncateAfterBytes - passedBytes) : chunk;
      passedBytes += part.length;
      const taken = part.length === 0 || to.write(part);
      if (isCut) {
        // What was written goes out first, then the reset.
        setImmediate(() => {
          to.resetAndDestroy();
          from.resetAndDestroy();
        });
        return;
      }
      if (!taken) break;
    }
    if (waitingBytes < WAITING_BYTES_MAX && from.isPaused()) from.resume();
    if (ended && waiting.length === 0) to.end();
  }

  return {
    changed() {
      passedBytes = 0;
      if (timer === undefined) flush();
    },
    broken: () => broken,
  };
}

function ignore(): void {}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
