/** Bench: the command line of the scenarios. `npm run bench -- <scenario> --help` tells the rest. */
import { Command, InvalidArgumentError, Option } from "commander";
import { BATCH_MESSAGES_MAX } from "../core/limits.js";
import { printError } from "../core/output.js";
import { runPipeline } from "./pipeline.js";
import type { SideName } from "./side.js";

interface Flags {
  readonly messages: number;
  readonly batch: number;
  readonly calls: number;
  readonly rate: number;
  readonly accounts: number;
  readonly rounds?: number;
  readonly unary?: true;
  readonly bare?: true;
  readonly only?: SideName;
  readonly json: string;
  readonly profile: string;
  readonly home: string;
}

const program = new Command("npm run bench --").description(
  "Measures the system that this repository builds, under load, on this machine.",
);

program
  .command("pipeline")
  .description(
    "Messages from the gRPC API to their receipts in ClickHouse. Starts a system of its own for " +
      "each round and removes it. Exit code 1 if a message was lost or duplicated.",
  )
  .option("--messages <n>", "messages a round", whole(1, 100_000_000), 300_000)
  .option("--batch <n>", "messages a call", whole(1, BATCH_MESSAGES_MAX), 100)
  .option("--calls <n>", "calls under way at a time (closed loop)", whole(1, 10_000), 8)
  .option("--rate <n>", "messages a second (open loop); 0: closed loop", whole(0, 1_000_000), 0)
  .option("--accounts <n>", "accounts that the calls are spread over", whole(1, 100_000), 100)
  .option("--unary", "one message a call: the same as --batch 1")
  .option("--bare", "run the bare pipeline in turn, and print the ratios")
  .addOption(new Option("--only <side>", "run one side alone").choices(["floe", "bare"]))
  .option("--rounds <n>", "rounds of each side (default: 3 with --bare, else 1)", whole(0, 100))
  .option("--json <file>", "write the figures there", "")
  .option("--profile <folder>", "one more round with a CPU profile of each process, there", "")
  .option("--home <folder>", "folder of our system, kept (default: a temporary one, removed)", "")
  .action(async (flags: Flags) => {
    const sides: SideName[] =
      flags.only !== undefined ? [flags.only] : flags.bare ? ["floe", "bare"] : ["floe"];
    const good = await runPipeline({
      ...flags,
      batch: flags.unary ? 1 : flags.batch,
      rounds: flags.rounds ?? (sides.length > 1 ? 3 : 1),
      sides,
      commandLine: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    });
    process.exitCode = good ? 0 : 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  printError(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}

/** Reads a whole number within bounds. */
function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
