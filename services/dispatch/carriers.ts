/**
 * Carriers, as far as dispatch knows them: how many parts each takes in a second, and its window.
 */
import { parseCarrier } from "../../core/configuration.js";
import type { Logger } from "../../core/log.js";
import type { Bucket, Consumption } from "../../core/stream/stream.js";

export interface Carriers {
  /** Parts a second; infinite without a limit, or if the carrier is not configured (yet). */
  partsPerSecond(name: string): number;
  /** Parts that one of its binds may have unanswered. */
  window(name: string): number;
  stop(): Promise<void>;
}

/** Of a carrier that is not configured yet. */
const WINDOW_DEFAULT = 10;

export async function watchCarriers(bucket: Bucket, log: Logger): Promise<Carriers> {
  const rates = new Map<string, number>();
  const windows = new Map<string, number>();
  const watching: Consumption = await bucket.watch((name, value) => {
    if (value === undefined) {
      rates.delete(name);
      windows.delete(name);
      return;
    }
    try {
      const { partsPerSecond, window } = parseCarrier(value);
      windows.set(name, window);
      if (partsPerSecond > 0) rates.set(name, partsPerSecond);
      else rates.delete(name);
    } catch (err) {
      log.error({ err, carrier: name }, "carrier cannot be used, what was known of it stays");
    }
  });
  return {
    partsPerSecond: (name) => rates.get(name) ?? Number.POSITIVE_INFINITY,
    window: (name) => windows.get(name) ?? WINDOW_DEFAULT,
    stop: () => watching.stop(),
  };
}
