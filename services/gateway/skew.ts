/**
 * Skew: whether this machine's clock agrees with the stream server's.
 *
 * Acceptance, validity and idempotency go by the gateway's clock, and an owner acks undecided what
 * was stored long after its publication (REQUEST_LATE_MS). A gateway whose clock is that far off
 * would lose what it accepts, so it accepts nothing from CLOCK_SKEW_MS_MAX on.
 *
 * A wall clock that is set jumps between two looks, so it is compared with the monotonic clock at each
 * question. What waits in the outbox meanwhile is stamped by whichever of the two is later: a frame
 * whose publication seems hours old would be acked undecided, after its callers were told that it is
 * accepted.
 */
import type { Clock } from "../../core/clock.js";
import { CLOCK_SKEW_MS_MAX } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import type { StreamClient } from "../../core/stream/stream.js";

export interface Skew {
  /** The clocks differ by more than is allowed, as far as was seen last, or this one has jumped. */
  off(): boolean;
  /** For stamps: never behind what it was, whatever happens to the wall clock. */
  readonly clock: Clock;
  stop(): void;
}

const LOOK_MS = 30_000;
/** While nothing is accepted it is looked at whenever somebody asks, so often at most. */
const AGAIN_MS = 1_000;

/** Looks once before it resolves, then at intervals. While the server is away the last look holds. */
export async function watchSkew(
  clock: Clock,
  client: Pick<StreamClient, "serverTimeMs">,
  log: Logger,
): Promise<Skew> {
  let off = false;
  let stopped = false;
  let lookedAtMs = 0;
  /** When both clocks were right together. */
  let anchor = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  let cancel = (): void => {};

  const steadyMs = (): number =>
    anchor.wallMs + Math.floor(clock.monotonicMs() - anchor.monotonicMs);
  const jumped = (): boolean => Math.abs(clock.nowMs() - steadyMs()) > CLOCK_SKEW_MS_MAX;

  async function look(): Promise<void> {
    lookedAtMs = clock.monotonicMs();
    const beforeMs = clock.nowMs();
    let serverMs: number;
    try {
      serverMs = await client.serverTimeMs();
    } catch (err) {
      log.warn({ err }, "the stream server's time cannot be asked");
      return;
    }
    const afterMs = clock.nowMs();
    // The answer was given at some time in between.
    const skewMs = Math.max(beforeMs - serverMs, serverMs - afterMs, 0);
    const isOff = skewMs > CLOCK_SKEW_MS_MAX;
    if (isOff && !off) log.error({ skewMs }, "the clock is wrong, nothing is accepted");
    if (!isOff && off) log.info({ skewMs }, "the clock is right again");
    off = isOff;
    if (!isOff) anchor = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }

  function next(): void {
    cancel = clock.after(LOOK_MS, () => {
      void look().finally(() => {
        if (!stopped) next();
      });
    });
  }

  await look();
  next();
  return {
    off() {
      const isOff = off || jumped();
      if (isOff && clock.monotonicMs() - lookedAtMs >= AGAIN_MS) void look();
      return isOff;
    },
    clock: { ...clock, nowMs: () => Math.max(clock.nowMs(), steadyMs()) },
    stop() {
      stopped = true;
      cancel();
    },
  };
}
