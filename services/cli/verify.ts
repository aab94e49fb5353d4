/**
 * `floe verify`: whether the books of a running system agree. It reads and changes nothing.
 *
 * Ledger against records, streams against ClickHouse, gaps, messages past their deadline. What a
 * first look finds is looked at again after a pause, because a record may be on its way; only what
 * both find is told. Exit codes: 0 all agrees, 1 something is wrong, 2 asked wrongly.
 */
import { type Command, InvalidArgumentError } from "commander";
import { openClickHouse } from "../../core/clickhouse.js";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { RECEIPT_WAIT_MS } from "../../core/limits.js";
import { paint, print, table } from "../../core/output.js";
import { openOwners } from "../../core/owners.js";
import { openLocalStream } from "./connect.js";
import { requireLocal, splitUrl } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";
import { BALANCE_CHECKS, checkBalances } from "./verify/balances.js";
import { confirmed, type Finding, type Range } from "./verify/finding.js";
import { checkRecords, RECORD_CHECKS } from "./verify/records.js";
import { checkStreams, STREAM_CHECKS, type StreamFigures } from "./verify/streams.js";

interface Flags {
  home?: string;
  json?: boolean;
  since: number;
  until: number;
  account: number;
  graceSeconds: number;
  receiptWaitSeconds: number;
}

const DAY_MS = 86_400_000;
const AGAIN_MS = 6_000;
/** Longer than an account is without an owner when one process follows another. */
const OWNER_MS = 5_000;
const EXAMPLES_TOLD = 20;

export function addVerify(program: Command): void {
  program
    .command("verify")
    .description("check that ledger, records and streams agree (read only)")
    .option(
      "--since <time>",
      "messages accepted from then on: RFC 3339, or an age such as 90m, 24h, 7d",
      timeOf,
      SYSTEM_CLOCK.nowMs() - DAY_MS,
    )
    .option("--until <time>", "and before then", timeOf, Number.MAX_SAFE_INTEGER)
    .option("--account <number>", "of this account alone", accountOf, 0)
    .option("--grace-seconds <n>", "time that records are given to arrive", seconds, 120)
    .option(
      "--receipt-wait-seconds <n>",
      "how long the sweep waits beyond a message's validity (FLOE_CDR_RECEIPT_WAIT_MS)",
      seconds,
      RECEIPT_WAIT_MS / 1_000,
    )
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(verify);
}

async function verify(flags: Flags): Promise<void> {
  const { home } = await cliSettings(flags);
  const { url, user, password } = splitUrl(requireLocal(home).clickhouse);
  const clickhouse = openClickHouse({ url, user, password, database: "floe", timeoutMs: 600_000 });
  const client = await openLocalStream(home);
  const owners = openOwners(client, SYSTEM_CLOCK, OWNER_MS);
  try {
    const look = async () => {
      const range = rangeOf(flags);
      const streams = await checkStreams(client, clickhouse, range);
      const records = await checkRecords(clickhouse, range);
      const isRead = streams.figures.every((one) => one.stream !== "DECISIONS" || one.behind === 0);
      const balances = await checkBalances(clickhouse, owners, range, isRead);
      const findings = [...records, ...streams.findings, ...balances];
      return { findings, figures: streams.figures };
    };
    const first = await look();
    let findings: readonly Finding[] = first.findings;
    if (findings.length > 0) {
      await sleep(SYSTEM_CLOCK, AGAIN_MS);
      findings = confirmed(findings, (await look()).findings);
    }
    if (findings.length > 0) process.exitCode = 1;
    if (flags.json === true) print(json(findings, first.figures));
    else tell(findings, first.figures);
  } finally {
    await client.close();
    await clickhouse.close();
  }
}

function rangeOf(flags: Flags): Range {
  const nowMs = SYSTEM_CLOCK.nowMs();
  return {
    sinceMs: flags.since,
    untilMs: Math.min(flags.until, nowMs - flags.graceSeconds * 1_000),
    account: flags.account,
    graceMs: flags.graceSeconds * 1_000,
    receiptWaitMs: flags.receiptWaitSeconds * 1_000,
    nowMs,
  };
}

const ALL_CHECKS = [...RECORD_CHECKS, ...STREAM_CHECKS, ...BALANCE_CHECKS];

function json(findings: readonly Finding[], figures: readonly StreamFigures[]): string {
  const checks = ALL_CHECKS.map(({ name, what }) => {
    const count = findings.filter(({ check }) => check === name).length;
    return { check: name, holds: what, findings: count };
  });
  return JSON.stringify({ good: findings.length === 0, checks, findings, figures }, undefined, 2);
}

function tell(findings: readonly Finding[], figures: readonly StreamFigures[]): void {
  const rows = ALL_CHECKS.map(({ name, what }) => {
    const count = findings.filter(({ check }) => check === name).length;
    return [count === 0 ? paint("green", "holds") : paint("red", `${count} wrong`), name, what];
  });
  print(table(["", "check", "what must hold"], rows));
  print();
  print(
    table(
      ["stream", "first", "last", "cdr behind", "frames read", "records read"],
      figures.map(({ stream, first, last, behind, frames, records }) => [
        ...[stream, first, last, behind < 0 ? "" : behind],
        ...[frames, records],
      ]),
    ),
  );
  for (const one of findings.slice(0, EXAMPLES_TOLD)) print(`\n${paint("red", told(one))}`);
  if (findings.length > EXAMPLES_TOLD) {
    print(`\nand ${findings.length - EXAMPLES_TOLD} more; --json lists them`);
  }
}

/** "ledger-gapless: account 3: ..." */
export function told({ check, account, messageId, text }: Finding): string {
  const of = account === 0 ? "" : ` account ${account}:`;
  return `${check}:${of}${messageId === "" ? "" : ` message ${messageId}`} ${text}`;
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS };

function timeOf(text: string): number {
  const age = /^(\d+)([mhd])$/.exec(text);
  const atMs =
    age === null ? Date.parse(text) : SYSTEM_CLOCK.nowMs() - Number(age[1]) * UNITS[age[2]!]!;
  if (Number.isFinite(atMs)) return atMs;
  throw new InvalidArgumentError(
    "It must be a time such as 2026-11-24T00:00:00Z, or an age as 24h.",
  );
}

function accountOf(text: string): number {
  const account = Number(text);
  if (/^\d+$/.test(text) && account > 0 && account <= 0xffff_ffff) return account;
  throw new InvalidArgumentError("It must be an account's number.");
}

function seconds(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number of seconds.");
}
