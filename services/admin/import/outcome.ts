/**
 * Outcome of an import before anything is stored: what differs, what is wrong, what would be stored.
 *
 * Plain data without functions: it comes from the thread that reads the file.
 */
import type { CsvProblem } from "../../../workers/csv-problems.js";
import type {
  DeckSource,
  NetworkColumns,
  PortedColumns,
  RateTerms,
  RuleRow,
} from "../../../workers/source.js";

export interface ImportOutcome {
  /** Of the file, the ignored ones included. */
  readonly rowCount: number;
  readonly ignoredCount: number;
  /** The first thousand, by line. Any: nothing is stored. */
  readonly problems: readonly ImportProblem[];
  readonly problemCount: number;
  /** Columns of the file that were not read. */
  readonly unknownColumns: readonly string[];
  /** Absent if rows could not be read. */
  readonly diff?: ImportDiff;
  /** What is to be stored; absent if anything is wrong. */
  readonly result?: ImportedTable;
}

export type ProblemReason = "invalid" | "retroactive" | "jump";
export interface ImportProblem extends CsvProblem {
  readonly reason: ProblemReason;
}

export type ImportedTable =
  | { readonly kind: "deck"; readonly deck: DeckSource }
  | { readonly kind: "networks"; readonly networks: NetworkColumns }
  | { readonly kind: "ported"; readonly ported: PortedColumns }
  | { readonly kind: "routes"; readonly rules: readonly RuleRow[] };

export interface ImportDiff {
  readonly added: number;
  readonly changed: number;
  /** Of the changed ones: those whose price for one segment goes up, and down. */
  readonly raised: number;
  readonly lowered: number;
  readonly unchanged: number;
  readonly ceased: number;
  /** The largest in percent first, then what is new and what ceases, in the order of the file. */
  readonly changes: readonly ImportChange[];
}

export interface ImportChange {
  readonly what: "added" | "changed" | "ceased";
  /** "prefix 447", "network 234-10", "mcc 234", "default"; of rules the id. */
  readonly match: string;
  /** SENDER_KIND and floe.v1.TrafficClass, 0: any; of decks. */
  readonly senderKind: number;
  readonly trafficClass: number;
  /** As people read it: a price, a network; "": none. */
  readonly before: string;
  readonly after: string;
  /** Absent where it has none, and of a price that was 0. */
  readonly basisPoints?: number;
  readonly effectiveFromMs: number;
  /** Of the file; 0: it has no line there. */
  readonly line: number;
}

/** Changes of each sort that are told. */
export const CHANGES_TOLD_MAX = 20;

export interface ChangeList {
  /** Whether such a change would be told: texts are made for those alone. */
  wants(what: ImportChange["what"], basisPoints?: number): boolean;
  add(change: ImportChange): void;
  all(): readonly ImportChange[];
}

/** Keeps the largest changes, and the first of what is new and of what ceases. */
export function openChanges(): ChangeList {
  const kept: Record<ImportChange["what"], ImportChange[]> = { changed: [], added: [], ceased: [] };
  // From nothing to something is the largest change there is.
  const sizeOf = (basisPoints?: number): number =>
    basisPoints === undefined ? Number.POSITIVE_INFINITY : Math.abs(basisPoints);

  function wants(what: ImportChange["what"], basisPoints?: number): boolean {
    const list = kept[what];
    if (list.length < CHANGES_TOLD_MAX) return true;
    return what === "changed" && sizeOf(basisPoints) > sizeOf(list.at(-1)!.basisPoints);
  }

  return {
    wants,
    add(change) {
      if (!wants(change.what, change.basisPoints)) return;
      const list = kept[change.what];
      let at = list.length;
      const size = sizeOf(change.basisPoints);
      if (change.what === "changed") {
        while (at > 0 && sizeOf(list[at - 1]!.basisPoints) < size) at -= 1;
      }
      list.splice(at, 0, change);
      list.length = Math.min(list.length, CHANGES_TOLD_MAX);
    },
    all: () => [...kept.changed, ...kept.added, ...kept.ceased],
  };
}

/** "0.0312", or what its tiers say. */
export function priceText(terms: RateTerms, format: (micros: number) => string): string {
  const { tiers } = terms;
  const price =
    tiers === undefined
      ? format(terms.priceMicros)
      : tiers.steps.map((step) => `${step.from}:${format(step.priceMicros)}`).join(" ");
  const more = [
    terms.unit === "message" ? "a message" : "",
    terms.chargeBasis === 2 ? "delivered" : "",
    terms.messageFeeMicros > 0 ? `+ ${format(terms.messageFeeMicros)} a message` : "",
    terms.segmentFeeMicros > 0 ? `+ ${format(terms.segmentFeeMicros)} a segment` : "",
    terms.minimumMicros > 0 ? `at least ${format(terms.minimumMicros)}` : "",
  ];
  return [price, ...more].filter(Boolean).join(" ");
}
