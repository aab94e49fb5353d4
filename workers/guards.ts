/**
 * Guards: what an account may do.
 */
import type { TableNames } from "./rules.js";
import type { GuardRow, TableSource } from "./source.js";

export interface Guards {
  readonly rows: readonly GuardRow[];
}

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileGuards(source: TableSource): Uint8Array {
  return Buffer.from(JSON.stringify(source.guards), "utf8");
}

export function openGuards(bytes: Uint8Array, _names: TableNames): Guards {
  return { rows: JSON.parse(Buffer.from(bytes).toString("utf8")) as GuardRow[] };
}
