/**
 * Parse rows: a small CSV file as objects, with every problem by line and column.
 *
 * For tables of some hundred rows; what may have millions is read by parse-deck.ts and its siblings.
 */
import { parseMicros } from "../core/money.js";
import { openCsv, type TellProblem } from "./csv.js";
import { cellText, type Header, type KnownColumns, readHeader } from "./csv-header.js";
import { openProblems } from "./csv-problems.js";
import type { ParsedFile } from "./parse-networks.js";

/** The cells of one row. Each reader tells what is wrong and then gives what is harmless. */
export interface Cells<Column extends string> {
  /** "" if the file has no such column. */
  text(column: Column): string;
  /** Separated by blanks or |. */
  list(column: Column): string[];
  /** From 0; 0 if the cell is none. */
  whole(column: Column): number;
  /** Micro-units of a decimal amount; an empty cell is 0. */
  amount(column: Column): number;
  /** An empty cell is `fallback`. */
  choice<T>(column: Column, choices: ReadonlyMap<string, T>, fallback: T): T;
  wrong(column: Column, problem: string): void;
}

export interface ParsedRows<Row> extends ParsedFile {
  readonly rows: readonly Row[];
  /** Line of the file for each row. */
  readonly lines: readonly number[];
}

const WHOLE_DIGITS_MAX = 15;

/** @param needed columns that the file must have; it has no others than those `known`. */
export function parseRows<Column extends string, Row>(
  bytes: Uint8Array,
  known: KnownColumns<Column>,
  needed: readonly NoInfer<Column>[],
  build: (cells: Cells<Column>) => Row,
): ParsedRows<Row> {
  const problems = openProblems();
  const rows: Row[] = [];
  const lines: number[] = [];
  let header: Header<Column> | undefined;
  let broken = false;
  const csv = openCsv((row) => {
    if (header === undefined) {
      header = readHeader(row, known, {}, problems.tell);
      for (const column of needed) {
        if (header.at[column] < 0) problems.tell(row.line, column, "is missing");
      }
      for (const name of header.unknown) problems.tell(row.line, name, "is no column of this file");
      broken = problems.count() > 0;
      return;
    }
    // Nothing can be read under a wrong header.
    if (broken) return;
    const { at } = header;
    rows.push(build(cellsOf((column) => cellText(row, at[column]), row.line, problems.tell)));
    lines.push(row.line);
  }, problems.tell);
  csv.push(bytes);
  csv.end();
  if (header === undefined && problems.count() === 0) problems.tell(0, "file", "is empty");
  return {
    rows,
    lines,
    problems: problems.told(),
    problemCount: problems.count(),
    rowCount: csv.rows(),
    unknownColumns: [],
  };
}

function cellsOf<Column extends string>(
  text: (column: Column) => string,
  line: number,
  tell: TellProblem,
): Cells<Column> {
  const wrong = (column: Column, problem: string) => tell(line, column, problem);
  return {
    text,
    wrong,
    list: (column) =>
      text(column)
        .split(/[\s|]+/)
        .filter((part) => part !== ""),
    whole(column) {
      const digits = text(column);
      if (/^\d+$/.test(digits) && digits.length <= WHOLE_DIGITS_MAX) return Number(digits);
      wrong(column, "must be a whole number");
      return 0;
    },
    amount(column) {
      if (text(column) === "") return 0;
      const micros = parseMicros(text(column));
      if (micros === undefined) wrong(column, "must be a decimal number with at most 6 decimals");
      return micros ?? 0;
    },
    choice(column, choices, fallback) {
      const word = text(column).toLowerCase();
      if (word === "") return fallback;
      const found = choices.get(word);
      if (found === undefined) wrong(column, `must be one of ${[...choices.keys()].join(", ")}`);
      return found ?? fallback;
    },
  };
}
