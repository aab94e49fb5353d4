/**
 * Statement: what the HTTP interface must know of a query's text before the engine sees it.
 *
 * In: SQL (of an INSERT only the head; the data behind it may be anything). Out: whether it only
 * reads, where an INSERT's data begins, and which FORMAT was asked for. The engine parses again;
 * what is not recognised here goes to it as it is, so that the error is ClickHouse's own.
 */

/** An INSERT whose rows come as bytes behind it. */
export interface InsertStatement {
  /** Up to and including table and columns. */
  readonly target: string;
  /** SETTINGS clause, "" if there is none. */
  readonly settings: string;
  readonly format: string;
  /** Where in the text the data begins; the text's length if it ends before. */
  readonly dataAt: number;
}

interface Token {
  readonly kind: "word" | "quoted" | "symbol" | "end";
  readonly text: string;
  readonly at: number;
  readonly end: number;
}

const SPACE = /\s/;
const WORD = /[\p{L}\p{N}_$]/u;

/** The token at or after `at`; comments are passed over. */
function tokenAt(sql: string, at: number): Token {
  let start = at;
  for (;;) {
    while (start < sql.length && SPACE.test(sql[start]!)) start += 1;
    if (sql.startsWith("--", start) || sql.startsWith("#!", start)) {
      const line = sql.indexOf("\n", start);
      start = line < 0 ? sql.length : line + 1;
    } else if (sql.startsWith("/*", start)) {
      const close = sql.indexOf("*/", start + 2);
      start = close < 0 ? sql.length : close + 2;
    } else {
      break;
    }
  }
  if (start >= sql.length) return { kind: "end", text: "", at: sql.length, end: sql.length };
  const first = sql[start]!;
  if (first === "'" || first === '"' || first === "`") {
    const end = quotedEnd(sql, start, first);
    return { kind: "quoted", text: sql.slice(start, end), at: start, end };
  }
  if (!WORD.test(first)) return { kind: "symbol", text: first, at: start, end: start + 1 };
  let end = start + 1;
  while (end < sql.length && WORD.test(sql[end]!)) end += 1;
  return { kind: "word", text: sql.slice(start, end), at: start, end };
}

function quotedEnd(sql: string, at: number, quote: string): number {
  let end = at + 1;
  while (end < sql.length) {
    if (sql[end] === "\\") end += 2;
    else if (sql[end] !== quote) end += 1;
    else if (sql[end + 1] === quote) end += 2;
    else return end + 1;
  }
  return sql.length;
}

const READING = new Set([
  "SELECT",
  "WITH",
  "SHOW",
  "DESCRIBE",
  "DESC",
  "EXISTS",
  "EXPLAIN",
  "VALUES",
  "FROM",
]);
const STREAMING = new Set(["SELECT", "WITH", "FROM"]);

/** The first word in capitals, brackets before it passed over; "" if there is none. */
export function verbOf(sql: string): string {
  let token = tokenAt(sql, 0);
  while (token.text === "(") token = tokenAt(sql, token.end);
  return token.kind === "word" ? token.text.toUpperCase() : "";
}

/** Whether the statement only reads. */
export function isReading(sql: string): boolean {
  return READING.has(verbOf(sql));
}

/** Whether the engine can give the result piece by piece. */
export function isStreaming(sql: string): boolean {
  return STREAMING.has(verbOf(sql));
}

/** The format in the FORMAT clause that ends a query, or undefined. */
export function formatOf(sql: string): string | undefined {
  let format: string | undefined;
  let before = "";
  for (let token = tokenAt(sql, 0); token.kind !== "end"; token = tokenAt(sql, token.end)) {
    if (token.kind === "word" && before === "FORMAT") format = token.text;
    before = token.kind === "word" ? token.text.toUpperCase() : "";
  }
  return format;
}

/**
 * Takes an INSERT with data apart.
 * @param sql its head; whatever stands behind `dataAt` may be cut off or unreadable.
 * @returns undefined if it is no INSERT, or one whose rows come from elsewhere (SELECT, INFILE).
 */
export function parseInsert(sql: string): InsertStatement | undefined {
  let token = tokenAt(sql, 0);
  if (token.text.toUpperCase() !== "INSERT") return undefined;
  let depth = 0;
  let targetEnd = token.end;
  let settingsAt = -1;
  let previous = token;
  for (;;) {
    token = tokenAt(sql, previous.end);
    const word = token.kind === "word" && depth === 0 ? token.text.toUpperCase() : "";
    // A table may be called like a keyword only where a name is due.
    const keyword = /^(INTO|TABLE|FUNCTION|\.)$/i.test(previous.text) ? "" : word;
    if (token.kind === "end") {
      return { ...parts(sql, targetEnd, settingsAt, token.at), format: "Values", dataAt: token.at };
    }
    if (keyword === "SELECT" || keyword === "WITH" || keyword === "FROM") return undefined;
    if (keyword === "VALUES") {
      const head = parts(sql, targetEnd, settingsAt, token.at);
      return { ...head, format: "Values", dataAt: token.end };
    }
    if (keyword === "FORMAT") {
      const format = tokenAt(sql, token.end);
      const head = parts(sql, targetEnd, settingsAt, token.at);
      return { ...head, format: format.text, dataAt: dataAfter(sql, format.end) };
    }
    if (keyword === "SETTINGS") settingsAt = token.at;
    if (token.text === "(") depth += 1;
    else if (token.text === ")") depth -= 1;
    if (settingsAt < 0) targetEnd = token.end;
    previous = token;
  }
}

function parts(sql: string, targetEnd: number, settingsAt: number, end: number) {
  const settings = settingsAt < 0 ? "" : sql.slice(settingsAt, end).trim();
  return { target: sql.slice(0, targetEnd), settings };
}

/** Behind the format's name the rest of a blank line belongs to the query, not to the data. */
function dataAfter(sql: string, at: number): number {
  let start = at;
  while (sql[start] === " " || sql[start] === "\t") start += 1;
  if (sql[start] === ";") start += 1;
  if (sql[start] === "\r") start += 1;
  return sql[start] === "\n" ? start + 1 : start;
}

/** The same INSERT, reading its rows from `path`. */
export function insertFromFile(insert: InsertStatement, path: string): string {
  const from = `FROM INFILE ${quote(path)} COMPRESSION 'none'`;
  return [insert.target, from, insert.settings, `FORMAT ${insert.format}`].join(" ");
}

/** A string literal. */
export function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** A quoted identifier. */
export function quoteName(name: string): string {
  return `\`${name.replace(/[\\`]/g, "\\$&")}\``;
}
