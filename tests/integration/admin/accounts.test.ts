/** Accounts and API keys through the admin service, their money through an owner. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig, parseAccount, parseKey } from "../../../core/configuration.js";
import { SILENT } from "../../../core/log.js";
import {
  type Account,
  AccountServiceService,
  AccountStatus,
  type ApiKey,
  ApiKeyScope,
  ApiKeyServiceService,
  ApiKeyStatus,
  type Balance,
  BalanceServiceService,
  type LedgerEntry,
  Payment,
} from "../../../core/proto/floe/v1/accounts.js";
import { Plan, PlanServiceService } from "../../../core/proto/floe/v1/pricing_admin.js";
import { BUCKETS } from "../../../core/subjects.js";
import { openOwner } from "../../../services/dispatch/owner.js";
import { openWindow } from "../../../services/dispatch/window.js";
import { LIMITS, testRouter } from "../../unit/dispatch/kit.js";
import { until } from "../../until.js";
import { type Admins, memoryClients, type Replica, withAdmins } from "./with-admin.js";

const accounts = suite("accounts of the admin service");

/** With a plan in EUR, and an owner of the one partition. */
async function withOwner(run: (admins: Admins) => Promise<void>): Promise<void> {
  const clients = memoryClients();
  const client = await clients("owner");
  await (await client.bucket(BUCKETS.config)).put("partitions", encodeConfig({ count: 1 }));
  const owner = openOwner({
    processId: "owner",
    client,
    clock: SYSTEM_CLOCK,
    log: SILENT,
    router: testRouter(),
    window: openWindow(4),
    rateOf: () => Number.POSITIVE_INFINITY,
    limits: { ...LIMITS, reservationsMax: 1_000 },
  });
  owner.gained("0", 1);
  await until(async () => owner.partitions().length === 1);
  try {
    await withAdmins(
      1,
      async (admins) => {
        const fields = { plan: 1, name: "standard", currency: "EUR", chargeBasis: 1 } as const;
        const plan = Plan.fromPartial(fields);
        await admins.admin.call(PlanServiceService, "createPlan", { plan });
        await run(admins);
      },
      clients,
    );
  } finally {
    await owner.lost("0");
  }
}

const PREPAID = {
  account: 7,
  name: "Seven",
  plan: 1,
  status: AccountStatus.ACCOUNT_STATUS_UNSPECIFIED,
  payment: Payment.PAYMENT_PREPAID,
  currency: "",
  creditLimit: "",
  spendCapDay: "10.00",
  spendCapMonth: "",
  messagesPerSecond: 5,
  burst: 0,
  maxOutstanding: 0,
  revision: 0n,
  changedBy: "",
  changedAt: undefined,
} satisfies Account;

async function create(admin: Replica, more: Partial<Account> = {}): Promise<Account> {
  const account = { ...PREPAID, ...more };
  const answer = await admin.call<{ account: Account }>(AccountServiceService, "createAccount", {
    account,
  });
  return answer.account;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "",
    (error: { details?: string }) => String(error.details ?? error),
  );
}

accounts("keep the currency of their plan if they were written without one", async () => {
  await withOwner(async ({ admin }) => {
    const fields = { plan: 2, name: "dollars", currency: "USD", chargeBasis: 1 } as const;
    await admin.call(PlanServiceService, "createPlan", { plan: Plan.fromPartial(fields) });
    const old = { account: 7, name: "Seven", plan: 1, status: "active" };
    await (await admin.stream.bucket(BUCKETS.accounts)).put("7", encodeConfig(old));
    const get = () =>
      admin.call<{ account: Account }>(AccountServiceService, "getAccount", { account: 7 });
    const { account } = await get();
    assert.is(account.currency, "EUR");
    const update = (more: Partial<Account>) =>
      admin.call<{ account: Account }>(AccountServiceService, "updateAccount", {
        account: { ...account, ...more },
      });
    for (const currency of ["", "USD"]) {
      assert.match(await refusal(update({ plan: 2, currency })), /currency/);
    }
    assert.is((await update({ name: "New" })).account.currency, "EUR");
  });
});

accounts(
  "are created with their plan's currency, changed by revision, and listed in pages",
  async () => {
    await withOwner(async ({ admin, staff }) => {
      const made = await create(admin);
      assert.is(made.currency, "EUR");
      assert.is(made.status, AccountStatus.ACCOUNT_STATUS_ACTIVE);
      assert.is(made.spendCapDay, "10.00");
      assert.is(made.changedBy, staff.keyId);
      const entry = await (await admin.stream.bucket(BUCKETS.accounts)).get("7");
      const stored = parseAccount(entry!.value);
      assert.is(stored.payment, "prepaid");
      assert.is(stored.spendCapDayMicros, 10_000_000);
      assert.match(await refusal(create(admin)), /already/);
      const update = (account: Account) =>
        admin.call<{ account: Account }>(AccountServiceService, "updateAccount", { account });
      const changed = await update({ ...made, spendCapDay: "", name: "New" });
      assert.is(changed.account.spendCapDay, "");
      assert.match(await refusal(update(made)), /changed by somebody else/);
      const wrong: Partial<Account>[] = [
        { currency: "GBP" },
        { plan: 9 },
        { creditLimit: "5" },
        { burst: 3, messagesPerSecond: 0 },
        { spendCapDay: "-1" },
      ];
      for (const one of wrong) {
        assert.ok(
          (await refusal(update({ ...changed.account, ...one }))) !== "",
          JSON.stringify(one),
        );
      }
      for (const account of [10, 9, 100]) {
        await create(admin, { account, payment: Payment.PAYMENT_POSTPAID, creditLimit: "0" });
      }
      const list = (pageToken: string) =>
        admin.call<{ accounts: Account[]; nextPageToken: string }>(
          AccountServiceService,
          "listAccounts",
          { status: 0, plan: 0, pageSize: 3, pageToken },
        );
      const first = await list("");
      assert.equal(
        first.accounts.map(({ account }) => account),
        [7, 9, 10],
      );
      assert.is(first.accounts[1]!.creditLimit, "0.00");
      const second = await list(first.nextPageToken);
      assert.equal(
        [second.accounts.map(({ account }) => account), second.nextPageToken],
        [[100], ""],
      );
    });
  },
);

accounts("get money once for each reference, and tell what they have", async () => {
  await withOwner(async ({ admin }) => {
    await create(admin);
    interface Given {
      entry: LedgerEntry;
      repeated: boolean;
      balance: Balance;
    }
    const give = (call: string, amount: string, reference: string) =>
      admin.call<Given>(AccountServiceService, call, { account: 7, amount, reference, note: "n" });
    const first = await give("topUp", "25.5", "p-1");
    assert.equal([first.entry.sequence, first.entry.balanceAfter], [1n, "25.50"]);
    assert.not.ok(first.repeated);
    assert.is(first.balance.currency, "EUR");
    assert.ok((await give("topUp", "25.50", "p-1")).repeated);
    assert.match(await refusal(give("topUp", "26", "p-1")), /used for another amount/);
    assert.match(await refusal(give("topUp", "-1", "p-2")), /amount must be/);
    assert.match(await refusal(give("topUp", "1", "")), /reference must be there/);
    assert.is((await give("adjustBalance", "-0.000001", "a-1")).entry.balanceAfter, "25.499999");
    const asked = await admin.call<{ balance: Balance }>(BalanceServiceService, "getBalance", {
      account: 7,
    });
    const { balance, available, ledgerSequence } = asked.balance;
    assert.equal([balance, available, ledgerSequence], ["25.499999", "25.499999", 2n]);
    const nobody = { account: 8, amount: "1", reference: "x", note: "" };
    assert.match(
      await refusal(admin.call(AccountServiceService, "topUp", nobody)),
      /no such account/,
    );
  });
});

accounts("are deleted only unused, and closed for ever", async () => {
  await withOwner(async ({ admin }) => {
    const made = await create(admin);
    const remove = (revision: bigint) =>
      admin.call(AccountServiceService, "deleteAccount", { account: 7, revision });
    const key = await admin.call<{ apiKey: ApiKey }>(ApiKeyServiceService, "createApiKey", {
      account: 7,
      scope: ApiKeyScope.API_KEY_SCOPE_UNSPECIFIED,
      expiresAt: undefined,
      name: "k",
      environment: "",
    });
    const { keyId } = key.apiKey;
    assert.match(await refusal(remove(made.revision)), /in use by API key/);
    await admin.call(ApiKeyServiceService, "revokeApiKey", { keyId });
    await admin.call(AccountServiceService, "topUp", {
      account: 7,
      amount: "1",
      reference: "p",
      note: "",
    });
    assert.match(await refusal(remove(made.revision)), /its ledger/);
    const update = (account: Account) =>
      admin.call<{ account: Account }>(AccountServiceService, "updateAccount", { account });
    const closed = await update({ ...made, status: AccountStatus.ACCOUNT_STATUS_CLOSED });
    const open = { ...closed.account, status: AccountStatus.ACCOUNT_STATUS_ACTIVE };
    assert.match(await refusal(update(open)), /stays so/);
    const other = await create(admin, { account: 8 });
    await admin.call(AccountServiceService, "deleteAccount", {
      account: 8,
      revision: other.revision,
    });
    const get = admin.call(AccountServiceService, "getAccount", { account: 8 });
    assert.match(await refusal(get), /no such account/);
  });
});

accounts("have keys whose secret is told once, and that end when they are revoked", async () => {
  await withOwner(async ({ admin, staff, customer }) => {
    await create(admin);
    const make = (more: object) =>
      admin.call<{ apiKey: ApiKey; key: string }>(ApiKeyServiceService, "createApiKey", {
        account: 0,
        scope: ApiKeyScope.API_KEY_SCOPE_STAFF,
        expiresAt: undefined,
        name: "ours",
        environment: "",
        ...more,
      });
    const { apiKey, key } = await make({});
    assert.match(key, /^floe_live_/);
    const entry = await (await admin.stream.bucket(BUCKETS.keys)).get(apiKey.keyId);
    assert.not.match(Buffer.from(entry!.value).toString(), key.slice(-20));
    assert.is(parseKey(entry!.value).changedBy, staff.keyId);
    // It operates, until it is revoked by another one.
    const list = (with_: string) =>
      admin.call<{ apiKeys: ApiKey[] }>(
        ApiKeyServiceService,
        "listApiKeys",
        { account: 0, pageSize: 0, pageToken: "" },
        with_,
      );
    await until(async () => (await refusal(list(key))) === "");
    assert.is((await list(key)).apiKeys.length, 3);
    assert.match(
      await refusal(admin.call(ApiKeyServiceService, "revokeApiKey", { keyId: apiKey.keyId }, key)),
      /does not revoke itself/,
    );
    const revoked = await admin.call<{ apiKey: ApiKey }>(ApiKeyServiceService, "revokeApiKey", {
      keyId: apiKey.keyId,
    });
    assert.is(revoked.apiKey.status, ApiKeyStatus.API_KEY_STATUS_REVOKED);
    await until(async () => (await refusal(list(key))) !== "");
    assert.match(await refusal(list(customer)), /cannot operate/);
    const customers = ApiKeyScope.API_KEY_SCOPE_CUSTOMER;
    assert.match(await refusal(make({ scope: customers, account: 99 })), /is not an account/);
    assert.match(await refusal(make({ account: 7 })), /must be 0 for staff/);
    assert.match(await refusal(make({ expiresAt: new Date(1_000) })), /in the future/);
  });
});

accounts.run();
