/**
 * Partition: one owner's life, from the log to a clean end.
 *
 * Start: load the last snapshot, replay DECISIONS from there into the state, open the fenced appender behind it, make the three
 * consumers of REQUESTS anew (what any owner before left unacked comes back at once, in order), read
 * attempts from where the log ends. From then on this process alone decides, and if another one
 * thinks so too, the first append of one of them fails: then everything here is dropped.
 */

import type { Clock } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import {
  ACK_WAIT_MS,
  IDEMPOTENCY_WINDOW_MS,
  RECEIPT_WAIT_MS,
  RELEASED_KEPT_MS,
  REQUEST_FRAMES_HELD_MAX,
  REQUEST_LATE_MS,
} from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { LANES } from "../../core/message.js";
import { gauge } from "../../core/metrics.js";
import { openAppender } from "../../core/stream/append.js";
import type { Consumption, Delivery, Objects, StreamClient } from "../../core/stream/stream.js";
import { decisionSubject, requestConsumer, SNAPSHOTS_STORE } from "../../core/subjects.js";
import { openAgain } from "./again.js";
import { openAttempts } from "./attempts.js";
import { openDispatcher } from "./dispatcher.js";
import { raiseFloors } from "./floors.js";
import { openInbox } from "./inbox.js";
import { openPlan, type RateOf } from "./plan.js";
import { openRequests } from "./requests.js";
import type { Router } from "./router.js";
import { type Loaded, loadSnapshot } from "./snapshot.js";
import { openSnapshots } from "./snapshots.js";
import { applyFrame, openState, type PartitionState, type StateLimits } from "./state.js";
import { openTurns } from "./turns.js";
import type { Window } from "./window.js";

const reservationsHeld = gauge(
  "floe_dispatch_reservations",
  "Messages whose money is reserved and not settled.",
  ["partition"],
);
const undispatched = gauge(
  "floe_dispatch_undispatched_decisions",
  "Decisions with dispatch frames that are not stored.",
  ["partition"],
);

export interface Partition {
  /** For questions and tests: never to be changed. */
  readonly state: PartitionState;
  /** Ends cleanly: what is decided is dispatched and acked if the stream lets it be within `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface PartitionOptions {
  readonly partition: number;
  readonly epoch: number;
  /** Unique to this ownership for ever. */
  readonly writerId: string;
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly router: Router;
  /** The process's places for publishes. */
  readonly window: Window;
  readonly rateOf: RateOf;
  readonly limits: StateLimits & { readonly reservationsMax: number };
  /** How often a snapshot is taken, in ms, if so many frames were appended since. */
  readonly snapshotEveryMs?: number;
  readonly snapshotFramesMin?: number;
  /** The owner is of no use any more; stop it, and start another if the lease is still held. */
  failed(error: unknown): void;
}

const APPEND_MS_MAX = 10_000;
const TICK_MS = 1_000;
const FLOORS_EVERY_MS = 10_000;
/** A frame that says how far attempts are reflected, where no other does. */
const THROUGH_EVERY_MS = 30_000;
/** A subject emptied by age would lose the log's end: a frame at least this often. */
const CHECKPOINT_EVERY_MS = 12 * 3_600_000;
/** Slots of the reservation table, and keys, that one tick looks at. */
const SWEEP_SLOTS = 5_000;
const DROP_KEYS = 20_000;
const SLACK_MS = 600_000;
const SNAPSHOT_EVERY_MS = 60_000;
const SNAPSHOT_FRAMES_MIN = 1_000;

/**
 * @throws FloeError "stream.fenced" if the log says that a later owner wrote; "frame.malformed" if it
 *   cannot be read or has a gap; "stream.unavailable".
 */
export async function openPartition(options: PartitionOptions): Promise<Partition> {
  const { partition, epoch, client, clock, log, router, window } = options;
  let over = false;
  const failed = (error: unknown): void => {
    if (over) return;
    over = true;
    options.failed(error);
  };

  const objects = await client.objects(SNAPSHOTS_STORE);
  const { state, parts } = await load(options, objects);
  if (state.epoch > epoch) throw new FloeError("stream.fenced", { partition, epoch });
  const appender = openAppender({
    client,
    clock,
    stream: "DECISIONS",
    subject: decisionSubject(partition),
    lastSequence: state.sequence,
    writerId: options.writerId,
    giveUpMs: APPEND_MS_MAX,
  });
  const dispatcher = openDispatcher({ client, clock, log, window });
  const plan = openPlan(partition, options.rateOf);
  const again = openAgain({
    client,
    clock,
    log,
    partition,
    dispatcher,
    done: (held) => inbox.done(held),
  });
  const inbox = openInbox({
    clock,
    log,
    covered: state.covered,
    again: again.answer,
    arrived: () => requests.pump(),
  });
  const attempts = openAttempts({
    client,
    clock,
    log,
    partition,
    state,
    arrived: () => turns.wake(),
  });
  const turns = openTurns({
    partition,
    epoch,
    state,
    appender,
    attempts,
    dispatcher,
    plan,
    window,
    clock,
    log,
    done: (held) => inbox.done(held),
    appended: () => snapshots.appended(),
    turned: () => requests.pump(),
    failed,
  });
  const snapshots = openSnapshots({
    client,
    objects,
    clock,
    log,
    partition,
    state,
    parts,
    between: turns.between,
    everyMs: options.snapshotEveryMs ?? SNAPSHOT_EVERY_MS,
    framesMin: options.snapshotFramesMin ?? SNAPSHOT_FRAMES_MIN,
  });
  const requests = openRequests({
    router,
    inbox,
    turns,
    log,
    room: () => state.reservations.count() < options.limits.reservationsMax,
    failed,
  });

  const consumptions: Consumption[] = [];
  const receive = (lane: number, delivery: Delivery): void => {
    if (!over) inbox.receive(lane, delivery);
  };
  /** Takes nothing any more, and resolves when nothing is in flight. */
  async function end(): Promise<void> {
    over = true;
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
    await requests.stop();
    await turns.stop();
    await snapshots.stop();
    await again.stop();
    await dispatcher.stop();
    await attempts.stop();
  }
  try {
    await attempts.start();
    for (const [index, lane] of LANES.entries()) {
      const spec = requestConsumer(lane, partition);
      await client.recreateConsumer(spec);
      const consume = { outstandingMax: REQUEST_FRAMES_HELD_MAX };
      consumptions.push(await client.consume(spec, consume, (one) => receive(index + 1, one)));
    }
  } catch (error) {
    await end();
    throw error;
  }
  const upkeep = openUpkeep(options, state, {
    touch: (beforeMs) => inbox.touch(beforeMs),
    checkpoint: () => turns.checkpoint(),
    undone: () => dispatcher.undone(),
    pump: () => requests.pump(),
    snapshot: () => snapshots.tick(),
  });
  log.info({ partition, epoch, sequence: state.sequence }, "partition is owned");

  return {
    state,
    async stop(graceMs) {
      for (const consumption of consumptions) consumption.pause();
      await quiet(clock, graceMs, () => over || (inbox.held() === 0 && dispatcher.undone() === 0));
      upkeep();
      await end();
      log.info({ partition, epoch, sequence: state.sequence }, "partition is given up");
    },
  };
}

/** The state that the last snapshot and the log behind it lead to. */
async function load(options: PartitionOptions, objects: Objects): Promise<Loaded> {
  const { client, log, partition, limits } = options;
  const unreadable = (name: string, err: unknown): void =>
    log.error({ err, partition, snapshot: name }, "a snapshot cannot be read");
  const loaded = await loadSnapshot(objects, partition, limits, unreadable);
  const state = loaded?.state ?? openState(limits);
  await raiseFloors(client, partition, state.covered);
  await replay(client, partition, state);
  return { state, parts: loaded?.parts ?? [] };
}

/** Applies what the log holds behind the state. */
async function replay(
  client: StreamClient,
  partition: number,
  state: PartitionState,
): Promise<void> {
  const subject = decisionSubject(partition);
  await new Promise<void>((resolve, reject) => {
    let reading: Promise<Consumption> | undefined;
    const end = (error?: Error): void => {
      const stopped = async (): Promise<void> => (await reading)?.stop();
      queueMicrotask(() => void stopped().then(() => (error ? reject(error) : resolve()), reject));
    };
    let faulty = false;
    reading = client.read(
      "DECISIONS",
      subject,
      state.sequence + 1,
      ({ data, sequence }) => {
        if (faulty) return;
        const problem = applyFrame(state, data, sequence);
        if (problem === undefined) return;
        faulty = true;
        end(new FloeError("frame.malformed", { subject, sequence, problem }));
      },
      () => {
        if (!faulty) end();
      },
    );
    reading.catch(reject);
  });
}

interface Upkept {
  touch(beforeMs: number): void;
  checkpoint(): void;
  undone(): number;
  pump(): void;
  snapshot(): void;
}

/** What is done once a second. Returns what ends it. */
function openUpkeep(
  { client, clock, log, partition }: PartitionOptions,
  state: PartitionState,
  parts: Upkept,
): () => void {
  let cancel = (): void => {};
  let ended = false;
  let floorsAtMs = clock.monotonicMs();
  let asking = false;
  let throughAtMs = clock.monotonicMs();
  let through = state.attemptsThrough;
  let oldestRequestMs = 0;

  function tick(): void {
    const nowMs = clock.monotonicMs();
    const timeMs = clock.nowMs();
    parts.touch(nowMs - ACK_WAIT_MS / 3);
    state.reservations.sweep(timeMs - RECEIPT_WAIT_MS - RELEASED_KEPT_MS, SWEEP_SLOTS);
    dropKeys(timeMs);
    reservationsHeld.set({ partition }, state.reservations.held());
    undispatched.set({ partition }, parts.undone());
    if (nowMs - floorsAtMs >= FLOORS_EVERY_MS && !asking) void floors(nowMs);
    if (nowMs - throughAtMs >= THROUGH_EVERY_MS) {
      throughAtMs = nowMs;
      const unwritten = state.attemptsThrough > through;
      through = state.attemptsThrough;
      const quietMs = timeMs - state.decidedAtMs;
      if ((unwritten && quietMs >= THROUGH_EVERY_MS) || quietMs >= CHECKPOINT_EVERY_MS) {
        parts.checkpoint();
      }
    }
    // Room may have come by time alone.
    parts.pump();
    parts.snapshot();
    if (!ended) cancel = clock.after(TICK_MS, tick);
  }

  async function floors(nowMs: number): Promise<void> {
    floorsAtMs = nowMs;
    asking = true;
    try {
      const askedAtMs = clock.nowMs();
      const oldestMs = await raiseFloors(client, partition, state.covered);
      oldestRequestMs = Math.min(oldestMs, askedAtMs);
    } catch (err) {
      log.warn({ err, partition }, "cannot ask how far requests are done");
    } finally {
      asking = false;
    }
  }

  /** Keys of hours that no request in the stream can fall within 24 hours of. */
  function dropKeys(timeMs: number): void {
    const oldestMs = Math.min(oldestRequestMs, timeMs) - REQUEST_LATE_MS - SLACK_MS;
    const before = Math.floor((oldestMs - IDEMPOTENCY_WINDOW_MS) / 1_000);
    state.keys.drop(before, DROP_KEYS, (place) => state.accounts.addKeys(place, -1));
  }

  cancel = clock.after(TICK_MS, tick);
  return () => {
    ended = true;
    cancel();
  };
}

/** Resolves when `isQuiet`, or after `graceMs`. */
async function quiet(clock: Clock, graceMs: number, isQuiet: () => boolean): Promise<void> {
  const endMs = clock.monotonicMs() + graceMs;
  while (!isQuiet() && clock.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => clock.after(10, resolve));
  }
}
