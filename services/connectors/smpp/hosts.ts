/**
 * Hosts: which of a carrier's hosts a session tries next, and when. Pure: the time is an argument.
 *
 * They are tried in their order, each with a back-off of its own. A session that has proved itself
 * and ends is first tried again where it was, so that a connection that is cut moves nothing; a
 * host that refuses or does not answer is passed over at once, for as long as its back-off lasts.
 *
 * A session on a later host goes back when an earlier one was found good for a while (`isGood`), but
 * ever later where it did not stay there: going back costs a drain, and hosts that come and go cost
 * one each time.
 */
import type { Chance } from "../../../core/clock.js";
import { newReconnect, type Reconnect } from "./reconnect.js";
import type { HostAndPort } from "./transport.js";

export interface Hosts {
  /** Chooses the host to try next. Returns milliseconds to wait before. */
  next(nowMs: number): number;
  current(): HostAndPort;
  /** The bind was refused there with this status. */
  refused(status: number): void;
  /** Its certificate is wrong: nothing changes within seconds. */
  failedLastingly(): void;
  /** The session there is bound. */
  bound(nowMs: number): void;
  /** The session there is over, after it was bound for `boundMs`; 0: it was not. */
  ended(boundMs: number, nowMs: number): void;
  /** It was left in good order, to go to `to` now. */
  moved(to: HostAndPort): void;
  /** Those before the current one, in order: what the session could go back to. */
  before(): readonly HostAndPort[];
  /** A probe found this host good or not. True: it was good for long enough to go back there. */
  probed(host: HostAndPort, isGood: boolean, nowMs: number): boolean;
}

/** A session that lived so long was not there by chance. */
const PROVED_MS = 10_000;
/** Good for so long before it is gone back to, the first time; doubled where it did not hold. */
export const BACK_AFTER_MS = 60_000;
const BACK_AFTER_MS_MAX = 3_600_000;
/** A session that went back has come to stay after this. */
const STAYED_MS = 300_000;

interface Tried {
  readonly at: HostAndPort;
  readonly reconnect: Reconnect;
  notBeforeMs: number;
  /** Its last session did not prove itself, or there was none. */
  failed: boolean;
  /** Since when probes find it good; Infinity: the last did not. */
  goodSinceMs: number;
}

export function newHosts(all: readonly HostAndPort[], chance: Chance): Hosts {
  const hosts = all.map((at): Tried => {
    const reconnect = newReconnect(chance);
    return { at, reconnect, notBeforeMs: 0, failed: false, goodSinceMs: Infinity };
  });
  let current = hosts[0]!;
  let target: Tried | undefined;
  /** The session is, or tries to be, where it went back to. */
  let wentBack = false;
  let backAfterMs = BACK_AFTER_MS;
  let boundAtMs = Infinity;

  function choose(nowMs: number): Tried {
    let soonest = hosts[0]!;
    for (const host of hosts) {
      if (!host.failed || host.notBeforeMs <= nowMs) return host;
      if (host.notBeforeMs < soonest.notBeforeMs) soonest = host;
    }
    return soonest;
  }

  return {
    next(nowMs) {
      current = target ?? choose(nowMs);
      const waitMs = target === undefined ? Math.max(0, current.notBeforeMs - nowMs) : 0;
      target = undefined;
      return waitMs;
    },
    current: () => current.at,
    refused: (status) => current.reconnect.refused(status),
    failedLastingly: () => current.reconnect.failedLastingly(),
    bound(nowMs) {
      boundAtMs = nowMs;
    },
    ended(boundMs, nowMs) {
      current.failed = boundMs < PROVED_MS;
      current.notBeforeMs = nowMs + current.reconnect.delayMs(boundMs);
      current.goodSinceMs = Infinity;
      const stayedMs = Math.max(0, nowMs - boundAtMs);
      boundAtMs = Infinity;
      if (!wentBack) return;
      wentBack = false;
      backAfterMs =
        stayedMs < STAYED_MS ? Math.min(BACK_AFTER_MS_MAX, backAfterMs * 2) : BACK_AFTER_MS;
    },
    moved(to) {
      const host = hosts.find(({ at }) => at === to)!;
      host.goodSinceMs = Infinity;
      // It was left by us, so it can be come back to at once.
      current.failed = false;
      current.notBeforeMs = 0;
      boundAtMs = Infinity;
      target = host;
      wentBack = true;
    },
    before: () => hosts.slice(0, hosts.indexOf(current)).map(({ at }) => at),
    probed(which, isGood, nowMs) {
      const host = hosts.find(({ at }) => at === which)!;
      if (!isGood) host.goodSinceMs = Infinity;
      else if (host.goodSinceMs === Infinity) host.goodSinceMs = nowMs;
      return nowMs - host.goodSinceMs >= backAfterMs;
    },
  };
}
