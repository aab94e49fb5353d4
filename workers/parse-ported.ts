/**
 * Parse ported numbers: the CSV file that says which numbers left the network of their prefix.
 *
 * In: number (E.164, with or without plus), mcc and mnc, or mccmnc; country where it is known. Both
 * codes empty: the number came back to the network of its prefix. Out: columns sorted by number, or
 * problems by line and column, which never repeat a number. Three million rows cost 3 s: nothing is
 * made for a row, the network is looked up by the bytes of its cells.
 */
import { NUMBER_DIGITS_MAX, NUMBER_DIGITS_MIN } from "../core/limits.js";
import { countryOfText } from "./countries.js";
import { type CsvRow, openCsv } from "./csv.js";
import { digitsOf } from "./csv-cells.js";
import { cellText, type Header, type KnownColumns, readHeader } from "./csv-header.js";
import { openProblems } from "./csv-problems.js";
import { openInterner } from "./intern-cells.js";
import {
  type FileOptions,
  openNetworkIds,
  type ParsedFile,
  readNetwork,
} from "./parse-networks.js";
import type { NetworkId } from "./source.js";

export interface ParsedPorted extends ParsedFile {
  /** Sorted by number, each once. */
  readonly numbers: Float64Array;
  /** Index into `ids`; PORTED_BACK: none. */
  readonly of: Uint16Array;
  /** `country` is "" where the file has none: see `portedCountries`. */
  readonly ids: readonly NetworkId[];
  readonly lines: Uint32Array;
}

export interface PortedParser {
  push(chunk: Uint8Array): void;
  rows(): number;
  end(): ParsedPorted;
}

/** The number belongs to the network of its prefix again. */
export const PORTED_BACK = 0xffff;

type Column = "number" | "country" | "mcc" | "mnc" | "mccmnc";
const COLUMNS: KnownColumns<Column> = {
  number: ["msisdn", "phone", "phonenumber", "telephonenumber", "tn", "e164"],
  country: ["countrycode", "countryiso", "iso", "iso2", "isocountry", "countryname"],
  mcc: ["mobilecountrycode"],
  mnc: ["mobilenetworkcode"],
  mccmnc: ["plmn", "networkcode"],
};
const PLUS = 43;
const ZERO = 48;
const ROWS_FIRST = 4_096;
/** What the interner's number stands for, if its cells were wrong. */
const WRONG = -1;

export function parsePorted(bytes: Uint8Array, options: FileOptions = {}): ParsedPorted {
  const parser = openPortedParser(options);
  parser.push(bytes);
  return parser.end();
}

export function openPortedParser(options: FileOptions = {}): PortedParser {
  const problems = openProblems();
  const ids = openNetworkIds();
  let numbers = new Float64Array(ROWS_FIRST);
  let of = new Uint16Array(ROWS_FIRST);
  let lines = new Uint32Array(ROWS_FIRST);
  let count = 0;
  let header: Header<Column> | undefined;
  /** Nothing can be read under a wrong header, and a problem for each row would say so. */
  let broken = false;
  let cells: ReturnType<typeof openInterner> | undefined;
  const networkOf: number[] = [];

  function takeHeader(row: CsvRow): void {
    header = readHeader(row, COLUMNS, options.map ?? {}, problems.tell);
    const { at } = header;
    if (at.number < 0) problems.tell(row.line, "number", "is missing");
    if (at.mccmnc < 0 && (at.mcc < 0 || at.mnc < 0)) {
      problems.tell(row.line, "mcc", "or mnc is missing, and mccmnc too");
    }
    cells = openInterner([at.country, at.mcc, at.mnc, at.mccmnc].filter((cell) => cell >= 0));
    const unknown = options.strict === true ? header.unknown : [];
    for (const name of unknown) problems.tell(row.line, name, "is no column of this file");
    broken = problems.count() > 0;
  }

  function takeRow(row: CsvRow, known: Header<Column>): void {
    const id = cells!.idOf(row);
    const seen = networkOf[id];
    const network = seen === undefined || seen === WRONG ? readCells(row, known) : seen;
    networkOf[id] = network;
    const number = readNumber(row, known.at.number);
    if (number < 0 && known.at.number >= 0) {
      const column = known.names[known.at.number]!;
      problems.tell(row.line, column, "must be a number with its country code, 7 to 15 digits");
    }
    if (network === WRONG || number < 0) return;
    if (count === numbers.length) grow();
    numbers[count] = number;
    of[count] = network;
    lines[count] = row.line;
    count += 1;
  }

  /** Index of the network, PORTED_BACK, or WRONG. */
  function readCells(row: CsvRow, { at, names }: Header<Column>): number {
    const wrong = (column: Column, problem: string): void =>
      problems.tell(row.line, names[at[column]] ?? column, problem);
    const network = readNetwork(row, at, wrong);
    const text = cellText(row, at.country);
    const country = countryOfText(text);
    if (text !== "" && country === "") {
      wrong("country", "must be a country: ISO 3166-1 alpha-2, or its name");
      return WRONG;
    }
    if (network === undefined) return WRONG;
    if (network.mcc === "") return PORTED_BACK;
    const id = ids.idOf(country, network.mcc, network.mnc);
    if (id < PORTED_BACK) return id;
    wrong("mcc", `is one network more than ${PORTED_BACK}`);
    return WRONG;
  }

  function grow(): void {
    const [oldNumbers, oldOf, oldLines] = [numbers, of, lines];
    numbers = new Float64Array(count * 2);
    of = new Uint16Array(count * 2);
    lines = new Uint32Array(count * 2);
    numbers.set(oldNumbers);
    of.set(oldOf);
    lines.set(oldLines);
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
      const sorted = inOrder(orderOf(numbers.subarray(0, count)), numbers, of, lines);
      const column = header?.names[header.at.number] ?? "number";
      for (let row = 1; row < count; row += 1) {
        if (sorted.numbers[row] !== sorted.numbers[row - 1]) continue;
        problems.tell(sorted.lines[row]!, column, `is that of line ${sorted.lines[row - 1]} again`);
      }
      return {
        ...sorted,
        ids: ids.all,
        problems: problems.told(),
        problemCount: problems.count(),
        rowCount: csv.rows(),
        unknownColumns: header?.unknown ?? [],
      };
    },
  };
}

function readNumber({ bytes, starts, ends }: CsvRow, cell: number): number {
  if (cell < 0) return -1;
  const start = starts[cell]! + (bytes[starts[cell]!] === PLUS ? 1 : 0);
  const length = ends[cell]! - start;
  if (length < NUMBER_DIGITS_MIN || length > NUMBER_DIGITS_MAX || bytes[start] === ZERO) return -1;
  return digitsOf(bytes, start, ends[cell]!);
}

/** In loops: `from` with a function makes all of `end` take more than twice as long. */
function inOrder(
  order: Uint32Array,
  numbers: Float64Array,
  of: Uint16Array,
  lines: Uint32Array,
): Pick<ParsedPorted, "numbers" | "of" | "lines"> {
  const count = order.length;
  const sorted = {
    numbers: new Float64Array(count),
    of: new Uint16Array(count),
    lines: new Uint32Array(count),
  };
  for (let at = 0; at < count; at += 1) {
    const row = order[at]!;
    sorted.numbers[at] = numbers[row]!;
    sorted.of[at] = of[row]!;
    sorted.lines[at] = lines[row]!;
  }
  return sorted;
}

const RADIX_BITS = 16;
const RADIX = 2 ** RADIX_BITS;
const WORD = 2 ** 32;

/**
 * Rows in the order of their numbers, equal ones in that of the file: by digits of 16 bits, the
 * lowest first; a comparison for each pair would be a call into JavaScript.
 */
function orderOf(numbers: Float64Array): Uint32Array {
  const count = numbers.length;
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  let order = new Uint32Array(count);
  for (let row = 0; row < count; row += 1) {
    low[row] = numbers[row]! % WORD;
    high[row] = Math.floor(numbers[row]! / WORD);
    order[row] = row;
  }
  let other = new Uint32Array(count);
  const starts = new Uint32Array(RADIX + 1);
  for (const [words, shift] of [
    [low, 0],
    [low, RADIX_BITS],
    [high, 0],
    [high, RADIX_BITS],
  ] as const) {
    starts.fill(0);
    for (let row = 0; row < count; row += 1)
      starts[((words[row]! >>> shift) & (RADIX - 1)) + 1]! += 1;
    // All have the same digit here.
    if (starts.includes(count)) continue;
    for (let digit = 0; digit < RADIX; digit += 1) starts[digit + 1]! += starts[digit]!;
    for (let at = 0; at < count; at += 1) {
      const row = order[at]!;
      const digit = (words[row]! >>> shift) & (RADIX - 1);
      other[starts[digit]!] = row;
      starts[digit]! += 1;
    }
    [order, other] = [other, order];
  }
  return order;
}

/**
 * Countries of ported networks, from those of the prefixes: of the same network, else of the mcc if
 * all of that are in one country.
 * @returns the ids with their countries, and the indices of those whose country nobody knows.
 */
export function portedCountries(
  ids: readonly NetworkId[],
  known: readonly NetworkId[],
): { readonly ids: readonly NetworkId[]; readonly unknown: readonly number[] } {
  const byNetwork = new Map<string, string>();
  const byMcc = new Map<string, Set<string>>();
  for (const { country, mcc, mnc } of known) {
    if (mcc === "") continue;
    byNetwork.set(`${mcc} ${mnc}`, country);
    byMcc.set(mcc, (byMcc.get(mcc) ?? new Set()).add(country));
  }
  const unknown: number[] = [];
  const found = ids.map((one, index) => {
    if (one.country !== "") return one;
    const ofMcc = [...(byMcc.get(one.mcc) ?? [])];
    const country = byNetwork.get(`${one.mcc} ${one.mnc}`) ?? (ofMcc.length === 1 ? ofMcc[0]! : "");
    if (country === "") unknown.push(index);
    return { ...one, country };
  });
  return { ids: found, unknown };
}
