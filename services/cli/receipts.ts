/** `floe receipts`: receipts whose message is not known, in the local system. */
import type { Command } from "commander";
import { STATE_NAMES } from "../../core/message.js";
import { type Cell, print, table } from "../../core/output.js";
import { ask } from "./clickhouse.js";
import { requireLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

interface Flags {
  home?: string;
  json?: boolean;
  all?: boolean;
  limit: string;
}

interface Orphan {
  readonly carrier: string;
  readonly carrier_id: string;
  readonly at: string;
  readonly state: string;
  readonly error: number;
  readonly error_text: string;
  readonly bind: string;
  readonly done_at: string;
  readonly recorded_at: string;
  readonly fate: string;
}

export function addReceipts(program: Command): void {
  program
    .command("receipts")
    .description("receipts that carriers sent")
    .command("orphans")
    .description("those whose message is not known: looked for again until none can be theirs")
    .option("--all", "also those that were placed since, or given up")
    .option("--limit <number>", "at most so many, the latest first", "100")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(orphans);
}

async function orphans(flags: Flags): Promise<void> {
  const { home } = await cliSettings(flags);
  const limit = Math.max(1, Math.floor(Number(flags.limit)) || 1);
  const base = requireLocal(home).clickhouse;
  const where = flags.all === true ? "" : "WHERE fate = 'WAITING'";
  const rows = await query<Omit<Orphan, "state"> & { state: number }>(
    base,
    `SELECT carrier, carrier_id, at, state, error, error_text, bind, done_at, recorded_at, fate
    FROM orphan_receipts FINAL ${where} ORDER BY at DESC LIMIT ${limit}`,
  );
  const found = rows.map((row): Orphan => ({ ...row, state: STATE_NAMES[row.state] ?? "" }));
  const fates = await query<{ fate: string; count: string }>(
    base,
    "SELECT fate, toString(count()) AS count FROM orphan_receipts FINAL GROUP BY fate",
  );
  const counts = Object.fromEntries(fates.map(({ fate, count }) => [fate, Number(count)]));
  if (flags.json === true) {
    print(JSON.stringify({ counts, orphans: found }, undefined, 2));
    return;
  }
  const cells = found.map((one): Cell[] => [
    one.at,
    one.carrier,
    one.carrier_id,
    one.state,
    one.error_text,
    one.bind,
    one.fate.toLowerCase(),
  ]);
  const heads = ["at", "carrier", "id", "state", "error", "bind", "fate"];
  if (cells.length > 0) print(`${table(heads, cells)}\n`);
  const { WAITING = 0, PLACED = 0, GIVEN_UP = 0 } = counts;
  print(`${WAITING} wait for their message, ${PLACED} were placed since, ${GIVEN_UP} given up.`);
}

async function query<Row>(base: string, sql: string): Promise<Row[]> {
  return (JSON.parse(await ask(base, sql, "JSON")) as { data: Row[] }).data;
}
