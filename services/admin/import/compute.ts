/**
 * Compute an import: bytes of a file in, its outcome out. Pure; runs in a thread of its own
 * (thread.ts), because a million rows are a second of work that other calls must not wait for.
 */
import { type CsvProblem, PROBLEMS_TOLD_MAX } from "../../../workers/csv-problems.js";
import { openDeckParser } from "../../../workers/parse-deck.js";
import { openNetworksParser, type ParsedFile } from "../../../workers/parse-networks.js";
import { openPortedParser, PORTED_BACK, portedCountries } from "../../../workers/parse-ported.js";
import { openRoutesParser } from "../../../workers/parse-routes.js";
import type { Channel, DeckSource, NetworkId, RuleRow } from "../../../workers/source.js";
import { parseStrategy } from "../../../workers/strategy.js";
import { decodeDeck, decodeNetworks, decodePorted } from "../columns.js";
import { diffDeck } from "./deck-diff.js";
import { diffNetworks, diffPorted } from "./network-diff.js";
import type { ImportOutcome, ImportProblem, ProblemReason } from "./outcome.js";
import { diffRules } from "./rule-diff.js";

interface SpecBase {
  readonly map: Readonly<Record<string, string>>;
  /** What the file does not name stays. */
  readonly merge: boolean;
}
export interface DeckSpec extends SpecBase {
  readonly kind: "deck";
  readonly owner: DeckSource["owner"];
  readonly channel: Channel;
  /** "": that of the file. */
  readonly currency: string;
  readonly nowMs: number;
  /** Of rows that say none, and of what ceases; absent: see `compute`. */
  readonly effectiveFromMs?: number;
  readonly allowRetroactive: boolean;
  readonly changePercentMax: number;
  /** There is a deck: rows without a time begin now. Otherwise they begin with the beginning. */
  readonly isReplaced: boolean;
}
export type ImportSpec =
  | DeckSpec
  | (SpecBase & { readonly kind: "networks" | "ported" | "routes" });

/** What is in force; columns as they are kept (../columns.ts). */
export interface Present {
  readonly deck?: Uint8Array;
  readonly networks?: Uint8Array;
  readonly ported?: Uint8Array;
  readonly rules?: readonly RuleRow[];
  /** Names, for strategies. */
  readonly carriers?: readonly string[];
}

export interface Computation {
  push(chunk: Uint8Array): void;
  rows(): number;
  finish(present: Present): ImportOutcome;
}

export function openComputation(spec: ImportSpec): Computation {
  switch (spec.kind) {
    case "deck":
      return deckComputation(spec);
    case "networks":
      return networksComputation(spec);
    case "ported":
      return portedComputation(spec);
    case "routes":
      return routesComputation(spec);
    default:
      throw new Error("no such import");
  }
}

function deckComputation(spec: DeckSpec): Computation {
  const parser = openDeckParser({
    owner: { name: "plan" in spec.owner ? String(spec.owner.plan) : spec.owner.carrier },
    channel: spec.channel,
    ...(spec.currency === "" ? {} : { currency: spec.currency }),
    effectiveFromMs: spec.effectiveFromMs ?? (spec.isReplaced ? spec.nowMs : 0),
    map: spec.map,
  });
  return {
    push: parser.push,
    rows: parser.rows,
    finish({ deck: kept }) {
      const present = kept === undefined ? undefined : decodeDeck(kept);
      const parsed = parser.end();
      const wrong = openRefusals(parsed);
      const base = { ...statsOf(parsed), ignoredCount: parsed.ignoredCount };
      if (parsed.problemCount > 0) return { ...base, ...wrong.all() };
      const [deck, ...others] = parsed.decks;
      if (deck === undefined) wrong.tell("invalid", 0, "file", "has no rows");
      else if (others.length > 0 || deck.channel !== spec.channel) {
        wrong.tell("invalid", 0, "channel", `a file is for one channel: --channel ${spec.channel}`);
      } else if (deck.currency === "") {
        wrong.tell("invalid", 0, "currency", "is missing: say it by --currency");
      } else if (present !== undefined && present.currency !== deck.currency) {
        const problem = `is ${deck.currency}, and the deck in force has ${present.currency}`;
        wrong.tell("invalid", 0, "currency", problem);
      } else {
        const difference = diffDeck(present, deck, {
          merge: spec.merge,
          nowMs: spec.nowMs,
          allowRetroactive: spec.allowRetroactive,
          changePercentMax: spec.changePercentMax,
          ...(spec.effectiveFromMs === undefined ? {} : { ceaseMs: spec.effectiveFromMs }),
          columns: parsed.columns,
          tell: wrong.tell,
        });
        const { diff, rows, terms } = difference;
        const source = { owner: spec.owner, channel: spec.channel, currency: deck.currency };
        const result = { kind: "deck", deck: { ...source, rows, terms } } as const;
        return { ...base, ...wrong.all(), diff, ...(wrong.any() ? {} : { result }) };
      }
      return { ...base, ...wrong.all() };
    },
  };
}

function networksComputation({ map, merge }: SpecBase): Computation {
  const parser = openNetworksParser({ map });
  return {
    push: parser.push,
    rows: parser.rows,
    finish({ networks: kept }) {
      const present = kept === undefined ? undefined : decodeNetworks(kept);
      const parsed = parser.end();
      const wrong = openRefusals(parsed);
      if (wrong.any()) return { ...statsOf(parsed), ...wrong.all() };
      const { diff, networks } = diffNetworks(present, parsed, merge);
      return { ...statsOf(parsed), ...wrong.all(), diff, result: { kind: "networks", networks } };
    },
  };
}

function portedComputation({ map, merge }: SpecBase): Computation {
  const parser = openPortedParser({ map });
  return {
    push: parser.push,
    rows: parser.rows,
    finish({ ported: kept, networks }) {
      const present = kept === undefined ? undefined : decodePorted(kept);
      const parsed = parser.end();
      const wrong = openRefusals(parsed);
      if (wrong.any()) return { ...statsOf(parsed), ...wrong.all() };
      const { ids, unknown } = portedCountries(
        parsed.ids,
        networks === undefined ? [] : decodeNetworks(networks).ids,
      );
      for (const id of unknown) {
        wrong.tell("invalid", lineOfNetwork(parsed, id), "mcc", unknownCountry(ids[id]!));
      }
      const back = merge ? -1 : parsed.of.indexOf(PORTED_BACK);
      if (back >= 0) {
        const problem = "is empty, which has a meaning with --merge alone";
        wrong.tell("invalid", parsed.lines[back]!, "mcc", problem);
      }
      const difference = diffPorted(present, { ...parsed, ids }, merge);
      if (difference === undefined) {
        wrong.tell("invalid", 0, "mcc", `more than ${PORTED_BACK} networks`);
        return { ...statsOf(parsed), ...wrong.all() };
      }
      const { diff, ported } = difference;
      const result = { kind: "ported", ported } as const;
      return { ...statsOf(parsed), ...wrong.all(), diff, ...(wrong.any() ? {} : { result }) };
    },
  };
}

function lineOfNetwork({ of, lines }: { of: Uint16Array; lines: Uint32Array }, id: number): number {
  let first = 0;
  for (let row = 0; row < of.length; row += 1) {
    if (of[row] === id && (first === 0 || lines[row]! < first)) first = lines[row]!;
  }
  return first;
}

function unknownCountry({ mcc, mnc }: NetworkId): string {
  return `${mcc}-${mnc} is in no known country: import networks first, or add a column country`;
}

function routesComputation({ map, merge }: SpecBase): Computation {
  const parser = openRoutesParser({ map });
  return {
    push: parser.push,
    rows: parser.rows,
    finish({ rules: present = [], carriers = [] }) {
      const parsed = parser.end();
      const wrong = openRefusals(parsed);
      for (const [at, { strategy }] of parsed.rules.entries()) {
        if (strategy === "") continue;
        const found = parseStrategy(strategy, carriers);
        if (!("problem" in found)) continue;
        const problem = `${found.problem} (character ${found.at + 1})`;
        wrong.tell("invalid", parsed.lines[at]!, parsed.strategyColumn, problem);
      }
      if (wrong.any()) return { ...statsOf(parsed), ...wrong.all() };
      const { diff, rules } = diffRules(present, parsed, merge);
      return { ...statsOf(parsed), ...wrong.all(), diff, result: { kind: "routes", rules } };
    },
  };
}

function statsOf({ rowCount, unknownColumns }: Pick<ParsedFile, "rowCount" | "unknownColumns">) {
  return { rowCount, ignoredCount: 0, unknownColumns };
}

/** Problems of the file, and those of its difference, in one list by line. */
function openRefusals(parsed: { problems: readonly CsvProblem[]; problemCount: number }) {
  const told: ImportProblem[] = parsed.problems.map((one) => ({ ...one, reason: "invalid" }));
  let count = parsed.problemCount;
  return {
    tell(reason: ProblemReason, line: number, column: string, problem: string): void {
      count += 1;
      if (told.length < PROBLEMS_TOLD_MAX) told.push({ line, column, problem, reason });
    },
    any: () => count > 0,
    all: () => ({ problems: told.sort((a, b) => a.line - b.line), problemCount: count }),
  };
}
