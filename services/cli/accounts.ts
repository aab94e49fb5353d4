/** `floe accounts`: who sends, on which terms, and with what money. */
import type { Command } from "commander";
import { formatMicros } from "../../core/money.js";
import { type Cell, print, table } from "../../core/output.js";
import {
  Account,
  AccountServiceService,
  AccountStatus,
  type Balance,
  BalanceServiceService,
  type LedgerEntry,
  Payment,
} from "../../core/proto/floe/v1/accounts.js";
import { ask } from "./clickhouse.js";
import type { EntityCommand } from "./entities.js";
import { addEntity } from "./entity.js";
import { requireLocal } from "./local-system.js";
import { addOperatorOptions, type OperatorFlags, operate } from "./operator.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";
import { wholeOf } from "./whole.js";

const TEXT = { kind: "text" } as const;
const NUMBER = { kind: "number" } as const;

const ACCOUNTS: EntityCommand = {
  command: "accounts",
  help: "who sends, on which terms, and with what money",
  word: "account",
  definition: AccountServiceService,
  entity: "Account",
  entities: "Accounts",
  all: { status: 0, plan: 0 },
  field: "account",
  listField: "accounts",
  fill: (fields) => Account.fromPartial(fields),
  keys: ["account"],
  fields: {
    account: NUMBER,
    name: TEXT,
    plan: NUMBER,
    status: { kind: "choice", of: AccountStatus },
    payment: { kind: "choice", of: Payment },
    currency: TEXT,
    creditLimit: TEXT,
    spendCapDay: TEXT,
    spendCapMonth: TEXT,
    messagesPerSecond: NUMBER,
    burst: NUMBER,
    maxOutstanding: NUMBER,
  },
  columns: ["account", "name", "status", "payment", "plan", "currency", "creditLimit", "revision"],
};

interface CreditFlags extends OperatorFlags {
  readonly amount: string;
  readonly reference: string;
  readonly note: string;
}
interface LedgerFlags {
  home?: string;
  json?: boolean;
  limit: string;
}

export function addAccounts(program: Command): void {
  const group = addEntity(program, ACCOUNTS);
  const credit = (name: string, help: string): Command =>
    addOperatorOptions(
      group
        .command(`${name} <account>`)
        .description(help)
        .requiredOption("--amount <decimal>", "in the account's currency, such as 25.00")
        .requiredOption("--reference <text>", "of the payment: a repeat of it changes nothing")
        .option("--note <text>", "why; it stays in the ledger", ""),
    );
  credit("top-up", "money came in").action((account: string, flags: CreditFlags) =>
    give("topUp", account, flags),
  );
  credit("adjust", "give money by hand, or take it: --amount=-5.00").action(
    (account: string, flags: CreditFlags) => give("adjustBalance", account, flags),
  );
  addOperatorOptions(
    group.command("balance <account>").description("its money now, told by who owns it"),
  ).action(balance);
  group
    .command("ledger <account>")
    .description("movements of its money, from the local system's ClickHouse")
    .option("--limit <number>", "at most so many, the latest first", "50")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(ledger);
}

function numberOf(text: string): number {
  return wholeOf(text, "account", 1);
}

interface Given {
  readonly entry: LedgerEntry;
  readonly repeated: boolean;
  readonly balance: Balance;
}

async function give(call: string, account: string, flags: CreditFlags): Promise<void> {
  const { amount, reference, note } = flags;
  const request = { account: numberOf(account), amount, reference, note };
  const given = await operate(flags, (operator) =>
    operator.call<Given>(AccountServiceService, call, request),
  );
  const { entry, repeated, balance } = given;
  if (flags.json === true) {
    const told = { sequence: Number(entry.sequence), at: entry.at, repeated };
    print(JSON.stringify({ ...told, ...plainBalance(balance) }, undefined, 2));
    return;
  }
  const what = repeated ? "was done before, as" : "is";
  print(
    `It ${what} entry ${entry.sequence} of the ledger of account ${account}: ` +
      `the balance was ${entry.balanceAfter} ${balance.currency} after it` +
      `${repeated ? `, and is ${balance.balance} now` : ""}.`,
  );
}

async function balance(account: string, flags: OperatorFlags): Promise<void> {
  const request = { account: numberOf(account) };
  const told = await operate(flags, (operator) =>
    operator.call<{ balance: Balance }>(BalanceServiceService, "getBalance", request),
  );
  const plain = plainBalance(told.balance);
  if (flags.json === true) print(JSON.stringify(plain, undefined, 2));
  else {
    const shown = { ...plain, available: told.balance.available || "no limit" };
    print(
      table(
        ["field", "value"],
        Object.entries(shown).map(([name, value]): Cell[] => [name, String(value)]),
      ),
    );
  }
}

function plainBalance(told: Balance): Record<string, string | number> {
  return { ...told, ledgerSequence: Number(told.ledgerSequence) };
}

interface Entry {
  readonly ledger_sequence: string;
  readonly at: string;
  readonly kind: string;
  readonly amount_micros: string;
  readonly currency: string;
  readonly balance_after_micros: string;
  readonly message_id: string;
  readonly reference: string;
  readonly note: string;
}

async function ledger(account: string, flags: LedgerFlags): Promise<void> {
  const { home } = await cliSettings(flags);
  const limit = Math.max(1, Math.floor(Number(flags.limit)) || 1);
  const answer = await ask(
    requireLocal(home).clickhouse,
    `SELECT toString(ledger_sequence) AS ledger_sequence, at, kind,
      toString(amount_micros) AS amount_micros, currency,
      toString(balance_after_micros) AS balance_after_micros,
      if(kind >= 'TOP_UP', '', toString(message_id)) AS message_id, reference, note
    FROM ledger FINAL WHERE account = ${numberOf(account)}
    ORDER BY ledger.ledger_sequence DESC LIMIT ${limit}`,
    "JSON",
  );
  const entries = (JSON.parse(answer) as { data: Entry[] }).data.map((one) => ({
    sequence: Number(one.ledger_sequence),
    at: one.at,
    kind: one.kind.toLowerCase(),
    amount: formatMicros(BigInt(one.amount_micros)),
    currency: one.currency,
    balanceAfter: formatMicros(BigInt(one.balance_after_micros)),
    messageId: one.message_id,
    reference: one.reference,
    note: one.note,
  }));
  if (flags.json === true) {
    print(JSON.stringify(entries, undefined, 2));
    return;
  }
  if (entries.length === 0) {
    print(`No money of account ${account} has moved.`);
    return;
  }
  const heads = ["sequence", "at", "kind", "amount", "balance after", "of"];
  const rows = entries.map((one): Cell[] => [
    String(one.sequence),
    one.at,
    one.kind,
    `${one.amount} ${one.currency}`,
    one.balanceAfter,
    one.messageId || [one.reference, one.note].filter((text) => text !== "").join(": "),
  ]);
  print(table(heads, rows));
}
