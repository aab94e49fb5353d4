/**
 * Parse tables: CSV files in, the rows of a table set out, or every problem with file and line.
 *
 * In: carriers.csv, plans.csv, networks.csv, routes.csv, prices.csv. The first line names the
 * columns, in any order; lines that begin with # are remarks. Amounts are decimal texts such as
 * 0.0312. Nothing is applied by halves: either all rows are right, or none is given.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CsvError, parse } from "csv-parse/sync";
import { FloeError } from "../core/errors.js";
import { parseMicros } from "../core/money.js";
import { problemsOf, TABLE_NAMES, type TableName, type TableSource } from "./table-source.js";

/** Text of each file. */
export type TableTexts = Readonly<Record<TableName, string>>;

const COLUMNS = {
  carriers: { needed: ["name", "currency"], optional: ["comparison_rate"] },
  plans: { needed: ["plan", "name", "currency", "charge_basis"], optional: [] },
  networks: { needed: ["prefix", "country", "mcc", "mnc"], optional: [] },
  routes: { needed: ["prefix", "carrier", "cost"], optional: ["priority", "traffic_class"] },
  prices: { needed: ["plan", "prefix", "price"], optional: [] },
} as const satisfies Record<
  TableName,
  { readonly needed: readonly string[]; readonly optional: readonly string[] }
>;

const CHARGE_BASES = new Map([
  ["submit", 1],
  ["delivered", 2],
]);
const TRAFFIC_CLASSES = new Map([
  ["", 0],
  ["authentication", 1],
  ["transactional", 2],
  ["promotional", 3],
]);
const AMOUNT_RULE = "must be a decimal number with at most 6 decimals";
/** Problems that an error names; how many more there are, it says. */
const PROBLEMS_TOLD_MAX = 1_000;

/**
 * Reads the five files of a directory.
 * @throws FloeError "import.invalid" as `parseTables`, or with the names of missing files.
 */
export function readTables(directory: string, version: number): TableSource {
  const missing = TABLE_NAMES.filter((name) => !existsSync(join(directory, `${name}.csv`)));
  if (missing.length > 0) throw invalid(missing.map((name) => `${name}.csv: is missing`));
  const texts = TABLE_NAMES.map((name) => [
    name,
    readFileSync(join(directory, `${name}.csv`), "utf8"),
  ]);
  return parseTables(Object.fromEntries(texts), version);
}

/**
 * @param version number of the table set, from 1.
 * @throws FloeError "import.invalid", `problems`: one line of text for each, file, line, column.
 */
export function parseTables(texts: TableTexts, version: number): TableSource {
  const problems: string[] = [];
  const files = Object.fromEntries(
    TABLE_NAMES.map((name) => [name, readRows(name, texts[name], problems)]),
  ) as Record<TableName, CsvFile>;
  const source: TableSource = {
    version,
    carriers: rowsOf(files.carriers, problems, (row) => ({
      name: row.text("name"),
      currency: row.text("currency"),
      comparisonRateMicros: row.text("comparison_rate") === "" ? 0 : row.amount("comparison_rate"),
    })),
    plans: rowsOf(files.plans, problems, (row) => ({
      plan: row.whole("plan"),
      name: row.text("name"),
      currency: row.text("currency"),
      chargeBasis: CHARGE_BASES.get(row.text("charge_basis")) ?? 0,
    })),
    networks: rowsOf(files.networks, problems, (row) => ({
      prefix: row.text("prefix"),
      country: row.text("country"),
      mcc: row.text("mcc"),
      mnc: row.text("mnc"),
    })),
    routes: rowsOf(files.routes, problems, (row) => ({
      prefix: row.text("prefix"),
      carrier: row.text("carrier"),
      costMicros: row.amount("cost"),
      priority: row.text("priority") === "" ? 0 : row.whole("priority"),
      trafficClass: TRAFFIC_CLASSES.get(row.text("traffic_class")) ?? -1,
    })),
    prices: rowsOf(files.prices, problems, (row) => ({
      plan: row.whole("plan"),
      prefix: row.text("prefix"),
      priceMicros: row.amount("price"),
    })),
  };
  // A cell that could not be read, or has no column, has told its problem already.
  const told = new Set(problems.map((problem) => problem.slice(0, problem.indexOf(": "))));
  for (const { table, row, column, problem } of problemsOf(source)) {
    const { header, lines } = files[table];
    const needed: readonly string[] = COLUMNS[table].needed;
    const place = `${table}.csv:${lines[row] ?? 0} ${column}`;
    if (told.has(place) || (needed.includes(column) && !header.has(column))) continue;
    problems.push(`${place}: ${problem}`);
  }
  if (problems.length > 0) throw invalid(problems);
  return source;
}

interface CsvFile {
  readonly name: TableName;
  readonly header: ReadonlyMap<string, number>;
  readonly records: readonly (readonly string[])[];
  /** Line on which each record ends, from 1. */
  readonly lines: readonly number[];
}

interface Row {
  /** The cell; "" if the file has no such column. */
  text(column: string): string;
  /** A whole number; 0, and a problem, if the cell is none. */
  whole(column: string): number;
  /** Micro-units of a decimal amount; 0, and a problem, if the cell is none. */
  amount(column: string): number;
}

/** Splits a file into cells; a record that has another number of them than the header is left out. */
function readRows(name: TableName, text: string, problems: string[]): CsvFile {
  const broken = new Set<string>();
  const told = (error: CsvError | undefined): undefined => {
    // The error's own text quotes the cell; code and line are enough to find it.
    const line = Number(error?.["lines"] ?? 0);
    broken.add(`${name}.csv:${line} quotes: ${error?.code ?? "cannot be read"}`);
  };
  const parsed = parse(text, {
    bom: true,
    comment: "#",
    comment_no_infix: true,
    info: true,
    on_skip: told,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    trim: true,
  }) as unknown as { record: string[]; info: { lines: number } }[];
  problems.push(...broken);

  const { needed, optional } = COLUMNS[name];
  const [first, ...rest] = parsed;
  const header = new Map(first?.record.map((column, index) => [column, index]));
  const known: readonly string[] = [...needed, ...optional];
  const headerLine = first?.info.lines ?? 1;
  for (const column of needed) {
    if (!header.has(column)) problems.push(`${name}.csv:${headerLine} ${column}: is missing`);
  }
  for (const column of header.keys()) {
    if (!known.includes(column)) {
      problems.push(`${name}.csv:${headerLine} ${column}: is no column of this file`);
    }
  }
  if (header.size !== (first?.record.length ?? 0)) {
    problems.push(`${name}.csv:${headerLine} header: names a column twice`);
  }
  const whole = rest.filter(({ record, info }) => {
    if (record.length === first?.record.length) return true;
    problems.push(
      `${name}.csv:${info.lines} row: has ${record.length} cells, the header ${header.size}`,
    );
    return false;
  });
  return {
    name,
    header,
    records: whole.map(({ record }) => record),
    lines: whole.map(({ info }) => info.lines),
  };
}

function rowsOf<T>(file: CsvFile, problems: string[], build: (row: Row) => T): readonly T[] {
  let cells: readonly string[] = [];
  let line = 0;
  const text = (column: string): string => cells[file.header.get(column) ?? -1] ?? "";
  const wrong = (column: string, problem: string): number => {
    // A missing column has been told once, with the header.
    if (file.header.has(column)) problems.push(`${file.name}.csv:${line} ${column}: ${problem}`);
    return 0;
  };
  const row: Row = {
    text,
    whole(column) {
      return /^\d{1,10}$/.test(text(column))
        ? Number(text(column))
        : wrong(column, "must be a whole number");
    },
    amount: (column) => parseMicros(text(column)) ?? wrong(column, AMOUNT_RULE),
  };
  return file.records.map((record, index) => {
    cells = record;
    line = file.lines[index]!;
    return build(row);
  });
}

function invalid(problems: readonly string[]): FloeError {
  const told = problems.slice(0, PROBLEMS_TOLD_MAX);
  if (problems.length > told.length) told.push(`and ${problems.length - told.length} more`);
  return new FloeError("import.invalid", { problems: told });
}
