/**
 * `floe quote`: what a message would cost and how it would go, or what all messages of a file would.
 *
 * It asks the running system (staff sees carriers and costs; with a customer's key, prices only).
 * Where none runs it works by itself on the sample tables, and with --tables on a folder of CSV
 * files, always: so a deck is tried before it is imported.
 */
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { print, printTaken } from "../../core/output.js";
import type { Quoter } from "../../workers/quote.js";
import type { QuoteRequest } from "../../workers/quote-request.js";
import { linesOf } from "./lines.js";
import { readLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";
import {
  type Asker,
  isError,
  openCustomerAsker,
  openLocalAsker,
  openStaffAsker,
  type Told,
} from "./quote-askers.js";
import { quoteLines } from "./quote-file.js";
import { addMessageOptions, type MessageFlags, readFlags, readSomeFlags } from "./quote-flags.js";
import { toldForPeople, toldInALine } from "./quote-told.js";
import { isAlive } from "./status.js";

export const SAMPLE_TABLES = fileURLToPath(
  new URL("../../../deploy/local/sample/tables", import.meta.url),
);

interface Flags extends MessageFlags {
  file?: string;
  tables?: string;
  target?: string;
  admin?: string;
  key?: string;
  home?: string;
  json?: boolean;
}

export function addQuote(program: Command): void {
  addMessageOptions(
    program
      .command("quote")
      .description("what a message would cost and how it would go, without sending it"),
  )
    .option("--file <path>", 'a request of JSON on each line, "-": standard input')
    .option("--tables <folder>", "folder with CSV files to rate by, whatever runs")
    .option("--target <host:port>", "gateway to ask with a customer's key")
    .option("--admin <host:port>", "admin service to ask with a staff key")
    .option("--key <key>", "API key (default: FLOE_KEY or the local system's staff key)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(quote);
}

const HELP = `
A line of --file has to, from and text (or binary and udh, in hexadecimal digits), and may have account, plan, trafficClass, defaultRegion,
at, validate, monthSegments and messageId; what it does not say, the flags say. A blank line has no
result. One that is wrong is answered by {"error":{"field":...,"problem":...}}, and the exit code is
1 at the end.`;

async function quote(flags: Flags): Promise<void> {
  const asker = await openAsker(flags);
  try {
    if (flags.file !== undefined) await quoteFile(flags.file, flags, asker);
    else await quoteOne(readFlags(flags), asker, flags.json === true);
  } finally {
    asker.close();
  }
}

async function quoteOne(request: QuoteRequest, asker: Asker, json: boolean): Promise<void> {
  const [told] = await asker.ask([{ request, place: 0 }]);
  if (isError(told!)) {
    const { field, problem } = told.error;
    if (!json) throw new FloeError("settings.invalid", { problems: [`${field} ${problem}.`] });
    process.exitCode = 1;
  }
  print(json ? JSON.stringify(told, undefined, 2) : toldForPeople(told!, asker.source));
}

async function quoteFile(path: string, flags: Flags, asker: Asker): Promise<void> {
  const absent = readSomeFlags(flags);
  const line = flags.json === true ? (told: Told): string => JSON.stringify(told) : toldInALine;
  const write = (told: readonly Told[]): Promise<boolean> =>
    printTaken(`${told.map(line).join("\n")}\n`);
  const { errors } = await quoteLines(linesOf(path), asker, write, absent);
  if (errors > 0) process.exitCode = 1;
  // Where nobody wants more results, nobody waits for more lines either.
  if (path === "-") process.stdin.destroy();
}

/** @throws FloeError "settings.invalid" if what is asked for cannot be together. */
async function openAsker(flags: Flags): Promise<Asker> {
  if (flags.tables !== undefined) return await openTablesAsker(flags.tables, flags.tables);
  const settings = await cliSettings(flags);
  const local = readLocal(settings.home);
  if (flags.target !== undefined || (settings.key !== "" && flags.admin === undefined)) {
    const gateway = flags.target ?? local?.grpc;
    const key = settings.key === "" ? local?.apiKey : settings.key;
    if (gateway === undefined || key === undefined) {
      const problem = "A gateway is asked with --target and --key.";
      throw new FloeError("settings.invalid", { problems: [problem] });
    }
    return openCustomerAsker(gateway, key);
  }
  const door = await staffDoor(flags);
  if (door !== undefined) return openStaffAsker(door.target, door.key);
  return await openTablesAsker(SAMPLE_TABLES, "the sample tables");
}

/**
 * The admin service that flags name, else that of the local system; undefined: none runs.
 * @throws FloeError "settings.invalid" if one is named without a key.
 */
export async function staffDoor(flags: {
  admin?: string;
  key?: string;
  home?: string;
}): Promise<{ target: string; key: string } | undefined> {
  const settings = await cliSettings(flags);
  const local = readLocal(settings.home);
  if (flags.admin === undefined) {
    // A note that a killed system left behind is none.
    if (local?.admin === undefined || !local.processes.some(({ pid }) => isAlive(pid))) {
      return undefined;
    }
    return { target: local.admin, key: flags.key ?? local.staffKey };
  }
  const key = settings.key === "" ? local?.staffKey : settings.key;
  if (key !== undefined) return { target: flags.admin, key };
  throw new FloeError("settings.invalid", { problems: ["--admin needs --key."] });
}

async function openTablesAsker(folder: string, name: string): Promise<Asker> {
  return openLocalAsker(await openTablesQuoter(folder), name);
}

/**
 * Quotes from a folder of CSV files. Loaded when wanted: asking a system needs no engine.
 * @throws FloeError "tables.invalid", "import.invalid" with `problems`.
 */
export async function openTablesQuoter(folder: string): Promise<Quoter> {
  const [{ openQuoter }, { compileTables }, { readFolder }] = await Promise.all([
    import("../../workers/quote.js"),
    import("../../workers/compile.js"),
    import("../../workers/parse-folder.js"),
  ]);
  const image = compileTables(readFolder(folder, 1, SYSTEM_CLOCK.nowMs()));
  const shared = new SharedArrayBuffer(image.length);
  new Uint8Array(shared).set(image);
  return openQuoter(shared);
}
