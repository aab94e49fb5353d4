/**
 * `floe explain`: why a message would go, or went, as it does: every carrier, and what removed it.
 *
 * A message that is not sent is explained by the running system, or from tables as `floe quote`
 * does; one that was sent by its id, by the running system alone.
 */
import type { Command } from "commander";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { print } from "../../core/output.js";
import type { ExplainResponse } from "../../core/proto/floe/v1/routing.js";
import type { Explanation } from "../../workers/quote-explained.js";
import { carrierExplainedOf, hypotheticalOf, resultOf } from "../../workers/quote-wire.js";
import { type Explained, toldExplained } from "./explain-told.js";
import { homeOption, jsonOption } from "./options.js";
import { openTablesQuoter, SAMPLE_TABLES, staffDoor } from "./quote.js";
import { openStaffAsker } from "./quote-askers.js";
import { addMessageOptions, type MessageFlags, readFlags } from "./quote-flags.js";
import { wholeOf } from "./whole.js";

interface Flags extends MessageFlags {
  id?: string;
  tables?: string;
  tablesVersion?: string;
  admin?: string;
  key?: string;
  home?: string;
  json?: boolean;
}

export function addExplain(program: Command): void {
  addMessageOptions(
    program
      .command("explain")
      .description("why a message would go, or went, as it does")
      .option("--id <message id>", "a message that was sent"),
  )
    .option("--tables <folder>", "folder with CSV files to decide by, whatever runs")
    .option("--tables-version <number>", "table set to decide by, if it is still kept")
    .option("--admin <host:port>", "admin service to ask (default: that of the local system)")
    .option("--key <key>", "staff key (default: that of the local system)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(explain);
}

async function explain(flags: Flags): Promise<void> {
  const explained = await ask(flags);
  print(flags.json === true ? JSON.stringify(explained, undefined, 2) : toldExplained(explained));
}

/** @throws FloeError "settings.invalid" if what is asked for cannot be together. */
async function ask(flags: Flags): Promise<Explained> {
  const { id, tables } = flags;
  const given = [id, flags.to].filter((one) => one !== undefined).length;
  if (given !== 1) throw wrong("Give either --id or --to, --from and --text.");
  if (tables !== undefined && id !== undefined) throw wrong("--tables knows no past message.");
  const door = tables === undefined ? await staffDoor(flags) : undefined;
  if (door === undefined) {
    if (id !== undefined) throw wrong("No system runs: give --admin and --key, or --home.");
    if (flags.tablesVersion !== undefined)
      throw wrong("--tables-version is for a system's tables.");
    return await explainFromTables(flags, tables ?? SAMPLE_TABLES);
  }
  const subject =
    id === undefined
      ? { $case: "message" as const, message: hypotheticalOf(readFlags(flags)) }
      : { $case: "messageId" as const, messageId: id };
  const tablesVersion = wholeOf(flags.tablesVersion ?? "0", "--tables-version");
  const asker = openStaffAsker(door.target, door.key);
  try {
    return explainedOf(await asker.explain({ subject, tablesVersion }), asker.source);
  } finally {
    asker.close();
  }
}

function wrong(problem: string): FloeError {
  return new FloeError("settings.invalid", { problems: [problem] });
}

async function explainFromTables(flags: MessageFlags, folder: string): Promise<Explained> {
  const request = readFlags(flags);
  const quoter = await openTablesQuoter(folder);
  const explained: Explanation | { field: string; problem: string } = quoter.explain(
    request,
    0,
    SYSTEM_CLOCK.nowMs(),
  );
  if ("problem" in explained) throw wrong(`--${explained.field} ${explained.problem}.`);
  return { ...explained, notEvaluated: null, decided: null, source: folder };
}

function explainedOf(response: ExplainResponse, source: string): Explained {
  const { quote, carriers, strategy, notEvaluated, decided } = response;
  return {
    quote: (quote && resultOf(quote)) ?? null,
    carriers: carriers.map(carrierExplainedOf),
    strategy: strategy || null,
    notEvaluated: notEvaluated || null,
    decided: decided ?? null,
    source,
  };
}
