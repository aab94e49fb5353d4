/**
 * A process of the simulation: a clock, a connection to the stream, and three ways to fare badly. It
 * is killed (nothing of it goes on), it sleeps (everything that comes waits, as when it is stopped by
 * a signal or its machine hangs), or its connection goes away for a while.
 */
import type { Clock, ForkedClock, SimulatedClock } from "../../core/clock.js";
import type { MemoryClient, MemoryServer } from "../../core/stream/memory.js";
import type { Bucket, Consumption, Delivery, StreamClient } from "../../core/stream/stream.js";
import { Crash } from "./poison.js";

export interface SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly client: StreamClient;
  alive(): boolean;
  awake(): boolean;
  /** Runs it now, when the process wakes up, or never. */
  soon(run: () => void): void;
  /** Runs it as soon as the process has sent its next frame on its way to the stream. */
  onPublish(sent: () => void): void;
  /** Called when it is killed. */
  onKill(killed: () => void): void;
  kill(): void;
  sleep(forMs: number): void;
  wake(): void;
  /** Sets its wall clock forward, or back. */
  setClock(byMs: number): void;
  disconnect(): void;
  reconnect(): void;
}

export function openProcess(
  name: string,
  clock: SimulatedClock,
  server: MemoryServer,
): SimulatedProcess {
  const fork: ForkedClock = clock.fork();
  const connection: MemoryClient = server.connect(name, fork);
  const killed: (() => void)[] = [];
  let waiting: (() => void)[] = [];
  let sent: (() => void) | undefined;
  let alive = true;
  let asleepUntilMs = 0;
  const awake = (): boolean => clock.monotonicMs() >= asleepUntilMs;

  /** Runs it; where it is what ends the process, the process has been ended. */
  function live(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }

  function soon(run: () => void): void {
    if (!alive) return;
    if (awake() && waiting.length === 0) live(run);
    else waiting.push(run);
  }

  /** What came meanwhile, in its order. */
  function wakeUp(): void {
    if (!alive || !awake()) return;
    const all = waiting;
    waiting = [];
    for (const run of all) if (alive) live(run);
  }

  const own: Clock = {
    nowMs: fork.nowMs,
    monotonicMs: fork.monotonicMs,
    after(delayMs, run) {
      let wanted = true;
      const cancel = fork.after(delayMs, () => soon(() => (wanted ? run() : undefined)));
      return () => {
        wanted = false;
        cancel();
      };
    },
  };

  return {
    name,
    clock: own,
    client: gated(connection, soon, () => {
      const run = sent;
      sent = undefined;
      run?.();
    }),
    alive: () => alive,
    awake,
    soon,
    onPublish(run) {
      sent = run;
    },
    onKill: (run) => void killed.push(run),
    kill() {
      if (!alive) return;
      alive = false;
      waiting = [];
      connection.kill();
      fork.stop();
      for (const run of killed) run();
    },
    sleep(forMs) {
      asleepUntilMs = Math.max(asleepUntilMs, clock.monotonicMs() + forMs);
      clock.after(forMs, wakeUp);
    },
    wake() {
      asleepUntilMs = 0;
      wakeUp();
    },
    setClock: fork.jump,
    disconnect: connection.disconnect,
    reconnect: connection.reconnect,
  };
}

/** The client as a process sees it that may sleep: answers wait until it is awake. */
function gated(
  client: MemoryClient,
  soon: (run: () => void) => void,
  published: () => void,
): StreamClient {
  function late<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => soon(() => resolve(value)),
        (error: unknown) => soon(() => reject(error as Error)),
      );
    });
  }

  const lateDelivery = (delivery: Delivery): Delivery => ({
    ...delivery,
    working: () => late(delivery.working()),
  });

  return {
    publish(...all) {
      const answer = late(client.publish(...all));
      published();
      return answer;
    },
    declare: (...all) => late(client.declare(...all)),
    declareConsumer: (...all) => late(client.declareConsumer(...all)),
    recreateConsumer: (...all) => late(client.recreateConsumer(...all)),
    consume: (spec, options, receive) =>
      late(client.consume(spec, options, (one) => soon(() => receive(lateDelivery(one))))),
    read: (stream, subject, from, receive, caughtUp) =>
      late(
        client.read(
          stream,
          subject,
          from,
          (one) => soon(() => receive(one)),
          () => soon(() => caughtUp?.()),
        ),
      ),
    last: (...all) => late(client.last(...all)),
    at: (...all) => late(client.at(...all)),
    state: (...all) => late(client.state(...all)),
    serverTimeMs: () => late(client.serverTimeMs()),
    backlog: (...all) => late(client.backlog(...all)),
    purge: (...all) => late(client.purge(...all)),
    ask: (...all) => late(client.ask(...all)),
    respond: (subject, answer) =>
      late(
        client.respond(
          subject,
          (data) =>
            new Promise((resolve, reject) => soon(() => void answer(data).then(resolve, reject))),
        ),
      ),
    bucket: async (...all) => gatedBucket(await late(client.bucket(...all)), late, soon),
    objects: (...all) => late(client.objects(...all)),
    connected: client.connected,
    close: () => late(client.close()),
  };
}

function gatedBucket(
  bucket: Bucket,
  late: <T>(promise: Promise<T>) => Promise<T>,
  soon: (run: () => void) => void,
): Bucket {
  return {
    get: (...all) => late(bucket.get(...all)),
    put: (...all) => late(bucket.put(...all)),
    compareAndSet: (...all) => late(bucket.compareAndSet(...all)),
    delete: (...all) => late(bucket.delete(...all)),
    compareAndDelete: (...all) => late(bucket.compareAndDelete(...all)),
    entries: () => late(bucket.entries()),
    watch: (changed, options): Promise<Consumption> =>
      late(bucket.watch((...change) => soon(() => changed(...change)), options)),
  };
}
