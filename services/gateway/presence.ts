/**
 * Presence: whether the stream is there, as health and callers should see it.
 *
 * `connected()` is asked at intervals, because nothing tells. A short absence (a server restarts,
 * another takes over) is bridged by the outbox, so callers are refused only after a while; health
 * says so at once, so that new connections go elsewhere.
 */
import type { Clock } from "../../core/clock.js";
import type { StreamClient } from "../../core/stream/stream.js";

export interface Presence {
  here(): boolean;
  /** Absent for longer than is bridged: calls are refused, nothing is taken. */
  away(): boolean;
  stop(): void;
}

const WATCH_MS = 100;
const BRIDGED_MS = 1_000;

/** @param looked called after each look. */
export function watchPresence(
  clock: Clock,
  client: Pick<StreamClient, "connected">,
  looked: () => void,
): Presence {
  let here = client.connected();
  let lastHereMs = clock.monotonicMs();
  let away = false;
  let stopped = false;
  let cancel = (): void => {};

  function look(): void {
    if (stopped) return;
    here = client.connected();
    const nowMs = clock.monotonicMs();
    if (here) lastHereMs = nowMs;
    away = nowMs - lastHereMs > BRIDGED_MS;
    looked();
    cancel = clock.after(WATCH_MS, look);
  }

  cancel = clock.after(0, look);
  return {
    here: () => here && !stopped,
    away: () => away,
    stop() {
      stopped = true;
      here = false;
      cancel();
    },
  };
}
