/**
 * `floe tables`: table sets: checked and loaded from CSV files of a folder, and those that the
 * admin service keeps: listed, made, put into force.
 */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { parseApiKey } from "../../core/api-key.js";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { SILENT } from "../../core/log.js";
import { type Cell, print, table } from "../../core/output.js";
import {
  type GetTableSetStatusResponse,
  type TableSet,
  TableSetServiceService,
  TableSetState,
} from "../../core/proto/floe/v1/table_sets.js";
import { compileTables } from "../../workers/compile.js";
import { readFolder } from "../../workers/parse-folder.js";
import { loadTables } from "../admin/seed.js";
import { openLocalStream } from "./connect.js";
import { wordsOf } from "./entity-fields.js";
import { requireLocal } from "./local-system.js";
import { addOperatorOptions, allPages, type OperatorFlags, operate } from "./operator.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

export function addTables(program: Command): void {
  const tables = program.command("tables").description("table sets, of routes, decks and plans");
  tables
    .command("compile")
    .description("check the CSV files of a folder and compile them into one table set")
    .argument("<folder>", "folder with the CSV files")
    .option("--out <file>", "where to write the table set; without it nothing is written")
    .addOption(jsonOption())
    .action(compile);
  tables
    .command("load")
    .description("replace all tables of the local system by those of a folder")
    .argument("<folder>", "folder with the CSV files")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(load);
  addOperatorOptions(tables.command("list").description("the sets that are kept")).action(list);
  addOperatorOptions(
    tables
      .command("status")
      .description("which set is in force, and whether all changes are in it"),
  ).action(status);
  addOperatorOptions(
    tables.command("build").description("have a set made of all changes, and wait for it"),
  ).action(build);
  addOperatorOptions(
    tables
      .command("activate")
      .description("put a kept set into force: back or forward")
      .argument("<version>", "as list tells it"),
  ).action(activate);
}

async function compile(folder: string, flags: { out?: string; json?: boolean }): Promise<void> {
  const image = compileTables(readFolder(folder, 1, SYSTEM_CLOCK.nowMs()));
  if (flags.out !== undefined) writeFileSync(flags.out, image);
  const told = { bytes: image.byteLength, ...(flags.out ? { written: flags.out } : {}) };
  const written = flags.out ? `, written to ${flags.out}` : "";
  if (flags.json === true) print(JSON.stringify(told));
  else print(`${folder} is right: ${image.byteLength} bytes${written}.`);
}

async function load(folder: string, flags: { home?: string; json?: boolean }): Promise<void> {
  const { home } = await cliSettings(flags);
  // Before anything is opened: a mistake in the files is told at once.
  const source = readFolder(folder, 1, SYSTEM_CLOCK.nowMs());
  const { byteLength: bytes } = compileTables(source);
  const changedBy = keyIdOf(requireLocal(home).staffKey);
  const client = await openLocalStream(home);
  try {
    const seeding = { client, clock: SYSTEM_CLOCK, log: SILENT };
    const version = await loadTables(seeding, source, changedBy);
    if (flags.json === true) print(JSON.stringify({ version, bytes }));
    else print(`Table set ${version} is in force.`);
  } finally {
    await client.close();
  }
}

/** Public part of a key: who is said to have changed it. */
function keyIdOf(key: string): string {
  const parts = parseApiKey(key);
  return typeof parts === "string" ? "" : parts.keyId;
}

async function list(flags: OperatorFlags): Promise<void> {
  const sets = await operate(flags, (operator) =>
    allPages<TableSet>(operator, TableSetServiceService, "listTableSets", "tableSets", {}),
  );
  if (flags.json === true) {
    print(JSON.stringify(sets.map(plain), undefined, 2));
    return;
  }
  const rows = sets.map((set): Cell[] => [
    String(set.version),
    set.inForce ? "in force" : set.unusable === "" ? "" : "not usable",
    Number(set.bytes),
    set.builtAt?.toISOString() ?? "",
    set.buildMs,
    set.changedBy,
  ]);
  print(table(["version", "", "bytes", "made", "ms", "last change by"], rows));
}

function plain(set: TableSet): object {
  return { ...set, version: Number(set.version), bytes: Number(set.bytes) };
}

async function status(flags: OperatorFlags): Promise<void> {
  const found = await operate(flags, (operator) =>
    operator.call<GetTableSetStatusResponse>(TableSetServiceService, "getTableSetStatus", {}),
  );
  const state = wordsOf(TableSetState)[found.state] ?? "";
  if (state === "failed") process.exitCode = 1;
  if (flags.json === true) {
    print(JSON.stringify({ ...found, state, version: Number(found.version) }, undefined, 2));
    return;
  }
  const [version, since] = [Number(found.version), found.activatedAt?.toISOString()];
  const by = found.activatedBy === "" ? "" : ` by ${found.activatedBy}`;
  if (version === 0) print("No table set is in force yet.");
  else print(`Table set ${version} is in force${since ? ` since ${since}` : ""}${by}.`);
  print(TOLD[state] ?? "");
  for (const problem of found.problems) print(`  ${problem}`);
}

const TOLD: Readonly<Record<string, string>> = {
  current: "All changes are in it.",
  pending: "Changes wait to be made into a new set.",
  failed: "Of the changes since then no set can be made:",
  held: "It was put into force by hand: later changes are not in it, until the next one is made.",
};

async function build(flags: OperatorFlags): Promise<void> {
  await tellSet(flags, "buildTableSet", {});
}

async function activate(version: string, flags: OperatorFlags): Promise<void> {
  if (!/^\d{1,10}$/.test(version)) {
    const problems = ["The version must be a whole number."];
    throw new FloeError("settings.invalid", { problems });
  }
  await tellSet(flags, "activateTableSet", { version: BigInt(version) });
}

async function tellSet(flags: OperatorFlags, call: string, request: object): Promise<void> {
  const { tableSet } = await operate(flags, (operator) =>
    operator.call<{ tableSet: TableSet }>(TableSetServiceService, call, request),
  );
  if (flags.json === true) print(JSON.stringify(plain(tableSet), undefined, 2));
  else print(`Table set ${tableSet.version} is in force.`);
}
