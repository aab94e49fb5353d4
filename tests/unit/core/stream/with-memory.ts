/** A memory server on a simulated clock, its streams declared: the ground of unit tests here. */
import { type SimulatedClock, seededChance, simulatedClock } from "../../../../core/clock.js";
import {
  type MemoryFaults,
  type MemoryServer,
  NO_FAULTS,
  openMemory,
} from "../../../../core/stream/memory.js";
import { STREAMS, type StreamSpec } from "../../../../core/subjects.js";

export const START_MS = Date.UTC(2026, 0, 1);

export interface Ground {
  readonly clock: SimulatedClock;
  readonly server: MemoryServer;
  /** Moves the clock until `work` has ended, and gives what it gave. */
  run<T>(work: Promise<T>, withinMs?: number): Promise<T>;
}

export async function withMemory(
  run: (ground: Ground) => Promise<void>,
  faults: Partial<MemoryFaults> = {},
  seed = 1,
  streams: readonly StreamSpec[] = STREAMS,
): Promise<void> {
  const clock = simulatedClock(START_MS);
  const chance = seededChance(seed);
  const server = openMemory({ clock, chance, faults: { ...NO_FAULTS, ...faults } });
  const ground: Ground = {
    clock,
    server,
    async run(work, withinMs = 600_000) {
      let ended = false;
      const end = (): void => {
        ended = true;
      };
      work.then(end, end);
      await clock.until(() => ended, withinMs);
      if (!ended) throw new Error(`not done within ${withinMs} ms of simulated time`);
      return work;
    },
  };
  await ground.run(server.connect("setup").declare(streams));
  await run(ground);
}

/** The code of the error with which `work` ends; undefined: it went well. */
export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
