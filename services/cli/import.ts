/**
 * `floe import`: decks, networks, ported numbers and routing rules from CSV files, through the admin
 * service. Exit codes: 0 stored, or nothing differs, or a dry run without problems; 1 rows are wrong
 * or refused, or the call failed; 2 asked wrongly.
 */
import { statSync } from "node:fs";
import { type Command, Option } from "commander";
import { FloeError } from "../../core/errors.js";
import { print, printError } from "../../core/output.js";
import {
  type DeckImport,
  ImportMode,
  type ImportOptions,
  type ImportResult,
} from "../../core/proto/floe/v1/import.js";
import { Channel } from "../../core/proto/floe/v1/routing_admin.js";
import { timeOf } from "../../workers/csv-cells.js";
import { type Importer, openImporter } from "./import-call.js";
import { diffText, openBar, problemLines, resultJson } from "./import-told.js";
import { readLocal, requireLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

interface Flags {
  map?: readonly string[];
  merge?: boolean;
  replace?: boolean;
  dryRun?: boolean;
  wait: boolean;
  admin?: string;
  key?: string;
  home?: string;
  json?: boolean;
}

interface DeckFlags extends Flags {
  carrier?: string;
  plan?: string;
  channel: "sms" | "fax";
  currency?: string;
  effective?: string;
  maxChange: string;
  allowRetroactive?: boolean;
}

const CHANNELS = { sms: Channel.CHANNEL_SMS, fax: Channel.CHANNEL_FAX } as const;
const PLAN_MAX = 0xffff_ffff;

export function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("decks, networks, ported numbers and routing rules from CSV files");
  addDeck(command);
  addTable(command, "networks", "whose numbers begin how: prefix, country, mcc, mnc");
  addTable(command, "ported", "numbers that left the network of their prefix: number, mcc, mnc");
  addTable(command, "routes", "routing rules: rule, order, ..., strategy");
}

function addDeck(command: Command): void {
  const deck = command
    .command("deck")
    .description("what a carrier charges, or what the customers of a plan pay")
    .argument("<file>", "CSV file (prefix * is the default row); -: standard input")
    .option("--carrier <carrier>", "whose deck it is: this carrier's")
    .option("--plan <plan>", "whose deck it is: this price plan's, by its number")
    .addOption(new Option("--channel <channel>").choices(Object.keys(CHANNELS)).default("sms"))
    .option("--currency <currency>", "of rows that say none (ISO 4217; a plan's is known)")
    .option(
      "--effective <time>",
      "of rows that say none (default: now), and when rows that are gone cease (default: with " +
        "the file's first change to come)",
    )
    .option(
      "--max-change <percent>",
      "refuse larger changes of a price, a new row's from what its numbers cost; none: take any",
      "50",
    )
    .option("--allow-retroactive", "rows may change what held in the past");
  addCommon(deck).action((file: string, flags: DeckFlags) =>
    importFile(file, flags, { $case: "deck", deck: deckOf(flags) }),
  );
}

function addTable(command: Command, name: "networks" | "ported" | "routes", what: string): void {
  const one = command
    .command(name)
    .description(what)
    .argument("<file>", "CSV file; -: standard input");
  const tables = {
    networks: { $case: "networks", networks: {} },
    ported: { $case: "ported", ported: {} },
    routes: { $case: "routes", routes: {} },
  } as const;
  addCommon(one).action((file: string, flags: Flags) => importFile(file, flags, tables[name]));
}

function addCommon(command: Command): Command {
  return command
    .option(
      "--map <ours=theirs,...>",
      "our columns by the names that the file has for them; may be repeated",
      // Without a default of its own, which help would print as one.
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .addOption(new Option("--replace", "what the file does not have ceases (default)"))
    .addOption(new Option("--merge", "what the file does not have stays").conflicts("replace"))
    .option("--dry-run", "compare, and store nothing")
    .option("--no-wait", "do not wait until it is in force")
    .option("--admin <host:port>", "admin service (default: that of the local system)")
    .option("--key <key>", "API key of scope staff (default: that of the local system)")
    .addOption(homeOption())
    .addOption(jsonOption());
}

async function importFile(
  file: string,
  flags: Flags,
  table: NonNullable<ImportOptions["table"]>,
): Promise<void> {
  const options: ImportOptions = {
    table,
    columns: columnsOf(flags.map ?? []),
    mode: flags.merge === true ? ImportMode.IMPORT_MODE_MERGE : ImportMode.IMPORT_MODE_REPLACE,
    dryRun: flags.dryRun === true,
  };
  const bytes = file === "-" ? 0 : sizeOf(file);
  const importer = await openFor(flags);
  const bar = openBar(bytes, flags.json !== true);
  try {
    const result = await importer.send(file, options, bar.at).finally(bar.end);
    if (result.problemCount > 0n) process.exitCode = 1;
    // What is stored is told even if nobody can make a table set of it.
    const inForce = result.stored && flags.wait ? importer.waitForTables() : undefined;
    const [waited] = await Promise.allSettled([inForce]);
    const tableSet = waited.status === "fulfilled" ? waited.value : undefined;
    if (flags.json === true) {
      print(JSON.stringify(resultJson(result, options.dryRun, tableSet), undefined, 2));
    } else tell(file, result, options.dryRun, tableSet);
    if (waited.status === "rejected") throw waited.reason;
  } finally {
    importer.close();
  }
}

function tell(file: string, result: ImportResult, dryRun: boolean, tableSet?: number): void {
  print(diffText(result));
  for (const line of problemLines(file, result)) printError(line);
  if (result.problemCount > 0n) printError("floe: nothing was stored.");
  else if (dryRun) print("Dry run: nothing was stored.");
  else if (!result.stored) print("Nothing differs: nothing was stored.");
  else if (tableSet === undefined) print(`Stored as revision ${result.revision}.`);
  else print(`Stored as revision ${result.revision}; table set ${tableSet} is in force.`);
}

async function openFor(flags: Flags): Promise<Importer> {
  const settings = await cliSettings(flags);
  if (flags.admin !== undefined) {
    const key = settings.key === "" ? readLocal(settings.home)?.staffKey : settings.key;
    if (key === undefined) throw asked("--admin needs --key.");
    return openImporter(flags.admin, key);
  }
  const { admin, staffKey } = requireLocal(settings.home);
  if (admin === undefined) throw asked("the local system has no admin service: --admin names one.");
  // Not FLOE_KEY: that is a customer's as a rule.
  return openImporter(admin, flags.key ?? staffKey);
}

/** `price=our_price,prefix=dest` */
function columnsOf(maps: readonly string[]): Record<string, string> {
  const columns: Record<string, string> = {};
  for (const pair of maps.flatMap((one) => one.split(","))) {
    const at = pair.indexOf("=");
    const [ours, theirs] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    if (at < 1 || ours === "" || theirs === "") throw asked(`--map ${pair}: must be ours=theirs.`);
    if (Object.hasOwn(columns, ours)) throw asked(`--map ${ours}: is there twice.`);
    columns[ours] = theirs;
  }
  return columns;
}

function deckOf(flags: DeckFlags): DeckImport {
  if ((flags.carrier === undefined) === (flags.plan === undefined)) {
    throw asked("say whose deck it is: --carrier or --plan.");
  }
  const plan = Number(flags.plan ?? 1);
  if (!Number.isSafeInteger(plan) || plan < 1 || plan > PLAN_MAX) {
    throw asked("--plan must be the number of a plan.");
  }
  const currency = (flags.currency ?? "").toUpperCase();
  if (!/^(?:[A-Z]{3})?$/.test(currency)) throw asked("--currency must be three letters.");
  const effectiveMs = flags.effective === undefined ? undefined : timeOf(flags.effective);
  if (Number.isNaN(effectiveMs)) {
    throw asked("--effective must be a date or a time such as 2026-01-31T18:00:00Z.");
  }
  const anyChange = flags.maxChange === "none";
  const changePercentMax = anyChange ? 0 : Number(flags.maxChange.replace(/%$/, ""));
  if (!/^\d{1,9}%?$|^none$/.test(flags.maxChange)) {
    throw asked("--max-change must be whole percent, or none.");
  }
  return {
    key: {
      owner:
        flags.carrier === undefined
          ? { $case: "plan", plan }
          : { $case: "carrier", carrier: flags.carrier },
      channel: CHANNELS[flags.channel],
    },
    currency,
    effectiveFrom: effectiveMs === undefined ? undefined : new Date(effectiveMs),
    allowRetroactive: flags.allowRetroactive === true,
    changePercentMax,
    anyChange,
  };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (cause) {
    throw new FloeError("settings.invalid", { problems: [`${file} cannot be read.`] }, cause);
  }
}

function asked(problem: string): FloeError {
  return new FloeError("settings.invalid", { problems: [problem] });
}
