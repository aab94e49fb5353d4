/**
 * Parse decks: the CSV file of a carrier or a price plan in, columns and terms out, or its problems.
 *
 * In: chunks of bytes, as they come. Out: for each owner and channel the columns of workers/source.ts.
 * A million rows of four hundred prices cost 0.6 s: what a row is for is read from its bytes into
 * columns, and what it costs is looked up by the bytes of those cells, so that each different text is
 * read once. Any problem makes the whole file worthless; nothing is taken by halves.
 */
import { type CsvRow, openCsv, type TellProblem } from "./csv.js";
import { cellText, type Header, type KnownColumns, readHeader } from "./csv-header.js";
import { type CsvProblem, openProblems } from "./csv-problems.js";
import type { DeckIndex } from "./deck-index.js";
import { type DeckMatch, readMatch } from "./deck-match.js";
import { closePeriods } from "./deck-periods.js";
import {
  DECK_COLUMNS,
  type DeckColumn,
  MATCH_COLUMNS,
  readTerms,
  TERMS_COLUMNS,
} from "./deck-terms.js";
import { openInterner } from "./intern-cells.js";
import { CHANNELS, type Channel, type DeckColumns, type RateTerms } from "./source.js";

export interface DeckFileOptions {
  /**
   * Whose rows they are: a name, or the column that says it on each row (`carrier` or `plan`, as in
   * a folder of tables).
   */
  readonly owner: { readonly name: string } | { readonly column: "carrier" | "plan" };
  /** Of rows that say none; "sms" if absent. */
  readonly channel?: Channel;
  /** ISO 4217, of all rows: one that says another is wrong. Absent: that of the rows. */
  readonly currency?: string;
  /** Of rows that say no time; 0, always, if absent. */
  readonly effectiveFromMs?: number;
  /** Our column to the file's, see csv-header.ts. */
  readonly map?: Readonly<Record<string, string>>;
  /** Columns that are none of ours are wrong; otherwise they are named in `unknownColumns`. */
  readonly strict?: boolean;
}

export interface ParsedDeck {
  readonly owner: string;
  readonly channel: Channel;
  /** ISO 4217; "" if neither the rows nor the options say one. */
  readonly currency: string;
  readonly rows: DeckColumns;
  readonly terms: readonly RateTerms[];
  /** Line of the file for each row. */
  readonly lines: Uint32Array;
  readonly index: DeckIndex;
}

export interface ParsedDecks {
  /** In the order in which they appear; worthless if there are problems. */
  readonly decks: readonly ParsedDeck[];
  /** By line, the first 1,000. */
  readonly problems: readonly CsvProblem[];
  readonly problemCount: number;
  /** Rows of the file, the ignored ones included. */
  readonly rowCount: number;
  readonly ignoredCount: number;
  readonly unknownColumns: readonly string[];
  /** As the file names them, or as we do where it has none. */
  readonly columns: { readonly price: string; readonly effective: string };
}

export interface DeckParser {
  push(chunk: Uint8Array): void;
  rows(): number;
  end(): ParsedDecks;
}

export function parseDeck(bytes: Uint8Array, options: DeckFileOptions): ParsedDecks {
  const parser = openDeckParser(options);
  parser.push(bytes);
  return parser.end();
}

export function openDeckParser(options: DeckFileOptions): DeckParser {
  const problems = openProblems();
  const decks: DeckBuilder[] = [];
  const match: DeckMatch = { kind: 0, code: 0, length: 0 };
  let header: Header<DeckColumn> | undefined;
  let cells: ReturnType<typeof openInterner> | undefined;
  // By the number that the interner gives the text of a row's cells: its deck and its terms.
  const deckOf: number[] = [];
  const termsOf: number[] = [];
  let ignoredCount = 0;
  /** Nothing can be read under a wrong header, and a problem for each row would say so. */
  let broken = false;

  function takeHeader(row: CsvRow): void {
    header = readHeader(row, columnsFor(options), options.map ?? {}, problems.tell);
    checkHeader(row.line, header, options, problems.tell);
    const { at } = header;
    const owner = "column" in options.owner ? [at[options.owner.column]] : [];
    const read = [...owner, at.channel, at.currency, ...TERMS_COLUMNS.map((name) => at[name])];
    cells = openInterner(read.filter((cell) => cell >= 0));
    broken = problems.count() > 0;
  }

  function takeRow(row: CsvRow, known: Header<DeckColumn>): void {
    if (known.at.ignore >= 0 && isIgnored(row, known, problems.tell)) {
      ignoredCount += 1;
      return;
    }
    const id = cells!.idOf(row);
    // What was wrong is read again, so that each row is told with its line.
    if (deckOf[id] === undefined || deckOf[id] < 0) readCells(row, known, id);
    const right = readMatch(row, known, match, problems.tell);
    const deck = decks[deckOf[id]!];
    if (right && deck !== undefined) append(deck, match, termsOf[id]!, row.line);
  }

  function readCells(row: CsvRow, known: Header<DeckColumn>, id: number): void {
    deckOf[id] = -1;
    termsOf[id] = -1;
    const effectiveFromMs = options.effectiveFromMs ?? 0;
    const context = { header: known, effectiveFromMs, tell: problems.tell };
    const deck = readDeck(row, known, options, decks, problems.tell);
    const terms = readTerms(row, context);
    if (deck < 0 || terms === undefined) return;
    deckOf[id] = deck;
    termsOf[id] = internTerms(decks[deck]!, terms);
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
      const built = decks.map((deck) => finish(deck, problems.tell));
      return {
        decks: built,
        problems: problems.told(),
        problemCount: problems.count(),
        rowCount: csv.rows(),
        ignoredCount,
        unknownColumns: header?.unknown ?? [],
        columns: {
          price: nameOf(header, "price", "price_submit", "price_delivered"),
          effective: nameOf(header, "effective"),
        },
      };
    },
  };
}

/** Where the owner is given, a column of that name is the carrier's own, and none of ours. */
function columnsFor({ owner }: DeckFileOptions): KnownColumns<DeckColumn> {
  const known: Partial<Record<DeckColumn, readonly string[]>> = { ...DECK_COLUMNS };
  for (const column of ["carrier", "plan"] as const) {
    if (!("column" in owner) || owner.column !== column) delete known[column];
  }
  return known as KnownColumns<DeckColumn>;
}

/** Index of the deck that the row belongs to; -1: a cell was wrong. */
function readDeck(
  row: CsvRow,
  { at, names }: Header<DeckColumn>,
  options: DeckFileOptions,
  decks: DeckBuilder[],
  tell: TellProblem,
): number {
  const wrong = (column: DeckColumn, problem: string): -1 => {
    tell(row.line, names[at[column]] ?? column, problem);
    return -1;
  };
  const owner =
    "name" in options.owner ? options.owner.name : cellText(row, at[options.owner.column]);
  if ("column" in options.owner && owner === "") return wrong(options.owner.column, "is missing");
  const channel = cellText(row, at.channel).toLowerCase() || (options.channel ?? "sms");
  if (!isChannel(channel)) return wrong("channel", `must be one of ${CHANNELS.join(", ")}`);
  const currency = cellText(row, at.currency).toUpperCase() || (options.currency ?? "");
  if (currency !== "" && !/^[A-Z]{3}$/.test(currency)) {
    return wrong("currency", "must be three letters (ISO 4217)");
  }
  if (options.currency !== undefined && currency !== options.currency) {
    return wrong("currency", `is not ${options.currency}`);
  }
  const known = decks.findIndex((one) => one.owner === owner && one.channel === channel);
  const deck = known < 0 ? decks.push(openDeck(owner, channel, currency)) - 1 : known;
  const first = decks[deck]!.currency;
  if (first === currency) return deck;
  const before = first === "" ? "was not given" : `was ${first}`;
  return wrong("currency", `${before} on rows before: a deck has one`);
}

function isIgnored(row: CsvRow, { at, names }: Header<DeckColumn>, tell: TellProblem): boolean {
  const text = cellText(row, at.ignore).toLowerCase();
  if (/^(1|true|yes|y|x)$/.test(text)) return true;
  if (!/^(0|false|no|n|)$/.test(text)) tell(row.line, names[at.ignore]!, "must be yes or no");
  return false;
}

function checkHeader(
  line: number,
  header: Header<DeckColumn>,
  { owner, strict }: DeckFileOptions,
  tell: TellProblem,
): void {
  const { at } = header;
  const has = (names: readonly DeckColumn[]): boolean => names.some((name) => at[name] >= 0);
  if ("column" in owner && at[owner.column] < 0) tell(line, owner.column, "is missing");
  if (!has(MATCH_COLUMNS)) {
    tell(line, "prefix", "is missing, and mccmnc and mcc too: name one by --map prefix=...");
  }
  if (!has(["price", "price_submit", "price_delivered", "tiers"])) {
    tell(line, "price", "is missing: name it by --map price=...");
  }
  if (strict !== true) return;
  for (const name of header.unknown) tell(line, name, "is no column of this file");
}

function nameOf(header: Header<DeckColumn> | undefined, ...columns: DeckColumn[]): string {
  const found = columns.find((column) => header !== undefined && header.at[column] >= 0);
  return found === undefined ? columns[0]! : header!.names[header!.at[found]]!;
}

interface DeckBuilder {
  readonly owner: string;
  readonly channel: Channel;
  readonly currency: string;
  readonly terms: RateTerms[];
  readonly termsIds: Map<string, number>;
  count: number;
  kinds: Uint8Array;
  codes: Float64Array;
  lengths: Uint8Array;
  of: Uint32Array;
  lines: Uint32Array;
}

const ROWS_FIRST = 1_024;

function openDeck(owner: string, channel: Channel, currency: string): DeckBuilder {
  return {
    owner,
    channel,
    currency,
    terms: [],
    termsIds: new Map(),
    count: 0,
    kinds: new Uint8Array(ROWS_FIRST),
    codes: new Float64Array(ROWS_FIRST),
    lengths: new Uint8Array(ROWS_FIRST),
    of: new Uint32Array(ROWS_FIRST),
    lines: new Uint32Array(ROWS_FIRST),
  };
}

/** Equal terms from different texts ("0.1" and "0.10") are one. */
function internTerms(deck: DeckBuilder, terms: RateTerms): number {
  const key = JSON.stringify(terms);
  const known = deck.termsIds.get(key);
  if (known !== undefined) return known;
  const id = deck.terms.push(terms) - 1;
  deck.termsIds.set(key, id);
  return id;
}

function append(deck: DeckBuilder, match: DeckMatch, terms: number, line: number): void {
  if (deck.count === deck.kinds.length) {
    const length = deck.count * 2;
    deck.kinds = grown(new Uint8Array(length), deck.kinds);
    deck.codes = grown(new Float64Array(length), deck.codes);
    deck.lengths = grown(new Uint8Array(length), deck.lengths);
    deck.of = grown(new Uint32Array(length), deck.of);
    deck.lines = grown(new Uint32Array(length), deck.lines);
  }
  const at = deck.count;
  deck.kinds[at] = match.kind;
  deck.codes[at] = match.code;
  deck.lengths[at] = match.length;
  deck.of[at] = terms;
  deck.lines[at] = line;
  deck.count = at + 1;
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(larger: T, old: T): T {
  larger.set(old);
  return larger;
}

function finish(deck: DeckBuilder, tell: TellProblem): ParsedDeck {
  const { owner, channel, currency, count } = deck;
  const lines = deck.lines.slice(0, count);
  const rows: DeckColumns = {
    count,
    kinds: deck.kinds.slice(0, count),
    codes: deck.codes.slice(0, count),
    lengths: deck.lengths.slice(0, count),
    terms: deck.of.slice(0, count),
  };
  const closed = closePeriods({ rows, terms: deck.terms }, (row, other) => {
    tell(
      lines[row]!,
      "row",
      `overlaps that of line ${lines[other]}: same match, and times that meet`,
    );
  });
  return { owner, channel, currency, ...closed, lines };
}

function isChannel(text: string): text is Channel {
  return (CHANNELS as readonly string[]).includes(text);
}
