/**
 * A stand-in for ClickHouse: reads Native blocks and merges rows as the tables of deploy/clickhouse
 * do (the greatest value of every column of `cdr_rows`; one row for each key of `ledger`), at once,
 * so that what is read is what FINAL would show. It knows the one query that the sweep asks.
 *
 * It fails as a server does that is away: an insert that failed may have been stored, or may still be.
 */
import assert from "node:assert";
import type { ClickHouse, Parameters } from "../../core/clickhouse.js";
import type { Chance, Clock } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { formatId, STATE } from "../../core/message.js";
import type { SimulatedProcess } from "./process.js";

export interface DatabaseFaults {
  /** Fractions of 1. */
  readonly failed: number;
  readonly failedLater: number;
  readonly lateMsMax: number;
}
export const DATABASE_WELL: DatabaseFaults = { failed: 0, failedLater: 0, lateMsMax: 20 };

/** Numbers, bigints for 64 bits, and texts and sealed blocks as latin1, which sort as their bytes. */
type Value = number | bigint | string;
export type Row = Readonly<Record<string, Value>>;

/** What the view `cdr` says of a message. */
export interface Cdr {
  readonly account: number;
  readonly day: number;
  readonly id: string;
  readonly state: number;
  readonly verdict: number;
  readonly acceptedAtMs: number;
  readonly chargedMicros: bigint;
  readonly releasedMicros: bigint;
}

export interface Entry {
  readonly account: number;
  readonly sequence: number;
  readonly kind: number;
  readonly amountMicros: bigint;
  readonly id: string;
  readonly reference: string;
}

export interface Database {
  setFaults(faults: DatabaseFaults): void;
  /** Away: takes nothing for so long. */
  goDown(forMs: number): void;
  /** A process's own client. */
  open(process: SimulatedProcess): ClickHouse;
  cdrs(): readonly Cdr[];
  ledger(): readonly Entry[];
  /** Hours of acceptance (since 1970) whose rollups were told to be computed. */
  hours: ReadonlySet<number>;
  /** What it saw that may never be: a state that fell, a ledger row that changed. */
  readonly wrongs: readonly string[];
}

export function openDatabase(clock: Clock, chance: Chance): Database {
  const rows = new Map<string, Row>();
  const ledger = new Map<string, Row>();
  const hours = new Set<number>();
  const wrongs: string[] = [];
  let faults = DATABASE_WELL;
  let downUntilMs = 0;

  function mergeRow(row: Row): void {
    const key = `${row["account"]}/${row["accepted_day"]}/${row["message_id"]}`;
    const before = rows.get(key);
    const after = before === undefined ? row : greatest(before, row);
    rows.set(key, after);
    if (before !== undefined && cdrOf(after).state < cdrOf(before).state) {
      wrongs.push(`the state of ${key} fell`);
    }
  }

  function mergeEntry(row: Row): void {
    const key = `${row["account"]}/${row["ledger_sequence"]}`;
    const before = ledger.get(key);
    ledger.set(key, row);
    const same =
      before === undefined || JSON.stringify(plain(before)) === JSON.stringify(plain(row));
    if (!same) wrongs.push(`ledger row ${key} changed`);
  }

  function store(table: string, block: readonly Row[]): void {
    if (table === "cdr_rows") for (const row of block) mergeRow(row);
    if (table === "ledger") for (const row of block) mergeEntry(row);
  }

  /** Asks, over a network, a server that may be away. */
  function ask<T>(process: SimulatedProcess, serve: () => T): Promise<T> {
    const isDown = clock.monotonicMs() < downUntilMs;
    const fails = isDown || chance() < faults.failed;
    const stores = !fails || (!isDown && chance() < 0.5);
    const later = stores && fails && chance() < faults.failedLater;
    const wayMs = chance() * faults.lateMsMax;
    return new Promise((resolve, reject) => {
      clock.after(wayMs, () => {
        // Of a process that was killed meanwhile, half a statement may have come.
        const isWhole = process.alive() || chance() < 0.5;
        const value = stores && isWhole && !later ? serve() : undefined;
        if (later) clock.after(5_000 + chance() * 20_000, serve);
        clock.after(wayMs, () =>
          process.soon(() => {
            if (!fails) resolve(value as T);
            else reject(new FloeError("clickhouse.unavailable", { reason: "ECONNRESET" }));
          }),
        );
      });
    });
  }

  /** Open messages whose deadline has passed, and when that of the next one will (sweep.ts). */
  function look(parameters: Parameters): object {
    const { receiptWaitMs, beforeMs } = parameters;
    const overdue: unknown[] = [];
    let nextMs = 0;
    for (const row of rows.values()) {
      const { verdict, acceptedAtMs } = cdrOf(row);
      const submit = row["submit"] as string;
      const outcome = row["outcome"] as string;
      const deadlineMs = acceptedAtMs + (row["validity_ms"] as number) + Number(receiptWaitMs);
      const isOpen = verdict >= STATE.ACCEPTED && verdict <= STATE.SUBMITTED;
      const isEnded = outcome !== "" && outcome.charCodeAt(0) >= STATE.UNKNOWN;
      if (!isOpen || isEnded) continue;
      if (!(deadlineMs < Number(beforeMs))) {
        nextMs = nextMs === 0 ? deadlineMs : Math.min(nextMs, deadlineMs);
        continue;
      }
      const carrier = (row["route"] as string).split(":")[2]!.split(",")[0];
      const hop = submit === "" ? 0 : (submit.charCodeAt(1) << 8) | submit.charCodeAt(2);
      const seen = submit !== "" || outcome !== "" ? 1 : 0;
      const times = [String(acceptedAtMs), String(deadlineMs)];
      overdue.push([row["account"], row["message_id"], ...times, carrier, hop, seen]);
    }
    return { overdue, next_ms: String(nextMs) };
  }

  return {
    setFaults(next) {
      faults = next;
    },
    goDown(forMs) {
      downUntilMs = clock.monotonicMs() + forMs;
    },
    open: (process) => ({
      query: <T>(sql: string, parameters: Parameters = {}) => {
        assert.ok(sql.includes(OVERDUE) && sql.includes(NEXT), "only the sweep asks, and this");
        return ask(process, () => [look(parameters) as T]);
      },
      command(sql, parameters) {
        assert.match(sql, /^INSERT INTO cdr_hours/, "only hours are noted");
        const touched = parameters?.["hours"] as readonly number[];
        return ask(process, () => {
          for (const seconds of touched) hours.add(seconds / 3_600);
        });
      },
      insertNative(table, columns, parts) {
        const block = readBlock(Buffer.concat(parts), columns);
        return ask(process, () => store(table, block));
      },
      ping: () => Promise.resolve(true),
      close: () => Promise.resolve(),
    }),
    cdrs: () => [...rows.values()].map(cdrOf),
    ledger: () =>
      [...ledger.values()].map((row) => ({
        account: row["account"] as number,
        sequence: Number(row["ledger_sequence"]),
        kind: row["kind"] as number,
        amountMicros: row["amount_micros"] as bigint,
        id: row["message_id"] as string,
        reference: row["reference"] as string,
      })),
    hours,
    wrongs,
  };
}

/** What the sweep asks for, in its own words: if they change, so must `look`. */
const OVERDUE =
  "((account, message_id, accepted_at_ms, deadline_ms, carrier, hop, seen),\n" +
  "    deadline_ms < {beforeMs:Int64}) AS overdue,";
const NEXT = "minIf(deadline_ms, deadline_ms >= {beforeMs:Int64}) AS next_ms";

const plain = (row: Row): unknown => Object.values(row).map(String);

function greatest(one: Row, other: Row): Row {
  const merged: Record<string, Value> = {};
  for (const [name, value] of Object.entries(one)) {
    const theirs = other[name]!;
    if (theirs > value) merged[name] = theirs;
    else merged[name] = value;
  }
  return merged;
}

/** As the view does (deploy/clickhouse/0002_cdr.sql). */
function cdrOf(row: Row): Cdr {
  const submit = row["submit"] as string;
  const outcome = row["outcome"] as string;
  const verdict = Number((row["verdict"] as bigint) >> 56n);
  const submitted = submit.charCodeAt(0) === 2 ? STATE.SUBMITTED : 0;
  return {
    account: row["account"] as number,
    day: row["accepted_day"] as number,
    id: row["message_id"] as string,
    state: Math.max(verdict, submitted, outcome === "" ? 0 : outcome.charCodeAt(0)),
    verdict,
    acceptedAtMs: Number(row["accepted_at"]),
    chargedMicros: (row["charged_micros"] as bigint) + (row["adjusted_micros"] as bigint),
    releasedMicros: row["released_micros"] as bigint,
  };
}

/** Rows of one block in Native format. https://clickhouse.com/docs/interfaces/formats/Native */
function readBlock(bytes: Buffer, wanted: readonly string[]): Row[] {
  const cursor = { bytes, at: 0 };
  const columns = varint(cursor);
  const count = varint(cursor);
  const rows: Record<string, Value>[] = Array.from({ length: count }, () => ({}));
  const names: string[] = [];
  for (let column = 0; column < columns; column += 1) {
    const name = text(cursor);
    names.push(name);
    const values = readColumn(cursor, text(cursor), count);
    for (const [row, value] of values.entries()) rows[row]![name] = value;
  }
  assert.equal(cursor.at, bytes.length, "a block is read to its end");
  assert.deepEqual(names, wanted, "the columns of the statement are those of the block");
  return rows;
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function readColumn(cursor: Cursor, type: string, count: number): Value[] {
  if (type === "LowCardinality(String)") return readDictionary(cursor, count);
  const read = READERS[type];
  assert.ok(read !== undefined, `a column of type ${type}`);
  return Array.from({ length: count }, () => read(cursor));
}

const READERS: Readonly<Record<string, (cursor: Cursor) => Value>> = {
  UInt8: (cursor) => cursor.bytes.readUInt8(step(cursor, 1)),
  Int8: (cursor) => cursor.bytes.readInt8(step(cursor, 1)),
  UInt16: (cursor) => cursor.bytes.readUInt16LE(step(cursor, 2)),
  Date: (cursor) => cursor.bytes.readUInt16LE(step(cursor, 2)),
  UInt32: (cursor) => cursor.bytes.readUInt32LE(step(cursor, 4)),
  UInt64: (cursor) => cursor.bytes.readBigUInt64LE(step(cursor, 8)),
  Int64: (cursor) => cursor.bytes.readBigInt64LE(step(cursor, 8)),
  "DateTime64(3, 'UTC')": (cursor) => cursor.bytes.readBigInt64LE(step(cursor, 8)),
  "FixedString(16)": (cursor) => latin1(cursor, 16),
  UUID: (cursor) => uuid(cursor),
  String: (cursor) => text(cursor),
};

function readDictionary(cursor: Cursor, count: number): Value[] {
  const { bytes } = cursor;
  assert.equal(bytes.readBigUInt64LE(step(cursor, 8)), 1n, "keys stand in the block");
  assert.equal(bytes.readBigUInt64LE(step(cursor, 8)), 0x601n, "16-bit numbers, own keys");
  const size = Number(bytes.readBigUInt64LE(step(cursor, 8)));
  const values = Array.from({ length: size }, () => text(cursor));
  assert.equal(Number(bytes.readBigUInt64LE(step(cursor, 8))), count);
  return Array.from({ length: count }, () => values[bytes.readUInt16LE(step(cursor, 2))]!);
}

function step(cursor: Cursor, bytes: number): number {
  cursor.at += bytes;
  return cursor.at - bytes;
}

function latin1(cursor: Cursor, length: number): string {
  const at = step(cursor, length);
  return cursor.bytes.toString("latin1", at, at + length);
}

function text(cursor: Cursor): string {
  return latin1(cursor, varint(cursor));
}

/** Two little-endian halves. */
function uuid(cursor: Cursor): string {
  const halves = Buffer.from(cursor.bytes.subarray(cursor.at, cursor.at + 16)).swap64();
  cursor.at += 16;
  return formatId(halves);
}

function varint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const octet = cursor.bytes[cursor.at]!;
    cursor.at += 1;
    value += (octet & 127) * 2 ** shift;
    if (octet < 128) return value;
  }
}
