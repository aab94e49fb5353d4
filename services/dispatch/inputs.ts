/**
 * Inputs: what routing is told beside the tables, as the arrays that a task carries: how well each
 * carrier is, and how well it delivers to each country.
 *
 * Watched in KV (core/route-inputs.ts); an array is made anew only when something changed, and is
 * never written once a task may have it.
 */
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import {
  type CarrierHealth,
  type CarrierQuality,
  carrierOfHealthKey,
  parseHealth,
  parseQuality,
  QUALITY_KEY,
  qualityNumbers,
} from "../../core/route-inputs.js";
import type { Bucket } from "../../core/stream/stream.js";
import { HEALTH } from "../../workers/task.js";

export interface Inputs {
  /** For tables with these carriers and countries, in the order of their indices. */
  of(carriers: readonly string[], countries: readonly string[]): RouteInputs;
  stop(): Promise<void>;
}

export interface RouteInputs {
  readonly health: Uint8Array;
  readonly quality: Int32Array;
}

export interface InputsOptions {
  readonly health: Bucket;
  readonly config: Bucket;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A carrier of which nobody says anything any more counts as down after so long. */
const SILENT_MS = 30_000;
/** Silence makes no event: it is looked for so often. */
const LOOK_MS = 1_000;

export async function watchInputs(options: InputsOptions): Promise<Inputs> {
  const { clock, log } = options;
  /** By carrier: what each process says. A carrier that was heard of stays. */
  const told = new Map<string, Map<string, CarrierHealth["state"]>>();
  const silentSinceMs = new Map<string, number>();
  let quality: CarrierQuality["rows"] = [];
  let changes = 0;
  let made: { changes: number; carriers: readonly string[]; inputs: RouteInputs } | undefined;
  let lookedAtMs = 0;
  const downAlready = new Set<string>();

  const health = await options.health.watch((key, value) => {
    const carrier = carrierOfHealthKey(key);
    const words = told.get(carrier) ?? new Map<string, CarrierHealth["state"]>();
    told.set(carrier, words);
    if (value === undefined) words.delete(key);
    else {
      try {
        words.set(key, parseHealth(value).state);
      } catch (err) {
        log.error({ err, carrier }, "a carrier's health cannot be read");
      }
    }
    if (words.size > 0) silentSinceMs.delete(carrier);
    else if (!silentSinceMs.has(carrier)) silentSinceMs.set(carrier, clock.monotonicMs());
    changes += 1;
  });
  const config = await options.config.watch((key, value) => {
    if (key !== QUALITY_KEY || value === undefined) return;
    try {
      quality = parseQuality(value).rows;
      changes += 1;
    } catch (err) {
      log.error({ err }, "the quality of carriers cannot be read, the last one stays");
    }
  });

  function healthOf(carrier: string, nowMs: number): number {
    const words = told.get(carrier);
    // Never heard of: its connector may have yet to start.
    if (words === undefined) return HEALTH.well;
    if (words.size === 0) {
      return nowMs - silentSinceMs.get(carrier)! >= SILENT_MS ? HEALTH.down : HEALTH.well;
    }
    const states = [...words.values()];
    if (states.includes("up")) return HEALTH.well;
    return states.includes("degraded") ? HEALTH.degraded : HEALTH.down;
  }

  function make(carriers: readonly string[], countries: readonly string[]): RouteInputs {
    const nowMs = clock.monotonicMs();
    const states = Uint8Array.from(carriers, (carrier) => healthOf(carrier, nowMs));
    return { health: states, quality: qualityNumbers(quality, carriers, countries) };
  }

  function fellSilent(): boolean {
    const nowMs = clock.monotonicMs();
    if (nowMs - lookedAtMs < LOOK_MS) return false;
    lookedAtMs = nowMs;
    let news = false;
    for (const [carrier, sinceMs] of silentSinceMs) {
      if (nowMs - sinceMs < SILENT_MS || downAlready.has(carrier)) continue;
      downAlready.add(carrier);
      news = true;
    }
    for (const carrier of downAlready) if (!silentSinceMs.has(carrier)) downAlready.delete(carrier);
    return news;
  }

  return {
    of(carriers, countries) {
      if (fellSilent()) changes += 1;
      if (made?.changes !== changes || made.carriers !== carriers) {
        made = { changes, carriers, inputs: make(carriers, countries) };
      }
      return made.inputs;
    },
    async stop() {
      await health.stop();
      await config.stop();
    },
  };
}
