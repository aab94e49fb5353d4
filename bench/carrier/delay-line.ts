/**
 * Delay line: what leaves later, each at its own time.
 *
 * What is due in the same millisecond shares an item and leaves together, so a delay costs no timer
 * and no object per PDU. One timer runs, for the oldest item. With one delay for all, items are
 * appended; with spread delays they are found, or put in, by bisection: there are as many as
 * milliseconds, not as many as PDUs.
 */
import type { Clock } from "../../core/clock.js";

export interface DelayLine<T> {
  /** The item for what leaves `delayMs` from now. */
  item(nowMs: number, delayMs: number): T;
  /** Takes out everything that has not left. */
  clear(): T[];
}

const LATE_MS_MAX = 3;
const LEARN = 0.02;

/** @param leave gets each item when it is due. */
export function newDelayLine<T>(
  clock: Clock,
  make: () => T,
  leave: (item: T) => void,
): DelayLine<T> {
  const slots: { item: T; dueMs: number }[] = [];
  let cancel: (() => void) | undefined;
  let armedMs = Number.POSITIVE_INFINITY;
  /** How late timers are here: learned and taken off, so that the mean delay is what was asked. */
  let lateMs = 0;

  function arm(): void {
    const oldest = slots[0];
    if (oldest === undefined || armedMs <= oldest.dueMs) return;
    cancel?.();
    armedMs = oldest.dueMs;
    cancel = clock.after(Math.max(0, armedMs - clock.monotonicMs()), () => {
      cancel = undefined;
      armedMs = Number.POSITIVE_INFINITY;
      const nowMs = clock.monotonicMs();
      let due = 0;
      while (due < slots.length && slots[due]!.dueMs <= nowMs) due += 1;
      for (const slot of slots.splice(0, due)) {
        // What shares an item was to leave half a millisecond after its begin, on average.
        const late = nowMs - (slot.dueMs + 0.5 + lateMs);
        lateMs = Math.min(LATE_MS_MAX, Math.max(0, lateMs + LEARN * late));
        leave(slot.item);
      }
      arm();
    });
  }

  /** First place whose item is not due before `dueMs`. */
  function placeOf(dueMs: number): number {
    let from = 0;
    let end = slots.length;
    if (end > 0 && slots[end - 1]!.dueMs < dueMs) return end;
    while (from < end) {
      const middle = (from + end) >> 1;
      if (slots[middle]!.dueMs < dueMs) from = middle + 1;
      else end = middle;
    }
    return from;
  }

  return {
    item(nowMs, delayMs) {
      const dueMs = Math.floor(nowMs + delayMs - lateMs);
      const last = slots.at(-1);
      if (last !== undefined && last.dueMs === dueMs) return last.item;
      const place = placeOf(dueMs);
      const there = slots[place];
      if (there !== undefined && there.dueMs === dueMs) return there.item;
      const slot = { item: make(), dueMs };
      slots.splice(place, 0, slot);
      arm();
      return slot.item;
    },
    clear() {
      cancel?.();
      cancel = undefined;
      armedMs = Number.POSITIVE_INFINITY;
      return slots.splice(0).map(({ item }) => item);
    },
  };
}
