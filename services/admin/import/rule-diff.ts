/** Difference of routing rules: the rules of a file against those in force, by id. */
import { isDeepStrictEqual } from "node:util";
import type { ParsedRoutes } from "../../../workers/parse-routes.js";
import type { RuleRow } from "../../../workers/source.js";
import { type ImportDiff, openChanges } from "./outcome.js";

export interface RulesDifference {
  readonly diff: ImportDiff;
  /** Those that the file has, and with `merge` all others too; in the order in which they are tried. */
  readonly rules: readonly RuleRow[];
}

export function diffRules(
  present: readonly RuleRow[],
  { rules: fresh, lines }: ParsedRoutes,
  merge: boolean,
): RulesDifference {
  const counts = { added: 0, changed: 0, unchanged: 0, ceased: 0 };
  const changes = openChanges();
  const old = new Map(present.map((rule) => [rule.id, rule]));
  const note = (
    what: "added" | "changed" | "ceased",
    match: string,
    before: RuleRow | undefined,
    after: RuleRow | undefined,
    line: number,
  ): void => {
    counts[what] += 1;
    changes.add({
      what,
      match: `rule ${match}`,
      senderKind: 0,
      trafficClass: 0,
      effectiveFromMs: 0,
      before: before?.strategy ?? "",
      after: after === undefined ? "" : differing(before, after),
      line,
    });
  };
  for (const [at, rule] of fresh.entries()) {
    const before = old.get(rule.id);
    old.delete(rule.id);
    if (before === undefined) note("added", rule.id, undefined, rule, lines[at]!);
    else if (isDeepStrictEqual(before, rule)) counts.unchanged += 1;
    else note("changed", rule.id, before, rule, lines[at]!);
  }
  for (const rule of old.values()) {
    if (merge) counts.unchanged += 1;
    else note("ceased", rule.id, rule, undefined, 0);
  }
  const rules = [...fresh, ...(merge ? old.values() : [])];
  const diff = { ...counts, raised: 0, lowered: 0, changes: changes.all() };
  return { diff, rules: rules.sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1)) };
}

/** The strategy, and which other fields are not as they were. Senders are nobody's to print. */
function differing(before: RuleRow | undefined, after: RuleRow): string {
  if (before === undefined) return after.strategy;
  const fields = (Object.keys({ ...before, ...after }) as (keyof RuleRow)[]).filter(
    (field) => field !== "strategy" && !isDeepStrictEqual(before[field], after[field]),
  );
  return fields.length === 0 ? after.strategy : `${after.strategy} (${fields.join(", ")})`;
}
