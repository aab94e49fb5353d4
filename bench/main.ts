/** Bench: the command line of the scenarios. `npm run bench -- <scenario> --help` tells the rest. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Command, InvalidArgumentError, Option } from "commander";
import { asksForLargePages, withLargePages } from "../core/large-pages.js";
import { BATCH_MESSAGES_MAX } from "../core/limits.js";
import { printError } from "../core/output.js";
import { environment } from "../core/settings.js";
import { runPipeline } from "./pipeline.js";
import type { SideName } from "./side.js";

/** This command in a process with large pages. @returns its exit code. */
async function runAgain(): Promise<number> {
  const args = [...process.execArgv, ...process.argv.slice(1)];
  const env = withLargePages(environment());
  const child = spawn(process.execPath, args, { env, stdio: "inherit" });
  const [code] = await once(child, "exit");
  return code ?? 1;
}

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

interface RoutingFlags {
  readonly sizes: readonly number[];
  readonly carriers: number;
  readonly threads: readonly number[];
  readonly messages: number;
  readonly rounds: number;
  readonly swap?: true;
  readonly json: string;
  readonly svg: string;
}

interface ConnectorFlags {
  readonly messages: number;
  readonly window?: number;
  readonly latency?: number;
  readonly records: number;
  readonly bare?: true;
  readonly profile: string;
  readonly json: string;
}

interface SoakFlags {
  readonly messages: number;
  readonly seed: number;
  readonly faults: number;
}

interface AccountsFlags {
  readonly accounts: number;
  readonly messages: number;
  readonly behind: number;
  readonly json: string;
}

interface FuzzFlags {
  readonly seconds: number;
  readonly seed?: number;
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

program
  .command("routing")
  .description(
    "What a message costs in the core (number, segments, sender, routing, rating) against the size " +
      "of the tables. Starts nothing else. Exit code 1 if a bound is not held.",
  )
  .option("--sizes <list>", "prefixes of each table set", sizes, [1e3, 1e4, 1e5, 1e6])
  .option("--carriers <n>", "carriers, each with a rate for every prefix", whole(1, 64), 20)
  .option("--threads <list>", "pool threads, each measured by itself", sizes, [1, 2])
  .option("--messages <n>", "different messages", whole(500, 1_000_000), 200_000)
  .option("--rounds <n>", "rounds, of which the fastest counts", whole(1, 100), 5)
  .option("--swap", "swap the largest table set for another while messages are routed, too")
  .option("--json <file>", "write the figures there", "")
  .option("--svg <file>", "write a plot of cost against size there", "")
  .action(async (flags: RoutingFlags) => {
    // As dispatch is started; a process cannot ask for large pages once it runs.
    if (!asksForLargePages(environment())) {
      process.exitCode = await runAgain();
      return;
    }
    // Loaded when it is wanted: the other scenarios do without the workers' code.
    const { runRouting } = await import("./routing/run.js");
    const good = await runRouting({
      ...flags,
      swap: flags.swap ?? false,
      commandLine: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    });
    process.exitCode = good ? 0 : 1;
  });

program
  .command("connector")
  .description(
    "The connector process alone: CPU a message at window 1,000, and the rate at window 10 with " +
      "10 ms of carrier latency. Exit code 1 if a target is missed or a message was sent twice.",
  )
  .option("--messages <n>", "messages", whole(100, 10_000_000), 300_000)
  .option("--window <n>", "one run, with this window (default 1000)", whole(1, 10_000))
  .option("--latency <ms>", "one run, with this latency (default 0)", whole(0, 60_000))
  .option("--records <n>", "messages a dispatch frame", whole(1, 1_000), 1_000)
  .option("--bare", "run the bare connector beside ours each time, and print the ratio")
  .option("--profile <folder>", "write a CPU profile of the connector there", "")
  .option("--json <file>", "write the figures there", "")
  .action(async ({ window, latency, ...flags }: ConnectorFlags) => {
    const { runConnector } = await import("./connector/run.js");
    const good = await runConnector({
      ...flags,
      window,
      latencyMs: latency,
      bare: flags.bare ?? false,
    });
    process.exitCode = good ? 0 : 1;
  });

program
  .command("soak")
  .description(
    "The whole local system against carriers on which everything goes wrong, then the books are " +
      "closed: states, repeats, receipts. Exit code 1 if they are not right.",
  )
  .option("--messages <n>", "messages", whole(50, 10_000_000), 20_000)
  .option("--seed <n>", "of the faults", whole(0, 0xffff_fff0), 1)
  .option("--faults <share>", "share of messages that each fault befalls", shareOf, 0.05)
  .action(async (flags: SoakFlags) => {
    const { runSoak } = await import("./soak.js");
    process.exitCode = (await runSoak(flags)) ? 0 : 1;
  });

program
  .command("accounts")
  .description(
    "One partition with many accounts and messages that await receipts: bytes of each, what a " +
      "snapshot holds up and writes, and a restart with all of it. Exit code 1 below a floor.",
  )
  .option("--accounts <n>", "accounts", whole(1, 10_000_000), 1_000_000)
  .option("--messages <n>", "messages in the snapshot", whole(1_000, 50_000_000), 10_000_000)
  .option("--behind <n>", "messages in the log behind it", whole(0, 10_000_000), 100_000)
  .option("--json <file>", "writes every figure", "")
  .action(async (flags: AccountsFlags) => {
    const { runAccounts } = await import("./accounts/run.js");
    process.exitCode = (await runAccounts(flags)) ? 0 : 1;
  });

program
  .command("fuzz")
  .description(
    "Random and mutated bytes to all that reads a carrier's: framing, codec, receipts, session. " +
      "Exit code 1 if something threw, read out of bounds or grew.",
  )
  .option("--seconds <n>", "how long", whole(1, 86_400), 60)
  .option("--seed <n>", "of an earlier run (default: by chance)", whole(0, 0xffff_fff0))
  .action(async ({ seconds, seed }: FuzzFlags) => {
    const { runFuzz } = await import("./fuzz/run.js");
    process.exitCode = (await runFuzz({ seconds, seed })) ? 0 : 1;
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

function shareOf(text: string): number {
  const value = text === "" ? Number.NaN : Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("It must be a number from 0 to 1.");
}

/** Reads rising numbers such as "1k,10k,1M". */
function sizes(text: string): number[] {
  const list = text.split(",").map((one) => {
    const parsed = /^(\d+)([kM]?)$/.exec(one.trim());
    const value = Number(parsed?.[1]) * { "": 1, k: 1e3, M: 1e6 }[parsed?.[2] ?? ""]!;
    if (parsed !== null && value >= 1 && value <= 1e7) return value;
    throw new InvalidArgumentError("It must be a list of numbers such as 1k,10k,1M.");
  });
  return [...new Set(list)].sort((a, b) => a - b);
}
