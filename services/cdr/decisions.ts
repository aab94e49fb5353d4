/**
 * Decision frames into rows: verdicts and settlements.
 *
 * In: the bytes of floe.v1.DecisionFrame. Out: columns of the verdict in `cdr_rows`, of settlements
 * there and in `ledger`. A record that makes no sense is refused alone: the others of its frame
 * count. Nothing is kept of the frame's bytes.
 */
import { STATE } from "../../core/message.js";
import {
  CANDIDATE,
  SETTLEMENT,
  SETTLEMENT_COMMIT,
  SETTLEMENT_DEBIT,
  SETTLEMENT_RELEASE,
  SETTLEMENT_TOP_UP,
  TAG,
  VERDICT,
} from "../../core/stream/fields.js";
import {
  type Fields,
  found,
  newFields,
  nextField,
  readFields,
  varintOf,
} from "../../core/stream/frame.js";
import { VERDICT_AT } from "../../workers/task.js";
import type { Batch } from "./batch.js";
import {
  add,
  copyBytes,
  type Dictionary,
  find,
  intern,
  internSame,
  newSource,
  putBlock,
  putTextValue,
  putUuid,
  putWide,
  type Source,
  type TextColumn,
  wideAt,
} from "./column.js";
import {
  fields,
  head,
  ID_AT,
  matchesHead,
  newLayout,
  readRecord,
  record,
  rowOfRecord,
  wideFrom,
} from "./record.js";
import { anotherRowOf, foldTextFrom, type Rows, TEXT } from "./rows.js";

/** A verdict whose fixed fields stand where `VERDICT_AT` says. */
const VERDICT_LAYOUT = newLayout(
  [8, 4, 4, 4, 4, 8, 8, 8, 8],
  (view, at) =>
    matchesHead(view, at) &&
    view.getUint8(at + VERDICT_AT.state - 1) === 0x25 &&
    view.getUint8(at + VERDICT_AT.reason - 1) === 0x2d &&
    view.getUint8(at + VERDICT_AT.place - 1) === 0x35 &&
    view.getUint8(at + VERDICT_AT.priceMicros - 1) === 0x39 &&
    view.getUint8(at + VERDICT_AT.costMicros - 1) === 0x41 &&
    view.getUint8(at + VERDICT_AT.keyTag - 1) === 0x49 &&
    view.getUint8(at + VERDICT_AT.expiresAtMs - 1) === 0x51,
);
/** The same of a settlement. */
const SETTLEMENT_AT = { kind: 33, amountMicros: 38, ledgerSequence: 47, atMs: 56 } as const;
const SETTLEMENT_LAYOUT = newLayout(
  [8, 4, 4, 8, 8, 8],
  (view, at) =>
    matchesHead(view, at) &&
    view.getUint8(at + SETTLEMENT_AT.kind - 1) === 0x25 &&
    view.getUint8(at + SETTLEMENT_AT.amountMicros - 1) === 0x29 &&
    view.getUint8(at + SETTLEMENT_AT.ledgerSequence - 1) === 0x31 &&
    view.getUint8(at + SETTLEMENT_AT.atMs - 1) === 0x39,
);
const TAGS_MAX = 16;
const CANDIDATES_MAX = 9;
const NAME_BYTES_MAX = 64;

const nested = newFields();
/** Where texts are put together: route, destination, tags. */
const scratch = newSource(new Uint8Array(32_768));

/** Takes the Verdict in `frame.bytes[from, to)`. @returns false if it is malformed. */
export function takeVerdict(batch: Batch, frame: Source, from: number, to: number): boolean {
  if (!readRecord(frame, VERDICT_LAYOUT, from, to)) return false;
  const { source, at } = record;
  const { view } = source;
  const state = view.getUint32(at + VERDICT_AT.state, true);
  // A repeat of a message that is decided: it changes nothing.
  if (state === 0) return true;
  const reason = view.getUint32(at + VERDICT_AT.reason, true);
  const price = wideFrom(view, at + VERDICT_AT.priceMicros);
  const cost = wideFrom(view, at + VERDICT_AT.costMicros);
  const validityMs = wideFrom(view, at + VERDICT_AT.expiresAtMs) - head.acceptedAtMs;
  if (state > STATE.DELIVERED || reason > 255 || Number.isNaN(price + cost)) return false;
  if (!(validityMs >= 0 && validityMs <= 0xffff_ffff)) return false;
  const routeEnd = writeRoute(source);
  if (routeEnd < 0) return false;

  const { rows } = batch;
  let row = rowOfRecord(batch);
  if (rows.verdict[2 * row + 1] !== 0) row = anotherRowOf(rows, row);
  rows.verdict[2 * row + 1] =
    (state << 24) |
    (reason << 16) |
    (view.getUint8(at + VERDICT_AT.place) << 8) |
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
  putSealed(rows.toEnc, row, source, VERDICT.toEnc);
  putSealed(rows.toTok, row, source, VERDICT.toTok);
  if (routeEnd > 0) {
    rows.route[row] = intern(rows.dictionaries.route, scratch, 0, routeEnd);
    // Of two routes the one with fewer carriers to come counts, and so does its cost.
    rows.cost[2 * row + 1] = rows.cost[2 * row + 1]! | (scratch.bytes[0]! << 24);
  }
  takeTexts(rows, row, source);
  return true;
}

function takeTexts(rows: Rows, row: number, source: Source): void {
  const { dictionaries } = rows;
  rows.destination[row] = internDestination(dictionaries.destination, source);
  rows.sender[row] = internField(dictionaries.sender, source, VERDICT.sender);
  rows.currency[row] = internSameField(dictionaries.currency, source, VERDICT.currency);
  rows.decided[row] = internDecided(dictionaries.decided, source);
  const reference = fields[2 * VERDICT.clientReference]!;
  if (reference >= 0) {
    const referenceEnd = reference + fields[2 * VERDICT.clientReference + 1]!;
    foldTextFrom(rows, row, TEXT.clientReference, source, reference, referenceEnd);
  }
  if (fields[2 * VERDICT.tags]! >= 0) {
    foldTextFrom(rows, row, TEXT.tags, scratch, 0, writeTags(source.bytes));
  }
}

/** The number of a text field's value. */
export function internField(dictionary: Dictionary, source: Source, field: number): number {
  const at = fields[2 * field]!;
  return at < 0 ? 0 : intern(dictionary, source, at, at + fields[2 * field + 1]!);
}

/** The same for a column whose neighbours are equal more often than not. */
export function internSameField(dictionary: Dictionary, source: Source, field: number): number {
  const at = fields[2 * field]!;
  return at < 0 ? 0 : internSame(dictionary, source, at, at + fields[2 * field + 1]!);
}

function putSealed(column: Uint32Array, row: number, { view }: Source, field: number): void {
  const at = fields[2 * field]!;
  if (at >= 0 && fields[2 * field + 1] === 16) putBlock(column, 4 * row, view, at);
}

/** Copies a field's bytes into the scratch. @returns where they end there. */
function copyField(source: Source, of: Fields, field: number, to: number): number {
  const at = of[2 * field]!;
  if (at < 0) return to;
  const length = of[2 * field + 1]!;
  copyBytes(scratch, to, source, at, at + length);
  return to + length;
}

const COLON = 0x3a;
const COMMA = 0x2c;
const BAR = 0x7c;
const ZERO = 0x30;

/**
 * "<9 - carriers to come>:<cost currency>:<carrier>,<carrier>" into the scratch.
 * @returns its end; 0 without a carrier; -1 if it is malformed.
 */
function writeRoute(source: Source): number {
  const carrierBytes = fields[2 * VERDICT.carrier + 1]!;
  if (fields[2 * VERDICT.carrier]! < 0 || carrierBytes === 0) return 0;
  if (carrierBytes > NAME_BYTES_MAX) return -1;
  if (fields[2 * VERDICT.costCurrency + 1]! > NAME_BYTES_MAX) return -1;
  const { bytes } = scratch;
  let write = copyField(source, fields, VERDICT.costCurrency, 2);
  bytes[1] = COLON;
  bytes[write++] = COLON;
  write = copyField(source, fields, VERDICT.carrier, write);
  let candidates = 0;
  if (fields[2 * VERDICT.candidates]! >= 0) {
    for (let next = candidatesFrom(); ; ) {
      const kind = nextField(source.bytes, next, record.end, VERDICT.candidates);
      if (kind === 0) break;
      candidates += 1;
      if (kind < 0 || candidates > CANDIDATES_MAX) return -1;
      next = found.end;
      if (!readFields(source.bytes, found.at, next, nested)) return -1;
      if (nested[2 * CANDIDATE.carrier + 1]! > NAME_BYTES_MAX) return -1;
      bytes[write++] = COMMA;
      write = copyField(source, nested, CANDIDATE.carrier, write);
    }
  }
  bytes[0] = ZERO + CANDIDATES_MAX - candidates;
  return write;
}

/** Where to look for candidates: behind what our writers put before them. */
function candidatesFrom(): number {
  const before = fields[2 * VERDICT.costCurrency]!;
  if (before < 0 || before > fields[2 * VERDICT.candidates]!) return restFrom();
  return before + fields[2 * VERDICT.costCurrency + 1]!;
}

function restFrom(): number {
  return record.at + VERDICT_LAYOUT.bytes;
}

/**
 * The number of "<prefix>|<country>|<mcc>|<mnc>". These four stand beside one another in a record,
 * so the bytes from the first to the last tell one from another, and the text is made once.
 */
function internDestination(dictionary: Dictionary, source: Source): number {
  let from = Number.MAX_SAFE_INTEGER;
  let end = 0;
  for (let field: number = VERDICT.toPrefix; field <= VERDICT.mnc; field += 1) {
    const at = fields[2 * field]!;
    if (at < 0) continue;
    if (at < from) from = at;
    const fieldEnd = at + fields[2 * field + 1]!;
    if (fieldEnd > end) end = fieldEnd;
  }
  if (end === 0) return 0;
  // From the first one's tag and length on: without these "1" and "12" might be "11" and "2".
  const number = find(dictionary, source, from - 2, end);
  if (number >= 0) return number;
  return add(dictionary, source, from - 2, end, scratch, 0, writeDestination(source));
}

/**
 * The number of "<rule>|<flags>|<languages>|<sent sender>". Nearly every message has a rule and no
 * more; the text is short, so it is made for each and looked up.
 */
function internDecided(dictionary: Dictionary, source: Source): number {
  const flags = varintOf(fields, VERDICT.flags);
  const languages = varintOf(fields, VERDICT.languages);
  const rule = fields[2 * VERDICT.rule + 1]!;
  const sender = fields[2 * VERDICT.sentSender + 1]!;
  const hasRule = fields[2 * VERDICT.rule]! >= 0 && rule <= NAME_BYTES_MAX;
  const hasSender = fields[2 * VERDICT.sentSender]! >= 0 && sender <= NAME_BYTES_MAX;
  if (!hasRule && !hasSender && (flags | languages) === 0) return 0;
  let write = hasRule ? copyField(source, fields, VERDICT.rule, 0) : 0;
  scratch.bytes[write++] = BAR;
  write = writeNumber(flags, write);
  scratch.bytes[write++] = BAR;
  write = writeNumber(languages, write);
  scratch.bytes[write++] = BAR;
  if (hasSender) write = copyField(source, fields, VERDICT.sentSender, write);
  return internSame(dictionary, scratch, 0, write);
}

/** A decimal number below 2^32 into the scratch. @returns its end. */
function writeNumber(value: number, to: number): number {
  let write = to;
  for (let unit = value < 10 ? 1 : 10 ** Math.floor(Math.log10(value)); unit >= 1; unit /= 10) {
    scratch.bytes[write++] = ZERO + (Math.floor(value / unit) % 10);
  }
  return write;
}

function writeDestination(source: Source): number {
  let write = 0;
  for (let field: number = VERDICT.toPrefix; field <= VERDICT.mnc; field += 1) {
    if (field > VERDICT.toPrefix) scratch.bytes[write++] = BAR;
    if (fields[2 * field + 1]! > NAME_BYTES_MAX) continue;
    write = copyField(source, fields, field, write);
  }
  return write;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const TAG_BYTES_MAX = 1_024;
const HEX = Buffer.from("0123456789abcdef", "latin1");

/** The tags as a JSON object into the scratch. @returns its end. */
function writeTags(bytes: Uint8Array): number {
  let write = 0;
  scratch.bytes[write++] = 0x7b;
  let tags = 0;
  for (let next = restFrom(); tags < TAGS_MAX; ) {
    if (nextField(bytes, next, record.end, VERDICT.tags) !== 1) break;
    next = found.end;
    if (next - found.at > TAG_BYTES_MAX || !readFields(bytes, found.at, next, nested)) continue;
    if (tags > 0) scratch.bytes[write++] = COMMA;
    write = writeJsonText(bytes, TAG.key, write);
    scratch.bytes[write++] = COLON;
    write = writeJsonText(bytes, TAG.value, write);
    tags += 1;
  }
  scratch.bytes[write++] = 0x7d;
  return write;
}

function writeJsonText(bytes: Uint8Array, field: number, to: number): number {
  const text = scratch.bytes;
  let write = to;
  text[write++] = QUOTE;
  const at = nested[2 * field]!;
  const end = at < 0 ? at : at + nested[2 * field + 1]!;
  for (let read = at; read < end; read += 1) {
    const octet = bytes[read]!;
    if (octet < 0x20) {
      for (const character of [BACKSLASH, 0x75, ZERO, ZERO]) text[write++] = character;
      text[write++] = HEX[octet >>> 4]!;
      text[write++] = HEX[octet & 15]!;
    } else {
      if (octet === QUOTE || octet === BACKSLASH) text[write++] = BACKSLASH;
      text[write++] = octet;
    }
  }
  text[write++] = QUOTE;
  return write;
}

/** Takes the Settlement in `frame.bytes[from, to)`. @returns false if it is malformed. */
export function takeSettlement(batch: Batch, frame: Source, from: number, to: number): boolean {
  if (!readRecord(frame, SETTLEMENT_LAYOUT, from, to)) return false;
  const { source, at } = record;
  const { view } = source;
  const kind = view.getUint32(at + SETTLEMENT_AT.kind, true);
  const amount = wideFrom(view, at + SETTLEMENT_AT.amountMicros);
  const sequence = wideFrom(view, at + SETTLEMENT_AT.ledgerSequence);
  const atMs = wideFrom(view, at + SETTLEMENT_AT.atMs);
  if (Number.isNaN(amount + sequence + atMs) || sequence === 0) return false;
  if (kind === 0 || kind > SETTLEMENT_DEBIT) return false;
  // By hand: of no message.
  if (kind < SETTLEMENT_TOP_UP) settleRow(batch, kind, amount, sequence);

  const { entries } = batch;
  const entry = entries.count;
  entries.count = entry + 1;
  entries.account[entry] = head.account;
  putWide(entries.sequence, 2 * entry, sequence);
  entries.kind[entry] = kind;
  putWide(entries.amount, 2 * entry, amount);
  putUuid(entries.id, 4 * entry, view, at + ID_AT);
  putWide(entries.acceptedAt, 2 * entry, head.acceptedAtMs);
  putWide(entries.at, 2 * entry, atMs);
  entries.currency[entry] = internSameField(entries.currencies, source, SETTLEMENT.currency);
  const balanceAt = fields[2 * SETTLEMENT.balanceAfterMicros]!;
  entries.balanceAfter[2 * entry] = balanceAt < 0 ? 0 : view.getUint32(balanceAt, true);
  entries.balanceAfter[2 * entry + 1] = balanceAt < 0 ? 0 : view.getUint32(balanceAt + 4, true);
  putTextField(entries.reference, source, SETTLEMENT.reference);
  putTextField(entries.note, source, SETTLEMENT.note);
  return true;
}

function putTextField(column: TextColumn, source: Source, field: number): void {
  const from = Math.max(0, fields[2 * field]!);
  const length = fields[2 * field]! < 0 ? 0 : fields[2 * field + 1]!;
  putTextValue(column, source, from, from + length);
}

/** What became of a message's money. */
function settleRow(batch: Batch, kind: number, amount: number, sequence: number): void {
  const { rows } = batch;
  const column = settled(rows, kind);
  const row = rowOfRecord(batch);
  putWide(column, 2 * row, Math.max(amount, wideAt(column, 2 * row)));
  const sequenceBefore = wideAt(rows.ledgerSequence, 2 * row);
  if (sequence > sequenceBefore) putWide(rows.ledgerSequence, 2 * row, sequence);
}

/** The column that a settlement of this kind sets. */
function settled(rows: Rows, kind: number): Uint32Array {
  if (kind === SETTLEMENT_COMMIT) return rows.charged;
  return kind === SETTLEMENT_RELEASE ? rows.released : rows.adjusted;
}
