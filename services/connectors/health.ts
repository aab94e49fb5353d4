/**
 * Health: tells routing (core/route-inputs.ts) how well this process finds a carrier.
 *
 * Said on every change and again before it fades. Only who holds a bind slot has something to say;
 * a link that is down for a moment, as in a reconnect, is not yet down.
 */
import type { Clock } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import {
  type CarrierHealth,
  encodeRouteInput,
  HEALTH_REFRESH_MS,
  HEALTH_TTL_SECONDS,
  healthKey,
} from "../../core/route-inputs.js";
import type { Bucket } from "../../core/stream/stream.js";

export interface HealthOptions {
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly log: Logger;
  readonly carrier: string;
  readonly processId: string;
  /** How it is now; undefined: this process has no say. */
  state(): CarrierHealth["state"] | undefined;
}

const LOOK_MS = 500;
/** A link that was lost is down after so long. */
const DOWN_AFTER_MS = 3_000;

export function openHealth(options: HealthOptions): { stop(): Promise<void> } {
  const { bucket, clock, log, carrier, processId } = options;
  const key = healthKey(carrier, processId);
  let told: CarrierHealth | undefined;
  let toldAtMs = 0;
  let downSinceMs = Number.POSITIVE_INFINITY;
  let telling: Promise<void> | undefined;
  let cancel = (): void => {};

  function look(): void {
    cancel = clock.after(LOOK_MS, look);
    const nowMs = clock.monotonicMs();
    const state = options.state();
    if (state !== "down") downSinceMs = Number.POSITIVE_INFINITY;
    else if (downSinceMs > nowMs) downSinceMs = nowMs;
    if (state === undefined || telling !== undefined) return;
    if (state === "down" && nowMs - downSinceMs < DOWN_AFTER_MS) return;
    if (state === told?.state && nowMs - toldAtMs < HEALTH_REFRESH_MS) return;
    const sinceMs = state === told?.state ? told.sinceMs : clock.nowMs();
    telling = tell({ state, sinceMs }, nowMs);
  }

  async function tell(health: CarrierHealth, nowMs: number): Promise<void> {
    try {
      await bucket.put(key, encodeRouteInput(health), HEALTH_TTL_SECONDS);
      if (health.state !== told?.state) log.info({ state: health.state }, "carrier health");
      told = health;
      toldAtMs = nowMs;
    } catch (err) {
      if (!isFloeError(err)) throw err;
      log.warn({ err }, "carrier health cannot be told yet");
    } finally {
      telling = undefined;
    }
  }

  look();
  return {
    async stop() {
      cancel();
      await telling;
      if (told === undefined) return;
      // Whoever takes the slots over says how it is; until then nobody knows better.
      await bucket.delete(key).catch((err: unknown) => {
        if (!isFloeError(err)) throw err;
      });
    },
  };
}
