/**
 * Inbox: the request frames of a partition that were delivered and are not acked, by lane.
 *
 * In: deliveries of the three lanes' consumers. A frame that is decided already goes to `again`, one
 * that is held already replaces its older delivery, one that was stored too late is acked undecided
 * (its gateway has told its caller that it was not accepted). Out: frames to route, the high lane
 * first, with a floor for the others: of 12 frames that wait 8 : 3 : 1.
 */

import type { Clock } from "../../core/clock.js";
import { FRAME_BYTES_MAX, FRAME_RECORDS_MAX, REQUEST_LATE_MS } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { counter, droppedTotal, framesTotal, recordsTotal } from "../../core/metrics.js";
import type { Delivery } from "../../core/stream/stream.js";
import type { Covered } from "./covered.js";
import { frameFacts, readRequestFrame } from "./request-frame.js";
import type { Held } from "./routed.js";

const framesIn = framesTotal.labels("REQUESTS", "in");
const recordsIn = recordsTotal.labels("REQUESTS", "in");
const repeatedTotal = counter(
  "floe_dispatch_requests_again_total",
  "Decided frames that came again.",
);

/** Frames in a round that are taken from each lane while all have some. */
const SHARES = [8, 3, 1] as const;
const LANES = SHARES.length;

export interface Inbox {
  /** `lane` as in floe.v1.Lane. */
  receive(lane: number, delivery: Delivery): void;
  /** Frames for one task: whole ones, at most 1,000 records or 256 KiB, at least one if any waits. */
  take(): Held[];
  /** Waiting frames, and since when (monotonic) the oldest of them does. */
  waiting(): number;
  sinceMs(): number;
  /** Frames that are not acked. */
  held(): number;
  /** Acks it: decided, and dispatched. */
  done(held: Held): void;
  /** It cannot be read at all, now or ever. */
  refuse(held: Held): void;
  /** It is to come again, as if it had not come. */
  giveBack(held: Held, delayMs: number): void;
  /** Says of frames held since before `beforeMs` (monotonic) that they are worked on. */
  touch(beforeMs: number): void;
}

export interface InboxOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** By floe.v1.Lane. */
  readonly covered: readonly Covered[];
  /** A frame came that is decided already, by the frame `decision` of the log. */
  again(held: Held, decision: number): void;
  /** Something waits. */
  arrived(): void;
}

export function openInbox(options: InboxOptions): Inbox {
  const { clock, log, covered } = options;
  const queues: Held[][] = [[], [], []];
  const heldBySequence = Array.from({ length: LANES + 1 }, () => new Map<number, Held>());
  const heldById = new Map<string, Held>();
  const credits: number[] = [...SHARES];

  function receive(lane: number, delivery: Delivery): void {
    const nowMs = clock.monotonicMs();
    const { sequence, data, id: publishId, storedAtMs } = delivery;
    const earlier = heldBySequence[lane]!.get(sequence);
    if (earlier !== undefined) {
      // Its place in what may be outstanding is free: only the last delivery is answered.
      earlier.delivery.forget?.();
      earlier.delivery = delivery;
      earlier.touchedAtMs = nowMs;
      return;
    }
    // A repeat under a new sequence, of a frame that is not decided yet: its fate is that one's.
    const twin = publishId === "" ? undefined : heldById.get(publishId);
    if (twin !== undefined) {
      twin.twins.push(delivery);
      repeatedTotal.inc();
      return;
    }
    const known = covered[lane]!.look(sequence, publishId, storedAtMs);
    if (known.decision === 0) {
      repeatedTotal.inc();
      delivery.ack();
      return;
    }
    const readable = readRequestFrame(data);
    framesIn.inc();
    if (readable) recordsIn.inc(frameFacts.records);
    if (readable && known.decision === undefined && isLate(storedAtMs, sequence)) {
      delivery.ack();
      return;
    }
    if (known.reborn)
      log.error({ lane, sequence }, "a sequence came twice: REQUESTS was made anew");
    const held: Held = {
      lane,
      sequence,
      publishId,
      storedAtMs,
      data,
      records: readable ? frameFacts.records : 0,
      acceptedFromMs: frameFacts.acceptedFromMs,
      acceptedToMs: frameFacts.acceptedToMs,
      arrivedAtMs: nowMs,
      delivery,
      touchedAtMs: nowMs,
      failures: 0,
      twins: [],
    };
    heldBySequence[lane]!.set(sequence, held);
    if (publishId !== "") heldById.set(publishId, held);
    if (known.decision !== undefined) {
      repeatedTotal.inc();
      options.again(held, known.decision);
      return;
    }
    queues[lane - 1]!.push(held);
    options.arrived();
  }

  function isLate(storedAtMs: number, sequence: number): boolean {
    if (storedAtMs - frameFacts.publishedAtMs <= REQUEST_LATE_MS) return false;
    droppedTotal.inc({ stage: "dispatch", code: "request.late" }, frameFacts.records);
    const { publishedAtMs, records } = frameFacts;
    log.error({ sequence, publishedAtMs, storedAtMs, records }, "request frame came too late");
    return true;
  }

  /** The lane to take from next; -1: all are empty. */
  function nextLane(): number {
    for (let round = 0; round < 2; round += 1) {
      for (let lane = 0; lane < LANES; lane += 1) {
        if (queues[lane]!.length > 0 && credits[lane]! > 0) return lane;
      }
      for (let lane = 0; lane < LANES; lane += 1) credits[lane] = SHARES[lane]!;
    }
    return -1;
  }

  function take(): Held[] {
    const taken: Held[] = [];
    let [records, bytes] = [0, 0];
    for (let lane = nextLane(); lane >= 0; lane = nextLane()) {
      const held = queues[lane]![0]!;
      records += held.records;
      bytes += held.data.length;
      if (taken.length > 0 && (records > FRAME_RECORDS_MAX || bytes > FRAME_BYTES_MAX)) break;
      queues[lane]!.shift();
      credits[lane] = credits[lane]! - 1;
      taken.push(held);
    }
    return taken;
  }

  function forget(held: Held): void {
    heldBySequence[held.lane]!.delete(held.sequence);
    heldById.delete(held.publishId);
    for (const delivery of held.twins) delivery.ack();
  }

  return {
    receive,
    take,
    waiting: () => queues[0]!.length + queues[1]!.length + queues[2]!.length,
    sinceMs() {
      let since = Number.POSITIVE_INFINITY;
      for (const queue of queues) since = Math.min(since, queue[0]?.arrivedAtMs ?? since);
      return since;
    },
    held: () => heldBySequence.reduce((sum, frames) => sum + frames.size, 0),
    done(held) {
      forget(held);
      held.delivery.ack();
    },
    refuse(held) {
      forget(held);
      held.delivery.term();
    },
    giveBack(held, delayMs) {
      heldBySequence[held.lane]!.delete(held.sequence);
      heldById.delete(held.publishId);
      for (const delivery of [held.delivery, ...held.twins]) delivery.nak(delayMs);
    },
    touch(beforeMs) {
      for (const frames of heldBySequence) {
        for (const held of frames.values()) {
          if (held.touchedAtMs > beforeMs) continue;
          held.touchedAtMs = clock.monotonicMs();
          // If nobody answers, the frame comes again, and meets itself here.
          held.delivery.working().catch(() => {});
        }
      }
    },
  };
}
