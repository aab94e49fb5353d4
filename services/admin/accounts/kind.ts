/** Accounts as entities: messages of the API and what is stored, and what is in use. */
import { type AccountConfig, parseKey } from "../../../core/configuration.js";
import { formatMicros } from "../../../core/money.js";
import type { Owners } from "../../../core/owners.js";
import type { Account } from "../../../core/proto/floe/v1/accounts.js";
import { inUse, type Kind } from "../crud.js";
import { microsOf } from "../entities/amounts.js";
import { type Choices, chosen, numberOf } from "../entities/choices.js";
import type { Followed } from "../followed.js";
import type { Problems } from "../problems.js";
import type { Store } from "../store.js";

export const STATUSES: Choices<AccountConfig["status"]> = [
  "active",
  "active",
  "suspended",
  "closed",
];
const PAYMENTS: Choices<NonNullable<AccountConfig["payment"]>> = [
  "postpaid",
  "prepaid",
  "postpaid",
];

export interface AccountKindOptions {
  /** Where plans are. */
  readonly store: Store;
  readonly keys: Followed;
  readonly owners: Owners;
}

export function accountKind(options: AccountKindOptions): Kind<"account", Account> {
  const { store, keys, owners } = options;
  return {
    kind: "account",
    field: "account",
    word: "account",
    names: {
      creditLimitMicros: "credit_limit",
      spendCapDayMicros: "spend_cap_day",
      spendCapMonthMicros: "spend_cap_month",
    },
    toEntity(message, old, problems) {
      const plan = store.get("plan", String(message.plan))?.entity;
      // An account written without one has that of its plan, and its balance is in it.
      const oldPlan = old === undefined ? undefined : store.get("plan", String(old.plan))?.entity;
      const oldCurrency = old?.currency ?? oldPlan?.currency;
      const currency = message.currency || oldCurrency || plan?.currency;
      const status = chosen(STATUSES, message.status, "status", problems);
      const payment = chosen(PAYMENTS, message.payment, "payment", problems);
      const limit = limitOf(message.creditLimit, "credit_limit", problems);
      if (oldCurrency !== undefined && currency !== oldCurrency)
        problems.add("currency", "is fixed once the account is there");
      if (old?.status === "closed" && status !== "closed")
        problems.add("status", "of a closed account stays so");
      if (payment === "prepaid" && limit !== undefined)
        problems.add("credit_limit", "is only for postpaid accounts");
      if (message.burst > 0 && message.messagesPerSecond === 0)
        problems.add("burst", "needs messages_per_second");
      return {
        account: message.account,
        name: message.name,
        plan: message.plan,
        status,
        payment,
        currency,
        creditLimitMicros: limit,
        spendCapDayMicros: limitOf(message.spendCapDay, "spend_cap_day", problems),
        spendCapMonthMicros: limitOf(message.spendCapMonth, "spend_cap_month", problems),
        messagesPerSecond: message.messagesPerSecond || undefined,
        burst: message.burst || undefined,
        maxOutstanding: message.maxOutstanding || undefined,
      };
    },
    toMessage: (entity) => ({
      account: entity.account,
      name: entity.name,
      plan: entity.plan,
      status: numberOf(STATUSES, entity.status) as Account["status"],
      payment: numberOf(PAYMENTS, entity.payment ?? "postpaid") as Account["payment"],
      currency: entity.currency ?? store.get("plan", String(entity.plan))?.entity.currency ?? "",
      creditLimit: limitText(entity.creditLimitMicros),
      spendCapDay: limitText(entity.spendCapDayMicros),
      spendCapMonth: limitText(entity.spendCapMonthMicros),
      messagesPerSecond: entity.messagesPerSecond ?? 0,
      burst: entity.burst ?? 0,
      maxOutstanding: entity.maxOutstanding ?? 0,
    }),
    references(entity, _store, problems) {
      const plan = store.get("plan", String(entity.plan))?.entity;
      if (plan === undefined) problems.add("plan", "is not a plan");
      else if (plan.currency !== entity.currency)
        problems.add("currency", `must be that of its plan, ${plan.currency}`);
    },
    async mayBecome({ account, status }, old) {
      if (status !== "closed" || old.status === "closed") return undefined;
      const { balance } = await owners.ask({ account, credit: undefined });
      const outstanding = balance?.outstanding ?? 0;
      if (outstanding === 0) return undefined;
      return inUse("account", [`${outstanding} messages without an outcome`]);
    },
    async users({ account }) {
      const mine = keys
        .keys()
        .map((key) => parseKey(keys.get(key)!.value))
        .filter((key) => key.account === account && key.status === "active");
      const used = mine.map(({ keyId }) => `API key ${keyId}`);
      if (store.get("guard", String(account)) !== undefined) used.push("its guard");
      const { balance } = await owners.ask({ account, credit: undefined });
      if ((balance?.outstanding ?? 0) > 0) used.push("messages without an outcome");
      if ((balance?.ledgerSequence ?? 0n) > 0n) used.push("its ledger: close it instead");
      return used;
    },
  };
}

/** Empty: none; "0" is a limit. */
function limitOf(text: string, field: string, problems: Problems): number | undefined {
  return text === "" ? undefined : microsOf(text, field, problems);
}

function limitText(micros: number | undefined): string {
  return micros === undefined ? "" : formatMicros(micros);
}
