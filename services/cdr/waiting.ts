/**
 * Waiting: delivered frames that no batch has taken yet, the one that was stored first in front.
 *
 * The streams are read side by side and one may be ahead. Taken in the order in which they were
 * stored, a message's verdict, attempts and settlement meet in one batch, and become one row, also
 * when cdr has much to catch up with.
 */
import type { Delivery } from "../../core/stream/stream.js";
import { type OpenFrame, openFrame, type SourceName } from "./frames.js";

export interface Waiting {
  add(source: SourceName, delivery: Delivery): void;
  /** The frame to be taken next; undefined: none waits. */
  first(): OpenFrame | undefined;
  /** The first one is taken. */
  shift(): void;
  count(): number;
  bytes(): number;
  all(): Iterable<OpenFrame>;
}

/** What is taken is cut off in one go when there is so much of it. */
const TAKEN_MAX = 256;

interface Queue {
  readonly frames: OpenFrame[];
  taken: number;
}

export function newWaiting(sources: readonly SourceName[]): Waiting {
  const queues: readonly Queue[] = sources.map(() => ({ frames: [], taken: 0 }));
  let next: Queue | undefined;
  let count = 0;
  let bytes = 0;

  function oldest(): Queue | undefined {
    let found: Queue | undefined;
    let storedAtMs = Number.POSITIVE_INFINITY;
    for (const queue of queues) {
      const frame = queue.frames[queue.taken];
      if (frame === undefined || frame.delivery.storedAtMs >= storedAtMs) continue;
      storedAtMs = frame.delivery.storedAtMs;
      found = queue;
    }
    return found;
  }

  return {
    add(source, delivery) {
      const frame = openFrame(source, delivery);
      queues[sources.indexOf(source)]!.frames.push(frame);
      count += 1;
      bytes += frame.bytes;
    },
    first() {
      next ??= oldest();
      return next?.frames[next.taken];
    },
    shift() {
      if (next === undefined) return;
      bytes -= next.frames[next.taken]!.bytes;
      next.taken += 1;
      count -= 1;
      if (next.taken === next.frames.length || next.taken === TAKEN_MAX) {
        next.frames.splice(0, next.taken);
        next.taken = 0;
      }
      next = undefined;
    },
    count: () => count,
    bytes: () => bytes,
    *all() {
      for (const { frames, taken } of queues) yield* frames.slice(taken);
    },
  };
}
