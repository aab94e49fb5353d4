/**
 * Run: one fault test from an empty folder to closed books.
 *
 * Start the system, load and faults, lift every fault, wait until all is quiet, check. Nothing of one
 * test is left for the next, so a failure is replayed by its seed alone.
 */
import { SYSTEM_CLOCK, seededChance, sleep } from "../../core/clock.js";
import { told } from "../../services/cli/verify.js";
import { boundOf, closeBooks, type Figures } from "./checks.js";
import { openCustomers } from "./customers.js";
import { type FaultSystem, startSystem } from "./system.js";
import type { Context, FaultTest } from "./test.js";

export interface TestResult {
  readonly id: string;
  readonly title: string;
  readonly seed: number;
  readonly good: boolean;
  readonly knownToFail?: string;
  /** Sentences. */
  readonly findings: readonly string[];
  readonly notes: readonly string[];
  readonly figures?: Figures;
  readonly kills: number;
  /** From the end of load and faults until all was quiet. */
  readonly drainSeconds: number;
  readonly seconds: number;
  /** Errors that the parts logged: for who looks for the cause. */
  readonly complaints: readonly string[];
}

/** What is not quiet after this never will be: validity, receipts and leases are shorter. */
const QUIET_MS_MAX = 240_000;
const POLL_MS = 500;
/** More than a lease, a receipt and a flush take. */
const SLOW_SECONDS = 10;
/** Looks in a row that must find everything done. */
const QUIET_LOOKS = 3;

export async function runTest(test: FaultTest, seed: number, short: boolean): Promise<TestResult> {
  const beganMs = SYSTEM_CLOCK.monotonicMs();
  const seconds = (sinceMs: number): number =>
    Math.round((SYSTEM_CLOCK.monotonicMs() - sinceMs) / 100) / 10;
  const { id, title, knownToFail } = test;
  const notes: string[] = [];
  const about = { id, title, seed, ...(knownToFail === undefined ? {} : { knownToFail }) };
  let system: FaultSystem | undefined;
  try {
    system = await startSystem(test.system ?? {});
    const run = `${id.toLowerCase()}${seed}`;
    const { local } = system;
    const customers = openCustomers({ target: local.local.grpc, accounts: local.accounts, run });
    const context: Context = {
      ...{ system, customers, short },
      chance: seededChance(seed),
      note: (text) => void notes.push(text),
    };
    const own = await test.run(context);
    system.heal();
    const quietMs = SYSTEM_CLOCK.monotonicMs();
    const { problem: quiet, last } = await untilQuiet(system);
    const drainSeconds = seconds(quietMs);
    if (drainSeconds > SLOW_SECONDS) notes.push(`it took ${drainSeconds} s to drain: ${last}`);
    customers.close();
    const bounds = test.bounds?.(context) ?? boundOf(system);
    const outcome = await closeBooks(system, customers, run, bounds);
    const late = quiet === "" ? [] : [`not quiet after ${QUIET_MS_MAX / 1_000} s: ${quiet}`];
    const wrongs = outcome.findings.filter(({ check }) => !test.tolerates?.includes(check));
    const findings = [...own, ...late, ...wrongs.map(told)];
    const kills = Object.values(system.kills()).reduce((sum, one) => sum + one, 0);
    return {
      ...about,
      ...{ good: findings.length === 0, findings, notes, figures: outcome.figures, kills },
      ...{ drainSeconds, seconds: seconds(beganMs), complaints: system.complaints() },
    };
  } catch (error) {
    const findings = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    return {
      ...about,
      ...{ good: false, findings, notes, kills: 0, drainSeconds: 0, seconds: seconds(beganMs) },
      complaints: system?.complaints() ?? [],
    };
  } finally {
    await system?.stop();
  }
}

interface Quiet {
  /** "" when everything has ended, else what is still under way. */
  readonly problem: string;
  /** What was under way when it last was not quiet. */
  readonly last: string;
}

/** I9: everything ends. */
async function untilQuiet(system: FaultSystem): Promise<Quiet> {
  const endMs = SYSTEM_CLOCK.monotonicMs() + QUIET_MS_MAX;
  let last = "";
  let looks = 0;
  let problem = "";
  while (looks < QUIET_LOOKS && SYSTEM_CLOCK.monotonicMs() < endMs) {
    problem = await underWay(system).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    looks = problem === "" ? looks + 1 : 0;
    if (problem !== "") last = problem;
    await sleep(SYSTEM_CLOCK, POLL_MS);
  }
  return { problem: looks < QUIET_LOOKS ? problem : "", last };
}

async function underWay(system: FaultSystem): Promise<string> {
  const waiting = await system.streams.waiting();
  if (waiting.length > 0) return `not done: ${waiting.join(", ")}`;
  for (const { name } of system.local.carriers) {
    const waiting = (await system.stats(name))["receiptsWaiting"] ?? 0;
    if (waiting > 0) return `${waiting} receipts wait at ${name}`;
  }
  const [row] = await system.clickhouse.query<{ open: string; unsettled: string }>(
    `SELECT countIf(NOT terminal) AS open,
      countIf(terminal AND reason = '' AND ledger_sequence = 0) AS unsettled FROM cdr`,
  );
  const { open, unsettled } = row!;
  return open === "0" && unsettled === "0" ? "" : `${open} open, ${unsettled} not settled`;
}
