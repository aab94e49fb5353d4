/** Books of the soak: what the carriers took and said, against what the records say. */
import type { ClickHouse } from "../core/clickhouse.js";
import type { Taken } from "./taken.js";

export interface Books {
  /** Sentences about what is wrong. */
  close(taken: readonly Taken[]): Promise<string[]>;
  counts(): Promise<Readonly<Record<string, number>>>;
  /** Receipts that are recorded, joined or not. */
  receipts(): Promise<number>;
}

interface ReceiptRow {
  readonly carrier: string;
  readonly carrier_id: string;
  readonly state: string;
}

const COUNTS = `
  SELECT
    (SELECT count() FROM attempts FINAL WHERE kind = 'SUBMITTED') AS submitted,
    (SELECT count() FROM attempts FINAL WHERE kind = 'IN_DOUBT') AS doubts,
    (SELECT count() FROM attempts FINAL WHERE kind = 'REFUSED') AS refusals,
    (SELECT count() FROM attempts FINAL WHERE kind = 'RECEIPT') AS receipts,
    (SELECT count() FROM orphan_receipts FINAL) AS orphans`;

/** Receipts that found their message, with the state that it has now. */
const JOINED = `
  SELECT carrier, carrier_id, toString(cdr.state) AS state
  FROM attempts FINAL
  INNER JOIN (SELECT message_id, state FROM cdr) AS cdr USING message_id
  WHERE kind = 'RECEIPT' AND carrier_id != ''`;

const ORPHANS = "SELECT carrier, carrier_id, '' AS state FROM orphan_receipts FINAL";

/** The higher wins where a message was taken twice (core/message.ts). */
const STATE_OF: Readonly<Record<string, string>> = {
  delivered: "DELIVERED",
  undeliverable: "UNDELIVERABLE",
  expired: "EXPIRED",
  rejected: "REJECTED",
  deleted: "CANCELED",
};
const EXAMPLES = 3;

export function openBooks(clickhouse: ClickHouse): Books {
  async function counts(): Promise<Record<string, number>> {
    const [row] = await clickhouse.query<Record<string, string>>(COUNTS, {});
    return Object.fromEntries(Object.entries(row!).map(([name, count]) => [name, Number(count)]));
  }
  return {
    counts,
    async receipts() {
      const { receipts, orphans } = await counts();
      return receipts! + orphans!;
    },
    async close(taken) {
      const joined = await clickhouse.query<ReceiptRow>(JOINED, {});
      const orphans = await clickhouse.query<ReceiptRow>(ORPHANS, {});
      const { doubts } = await counts();
      return [
        ...repeats(taken, doubts!),
        ...receiptsMissing(taken, [...joined, ...orphans]),
        ...statesWrong(taken, joined),
      ];
    },
  };
}

/** at_least_once: a part in doubt is submitted once more, and never a third time. */
function repeats(taken: readonly Taken[], doubts: number): string[] {
  const times = new Map<string, number>();
  for (const { hash } of taken) times.set(hash, (times.get(hash) ?? 0) + 1);
  const extra = taken.length - times.size;
  const most = Math.max(0, ...times.values());
  const findings: string[] = [];
  if (extra > doubts) findings.push(`${extra} parts were taken again, ${doubts} were in doubt`);
  if (most > 2) findings.push(`a part was taken ${most} times`);
  return findings;
}

function receiptsMissing(taken: readonly Taken[], stored: readonly ReceiptRow[]): string[] {
  const there = new Set(stored.map(({ carrier, carrier_id }) => `${carrier}/${carrier_id}`));
  const missing = taken.filter(
    ({ carrier, messageId, befell }) =>
      !befell.includes("receipt never") && !there.has(`${carrier}/${messageId}`),
  );
  if (missing.length === 0) return [];
  const examples = missing.slice(0, EXAMPLES).map((one) => `${one.carrier}/${one.messageId}`);
  return [`${missing.length} receipts are nowhere, as those of ${examples.join(", ")}`];
}

function statesWrong(taken: readonly Taken[], joined: readonly ReceiptRow[]): string[] {
  const fates = new Map(taken.map((one) => [`${one.carrier}/${one.messageId}`, one]));
  const times = new Map<string, Set<string>>();
  for (const { hash, fate } of taken) {
    const all = times.get(hash) ?? new Set();
    times.set(hash, all.add(STATE_OF[fate]!));
  }
  const wrong = joined.filter(({ carrier, carrier_id, state }) => {
    const submit = fates.get(`${carrier}/${carrier_id}`);
    return submit === undefined || !times.get(submit.hash)!.has(state);
  });
  if (wrong.length === 0) return [];
  const examples = wrong.slice(0, EXAMPLES).map((one) => {
    const said = fates.get(`${one.carrier}/${one.carrier_id}`)?.fate ?? "nothing";
    return `${one.carrier}/${one.carrier_id} is ${one.state}, the carrier said ${said}`;
  });
  return [`${wrong.length} messages have another state: ${examples.join("; ")}`];
}
