/**
 * npm start: a whole system on this machine, for a person who looks at it.
 *
 * Starts everything (local.ts), sends the sample through the API, shows what became of it, says how
 * to call the API, and stays until Ctrl-C. With --json the report goes to standard output and all
 * else to standard error.
 */
import { parseArgs } from "node:util";
import { openClickHouse } from "../../core/clickhouse.js";
import { fillRandom } from "../../core/clock.js";
import { FloeError, isFloeError } from "../../core/errors.js";
import { bold, paint, print, printError } from "../../core/output.js";
import { splitUrl } from "../../services/cli/local-system.js";
import { cliSettings } from "../../services/cli/options.js";
import { howToCall } from "./how-to-call.js";
import { type LocalOptions, type LocalSystem, startLocal } from "./local.js";
import { seedPrepaid } from "./prepaid.js";
import { type ReportRow, readReport, reportTable, totalsQuery } from "./report.js";
import { readSample, type Sent, sendSample, waitForEnds } from "./sample.js";

const HELP = `Floe on this machine: streams, ClickHouse, two simulated carriers and all services.

  npm start [-- flags]      or      npx floe up [flags]

  --once    send the sample, print the table and stop; exit code 0 only if every accepted message
            ended in a call detail record with a terminal state
  --empty   send nothing
  --fresh   clear the state of earlier runs first
  --json    print the report as JSON on standard output, everything else on standard error
  --help    this text

State lies in .floe, or in the folder that FLOE_HOME names; one system at a time has it, and several
systems run side by side in folders of their own. FLOE_SYNC=disk makes the streams survive a power
cut, at a price. FLOE_NATS_SERVER names a nats-server to use; without
it one of version 2.12 or newer is looked for, else fetched with pip or go. Ctrl-C stops everything;
a second Ctrl-C ends it by force.`;

const FAILED = 1;
const INTERRUPTED = 130;

interface Flags {
  readonly once: boolean;
  readonly empty: boolean;
  readonly fresh: boolean;
  readonly json: boolean;
}

async function main(): Promise<number> {
  const flags = parseFlags();
  if (flags === undefined) {
    print(HELP);
    return 0;
  }
  const say = flags.json ? printError : print;
  const { home, natsServer, sync } = await cliSettings({});
  const asked = new AbortController();
  let kill = (): void => {};
  onSignals(asked, say, () => kill());
  const prefix = paint("grey", "floe".padEnd(10));
  const system = await startUnless(asked.signal, {
    home,
    fresh: flags.fresh,
    natsServer,
    sync,
    tell: (line) => say(`${prefix} ${line}`),
    hear: say,
  });
  if (system === undefined) {
    say("stopped");
    return INTERRUPTED;
  }
  kill = system.kill;
  try {
    say(paint("green", `\nFloe is ready: gRPC at ${system.local.grpc}, state in ${home}\n`));
    return await use(system, flags, say, asked.signal);
  } finally {
    say("stopping");
    await system.stop();
    say("stopped");
  }
}

/** Undefined: the user asked for the end before it was ready; why a part then failed is no news. */
async function startUnless(asked: AbortSignal, options: LocalOptions) {
  try {
    return await startLocal({ ...options, signal: asked });
  } catch (error) {
    if (asked.aborted) return undefined;
    throw error;
  }
}

type Say = (line: string) => void;

/** @returns the exit code, once there is nothing more to do here. */
async function use(system: LocalSystem, flags: Flags, say: Say, asked: AbortSignal) {
  const stopped = new Promise<number>((resolve) => {
    asked.addEventListener("abort", () => resolve(0));
    if (asked.aborted) resolve(0);
  });
  const gaveUp = system.gaveUp.then((reason) => {
    printError(paint("red", `${reason}: giving up.`));
    return FAILED;
  });
  const over = Promise.race([stopped, gaveUp]);
  const run = randomRun();
  if (!flags.empty) {
    const sample = showSample(system, run, flags, say, () => asked.aborted);
    const code = await Promise.race([sample, over]);
    if (flags.once) return asked.aborted ? FAILED : code;
  } else if (flags.once) return 0;
  if (!asked.aborted) {
    const prepaid = await seedPrepaid(system.local);
    say(howToCall(system.local, flags.empty ? undefined : run, prepaid));
    say(`${bold("It stays up.")} Ctrl-C stops it.\n`);
  }
  return over;
}

/** Sends the sample and shows what became of it. @returns 0 if every message came to its end. */
async function showSample(
  system: LocalSystem,
  run: string,
  flags: Flags,
  say: Say,
  giveUp: () => boolean,
): Promise<number> {
  const { url, user, password } = splitUrl(system.local.clickhouse);
  const clickhouse = openClickHouse({ url, user, password, database: "floe" });
  try {
    const messages = readSample(run);
    const sent = await sendSample(system.local, messages, !flags.json);
    const { terminal, settled } = await waitForEnds(clickhouse, run, sent.ids, !flags.json, giveUp);
    const rows = await readReport(clickhouse, run);
    const open = sent.ids.filter((id) => !terminal.has(id)).length;
    if (flags.json) print(JSON.stringify(report(messages.length, sent, open, rows, run), null, 2));
    else say(`\n${reportTable(rows, sent.refused)}\n`);
    if (open > 0) say(paint("red", `${open} accepted messages have no end yet.`));
    else if (settled < sent.ids.length) say(paint("yellow", "Some money is not settled yet."));
    return open === 0 ? 0 : FAILED;
  } finally {
    await clickhouse.close();
  }
}

function report(
  messages: number,
  { ids, refused }: Sent,
  open: number,
  rows: readonly ReportRow[],
  run: string,
): object {
  return { messages, accepted: ids.length, refused, open, rows, query: totalsQuery(run) };
}

/** The first signal asks for a stop in order, the second ends everything at once. */
function onSignals(asked: AbortController, say: Say, kill: () => void): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (asked.signal.aborted) {
        say("ended by force");
        kill();
        process.exit(INTERRUPTED);
      }
      say(`\n${signal}: stopping; once more ends it by force`);
      asked.abort();
    });
  }
}

/** Undefined: help was asked for. */
function parseFlags(): Flags | undefined {
  const flag = { type: "boolean", default: false } as const;
  const options = { once: flag, empty: flag, fresh: flag, json: flag, help: flag };
  try {
    const { values } = parseArgs({ options });
    return values.help ? undefined : values;
  } catch (error) {
    const problem = `${error instanceof Error ? error.message : error}. Try --help.`;
    throw new FloeError("settings.invalid", { problems: [problem] });
  }
}

function randomRun(): string {
  const random = new Uint8Array(8);
  fillRandom(random);
  return Buffer.from(random).toString("hex");
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const problems = isFloeError(error)
      ? (error.details["problems"] ?? error.details["problem"])
      : "";
    const told = problems || (error instanceof Error ? error.message : String(error));
    for (const line of Array.isArray(told) ? told : [told])
      printError(paint("red", `floe: ${line}`));
    process.exit(isFloeError(error, "settings.invalid") ? 2 : FAILED);
  },
);
