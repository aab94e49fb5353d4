/**
 * Actors: one owner per piece of state, one batch at a time.
 *
 * An actor is a bounded mailbox plus a `receive` function. `receive` gets everything that waited,
 * at most `batchMax` messages, and runs to its end, awaits included, before the next batch starts.
 * So state needs no lock and no second look after an `await`, and one append pays for the batch.
 * Actors live inside one process; between processes there are only subjects (core/subjects.ts).
 */
import assert from "node:assert";
import { type ErrorCode, FloeError } from "../errors.js";

export interface Behavior<S, M> {
  /** Loads the state. Runs before the first batch and again after a restart. */
  start(): S | Promise<S>;
  /** Handles a batch and returns the next state. Throwing means: nothing was promised to anyone. */
  receive(state: S, batch: readonly M[]): S | Promise<S>;
}

export interface ActorOptions {
  name: string;
  /** Messages that may wait. `tell` answers false beyond it; the caller must then hold back. */
  mailboxMax: number;
  batchMax: number;
  /** More restarts than this within `restartWindowMs` stop the actor: it is not getting better. */
  restartsMax: number;
  restartWindowMs: number;
  /** What to do when `start` or `receive` threw. */
  supervise(error: unknown): "restart" | "stop";
  /** Called once, when the actor has stopped for good. The stream redelivers what waited. */
  onStop(error: unknown): void;
  nowMs(): number;
}

export interface Ref<M> {
  readonly name: string;
  waiting(): number;
  /** Queues a message. False means full or stopped: nothing was queued. */
  tell(message: M): boolean;
  stop(): void;
}

export function spawn<S, M>(behavior: Behavior<S, M>, options: ActorOptions): Ref<M> {
  assert(options.mailboxMax >= options.batchMax && options.batchMax >= 1);
  let mailbox: M[] = [];
  let state: { value: S } | undefined;
  let restartedAtMs: number[] = [];
  let phase: "idle" | "running" | "stopped" = "idle";

  function tell(message: M): boolean {
    if (phase === "stopped" || mailbox.length >= options.mailboxMax) return false;
    mailbox.push(message);
    if (phase === "idle") {
      phase = "running";
      // Not now: the caller's remaining messages join the batch, and sockets and timers get a turn.
      setImmediate(run);
    }
    return true;
  }

  async function run(): Promise<void> {
    const batch = mailbox.slice(0, options.batchMax);
    mailbox = mailbox.slice(options.batchMax);
    try {
      state ??= { value: await behavior.start() };
      state.value = await behavior.receive(state.value, batch);
    } catch (error) {
      state = undefined;
      if (options.supervise(error) === "stop" || !mayRestart()) stop(error);
    }
    if (phase === "stopped") return;
    // Looking and going idle are one synchronous step, so no wake-up is lost.
    if (mailbox.length > 0) setImmediate(run);
    else phase = "idle";
  }

  function mayRestart(): boolean {
    const nowMs = options.nowMs();
    restartedAtMs = restartedAtMs.filter((atMs) => atMs > nowMs - options.restartWindowMs);
    restartedAtMs.push(nowMs);
    return restartedAtMs.length <= options.restartsMax;
  }

  function stop(error?: unknown): void {
    if (phase === "stopped") return;
    phase = "stopped";
    mailbox = [];
    options.onStop(error);
  }

  return { name: options.name, waiting: () => mailbox.length, tell, stop: () => stop() };
}

/**
 * Sends a message that carries its own reply function and waits for the answer. A late one is
 * dropped. Ask downwards only (stage to actor): two that ask each other wait until the timeout.
 * @throws FloeError "actor.full" if nothing was queued, "actor.timeout" if the outcome is unknown.
 */
export function ask<M, A>(
  ref: Ref<M>,
  compose: (reply: (answer: A) => void) => M,
  timeoutMs: number,
): Promise<A> {
  let timer: NodeJS.Timeout | undefined;
  const answer = new Promise<A>((resolve, reject) => {
    const fail = (code: ErrorCode): void => reject(new FloeError(code, { actor: ref.name }));
    timer = setTimeout(fail, timeoutMs, "actor.timeout");
    if (!ref.tell(compose(resolve))) fail("actor.full");
  });
  return answer.finally(() => clearTimeout(timer));
}
