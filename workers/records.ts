/**
 * Records: a decided message as bytes, its verdict and its dispatch record.
 *
 * Fixed fields come from a template and lie at fixed offsets (VERDICT_AT in task.ts), so that the
 * owner may overwrite them; sealed numbers follow at fixed offsets too, and are filled in once the
 * task's numbers are encrypted; the rest is copied from the request or from pieces that the tables
 * hold encoded. Every function here expects `ensure`d room: `VERDICT_BYTES_MAX` and the message.
 */

import { REASON, STATE } from "../core/message.js";
import { CANDIDATE, DISPATCH, FLAG, MESSAGE, REQUEST, VERDICT } from "../core/stream/fields.js";
import {
  type Fields,
  found,
  has,
  nextField,
  putText,
  RECORDS,
  varintOf,
} from "../core/stream/frame.js";
import type { Choice } from "./choice.js";
import type { Decision } from "./decide.js";
import { toPrefixDigits } from "./destinations.js";
import { number } from "./number.js";
import { COUNTRY_CODES } from "./number-plans.js";
import {
  beginMessage,
  copy,
  copyField,
  endMessage,
  type Output,
  putNumber,
  putVarint,
  setUint53,
} from "./output.js";
import { encodePieces, pieceBytes, putPiece } from "./pieces.js";
import type { Routing } from "./routing.js";
import { packPlace, VERDICT_AT } from "./task.js";

/** Where the request lies, and its fields. */
export interface Request {
  bytes: Uint8Array;
  view: DataView;
  readonly record: Fields;
  /** Nothing but -1 if there is no message that can be read. */
  readonly message: Fields;
}

const ID_BYTES = 16;
const VERDICT_FIXED_BYTES = 83;
/** Values of the sealed numbers, from the first byte of a verdict; absent without a number. */
export const VERDICT_ENC_AT = VERDICT_FIXED_BYTES + 2;
export const VERDICT_TOK_AT = VERDICT_ENC_AT + ID_BYTES + 2;
const VERDICT_SEALED_BYTES = VERDICT_TOK_AT + ID_BYTES;
/** From the first byte of a dispatch record's message. */
const DISPATCH_AT = { acceptedAtMs: 19, account: 28, hop: 33, expiresAtMs: 38 } as const;
export const DISPATCH_TOK_AT = 48;
const DISPATCH_FIXED_BYTES = DISPATCH_TOK_AT + ID_BYTES;

/**
 * What a verdict or a dispatch record takes at most beside what it copies from the message: fixed
 * fields, pieces (names and currencies are bounded), three candidates, tags of fields.
 */
export const VERDICT_BYTES_MAX = 1_024;

const VERDICT_TEMPLATE = new Uint8Array(VERDICT_SEALED_BYTES);
const DISPATCH_TEMPLATE = new Uint8Array(DISPATCH_FIXED_BYTES);
const LENGTH = 2;
const FIXED32 = 5;
const FIXED64 = 1;

/** Puts the tag (and the length of an id or block) before the value at `valueAt`. */
function putHead(template: Uint8Array, valueAt: number, field: number, kind: number): void {
  if (kind === LENGTH) {
    template[valueAt - 2] = (field << 3) | kind;
    template[valueAt - 1] = ID_BYTES;
  } else {
    template[valueAt - 1] = (field << 3) | kind;
  }
}
putHead(VERDICT_TEMPLATE, VERDICT_AT.messageId, VERDICT.messageId, LENGTH);
putHead(VERDICT_TEMPLATE, VERDICT_AT.acceptedAtMs, VERDICT.acceptedAtMs, FIXED64);
putHead(VERDICT_TEMPLATE, VERDICT_AT.account, VERDICT.account, FIXED32);
putHead(VERDICT_TEMPLATE, VERDICT_AT.state, VERDICT.state, FIXED32);
putHead(VERDICT_TEMPLATE, VERDICT_AT.reason, VERDICT.reason, FIXED32);
putHead(VERDICT_TEMPLATE, VERDICT_AT.place, VERDICT.place, FIXED32);
putHead(VERDICT_TEMPLATE, VERDICT_AT.priceMicros, VERDICT.priceMicros, FIXED64);
putHead(VERDICT_TEMPLATE, VERDICT_AT.costMicros, VERDICT.costMicros, FIXED64);
putHead(VERDICT_TEMPLATE, VERDICT_AT.keyTag, VERDICT.keyTag, FIXED64);
putHead(VERDICT_TEMPLATE, VERDICT_AT.expiresAtMs, VERDICT.expiresAtMs, FIXED64);
putHead(VERDICT_TEMPLATE, VERDICT_ENC_AT, VERDICT.toEnc, LENGTH);
putHead(VERDICT_TEMPLATE, VERDICT_TOK_AT, VERDICT.toTok, LENGTH);
putHead(DISPATCH_TEMPLATE, 2, DISPATCH.messageId, LENGTH);
putHead(DISPATCH_TEMPLATE, DISPATCH_AT.acceptedAtMs, DISPATCH.acceptedAtMs, FIXED64);
putHead(DISPATCH_TEMPLATE, DISPATCH_AT.account, DISPATCH.account, FIXED32);
putHead(DISPATCH_TEMPLATE, DISPATCH_AT.hop, DISPATCH.hop, FIXED32);
putHead(DISPATCH_TEMPLATE, DISPATCH_AT.expiresAtMs, DISPATCH.expiresAtMs, FIXED64);
putHead(DISPATCH_TEMPLATE, DISPATCH_TOK_AT, DISPATCH.toTok, LENGTH);

/** A verdict's field country, where only the number tells it. */
const COUNTRY_PIECES = encodePieces(COUNTRY_CODES, (writer, country) => {
  putText(writer, VERDICT.country, country);
});

/** Writes a verdict with its tag and length. @returns the offset of its first byte after these. */
export function putVerdict(
  output: Output,
  request: Request,
  decision: Decision,
  choice: Choice,
  routing: Routing,
): number {
  const { tables } = routing;
  const begun = beginMessage(output, RECORDS);
  const routed = decision.reason === REASON.NONE;
  output.bytes.set(VERDICT_TEMPLATE, begun);
  const view = output.view;
  copyWords(view, begun + VERDICT_AT.messageId, request, REQUEST.messageId, ID_BYTES);
  setUint53(view, begun + VERDICT_AT.acceptedAtMs, decision.acceptedAtMs);
  view.setUint32(begun + VERDICT_AT.account, decision.account, true);
  view.setUint32(begun + VERDICT_AT.state, routed ? STATE.ROUTED : STATE.REJECTED, true);
  view.setUint32(begun + VERDICT_AT.reason, decision.reason, true);
  view.setUint32(begun + VERDICT_AT.place, packPlace(decision.lane, 0, 0), true);
  if (has(request.record, REQUEST.keyTag)) {
    copyWords(view, begun + VERDICT_AT.keyTag, request, REQUEST.keyTag, 8);
  }
  setUint53(view, begun + VERDICT_AT.expiresAtMs, decision.expiresAtMs);
  output.at = begun + (decision.digits > 0 ? VERDICT_SEALED_BYTES : VERDICT_FIXED_BYTES);

  if (routed) {
    setUint53(view, begun + VERDICT_AT.priceMicros, decision.priceMicros);
    setUint53(view, begun + VERDICT_AT.costMicros, choice.costsMicros[0]!);
    putPiece(output, tables.carrierPieces, choice.carriers[0]!);
    putCandidates(output, VERDICT.candidates, choice, routing);
    const sender = choice.senders[0]!;
    if (sender >= 0) putPiece(output, routing.senders.verdictPieces, sender);
  }
  if (decision.digits > 0) putDestination(output, decision, routing);
  if (decision.planIndex >= 0) {
    putPiece(output, tables.planPieces, decision.planIndex);
  } else {
    putNumber(output, VERDICT.tablesVersion, tables.version);
    putNumber(output, VERDICT.plan, decision.plan);
  }
  putNumber(output, VERDICT.chargeBasis, decision.chargeBasis);
  putNumber(output, VERDICT.encoding, decision.encoding);
  putNumber(output, VERDICT.segments, decision.segments);
  if (choice.rule >= 0) putPiece(output, routing.rules.pieces, choice.rule);
  putNumber(output, VERDICT.flags, decision.flags);
  putNumber(output, VERDICT.languages, decision.languages);
  if (routed) putPiece(output, routing.rules.verdictPolicies, choice.rule);
  putFromMessage(output, request, decision);
  endMessage(output, begun);
  return begun;
}

/** Where the number belongs. Its digits are those that were read last (`number`). */
function putDestination(output: Output, decision: Decision, { tables }: Routing): void {
  const digits = toPrefixDigits(tables, decision.destination);
  if (digits > 0) {
    putVarint(output, (VERDICT.toPrefix << 3) | LENGTH);
    putVarint(output, digits);
    for (let index = 0; index < digits; index += 1) {
      output.bytes[output.at] = number.digits[index]!;
      output.at += 1;
    }
  }
  if (decision.network >= 0) putPiece(output, tables.networkPieces, decision.network);
  else putPiece(output, COUNTRY_PIECES, decision.country);
}

/** Writes a dispatch record with its tag and length. @returns its first byte after these. */
export function putDispatch(
  output: Output,
  request: Request,
  decision: Decision,
  choice: Choice,
  routing: Routing,
): number {
  const begun = beginMessage(output, RECORDS);
  output.bytes.set(DISPATCH_TEMPLATE, begun);
  const view = output.view;
  copyWords(view, begun + 2, request, REQUEST.messageId, ID_BYTES);
  setUint53(view, begun + DISPATCH_AT.acceptedAtMs, decision.acceptedAtMs);
  view.setUint32(begun + DISPATCH_AT.account, decision.account, true);
  setUint53(view, begun + DISPATCH_AT.expiresAtMs, decision.expiresAtMs);
  output.at = begun + DISPATCH_FIXED_BYTES;
  putNumber(output, DISPATCH.encoding, decision.encoding);
  putNumber(output, DISPATCH.segments, decision.segments);
  putNumber(output, DISPATCH.plain, decision.plain ? 1 : 0);
  copyValue(output, DISPATCH.message, request, request.record, REQUEST.message);
  putCandidates(output, DISPATCH.candidates, choice, routing);
  const sender = choice.senders[0]!;
  if (sender >= 0) putPiece(output, routing.senders.dispatchPieces, sender);
  putNumber(output, DISPATCH.smart, (decision.flags & FLAG.smartEncoded) !== 0 ? 1 : 0);
  putNumber(output, DISPATCH.languages, decision.languages);
  putPiece(output, routing.rules.dispatchPolicies, choice.rule);
  endMessage(output, begun);
  return begun;
}

/** What a verdict keeps of the customer's message. */
function putFromMessage(output: Output, request: Request, decision: Decision): void {
  const { message } = request;
  copyValue(output, VERDICT.sender, request, message, MESSAGE.from);
  putNumber(output, VERDICT.trafficClass, decision.trafficClass);
  copyValue(output, VERDICT.clientReference, request, message, MESSAGE.clientReference);
  putNumber(output, VERDICT.receipt, varintOf(message, MESSAGE.receipt));
  if (!has(message, MESSAGE.tags)) return;
  // An entry of the map is a message with key and value in the fields that Tag has them in.
  let at = request.record[2 * REQUEST.message]!;
  const end = at + request.record[2 * REQUEST.message + 1]!;
  while (nextField(request.bytes, at, end, MESSAGE.tags) === 1) {
    at = found.end;
    putVarint(output, (VERDICT.tags << 3) | LENGTH);
    putVarint(output, found.end - found.at);
    copy(output, request.view, found.at, found.end);
  }
}

const COST_BYTES = 9;

/** The carriers after the first. */
function putCandidates(output: Output, field: number, choice: Choice, routing: Routing): void {
  const { candidatePieces } = routing.tables;
  for (let index = 1; index < choice.count; index += 1) {
    const carrier = choice.carriers[index]!;
    const sender = choice.senders[index]!;
    const senderPieces = routing.senders.candidatePieces;
    const senderBytes = sender < 0 ? 0 : pieceBytes(senderPieces, sender);
    putVarint(output, (field << 3) | LENGTH);
    putVarint(output, pieceBytes(candidatePieces, carrier) + COST_BYTES + senderBytes);
    putPiece(output, candidatePieces, carrier);
    output.view.setUint8(output.at, (CANDIDATE.costMicros << 3) | FIXED64);
    setUint53(output.view, output.at + 1, choice.costsMicros[index]!);
    output.at += COST_BYTES;
    if (sender >= 0) putPiece(output, senderPieces, sender);
  }
}

function copyValue(
  output: Output,
  field: number,
  request: Request,
  fields: Fields,
  from: number,
): void {
  const at = fields[2 * from]!;
  if (at >= 0) copyField(output, field, request.view, at, at + fields[2 * from + 1]!);
}

/** Copies a value whose size is a multiple of 4. */
function copyWords(
  into: DataView,
  at: number,
  request: Request,
  field: number,
  bytes: number,
): void {
  const from = request.record[2 * field]!;
  for (let step = 0; step < bytes; step += 4) {
    into.setInt32(at + step, request.view.getInt32(from + step, true), true);
  }
}
