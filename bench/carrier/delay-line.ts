/**
 * Delay line: what leaves later, in order.
 *
 * What is put in within one millisecond shares an item and leaves together, so a delay costs no
 * timer and no object per PDU. One timer runs, for the oldest item.
 */
import type { Clock } from "../../core/clock.js";

export interface DelayLine<T> {
  /** The item for what leaves `delayMs` from now; never before what was put in earlier. */
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

  function arm(): void {
    const oldest = slots[0];
    if (cancel !== undefined || oldest === undefined) return;
    cancel = clock.after(Math.max(0, oldest.dueMs - clock.monotonicMs()), () => {
      cancel = undefined;
      const nowMs = clock.monotonicMs();
      let due = 0;
      while (due < slots.length && slots[due]!.dueMs <= nowMs) due += 1;
      for (const { item } of slots.splice(0, due)) leave(item);
      arm();
    });
  }

  return {
    item(nowMs, delayMs) {
      const last = slots.at(-1);
      const dueMs = Math.max(Math.ceil(nowMs + delayMs), last?.dueMs ?? 0);
      if (last !== undefined && last.dueMs === dueMs) return last.item;
      const slot = { item: make(), dueMs };
      slots.push(slot);
      arm();
      return slot.item;
    },
    clear() {
      cancel?.();
      cancel = undefined;
      return slots.splice(0).map(({ item }) => item);
    },
  };
}
