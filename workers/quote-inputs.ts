/**
 * Quote inputs: how well carriers are and deliver right now, for quotes of a running system, so that
 * they go as messages would.
 *
 * Read from KV (core/route-inputs.ts) when somebody asks, at most once a second: who quotes rarely
 * need not follow every heartbeat. A carrier of which nobody says anything counts as well; an owner,
 * which has heard it before, may know better.
 */
import type { Logger } from "../core/log.js";
import {
  type CarrierHealth,
  type CarrierQuality,
  carrierOfHealthKey,
  parseHealth,
  parseQuality,
  QUALITY_KEY,
  qualityNumbers,
} from "../core/route-inputs.js";
import type { Bucket } from "../core/stream/stream.js";
import { HEALTH, type RouteTask } from "./task.js";

export interface QuoteInputs {
  /** HEALTH by name, of carriers of which something is said. */
  readonly health: Readonly<Record<string, number>>;
  readonly quality: CarrierQuality["rows"];
}

export interface QuoteInputsReader {
  /** What cannot be read is logged, and counts as not said. @throws FloeError "stream.unavailable" */
  read(nowMs: number): Promise<QuoteInputs>;
}

const GOOD_FOR_MS = 1_000;
const STATES: Readonly<Record<CarrierHealth["state"], number>> = {
  up: HEALTH.well,
  degraded: HEALTH.degraded,
  down: HEALTH.down,
};

export function openQuoteInputs(health: Bucket, config: Bucket, log: Logger): QuoteInputsReader {
  let last: { atMs: number; inputs: Promise<QuoteInputs> } | undefined;

  async function read(): Promise<QuoteInputs> {
    const states: Record<string, number> = {};
    for (const { key, value } of await health.entries()) {
      const carrier = carrierOfHealthKey(key);
      const state = tried("a carrier's health", () => STATES[parseHealth(value).state]);
      // One process that has a session is enough.
      if (state !== undefined) states[carrier] = Math.min(states[carrier] ?? state, state);
    }
    const entry = await config.get(QUALITY_KEY);
    const rows = entry && tried("the carriers' quality", () => parseQuality(entry.value).rows);
    return { health: states, quality: rows ?? [] };
  }

  function tried<T>(what: string, parse: () => T): T | undefined {
    try {
      return parse();
    } catch (err) {
      log.error({ err, what }, "an input of routing cannot be read");
      return undefined;
    }
  }

  return {
    read(nowMs) {
      if (last === undefined || nowMs < last.atMs || nowMs - last.atMs >= GOOD_FOR_MS) {
        const inputs = read();
        last = { atMs: nowMs, inputs };
        inputs.catch(() => {
          last = undefined;
        });
      }
      return last.inputs;
    },
  };
}

/** As a task carries them, for tables with these carriers and countries. */
export function taskInputs(
  { health, quality }: QuoteInputs,
  carriers: readonly string[],
  countries: readonly string[],
): Required<Pick<RouteTask, "health" | "quality">> {
  return {
    health: Uint8Array.from(carriers, (carrier) => health[carrier] ?? HEALTH.well),
    quality: qualityNumbers(quality, carriers, countries),
  };
}
