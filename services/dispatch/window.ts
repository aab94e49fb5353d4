/**
 * Window: a process's places for something costly (publishes in flight, pool tasks), given to who
 * waits longest, whatever its partition. What goes through a place is put together when the place
 * is given, so that everything that came meanwhile goes along.
 */
import assert from "node:assert";

export interface Window {
  /** Resolves when a place is given. `sinceMs`: monotonic, since when the oldest of it waits. */
  enter(sinceMs: number): Promise<void>;
  /** Gives the place back. */
  leave(): void;
  waiting(): number;
}

export function openWindow(places: number): Window {
  let free = places;
  // In order, oldest first; what comes is nearly always the youngest.
  const queue: { sinceMs: number; given: () => void }[] = [];

  return {
    enter(sinceMs) {
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      return new Promise((given) => {
        let at = queue.length;
        while (at > 0 && queue[at - 1]!.sinceMs > sinceMs) at -= 1;
        queue.splice(at, 0, { sinceMs, given });
      });
    },
    leave() {
      assert(free < places, "who leaves has entered");
      const next = queue.shift();
      if (next === undefined) free += 1;
      else next.given();
    },
    waiting: () => queue.length,
  };
}
