/**
 * Find: the submissions that receipts are about, in ClickHouse's `attempts`, many at a time.
 *
 * A match has the carrier, one of the forms of the id (id-forms.ts) and the recipient's token, and
 * was accepted no longer before the receipt than the longest validity and 72 hours: carriers give
 * ids again. Of several the latest submission before the receipt is meant.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import { RELEASED_KEPT_MS, VALIDITY_SECONDS_MAX } from "../../core/limits.js";
import { candidateIds } from "./id-forms.js";
import type { ColdReceipt, Placed } from "./receipt.js";

/** A message older than this has no receipts any more. */
export const HORIZON_MS = VALIDITY_SECONDS_MAX * 1_000 + RELEASED_KEPT_MS;
/** How much a carrier's receipt may seem to come before our submission: clocks of two processes. */
const SKEW_MS = 300_000;
/** Characters of ids in one query: ClickHouse parses no more than 256 KiB. */
const QUERY_CHARACTERS_MAX = 180_000;

interface Row {
  readonly id: string;
  readonly token: string;
  readonly message_id: string;
  readonly accepted_at_ms: string;
  readonly at_ms: string;
  readonly account: number;
  readonly hop: number;
  readonly part: number;
  readonly parts: number;
}

const FIND = (ids: string): string => `SELECT hex(carrier_id) AS id, hex(to_tok) AS token,
  toString(message_id) AS message_id, toUnixTimestamp64Milli(accepted_at) AS accepted_at_ms,
  toUnixTimestamp64Milli(at) AS at_ms, account, hop, part, parts
FROM attempts
WHERE carrier = {carrier:String} AND kind = 'SUBMITTED'
  AND accepted_at >= fromUnixTimestamp64Milli({fromMs:Int64})
  AND carrier_id IN (SELECT unhex(arrayJoin(splitByChar(' ', '${ids}'))))
LIMIT 1 BY carrier_id, message_id, hop, part`;

/**
 * The submission of each receipt, undefined where there is none (yet).
 * @param receipts of one carrier.
 * @throws FloeError "clickhouse.*"
 */
export async function findSubmissions(
  clickhouse: ClickHouse,
  receipts: readonly ColdReceipt[],
): Promise<readonly (Placed | undefined)[]> {
  // Most carriers repeat the id as it was: the other forms are asked for by those that miss.
  const found = await findBy(clickhouse, receipts, (id) => [id]);
  const missed = receipts.filter((_, at) => found[at] === undefined);
  if (missed.length === 0) return found;
  const later = await findBy(clickhouse, missed, (id) => candidateIds(id).slice(1));
  let next = 0;
  return found.map((placed) => placed ?? later[next++]);
}

async function findBy(
  clickhouse: ClickHouse,
  receipts: readonly ColdReceipt[],
  idsOf: (id: string) => readonly string[],
): Promise<readonly (Placed | undefined)[]> {
  const found: (Placed | undefined)[] = [];
  for (const chunk of chunks(receipts, idsOf)) {
    const rows = await rowsOf(clickhouse, chunk);
    for (const { receipt, ids } of chunk) found.push(choose(receipt, ids, rows));
  }
  return found;
}

interface Sought {
  readonly receipt: ColdReceipt;
  /** In hex, as in `Row.id`. */
  readonly ids: readonly string[];
}

function* chunks(
  receipts: readonly ColdReceipt[],
  idsOf: (id: string) => readonly string[],
): Generator<readonly Sought[]> {
  let chunk: Sought[] = [];
  let characters = 0;
  for (const receipt of receipts) {
    const ids = idsOf(receipt.carrierId).map(hexOf);
    const more = ids.reduce((sum, id) => sum + id.length + 1, 0);
    if (chunk.length > 0 && characters + more > QUERY_CHARACTERS_MAX) {
      yield chunk;
      chunk = [];
      characters = 0;
    }
    chunk.push({ receipt, ids });
    characters += more;
  }
  if (chunk.length > 0) yield chunk;
}

/** Digits and letters only, so that the query needs no quoting. */
function hexOf(id: string): string {
  return Buffer.from(id, "utf8").toString("hex").toUpperCase();
}

async function rowsOf(
  clickhouse: ClickHouse,
  chunk: readonly Sought[],
): Promise<ReadonlyMap<string, readonly Row[]>> {
  const ids = new Set(chunk.flatMap((one) => one.ids));
  const oldestMs = Math.min(...chunk.map(({ receipt }) => receipt.atMs));
  const rows = await clickhouse.query<Row>(FIND([...ids].join(" ")), {
    carrier: chunk[0]!.receipt.carrier,
    fromMs: BigInt(Math.max(0, oldestMs - HORIZON_MS)),
  });
  const byKey = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.id}/${row.token}`;
    const others = byKey.get(key);
    if (others === undefined) byKey.set(key, [row]);
    else others.push(row);
  }
  return byKey;
}

function choose(
  receipt: ColdReceipt,
  ids: readonly string[],
  rows: ReadonlyMap<string, readonly Row[]>,
): Placed | undefined {
  if (receipt.token.length !== 16) return undefined;
  const token = Buffer.from(receipt.token).toString("hex").toUpperCase();
  const matching = ids
    .flatMap((id) => rows.get(`${id}/${token}`) ?? [])
    .filter((row) => {
      const sinceMs = receipt.atMs - Number(row.accepted_at_ms);
      return Number(row.at_ms) <= receipt.atMs + SKEW_MS && sinceMs <= HORIZON_MS;
    });
  if (matching.length === 0) return undefined;
  const latest = matching.reduce((best, row) =>
    Number(row.at_ms) > Number(best.at_ms) ? row : best,
  );
  // One id for all parts names none of them.
  const parts = new Set(
    matching
      .filter(({ message_id, hop }) => message_id === latest.message_id && hop === latest.hop)
      .map(({ part }) => part),
  );
  const isWhole = latest.parts < 2 || parts.size > 1;
  return {
    receipt,
    messageId: latest.message_id,
    acceptedAtMs: Number(latest.accepted_at_ms),
    account: latest.account,
    hop: latest.hop,
    part: isWhole ? 0 : latest.part,
    parts: isWhole ? 0 : latest.parts,
  };
}
