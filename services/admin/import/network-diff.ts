/**
 * Differences of networks by prefix and of ported numbers: a file against what is in force.
 *
 * `replace`: the file is all there is. `merge`: what it does not name stays; a number without a
 * network goes back to that of its prefix. Neither table has times: it holds from the next table set
 * on. Ported numbers are never told, only how many left which network for which.
 */
import type { ParsedNetworks } from "../../../workers/parse-networks.js";
import { type ParsedPorted, PORTED_BACK } from "../../../workers/parse-ported.js";
import type { NetworkColumns, NetworkId, PortedColumns } from "../../../workers/source.js";
import { type ImportChange, type ImportDiff, openChanges } from "./outcome.js";

export interface NetworksDifference {
  readonly diff: ImportDiff;
  readonly networks: NetworkColumns;
}

export function diffNetworks(
  present: NetworkColumns | undefined,
  { networks: fresh, lines }: ParsedNetworks,
  merge: boolean,
): NetworksDifference {
  const ids = openIds();
  const old = new Map<string, number>();
  const oldIds = (present?.ids ?? []).map(ids.idOf);
  for (const [row, prefix] of (present?.prefixes ?? []).entries()) {
    old.set(prefix, oldIds[present!.of[row]!]!);
  }
  const counts = openCounts();
  const next = merge ? new Map(old) : new Map<string, number>();
  const freshIds = fresh.ids.map(ids.idOf);
  for (const [row, prefix] of fresh.prefixes.entries()) {
    const id = freshIds[fresh.of[row]!]!;
    counts.note(`prefix ${prefix}`, old.get(prefix), id, ids.text, lines[row]!);
    next.set(prefix, id);
    old.delete(prefix);
  }
  for (const [prefix, id] of old) {
    if (merge) counts.stays(1);
    else counts.note(`prefix ${prefix}`, id, undefined, ids.text, 0);
  }
  const networks = {
    prefixes: [...next.keys()],
    of: Uint32Array.from(next.values()),
    ids: ids.all,
  };
  return { diff: counts.diff(), networks };
}

export interface PortedDifference {
  readonly diff: ImportDiff;
  readonly ported: PortedColumns;
}

/**
 * @param fresh its ids have countries.
 * @returns undefined if there are more networks than a table of ported numbers can name.
 */
export function diffPorted(
  present: PortedColumns | undefined,
  fresh: ParsedPorted,
  merge: boolean,
): PortedDifference | undefined {
  const ids = openIds();
  const old = present ?? { numbers: new Float64Array(0), of: new Uint16Array(0), ids: [] };
  const oldIds = Int32Array.from(old.ids, ids.idOf);
  const freshIds = Int32Array.from(fresh.ids, ids.idOf);
  if (ids.all.length >= PORTED_BACK) return undefined;
  const size = fresh.numbers.length + old.numbers.length;
  const numbers = new Float64Array(size);
  const of = new Uint16Array(size);
  const counts = openPairs(ids.all.length);
  let count = 0;
  let at = 0;
  const add = (number: number, id: number): void => {
    numbers[count] = number;
    of[count] = id;
    count += 1;
  };
  const keep = (): void => {
    const id = oldIds[old.of[at]!]!;
    if (merge) add(old.numbers[at]!, id);
    counts.note(id, merge ? id : -1);
    at += 1;
  };
  for (let row = 0; row < fresh.numbers.length; row += 1) {
    const number = fresh.numbers[row]!;
    while (at < old.numbers.length && old.numbers[at]! < number) keep();
    const there = at < old.numbers.length && old.numbers[at] === number;
    const before = there ? oldIds[old.of[at]!]! : -1;
    const after = fresh.of[row] === PORTED_BACK ? -1 : freshIds[fresh.of[row]!]!;
    if (there) at += 1;
    counts.note(before, after);
    if (after >= 0) add(number, after);
  }
  while (at < old.numbers.length) keep();
  const ported = { numbers: numbers.slice(0, count), of: of.slice(0, count), ids: ids.all };
  return { diff: counts.diff(ids.text), ported };
}

interface Ids {
  readonly all: readonly NetworkId[];
  idOf(one: NetworkId): number;
  text(id: number): string;
}

function openIds(): Ids {
  const all: NetworkId[] = [];
  const known = new Map<string, number>();
  return {
    all,
    idOf({ country, mcc, mnc }) {
      const key = `${country} ${mcc} ${mnc}`;
      const id = known.get(key) ?? all.push({ country, mcc, mnc }) - 1;
      known.set(key, id);
      return id;
    },
    text: (id) => networkText(all[id]!),
  };
}

/** "GB 234-10", "GB". */
export function networkText({ country, mcc, mnc }: NetworkId): string {
  return mcc === "" ? country : `${country} ${mcc}-${mnc}`;
}

function openCounts() {
  const counts = { added: 0, changed: 0, unchanged: 0, ceased: 0 };
  const changes = openChanges();
  return {
    stays(rows: number): void {
      counts.unchanged += rows;
    },
    note(
      match: string,
      before: number | undefined,
      after: number | undefined,
      text: (id: number) => string,
      line: number,
    ): void {
      if (before === after) {
        counts.unchanged += 1;
        return;
      }
      const what = before === undefined ? "added" : after === undefined ? "ceased" : "changed";
      counts[what] += 1;
      changes.add({
        ...NO_TERMS,
        what,
        match,
        before: before === undefined ? "" : text(before),
        after: after === undefined ? "" : text(after),
        line,
      });
    },
    diff: (): ImportDiff => ({ ...counts, raised: 0, lowered: 0, changes: changes.all() }),
  };
}

const NO_TERMS = { senderKind: 0, trafficClass: 0, effectiveFromMs: 0 } as const;

/** Counts by network before and after: that is told, in place of numbers. */
function openPairs(networks: number) {
  const width = networks + 1;
  const pairs = new Map<number, number>();
  let unchanged = 0;
  return {
    /** -1: that of its prefix. */
    note(before: number, after: number): void {
      if (before === after) {
        // A number that came back and had not left counts as well.
        unchanged += 1;
        return;
      }
      const pair = (before + 1) * width + after + 1;
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    },
    diff(text: (id: number) => string): ImportDiff {
      const counts = { added: 0, changed: 0, ceased: 0 };
      const changes = openChanges();
      for (const [pair, rows] of [...pairs].sort(([, a], [, b]) => b - a)) {
        const before = Math.floor(pair / width) - 1;
        const after = (pair % width) - 1;
        const what: ImportChange["what"] = before < 0 ? "added" : after < 0 ? "ceased" : "changed";
        counts[what] += rows;
        changes.add({
          ...NO_TERMS,
          what,
          match: `${rows} numbers`,
          before: before < 0 ? "" : text(before),
          after: after < 0 ? "" : text(after),
          line: 0,
        });
      }
      return { ...counts, unchanged, raised: 0, lowered: 0, changes: changes.all() };
    },
  };
}
