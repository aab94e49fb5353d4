/**
 * Runs the tests, kind by kind (the long ones folder by folder), each in a process of its own, and
 * checks what uvu does not. Two processes run at a time, since integration tests mostly wait; what
 * each says is printed when it is done.
 *
 * uvu 0.5.6 exits 0 when a `before` or `after.each` hook throws (the rest of the suite is skipped in
 * silence), and has no time limit. So: passed must be total, total not zero, and a hang is killed.
 * Compiled tests whose source is gone are removed first, else they would go on being run.
 *
 * `npm test -- unit/core` runs only the files whose path holds one of the words given.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { bold, paint, print, printError, printRaw } from "../core/output.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COMPILED = join(ROOT, "dist/tests");
const UVU = join(ROOT, "node_modules/uvu/bin.js");
const SHOW_ERRORS = new URL("show-errors.js", import.meta.url).href;
/** In the order in which a failure says most. `.` is what lies beside this file. */
const KINDS = [".", "unit", "property", "simulation", "integration", "faults"] as const;
const KIND_MS_MAX = 600_000;
const SPLIT: readonly string[] = ["property", "integration"];
/** They wait for leases, deadlines and processes most of the time. */
const LANES = 2;
/**
 * After its summary a process is given so long to end by itself. Some cannot: a test that plays a
 * killed process leaves that one's timers behind, as a killed process does.
 */
const LINGER_MS_MAX = 3_000;

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

const words = process.argv.slice(2);
const files = testFiles();
let passed = 0;
let failed = 0;
const jobs = jobsOf();
/** One alone is seen as it goes. */
const live = jobs.length === 1;
await Promise.all(Array.from({ length: Math.min(LANES, availableParallelism()) }, lane));
if (files.length === 0) printError("There is no test to run.");
const good = passed > 0 && failed === 0;
// One plain line, alone, that any CI can read.
print(`\n${passed} passed, ${good ? 0 : Math.max(failed, 1)} failed`);
process.exitCode = good ? 0 : 1;

/** Takes one job after another. */
async function lane(): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const { name, files: chosen } = job;
    const outcome = await run(`${name} (${chosen.length} files)`, chosen);
    passed += outcome.passed;
    failed += outcome.failed;
  }
}

/** What goes into one process each, in the order of kinds; the long kinds by folder. */
function jobsOf(): { name: string; files: string[] }[] {
  const byName = new Map<string, string[]>();
  for (const kind of KINDS) {
    for (const file of files) {
      if (kindOf(file) !== kind) continue;
      const folder = SPLIT.includes(kind) ? file.split("/").slice(0, -1).join("/") : kind;
      const name = kind === "." ? "the tree itself" : folder;
      byName.set(name, [...(byName.get(name) ?? []), file]);
    }
  }
  return [...byName].map(([name, chosen]) => ({ name, files: chosen }));
}

/** Paths below dist/tests of the tests to run, after removing those without a source. */
function testFiles(): readonly string[] {
  const found: string[] = [];
  for (const entry of readdirSync(COMPILED, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith(".test.js")) continue;
    const file = relative(COMPILED, join(entry.parentPath, entry.name));
    if (existsSync(join(ROOT, "tests", file.replace(/\.js$/, ".ts")))) found.push(file);
    else for (const suffix of ["", ".map"]) rmSync(join(COMPILED, file + suffix), { force: true });
  }
  return found
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
}

function kindOf(file: string): string {
  const at = file.indexOf("/");
  return at < 0 ? "." : file.slice(0, at);
}

function run(title: string, chosen: readonly string[]): Promise<Outcome> {
  const pattern = `^(?:${chosen.map((file) => file.replaceAll(".", "\\.")).join("|")})$`;
  const args = ["--enable-source-maps", "--import", SHOW_ERRORS, UVU, COMPILED, pattern];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (live) print(bold(`\n${title}`));
  let output = "";
  let limit = setTimeout(() => {
    output += paint("red", `\nNot done after ${KIND_MS_MAX / 60_000} minutes: ended.\n`);
    child.kill("SIGKILL");
  }, KIND_MS_MAX);
  let summed = false;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (live) printRaw(chunk);
    if (summed || !/ Duration: .*\n/.test(output.slice(-200))) return;
    clearTimeout(limit);
    summed = true;
    limit = setTimeout(() => child.kill("SIGKILL"), LINGER_MS_MAX);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      if (!live) print(bold(`\n${title}`));
      if (!live) printRaw(output);
      const ended = code === 0 || (signal === "SIGKILL" && summed);
      resolve(counted(stripVTControlCharacters(output), ended));
    });
  });
}

/** uvu's own counts, distrusted: a bad exit or no count at all is a failure too. */
function counted(output: string, ended: boolean): Outcome {
  const total = Number(/Total:\s+(\d+)/.exec(output)?.[1] ?? 0);
  const passing = Number(/Passed:\s+(\d+)/.exec(output)?.[1] ?? 0);
  const missing = total - passing;
  const good = ended && total > 0 && missing === 0;
  return { passed: passing, failed: good ? 0 : Math.max(missing, 1) };
}
