/**
 * `floe inbound`: messages from phones, in the local system. Number and text are sealed: they are
 * shown only to who asks for it and has the keys file.
 */
import { join } from "node:path";
import type { Command } from "commander";
import { openContent } from "../../core/content-seal.js";
import { dataMonth, type Keys, loadKeys } from "../../core/keys.js";
import { parseId } from "../../core/message.js";
import { type Cell, print, table } from "../../core/output.js";
import { ask } from "./clickhouse.js";
import { requireLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

interface Flags {
  home?: string;
  json?: boolean;
  account?: string;
  reveal?: boolean;
  limit: string;
}

interface Row {
  readonly account: number;
  readonly received_at: string;
  readonly message_id: string;
  readonly carrier: string;
  readonly to: string;
  readonly keyword: string;
  readonly encoding: string;
  readonly parts: number;
  readonly parts_total: number;
  readonly characters: number;
  readonly action: string;
  readonly text_enc: string;
}

export function addInbound(program: Command): void {
  program
    .command("inbound")
    .description("messages from phones")
    .command("list")
    .description("the latest ones; account 0: to a number that is nobody's")
    .option("--account <number>", "only those of this account")
    .option("--reveal", "with number and text, as far as their month's key is there")
    .option("--limit <number>", "at most so many, the latest first", "100")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(list);
}

async function list(flags: Flags): Promise<void> {
  const { home } = await cliSettings(flags);
  const limit = Math.max(1, Math.floor(Number(flags.limit)) || 1);
  const account = Math.floor(Number(flags.account ?? Number.NaN));
  const where = Number.isNaN(account) ? "" : `WHERE account = ${account}`;
  const sql = `SELECT account, received_at, message_id, carrier, "to", keyword, encoding, parts,
    parts_total, characters, action, hex(text_enc) AS text_enc
    FROM inbound_messages FINAL ${where} ORDER BY received_at DESC LIMIT ${limit}`;
  const answer = await ask(requireLocal(home).clickhouse, sql, "JSON");
  const rows = (JSON.parse(answer) as { data: Row[] }).data;
  const keys = flags.reveal === true ? loadKeys(join(home, "keys.json")) : undefined;
  const shown = rows.map((row) => shownOf(row, keys));
  if (flags.json === true) {
    print(JSON.stringify(shown, undefined, 2));
    return;
  }
  if (shown.length === 0) {
    print("No message came from a phone.");
    return;
  }
  const heads = ["at", "account", "carrier", "to", "parts", "characters", "asks for"];
  const cells = shown.map((one): Cell[] => [
    one.at,
    String(one.account),
    one.carrier,
    one.keyword === "" ? one.to : `${one.to} ${one.keyword}`,
    `${one.parts}/${one.parts_total}`,
    one.characters,
    one.action,
    ...("from" in one ? [one.from ?? "", JSON.stringify(one.text ?? one.data ?? "")] : []),
  ]);
  print(table(keys === undefined ? heads : [...heads, "from", "text"], cells));
}

function shownOf(row: Row, keys: Keys | undefined) {
  const { text_enc, received_at, message_id, ...rest } = row;
  const at = `${received_at.replace(" ", "T")}Z`;
  const told = { id: message_id, at, ...rest };
  if (keys === undefined) return told;
  const dataKey = keys.data[dataMonth(Date.parse(at))];
  const id = parseId(message_id);
  const sealed = Buffer.from(text_enc, "hex");
  const content =
    dataKey === undefined || id === undefined ? undefined : openContent(sealed, id, dataKey);
  if (content === undefined) return { ...told, from: undefined, text: undefined, data: undefined };
  const opened = JSON.parse(Buffer.from(content).toString("utf8")) as {
    from: string;
    text?: string;
    data?: string;
  };
  return { ...told, from: opened.from, text: opened.text, data: opened.data };
}
