/**
 * Wholes: decides long messages of which a part's receipt came cold.
 *
 * The part is recorded first, with its message left open. When ClickHouse shows that record, all that
 * it shows of the other parts is looked at: of two processes that record two parts at the same time,
 * the later to look sees both. Only then is the receipt acknowledged, so that a crash between
 * begins again.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import { STATE } from "../../core/message.js";
import { mergeStates, type PartRule } from "../../core/part-merge.js";
import type { Placed } from "./receipt.js";
import type { ReceiptRecord } from "./record.js";

/** Parts that are looked for in one query. */
const LOOK_MAX = 2_000;

interface Row {
  readonly message_id: string;
  readonly hop: number;
  readonly part: number;
  readonly taken: number;
  readonly state: number;
}

// The second condition is what keeps this from reading the carrier's whole history: ids are random
// here, times are not. Both lists stand in the text, as parameters are part of the address, which is
// short; they are digits and letters only.
const LOOK = (times: string, ids: string): string => `SELECT toString(message_id) AS message_id,
  hop, part, max(kind = 'SUBMITTED') AS taken, maxIf(part_state, kind = 'RECEIPT') AS state
FROM attempts
WHERE carrier = {carrier:String}
  AND accepted_at IN (
    SELECT fromUnixTimestamp64Milli(toInt64(arrayJoin(splitByChar(' ', '${times}')))))
  AND message_id IN (SELECT toUUID(arrayJoin(splitByChar(' ', '${ids}'))))
  AND kind IN ('SUBMITTED', 'RECEIPT') AND part > 0
GROUP BY message_id, hop, part`;

export interface Looked {
  /** Parts that ClickHouse shows: what was recorded of the others is seen with them. */
  readonly seen: readonly Placed[];
  /** What decides their messages. */
  readonly decided: readonly ReceiptRecord[];
}

/** @throws FloeError "clickhouse.*" */
export async function lookAtWholes(
  clickhouse: ClickHouse,
  open: readonly Placed[],
  ruleOf: (carrier: string) => PartRule,
): Promise<Looked> {
  const seen: Placed[] = [];
  const decided: ReceiptRecord[] = [];
  const byCarrier = new Map<string, Placed[]>();
  for (const placed of open.slice(0, LOOK_MAX)) {
    const { carrier } = placed.receipt;
    byCarrier.set(carrier, [...(byCarrier.get(carrier) ?? []), placed]);
  }
  for (const [carrier, all] of byCarrier) {
    const times = new Set(all.map(({ acceptedAtMs }) => acceptedAtMs));
    const ids = new Set(all.map(({ messageId }) => messageId));
    const look = LOOK([...times].join(" "), [...ids].join(" "));
    const rows = await clickhouse.query<Row>(look, { carrier });
    for (const placed of all) {
      const parts = rows.filter(
        ({ message_id, hop }) => message_id === placed.messageId && hop === placed.hop,
      );
      const own = parts.find(({ part }) => part === placed.part);
      if (own === undefined || own.state < placed.receipt.state) continue;
      seen.push(placed);
      const state = wholeOf(placed.parts, parts, ruleOf(carrier));
      if (state > STATE.SUBMITTED) decided.push({ placed, state });
    }
  }
  return { seen, decided };
}

function wholeOf(count: number, rows: readonly Row[], rule: PartRule): number {
  const states = new Uint8Array(count);
  let refused = 0;
  for (const { part, taken, state } of rows) {
    if (part > count) continue;
    states[part - 1] = state;
    // It was never taken: it has no id, and its state from the submission.
    if (taken === 0 && state === STATE.REJECTED) refused |= 1 << (part - 1);
  }
  return mergeStates(states, count, refused, rule);
}
