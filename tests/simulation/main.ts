/**
 * Runs the simulation for many seeds: `npm run simulate -- --seeds 2000`, from `--seed` on, in two
 * processes (`--jobs`). Exits 1 if anything was wrong; what, and how to see it again, is printed.
 *
 * `--tell` says what befalls each world, `--logs` prints the services' own logs as well: both run in
 * this process, one seed after another. `--json` prints the sums as one line of JSON in the end.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { paint, print, printError } from "../../core/output.js";
import type { Findings } from "./check.js";
import { replayOf, simulate } from "./simulate.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    tell: { type: "boolean", default: false },
    logs: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

/** Between two words about how far it is. */
const PROGRESS_MS = 10_000;
const WRONGS_TOLD_MAX = 20;
const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));

const first = Number(values.seed);
const count = Number(values.seeds);
const startedAtMs = SYSTEM_CLOCK.monotonicMs();
const totals = new Map<string, number>();
const failures: { seed: number; wrongs: readonly string[]; replay: string }[] = [];
let done = 0;
let next = first;

function take(seed: number, { wrongs, hash, counts }: Findings): void {
  done += 1;
  for (const [name, value] of Object.entries(counts)) {
    totals.set(name, (totals.get(name) ?? 0) + value);
  }
  const isTold = !values.json && (count <= 20 || wrongs.length > 0);
  if (isTold) print(`${seed} ${hash} ${numbersOf(Object.entries(counts))}`);
  if (wrongs.length === 0) return;
  failures.push({ seed, wrongs: wrongs.slice(0, WRONGS_TOLD_MAX), replay: replayOf(seed) });
  for (const text of wrongs.slice(0, WRONGS_TOLD_MAX)) printError(paint("red", `  ${text}`));
  const more = wrongs.length - WRONGS_TOLD_MAX;
  if (more > 0) printError(paint("red", `  and ${more} more`));
  printError(`  ${replayOf(seed)}`);
}

function numbersOf(entries: Iterable<readonly [string, number]>): string {
  return [...entries].map(([name, value]) => `${name} ${value}`).join(", ");
}

/** Runs seeds in a process of their own until none is left. */
function work(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, { execArgv: ["--enable-source-maps"] });
    let seed = -1;
    const send = (): void => {
      if (next === first + count) {
        seed = -1;
        child.disconnect();
        return;
      }
      seed = next;
      next += 1;
      child.send(seed);
    };
    child.on("message", (findings: Findings) => {
      take(seed, findings);
      send();
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (seed === -1) resolve();
      else reject(new Error(`a process ended with ${code} at seed ${seed}: ${replayOf(seed)}`));
    });
    send();
  });
}

async function here(): Promise<void> {
  for (; next < first + count; next += 1) {
    const tell = (text: string): void => (values.tell ? print(text) : undefined);
    take(next, await simulate(next, { tell, logs: values.logs }));
  }
}

const secondsSoFar = (): number => Math.round((SYSTEM_CLOCK.monotonicMs() - startedAtMs) / 1_000);
const progress = setInterval(() => {
  printError(`${done} of ${count} seeds, ${failures.length} failed, ${secondsSoFar()} s`);
}, PROGRESS_MS);
const jobs = Math.min(count, Number(values.jobs));
if (values.tell || values.logs || jobs < 2) await here();
else await Promise.all(Array.from({ length: jobs }, work));
clearInterval(progress);

const passed = done - failures.length;
const seconds = secondsSoFar();
if (values.json) {
  print(
    JSON.stringify({
      seed: first,
      seeds: done,
      passed,
      seconds,
      failures,
      ...Object.fromEntries(totals),
    }),
  );
} else {
  print(`in all: ${numbersOf(totals)}`);
  print(`${passed} seeds passed, ${failures.length} failed, ${seconds} s`);
}
process.exitCode = failures.length === 0 ? 0 : 1;
