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

/** @param leave gets each item when it is due. */
export function newDelayLine<T>(
  clock: Clock,
  make: () => T,
  leave: (item: T) => void,
): DelayLine<T> {
  const slots: { item: T; dueMs: number }[] = [];
  let cancel: (() => void) | undefined;
  let armedMs = Number.POSITIVE_INFINITY;

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
      for (const { item } of slots.splice(0, due)) leave(item);
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
      // Down: timers are late by half a millisecond on average, so the mean is what was asked for.
      const dueMs = Math.floor(nowMs + delayMs);
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
