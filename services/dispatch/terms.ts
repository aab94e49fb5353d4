/**
 * Terms: what accounts may do, as operators wrote it (core/configuration.ts, AccountConfig), flat,
 * for a look at every message.
 *
 * An account's terms are read from the bucket when it is met first, and followed from then on; idle
 * accounts are not here, so a start reads none of a million. The log holds what was decided, so a
 * replay needs none of this. The rate is guarded by the times of acceptance, lane by lane, so that a
 * backlog of ours refuses nothing: gateways keep it (services/gateway/pace.ts), and this stops what
 * gets past them together.
 */
import assert from "node:assert";
import { type AccountConfig, parseAccount } from "../../core/configuration.js";
import { BATCH_MESSAGES_MAX } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { REASON } from "../../core/message.js";
import { readUint32 } from "../../core/stream/frame.js";
import type { Bucket, Consumption } from "../../core/stream/stream.js";
import { INDEX, INDEX_STRIDE, VERDICT_AT } from "../../workers/task.js";
import type { Accounts } from "./accounts.js";
import type { Part } from "./routed.js";

export interface Terms {
  /** Accounts of the part whose terms are not known: to be loaded before it is decided. */
  missing(part: Part): readonly number[];
  /** @throws FloeError "stream.unavailable" */
  load(accounts: readonly number[]): Promise<void>;
  /**
   * Why a message of the account at `place` is rejected, 0: it is not.
   * @param day of acceptance since 1970, `month` as `monthOf`, both in UTC.
   */
  judge(
    accounts: Accounts,
    place: number,
    priceMicros: number,
    acceptedAtMs: number,
    day: number,
    month: number,
    lane: number,
  ): number;
}

export interface TermsTable extends Terms {
  /** undefined: there is no such account. */
  set(account: number, terms: AccountConfig | undefined): void;
  forget(account: number): void;
  has(account: number): boolean;
  count(): number;
}

/** Nobody's terms are known: everything is allowed. For tests and tools. */
export const NO_TERMS: Terms = {
  missing: () => [],
  load: async () => {},
  judge: () => 0,
};

const FIRST_SIZE = 256;
/** Beyond, all are forgotten and read again as they are met. */
const ACCOUNTS_MAX = 2 ** 20;
/** Questions at a time. */
const LOADS = 256;
const ACTIVE = 1;
const INACTIVE = 2;
const ABSENT = 3;
const LANES = 3;
/**
 * The guard lets pass a little more than gateways do, and what they publish late. A gateway with full
 * tokens takes a whole batch, however small the burst, and lets it be owed: some may at a time.
 */
const GUARD_FACTOR = 1.25;
const GUARD_SLACK_MS = 20_000;
const GUARD_BURST_MIN = 4 * BATCH_MESSAGES_MAX;

export function openTermsTable(
  fetch: (accounts: readonly number[]) => Promise<void>,
  accountsMax = ACCOUNTS_MAX,
): TermsTable {
  let numbers = new Uint32Array(FIRST_SIZE);
  let status = new Uint8Array(FIRST_SIZE);
  let prepaid = new Uint8Array(FIRST_SIZE);
  // NaN: none.
  let limit = new Float64Array(FIRST_SIZE);
  let dayCap = new Float64Array(FIRST_SIZE);
  let monthCap = new Float64Array(FIRST_SIZE);
  let outstandingMax = new Uint32Array(FIRST_SIZE);
  // Time that one message takes up, and how far ahead of its acceptance that may be; 0: no limit.
  let intervalMs = new Float64Array(FIRST_SIZE);
  let aheadMs = new Float64Array(FIRST_SIZE);
  let takenMs = new Float64Array(FIRST_SIZE * LANES);
  // Open addressing: place + 1, 0 is empty. At most half full. Status 0: forgotten.
  let slots = new Int32Array(FIRST_SIZE * 2);
  let count = 0;

  function find(account: number): number {
    const mask = slots.length - 1;
    let slot = hash(account) & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const at = slots[slot]! - 1;
      if (numbers[at] === account) return at;
    }
    return -1;
  }

  function insert(account: number): number {
    if (count === numbers.length) grow();
    const mask = slots.length - 1;
    let slot = hash(account) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    numbers[count] = account;
    count += 1;
    slots[slot] = count;
    return count - 1;
  }

  function grow(): void {
    const size = numbers.length * 2;
    numbers = larger(numbers, new Uint32Array(size));
    status = larger(status, new Uint8Array(size));
    prepaid = larger(prepaid, new Uint8Array(size));
    limit = larger(limit, new Float64Array(size));
    dayCap = larger(dayCap, new Float64Array(size));
    monthCap = larger(monthCap, new Float64Array(size));
    outstandingMax = larger(outstandingMax, new Uint32Array(size));
    intervalMs = larger(intervalMs, new Float64Array(size));
    aheadMs = larger(aheadMs, new Float64Array(size));
    takenMs = larger(takenMs, new Float64Array(size * LANES));
    slots = new Int32Array(size * 2);
    for (let at = 0; at < count; at += 1) {
      let slot = hash(numbers[at]!) & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = at + 1;
    }
  }

  function set(account: number, terms: AccountConfig | undefined): void {
    let at = find(account);
    if (at < 0) at = insert(account);
    status[at] = terms === undefined ? ABSENT : terms.status === "active" ? ACTIVE : INACTIVE;
    const isPrepaid = terms?.payment === "prepaid";
    prepaid[at] = isPrepaid ? 1 : 0;
    limit[at] = isPrepaid ? 0 : (terms?.creditLimitMicros ?? Number.NaN);
    dayCap[at] = terms?.spendCapDayMicros ?? Number.NaN;
    monthCap[at] = terms?.spendCapMonthMicros ?? Number.NaN;
    outstandingMax[at] = terms?.maxOutstanding ?? 0;
    const perSecond = terms?.messagesPerSecond ?? 0;
    intervalMs[at] = perSecond === 0 ? 0 : 1_000 / (perSecond * GUARD_FACTOR);
    const burst = Math.max(terms?.burst ?? perSecond, GUARD_BURST_MIN);
    aheadMs[at] = GUARD_SLACK_MS + burst * GUARD_FACTOR * intervalMs[at]!;
  }

  function judge(
    accounts: Accounts,
    place: number,
    priceMicros: number,
    acceptedAtMs: number,
    day: number,
    month: number,
    lane: number,
  ): number {
    const at = find(accounts.number(place));
    assert(at >= 0 && status[at] !== 0, "nothing is decided without the account's terms");
    if (status[at] === ABSENT) return REASON.ACCOUNT_UNKNOWN;
    if (status[at] !== ACTIVE) return REASON.ACCOUNT_INACTIVE;
    if (outstandingMax[at] !== 0 && accounts.outstanding(place) >= outstandingMax[at]!)
      return REASON.TOO_MANY_OUTSTANDING;
    const capDay = dayCap[at]!;
    const capMonth = monthCap[at]!;
    if (!Number.isNaN(capDay) && !accounts.withinDay(place, day, priceMicros, capDay))
      return REASON.SPEND_CAP_DAY;
    if (!Number.isNaN(capMonth) && !accounts.withinMonth(place, month, priceMicros, capMonth))
      return REASON.SPEND_CAP_MONTH;
    const limitMicros = limit[at]!;
    if (!Number.isNaN(limitMicros) && !accounts.covers(place, priceMicros, limitMicros))
      return prepaid[at] === 1 ? REASON.INSUFFICIENT_BALANCE : REASON.CREDIT_LIMIT;
    if (intervalMs[at] === 0) return 0;
    const of = at * LANES + lane - 1;
    const takenUntilMs = Math.max(takenMs[of]!, acceptedAtMs);
    if (takenUntilMs - acceptedAtMs > aheadMs[at]!) return REASON.RATE_EXCEEDED;
    takenMs[of] = takenUntilMs + intervalMs[at]!;
    return 0;
  }

  return {
    missing({ result, verdicts, from, to }) {
      let found: number[] | undefined;
      let last = -1;
      for (let record = from; record < to; record += 1) {
        const verdictAt = result.index[record * INDEX_STRIDE + INDEX.verdictAt]!;
        const account = readUint32(verdicts, verdictAt + VERDICT_AT.account);
        if (account === last) continue;
        last = account;
        const at = find(account);
        if (at >= 0 && status[at] !== 0) continue;
        found ??= [];
        if (!found.includes(account)) found.push(account);
      }
      return found ?? NONE;
    },
    async load(accounts) {
      if (count + accounts.length > accountsMax) {
        slots.fill(0);
        takenMs.fill(0);
        count = 0;
      }
      for (let at = 0; at < accounts.length; at += LOADS) {
        await fetch(accounts.slice(at, at + LOADS));
      }
    },
    judge,
    set,
    forget(account) {
      const at = find(account);
      if (at >= 0) status[at] = 0;
    },
    has: (account) => find(account) >= 0,
    count: () => count,
  };
}

const NONE: readonly number[] = [];

export interface WatchedTerms extends Terms {
  stop(): Promise<void>;
}

/** Follows the bucket of accounts from now on, and reads those that are met. */
export async function watchTerms(bucket: Bucket, log: Logger): Promise<WatchedTerms> {
  /** Revision of what was told last of each account that is being read. */
  const reading = new Map<string, number>();

  function take(name: string, value: Uint8Array | undefined): void {
    const account = Number(name);
    if (value === undefined) {
      table.set(account, undefined);
      return;
    }
    try {
      table.set(account, parseAccount(value));
    } catch (err) {
      // What was known of it stays; of one that is new nothing is known, and nothing is sent.
      log.error({ err, account: name }, "an account cannot be read");
      if (!table.has(account)) table.set(account, undefined);
    }
  }

  async function fetch(accounts: readonly number[]): Promise<void> {
    await Promise.all(
      accounts.map(async (account) => {
        const name = String(account);
        reading.set(name, reading.get(name) ?? 0);
        try {
          const entry = await bucket.get(name);
          // Told meanwhile, and later than what was read.
          if ((reading.get(name) ?? 0) > (entry?.revision ?? 0)) return;
          take(name, entry?.value);
        } finally {
          reading.delete(name);
        }
      }),
    );
  }

  const table = openTermsTable(fetch);
  const watching: Consumption = await bucket.watch(
    (name, value, revision) => {
      if (reading.has(name)) reading.set(name, revision);
      if (reading.has(name) || table.has(Number(name))) take(name, value);
    },
    { since: "now" },
  );
  return { ...table, stop: () => watching.stop() };
}

function hash(account: number): number {
  const mixed = Math.imul(account, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function larger<A extends Uint32Array | Uint8Array | Float64Array>(from: A, into: A): A {
  into.set(from as never);
  return into;
}
