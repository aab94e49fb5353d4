/**
 * Skew: whether this machine's clock agrees with the stream server's.
 *
 * Acceptance, validity and idempotency go by the gateway's clock, and an owner acks undecided what
 * was stored long after its publication (REQUEST_LATE_MS). A gateway whose clock is that far off
 * would lose what it accepts, so it accepts nothing from CLOCK_SKEW_MS_MAX on.
 */
import type { Clock } from "../../core/clock.js";
import { CLOCK_SKEW_MS_MAX } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import type { StreamClient } from "../../core/stream/stream.js";

export interface Skew {
  /** The clocks differ by more than is allowed, as far as was seen last. */
  off(): boolean;
  stop(): void;
}

const LOOK_MS = 30_000;

/** Looks once before it resolves, then at intervals. While the server is away the last look holds. */
export async function watchSkew(
  clock: Clock,
  client: Pick<StreamClient, "serverTimeMs">,
  log: Logger,
): Promise<Skew> {
  let off = false;
  let stopped = false;
  let cancel = (): void => {};

  async function look(): Promise<void> {
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
    off: () => off,
    stop() {
      stopped = true;
      cancel();
    },
  };
}
