/**
 * Balances: opening (zero) + credits = committed + reserved + balance, account by account.
 *
 * In: what each account's owner says of its money (credits, charges, what is reserved and of how many
 * messages, how far its ledger goes), the ledger up to there, and the records that have no ledger
 * entry yet. The owner's balance is credits less charges less what is reserved, so where all of these
 * agree the equation holds in its memory, in the ledger and in the records alike. Out: findings.
 * While messages are under way an owner is ahead of the records: such a difference is another one at
 * the next look and is not told (finding.ts).
 */
import type { ClickHouse } from "../../../core/clickhouse.js";
import { isFloeError } from "../../../core/errors.js";
import { VALIDITY_SECONDS_MAX } from "../../../core/limits.js";
import { STATE } from "../../../core/message.js";
import type { Owners } from "../../../core/owners.js";
import type { OwnedBalance } from "../../../core/proto/floe/v1/owner.js";
import type { Finding, Range } from "./finding.js";
import { EXAMPLES_MAX } from "./records.js";

export const BALANCE_CHECKS = [
  { name: "owners-answer", what: "the owner of every account tells its balance" },
  {
    name: "owner-is-ledger",
    what: "credits and charges of an account are what its ledger adds up to",
  },
  { name: "reserved-is-open", what: "what is reserved is the price of what is not settled" },
] as const;

type BalanceCheck = (typeof BALANCE_CHECKS)[number]["name"];

/** Accounts of one question to ClickHouse, and questions to owners at a time. */
const ACCOUNTS_MAX = 500;
const ASKS_MAX = 32;
const DAY_MS = 86_400_000;

interface Sums {
  readonly entries: bigint;
  readonly credited: bigint;
  readonly committed: bigint;
}
interface Open {
  readonly messages: number;
  readonly micros: bigint;
}
const NONE_OPEN: Open = { messages: 0, micros: 0n };

/**
 * @param isRead everything in DECISIONS has been inserted: what is not there is missing.
 * @throws FloeError "clickhouse.*"
 */
export async function checkBalances(
  clickhouse: ClickHouse,
  owners: Owners,
  range: Range,
  isRead: boolean,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const add: Add = (check, account, text) => {
    if (findings.filter((one) => one.check === check).length >= EXAMPLES_MAX) return;
    findings.push({ check, account, messageId: "", text });
  };
  const all = await accountsOf(clickhouse, range);
  for (let at = 0; at < all.length; at += ACCOUNTS_MAX) {
    const accounts = all.slice(at, at + ACCOUNTS_MAX);
    const told = await askAll(owners, accounts, add);
    const sums = await sumsOf(clickhouse, told);
    const open = await openOf(clickhouse, [...told.keys()], range);
    for (const [account, owned] of told) {
      const of = sums.get(account) ?? { entries: 0n, credited: 0n, committed: 0n };
      // What cdr has not inserted yet is not missing.
      if (isRead || of.entries >= owned.ledgerSequence) compareSums(account, owned, of, add);
      if (isRead) compareOpen(account, owned, open.get(account) ?? NONE_OPEN, add);
    }
  }
  return findings;
}

type Add = (check: BalanceCheck, account: number, text: string) => void;

function compareSums(account: number, owned: OwnedBalance, sums: Sums, add: Add): void {
  const { creditedMicros, committedMicros, ledgerSequence } = owned;
  const isSame =
    sums.entries === ledgerSequence &&
    sums.credited === creditedMicros &&
    sums.committed === committedMicros;
  if (isSame) return;
  const text =
    `the owner tells of ${ledgerSequence} entries, credits ${creditedMicros}, charges ` +
    `${committedMicros}; its ledger has ${sums.entries}, ${sums.credited}, ${sums.committed}`;
  add("owner-is-ledger", account, text);
}

function compareOpen(account: number, owned: OwnedBalance, open: Open, add: Add): void {
  const { reservedMicros, outstanding } = owned;
  if (open.micros === reservedMicros && open.messages === outstanding) return;
  const text =
    `the owner has reserved ${reservedMicros} for ${outstanding} messages; ` +
    `${open.messages} are not settled, at ${open.micros}`;
  add("reserved-is-open", account, text);
}

/** Accounts whose money or messages moved in the range. */
async function accountsOf(clickhouse: ClickHouse, range: Range): Promise<number[]> {
  if (range.account !== 0) return [range.account];
  const since = { since: BigInt(range.sinceMs) };
  const rows = await clickhouse.query<{ account: number }>(
    `SELECT DISTINCT account FROM (
      SELECT account FROM ledger WHERE at >= fromUnixTimestamp64Milli({since:Int64})
      UNION ALL
      SELECT account FROM cdr_rows
      WHERE accepted_day >= toDate(fromUnixTimestamp64Milli({since:Int64}, 'UTC'))
    ) WHERE account != 0 ORDER BY account`,
    since,
  );
  return rows.map(({ account }) => Number(account));
}

async function askAll(
  owners: Owners,
  accounts: readonly number[],
  add: Add,
): Promise<Map<number, OwnedBalance>> {
  const told = new Map<number, OwnedBalance>();
  let silent = 0;
  // Each that is not answered takes seconds: enough of them are enough.
  for (let at = 0; at < accounts.length && silent < ASKS_MAX; at += ASKS_MAX) {
    await Promise.all(
      accounts.slice(at, at + ASKS_MAX).map(async (account) => {
        try {
          const { balance } = await owners.ask({ account, credit: undefined });
          if (balance !== undefined) told.set(account, balance);
        } catch (error) {
          if (!isFloeError(error)) throw error;
          silent += 1;
          add("owners-answer", account, "no owner answers");
        }
      }),
    );
  }
  return told;
}

/** What the ledger adds up to, as far as the owner told that it goes. */
async function sumsOf(
  clickhouse: ClickHouse,
  told: ReadonlyMap<number, OwnedBalance>,
): Promise<Map<number, Sums>> {
  if (told.size === 0) return new Map();
  const accounts = [...told.keys()].join(",");
  const through = [...told.values()].map(({ ledgerSequence }) => ledgerSequence).join(",");
  const rows = await clickhouse.query<Readonly<Record<string, string>>>(
    `SELECT account, count() AS entries,
      sumIf(amount_micros, kind IN ('TOP_UP', 'CREDIT')) AS credited,
      sumIf(amount_micros, kind IN ('COMMIT', 'ADJUST', 'DEBIT')) AS committed
    FROM ledger FINAL WHERE account IN (${accounts})
      AND ledger_sequence <= [${through}][indexOf([${accounts}], account)]
    GROUP BY account`,
  );
  return new Map(
    rows.map((row) => [
      Number(row["account"]),
      {
        entries: BigInt(row["entries"]!),
        credited: BigInt(row["credited"]!),
        committed: BigInt(row["committed"]!),
      },
    ]),
  );
}

/** What has a carrier and no ledger entry; nothing older than a message can be is looked at. */
async function openOf(
  clickhouse: ClickHouse,
  accounts: readonly number[],
  { nowMs, receiptWaitMs }: Range,
): Promise<Map<number, Open>> {
  if (accounts.length === 0) return new Map();
  const oldestMs = nowMs - VALIDITY_SECONDS_MAX * 1_000 - receiptWaitMs - DAY_MS;
  const rows = await clickhouse.query<Readonly<Record<string, string>>>(
    `SELECT account, count() AS messages, sum(price_micros) AS micros FROM cdr_rows FINAL
    WHERE account IN (${accounts.join(",")}) AND ledger_sequence = 0
      AND toUInt8(bitShiftRight(verdict, 56)) = ${STATE.ROUTED}
      AND accepted_day >= toDate(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'))
    GROUP BY account`,
    { oldest: BigInt(oldestMs) },
  );
  return new Map(
    rows.map((row) => [
      Number(row["account"]),
      { messages: Number(row["messages"]), micros: BigInt(row["micros"]!) },
    ]),
  );
}
