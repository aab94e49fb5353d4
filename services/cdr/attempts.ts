/**
 * Attempt frames into rows: `attempts`, and the submission and outcome of `cdr_rows`.
 *
 * In: the bytes of floe.v1.AttemptFrame. Out: a row in `attempts` for each event (a part's carrier
 * id makes one of its own), and what the event says of the message, packed so that of two the
 * greater is the one that counts (deploy/clickhouse/0001_cdr_rows.sql).
 */
import { STATE } from "../../core/message.js";
import {
  ATTEMPT,
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
import { type Dictionary, intern, putTextValue, putUuid, putWide } from "./column.js";
import { head, readHead, rowOfHead, touchHour } from "./decisions.js";
import type { Attempts } from "./events.js";
import { foldText, TEXT } from "./rows.js";

/** What the records of a frame share. */
export interface AttemptFrameHead {
  readonly recordedAtMs: number;
  /** The carrier's name is `bytes[carrierAt, carrierEnd)`. */
  readonly carrierAt: number;
  readonly carrierEnd: number;
}

const HOP_MAX = 0xffff;
const TEXT_BYTES_MAX = 1_024;
/** Certainty of a submission. */
const DOUBTED = 1;
const SUBMITTED = 2;

const fields = newFields();
const scratch = new Uint8Array(4_096);
/** Fields of the record at hand that are looked at more than once. */
const event = { kind: 0, hop: 0, atMs: 0, state: 0, error: 0, final: 0, part: 0, parts: 0 };

/** Takes the AttemptRecord in `bytes[at, end)`. @returns false if it is malformed. */
export function takeAttempt(
  batch: Batch,
  frame: AttemptFrameHead,
  bytes: Uint8Array,
  at: number,
  end: number,
): boolean {
  if (!readFields(bytes, at, end, fields)) return false;
  event.kind = fixed32Of(bytes, fields, ATTEMPT.kind);
  // A mark in the subject's order, nothing else.
  if (event.kind === ATTEMPT_MARKER) return true;
  if (!readHead(bytes, fields) || !readEvent(bytes)) return false;
  const ids = countIds(bytes, at, end);
  if (ids < 0) return false;

  if (event.kind !== ATTEMPT_INTENT) {
    const row = rowOfHead(batch.rows, bytes);
    touchHour(batch);
    if (event.kind === ATTEMPT_SUBMITTED) {
      foldSubmit(batch, row, frame, bytes, SUBMITTED, at, end, ids);
    } else if (event.kind === ATTEMPT_IN_DOUBT) {
      foldSubmit(batch, row, frame, bytes, DOUBTED, at, end, 0);
    } else if (event.kind !== ATTEMPT_REFUSED || event.final !== 0) {
      foldOutcome(batch, row, bytes);
    }
  }
  if (ids < 2) {
    const place = ids === 0 ? -1 : fields[2 * ATTEMPT.carrierIds]!;
    const placeEnd = ids === 0 ? -1 : place + fields[2 * ATTEMPT.carrierIds + 1]!;
    addRow(batch.attempts, frame, bytes, event.part, event.parts, place, placeEnd);
    return true;
  }
  let next = at;
  for (let part = 1; part <= ids; part += 1) {
    nextField(bytes, next, end, ATTEMPT.carrierIds);
    next = found.end;
    addRow(batch.attempts, frame, bytes, part, ids, found.at, found.end);
  }
  return true;
}

function readEvent(bytes: Uint8Array): boolean {
  event.hop = fixed32Of(bytes, fields, ATTEMPT.hop);
  event.atMs = fixed64Of(bytes, fields, ATTEMPT.atMs);
  event.state = fixed32Of(bytes, fields, ATTEMPT.state);
  event.error = fixed32Of(bytes, fields, ATTEMPT.error);
  event.final = varintOf(fields, ATTEMPT.final) === 0 ? 0 : 1;
  event.part = fixed32Of(bytes, fields, ATTEMPT.part);
  event.parts = fixed32Of(bytes, fields, ATTEMPT.parts);
  if (event.kind < ATTEMPT_INTENT || event.kind > ATTEMPT_TIMED_OUT) return false;
  if (event.hop > HOP_MAX || event.state > STATE.DELIVERED || Number.isNaN(event.atMs))
    return false;
  if (event.part > 255 || event.parts > 255) return false;
  if (fields[2 * ATTEMPT.errorText + 1]! > TEXT_BYTES_MAX) return false;
  const decides =
    event.kind === ATTEMPT_RECEIPT ||
    event.kind === ATTEMPT_TIMED_OUT ||
    (event.kind === ATTEMPT_REFUSED && event.final !== 0);
  return !decides || event.state !== 0;
}

/** How many carrier ids there are, -1 if too many or too long. One is the rule and costs nothing. */
function countIds(bytes: Uint8Array, at: number, end: number): number {
  const last = fields[2 * ATTEMPT.carrierIds]!;
  if (last < 0) return 0;
  let count = 0;
  // Fields come in order, so what follows the state directly is the first of them.
  const state = fields[2 * ATTEMPT.state]!;
  if (state >= 0 && last === state + 6 && fields[2 * ATTEMPT.carrierIds + 1]! <= 127) return 1;
  for (let next = at; ; next = found.end) {
    if (nextField(bytes, next, end, ATTEMPT.carrierIds) !== 1) break;
    if (found.end - found.at > TEXT_BYTES_MAX) return -1;
    count += 1;
  }
  return count < ATTEMPTS_OF_RECORD_MAX ? count : -1;
}

/** Certainty, hop, time, carrier, NUL, the first carrier id. */
function foldSubmit(
  batch: Batch,
  row: number,
  frame: AttemptFrameHead,
  bytes: Uint8Array,
  certainty: number,
  at: number,
  end: number,
  ids: number,
): void {
  scratch[0] = certainty;
  scratch[1] = event.hop >>> 8;
  scratch[2] = event.hop;
  putTime(3, event.atMs);
  let write = 9;
  for (let read = frame.carrierAt; read < frame.carrierEnd; read += 1) {
    scratch[write++] = bytes[read]!;
  }
  scratch[write++] = 0;
  if (ids > 0) {
    let place = fields[2 * ATTEMPT.carrierIds]!;
    let placeEnd = place + fields[2 * ATTEMPT.carrierIds + 1]!;
    if (ids > 1) {
      nextField(bytes, at, end, ATTEMPT.carrierIds);
      place = found.at;
      placeEnd = found.end;
    }
    while (place < placeEnd) scratch[write++] = bytes[place++]!;
  }
  foldText(batch.rows, row, TEXT.submit, scratch, 0, write);
}

/** State rank, time, hop, error, the carrier's words. */
function foldOutcome(batch: Batch, row: number, bytes: Uint8Array): void {
  scratch[0] = event.state;
  putTime(1, event.atMs);
  scratch[7] = event.hop >>> 8;
  scratch[8] = event.hop;
  scratch[9] = event.error >>> 24;
  scratch[10] = event.error >>> 16;
  scratch[11] = event.error >>> 8;
  scratch[12] = event.error;
  let write = 13;
  const text = fields[2 * ATTEMPT.errorText]!;
  if (text >= 0) {
    const textEnd = text + fields[2 * ATTEMPT.errorText + 1]!;
    for (let read = text; read < textEnd; read += 1) scratch[write++] = bytes[read]!;
  }
  foldText(batch.rows, row, TEXT.outcome, scratch, 0, write);
}

/** Milliseconds in 6 bytes, big endian. */
function putTime(at: number, timeMs: number): void {
  const high = Math.floor(timeMs / 2 ** 32);
  scratch[at] = high >>> 8;
  scratch[at + 1] = high;
  scratch[at + 2] = timeMs >>> 24;
  scratch[at + 3] = timeMs >>> 16;
  scratch[at + 4] = timeMs >>> 8;
  scratch[at + 5] = timeMs;
}

function addRow(
  attempts: Attempts,
  frame: AttemptFrameHead,
  bytes: Uint8Array,
  part: number,
  parts: number,
  idAt: number,
  idEnd: number,
): void {
  const row = attempts.count;
  attempts.count = row + 1;
  const { dictionaries } = attempts;
  attempts.carrier[row] = intern(dictionaries.carrier, bytes, frame.carrierAt, frame.carrierEnd);
  putTextValue(attempts.carrierId, bytes, idAt, idEnd);
  putUuid(attempts.id, 4 * row, bytes, head.idAt);
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
  const tokenAt = fields[2 * ATTEMPT.toTok]!;
  const to = 16 * row;
  if (tokenAt >= 0 && fields[2 * ATTEMPT.toTok + 1] === 16) {
    for (let octet = 0; octet < 16; octet += 1)
      attempts.toTok[to + octet] = bytes[tokenAt + octet]!;
  } else {
    attempts.toTok.fill(0, to, to + 16);
  }
  attempts.error[row] = event.error;
  attempts.final[row] = event.final;
  attempts.errorText[row] = internField(dictionaries.errorText, bytes, ATTEMPT.errorText);
  attempts.nextCarrier[row] = internField(dictionaries.nextCarrier, bytes, ATTEMPT.nextCarrier);
  attempts.bind[row] = internField(dictionaries.bind, bytes, ATTEMPT.bind);
}

function internField(dictionary: Dictionary, bytes: Uint8Array, field: number): number {
  const at = fields[2 * field]!;
  return at < 0 ? 0 : intern(dictionary, bytes, at, at + fields[2 * field + 1]!);
}
