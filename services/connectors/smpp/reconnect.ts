/**
 * Reconnect: how long to wait before the next try at one host.
 *
 * Doubled with each failure, with jitter, so that many sessions that fell together do not come back
 * together. A refusal has a reason that a second changes nothing about: "already bound" lasts until
 * the carrier's own time-out noticed that the last session died, a wrong password or certificate
 * until somebody corrects it (a changed configuration starts anew at once).
 */
import type { Chance } from "../../../core/clock.js";
import { STATUS, statusClass } from "./status.js";

export interface Reconnect {
  /** The bind was refused with this status. */
  refused(status: number): void;
  /** What is wrong is wrong until somebody corrects it. */
  failedLastingly(): void;
  /** Delay before the next try, after a session that was bound for `boundMs` (0: it was not). */
  delayMs(boundMs: number): number;
}

const FIRST_MS = 250;
const LONGEST_MS = 30_000;
const ALREADY_BOUND_MS = 5_000;
const ALREADY_BOUND_LONGEST_MS = 60_000;
const LASTING_MS = 10_000;
const LASTING_LONGEST_MS = 300_000;
/** A session that lived so long has proved that it can. */
const PROVED_MS = 10_000;

export function newReconnect(chance: Chance): Reconnect {
  let failures = 0;
  let firstMs = FIRST_MS;
  let longestMs = LONGEST_MS;

  /** The first delay of a new kind of trouble is that kind's first. */
  function trouble(first: number, longest: number): void {
    if (firstMs !== first) failures = 0;
    firstMs = first;
    longestMs = longest;
  }

  return {
    refused(status) {
      if (status === STATUS.RALYBND) trouble(ALREADY_BOUND_MS, ALREADY_BOUND_LONGEST_MS);
      else if (statusClass(status) === "bind") trouble(LASTING_MS, LASTING_LONGEST_MS);
      else trouble(FIRST_MS, LONGEST_MS);
    },
    failedLastingly: () => trouble(LASTING_MS, LASTING_LONGEST_MS),
    delayMs(boundMs) {
      if (boundMs > 0) {
        firstMs = FIRST_MS;
        longestMs = LONGEST_MS;
      }
      if (boundMs >= PROVED_MS) failures = 0;
      const delayMs = Math.min(longestMs, firstMs * 2 ** Math.min(failures, 20));
      failures += 1;
      return delayMs * (0.5 + chance() / 2);
    },
  };
}
