/**
 * Accounts of the simulation: both partitions, both plans, paid before and after, with limits and caps
 * that some of them reach; and the number that has asked all of them to stop.
 */
import type { Chance, Clock } from "../../core/clock.js";
import type { AccountConfig } from "../../core/configuration.js";
import { tokenOf } from "../../core/number-seal.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS } from "../../core/subjects.js";
import { suppressionKey } from "../../core/suppressions.js";
import { PLAN_DELIVERED, PLAN_SUBMIT } from "../unit/dispatch/kit.js";

export const ACCOUNTS = [1, 2, 3, 4, 5, 6] as const;
/** Every third account's messages go out at most once. */
export const ONCE_ACCOUNTS: readonly number[] = [2, 5];
const PREPAID: readonly number[] = [2, 4, 6];
/** Whoever writes to it is held back, but for passwords. */
export const STOPPED_NUMBER = "+447700900001";
/** The token key of tests/unit/dispatch/kit.ts. */
export const TOKEN_KEY = new Uint8Array(16).fill(7);

/** Plan 2 (on delivery) for every third account. */
export const planOf = (account: number): number =>
  account % 3 === 0 ? PLAN_DELIVERED : PLAN_SUBMIT;

/** What each account may do, in a world of this chance. A message costs 31,200 to 840,000. */
export function termsOf(chance: Chance): readonly AccountConfig[] {
  const upTo = (most: number): number => Math.floor(chance() * most);
  const has = (fraction: number): boolean => chance() < fraction;
  return ACCOUNTS.map((account) => {
    const isPrepaid = PREPAID.includes(account);
    return {
      account,
      name: `account ${account}`,
      plan: planOf(account),
      status: "active",
      payment: isPrepaid ? "prepaid" : "postpaid",
      currency: planOf(account) === PLAN_DELIVERED ? "GBP" : "EUR",
      ...(!isPrepaid && has(0.3) ? { creditLimitMicros: upTo(2_000_000) } : {}),
      ...(has(0.15) ? { spendCapDayMicros: upTo(2_000_000) } : {}),
      ...(has(0.1) ? { spendCapMonthMicros: upTo(4_000_000) } : {}),
      ...(has(0.15) ? { maxOutstanding: 1 + upTo(40) } : {}),
    };
  });
}

/** Writes what the configuration plane would have written. */
export async function configure(
  client: StreamClient,
  clock: Clock,
  partitions: number,
  accounts: readonly AccountConfig[],
): Promise<void> {
  const put = async (bucket: string, key: string, value: object): Promise<void> => {
    await (await client.bucket(bucket)).put(key, Buffer.from(JSON.stringify(value)));
  };
  await put(BUCKETS.config, "partitions", { count: partitions });
  const token = tokenOf(STOPPED_NUMBER, TOKEN_KEY)!;
  for (const terms of accounts) {
    const { account } = terms;
    await put(BUCKETS.accounts, String(account), terms);
    const stopped = { state: "stopped", atMs: clock.nowMs(), by: "phone" };
    await put(BUCKETS.suppressions, suppressionKey({ account, token, sender: "" }), stopped);
  }
}
