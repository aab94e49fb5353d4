/**
 * Receipt: what a deliver_sm says about a message, read leniently from its bytes.
 *
 * Optional parameters win over the text, which every carrier writes in its own way:
 * `id:IIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DDDDDDD err:E text:...`
 * with fields missing, in any case and order, with seconds, with long words or message_state's number
 * for a state, with commas between, in UCS-2. Reading goes on to `text:`, since behind it stands what
 * the customer wrote.
 *
 * Source: SMPP v3.4, 5.2.12 (esm_class), 5.2.28 (message_state), 5.3.2.35 and appendix B.
 */
import { STATE } from "../../../core/message.js";
import { findTlv, SM, type SmPlaces, TLV, tlvFound } from "./pdu.js";

/** What kind of thing a deliver_sm is: bits 2 to 5 of esm_class. */
const TYPE_MASK = 0x3c;
const TYPE_RECEIPT = 0x04;
const TYPE_INTERMEDIATE = 0x20;
const UDHI = 0x40;
const UCS2 = 8;

/** A receipt; one object, filled anew for each. Places are in the PDU's bytes. */
export interface Receipt {
  idAt: number;
  idEnd: number;
  /** State rank that it proves: SUBMITTED for one that is not final. */
  state: number;
  /** `err` or network_error_code as a number, 0: none, or no number. */
  error: number;
  errorAt: number;
  errorEnd: number;
  /** `done date`, to be read by `readDate` where it is needed. */
  dateAt: number;
  dateEnd: number;
}

export function newReceipt(): Receipt {
  return { idAt: 0, idEnd: 0, state: 0, error: 0, errorAt: 0, errorEnd: 0, dateAt: 0, dateEnd: 0 };
}

/** By message_state; 0 SCHEDULED, 1 ENROUTE, 6 ACCEPTED are on their way, 9 is SKIPPED (5.0). */
const STATE_BY_CODE: readonly number[] = [
  STATE.SUBMITTED,
  STATE.SUBMITTED,
  STATE.DELIVERED,
  STATE.EXPIRED,
  STATE.CANCELED,
  STATE.UNDELIVERABLE,
  STATE.SUBMITTED,
  STATE.UNKNOWN,
  STATE.REJECTED,
  STATE.UNDELIVERABLE,
];

/** Longest `err` that is kept. */
const ERROR_BYTES_MAX = 32;
const ID_BYTES_MAX = 64;
const DATE_BYTES_MAX = 14;

/**
 * Whether the deliver_sm at `places` is a receipt or a notification, not a message from a phone. One
 * whose carrier forgets to say so is told by receipted_message_id: phones cannot send that.
 */
export function isReceipt(bytes: Uint8Array, places: SmPlaces): boolean {
  const type = bytes[places[SM.esmClass]!]! & TYPE_MASK;
  if (type === TYPE_RECEIPT || type === TYPE_INTERMEDIATE) return true;
  const tlvs = places[SM.tlvs]!;
  const tlvsEnd = places[SM.tlvsEnd]!;
  return tlvs < tlvsEnd && type === 0 && findTlv(bytes, tlvs, tlvsEnd, TLV.receipted_message_id);
}

/**
 * Reads the receipt. A text in UCS-2 is narrowed where it stands.
 * @returns false if it names no message, or no state that is known.
 */
export function readReceipt(bytes: Uint8Array, places: SmPlaces, into: Receipt): boolean {
  into.idAt = 0;
  into.idEnd = 0;
  into.state = 0;
  into.error = 0;
  into.errorAt = 0;
  into.errorEnd = 0;
  into.dateAt = 0;
  into.dateEnd = 0;
  let at = places[SM.content]!;
  let end = places[SM.contentEnd]!;
  const tlvs = places[SM.tlvs]!;
  const tlvsEnd = places[SM.tlvsEnd]!;
  if (at === end && findTlv(bytes, tlvs, tlvsEnd, TLV.message_payload)) {
    at = tlvFound.at;
    end = tlvFound.end;
  }
  // Some carriers put a header before the text.
  if (bytes[places[SM.esmClass]!]! & UDHI && at < end) at = Math.min(end, at + 1 + bytes[at]!);
  if (bytes[at] === 0 && bytes[places[SM.dataCoding]!] === UCS2) end = narrow(bytes, at, end);
  if (!readUsual(bytes, at, end, into)) readText(bytes, at, end, into);
  if (tlvs < tlvsEnd) readTlvs(bytes, tlvs, tlvsEnd, into);
  const type = bytes[places[SM.esmClass]!]! & TYPE_MASK;
  if (type === TYPE_INTERMEDIATE) into.state = STATE.SUBMITTED;
  return into.idEnd > into.idAt && into.idEnd - into.idAt <= ID_BYTES_MAX && into.state > 0;
}

/** Makes Latin-1 of the UTF-16BE at `bytes[at, end)`, and returns where it ends. */
function narrow(bytes: Uint8Array, at: number, end: number): number {
  let to = at;
  for (let from = at; from + 1 < end; from += 2) {
    bytes[to++] = bytes[from] === 0 ? bytes[from + 1]! : QUESTION_MARK;
  }
  return to;
}

function readTlvs(bytes: Uint8Array, at: number, end: number, into: Receipt): void {
  if (findTlv(bytes, at, end, TLV.receipted_message_id)) {
    let idEnd = tlvFound.end;
    while (idEnd > tlvFound.at && bytes[idEnd - 1] === 0) idEnd -= 1;
    if (idEnd > tlvFound.at) {
      into.idAt = tlvFound.at;
      into.idEnd = idEnd;
    }
  }
  if (findTlv(bytes, at, end, TLV.message_state) && tlvFound.end > tlvFound.at) {
    const state = STATE_BY_CODE[bytes[tlvFound.at]!];
    if (state !== undefined) into.state = state;
  }
  // network type, then the code in two bytes (5.3.2.31)
  if (findTlv(bytes, at, end, TLV.network_error_code) && tlvFound.end - tlvFound.at >= 3) {
    const code = (bytes[tlvFound.at + 1]! << 8) | bytes[tlvFound.at + 2]!;
    if (code !== 0) into.error = code;
  }
}

/** Places in the usual text, from the end of its id on (appendix B), where dates have 10 digits. */
const USUAL = { date: 52, dateEnd: 62, stat: 63, word: 68, err: 76, error: 80, end: 83 } as const;
const BLANK = 32;
const COLON = 58;
const QUESTION_MARK = 63;
const LETTER = { a: 97, d: 100, e: 101, i: 105, s: 115, t: 116 } as const;

/**
 * Reads the text that nearly every carrier sends by its fixed places: a tenth of the steps.
 * @returns false: it is laid out otherwise, and nothing was read.
 */
function readUsual(bytes: Uint8Array, at: number, end: number, into: Receipt): boolean {
  if (bytes[at] !== 105 || bytes[at + 1] !== 100 || bytes[at + 2] !== COLON) return false;
  let idEnd = at + 3;
  while (idEnd < end && bytes[idEnd]! > BLANK) idEnd += 1;
  // What is looked at: the blank before "done date:", that of "stat:" and "err:", and their colons.
  const isUsual =
    end - idEnd >= USUAL.end &&
    bytes[idEnd + 4] === COLON &&
    bytes[idEnd + 41] === BLANK &&
    bytes[idEnd + USUAL.date - 1] === COLON &&
    bytes[idEnd + USUAL.dateEnd] === BLANK &&
    bytes[idEnd + USUAL.stat] === 115 &&
    bytes[idEnd + USUAL.word - 1] === COLON &&
    bytes[idEnd + USUAL.err - 1] === BLANK &&
    bytes[idEnd + USUAL.err] === 101 &&
    bytes[idEnd + USUAL.error - 1] === COLON &&
    (end - idEnd === USUAL.end || bytes[idEnd + USUAL.end] === BLANK);
  if (!isUsual) return false;
  into.idAt = at + 3;
  into.idEnd = idEnd;
  into.dateAt = idEnd + USUAL.date;
  into.dateEnd = idEnd + USUAL.dateEnd;
  into.state = stateOfWord(bytes, idEnd + USUAL.word, idEnd + USUAL.err - 1);
  readError(bytes, idEnd + USUAL.error, idEnd + USUAL.end, into);
  return true;
}

/** Whether values and keys end at this octet. */
function isBetween(octet: number): boolean {
  return octet <= BLANK || octet === 44 || octet === 59;
}

/** Goes from key to key; their order does not matter, and what is no key is passed over. */
function readText(bytes: Uint8Array, start: number, end: number, into: Receipt): void {
  let at = start;
  // "done date" and "submit date" are told apart by the word before.
  let wordBefore = 0;
  while (at < end) {
    while (at < end && isBetween(bytes[at]!)) at += 1;
    let wordEnd = at;
    while (wordEnd < end && !isBetween(bytes[wordEnd]!) && bytes[wordEnd] !== COLON) wordEnd += 1;
    const first = bytes[at]! | 32;
    if (wordEnd === end || bytes[wordEnd] !== COLON) {
      wordBefore = first;
      at = wordEnd;
      continue;
    }
    let valueAt = wordEnd + 1;
    // "text": what follows is the customer's.
    if (first === LETTER.t && wordEnd - at === 4) return;
    while (valueAt < end && bytes[valueAt] === BLANK && valueAt - wordEnd < 3) valueAt += 1;
    let valueEnd = valueAt;
    while (valueEnd < end && !isBetween(bytes[valueEnd]!)) valueEnd += 1;
    if (valueEnd > valueAt) readValue(bytes, at, wordEnd, wordBefore, valueAt, valueEnd, into);
    wordBefore = 0;
    at = valueEnd;
  }
}

/** Takes the value of the key `bytes[at, wordEnd)`. */
function readValue(
  bytes: Uint8Array,
  at: number,
  wordEnd: number,
  wordBefore: number,
  valueAt: number,
  valueEnd: number,
  into: Receipt,
): void {
  const length = wordEnd - at;
  const first = bytes[at]! | 32;
  if (first === LETTER.i && length === 2 && into.idEnd === 0) {
    into.idAt = valueAt;
    into.idEnd = valueEnd;
  } else if (first === LETTER.s && isState(bytes, at, length) && into.state === 0) {
    into.state = stateOfWord(bytes, valueAt, valueEnd);
  } else if (first === LETTER.e && (length === 3 || length === 5) && into.errorEnd === 0) {
    readError(bytes, valueAt, valueEnd, into);
  } else if (first === LETTER.d && isDoneDate(bytes, at, length, wordBefore)) {
    into.dateAt = valueAt;
    into.dateEnd = Math.min(valueEnd, valueAt + DATE_BYTES_MAX);
  }
}

/** "stat", "state", "status"; "sub" has three letters, "submitdate" another second one. */
function isState(bytes: Uint8Array, at: number, length: number): boolean {
  return length >= 4 && length <= 6 && (bytes[at + 1]! | 32) === LETTER.t;
}

/** "date" behind "done", "done_date", "donedate"; not "dlvrd". */
function isDoneDate(bytes: Uint8Array, at: number, length: number, wordBefore: number): boolean {
  if (length === 4) return wordBefore === LETTER.d && (bytes[at + 1]! | 32) === LETTER.a;
  return length === 8 || length === 9;
}

function readError(bytes: Uint8Array, at: number, end: number, into: Receipt): void {
  into.errorAt = at;
  into.errorEnd = Math.min(end, at + ERROR_BYTES_MAX);
  into.error = 0;
  for (let index = at; index < end; index += 1) {
    const digit = bytes[index]! - 48;
    if (digit < 0 || digit > 9 || index - at >= 9) {
      into.error = 0;
      return;
    }
    into.error = into.error * 10 + digit;
  }
}

/**
 * By the letters that tell the words apart, short and long forms alike; or by message_state's number
 * in digits. 0: unknown word.
 */
export function stateOfWord(bytes: Uint8Array, at: number, end: number): number {
  if (end - at === 1) return STATE_BY_CODE[bytes[at]! - 48] ?? 0;
  if (end - at < 3) return 0;
  const word =
    ((bytes[at]! & 0xdf) << 16) | ((bytes[at + 1]! & 0xdf) << 8) | (bytes[at + 2]! & 0xdf);
  const fourth = end - at > 3 ? bytes[at + 3]! & 0xdf : 0;
  switch (word) {
    case letters("DEL"):
      // DELIVRD, DELIVERED; DELETED
      return fourth === 0x45 ? STATE.CANCELED : STATE.DELIVERED;
    case letters("EXP"):
      return STATE.EXPIRED;
    case letters("UND"):
    case letters("FAI"):
    case letters("SKI"):
      return STATE.UNDELIVERABLE;
    case letters("REJ"):
      return STATE.REJECTED;
    case letters("CAN"):
      return STATE.CANCELED;
    case letters("UNK"):
      return STATE.UNKNOWN;
    case letters("ENR"):
    case letters("ACC"):
    case letters("SCH"):
    case letters("BUF"):
      return STATE.SUBMITTED;
    default:
      return 0;
  }
}

function letters(word: string): number {
  return (word.charCodeAt(0) << 16) | (word.charCodeAt(1) << 8) | word.charCodeAt(2);
}

/**
 * Milliseconds since 1970 of YYMMDDhhmm or YYMMDDhhmmss, taken as UTC: carriers do not tell their
 * zone. A year in four digits is understood as well. 0: it is no date.
 */
export function readDate(bytes: Uint8Array, at: number, end: number): number {
  const length = end - at;
  for (let index = at; index < end; index += 1) {
    if (bytes[index]! < 48 || bytes[index]! > 57) return 0;
  }
  const isLong =
    length === 14 ||
    (length === 12 &&
      pair(bytes, at) === 20 &&
      pair(bytes, at + 4) <= 12 &&
      pair(bytes, at + 2) > 12);
  const from = isLong ? at + 2 : at;
  if (end - from !== 10 && end - from !== 12) return 0;
  const month = pair(bytes, from + 2);
  const day = pair(bytes, from + 4);
  const hour = pair(bytes, from + 6);
  const minute = pair(bytes, from + 8);
  const second = end - from === 12 ? pair(bytes, from + 10) : 0;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
    return 0;
  }
  return Date.UTC(2_000 + pair(bytes, from), month - 1, day, hour, minute, second);
}

function pair(bytes: Uint8Array, at: number): number {
  return (bytes[at]! - 48) * 10 + bytes[at + 1]! - 48;
}
