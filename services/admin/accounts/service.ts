/**
 * Accounts: AccountService on the KV bucket of accounts, which gateways and owners follow, and
 * BalanceService for staff. Money is the owner's: what is given or taken is asked of it.
 */
import { status } from "@grpc/grpc-js";
import { type AccountConfig, encodeConfig, parseAccount } from "../../../core/configuration.js";
import type { EntityKind, EntityOf } from "../../../core/entities.js";
import { type Refusal, refuse } from "../../../core/grpc/refuse.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import { formatMicros, parseMicros } from "../../../core/money.js";
import { balanceMessage, type Owners } from "../../../core/owners.js";
import {
  type Account,
  AccountServiceService,
  type AdjustBalanceRequest,
  BalanceServiceService,
  type GetBalanceRequest,
  type LedgerEntry,
  type ListAccountsRequest,
  type TopUpRequest,
} from "../../../core/proto/floe/v1/accounts.js";
import { CreditOutcome, type OwnerAnswer } from "../../../core/proto/floe/v1/owner.js";
import {
  SETTLEMENT_CREDIT,
  SETTLEMENT_DEBIT,
  SETTLEMENT_TOP_UP,
} from "../../../core/stream/fields.js";
import { type Desk, unary } from "../call.js";
import { notFound } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import { numberOf } from "../entities/choices.js";
import type { Followed } from "../followed.js";
import { pageSizeOf, pageToken, placeOf } from "../page.js";
import { invalid } from "../problems.js";
import { compareKeys, type Store } from "../store.js";
import { accountKind, STATUSES } from "./kind.js";

export interface AccountsOptions {
  readonly desk: Desk;
  readonly store: Store;
  readonly accounts: Followed;
  readonly keys: Followed;
  readonly owners: Owners;
}

const REFERENCE_BYTES_MAX = 64;
const NOTE_BYTES_MAX = 200;

export function accountServices(options: AccountsOptions): readonly GrpcService[] {
  const { desk, store, accounts, owners } = options;
  const kind = accountKind(options);
  const crud = crudHandlers(desk, storeOf(store, accounts), {
    kind,
    service: "AccountService",
    entity: "Account",
    entities: "Accounts",
    listField: "accounts",
    keyOf: ({ account }: { account: number }) => String(account),
  });

  function list(request: ListAccountsRequest): object {
    const place = placeOf("account", request);
    if (typeof place === "object") return place;
    const size = pageSizeOf(request);
    const page: object[] = [];
    for (const key of accounts.keys()) {
      if (place !== undefined && compareKeys(key, place) <= 0) continue;
      const { value, revision } = accounts.get(key)!;
      const entity = parseAccount(value);
      if (request.status !== 0 && numberOf(STATUSES, entity.status) !== request.status) continue;
      if (request.plan !== 0 && entity.plan !== request.plan) continue;
      if (page.length === size) {
        const last = (page.at(-1) as Account).account;
        return { accounts: page, nextPageToken: pageToken("account", String(last)) };
      }
      const { changedBy = "", changedAtMs = 0 } = entity;
      const changedAt = changedAtMs === 0 ? undefined : new Date(changedAtMs);
      page.push({ ...kind.toMessage(entity), revision: BigInt(revision), changedBy, changedAt });
    }
    return { accounts: page, nextPageToken: "" };
  }

  async function credit(
    request: TopUpRequest | AdjustBalanceRequest,
    isTopUp: boolean,
  ): Promise<object | Refusal> {
    const { account, reference, note } = request;
    const amountMicros = parseMicros(request.amount);
    const problems = creditProblems(request, amountMicros, isTopUp);
    if (problems.length > 0) return invalid(problems);
    const terms = await termsOf(accounts, account);
    if (terms === undefined) return notFound("account");
    const plan = store.get("plan", String(terms.plan))?.entity;
    const currency = terms.currency ?? plan?.currency ?? "";
    const isDebit = amountMicros! < 0;
    const answer = await owners.ask({
      account,
      credit: {
        kind: isTopUp ? SETTLEMENT_TOP_UP : isDebit ? SETTLEMENT_DEBIT : SETTLEMENT_CREDIT,
        amountMicros: BigInt(Math.abs(amountMicros!)),
        currency,
        reference,
        note,
      },
    });
    const refusal = refusalOf(answer);
    if (refusal !== undefined) return refusal;
    return {
      entry: entryOf(answer),
      repeated: answer.outcome === CreditOutcome.CREDIT_OUTCOME_REPEATED,
      balance: balanceMessage({ ...terms, currency }, answer.balance!),
    };
  }

  async function balance({ account }: GetBalanceRequest): Promise<object | Refusal> {
    const terms = await termsOf(accounts, account);
    if (terms === undefined) return notFound("account");
    const plan = store.get("plan", String(terms.plan))?.entity;
    const currency = terms.currency ?? plan?.currency ?? "";
    const answer = await owners.ask({ account, credit: undefined });
    return { balance: balanceMessage({ ...terms, currency }, answer.balance!) };
  }

  return [
    {
      name: "floe.v1.AccountService",
      definition: AccountServiceService,
      implementation: {
        ...crud,
        listAccounts: unary(desk, "AccountService/ListAccounts", async (request) =>
          list(request as ListAccountsRequest),
        ),
        topUp: unary(desk, "AccountService/TopUp", (request: TopUpRequest) =>
          credit(request, true),
        ),
        adjustBalance: unary(
          desk,
          "AccountService/AdjustBalance",
          (request: AdjustBalanceRequest) => credit(request, false),
        ),
      },
    },
    {
      name: "floe.v1.BalanceService",
      definition: BalanceServiceService,
      implementation: { getBalance: unary(desk, "BalanceService/GetBalance", balance) },
    },
  ];
}

/** From the stream's leader: what was written a moment ago counts. */
async function termsOf(accounts: Followed, account: number): Promise<AccountConfig | undefined> {
  if (account === 0) return undefined;
  const entry = await accounts.bucket.get(String(account));
  return entry === undefined ? undefined : parseAccount(entry.value);
}

function creditProblems(
  { reference, note }: TopUpRequest,
  amountMicros: number | undefined,
  isTopUp: boolean,
) {
  const problems: { field: string; description: string; reason: string }[] = [];
  const add = (field: string, description: string): void =>
    void problems.push({ field, description, reason: "INVALID" });
  if (amountMicros === undefined || amountMicros === 0 || (isTopUp && amountMicros < 0)) {
    const sign = isTopUp ? "above 0" : "not 0";
    add("amount", `must be a decimal number such as "25.00", ${sign}, at most 6 decimals`);
  }
  const bytes = Buffer.byteLength(reference);
  if (bytes === 0) add("reference", "must be there: a repeat is known by it");
  if (bytes > REFERENCE_BYTES_MAX)
    add("reference", `must have at most ${REFERENCE_BYTES_MAX} bytes`);
  if (Buffer.byteLength(note) > NOTE_BYTES_MAX) {
    add("note", `must have at most ${NOTE_BYTES_MAX} bytes`);
  }
  return problems;
}

function entryOf({ ledgerSequence, atMs, balanceAfterMicros }: OwnerAnswer): LedgerEntry {
  return {
    sequence: ledgerSequence,
    at: new Date(Number(atMs)),
    balanceAfter: formatMicros(balanceAfterMicros),
  };
}

function refusalOf({ outcome }: OwnerAnswer): Refusal | undefined {
  switch (outcome) {
    case CreditOutcome.CREDIT_OUTCOME_DONE:
    case CreditOutcome.CREDIT_OUTCOME_REPEATED:
      return undefined;
    case CreditOutcome.CREDIT_OUTCOME_CONFLICT:
      return refuse(
        status.ALREADY_EXISTS,
        "REFERENCE_USED",
        "The reference was used for another amount; nothing was changed.",
      );
    case CreditOutcome.CREDIT_OUTCOME_FULL:
      return refuse(
        status.RESOURCE_EXHAUSTED,
        "REFERENCES_FULL",
        "No more references can be remembered this month; nothing was changed.",
      );
    case CreditOutcome.CREDIT_OUTCOME_OVERFLOW:
      return refuse(status.OUT_OF_RANGE, "BALANCE_RANGE", "The balance could not be kept.");
    default:
      return refuse(status.INVALID_ARGUMENT, "CREDIT_INVALID", "The owner refused it.");
  }
}

/** The store as `crud` sees it: accounts are in their own bucket. */
function storeOf(store: Store, accounts: Followed): Store {
  const isAccount = (kind: EntityKind): boolean => kind === "account";
  return {
    ...store,
    async read<K extends EntityKind>(kind: K, key: string) {
      if (!isAccount(kind)) return store.read(kind, key);
      const entry = await accounts.bucket.get(key);
      if (entry === undefined) return undefined;
      const entity = parseAccount(entry.value) as EntityOf[K];
      return { key, entity, revision: entry.revision };
    },
    async write<K extends EntityKind>(kind: K, entity: EntityOf[K], expected: number | undefined) {
      if (!isAccount(kind)) return store.write(kind, entity, expected);
      const written = entity as AccountConfig;
      const key = String(written.account);
      const value = encodeConfig(written);
      const revision = await accounts.bucket.compareAndSet(key, value, expected ?? 0);
      if (revision === undefined) return undefined;
      const { changedBy } = written;
      store.log.info({ kind, changedBy, revision, account: written.account }, "written");
      await accounts.reached(revision);
      return revision;
    },
    async remove(kind, key, expected, changedBy) {
      if (!isAccount(kind)) return store.remove(kind, key, expected, changedBy);
      const note = encodeConfig({ changedBy, changedAtMs: store.clock.nowMs() });
      const revision = await accounts.bucket.compareAndDelete(key, expected, note);
      if (revision === undefined) return false;
      store.log.info({ kind, changedBy, revision, account: key }, "deleted");
      await accounts.reached(revision);
      return true;
    },
  };
}
