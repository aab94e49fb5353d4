/**
 * Upkeep of a partition, once a second: frames held long are said to be worked on, what has ended is
 * forgotten, gauges are set, and now and then floors, a checkpoint and a snapshot.
 */
import type { Clock } from "../../core/clock.js";
import {
  ACK_WAIT_MS,
  IDEMPOTENCY_WINDOW_MS,
  RECEIPT_WAIT_MS,
  RELEASED_KEPT_MS,
  REQUEST_LATE_MS,
} from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { gauge } from "../../core/metrics.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { raiseFloors } from "./floors.js";
import type { PartitionState } from "./state.js";

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

export interface UpkeepOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly partition: number;
  readonly state: PartitionState;
  touch(beforeMs: number): void;
  checkpoint(): void;
  undone(): number;
  pump(): void;
  snapshot(): void;
}

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

/** Returns what ends it. */
export function openUpkeep(options: UpkeepOptions): () => void {
  const { client, clock, log, partition, state } = options;
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
    options.touch(nowMs - ACK_WAIT_MS / 3);
    state.reservations.sweep(timeMs - RECEIPT_WAIT_MS - RELEASED_KEPT_MS, SWEEP_SLOTS);
    dropKeys(timeMs);
    reservationsHeld.set({ partition }, state.reservations.held());
    undispatched.set({ partition }, options.undone());
    if (nowMs - floorsAtMs >= FLOORS_EVERY_MS && !asking) void floors(nowMs);
    if (nowMs - throughAtMs >= THROUGH_EVERY_MS) {
      throughAtMs = nowMs;
      const unwritten = state.attemptsThrough > through;
      through = state.attemptsThrough;
      const quietMs = timeMs - state.decidedAtMs;
      if ((unwritten && quietMs >= THROUGH_EVERY_MS) || quietMs >= CHECKPOINT_EVERY_MS) {
        options.checkpoint();
      }
    }
    // Room may have come by time alone.
    options.pump();
    options.snapshot();
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
