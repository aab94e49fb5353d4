/** One run of the simulation: a seed in, findings out. */
import { openLog } from "../../core/log.js";
import { check, type Findings } from "./check.js";
import { openWorld } from "./world.js";

export interface SimulateOptions {
  /** Told what befalls the world, and when. */
  tell?(text: string): void;
  /** Logs of the services, too. */
  readonly logs?: boolean;
}

/** Whatever is wrong is in the findings: a throw in any of the services, too. */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Findings> {
  const thrown: string[] = [];
  const note = (error: unknown): void => {
    thrown.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
  process.on("unhandledRejection", note);
  try {
    const log = options.logs === true ? openLog("simulation", "debug") : undefined;
    const world = await openWorld(seed, options.tell ?? (() => {}), log);
    await world.live();
    const left = await world.settle();
    options.tell?.(JSON.stringify(world.profile));
    const found = check(world);
    const wrongs = [
      ...thrown,
      ...(left === undefined ? [] : [`not done: ${left}`]),
      ...found.wrongs,
    ];
    return { ...found, wrongs };
  } catch (error) {
    note(error);
    return { wrongs: thrown, hash: "", counts: {} };
  } finally {
    process.off("unhandledRejection", note);
  }
}

/** How a person sees that run again. */
export function replayOf(seed: number): string {
  return `npm run simulate -- --seed ${seed} --tell`;
}
