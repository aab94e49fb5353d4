/**
 * Turns of a partition: decide, append, dispatch, ack.
 *
 * A turn takes everything that waits (routed request frames whole, at most 1,000 records or 256 KiB
 * of verdicts; attempts) and makes one decision frame of it. Turns are strictly one after another,
 * but what costs is not: the pool works on the next frames while this one is appended, and dispatch
 * frames of a decided turn are published while the next is appended. Nothing is dispatched before
 * the append, and nothing acked before its dispatch is stored.
 *
 * This is an actor's turn (core/actor) in a loop of its own, because its mailbox is several queues
 * with an order between them, and what it takes is chosen only when a place in the process's
 * publish window is given to it, not when the turn is called for.
 */
import assert from "node:assert";
import type { Clock } from "../../core/clock.js";
import { sleep } from "../../core/clock.js";
import { FloeError, isFloeError } from "../../core/errors.js";
import {
  FRAME_BYTES_MAX,
  FRAME_RECORDS_MAX,
  SETTLE_LINGER_MS,
  UNDISPATCHED_DECISIONS_MAX,
} from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { framesTotal, recordsTotal } from "../../core/metrics.js";
import type { Appender } from "../../core/stream/append.js";
import { newWriter, readUint53, written } from "../../core/stream/frame.js";
import { INDEX, INDEX_STRIDE, VERDICT_AT } from "../../workers/task.js";
import type { Attempts } from "./attempts.js";
import type { Credits } from "./credits.js";
import { decidePart } from "./decide.js";
import { writeDecision } from "./decision.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Plan } from "./plan.js";
import type { Held, Routed } from "./routed.js";
import type { PartitionState } from "./state.js";
import type { Suppressed } from "./suppressed.js";
import type { Terms } from "./terms.js";
import type { Window } from "./window.js";

const framesOut = framesTotal.labels("DECISIONS", "out");
const recordsOut = recordsTotal.labels("DECISIONS", "out");

export interface Turns {
  /** A routed frame to decide. */
  put(routed: Routed): void;
  /** Looks whether there is something to do. */
  wake(): void;
  /** Appends a frame soon even if nothing was decided: `attemptsThrough` and the epoch are in it. */
  checkpoint(): void;
  /**
   * Runs it when no turn is under way: the state is that of the log then.
   * @throws FloeError "stream.unavailable" when turns end before; what `run` throws.
   */
  between<T>(run: () => T): Promise<T>;
  /** Request records that wait for a turn. */
  waiting(): number;
  /** False: enough decisions wait for their dispatch to be stored. */
  takes(): boolean;
  /** Resolves when the running turn, if any, is over; none begins any more. */
  stop(): Promise<void>;
}

export interface TurnsOptions {
  readonly partition: number;
  readonly epoch: number;
  readonly state: PartitionState;
  readonly appender: Appender;
  readonly attempts: Attempts;
  readonly credits: Credits;
  readonly dispatcher: Dispatcher;
  readonly plan: Plan;
  readonly window: Window;
  /** Who asked whom to stop; undefined: nobody. */
  readonly suppressed: Suppressed | undefined;
  /** What accounts may do. */
  readonly terms: Terms;
  readonly clock: Clock;
  readonly log: Logger;
  /** The decision about it is appended, and its dispatch stored. */
  done(held: Held): void;
  /** A frame is appended. */
  appended(): void;
  /** There may be room for more. */
  turned(): void;
  /** An append failed: the state is of no use. */
  failed(error: unknown): void;
}

const FULL_PAUSE_MS = 500;
/** Other partitions of the process may fill the table meanwhile, but not each time. */
const TERMS_ROUNDS_MAX = 10;

export function openTurns(options: TurnsOptions): Turns {
  const { partition, epoch, state, appender, attempts, credits, plan, terms } = options;
  const { window, clock, log } = options;
  const writer = newWriter(FRAME_BYTES_MAX);
  const settlements = newWriter(16 * 1_024);
  let queue: Routed[] = [];
  let waiting = 0;
  let counter = 0;
  let checkpoint = false;
  let running: Promise<void> | undefined;
  let stopped = false;
  let lingering = false;
  let between: { run(): void; fail(error: unknown): void }[] = [];

  const takes = (): boolean => options.dispatcher.undone() < UNDISPATCHED_DECISIONS_MAX;

  function wake(): void {
    if (running !== undefined || stopped) return;
    if (hasWork()) {
      running = run().catch((error: unknown) => {
        end();
        options.failed(error);
      });
    } else if (attempts.waiting() > 0 && !lingering) {
      lingering = true;
      clock.after(SETTLE_LINGER_MS, () => {
        lingering = false;
        wake();
      });
    }
  }

  function hasWork(): boolean {
    if ((queue.length > 0 && takes()) || checkpoint || credits.waiting() > 0) return true;
    return attempts.due(clock.monotonicMs());
  }

  async function run(): Promise<void> {
    while (!stopped && hasWork()) {
      await turn();
      runBetween();
    }
    running = undefined;
    // Attempts that came meanwhile may have to linger.
    wake();
  }

  function runBetween(): void {
    for (const one of between) one.run();
    between = [];
  }

  function end(): void {
    stopped = true;
    for (const one of between) one.fail(new FloeError("stream.unavailable", { partition }));
    between = [];
    credits.stop();
  }

  /** Frames for this turn: at least one if any waits. */
  function takeFrames(): Routed[] {
    if (!takes()) return [];
    let [count, records, bytes] = [0, 0, 0];
    for (const routed of queue) {
      records += routed.records;
      bytes += routed.verdictBytes;
      if (count > 0 && (records > FRAME_RECORDS_MAX || bytes > FRAME_BYTES_MAX)) break;
      count += 1;
      waiting -= routed.records;
    }
    const taken = queue.slice(0, count);
    queue = queue.slice(count);
    return taken;
  }

  async function turn(): Promise<void> {
    const sinceMs = Math.min(
      queue[0]?.held.arrivedAtMs ?? Number.POSITIVE_INFINITY,
      attempts.waiting() > 0 ? attempts.sinceMs() : Number.POSITIVE_INFINITY,
      credits.sinceMs(),
    );
    await window.enter(sinceMs);
    let entered = true;
    try {
      if (stopped) return;
      const frames = takeFrames();
      await known(frames);
      const decidedAtMs = clock.nowMs();
      plan.clear();
      for (const { parts } of frames) {
        for (const part of parts) {
          decidePart(state, part, plan, decidedAtMs, options.suppressed, terms);
        }
      }
      settlements.at = 0;
      const settled = attempts.settle(settlements) + credits.settle(settlements, decidedAtMs);
      if (frames.length === 0 && settled === 0 && !checkpoint) {
        // Repeats of what is in the log.
        credits.appended();
        return;
      }
      checkpoint = false;
      const appended = append(frames, decidedAtMs, sinceMs);
      // Told below; but the records are put together first, while the frame is on its way.
      appended.catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
      plan.fill(frames);
      const sequence = await appended;
      window.leave();
      entered = false;
      conclude(frames, sequence, decidedAtMs, settled);
    } finally {
      if (entered) window.leave();
    }
  }

  /**
   * Accounts that are met first are asked for: nothing is decided about one without its terms. A table
   * that was full forgets what it had, other frames of this turn included, so all are asked for again.
   */
  async function known(frames: readonly Routed[]): Promise<void> {
    let isWhole = false;
    for (let round = 1; !isWhole; round += 1) {
      assert(round <= TERMS_ROUNDS_MAX, "the terms of a turn's accounts fit into their table");
      isWhole = true;
      for (const { parts } of frames) {
        for (const part of parts) {
          const missing = terms.missing(part);
          if (missing.length === 0) continue;
          isWhole = false;
          await terms.load(missing);
        }
      }
    }
  }

  async function append(
    frames: readonly Routed[],
    decidedAtMs: number,
    sinceMs: number,
  ): Promise<number> {
    counter += 1;
    const head = {
      partition,
      decidedAtMs,
      previousSequence: state.sequence,
      attemptsThrough: state.attemptsThrough,
      epoch,
      counter,
    };
    writeDecision(writer, head, frames, { bytes: settlements.bytes, end: settlements.at });
    const last = appender.last();
    assert(last === state.sequence || last === 0, "the log goes on where the state ends");
    for (;;) {
      try {
        return await appender.append(written(writer));
      } catch (error) {
        // Refused as full nothing was stored: the same frame is tried until there is room again.
        if (!isFloeError(error, "stream.full") || stopped) throw error;
        log.error({ err: error }, "DECISIONS is full");
        window.leave();
        await sleep(clock, FULL_PAUSE_MS);
        await window.enter(sinceMs);
      }
    }
  }

  function conclude(
    frames: readonly Routed[],
    sequence: number,
    decidedAtMs: number,
    settled: number,
  ): void {
    let records = settled;
    for (const { held, parts, records: count } of frames) {
      const { lane, publishId, storedAtMs } = held;
      const acceptedAtMs = Math.min(decidedAtMs, firstAccepted(parts) ?? decidedAtMs);
      state.covered[lane]!.add(held.sequence, publishId, sequence, acceptedAtMs, storedAtMs);
      records += count;
    }
    state.sequence = sequence;
    state.attemptsLogged = state.attemptsThrough;
    state.decidedAtMs = decidedAtMs;
    state.epoch = epoch;
    credits.appended();
    framesOut.inc();
    recordsOut.inc(records);
    options.appended();
    const sinceMs = frames[0]?.held.arrivedAtMs ?? 0;
    options.dispatcher.send(plan.frames(sequence, decidedAtMs), sinceMs, () => {
      for (const { held } of frames) options.done(held);
      wake();
      options.turned();
    });
    options.turned();
  }

  return {
    put(routed) {
      queue.push(routed);
      waiting += routed.records;
      wake();
    },
    wake,
    checkpoint() {
      checkpoint = true;
      wake();
    },
    between(what) {
      return new Promise((resolve, reject) => {
        const run = (): void => {
          try {
            resolve(what());
          } catch (error) {
            reject(error);
          }
        };
        between.push({ run, fail: reject });
        if (stopped) end();
        else if (running === undefined) runBetween();
      });
    },
    waiting: () => waiting,
    takes,
    async stop() {
      end();
      await running;
    },
  };
}

/** When the first message of a frame was accepted. */
function firstAccepted(parts: Routed["parts"]): number | undefined {
  const part = parts[0];
  if (part === undefined || part.to === part.from) return undefined;
  const at = part.result.index[part.from * INDEX_STRIDE + INDEX.verdictAt]!;
  return readUint53(part.verdicts, at + VERDICT_AT.acceptedAtMs);
}
