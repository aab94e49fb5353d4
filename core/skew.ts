/**
 * Skew: whether this machine's clock agrees with the stream server's, and what time it is if not.
 *
 * Acceptance, validity and idempotency go by the gateway's clock, and an owner acks undecided what
 * was stored long after its publication (REQUEST_LATE_MS). A gateway whose clock is that far off
 * would lose what it accepts, so it accepts nothing from CLOCK_SKEW_MS_MAX on. The roles behind it
 * must go on with what was accepted: while their own clock is wrong they go by the server's, or one
 * that is ahead would refuse as expired what is not, and close what has no receipt yet.
 *
 * A wall clock that is set jumps between two looks, so it is compared with the monotonic clock at each
 * question. What waits in the outbox meanwhile is stamped by whichever of the two is later: a frame
 * whose publication seems hours old would be acked undecided, after its callers were told that it is
 * accepted.
 */
import type { Clock } from "./clock.js";
import { CLOCK_SKEW_MS_MAX } from "./limits.js";
import type { Logger } from "./log.js";
import type { StreamClient } from "./stream/stream.js";

export interface Skew {
  /** The clocks differ by more than is allowed, as far as was seen last, or this one has jumped. */
  off(): boolean;
  /** For stamps: never behind what it was, whatever happens to the wall clock. */
  readonly clock: Clock;
  /** This machine's clock while it is right, and the stream server's, as seen last, while it is not. */
  readonly streamClock: Clock;
  stop(): void;
}

const LOOK_MS = 30_000;
/** While the clock is wrong it is looked at whenever somebody asks, so often at most. */
const AGAIN_MS = 1_000;

/** Looks once before it resolves, then at intervals. While the server is away the last look holds. */
export async function watchSkew(
  clock: Clock,
  client: Pick<StreamClient, "serverTimeMs">,
  log: Logger,
): Promise<Skew> {
  let off = false;
  let stopped = false;
  let looking = false;
  let lookedAtMs = 0;
  /** When both clocks were right together. */
  let anchor = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  /** The server's time when it was asked last, or the anchor while the wall clock is right. */
  let told = anchor;
  let cancel = (): void => {};

  const since = (at: typeof anchor): number =>
    at.wallMs + Math.floor(clock.monotonicMs() - at.monotonicMs);
  const steadyMs = (): number => since(anchor);
  const jumped = (): boolean => Math.abs(clock.nowMs() - steadyMs()) > CLOCK_SKEW_MS_MAX;

  async function look(): Promise<void> {
    lookedAtMs = clock.monotonicMs();
    looking = true;
    const beforeMs = clock.nowMs();
    let serverMs: number;
    try {
      serverMs = await client.serverTimeMs();
    } catch (err) {
      log.warn({ err }, "the stream server's time cannot be asked");
      return;
    } finally {
      looking = false;
    }
    const afterMs = clock.nowMs();
    // The answer was given at some time in between.
    const skewMs = Math.max(beforeMs - serverMs, serverMs - afterMs, 0);
    const isOff = skewMs > CLOCK_SKEW_MS_MAX;
    if (isOff && !off) log.error({ skewMs }, "this machine's clock is wrong");
    if (!isOff && off) log.info({ skewMs }, "the clock is right again");
    off = isOff;
    if (!isOff) anchor = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    told = isOff ? { wallMs: serverMs, monotonicMs: clock.monotonicMs() } : anchor;
  }

  function next(): void {
    cancel = clock.after(LOOK_MS, () => {
      void look().finally(() => {
        if (!stopped) next();
      });
    });
  }

  function isOffNow(): boolean {
    const isOff = off || jumped();
    if (isOff && !looking && !stopped && clock.monotonicMs() - lookedAtMs >= AGAIN_MS) void look();
    return isOff;
  }

  await look();
  next();
  return {
    off: isOffNow,
    clock: { ...clock, nowMs: () => Math.max(clock.nowMs(), steadyMs()) },
    streamClock: { ...clock, nowMs: () => (isOffNow() ? since(told) : clock.nowMs()) },
    stop() {
      stopped = true;
      cancel();
    },
  };
}
