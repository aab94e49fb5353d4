/**
 * Routing: the scenario that shows what a message costs in the core, against the size of the
 * tables. Makes table sets of each size, compiles them, and measures steps, whole tasks and, if
 * asked, the swap of one set for another under load. Needs neither streams nor a database.
 */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { print, progress } from "../../core/output.js";
import { compileTables } from "../../workers/compile.js";
import { openTables } from "../../workers/tables.js";
import { shortNumber } from "../plot.js";
import { memoryNanos } from "./memory.js";
import {
  checksOf,
  printRouting,
  type RoutingReport,
  routingJson,
  routingSvg,
  type SizeFigures,
} from "./report.js";
import { type BenchTables, benchTables } from "./source.js";
import { isValidNumber, measureSteps } from "./steps.js";
import { runSwap, type SwapFigures } from "./swap.js";
import { routedShare, runHere, runPooled, type TaskFigures } from "./task-runs.js";
import { benchTraffic, type Traffic } from "./traffic.js";

export interface RoutingOptions {
  /** Prefixes of each table set, rising. */
  readonly sizes: readonly number[];
  readonly carriers: number;
  /** Pool threads, each measured by itself. */
  readonly threads: readonly number[];
  /** Different messages; all are sent in each round. */
  readonly messages: number;
  readonly rounds: number;
  readonly swap: boolean;
  readonly json: string;
  readonly svg: string;
  readonly commandLine: string;
}

const SWAPS = 3;
/** Of what the pool can do: a system near its end has latencies of its own. */
const SWAP_LOAD = 0.25;

interface Made {
  readonly figures: SizeFigures;
  readonly image: SharedArrayBuffer;
  readonly traffic: Traffic;
}

/** Resolves with whether all checks passed. */
export async function runRouting(options: RoutingOptions): Promise<boolean> {
  const sizes: SizeFigures[] = [];
  let last: Made | undefined;
  for (const size of options.sizes) {
    // The larger one is not made beside the smaller one.
    last = undefined;
    last = await measureSize(size, options);
    sizes.push(last.figures);
  }
  const swap = options.swap && last !== undefined ? await swapOf(last, options) : undefined;
  const [first] = cpus();
  const report: RoutingReport = {
    scenario: "routing",
    commandLine: options.commandLine,
    machine: {
      cores: cpus().length,
      processor: first?.model ?? "unknown",
      memoryBytes: totalmem(),
      node: process.version,
      memoryNanos: memoryNanos(),
    },
    sizes,
    swap,
  };
  printRouting(report);
  if (options.json !== "") writeFileSync(options.json, routingJson(report));
  if (options.svg !== "") writeFileSync(options.svg, routingSvg(report));
  return checksOf(report).every(({ passed }) => passed);
}

async function measureSize(size: number, options: RoutingOptions): Promise<Made> {
  const label = shortNumber(size);
  const { carriers, rounds } = options;
  const made = makeTables(size, carriers, 1);
  const { image, compileMs } = compiled(made, label);
  const openedAtMs = SYSTEM_CLOCK.monotonicMs();
  openTables(image);
  const openMs = SYSTEM_CLOCK.monotonicMs() - openedAtMs;
  const { messages } = options;
  const traffic = benchTraffic(made.prefixes, messages, "even", isValidNumber);
  const skewed = benchTraffic(made.prefixes, messages, "skewed", isValidNumber);

  const bar = progress(`${label}: measuring`, rounds * (2 + options.threads.length));
  let done = 0;
  const told = (): void => {
    done += 1;
    bar.at(done);
  };
  const share = routedShare(image, traffic);
  const steps = measureSteps(image, traffic, skewed, rounds, told);
  const tasks: TaskFigures[] = [runHere(image, traffic, rounds, told)];
  for (const threads of options.threads) {
    tasks.push(await runPooled(threads, image, traffic, rounds, told));
  }
  bar.end();
  const rates = made.source.decks.reduce((sum, { rows }) => sum + rows.count, 0);
  return {
    figures: {
      prefixes: size,
      carriers,
      rates,
      compileMs,
      imageBytes: image.byteLength,
      openMs,
      routedShare: share,
      steps,
      tasks,
    },
    image,
    traffic,
  };
}

function makeTables(size: number, carriers: number, version: number): BenchTables {
  const bar = progress(`${shortNumber(size)}: making rows`, size);
  const made = benchTables(size, carriers, version, (count) => bar.at(count));
  bar.end();
  return made;
}

function compiled(
  made: BenchTables,
  label: string,
): { image: SharedArrayBuffer; compileMs: number } {
  print(`${label}: compiling`);
  const beganAtMs = SYSTEM_CLOCK.monotonicMs();
  const bytes = compileTables(made.source);
  const compileMs = SYSTEM_CLOCK.monotonicMs() - beganAtMs;
  const image = new SharedArrayBuffer(bytes.length);
  new Uint8Array(image).set(bytes);
  return { image, compileMs };
}

/** The last size's tables and another version of them, at a part of what the pool can do. */
async function swapOf(last: Made, options: RoutingOptions): Promise<SwapFigures> {
  const { prefixes, carriers, tasks } = last.figures;
  const other = compiled(makeTables(prefixes, carriers, 2), `${shortNumber(prefixes)}, again`);
  const threads = options.threads[0] ?? 1;
  const pooled = tasks.find((task) => task.threads === threads)!;
  const bar = progress("swapping under load", 100);
  const figures = await runSwap({
    images: [new Uint8Array(last.image), new Uint8Array(other.image)],
    traffic: last.traffic,
    threads,
    messagesPerSecond: Math.floor(pooled.messagesPerSecond * SWAP_LOAD),
    swaps: SWAPS,
    told: (done, total) => bar.at(Math.floor((100 * done) / total)),
  });
  bar.end();
  return figures;
}
