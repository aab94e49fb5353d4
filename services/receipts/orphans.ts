/**
 * Orphans: receipts whose message cannot be found, in ClickHouse's `orphan_receipts`.
 *
 * Most of them are early: their message's attempt is not inserted yet. So they are looked for again,
 * the young ones at every look, the old ones in turn, until no message can be theirs any more. A row
 * is written anew with its fate; the last one counts.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { counter, gauge } from "../../core/metrics.js";
import { blockOf, type Column } from "./block.js";
import { HORIZON_MS } from "./find.js";
import type { ColdReceipt, Placed } from "./receipt.js";

/** As the Enum8 `fate` of the table. */
export const FATE = { waiting: 0, placed: 1, givenUp: 2 } as const;

const orphansTotal = counter(
  "floe_receipts_orphans_total",
  "Orphan receipts, by what became of them.",
  ["fate"],
);
const waitingGauge = gauge("floe_receipts_orphans_waiting", "Orphan receipts without a message.");

interface OrphanRow extends ColdReceipt {
  readonly fate: number;
  readonly recordedAtMs: number;
}

const COLUMNS: readonly Column<OrphanRow>[] = [
  { name: "carrier", type: "String", of: ({ carrier }) => carrier },
  { name: "carrier_id", type: "String", of: ({ carrierId }) => carrierId },
  { name: "at", type: "DateTime64(3, 'UTC')", of: ({ atMs }) => atMs },
  { name: "state", type: "UInt8", of: ({ state }) => state },
  { name: "error", type: "UInt32", of: ({ error }) => error },
  { name: "error_text", type: "String", of: ({ errorText }) => errorText },
  {
    name: "to_tok",
    type: "FixedString(16)",
    of: ({ token }) => (token.length === 16 ? token : new Uint8Array(16)),
  },
  { name: "bind", type: "String", of: ({ bind }) => bind },
  { name: "done_at", type: "DateTime64(3, 'UTC')", of: ({ doneAtMs }) => doneAtMs },
  { name: "recorded_at", type: "DateTime64(3, 'UTC')", of: ({ recordedAtMs }) => recordedAtMs },
  { name: "fate", type: "UInt8", of: ({ fate }) => fate },
];

/**
 * Keeps receipts that could not be placed. A repeat is harmless.
 * @throws FloeError "clickhouse.*"
 */
export async function keepOrphans(
  clickhouse: ClickHouse,
  receipts: readonly ColdReceipt[],
  nowMs: number,
): Promise<void> {
  // Without a recipient nothing can be theirs.
  const fateOf = ({ token }: ColdReceipt): number =>
    token.length === 16 ? FATE.waiting : FATE.givenUp;
  await insert(clickhouse, receipts, fateOf, nowMs);
  orphansTotal.inc({ fate: "kept" }, receipts.length);
}

async function insert(
  clickhouse: ClickHouse,
  receipts: readonly ColdReceipt[],
  fateOf: (receipt: ColdReceipt) => number,
  nowMs: number,
): Promise<void> {
  const byKey = new Map<string, OrphanRow>();
  for (const receipt of receipts) {
    const key = `${receipt.carrier}/${receipt.carrierId}/${receipt.atMs}/${receipt.state}`;
    byKey.set(key, { ...receipt, fate: fateOf(receipt), recordedAtMs: nowMs });
  }
  if (byKey.size === 0) return;
  const names = COLUMNS.map(({ name }) => name);
  await clickhouse.insertNative("orphan_receipts", names, blockOf(COLUMNS, [...byKey.values()]));
}

export interface OrphansOptions {
  readonly clickhouse: ClickHouse;
  readonly clock: Clock;
  readonly log: Logger;
  /** Looks for the messages of receipts, and records those that are found: as `Cold.place` does. */
  place(receipts: readonly ColdReceipt[]): Promise<readonly Placed[]>;
}

/** Kept no longer than this ago: looked for at every look. */
const YOUNG_MS = 900_000;
const YOUNG_MAX = 10_000;
const OLD_MAX = 2_000;

interface Row {
  readonly carrier: string;
  readonly carrier_id: string;
  readonly at_ms: string;
  readonly state: number;
  readonly error: number;
  readonly error_text: string;
  readonly token: string;
  readonly bind: string;
  readonly done_at_ms: string;
}

const SELECT = `SELECT carrier, carrier_id, toUnixTimestamp64Milli(at) AS at_ms, state, error,
  error_text, hex(to_tok) AS token, bind, toUnixTimestamp64Milli(done_at) AS done_at_ms
FROM orphan_receipts FINAL
WHERE fate = 'WAITING'`;

/** One look, to be repeated. @returns whether there is more to do at once. */
export function openOrphans(options: OrphansOptions): () => Promise<boolean> {
  const { clickhouse, clock, log } = options;
  let afterCarrier = "";
  let afterId = "";

  async function young(nowMs: number): Promise<readonly Row[]> {
    return clickhouse.query<Row>(
      `${SELECT} AND recorded_at >= fromUnixTimestamp64Milli({sinceMs:Int64})
      ORDER BY recorded_at LIMIT ${YOUNG_MAX}`,
      { sinceMs: BigInt(Math.max(0, nowMs - YOUNG_MS)) },
    );
  }

  /** Goes through all others in turn, a piece at each look. */
  async function old(nowMs: number): Promise<readonly Row[]> {
    const rows = await clickhouse.query<Row>(
      `${SELECT} AND recorded_at < fromUnixTimestamp64Milli({sinceMs:Int64})
        AND (carrier, carrier_id) > ({afterCarrier:String}, {afterId:String})
      ORDER BY carrier, carrier_id LIMIT ${OLD_MAX}`,
      { sinceMs: BigInt(Math.max(0, nowMs - YOUNG_MS)), afterCarrier, afterId },
    );
    const last = rows.length < OLD_MAX ? undefined : rows.at(-1);
    afterCarrier = last?.carrier ?? "";
    afterId = last?.carrier_id ?? "";
    return rows;
  }

  async function giveUp(nowMs: number): Promise<void> {
    const beforeMs = { beforeMs: BigInt(Math.max(0, nowMs - HORIZON_MS)) };
    const rows = await clickhouse.query<Row>(
      `${SELECT} AND at < fromUnixTimestamp64Milli({beforeMs:Int64}) LIMIT ${YOUNG_MAX}`,
      beforeMs,
    );
    await insert(clickhouse, rows.map(receiptOf), () => FATE.givenUp, nowMs);
    orphansTotal.inc({ fate: "given up" }, rows.length);
    if (rows.length > 0) log.warn({ count: rows.length }, "receipts whose message never came");
  }

  return async () => {
    const nowMs = clock.nowMs();
    const rows = [...(await young(nowMs)), ...(await old(nowMs))];
    const placed = await options.place(rows.map(receiptOf));
    await insert(
      clickhouse,
      placed.map(({ receipt }) => receipt),
      () => FATE.placed,
      nowMs,
    );
    orphansTotal.inc({ fate: "placed" }, placed.length);
    await giveUp(nowMs);
    const [waiting] = await clickhouse.query<{ count: string }>(
      "SELECT count() AS count FROM orphan_receipts FINAL WHERE fate = 'WAITING'",
    );
    waitingGauge.set(Number(waiting?.count ?? 0));
    return false;
  };
}

function receiptOf(row: Row): ColdReceipt {
  return {
    carrier: row.carrier,
    carrierId: row.carrier_id,
    atMs: Number(row.at_ms),
    state: row.state,
    error: row.error,
    errorText: row.error_text,
    tlvs: "",
    token: Buffer.from(row.token, "hex"),
    bind: row.bind,
    doneAtMs: Number(row.done_at_ms),
  };
}
