/**
 * Batch: everything that one flush writes, and the frames that are acked when it is written.
 */
import type { DeadLetter } from "../../core/dead-letters.js";
import type { Delivery } from "../../core/stream/stream.js";
import { DICTIONARY_VALUES_MAX, nativeBlock } from "./column.js";
import {
  ATTEMPTS_MAX,
  type Attempts,
  attemptColumns,
  CALLS_MAX,
  type Calls,
  callColumns,
  clearAttempts,
  clearCalls,
  clearEntries,
  ENTRIES_MAX,
  type Entries,
  entryColumns,
  newAttempts,
  newCalls,
  newEntries,
} from "./events.js";
import { clearRows, newRows, ROWS_MAX, type Rows, rowColumns, type TextColumns } from "./rows.js";

export interface Batch {
  readonly rows: Rows;
  readonly attempts: Attempts;
  readonly entries: Entries;
  readonly calls: Calls;
  /** Frames whose last record is in here. */
  readonly frames: Delivery[];
  /** What could not be read of them. */
  readonly letters: DeadLetter[];
  /** Hours of acceptance that get rows, in hours since 1970. */
  readonly hours: Set<number>;
  lastHour: number;
}

/** A message of many parts has a row in `attempts` for each, and one record must fit whole. */
export const ATTEMPTS_OF_RECORD_MAX = 64;

export function newBatch(): Batch {
  return {
    rows: newRows(),
    attempts: newAttempts(),
    entries: newEntries(),
    calls: newCalls(),
    frames: [],
    letters: [],
    hours: new Set(),
    lastHour: -1,
  };
}

export function clearBatch(batch: Batch): void {
  clearRows(batch.rows);
  clearAttempts(batch.attempts);
  clearEntries(batch.entries);
  clearCalls(batch.calls);
  batch.frames.length = 0;
  batch.letters.length = 0;
  batch.hours.clear();
  batch.lastHour = -1;
}

/** So many more records fit at least, whatever they are; 0: write it first. */
export function roomOf({ rows, attempts, entries, calls }: Batch): number {
  const { carrier, errorText, nextCarrier, bind } = attempts.dictionaries;
  const values = Math.max(carrier.count, errorText.count, nextCarrier.count, bind.count);
  return Math.max(
    0,
    Math.min(
      // A verdict that is the second one of its message has a row of its own.
      Math.floor((ROWS_MAX - rows.count) / 2),
      Math.floor((ATTEMPTS_MAX - attempts.count) / ATTEMPTS_OF_RECORD_MAX),
      DICTIONARY_VALUES_MAX - values,
      ENTRIES_MAX - entries.count,
      CALLS_MAX - calls.count,
    ),
  );
}

export function isEmpty(batch: Batch): boolean {
  return batch.frames.length === 0 && rowsOf(batch) === 0;
}

/** Rows of all tables. */
export function rowsOf({ rows, attempts, entries, calls }: Batch): number {
  return rows.count + attempts.count + entries.count + calls.count;
}

/** What one table gets. */
export interface TableBlock {
  readonly table: string;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly parts: readonly Uint8Array[];
}

/** A block for each table that gets rows: views of the batch, which must not change any more. */
export function blocksOf(batch: Batch, texts: TextColumns): TableBlock[] {
  const tables = [
    { table: "cdr_rows", rows: batch.rows.count, make: () => rowColumns(batch.rows, texts) },
    {
      table: "attempts",
      rows: batch.attempts.count,
      make: () => attemptColumns(batch.attempts),
    },
    { table: "ledger", rows: batch.entries.count, make: () => entryColumns(batch.entries) },
    { table: "api_calls", rows: batch.calls.count, make: () => callColumns(batch.calls) },
  ];
  return tables
    .filter(({ rows }) => rows > 0)
    .map(({ table, rows, make }) => {
      const columns = make();
      const names = columns.map(({ name }) => name);
      return { table, rows, columns: names, parts: nativeBlock(columns, rows) };
    });
}
