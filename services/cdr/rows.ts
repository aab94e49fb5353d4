/**
 * Rows: what becomes of messages in `cdr_rows`, joined in flat memory until the next flush.
 *
 * A row is found by account, day of acceptance and message id (open addressing; neighbours in one
 * frame are usually neighbours in the other, so the next row is tried first). Fixed columns are
 * typed arrays by row, written wherever a part of the message comes; texts lie in an arena until the
 * block is made. What repeats is folded as ClickHouse folds it: the greater wins.
 */
import assert from "node:assert";
import {
  type BlockColumn,
  clearDictionary,
  copyBytes,
  DICTIONARY_VALUES_MAX,
  type Dictionary,
  dictionaryColumn,
  fixedColumn,
  grow,
  newDictionary,
  newTextColumn,
  putTextValue,
  type Source,
  type TextColumn,
  textColumn,
} from "./column.js";

/** Fewer than a dictionary holds values, the empty one included. */
export const ROWS_MAX = 64_000;
assert(ROWS_MAX < DICTIONARY_VALUES_MAX);
const SLOTS = 131_072;

/** Texts of a row that are not in dictionaries. */
export const TEXT = { clientReference: 0, tags: 1, submit: 2, outcome: 3 } as const;
const TEXTS = 4;

export interface Rows {
  count: number;
  readonly account: Uint32Array;
  readonly day: Uint16Array;
  /** Four words a row, in ClickHouse's order. */
  readonly id: Uint32Array;
  /** 64 bits a row each, as two words. */
  readonly verdict: Uint32Array;
  readonly acceptedAt: Uint32Array;
  readonly price: Uint32Array;
  readonly cost: Uint32Array;
  readonly charged: Uint32Array;
  readonly released: Uint32Array;
  readonly adjusted: Uint32Array;
  readonly ledgerSequence: Uint32Array;
  readonly validity: Uint32Array;
  readonly tablesVersion: Uint32Array;
  readonly plan: Uint32Array;
  /** 16 bytes a row, as four words. */
  readonly toEnc: Uint32Array;
  readonly toTok: Uint32Array;
  readonly route: Uint16Array;
  readonly destination: Uint16Array;
  readonly sender: Uint16Array;
  readonly currency: Uint16Array;
  readonly decided: Uint16Array;
  readonly dictionaries: Readonly<
    Record<"route" | "destination" | "sender" | "currency" | "decided", Dictionary>
  >;
  /** Where a row's texts start in the arena and how long they are, TEXTS of each a row. */
  readonly textAt: Int32Array;
  readonly textBytes: Uint16Array;
  readonly arena: TextColumn;
  /** Row + 1, 0 for free. */
  readonly slots: Int32Array;
  last: number;
}

export function newRows(): Rows {
  const wide = (): Uint32Array => new Uint32Array(2 * ROWS_MAX);
  const narrow = (): Uint32Array => new Uint32Array(ROWS_MAX);
  const numbers = (): Uint16Array => new Uint16Array(ROWS_MAX);
  return {
    count: 0,
    account: narrow(),
    day: numbers(),
    id: new Uint32Array(4 * ROWS_MAX),
    verdict: wide(),
    acceptedAt: wide(),
    price: wide(),
    cost: wide(),
    charged: wide(),
    released: wide(),
    adjusted: wide(),
    ledgerSequence: wide(),
    validity: narrow(),
    tablesVersion: narrow(),
    plan: narrow(),
    toEnc: new Uint32Array(4 * ROWS_MAX),
    toTok: new Uint32Array(4 * ROWS_MAX),
    route: numbers(),
    destination: numbers(),
    sender: numbers(),
    currency: numbers(),
    decided: numbers(),
    dictionaries: {
      route: newDictionary(),
      destination: newDictionary(),
      sender: newDictionary(),
      currency: newDictionary(),
      decided: newDictionary(),
    },
    textAt: new Int32Array(TEXTS * ROWS_MAX),
    textBytes: new Uint16Array(TEXTS * ROWS_MAX),
    arena: newTextColumn(64 * ROWS_MAX),
    slots: new Int32Array(SLOTS),
    last: 0,
  };
}

/** Forgets all rows; what was allocated stays. */
export function clearRows(rows: Rows): void {
  const { count } = rows;
  for (const wide of [
    rows.verdict,
    rows.acceptedAt,
    rows.price,
    rows.cost,
    rows.charged,
    rows.released,
    rows.adjusted,
    rows.ledgerSequence,
  ]) {
    wide.fill(0, 0, 2 * count);
  }
  for (const narrow of [rows.validity, rows.tablesVersion, rows.plan]) narrow.fill(0, 0, count);
  for (const sealed of [rows.toEnc, rows.toTok]) sealed.fill(0, 0, 4 * count);
  const { route, destination, sender, currency, decided } = rows;
  for (const numbers of [route, destination, sender, currency, decided]) numbers.fill(0, 0, count);
  rows.textBytes.fill(0, 0, TEXTS * count);
  for (const dictionary of Object.values(rows.dictionaries)) clearDictionary(dictionary);
  if (count > 0) rows.slots.fill(0);
  rows.arena.at = 0;
  rows.count = 0;
  rows.last = 0;
}

/** The row of a message, a new one if it has none. There must be room for one (ROWS_MAX). */
export function rowOf(
  rows: Rows,
  account: number,
  day: number,
  id0: number,
  id1: number,
  id2: number,
  id3: number,
): number {
  const next = rows.last + 1;
  if (next < rows.count && isRow(rows, next, account, day, id0, id1, id2, id3)) {
    rows.last = next;
    return next;
  }
  const slot = slotOf(rows, account, day, id0, id1, id2, id3);
  const row = rows.slots[slot]! - 1;
  if (row >= 0) {
    rows.last = row;
    return row;
  }
  return addRow(rows, slot, account, day, id0, id1, id2, id3);
}

/** A second row for a message that has one; later parts of it go there. ClickHouse joins the two. */
export function anotherRowOf(rows: Rows, row: number): number {
  const account = rows.account[row]!;
  const day = rows.day[row]!;
  const id0 = rows.id[4 * row]!;
  const id1 = rows.id[4 * row + 1]!;
  const id2 = rows.id[4 * row + 2]!;
  const id3 = rows.id[4 * row + 3]!;
  const slot = slotOf(rows, account, day, id0, id1, id2, id3);
  return addRow(rows, slot, account, day, id0, id1, id2, id3);
}

function slotOf(
  rows: Rows,
  account: number,
  day: number,
  id0: number,
  id1: number,
  id2: number,
  id3: number,
): number {
  // Ids of version 7 differ in their last 62 bits at random, those of version 8 everywhere.
  let slot = (Math.imul(id2 ^ id1, 0x9e3779b1) ^ Math.imul(id3 ^ id0, 0x85ebca6b)) >>> 15;
  slot &= SLOTS - 1;
  for (;;) {
    const row = rows.slots[slot]! - 1;
    if (row < 0 || isRow(rows, row, account, day, id0, id1, id2, id3)) return slot;
    slot = (slot + 1) & (SLOTS - 1);
  }
}

function isRow(
  rows: Rows,
  row: number,
  account: number,
  day: number,
  id0: number,
  id1: number,
  id2: number,
  id3: number,
): boolean {
  const { id } = rows;
  const at = 4 * row;
  return (
    id[at + 2] === id2 &&
    id[at + 3] === id3 &&
    id[at] === id0 &&
    id[at + 1] === id1 &&
    rows.day[row] === day &&
    rows.account[row] === account
  );
}

function addRow(
  rows: Rows,
  slot: number,
  account: number,
  day: number,
  id0: number,
  id1: number,
  id2: number,
  id3: number,
): number {
  const row = rows.count;
  rows.count = row + 1;
  rows.slots[slot] = row + 1;
  rows.account[row] = account;
  rows.day[row] = day;
  const at = 4 * row;
  rows.id[at] = id0;
  rows.id[at + 1] = id1;
  rows.id[at + 2] = id2;
  rows.id[at + 3] = id3;
  rows.last = row;
  return row;
}

/**
 * Where a text of at most `room` bytes may be written: at the end of the arena, from the returned
 * place on. `foldText` keeps it.
 */
export function beginText(rows: Rows, room: number): number {
  const { arena } = rows;
  if (arena.bytes.length - arena.at < room + 16) grow(arena, room + 16);
  return arena.at;
}

/** Sets a text that was written up to `end`, if it is greater byte for byte than what is there. */
export function foldText(rows: Rows, row: number, text: number, end: number): void {
  const { arena } = rows;
  const place = TEXTS * row + text;
  const bytesBefore = rows.textBytes[place]!;
  if (bytesBefore > 0) {
    const before = rows.textAt[place]!;
    if (!isGreater(arena.bytes, arena.at, end, before, before + bytesBefore)) return;
  }
  rows.textAt[place] = arena.at;
  rows.textBytes[place] = end - arena.at;
  arena.at = end;
}

/** Sets a text to `source[from, end)`, if that is greater. */
export function foldTextFrom(
  rows: Rows,
  row: number,
  text: number,
  source: Source,
  from: number,
  end: number,
): void {
  const at = beginText(rows, end - from);
  copyBytes(rows.arena, at, source, from, end);
  foldText(rows, row, text, at + end - from);
}

function isGreater(
  bytes: Uint8Array,
  from: number,
  end: number,
  otherFrom: number,
  otherEnd: number,
): boolean {
  const shorter = Math.min(end - from, otherEnd - otherFrom);
  for (let at = 0; at < shorter; at += 1) {
    const difference = bytes[from + at]! - bytes[otherFrom + at]!;
    if (difference !== 0) return difference > 0;
  }
  return end - from > otherEnd - otherFrom;
}

/** Texts in row order, and where they are made. Kept between flushes. */
export type TextColumns = readonly TextColumn[];

export function newTextColumns(): TextColumns {
  return Array.from({ length: TEXTS }, () => newTextColumn(16 * ROWS_MAX));
}

/** The rows as columns of `cdr_rows`, views of `rows` and `texts`. */
export function rowColumns(rows: Rows, texts: TextColumns): BlockColumn[] {
  const { count } = rows;
  const fixed = (name: string, type: string, values: Uint32Array | Uint16Array, numbers = count) =>
    fixedColumn(name, type, values, numbers);
  const sealed = (name: string, words: Uint32Array): BlockColumn =>
    fixedColumn(name, "FixedString(16)", words, 4 * count);
  const { dictionaries } = rows;
  for (let text = 0; text < TEXTS; text += 1) layOut(rows, text, texts[text]!);
  return [
    fixed("account", "UInt32", rows.account),
    fixed("accepted_day", "Date", rows.day),
    fixed("message_id", "UUID", rows.id, 4 * count),
    fixed("verdict", "UInt64", rows.verdict, 2 * count),
    fixed("accepted_at", "DateTime64(3, 'UTC')", rows.acceptedAt, 2 * count),
    fixed("validity_ms", "UInt32", rows.validity),
    dictionaryColumn("route", dictionaries.route, rows.route, count),
    dictionaryColumn("destination", dictionaries.destination, rows.destination, count),
    dictionaryColumn("sender", dictionaries.sender, rows.sender, count),
    dictionaryColumn("currency", dictionaries.currency, rows.currency, count),
    fixed("price_micros", "Int64", rows.price, 2 * count),
    fixed("cost", "UInt64", rows.cost, 2 * count),
    sealed("to_enc", rows.toEnc),
    sealed("to_tok", rows.toTok),
    textColumn("client_reference", texts[TEXT.clientReference]!),
    textColumn("tags", texts[TEXT.tags]!),
    fixed("tables_version", "UInt32", rows.tablesVersion),
    fixed("plan", "UInt32", rows.plan),
    dictionaryColumn("decided", dictionaries.decided, rows.decided, count),
    fixed("charged_micros", "Int64", rows.charged, 2 * count),
    fixed("released_micros", "Int64", rows.released, 2 * count),
    fixed("adjusted_micros", "Int64", rows.adjusted, 2 * count),
    fixed("ledger_sequence", "UInt64", rows.ledgerSequence, 2 * count),
    textColumn("submit", texts[TEXT.submit]!),
    textColumn("outcome", texts[TEXT.outcome]!),
  ];
}

function layOut(rows: Rows, text: number, column: TextColumn): void {
  column.at = 0;
  const { arena, textAt, textBytes } = rows;
  for (let row = 0; row < rows.count; row += 1) {
    const place = TEXTS * row + text;
    const length = textBytes[place]!;
    const at = textAt[place]!;
    if (length > 0) putTextValue(column, arena, at, at + length);
    else putNothing(column);
  }
}

function putNothing(column: TextColumn): void {
  if (column.at === column.bytes.length) grow(column, 1);
  column.bytes[column.at] = 0;
  column.at += 1;
}
