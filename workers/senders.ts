/**
 * Senders: what a sender may be in a country and at a carrier.
 */
import type { TableNames } from "./rules.js";
import type { SenderRuleRow, TableSource } from "./source.js";

export interface Senders {
  readonly rows: readonly SenderRuleRow[];
}

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileSenders(source: TableSource): Uint8Array {
  return Buffer.from(JSON.stringify(source.senderRules), "utf8");
}

export function openSenders(bytes: Uint8Array, _names: TableNames): Senders {
  return { rows: JSON.parse(Buffer.from(bytes).toString("utf8")) as SenderRuleRow[] };
}
