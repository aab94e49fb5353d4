#!/usr/bin/env node
/**
 * floe: the one entry point. `floe serve <role...>` is what runs in production; the rest talks to a
 * running system, found through local.json unless flags say otherwise.
 *
 * Exit codes: 0 done, 1 failed, 2 asked wrongly (usage or settings).
 */
import { Command, CommanderError } from "commander";
import { isFloeError } from "../../core/errors.js";
import { outliveReader, printError } from "../../core/output.js";
import { addAccounts } from "./accounts.js";
import { addProbe } from "./carrier-probe.js";
import { addBinds } from "./carrier-status.js";
import { addClickhouse } from "./clickhouse.js";
import { addDead } from "./dead.js";
import { addDecks, addNetworks } from "./decks.js";
import { ENTITIES } from "./entities.js";
import { addEntity } from "./entity.js";
import { addExplain } from "./explain.js";
import { addImport } from "./import.js";
import { addInbound } from "./inbound.js";
import { addKeys } from "./keys.js";
import { addNumbers } from "./numbers.js";
import { addQuote } from "./quote.js";
import { addReceipts } from "./receipts.js";
import { addSend } from "./send.js";
import { addServe } from "./serve.js";
import { addSmpp } from "./smpp.js";
import { addStatus } from "./status.js";
import { addSuppressions } from "./suppressions.js";
import { addTables } from "./tables.js";
import { addUp } from "./up.js";
import { addVerify } from "./verify.js";

const program = new Command("floe")
  .description(
    "Floe: accepts messages over gRPC, delivers them through carriers, accounts for them.",
  )
  .showHelpAfterError("Try --help.")
  .enablePositionalOptions()
  .exitOverride();
for (const add of [
  addUp,
  addServe,
  addSend,
  addQuote,
  addExplain,
  addImport,
  addStatus,
  addVerify,
  addAccounts,
  addKeys,
  addTables,
  addDecks,
  addNetworks,
  addClickhouse,
  addSmpp,
  addReceipts,
  addNumbers,
  addInbound,
  addSuppressions,
  addDead,
])
  add(program);
for (const entity of ENTITIES) addEntity(program, entity);
addProbe(program);
addBinds(program);

outliveReader();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Prints what went wrong, once, for a person; returns the exit code. */
function report(error: unknown): number {
  // Commander has printed its own already; help that was asked for is no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isFloeError(error, "settings.invalid", "import.invalid", "tables.invalid")) {
    const problems = error.details["problems"];
    for (const problem of Array.isArray(problems) ? problems : [error.message]) {
      printError(`floe: ${problem}`);
    }
    return error.code === "settings.invalid" ? 2 : 1;
  }
  printError(`floe: ${toldSimply(error)}`);
  return 1;
}

function toldSimply(error: unknown): string {
  if (isFloeError(error)) {
    const { problem } = error.details;
    return typeof problem === "string" ? problem : error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
