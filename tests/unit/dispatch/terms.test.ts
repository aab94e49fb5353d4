/** Unit tests of accounts' terms: each rule at its edge, sums beyond 2^53, and what is read when. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { seededChance, simulatedClock } from "../../../core/clock.js";
import { type AccountConfig, encodeConfig } from "../../../core/configuration.js";
import { BATCH_MESSAGES_MAX } from "../../../core/limits.js";
import { SILENT } from "../../../core/log.js";
import { REASON } from "../../../core/message.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import { BUCKETS } from "../../../core/subjects.js";
import { openAccounts } from "../../../services/dispatch/accounts.js";
import { openTermsTable, watchTerms } from "../../../services/dispatch/terms.js";
import { newPace, setPace, takePace } from "../../../services/gateway/pace.js";
import { NOW_MS, requestFrame, route } from "./kit.js";
import { openStage } from "./stage.js";

const terms = suite("terms of accounts");
const DAY = 20_781;
const MONTH = 24_322;
const BASE = { account: 7, name: "A", plan: 1, status: "active" } as const;

function open(more: Partial<AccountConfig>) {
  const table = openTermsTable(async () => {});
  table.set(7, { ...BASE, ...more });
  const accounts = openAccounts();
  const place = accounts.place(7);
  const judge = (priceMicros: number, day = DAY, month = MONTH, atMs = NOW_MS, lane = 2) =>
    table.judge(accounts, place, priceMicros, atMs, day, month, lane);
  return { table, accounts, place, judge };
}

terms("let a prepaid account spend what it has, to the last micro-unit", () => {
  const { accounts, place, judge } = open({ payment: "prepaid" });
  assert.is(judge(1), REASON.INSUFFICIENT_BALANCE);
  assert.is(judge(0), 0);
  accounts.credit(place, 100);
  assert.is(judge(100), 0);
  assert.is(judge(101), REASON.INSUFFICIENT_BALANCE);
  accounts.reserve(place, 100, DAY, MONTH);
  assert.is(judge(1), REASON.INSUFFICIENT_BALANCE);
  accounts.release(place, 100, DAY, MONTH);
  assert.is(judge(100), 0);
});

terms("let a postpaid account owe what it may, and one without a limit anything", () => {
  const { accounts, place, judge } = open({ creditLimitMicros: 50 });
  accounts.reserve(place, 30, DAY, MONTH);
  accounts.commit(place, 30);
  assert.is(judge(20), 0);
  assert.is(judge(21), REASON.CREDIT_LIMIT);
  assert.is(open({}).judge(Number.MAX_SAFE_INTEGER), 0);
});

terms("hold caps of a day and of a month, and give back what is released", () => {
  const { accounts, place, judge } = open({ spendCapDayMicros: 100, spendCapMonthMicros: 150 });
  assert.is(judge(101), REASON.SPEND_CAP_DAY);
  accounts.reserve(place, 100, DAY, MONTH);
  assert.is(judge(1), REASON.SPEND_CAP_DAY);
  assert.is(judge(50, DAY + 1), 0);
  assert.is(judge(51, DAY + 1), REASON.SPEND_CAP_MONTH);
  assert.is(judge(100, DAY + 1, MONTH + 1), 0);
  accounts.release(place, 100, DAY, MONTH);
  assert.is(judge(100), 0);
});

terms("compare exactly where sums are beyond 2^53", () => {
  const { accounts, place, judge } = open({ payment: "prepaid" });
  const most = Number.MAX_SAFE_INTEGER;
  for (let times = 0; times < 5; times += 1) accounts.credit(place, most);
  for (let times = 0; times < 4; times += 1) accounts.reserve(place, most, DAY, MONTH);
  accounts.reserve(place, most - 7, DAY, MONTH);
  assert.is(judge(7), 0);
  assert.is(judge(8), REASON.INSUFFICIENT_BALANCE);
});

terms("refuse those who are gone, and those with too much under way", () => {
  assert.is(open({ status: "suspended" }).judge(1), REASON.ACCOUNT_INACTIVE);
  const { table, accounts, place, judge } = open({ maxOutstanding: 2 });
  accounts.reserve(place, 1, DAY, MONTH);
  assert.is(judge(1), 0);
  accounts.reserve(place, 1, DAY, MONTH);
  assert.is(judge(1), REASON.TOO_MANY_OUTSTANDING);
  accounts.commit(place, 1);
  assert.is(judge(1), 0);
  table.set(7, undefined);
  assert.is(judge(1), REASON.ACCOUNT_UNKNOWN);
});

terms("guard the rate by acceptance, lane by lane: a backlog is no flood", () => {
  const { judge } = open({ messagesPerSecond: 10 });
  // An hour's backlog, decided at once.
  for (let at = 0; at < 36_000; at += 1) {
    assert.is(judge(0, DAY, MONTH, NOW_MS - 3_600_000 + at * 100), 0);
  }
  let passed = 0;
  while (judge(0, DAY, MONTH, NOW_MS, 1) === 0) passed += 1;
  // Batches that gateways let be owed, and what they may publish late.
  assert.ok(passed > 5_200 && passed < 5_300, `${passed}`);
  assert.is(judge(0, DAY, MONTH, NOW_MS, 1), REASON.RATE_EXCEEDED);
  assert.is(judge(0, DAY, MONTH, NOW_MS, 3), 0);
  assert.is(judge(0, DAY, MONTH, NOW_MS + 1_000, 1), 0);
});

terms("refuse nothing of a batch that a gateway took because the tokens were full", () => {
  const pace = newPace();
  setPace(pace, 10, 10);
  const { judge } = open({ messagesPerSecond: 10 });
  let acceptedAtMs = NOW_MS;
  for (let batch = 0; batch < 5; batch += 1) {
    const waitMs = takePace(pace, BATCH_MESSAGES_MAX, 1, acceptedAtMs - NOW_MS);
    acceptedAtMs += waitMs;
    if (waitMs > 0) assert.is(takePace(pace, BATCH_MESSAGES_MAX, 1, acceptedAtMs - NOW_MS), 0);
    for (let at = 0; at < BATCH_MESSAGES_MAX; at += 1) {
      assert.is(judge(0, DAY, MONTH, acceptedAtMs), 0);
    }
  }
});

terms("are read when an account is met, and followed from then on", async () => {
  const clock = simulatedClock(NOW_MS);
  const client = openMemory({ clock, chance: seededChance(1), faults: NO_FAULTS }).connect("test");
  const bucket = await client.bucket(BUCKETS.accounts);
  const run = async <T>(promise: Promise<T>): Promise<T> => {
    await clock.until(() => false, 100);
    return await promise;
  };
  const put = (more: Partial<AccountConfig>) =>
    run(bucket.put("7", encodeConfig({ ...BASE, ...more })));
  await put({ status: "suspended" });
  const watched = await run(watchTerms(bucket, SILENT));
  const result = route([
    requestFrame([
      { id: 1, account: 7 },
      { id: 2, account: 8 },
    ]),
  ]);
  const part = { result, verdicts: new Uint8Array(result.verdicts), from: 0, to: 2 } as never;
  assert.equal(watched.missing(part), [7, 8]);
  await run(watched.load([7, 8]));
  assert.equal(watched.missing(part), []);
  const accounts = openAccounts();
  const judge = (account: number) =>
    watched.judge(accounts, accounts.place(account), 1, NOW_MS, DAY, MONTH, 2);
  assert.is(judge(7), REASON.ACCOUNT_INACTIVE);
  assert.is(judge(8), REASON.ACCOUNT_UNKNOWN);
  await put({});
  assert.is(judge(7), 0);
  // What cannot be read changes nothing.
  await run(bucket.put("7", Buffer.from("{}")));
  assert.is(judge(7), 0);
  await run(bucket.delete("7"));
  assert.is(judge(7), REASON.ACCOUNT_UNKNOWN);
});

terms("forget all when there are too many, and ask again", async () => {
  const asked: number[] = [];
  const table = openTermsTable(async (accounts) => {
    for (const account of accounts) {
      asked.push(account);
      table.set(account, { ...BASE, account });
    }
  }, 3);
  await table.load([1, 2, 3]);
  await table.load([4]);
  assert.is(table.count(), 1);
  assert.not.ok(table.has(1));
  assert.equal(asked, [1, 2, 3, 4]);
});

terms("are known of every account of a turn, though the table was full within it", async () => {
  const table = openTermsTable(async (accounts) => {
    for (const account of accounts) {
      table.set(account, { ...BASE, account, status: account === 1 ? "closed" : "active" });
    }
  }, 3);
  await table.load([10, 11]);
  const stage = await openStage();
  // The first is a turn by itself, the other two the next one: the last finds no room.
  await stage.publish([{ id: 9, account: 10 }]);
  await stage.publish([{ id: 1, account: 1 }]);
  await stage.publish([{ id: 2, account: 2 }]);
  await stage.own(undefined, undefined, table);
  const decided = () => stage.decisions().filter(({ records }) => records.length > 0);
  await stage.until(() => decided().flatMap(({ records }) => records).length === 3);
  assert.is(decided().length, 2);
  assert.equal(
    decided()[1]!.records.map(({ account, reason }) => [account, reason]),
    [
      [1, REASON.ACCOUNT_INACTIVE],
      [2, 0],
    ],
  );
});

terms.run();
