/** `floe tables`: routes, decks and plans from CSV files into the binary table set. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { parseApiKey } from "../../core/api-key.js";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { print } from "../../core/output.js";
import { compileTables } from "../../workers/compile.js";
import { readFolder } from "../../workers/parse-folder.js";
import { loadTables } from "../admin/seed.js";
import { openLocalStream } from "./connect.js";
import { requireLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

export function addTables(program: Command): void {
  const tables = program.command("tables").description("routes, rate decks and price plans");
  tables
    .command("compile")
    .description("check the CSV files of a folder and compile them into one table set")
    .argument("<folder>", "folder with the CSV files")
    .option("--out <file>", "where to write the table set; without it nothing is written")
    .addOption(jsonOption())
    .action(async (folder: string, flags: { out?: string; json?: boolean }) => {
      const image = compileTables(readFolder(folder, 1));
      if (flags.out !== undefined) writeFileSync(flags.out, image);
      const told = { bytes: image.byteLength, ...(flags.out ? { written: flags.out } : {}) };
      if (flags.json === true) print(JSON.stringify(told));
      else
        print(
          `${folder} is right: ${image.byteLength} bytes${flags.out ? `, written to ${flags.out}` : ""}.`,
        );
    });
  tables
    .command("load")
    .description("replace all tables of the local system by those of a folder")
    .argument("<folder>", "folder with the CSV files")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(async (folder: string, flags: { home?: string; json?: boolean }) => {
      const { home } = await cliSettings(flags);
      // Before anything is opened: a mistake in the files is told at once.
      const source = readFolder(folder);
      const { byteLength: bytes } = compileTables(source);
      const client = await openLocalStream(home);
      try {
        const seeding = { client, clock: SYSTEM_CLOCK, log: SILENT };
        const version = await loadTables(seeding, source, keyIdOf(requireLocal(home).staffKey));
        if (flags.json === true) print(JSON.stringify({ version, bytes }));
        else print(`Table set ${version} is in force.`);
      } finally {
        await client.close();
      }
    });
}

/** Public part of a key: who is said to have changed it. */
function keyIdOf(key: string): string {
  const parts = parseApiKey(key);
  return typeof parts === "string" ? "" : parts.keyId;
}
