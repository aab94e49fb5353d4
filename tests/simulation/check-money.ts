/**
 * Check of money (promise P2), account by account, from the log by ts-proto: ledgers without a gap,
 * each balance the sum of what came before it, equal to the database, to the CDRs, to what operators
 * were told, and within what each account may spend.
 */
import type { AccountConfig } from "../../core/configuration.js";
import { formatId, STATE } from "../../core/message.js";
import { DecisionFrame, type Settlement } from "../../core/proto/floe/v1/frames.js";
import {
  SETTLEMENT_ADJUST,
  SETTLEMENT_COMMIT,
  SETTLEMENT_CREDIT,
  SETTLEMENT_RELEASE,
  SETTLEMENT_TOP_UP,
} from "../../core/stream/fields.js";
import type { World } from "./world.js";

type Wrong = (text: string) => void;

/** All that the log says of one account's money. */
interface Book {
  readonly entries: Settlement[];
  /** By message id: what was reserved for it and not given back, and the day it was accepted on. */
  readonly spent: Map<string, { readonly micros: bigint; readonly day: number }>;
}

const DAY_MS = 86_400_000n;

export function checkMoney(world: World, wrong: Wrong): void {
  for (const text of world.operators.wrongs) wrong(text);
  const books = readBooks(world);
  for (const terms of world.accounts) {
    const { account } = terms;
    const book = books.get(account) ?? { entries: [], spent: new Map() };
    checkEntries(account, book, wrong);
    checkRows(world, account, book, wrong);
    checkReferences(world, account, book, wrong);
    checkTerms(terms, book, wrong);
  }
  const rows = world.database.ledger().length;
  const entries = [...books.values()].reduce((sum, one) => sum + one.entries.length, 0);
  if (rows !== entries) wrong(`the ledger has ${rows} rows of ${entries}`);
}

function readBooks({ server }: World): Map<number, Book> {
  const books = new Map<number, Book>();
  const bookOf = (account: number): Book => {
    const book = books.get(account) ?? { entries: [], spent: new Map() };
    books.set(account, book);
    return book;
  };
  for (const { data } of server.history("DECISIONS")) {
    const { records, settlements } = DecisionFrame.decode(data);
    for (const { messageId, account, state, priceMicros, acceptedAtMs } of records) {
      if (state !== STATE.ROUTED) continue;
      const day = Number(acceptedAtMs / DAY_MS);
      bookOf(account).spent.set(formatId(messageId), { micros: priceMicros, day });
    }
    for (const one of settlements) {
      const book = bookOf(one.account);
      book.entries.push(one);
      if (one.kind === SETTLEMENT_RELEASE) book.spent.delete(formatId(one.messageId));
    }
  }
  return books;
}

/** What an entry adds to credits less charges. */
function signed({ kind, amountMicros }: Pick<Settlement, "kind" | "amountMicros">): bigint {
  if (kind === SETTLEMENT_TOP_UP || kind === SETTLEMENT_CREDIT) return amountMicros;
  return kind === SETTLEMENT_RELEASE ? 0n : -amountMicros;
}

/** Sequence numbers in the order of the log, without a gap; each balance follows from the last. */
function checkEntries(account: number, { entries }: Book, wrong: Wrong): void {
  let balance = 0n;
  for (const [index, entry] of entries.entries()) {
    const { ledgerSequence, balanceAfterMicros } = entry;
    if (ledgerSequence !== BigInt(index + 1)) {
      wrong(`entry ${index + 1} of account ${account} has the number ${ledgerSequence}`);
    }
    balance += signed(entry);
    if (balanceAfterMicros !== balance) {
      wrong(`account ${account} has ${balance} after ${ledgerSequence}, not ${balanceAfterMicros}`);
    }
  }
}

/** The ledger in the database is that of the log, and its charges are those of the CDRs. */
function checkRows({ database }: World, account: number, { entries }: Book, wrong: Wrong): void {
  const rows = new Map<number, string>();
  let last = 0;
  let charged = 0n;
  for (const row of database.ledger()) {
    if (row.account !== account) continue;
    const { sequence, kind, amountMicros, id, reference } = row;
    rows.set(sequence, `${kind}/${amountMicros}/${id}/${reference}`);
    last = Math.max(last, sequence);
    if (kind === SETTLEMENT_COMMIT || kind === SETTLEMENT_ADJUST) charged += amountMicros;
  }
  if (rows.size !== last) wrong(`the ledger of account ${account} has a gap`);
  for (const { ledgerSequence, kind, amountMicros, messageId, reference } of entries) {
    const told = `${kind}/${amountMicros}/${formatId(messageId)}/${reference}`;
    const row = rows.get(Number(ledgerSequence));
    if (row !== told) wrong(`ledger ${account}/${ledgerSequence} is ${row}, not ${told}`);
  }
  const cdrs = database.cdrs().filter((one) => one.account === account);
  const sum = cdrs.reduce((total, one) => total + one.chargedMicros, 0n);
  if (sum !== charged) wrong(`account ${account}: ledger ${charged}, CDRs ${sum}`);
}

/** What was asked for by hand was done once at most, and once if somebody was told so. */
function checkReferences(
  { operators }: World,
  account: number,
  { entries }: Book,
  wrong: Wrong,
): void {
  const done = new Map<string, Settlement>();
  for (const entry of entries) {
    if (entry.kind < SETTLEMENT_TOP_UP) continue;
    const { reference } = entry;
    if (done.has(reference)) wrong(`${reference} of account ${account} was done twice`);
    done.set(reference, entry);
    const asked = operators.asked.get(`${account}/${reference}`);
    const same = asked?.kind === entry.kind && asked.amountMicros === entry.amountMicros;
    if (!same) wrong(`${reference} of account ${account} was never asked for`);
  }
  for (const asked of operators.asked.values()) {
    if (asked.account !== account || asked.ledgerSequence === 0n) continue;
    const entry = done.get(asked.reference);
    const same =
      entry?.ledgerSequence === asked.ledgerSequence &&
      entry.balanceAfterMicros === asked.balanceAfterMicros;
    if (!same) wrong(`${asked.reference} of account ${account} was told and is not so`);
  }
}

/** Nobody spends more than he may; a charge after a release may, and is none of the account's doing. */
function checkTerms(terms: AccountConfig, { entries, spent }: Book, wrong: Wrong): void {
  const { account } = terms;
  const sumOf = (...kinds: readonly number[]): bigint =>
    entries.reduce((sum, one) => (kinds.includes(one.kind) ? sum + one.amountMicros : sum), 0n);
  const limit = terms.payment === "prepaid" ? 0 : terms.creditLimitMicros;
  const credited = sumOf(SETTLEMENT_TOP_UP, SETTLEMENT_CREDIT);
  const committed = sumOf(SETTLEMENT_COMMIT);
  if (limit !== undefined && committed > credited + BigInt(limit)) {
    wrong(`account ${account} spent ${committed} of ${credited} and ${limit}`);
  }
  const periods = new Map<string, bigint>();
  const add = (period: string, micros: bigint): void =>
    void periods.set(period, (periods.get(period) ?? 0n) + micros);
  let all = 0n;
  for (const { micros, day } of spent.values()) {
    const date = new Date(day * Number(DAY_MS)).toISOString();
    add(date.slice(0, 10), micros);
    add(date.slice(0, 7), micros);
    all += micros;
  }
  for (const [period, sum] of periods) {
    const cap = period.length === 7 ? terms.spendCapMonthMicros : terms.spendCapDayMicros;
    if (cap !== undefined && sum > BigInt(cap)) {
      wrong(`account ${account} spent ${sum} in ${period}, with a cap of ${cap}`);
    }
  }
  if (committed !== all) wrong(`account ${account} reserved ${all} and was charged ${committed}`);
}
