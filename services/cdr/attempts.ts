/**
 * Attempt frames into rows: `attempts`, and the submission and outcome of `cdr_rows`.
 *
 * In: the bytes of floe.v1.AttemptFrame. Out: a row in `attempts` for each event (each part's carrier
 * id makes one of its own), and what the event says of the message, packed so that of two the
 * greater is the one that counts (deploy/clickhouse/0001_cdr_rows.sql).
 */
import { STATE } from "../../core/message.js";
import {
  ATTEMPT,
  ATTEMPT_FRAME,
  ATTEMPT_IN_DOUBT,
  ATTEMPT_INTENT,
  ATTEMPT_MARKER,
  ATTEMPT_RECEIPT,
  ATTEMPT_REFUSED,
  ATTEMPT_SUBMITTED,
  ATTEMPT_TIMED_OUT,
} from "../../core/stream/fields.js";
import {
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  nextField,
  readFields,
  varintOf,
} from "../../core/stream/frame.js";
import { ATTEMPTS_OF_RECORD_MAX, type Batch } from "./batch.js";
import {
  copyBytes,
  intern,
  newSource,
  putBlock,
  putTextValue,
  putUuid,
  putWide,
  type Source,
} from "./column.js";
import { internSameField } from "./decisions.js";
import type { Attempts } from "./events.js";
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
import { beginText, foldText, TEXT } from "./rows.js";

/** What the records of a frame share: its carrier is `bytes[carrierAt, carrierEnd)`. */
const frame = {
  source: newSource(new Uint8Array(0)),
  recordedAtMs: 0,
  carrierAt: 0,
  carrierEnd: 0,
  carrier: 0,
};

/** Where an attempt's fixed fields have their values, from its first byte. */
const ATTEMPT_AT = { kind: 33, hop: 38, atMs: 43, state: 52 } as const;
const LAYOUT = newLayout(
  [8, 4, 4, 4, 8, 4],
  (view, at) =>
    matchesHead(view, at) &&
    view.getUint8(at + ATTEMPT_AT.kind - 1) === 0x25 &&
    view.getUint8(at + ATTEMPT_AT.hop - 1) === 0x2d &&
    view.getUint8(at + ATTEMPT_AT.atMs - 1) === 0x31 &&
    view.getUint8(at + ATTEMPT_AT.state - 1) === 0x3d,
);
const HOP_MAX = 0xffff;
const TEXT_BYTES_MAX = 1_024;
/** Certainty of a submission. */
const DOUBTED = 1;
const SUBMITTED = 2;

/** Where the id that `firstId` found ends. */
let idEnd = 0;
const headFields = newFields();
/** Fields of the record at hand that are looked at more than once. */
const event = { kind: 0, hop: 0, atMs: 0, state: 0, error: 0, final: 0, part: 0, parts: 0 };

/** Reads what a frame says before its records. @returns false if it is malformed. */
export function readAttemptFrame(batch: Batch, source: Source): boolean {
  const { bytes } = source;
  if (!readFields(bytes, 0, bytes.length, headFields)) return false;
  const carrier = headFields[2 * ATTEMPT_FRAME.carrier]!;
  frame.carrierAt = Math.max(0, carrier);
  frame.carrierEnd = carrier < 0 ? 0 : carrier + headFields[2 * ATTEMPT_FRAME.carrier + 1]!;
  frame.recordedAtMs = fixed64Of(bytes, headFields, ATTEMPT_FRAME.publishedAtMs);
  if (frame.carrierEnd - frame.carrierAt > TEXT_BYTES_MAX || Number.isNaN(frame.recordedAtMs)) {
    return false;
  }
  const { dictionaries } = batch.attempts;
  frame.source = source;
  frame.carrier = intern(dictionaries.carrier, source, frame.carrierAt, frame.carrierEnd);
  return true;
}

/**
 * Takes the AttemptRecord in `bytes[from, to)` of the frame that `readAttemptFrame` read.
 * @returns false if it is malformed.
 */
export function takeAttempt(batch: Batch, data: Source, from: number, to: number): boolean {
  if (!readRecord(data, LAYOUT, from, to)) return isMarker(data, from, to);
  const { source, at, end } = record;
  event.kind = source.view.getUint32(at + ATTEMPT_AT.kind, true);
  if (event.kind === ATTEMPT_MARKER) return true;
  if (!readEvent(source, at)) return false;
  const rest = at + LAYOUT.bytes;
  const ids = countIds(source.bytes, rest, end);
  if (ids < 0) return false;

  // An intent, and a refusal after which another carrier is tried, say nothing of the message.
  if (event.kind === ATTEMPT_SUBMITTED) {
    const row = rowOfRecord(batch);
    foldSubmit(batch, row, source, SUBMITTED, firstId(source.bytes, rest, end, ids));
  } else if (event.kind === ATTEMPT_IN_DOUBT) {
    foldSubmit(batch, rowOfRecord(batch), source, DOUBTED, -1);
  } else if (decides()) {
    foldOutcome(batch, rowOfRecord(batch), source);
  }
  const { attempts } = batch;
  if (ids < 2) {
    const place = fields[2 * ATTEMPT.carrierIds]!;
    addRow(attempts, source, at, event.part, event.parts);
    if (ids === 0) putTextValue(attempts.carrierId, source, 0, 0);
    else putTextValue(attempts.carrierId, source, place, place + lastIdBytes());
    return true;
  }
  let next = rest;
  for (let part = 1; part <= ids; part += 1) {
    nextField(source.bytes, next, end, ATTEMPT.carrierIds);
    next = found.end;
    // A part that the carrier did not take has an empty id, and a receipt that says so.
    if (found.at === found.end) continue;
    addRow(attempts, source, at, part, ids);
    putTextValue(attempts.carrierId, source, found.at, found.end);
  }
  return true;
}

/** Whether the record is nothing but a mark in the subject's order, which needs no message. */
function isMarker({ bytes }: Source, from: number, to: number): boolean {
  if (!readFields(bytes, from, to, fields)) return false;
  return fixed32Of(bytes, fields, ATTEMPT.kind) === ATTEMPT_MARKER;
}

function readEvent({ bytes, view }: Source, at: number): boolean {
  event.hop = view.getUint32(at + ATTEMPT_AT.hop, true);
  event.atMs = wideFrom(view, at + ATTEMPT_AT.atMs);
  event.state = view.getUint32(at + ATTEMPT_AT.state, true);
  event.error = fixed32Of(bytes, fields, ATTEMPT.error);
  event.final = varintOf(fields, ATTEMPT.final) === 0 ? 0 : 1;
  event.part = fixed32Of(bytes, fields, ATTEMPT.part);
  event.parts = fixed32Of(bytes, fields, ATTEMPT.parts);
  if (event.kind < ATTEMPT_INTENT || event.kind > ATTEMPT_TIMED_OUT) return false;
  if (event.hop > HOP_MAX || event.state > STATE.DELIVERED || Number.isNaN(event.atMs))
    return false;
  if (event.part > 255 || event.parts > 255) return false;
  if (fields[2 * ATTEMPT.errorText + 1]! > TEXT_BYTES_MAX) return false;
  return !decides() || event.state !== 0;
}

/** Whether the event says how the message ended, or how far it is. */
function decides(): boolean {
  return (
    event.kind === ATTEMPT_RECEIPT ||
    event.kind === ATTEMPT_TIMED_OUT ||
    (event.kind === ATTEMPT_REFUSED && event.final !== 0)
  );
}

function lastIdBytes(): number {
  return fields[2 * ATTEMPT.carrierIds + 1]!;
}

/** How many carrier ids there are, -1 if too many or too long. One is the rule and costs nothing. */
function countIds(bytes: Uint8Array, rest: number, end: number): number {
  const last = fields[2 * ATTEMPT.carrierIds]!;
  if (last < 0) return 0;
  // Behind a tag and a length of one byte at the very beginning: it is the first as well.
  if (last === rest + 2) return 1;
  let count = 0;
  for (let next = rest; nextField(bytes, next, end, ATTEMPT.carrierIds) === 1; next = found.end) {
    if (found.end - found.at > TEXT_BYTES_MAX) return -1;
    count += 1;
  }
  return count < ATTEMPTS_OF_RECORD_MAX ? count : -1;
}

/** Where the first carrier id starts; -1: there is none. `idEnd` says where it ends. */
function firstId(bytes: Uint8Array, rest: number, end: number, ids: number): number {
  if (ids === 0) return -1;
  if (ids === 1) {
    const place = fields[2 * ATTEMPT.carrierIds]!;
    idEnd = place + lastIdBytes();
    return place;
  }
  for (let next = rest; nextField(bytes, next, end, ATTEMPT.carrierIds) === 1; next = found.end) {
    if (found.at === found.end) continue;
    idEnd = found.end;
    return found.at;
  }
  return -1;
}

/** Certainty, hop, time, carrier, NUL, the first carrier id. */
function foldSubmit(
  batch: Batch,
  row: number,
  source: Source,
  certainty: number,
  idAt: number,
): void {
  const { rows } = batch;
  const start = beginText(rows, 16 + 2 * TEXT_BYTES_MAX);
  const { bytes, view } = rows.arena;
  bytes[start] = certainty;
  view.setUint16(start + 1, event.hop);
  putTime(view, start + 3, event.atMs);
  let write = start + 9;
  copyBytes(rows.arena, write, frame.source, frame.carrierAt, frame.carrierEnd);
  write += frame.carrierEnd - frame.carrierAt;
  bytes[write++] = 0;
  if (idAt >= 0) {
    copyBytes(rows.arena, write, source, idAt, idEnd);
    write += idEnd - idAt;
  }
  foldText(rows, row, TEXT.submit, write);
}

/** State rank, time, hop, error, the carrier's words. */
function foldOutcome(batch: Batch, row: number, source: Source): void {
  const { rows } = batch;
  const start = beginText(rows, 16 + TEXT_BYTES_MAX);
  const { bytes, view } = rows.arena;
  bytes[start] = event.state;
  putTime(view, start + 1, event.atMs);
  view.setUint16(start + 7, event.hop);
  view.setUint32(start + 9, event.error);
  let write = start + 13;
  const text = fields[2 * ATTEMPT.errorText]!;
  if (text >= 0) {
    const textEnd = text + fields[2 * ATTEMPT.errorText + 1]!;
    copyBytes(rows.arena, write, source, text, textEnd);
    write += textEnd - text;
  }
  foldText(rows, row, TEXT.outcome, write);
}

/** Milliseconds in 6 bytes, big endian. */
function putTime(view: DataView, at: number, timeMs: number): void {
  const low = timeMs >>> 0;
  view.setUint16(at, (timeMs - low) / 2 ** 32);
  view.setUint32(at + 2, low);
}

/** Every column but the carrier id. */
function addRow(attempts: Attempts, source: Source, at: number, part: number, parts: number): void {
  const { view } = source;
  const row = attempts.count;
  attempts.count = row + 1;
  const { dictionaries } = attempts;
  attempts.carrier[row] = frame.carrier;
  putUuid(attempts.id, 4 * row, view, at + ID_AT);
  putWide(attempts.acceptedAt, 2 * row, head.acceptedAtMs);
  attempts.hop[row] = event.hop;
  attempts.kind[row] = event.kind;
  attempts.part[row] = part;
  attempts.state[row] = event.state;
  attempts.parts[row] = parts;
  attempts.partState[row] = varintOf(fields, ATTEMPT.partState);
  attempts.account[row] = head.account;
  putWide(attempts.at, 2 * row, event.atMs);
  putWide(attempts.recordedAt, 2 * row, frame.recordedAtMs);
  const token = fields[2 * ATTEMPT.toTok]!;
  if (token >= 0 && fields[2 * ATTEMPT.toTok + 1] === 16) {
    putBlock(attempts.toTok, 4 * row, view, token);
  } else {
    attempts.toTok.fill(0, 4 * row, 4 * row + 4);
  }
  attempts.error[row] = event.error;
  attempts.final[row] = event.final;
  attempts.errorText[row] = internSameField(dictionaries.errorText, source, ATTEMPT.errorText);
  attempts.nextCarrier[row] = internSameField(
    dictionaries.nextCarrier,
    source,
    ATTEMPT.nextCarrier,
  );
  attempts.bind[row] = internSameField(dictionaries.bind, source, ATTEMPT.bind);
  const kept = fields[2 * ATTEMPT.tlvs]!;
  if (kept < 0) putTextValue(attempts.kept, source, 0, 0);
  else putTextValue(attempts.kept, source, kept, kept + fields[2 * ATTEMPT.tlvs + 1]!);
}
