/**
 * The connection of one client of the memory form: every way takes time, keeps its order as a
 * connection does, and ends when the connection is lost or the process killed.
 *
 * Timers of the client run on its process's clock, what is under way on the network's: a killed
 * process's publish may still be stored.
 */
import type { Clock } from "../clock.js";
import { FloeError } from "../errors.js";
import type { MemoryCore } from "./memory.js";

/** A request is given up after so long, as the form on NATS does. */
const GIVE_UP_MS = 10_000;

export interface MemoryLine {
  readonly name: string;
  readonly clock: Clock;
  readonly network: Clock;
  readonly core: MemoryCore;
  alive(): boolean;
  up(): boolean;
  /** Rises with each lost connection: what was under way then does not come. */
  session(): number;
  /** Chance says that a fault with this frequency happens now. */
  strikes(fraction: number): boolean;
  /** How late, where a fault makes something late. */
  lateMs(): number;
  /** To the server; `extraMs`: held up there, so that later ones overtake. */
  out(run: () => void, extraMs?: number): void;
  /** From the server; `extraMs` lets later ones overtake. */
  into(run: () => void, extraMs?: number): void;
  /** Asks the server, again after each lost connection. What `serve` throws, the caller gets. */
  ask<T>(what: string, serve: () => T): Promise<T>;
  /** Now, or when the connection is back. */
  whenUp(run: () => void): void;
  /** Called after each loss and each return of the connection. The result ends it. */
  onChange(changed: () => void): () => void;
  disconnect(): void;
  reconnect(): void;
  kill(): void;
}

export function openMemoryLine(
  core: MemoryCore,
  name: string,
  clock: Clock,
  network: Clock,
): MemoryLine {
  const changes = new Set<() => void>();
  let alive = true;
  let up = true;
  let session = 0;
  let outAtMs = 0;
  let inAtMs = 0;
  const wayMs = (): number => core.chance() * core.faults().wayMsMax;

  function change(): void {
    for (const changed of [...changes]) changed();
  }

  function out(run: () => void, extraMs = 0): void {
    if (!alive) return;
    const mine = session;
    const nowMs = network.monotonicMs();
    outAtMs = Math.max(outAtMs, nowMs + wayMs());
    network.after(outAtMs - nowMs + extraMs, () => {
      // What left just before the connection went may have arrived or not.
      if (mine === session || core.chance() < 0.5) run();
    });
  }

  function into(run: () => void, extraMs = 0): void {
    const mine = session;
    const nowMs = network.monotonicMs();
    inAtMs = Math.max(inAtMs, nowMs + wayMs());
    network.after(inAtMs - nowMs + extraMs, () => {
      if (alive && mine === session) run();
    });
  }

  function onChange(changed: () => void): () => void {
    changes.add(changed);
    return () => void changes.delete(changed);
  }

  function ask<T>(what: string, serve: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let done = false;
      const unlisten = onChange(send);
      const cancel = clock.after(GIVE_UP_MS, () => {
        if (done || !alive) return;
        finish();
        reject(new FloeError("stream.unavailable", { request: what, client: name }));
      });
      function finish(): void {
        done = true;
        unlisten();
        cancel();
      }
      function answer(settle: () => void): void {
        into(() => {
          if (done) return;
          finish();
          settle();
        });
      }
      function send(): void {
        if (!alive || !up) return;
        out(() => {
          try {
            const value = serve();
            answer(() => resolve(value));
          } catch (error) {
            answer(() => reject(error as Error));
          }
        });
      }
      send();
    });
  }

  function lose(): void {
    session += 1;
    up = false;
    change();
  }

  return {
    name,
    clock,
    network,
    core,
    alive: () => alive,
    up: () => alive && up,
    session: () => session,
    strikes: (fraction) => fraction > 0 && core.chance() < fraction,
    lateMs: () => core.chance() * core.faults().lateMsMax,
    out,
    into,
    ask,
    whenUp(run) {
      if (!alive) return;
      if (up) {
        run();
        return;
      }
      const unlisten = onChange(() => {
        if (!up) return;
        unlisten();
        run();
      });
    },
    onChange,
    disconnect() {
      if (alive && up) lose();
    },
    reconnect() {
      if (!alive || up) return;
      up = true;
      change();
    },
    kill() {
      if (!alive) return;
      alive = false;
      lose();
      changes.clear();
    },
  };
}

/** Gives items in order and each once, whatever happens to the connection on the way. */
export function openPipe<T>(
  line: MemoryLine,
  give: (item: T) => void,
): { push(item: T): void; stop(): void } {
  let waiting: T[] = [];
  let busy = false;
  function step(): void {
    if (busy || waiting.length === 0 || !line.up()) return;
    busy = true;
    line.into(() => {
      busy = false;
      if (waiting.length > 0) give(waiting.shift()!);
      step();
    });
  }
  const unlisten = line.onChange(() => {
    busy = false;
    step();
  });
  return {
    push(item) {
      waiting.push(item);
      step();
    },
    stop() {
      waiting = [];
      unlisten();
    },
  };
}
