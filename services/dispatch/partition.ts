/**
 * Partition: one owner's life, from the log to a clean end.
 *
 * Start: load the last snapshot, replay DECISIONS from there, open the fenced appender behind it,
 * make the three consumers of REQUESTS anew (what any owner before left unacked comes back at once,
 * in order), read attempts from where the log ends. From then on this process alone decides, and if another one
 * thinks so too, the first append of one of them fails: then everything here is dropped.
 */

import type { Clock } from "../../core/clock.js";
import { openDeadLetters } from "../../core/dead-letters.js";
import { FloeError } from "../../core/errors.js";
import { REQUEST_FRAMES_HELD_MAX } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { LANES } from "../../core/message.js";
import { openAppender } from "../../core/stream/append.js";
import type { Consumption, Delivery, StreamClient } from "../../core/stream/stream.js";
import {
  decisionSubject,
  ownerSubject,
  requestConsumer,
  SNAPSHOTS_STORE,
} from "../../core/subjects.js";
import { openAgain } from "./again.js";
import { openAttempts } from "./attempts.js";
import { openCredits } from "./credits.js";
import { openDispatcher } from "./dispatcher.js";
import { openInbox } from "./inbox.js";
import { load } from "./load.js";
import { openPlan, type RateOf, type WindowOf } from "./plan.js";
import { openRequests } from "./requests.js";
import type { Router } from "./router.js";
import { openShares } from "./shares.js";
import { openSnapshots } from "./snapshots.js";
import type { PartitionState, StateLimits } from "./state.js";
import type { Suppressed } from "./suppressed.js";
import { NO_TERMS, type Terms } from "./terms.js";
import { openTurns } from "./turns.js";
import { openUpkeep } from "./upkeep.js";
import type { Window } from "./window.js";

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
  readonly windowOf?: WindowOf;
  /** Who asked whom to stop; absent: nobody. */
  readonly suppressed?: Suppressed;
  /** What accounts may do; absent: everything. */
  readonly terms?: Terms;
  readonly limits: StateLimits & { readonly reservationsMax: number };
  /** How often a snapshot is taken, in ms, if so many frames were appended since. */
  readonly snapshotEveryMs?: number;
  readonly snapshotFramesMin?: number;
  /** The owner is of no use any more; stop it, and start another if the lease is still held. */
  failed(error: unknown): void;
}

const APPEND_MS_MAX = 10_000;
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
  const { limits } = options;
  const loaded = await load({ client, objects, log, partition, limits });
  const { state, parts, behind, lastSequence } = loaded;
  if (state.epoch > epoch) throw new FloeError("stream.fenced", { partition, epoch });
  const appender = openAppender({
    client,
    clock,
    stream: "DECISIONS",
    subject: decisionSubject(partition),
    lastSequence,
    writerId: options.writerId,
    giveUpMs: APPEND_MS_MAX,
  });
  let full = false;
  /** Whether another message can be held; where not, its request stays in the stream. */
  const room = (): boolean => {
    const held = state.reservations.count();
    const isFull = held >= limits.reservationsMax;
    if (isFull && !full) log.error({ partition, held }, "no room for more unsettled messages");
    full = isFull;
    return !isFull;
  };
  const dispatcher = openDispatcher({ client, clock, log, window });
  const shares = openShares(options.rateOf);
  const plan = openPlan(partition, options.rateOf, options.windowOf, shares);
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
    shares,
    arrived: () => turns.wake(),
  });
  const credits = openCredits({
    partition,
    epoch,
    state,
    clock,
    arrived: () => turns.wake(),
    between: (what) => turns.between(what),
  });
  const turns = openTurns({
    partition,
    epoch,
    state,
    credits,
    terms: options.terms ?? NO_TERMS,
    appender,
    attempts,
    dispatcher,
    plan,
    window,
    suppressed: options.suppressed,
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
    behind,
    between: turns.between,
    everyMs: options.snapshotEveryMs ?? SNAPSHOT_EVERY_MS,
    framesMin: options.snapshotFramesMin ?? SNAPSHOT_FRAMES_MIN,
  });
  const dead = openDeadLetters({ client, clock, log, stage: "dispatch" });
  const requests = openRequests({ router, inbox, turns, dead, log, room, failed });

  const consumptions: Consumption[] = [];
  let answering: { stop(): Promise<void> } | undefined;
  const receive = (lane: number, delivery: Delivery): void => {
    if (!over) inbox.receive(lane, delivery);
  };
  /** Takes nothing any more, and resolves when nothing is in flight. */
  async function end(): Promise<void> {
    over = true;
    await answering?.stop();
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
    answering = await client.respond(ownerSubject(partition), credits.answer);
  } catch (error) {
    await end();
    throw error;
  }
  const upkeep = openUpkeep({
    client,
    clock,
    log,
    partition,
    state,
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

/** Resolves when `isQuiet`, or after `graceMs`. */
async function quiet(clock: Clock, graceMs: number, isQuiet: () => boolean): Promise<void> {
  const endMs = clock.monotonicMs() + graceMs;
  while (!isQuiet() && clock.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => clock.after(10, resolve));
  }
}
