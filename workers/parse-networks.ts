/**
 * Parse networks: the CSV file that says whose numbers begin how.
 *
 * In: prefix, country (code or English name), mcc and mnc, or mccmnc; both codes empty: the country
 * is known and no more. Out: columns of workers/source.ts, or problems by line and column.
 */

import { countryOfText } from "./countries.js";
import { type CsvRow, openCsv } from "./csv.js";
import { digitsOf, networkDigitsOf } from "./csv-cells.js";
import { cellText, type Header, type KnownColumns, readHeader } from "./csv-header.js";
import { type CsvProblem, openProblems } from "./csv-problems.js";
import type { NetworkColumns, NetworkId } from "./source.js";

export interface FileOptions {
  /** Our column to the file's, see csv-header.ts. */
  readonly map?: Readonly<Record<string, string>>;
  /** Columns that are none of ours are wrong; otherwise they are named in `unknownColumns`. */
  readonly strict?: boolean;
}

/** What every file tells beside its rows. */
export interface ParsedFile {
  /** By line, the first 1,000. If there are any, the rows are worthless. */
  readonly problems: readonly CsvProblem[];
  readonly problemCount: number;
  readonly rowCount: number;
  readonly unknownColumns: readonly string[];
}

export interface ParsedNetworks extends ParsedFile {
  readonly networks: NetworkColumns;
  /** Line of the file for each prefix. */
  readonly lines: Uint32Array;
}

export interface NetworksParser {
  push(chunk: Uint8Array): void;
  rows(): number;
  end(): ParsedNetworks;
}

type Column = "prefix" | "country" | "mcc" | "mnc" | "mccmnc";
const COLUMNS: KnownColumns<Column> = {
  prefix: ["prefixes", "code", "dialcode", "dialingcode", "areacode", "numberrange", "range"],
  country: ["countrycode", "countryiso", "iso", "iso2", "isocountry", "countryname"],
  mcc: ["mobilecountrycode"],
  mnc: ["mobilenetworkcode"],
  mccmnc: ["plmn", "networkcode"],
};
const ZERO = 48;
const PLUS = 43;

export function parseNetworks(bytes: Uint8Array, options: FileOptions = {}): ParsedNetworks {
  const parser = openNetworksParser(options);
  parser.push(bytes);
  return parser.end();
}

export function openNetworksParser(options: FileOptions = {}): NetworksParser {
  const problems = openProblems();
  const ids = openNetworkIds();
  const prefixes: string[] = [];
  const of: number[] = [];
  const lines: number[] = [];
  const lineOf = new Map<string, number>();
  let header: Header<Column> | undefined;
  /** Nothing can be read under a wrong header, and a problem for each row would say so. */
  let broken = false;

  function takeHeader(row: CsvRow): void {
    header = readHeader(row, COLUMNS, options.map ?? {}, problems.tell);
    for (const column of ["prefix", "country"] as const) {
      if (header.at[column] < 0) problems.tell(row.line, column, "is missing");
    }
    const unknown = options.strict === true ? header.unknown : [];
    for (const name of unknown) problems.tell(row.line, name, "is no column of this file");
    broken = problems.count() > 0;
  }

  function takeRow(row: CsvRow, { at, names }: Header<Column>): void {
    let right = true;
    const wrong = (column: Column, problem: string): void => {
      right = false;
      problems.tell(row.line, names[at[column]] ?? column, problem);
    };
    const prefix = readPrefix(row, at.prefix);
    if (prefix === "") wrong("prefix", "must be 1 to 15 digits that do not begin with 0");
    const country = countryOfText(cellText(row, at.country));
    if (country === "") wrong("country", "must be a country: ISO 3166-1 alpha-2, or its name");
    const network = readNetwork(row, at, wrong);
    const other = lineOf.get(prefix);
    if (prefix !== "" && other !== undefined) wrong("prefix", `is that of line ${other} again`);
    if (!right || network === undefined) return;
    lineOf.set(prefix, row.line);
    prefixes.push(prefix);
    of.push(ids.idOf(country, network.mcc, network.mnc));
    lines.push(row.line);
  }

  const csv = openCsv((row) => {
    if (header === undefined) takeHeader(row);
    else if (!broken) takeRow(row, header);
  }, problems.tell);

  return {
    push: csv.push,
    rows: csv.rows,
    end() {
      csv.end();
      if (header === undefined && problems.count() === 0) problems.tell(0, "file", "is empty");
      return {
        networks: { prefixes, of: Uint32Array.from(of), ids: ids.all },
        lines: Uint32Array.from(lines),
        problems: problems.told(),
        problemCount: problems.count(),
        rowCount: csv.rows(),
        unknownColumns: header?.unknown ?? [],
      };
    },
  };
}

function readPrefix(row: CsvRow, cell: number): string {
  if (cell < 0) return "";
  const { bytes, ends } = row;
  const start = row.starts[cell]! + (bytes[row.starts[cell]!] === PLUS ? 1 : 0);
  const end = ends[cell]!;
  if (bytes[start] === ZERO || digitsOf(bytes, start, end) < 0) return "";
  return bytes.toString("latin1", start, end);
}

export interface NetworkCells {
  readonly mcc: number;
  readonly mnc: number;
  readonly mccmnc: number;
}

/** Both "": the cells are empty. undefined: wrong, and told. */
export function readNetwork(
  row: CsvRow,
  at: NetworkCells,
  wrong: (column: keyof NetworkCells, problem: string) => void,
): { readonly mcc: string; readonly mnc: string } | undefined {
  const mcc = cellText(row, at.mcc);
  const mnc = cellText(row, at.mnc);
  const together = cellText(row, at.mccmnc);
  const digits = networkDigitsOf(together);
  if (together !== "" && digits.length < 5) {
    wrong("mccmnc", "must be an MCC of 3 digits and an MNC of 2 or 3, such as 23410");
    return undefined;
  }
  if (mcc === "" && mnc === "") return { mcc: digits.slice(0, 3), mnc: digits.slice(3) };
  if (!/^\d{3}$/.test(mcc)) wrong("mcc", "must have 3 digits");
  else if (!/^\d{2,3}$/.test(mnc))
    wrong("mnc", "must have 2 or 3 digits (was a leading zero lost?)");
  else if (digits !== "" && digits !== mcc + mnc) {
    wrong("mccmnc", "is not that of the MCC and MNC beside it");
  } else return { mcc, mnc };
  return undefined;
}

export interface NetworkIds {
  /** In the order of their first appearance. */
  readonly all: readonly NetworkId[];
  idOf(country: string, mcc: string, mnc: string): number;
}

export function openNetworkIds(): NetworkIds {
  const all: NetworkId[] = [];
  const known = new Map<string, number>();
  return {
    all,
    idOf(country, mcc, mnc) {
      const key = `${country} ${mcc} ${mnc}`;
      let id = known.get(key);
      if (id === undefined) {
        id = all.push({ country, mcc, mnc }) - 1;
        known.set(key, id);
      }
      return id;
    },
  };
}
