/**
 * Header: which column of a file is which of ours.
 *
 * Names are compared without case, blanks and punctuation, so that `message_fee`, `messageFee` and
 * `Message Fee` are one; each of ours has the names that carriers use for it beside it. `map` says
 * it where neither helps, and goes before both. Two columns that could be one are a problem: money
 * is not guessed.
 */
import type { CsvRow, TellProblem } from "./csv.js";

/** Ours, in snake_case, and the other names each is known by, without case and punctuation. */
export type KnownColumns<Name extends string> = Readonly<Record<Name, readonly string[]>>;

export interface Header<Name extends string> {
  /** Index of the file's column; -1: it has none. */
  readonly at: Readonly<Record<Name, number>>;
  /** As the file writes them, for problems. */
  readonly names: readonly string[];
  /** Columns of the file that are none of ours. */
  readonly unknown: readonly string[];
}

/** @param map ours to the file's: `{price: "our_price"}`. */
export function readHeader<Name extends string>(
  row: CsvRow,
  known: KnownColumns<Name>,
  map: Readonly<Record<string, string>>,
  tell: TellProblem,
): Header<Name> {
  const ours = Object.keys(known) as Name[];
  const names = cellsOf(row);
  const plain = names.map(plainName);
  const at = Object.fromEntries(ours.map((name) => [name, -1])) as Record<Name, number>;
  const taken = new Set<number>();
  const mapped = new Set<Name>();
  for (const [to, from] of Object.entries(map)) {
    const name = ours.find((one) => plainName(one) === plainName(to));
    const index = names.includes(from) ? names.indexOf(from) : plain.indexOf(plainName(from));
    if (name === undefined) tell(row.line, to, "is no column of ours: --map ours=theirs");
    else if (index < 0) tell(row.line, from, `is not in the file, and is mapped to ${name}`);
    else {
      at[name] = index;
      taken.add(index);
      mapped.add(name);
    }
  }
  for (const name of ours) {
    if (mapped.has(name)) continue;
    const found = plain.flatMap((one, index) =>
      !taken.has(index) && (one === plainName(name) || known[name].includes(one)) ? [index] : [],
    );
    if (found.length > 1) {
      const which = found.map((index) => names[index]).join(" and ");
      tell(row.line, name, `may be ${which}: say which by --map ${name}=...`);
    }
    at[name] = found[0] ?? -1;
    for (const index of found) taken.add(index);
  }
  return { at, names, unknown: names.filter((name, index) => !taken.has(index) && name !== "") };
}

export function cellsOf(row: CsvRow): readonly string[] {
  return Array.from({ length: row.count }, (_, cell) => cellText(row, cell));
}

/** "" for a column that the file does not have (-1). */
export function cellText({ bytes, starts, ends }: CsvRow, cell: number): string {
  return cell < 0 ? "" : bytes.toString("utf8", starts[cell]!, ends[cell]!);
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}
