/**
 * Faults: the command line of the fault suite. `npm run faults -- --help` tells the rest.
 *
 * Real processes, a real nats-server, the embedded ClickHouse, simulated carriers; one test after
 * another, or several at a time, each with a system of its own. Exit code 1 if an invariant did not
 * hold, 2 if asked wrongly.
 */
import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { SYSTEM_CHANCE, SYSTEM_CLOCK } from "../../core/clock.js";
import { bold, paint, print, printError, table } from "../../core/output.js";
import { CARRIERS } from "./carriers.js";
import { FAIRNESS } from "./fairness.js";
import { KILLS } from "./kills.js";
import { MESSAGES } from "./messages.js";
import { PARTITIONS } from "./partitions.js";
import { runTest, type TestResult } from "./run.js";
import { STORES } from "./stores.js";
import { STORM } from "./storm.js";
import type { FaultTest } from "./test.js";

const TESTS: readonly FaultTest[] = [
  ...[KILLS, PARTITIONS, STORES, CARRIERS, MESSAGES, FAIRNESS].flat().sort(byNumber),
  ...STORM,
];
/** Rows of the plan that have no test here, and why. */
const NOT_HERE = [
  ["F12", "slow consumer of an event stream", "", "not here: event streams are not built"],
  ["F18", "erasure during traffic", "", "not here: erasure is not built"],
  ["F19", "power cut: the last second of the streams is gone", "", "not here yet"],
  ["F20", "decoders get random bytes", "", "not here: npm run bench -- fuzz"],
];
/** Of one test: the rest is in the JSON file. */
const FINDINGS_TOLD = 12;
const COMPLAINTS_TOLD = 6;
/** They wait for leases, deadlines and restarts half of the time. */
const CI_JOBS = 2;
const SEED_MAX = 0xffff_ffff;

interface Flags {
  readonly seed?: number;
  readonly seeds: number;
  readonly only?: readonly string[];
  readonly ci?: true;
  readonly short?: true;
  readonly jobs?: number;
  readonly list?: true;
  readonly json: string;
}

const program = new Command("npm run faults --")
  .description("Runs the system under faults and checks that nothing was lost or doubled.")
  .option("--seed <n>", "of an earlier run (default: by chance)", whole(0, SEED_MAX))
  .option("--seeds <n>", "runs each test with so many seeds, from the first on", whole(1, 1_000), 1)
  .option("--only <ids>", "these tests alone, as F3,F16", (text) =>
    text.split(",").map((id) => id.trim().toUpperCase()),
  )
  .option("--ci", `the short form, in at most eight minutes: ${ciTests().join(", ")}`)
  .option("--short", "fewer messages and kills, as --ci has them")
  .option("--jobs <n>", `so many tests at a time (default: 1; with --ci ${CI_JOBS})`, whole(1, 16))
  .option("--list", "tell the tests and run none")
  .option("--json <file>", "write all results there", "")
  .action(run);
try {
  await program.parseAsync();
} catch (error) {
  printError(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 2;
}

function ciTests(): string[] {
  return TESTS.filter(({ ci }) => ci === true).map(({ id }) => id);
}

async function run(flags: Flags): Promise<void> {
  const unknown = flags.only?.filter((id) => !TESTS.some((test) => test.id === id)) ?? [];
  if (unknown.length > 0) throw new Error(`there is no test ${unknown.join(", ")}: try --list`);
  const chosen = TESTS.filter(
    ({ id, ci }) => (flags.only?.includes(id) ?? true) && (flags.ci !== true || ci === true),
  );
  if (flags.list === true) {
    const rows = TESTS.map(({ id, title, ci, knownToFail = "" }) => [
      ...[id, title, ci === true ? "ci" : "", knownToFail],
    ]);
    print(table(["test", "fault", "", "known to fail, because"], [...rows, ...NOT_HERE]));
    return;
  }
  const first = flags.seed ?? Math.floor(SYSTEM_CHANCE() * SEED_MAX);
  const short = flags.short === true || flags.ci === true;
  print(`seed ${first}${flags.seeds > 1 ? ` to ${first + flags.seeds - 1}` : ""}`);
  const results: TestResult[] = [];
  const waiting = Array.from({ length: flags.seeds }, (_, index) =>
    chosen.map((test) => ({ test, seed: first + index })),
  ).flat();
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { test, seed } = next;
      const title = bold(`\n${test.id} ${test.title}`);
      // Alone it is seen what runs; beside others each is told when it is done.
      if (jobs === 1) print(title);
      const result = await runTest(test, seed, short);
      if (jobs > 1) print(title);
      results.push(result);
      tell(result);
      if (flags.json !== "") write(flags.json, results);
    }
  };
  const jobs = flags.jobs ?? (flags.ci === true ? CI_JOBS : 1);
  await Promise.all(Array.from({ length: jobs }, lane));
  summarize(results.sort((a, b) => a.seed - b.seed || order(a) - order(b)));
}

function order({ id }: TestResult): number {
  return TESTS.findIndex((test) => test.id === id);
}

function byNumber(a: FaultTest, b: FaultTest): number {
  return Number(a.id.slice(1)) - Number(b.id.slice(1));
}

function tell(result: TestResult): void {
  const { good, findings, notes, complaints, figures, seconds, drainSeconds } = result;
  const head = good ? paint("green", "holds") : paint("red", "FAILED");
  print(`${head} in ${seconds} s, quiet ${drainSeconds} s after the faults`);
  if (figures !== undefined) {
    const told = Object.entries(figures).map(([name, count]) => `${name} ${count}`);
    print(`  ${told.join(", ")}`);
  }
  for (const note of notes) print(`  ${note}`);
  for (const finding of findings.slice(0, FINDINGS_TOLD)) print(paint("red", `  ${finding}`));
  if (findings.length > FINDINGS_TOLD) print(`  and ${findings.length - FINDINGS_TOLD} more`);
  if (good) return;
  for (const complaint of complaints.slice(-COMPLAINTS_TOLD)) print(`  logged ${complaint}`);
}

function summarize(results: readonly TestResult[]): void {
  const rows = results.map(({ id, title, seed, good, figures, kills, ...rest }) => [
    ...[id, title, good ? paint("green", "holds") : paint("red", verdictOf(rest.knownToFail))],
    ...[figures?.accepted ?? "", figures?.delivered ?? "", kills],
    ...[figures?.duplicates ?? "", figures?.doubts ?? "", rest.drainSeconds, rest.seconds],
    String(seed),
  ]);
  const heads = ["test", "fault", "", "accepted", "delivered", "kills", "doubled", "doubted"];
  print(`\n${table([...heads, "drain s", "s", "seed"], rows)}`);
  const failed = results.filter(({ good }) => !good);
  const known = failed.filter(({ knownToFail }) => knownToFail !== undefined);
  const seconds = results.reduce((sum, one) => sum + one.seconds, 0);
  print(
    `\n${results.length - failed.length} held, ${failed.length} failed in ${Math.round(seconds)} s`,
  );
  if (known.length > 0) {
    const told = known.map(({ id, knownToFail }) => `${id} (${knownToFail})`);
    print(`known to fail: ${told.join("; ")}`);
  }
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function verdictOf(knownToFail: string | undefined): string {
  return knownToFail === undefined ? "FAILED" : "FAILED (known)";
}

function write(file: string, results: readonly TestResult[]): void {
  const at = new Date(SYSTEM_CLOCK.nowMs()).toISOString();
  writeFileSync(file, `${JSON.stringify({ at, results }, undefined, 2)}\n`);
}

/** Reads a whole number within bounds. */
function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
