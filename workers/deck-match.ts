/**
 * Match of a deck's row: what `prefix`, `mccmnc`, `mcc` and `mnc` say it is for.
 *
 * Read from bytes, without strings: every row has another one.
 */
import type { CsvRow, TellProblem } from "./csv.js";
import { digitsOf, networkDigitsOf } from "./csv-cells.js";
import { cellText, type Header } from "./csv-header.js";
import type { DeckColumn } from "./deck-terms.js";
import { MATCH } from "./source.js";

export interface DeckMatch {
  kind: number;
  /** Of DeckColumns. */
  code: number;
  length: number;
}

const PLUS = 43;
const STAR = 42;
const ZERO = 48;
const LETTER_D = 100;
const MCC_DIGITS = 3;

/**
 * Fills `match`; false: a cell was wrong, and has been told. All cells empty: a default row, but not
 * in a file with a column of prefixes: a cell that was lost there would give everyone its price.
 */
export function readMatch(
  row: CsvRow,
  { at, names }: Header<DeckColumn>,
  match: DeckMatch,
  tell: TellProblem,
): boolean {
  const wrong = (column: DeckColumn, problem: string): false => {
    tell(row.line, names[at[column]] ?? column, problem);
    return false;
  };
  const hasPrefix = isFilled(row, at.prefix);
  const hasNetwork = isFilled(row, at.mccmnc);
  const hasMcc = isFilled(row, at.mcc);
  if (hasPrefix && (hasNetwork || hasMcc)) {
    return wrong("prefix", "and a network are both given: a row is for one of them");
  }
  if (!hasMcc && isFilled(row, at.mnc)) return wrong("mcc", "is missing beside the MNC");
  if (hasPrefix) return readPrefix(row, at.prefix, match) || wrong("prefix", PREFIX_PROBLEM);
  if (hasNetwork && !readNetwork(row, at.mccmnc, match)) return wrong("mccmnc", NETWORK_PROBLEM);
  if (hasMcc) {
    const { kind, code, length } = match;
    const column = readMcc(row, at.mcc, at.mnc, match);
    if (column === "mcc") return wrong("mcc", "must have 3 digits");
    if (column === "mnc") return wrong("mnc", MNC_PROBLEM);
    const same = match.code === code && match.length === length && match.kind === kind;
    if (hasNetwork && !same) return wrong("mccmnc", "is not that of the MCC and MNC beside it");
  }
  if (!hasNetwork && !hasMcc && at.prefix >= 0) return wrong("prefix", EMPTY_PROBLEM);
  if (!hasNetwork && !hasMcc) setMatch(match, MATCH.default, 0, 0);
  return true;
}

const PREFIX_PROBLEM = "must be 1 to 15 digits that do not begin with 0";
const EMPTY_PROBLEM = "is empty: the default row is * or default";
const NETWORK_PROBLEM = "must be an MCC of 3 digits and an MNC of 2 or 3, such as 23410";
const MNC_PROBLEM = "must have 2 or 3 digits (was a leading zero lost?)";

/** `+44` is 44; `*` and `default` are the default row. */
function readPrefix(row: CsvRow, cell: number, match: DeckMatch): boolean {
  const { bytes, starts, ends } = row;
  const end = ends[cell]!;
  let start = starts[cell]!;
  if (isDefault(row, cell)) return setMatch(match, MATCH.default, 0, 0);
  if (bytes[start] === PLUS) start += 1;
  const code = bytes[start] === ZERO ? -1 : digitsOf(bytes, start, end);
  return code >= 0 && setMatch(match, MATCH.prefix, code, end - start);
}

function readNetwork(row: CsvRow, cell: number, match: DeckMatch): boolean {
  const { bytes, starts, ends } = row;
  const length = ends[cell]! - starts[cell]!;
  if (isDefault(row, cell)) return setMatch(match, MATCH.default, 0, 0);
  if (length === MCC_DIGITS || length === 5 || length === 6) {
    const code = digitsOf(bytes, starts[cell]!, ends[cell]!);
    if (code >= 0) return setMatch(match, kindOf(length), code, length);
  }
  const digits = networkDigitsOf(cellText(row, cell));
  return digits !== "" && setMatch(match, kindOf(digits.length), Number(digits), digits.length);
}

/** Returns the column that is wrong; undefined: none. */
function readMcc(row: CsvRow, mcc: number, mnc: number, match: DeckMatch): DeckColumn | undefined {
  const { bytes, starts, ends } = row;
  const country = digitsOf(bytes, starts[mcc]!, ends[mcc]!);
  if (isDefault(row, mcc) && !isFilled(row, mnc)) {
    setMatch(match, MATCH.default, 0, 0);
    return undefined;
  }
  if (country < 0 || ends[mcc]! - starts[mcc]! !== MCC_DIGITS) return "mcc";
  if (!isFilled(row, mnc) || isDefault(row, mnc)) {
    setMatch(match, MATCH.mcc, country, MCC_DIGITS);
    return undefined;
  }
  const length = ends[mnc]! - starts[mnc]!;
  const network = digitsOf(bytes, starts[mnc]!, ends[mnc]!);
  if (network < 0 || (length !== 2 && length !== 3)) return "mnc";
  setMatch(match, MATCH.network, country * 10 ** length + network, MCC_DIGITS + length);
  return undefined;
}

function kindOf(digits: number): number {
  return digits === MCC_DIGITS ? MATCH.mcc : MATCH.network;
}

function isFilled({ starts, ends }: CsvRow, cell: number): boolean {
  return cell >= 0 && starts[cell] !== ends[cell];
}

function isDefault(row: CsvRow, cell: number): boolean {
  const first = row.bytes[row.starts[cell]!]! | 0;
  if (first !== STAR && (first | 32) !== LETTER_D) return false;
  return /^(\*|default)$/i.test(cellText(row, cell));
}

function setMatch(match: DeckMatch, kind: number, code: number, length: number): true {
  match.kind = kind;
  match.code = code;
  match.length = length;
  return true;
}
