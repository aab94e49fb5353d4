/**
 * Pipeline: the scenario that counts. Messages from gRPC to their receipts in the database, ours
 * and, with `bare`, the yardstick in turn, each round on a system of its own that has just started.
 */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { print } from "../core/output.js";
import { environment } from "../core/settings.js";
import { findNatsServer } from "../deploy/local/nats-server.js";
import { startBare } from "./bare/start.js";
import { figuresOf } from "./figures.js";
import { startFloe } from "./floe.js";
import type { LoadSpec } from "./load-spec.js";
import { openProfileFolder, type ProfileFolder } from "./profile-folder.js";
import { summarize } from "./profile-summary.js";
import { jsonOf, type Machine, printReport, type Report } from "./report.js";
import { type Round, runRound } from "./round.js";
import type { Side, SideName } from "./side.js";

export interface PipelineOptions {
  readonly messages: number;
  readonly batch: number;
  readonly calls: number;
  /** Messages a second; 0: closed loop. */
  readonly rate: number;
  readonly accounts: number;
  readonly rounds: number;
  readonly sides: readonly SideName[];
  readonly json: string;
  readonly profile: string;
  readonly home: string;
  readonly commandLine: string;
}

/** Resolves with whether nothing was lost and nothing duplicated. */
export async function runPipeline(options: PipelineOptions): Promise<boolean> {
  const { messages, batch, calls, rate } = options;
  const spec: LoadSpec = { messages, batch, calls, rate, stamp: rate > 0 };
  const rounds: Round[] = [];
  for (let number = 1; number <= options.rounds; number += 1) {
    for (const side of options.sides) {
      rounds.push(await oneRound(options, spec, side, `${side} ${number}/${options.rounds}`));
    }
  }
  if (options.profile !== "") await profiledRounds(options, spec);
  const of = (side: SideName): Round[] => rounds.filter((round) => round.side === side);
  const report: Report = {
    scenario: "pipeline",
    commandLine: options.commandLine,
    machine: await machine(),
    options: { messages, batch, calls, rate, accounts: options.accounts },
    floe: of("floe").length > 0 ? figuresOf(of("floe")) : undefined,
    bare: of("bare").length > 0 ? figuresOf(of("bare")) : undefined,
    rounds,
  };
  printReport(report);
  if (options.json !== "") writeFileSync(options.json, jsonOf(report));
  return [report.floe, report.bare].every(
    (side) => side === undefined || side.lost + side.duplicated === 0,
  );
}

async function oneRound(
  options: PipelineOptions,
  spec: LoadSpec,
  name: SideName,
  label: string,
  profile?: ProfileFolder,
): Promise<Round> {
  const side = await startSide(options, name, profile);
  const stopOnSignal = (): void => {
    print(`${label}: stopping`);
    side.stop().then(
      () => process.exit(130),
      () => process.exit(1),
    );
  };
  process.once("SIGINT", stopOnSignal).once("SIGTERM", stopOnSignal);
  try {
    return await runRound(side, spec, label);
  } finally {
    process.off("SIGINT", stopOnSignal).off("SIGTERM", stopOnSignal);
    await side.stop();
  }
}

function startSide(
  { accounts, home }: PipelineOptions,
  name: SideName,
  profile?: ProfileFolder,
): Promise<Side> {
  return name === "bare" ? startBare(profile) : startFloe({ accounts, home }, profile);
}

/** Rounds of their own: a profiler costs 10 to 30 % and would spoil the figures. */
async function profiledRounds(options: PipelineOptions, spec: LoadSpec): Promise<void> {
  const folder = openProfileFolder(options.profile);
  for (const side of options.sides) {
    const round = await oneRound(options, spec, side, `${side} profiled`, folder);
    const text = summarize(folder, round);
    const file = join(folder.path, `${side}.txt`);
    writeFileSync(file, text);
    print(text);
    print(
      `written to ${file}; open the .cpuprofile files beside it in a browser's developer tools`,
    );
  }
}

async function machine(): Promise<Machine> {
  const [first] = cpus();
  const wanted = environment()["FLOE_NATS_SERVER"];
  const { version: natsServer } = await findNatsServer({ wanted, tell: print });
  return {
    cores: cpus().length,
    processor: first?.model ?? "unknown",
    memoryBytes: totalmem(),
    node: process.version,
    natsServer,
  };
}
