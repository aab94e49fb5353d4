/**
 * Checks: the invariants that hold after every fault test, once all is quiet.
 *
 * The customers' book (what each caller was told), the carriers' books (what they took) and the
 * records are compared message by message; what `floe verify` checks of a running system is checked
 * too, without grace. Out: findings, which name message ids and accounts, never phone numbers.
 */

import { SYSTEM_CLOCK } from "../../core/clock.js";
import { STATE_NAMES } from "../../core/message.js";
import { openOwners } from "../../core/owners.js";
import { checkBalances } from "../../services/cli/verify/balances.js";
import type { Finding } from "../../services/cli/verify/finding.js";
import { checkRecords } from "../../services/cli/verify/records.js";
import { checkStreams } from "../../services/cli/verify/streams.js";
import type { Taken } from "../taken.js";
import { type Customers, MARK, type Sent } from "./customers.js";
import { BINDS, type FaultSystem, WINDOW } from "./system.js";

export interface Books {
  readonly sent: ReadonlyMap<number, Sent>;
  readonly records: readonly RecordRow[];
  readonly taken: readonly Taken[];
  /** Parts of which a connector did not know whether they were taken, and sent them again. */
  readonly doubts: ReadonlyMap<string, number>;
  readonly receipts: Receipts;
  readonly run: string;
}

/** By "<carrier>/<carrier id>". */
export interface Receipts {
  /** Ids that carriers gave, as they are recorded. */
  readonly known: ReadonlySet<string>;
  /** Receipts with their message, and those that are kept without. */
  readonly joined: ReadonlyMap<string, string>;
  readonly orphans: ReadonlySet<string>;
}

export interface RecordRow {
  readonly account: number;
  readonly message_id: string;
  readonly state: string;
  readonly terminal: number;
  readonly client_reference: string;
  readonly reason: string;
}

export interface Bounds {
  /** Submits of the same part beyond doubts, over all carriers. */
  readonly duplicatesMax: number;
}

export interface Figures {
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  readonly records: number;
  readonly delivered: number;
  readonly submits: number;
  readonly duplicates: number;
  readonly doubts: number;
}

export interface Outcome {
  readonly findings: readonly Finding[];
  readonly figures: Figures;
}

const RECEIPT_WAIT_MS = 10_000;
const OWNER_MS = 15_000;
const DAY_MS = 86_400_000;

/** Two windows, over all binds, for each crash of a connector; none for anything else. */
export function boundOf(system: FaultSystem): Bounds {
  const kills = system.kills();
  const crashes = (kills["connector"] ?? 0) + (kills["connector-2"] ?? 0);
  return { duplicatesMax: crashes * 2 * WINDOW * BINDS * system.local.carriers.length };
}

export async function closeBooks(
  system: FaultSystem,
  customers: Customers,
  run: string,
  bounds: Bounds,
): Promise<Outcome> {
  const books = await openBooks(system, customers, run);
  const range = {
    ...{ sinceMs: 0, untilMs: SYSTEM_CLOCK.nowMs() + DAY_MS, account: 0, graceMs: 0 },
    ...{ receiptWaitMs: RECEIPT_WAIT_MS, nowMs: SYSTEM_CLOCK.nowMs() },
  };
  const streams = await checkStreams(system.client, system.clickhouse, range);
  const { findings, figures } = audit(books, bounds);
  const records = await checkRecords(system.clickhouse, range);
  const owners = openOwners(system.client, SYSTEM_CLOCK, OWNER_MS);
  const balances = await checkBalances(system.clickhouse, owners, range, true);
  return { findings: [...findings, ...records, ...streams.findings, ...balances], figures };
}

/** What can be told from the books alone. */
export function audit(books: Books, bounds: Bounds): Outcome {
  const duplicates = duplicatesOf(books);
  const findings = [
    ...conservation(books),
    ...isolation(books),
    ...submits(books),
    ...receiptsKept(books),
    ...duplicatesFindings(books, duplicates, bounds),
  ];
  return { findings, figures: figuresOf(books, duplicates) };
}

async function openBooks(system: FaultSystem, customers: Customers, run: string): Promise<Books> {
  const records = await system.clickhouse.query<RecordRow>(
    `SELECT account, message_id, toString(state) AS state, toUInt8(terminal) AS terminal,
      client_reference, reason FROM cdr`,
  );
  const doubts = await system.clickhouse.query<{ message_id: string; doubts: string }>(
    `SELECT message_id, uniqExact(carrier, hop) AS doubts FROM attempts FINAL
    WHERE kind = 'IN_DOUBT' GROUP BY message_id`,
  );
  return {
    sent: customers.book,
    records,
    taken: await system.taken(),
    doubts: new Map(doubts.map((one) => [one.message_id, Number(one.doubts)])),
    receipts: await receiptsOf(system),
    run,
  };
}

async function receiptsOf({ clickhouse }: FaultSystem): Promise<Receipts> {
  const events = await clickhouse.query<{ id: string; kind: string; message_id: string }>(
    `SELECT concat(carrier, '/', carrier_id) AS id, toString(kind) AS kind, message_id
    FROM attempts FINAL WHERE kind IN ('SUBMITTED', 'RECEIPT') AND carrier_id != ''`,
  );
  const orphans = await clickhouse.query<{ id: string }>(
    "SELECT concat(carrier, '/', carrier_id) AS id FROM orphan_receipts FINAL",
  );
  const receipts = events.filter(({ kind }) => kind === "RECEIPT");
  return {
    known: new Set(events.filter(({ kind }) => kind === "SUBMITTED").map(({ id }) => id)),
    joined: new Map(receipts.map(({ id, message_id }) => [id, message_id])),
    orphans: new Set(orphans.map(({ id }) => id)),
  };
}

/** I1: an accepted message has exactly one record, ended; nothing has one that was never sent. */
function conservation({ sent, records, run }: Books): Finding[] {
  const findings: Finding[] = [];
  const byId = new Map<string, RecordRow[]>();
  const byNumber = new Map<number, RecordRow[]>();
  const ids = new Set([...sent.values()].map(({ id }) => id));
  for (const row of records) {
    put(byId, row.message_id, row);
    const number = numberOf(row.client_reference, run);
    if (number === undefined || !sent.has(number)) {
      if (ids.has(row.message_id)) continue;
      findings.push(found("conservation", row.account, row.message_id, "was never offered"));
    } else put(byNumber, number, row);
  }
  for (const one of sent.values()) {
    const rows = one.outcome === "accepted" ? (byId.get(one.id) ?? []) : [];
    const all = byNumber.get(one.number) ?? [];
    if (one.outcome === "accepted" && rows.length !== 1) {
      const text = `was accepted and has ${rows.length} records`;
      findings.push(found("conservation", one.account, one.id, text));
    }
    if (all.length > 1) {
      const ids = all.map(({ message_id }) => message_id).join(", ");
      findings.push(found("conservation", one.account, one.id, `is recorded as ${ids}`));
    }
    if (one.outcome === "refused" && all.some(({ terminal }) => terminal !== 0)) {
      const id = all[0]!.message_id;
      findings.push(found("conservation", one.account, id, `was refused (${one.code}) and sent`));
    }
    for (const { message_id, terminal, state } of all) {
      if (terminal !== 0) continue;
      findings.push(found("liveness", one.account, message_id, `has not ended: ${state || "?"}`));
    }
  }
  return findings;
}

/** I7: a record belongs to the account that sent it. */
function isolation({ sent, records, run }: Books): Finding[] {
  return records.flatMap(({ account, message_id, client_reference }) => {
    const one = sent.get(numberOf(client_reference, run) ?? 0);
    if (one === undefined || one.account === account) return [];
    return [found("isolation", account, message_id, `was sent by account ${one.account}`)];
  });
}

/** What the carriers took was offered, and what is told as submitted was taken. */
function submits({ sent, records, taken, run }: Books): Finding[] {
  const findings: Finding[] = [];
  const numbers = new Set<number>();
  for (const submit of taken) {
    const number = numberIn(submit);
    if (number === undefined || !sent.has(number)) {
      findings.push(found("submits", 0, "", "a carrier got what nobody sent"));
    } else numbers.add(number);
  }
  for (const { account, message_id, state, client_reference } of records) {
    if (numbers.has(numberOf(client_reference, run) ?? 0)) continue;
    if (state !== "DELIVERED" && state !== "SUBMITTED") continue;
    findings.push(found("submits", account, message_id, `is ${state} and no carrier took it`));
  }
  return findings;
}

/**
 * Every receipt is kept: with its message where the carrier's id is known, else as an orphan; and
 * what its receipt says is delivered is told so.
 */
function receiptsKept({ sent, records, taken, receipts, run }: Books): Finding[] {
  const findings: Finding[] = [];
  const states = new Map(
    records.map((row) => [numberOf(row.client_reference, run) ?? 0, row] as const),
  );
  for (const submit of taken) {
    if (submit.befell.includes("receipt never")) continue;
    const one = sent.get(numberIn(submit) ?? 0);
    const id = `${submit.carrier}/${submit.messageId}`;
    const add = (text: string): void => {
      findings.push(found("receipts", one?.account ?? 0, one?.id ?? "", text));
    };
    if (!receipts.joined.has(id)) {
      if (!receipts.orphans.has(id)) add(`the receipt of ${id} is nowhere`);
      else if (receipts.known.has(id)) add(`the receipt of ${id} is an orphan, its id is known`);
      continue;
    }
    const row = states.get(one?.number ?? 0);
    if (row === undefined || submit.fate !== "delivered" || row.state === "DELIVERED") continue;
    add(`was delivered and is ${row.state}`);
  }
  return findings;
}

/** How often each message was taken beyond once and its doubts, where at all. */
function duplicatesOf({ taken, records, doubts, run }: Books): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  for (const submit of taken) {
    const number = numberIn(submit);
    if (number !== undefined) times.set(number, (times.get(number) ?? 0) + 1);
  }
  const doubted = new Map<number, number>();
  for (const { message_id, client_reference } of records) {
    const count = doubts.get(message_id);
    const number = numberOf(client_reference, run);
    if (count !== undefined && number !== undefined) doubted.set(number, count);
  }
  const extra = new Map<number, number>();
  for (const [number, count] of times) {
    const beyond = count - 1 - (doubted.get(number) ?? 0);
    if (beyond > 0) extra.set(number, beyond);
  }
  return extra;
}

const EXAMPLES = 5;

function duplicatesFindings(
  { sent }: Books,
  duplicates: ReadonlyMap<number, number>,
  { duplicatesMax }: Bounds,
): Finding[] {
  const sum = sumOf(duplicates);
  if (sum <= duplicatesMax) return [];
  const examples = [...duplicates.keys()].slice(0, EXAMPLES).map((number) => sent.get(number)?.id);
  const text = `${sum} submits too many, ${duplicatesMax} are allowed: ${examples.join(", ")}`;
  return [found("duplicates", 0, "", text)];
}

function figuresOf(books: Books, duplicates: ReadonlyMap<number, number>): Figures {
  const all = [...books.sent.values()];
  const count = (outcome: Sent["outcome"]): number =>
    all.filter((one) => one.outcome === outcome).length;
  return {
    accepted: count("accepted"),
    refused: count("refused"),
    unknown: count("unknown"),
    records: books.records.length,
    delivered: books.records.filter(({ state }) => state === STATE_NAMES.at(-1)).length,
    submits: books.taken.length,
    duplicates: sumOf(duplicates),
    doubts: [...books.doubts.values()].reduce((sum, one) => sum + one, 0),
  };
}

function sumOf(counts: ReadonlyMap<number, number>): number {
  return [...counts.values()].reduce((sum, one) => sum + one, 0);
}

/** The number of a message in the run, from the text that a carrier got; texts here are ASCII. */
function numberIn({ content }: Taken): number | undefined {
  const text = Buffer.from(content, "hex").toString("latin1");
  const at = text.indexOf(MARK);
  const number = at < 0 ? Number.NaN : Number.parseInt(text.slice(at + MARK.length), 10);
  return Number.isNaN(number) ? undefined : number;
}

function numberOf(reference: string, run: string): number | undefined {
  return reference.startsWith(`${run}-`) ? Number(reference.slice(run.length + 1)) : undefined;
}

function found(check: string, account: number, messageId: string, text: string): Finding {
  return { check, account, messageId, text };
}

function put<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
