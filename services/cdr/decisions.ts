/**
 * Decision frames into rows: verdicts and settlements.
 *
 * In: the bytes of floe.v1.DecisionFrame. Out: columns of the verdict in `cdr_rows`, of settlements
 * there and in `ledger`. A record that makes no sense is refused alone: the others of its frame
 * count. Nothing is kept of the frame's bytes.
 */
import { acceptedDay, STATE } from "../../core/message.js";
import {
  CANDIDATE,
  SETTLEMENT,
  SETTLEMENT_ADJUST,
  SETTLEMENT_COMMIT,
  SETTLEMENT_RELEASE,
  TAG,
  VERDICT,
} from "../../core/stream/fields.js";
import {
  type Fields,
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  nextField,
  readFields,
  varintOf,
} from "../../core/stream/frame.js";
import type { Batch } from "./batch.js";
import { bigEndian32, intern, putUuid, putWide } from "./column.js";
import { anotherRowOf, foldText, type Rows, rowOf, TEXT } from "./rows.js";

const DAY_MAX = 0xffff;
const HOUR_MS = 3_600_000;
const NESTED_MAX = 16;

const fields = newFields();
const nested = newFields();
/** Where texts are put together: route, destination, tags. */
const scratch = new Uint8Array(32_768);

/** What every record begins with, checked. Filled by `readHead`. */
export const head = { idAt: 0, acceptedAtMs: 0, account: 0, day: 0 };

/**
 * Reads id, time of acceptance and account, which have the same field numbers in all records.
 * @returns false if one is missing or no such thing can be.
 */
export function readHead(bytes: Uint8Array, of: Fields): boolean {
  if (of[2 * VERDICT.messageId]! < 0 || of[2 * VERDICT.messageId + 1] !== 16) return false;
  head.idAt = of[2 * VERDICT.messageId]!;
  head.acceptedAtMs = fixed64Of(bytes, of, VERDICT.acceptedAtMs);
  head.account = fixed32Of(bytes, of, VERDICT.account);
  head.day = acceptedDay(head.acceptedAtMs);
  return head.day > 0 && head.day <= DAY_MAX;
}

/** The row of the record whose head was read. */
export function rowOfHead(rows: Rows, bytes: Uint8Array): number {
  const at = head.idAt;
  return rowOf(
    rows,
    head.account,
    head.day,
    bigEndian32(bytes, at + 4),
    bigEndian32(bytes, at),
    bigEndian32(bytes, at + 12),
    bigEndian32(bytes, at + 8),
  );
}

/** Notes that the hour of the record whose head was read gets rows. */
export function touchHour(batch: Batch): void {
  const hour = Math.floor(head.acceptedAtMs / HOUR_MS);
  if (hour === batch.lastHour) return;
  batch.lastHour = hour;
  batch.hours.add(hour);
}

/** Takes the Verdict in `bytes[at, end)`. @returns false if it is malformed. */
export function takeVerdict(batch: Batch, bytes: Uint8Array, at: number, end: number): boolean {
  if (!readFields(bytes, at, end, fields) || !readHead(bytes, fields)) return false;
  const state = fixed32Of(bytes, fields, VERDICT.state);
  // A repeat of a message that is decided: it changes nothing.
  if (state === 0) return true;
  const reason = fixed32Of(bytes, fields, VERDICT.reason);
  const price = fixed64Of(bytes, fields, VERDICT.priceMicros);
  const cost = fixed64Of(bytes, fields, VERDICT.costMicros);
  const expiresAtMs = fixed64Of(bytes, fields, VERDICT.expiresAtMs);
  const validityMs = expiresAtMs - head.acceptedAtMs;
  if (state > STATE.DELIVERED || reason > 255 || Number.isNaN(price + cost)) return false;
  if (!(validityMs >= 0 && validityMs <= 0xffff_ffff)) return false;
  const routeEnd = writeRoute(bytes, at, end);
  if (routeEnd < 0) return false;

  const { rows } = batch;
  let row = rowOfHead(rows, bytes);
  if (rows.verdict[2 * row + 1] !== 0) row = anotherRowOf(rows, row);
  touchHour(batch);
  const place = fixed32Of(bytes, fields, VERDICT.place);
  rows.verdict[2 * row + 1] =
    (state << 24) |
    (reason << 16) |
    ((place & 255) << 8) |
    (varintOf(fields, VERDICT.trafficClass) & 255);
  rows.verdict[2 * row] =
    ((varintOf(fields, VERDICT.encoding) & 255) << 24) |
    (Math.min(255, varintOf(fields, VERDICT.segments)) << 16) |
    ((varintOf(fields, VERDICT.chargeBasis) & 255) << 8) |
    (varintOf(fields, VERDICT.receipt) & 255);
  putWide(rows.acceptedAt, 2 * row, head.acceptedAtMs);
  rows.validity[row] = validityMs;
  putWide(rows.price, 2 * row, price);
  putWide(rows.cost, 2 * row, cost);
  rows.tablesVersion[row] = varintOf(fields, VERDICT.tablesVersion);
  rows.plan[row] = varintOf(fields, VERDICT.plan);
  putSealed(rows.toEnc, row, bytes, VERDICT.toEnc);
  putSealed(rows.toTok, row, bytes, VERDICT.toTok);

  const { dictionaries } = rows;
  if (routeEnd > 0) {
    rows.route[row] = intern(dictionaries.route, scratch, 0, routeEnd);
    // Of two routes the one with fewer carriers to come counts, and so does its cost.
    rows.cost[2 * row + 1] = rows.cost[2 * row + 1]! | (scratch[0]! << 24);
  }
  const destinationEnd = writeDestination(bytes);
  if (destinationEnd > 3) {
    rows.destination[row] = intern(dictionaries.destination, scratch, 0, destinationEnd);
  }
  const sender = fields[2 * VERDICT.sender]!;
  if (sender >= 0) {
    const senderEnd = sender + fields[2 * VERDICT.sender + 1]!;
    rows.sender[row] = intern(dictionaries.sender, bytes, sender, senderEnd);
  }
  const currency = fields[2 * VERDICT.currency]!;
  if (currency >= 0) {
    const currencyEnd = currency + fields[2 * VERDICT.currency + 1]!;
    rows.currency[row] = intern(dictionaries.currency, bytes, currency, currencyEnd);
  }
  takeTexts(rows, row, bytes, at, end);
  return true;
}

function takeTexts(rows: Rows, row: number, bytes: Uint8Array, at: number, end: number): void {
  const reference = fields[2 * VERDICT.clientReference]!;
  if (reference >= 0) {
    const referenceEnd = reference + fields[2 * VERDICT.clientReference + 1]!;
    foldText(rows, row, TEXT.clientReference, bytes, reference, referenceEnd);
  }
  if (fields[2 * VERDICT.tags]! >= 0) {
    const tagsEnd = writeTags(bytes, at, end);
    foldText(rows, row, TEXT.tags, scratch, 0, tagsEnd);
  }
}

function putSealed(column: Uint8Array, row: number, bytes: Uint8Array, field: number): void {
  const at = fields[2 * field]!;
  if (at < 0 || fields[2 * field + 1] !== 16) return;
  const to = 16 * row;
  for (let octet = 0; octet < 16; octet += 1) column[to + octet] = bytes[at + octet]!;
}

/** Copies a field's bytes into the scratch. @returns where they end there. */
function copyField(bytes: Uint8Array, of: Fields, field: number, to: number): number {
  const at = of[2 * field]!;
  if (at < 0) return to;
  const end = at + of[2 * field + 1]!;
  let write = to;
  for (let read = at; read < end; read += 1) scratch[write++] = bytes[read]!;
  return write;
}

const COLON = 0x3a;
const COMMA = 0x2c;
const BAR = 0x7c;
const ZERO = 0x30;

/**
 * "<9 - carriers to come>:<cost currency>:<carrier>,<carrier>" into the scratch.
 * @returns its end; 0 without a carrier; -1 if it is malformed.
 */
function writeRoute(bytes: Uint8Array, at: number, end: number): number {
  const carrierBytes = fields[2 * VERDICT.carrier + 1]!;
  if (fields[2 * VERDICT.carrier]! < 0 || carrierBytes === 0) return 0;
  if (carrierBytes > 64 || fields[2 * VERDICT.costCurrency + 1]! > 16) return -1;
  let write = copyField(bytes, fields, VERDICT.costCurrency, 2);
  scratch[1] = COLON;
  scratch[write++] = COLON;
  write = copyField(bytes, fields, VERDICT.carrier, write);
  let candidates = 0;
  if (fields[2 * VERDICT.candidates]! >= 0) {
    for (let next = candidatesFrom(at); ; next = found.end) {
      const kind = nextField(bytes, next, end, VERDICT.candidates);
      if (kind === 0) break;
      candidates += 1;
      if (kind < 0 || candidates > 9) return -1;
      const foundEnd = found.end;
      if (!readFields(bytes, found.at, foundEnd, nested)) return -1;
      if (nested[2 * CANDIDATE.carrier + 1]! > 64) return -1;
      scratch[write++] = COMMA;
      write = copyField(bytes, nested, CANDIDATE.carrier, write);
      found.end = foundEnd;
    }
  }
  scratch[0] = ZERO + 9 - candidates;
  return write;
}

/** Candidates are the last fields of a verdict: from the cost's currency on is near enough. */
function candidatesFrom(at: number): number {
  const place = fields[2 * VERDICT.costCurrency]!;
  if (place < 0 || place > fields[2 * VERDICT.candidates]!) return at;
  return place + fields[2 * VERDICT.costCurrency + 1]!;
}

/** "<prefix>|<country>|<mcc>|<mnc>" into the scratch. @returns its end, 3 if all are empty. */
function writeDestination(bytes: Uint8Array): number {
  if (
    fields[2 * VERDICT.toPrefix + 1]! > 64 ||
    fields[2 * VERDICT.country + 1]! > 64 ||
    fields[2 * VERDICT.mcc + 1]! > 64 ||
    fields[2 * VERDICT.mnc + 1]! > 64
  ) {
    return 3;
  }
  let write = copyField(bytes, fields, VERDICT.toPrefix, 0);
  scratch[write++] = BAR;
  write = copyField(bytes, fields, VERDICT.country, write);
  scratch[write++] = BAR;
  write = copyField(bytes, fields, VERDICT.mcc, write);
  scratch[write++] = BAR;
  return copyField(bytes, fields, VERDICT.mnc, write);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = Buffer.from("0123456789abcdef", "latin1");

/** The tags as a JSON object into the scratch. @returns its end. */
function writeTags(bytes: Uint8Array, at: number, end: number): number {
  let write = 0;
  scratch[write++] = 0x7b;
  let tags = 0;
  for (let next = at; tags < NESTED_MAX; next = found.end) {
    if (nextField(bytes, next, end, VERDICT.tags) !== 1) break;
    const foundEnd = found.end;
    if (readFields(bytes, found.at, foundEnd, nested) && foundEnd - found.at < 1_024) {
      if (tags > 0) scratch[write++] = COMMA;
      write = writeJsonText(bytes, TAG.key, write);
      scratch[write++] = COLON;
      write = writeJsonText(bytes, TAG.value, write);
      tags += 1;
    }
    found.end = foundEnd;
  }
  scratch[write++] = 0x7d;
  return write;
}

function writeJsonText(bytes: Uint8Array, field: number, to: number): number {
  let write = to;
  scratch[write++] = QUOTE;
  const at = nested[2 * field]!;
  const end = at < 0 ? at : at + nested[2 * field + 1]!;
  for (let read = at; read < end; read += 1) {
    const octet = bytes[read]!;
    if (octet < 0x20) {
      for (const text of [BACKSLASH, 0x75, ZERO, ZERO]) scratch[write++] = text;
      scratch[write++] = HEX[octet >>> 4]!;
      scratch[write++] = HEX[octet & 15]!;
    } else {
      if (octet === QUOTE || octet === BACKSLASH) scratch[write++] = BACKSLASH;
      scratch[write++] = octet;
    }
  }
  scratch[write++] = QUOTE;
  return write;
}

/** Takes the Settlement in `bytes[at, end)`. @returns false if it is malformed. */
export function takeSettlement(batch: Batch, bytes: Uint8Array, at: number, end: number): boolean {
  if (!readFields(bytes, at, end, fields) || !readHead(bytes, fields)) return false;
  const kind = fixed32Of(bytes, fields, SETTLEMENT.kind);
  const amount = fixed64Of(bytes, fields, SETTLEMENT.amountMicros);
  const sequence = fixed64Of(bytes, fields, SETTLEMENT.ledgerSequence);
  const atMs = fixed64Of(bytes, fields, SETTLEMENT.atMs);
  if (Number.isNaN(amount + sequence + atMs) || sequence === 0) return false;

  const { rows, entries } = batch;
  const column =
    kind === SETTLEMENT_COMMIT
      ? rows.charged
      : kind === SETTLEMENT_RELEASE
        ? rows.released
        : kind === SETTLEMENT_ADJUST
          ? rows.adjusted
          : undefined;
  if (column === undefined) return false;
  const row = rowOfHead(rows, bytes);
  touchHour(batch);
  putWide(column, 2 * row, Math.max(amount, wideAt(column, row)));
  const sequenceBefore = wideAt(rows.ledgerSequence, row);
  if (sequence > sequenceBefore) putWide(rows.ledgerSequence, 2 * row, sequence);

  const entry = entries.count;
  entries.count = entry + 1;
  entries.account[entry] = head.account;
  putWide(entries.sequence, 2 * entry, sequence);
  entries.kind[entry] = kind;
  putWide(entries.amount, 2 * entry, amount);
  putUuid(entries.id, 4 * entry, bytes, head.idAt);
  putWide(entries.acceptedAt, 2 * entry, head.acceptedAtMs);
  putWide(entries.at, 2 * entry, atMs);
  const currency = fields[2 * SETTLEMENT.currency]!;
  entries.currency[entry] =
    currency < 0
      ? 0
      : intern(
          entries.currencies,
          bytes,
          currency,
          currency + fields[2 * SETTLEMENT.currency + 1]!,
        );
  return true;
}

function wideAt(column: Uint32Array, row: number): number {
  return column[2 * row + 1]! * 2 ** 32 + column[2 * row]!;
}
