/**
 * Heap: how much a serving process may allocate before V8 looks through its whole heap.
 *
 * V8 counts buffers outside its heap as growth of it, and lets a heap of 20 MB grow by about as much.
 * What moves frames between sockets allocates that in a tenth of a second, all of it short-lived:
 * marking the same live objects each time took a third of a busy connector's CPU. So the growth that
 * is allowed is a sum, whatever the heap holds, as long as it is small.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import type { Clock } from "./clock.js";

/** Bytes that may be allocated between two looks: what a process may be larger for it. */
const GROWTH_BYTES = 128 * 1_024 * 1_024;
/** Bounds of the growth as a part of what is live; V8 goes up to 300 by itself. */
const PERCENT_MIN = 100;
const PERCENT_MAX = 1_000;
/** A heap changes slowly once its process is at work. */
const LOOK_MS = 30_000;

/** Allows the growth, and looks now and then whether the heap became another; until stopped. */
export function letHeapGrow(clock: Clock): () => void {
  let cancel = (): void => {};
  const look = (): void => {
    setFlagsFromString(
      `--heap-growing-percent=${growthPercent(getHeapStatistics().used_heap_size)}`,
    );
    cancel = clock.after(LOOK_MS, look);
  };
  look();
  return () => cancel();
}

/** Growth allowed to a heap with `liveBytes`, in percent of them. */
export function growthPercent(liveBytes: number): number {
  const percent = Math.round((100 * GROWTH_BYTES) / Math.max(1, liveBytes));
  return Math.min(PERCENT_MAX, Math.max(PERCENT_MIN, percent));
}
