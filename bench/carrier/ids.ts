/** Message ids of the simulated carrier: a counter, written as carriers write theirs. */
import type { FrameWriter } from "../../core/stream/frame.js";
import { reserve } from "../../core/stream/frame.js";
import type { IdForm, ReceiptIdForm } from "./options.js";

/** Digits of a hex id: 48 bits. */
const HEX_DIGITS = 12;
const HEX_SPAN = 2 ** 48;
const PADDED_DIGITS = 20;

/**
 * Where the counter starts: by the time, so that ids of an earlier run do not come again (128 ids a
 * millisecond are free).
 */
export function firstId(nowMs: number): number {
  return (nowMs * 128) % HEX_SPAN;
}

/** Writes the id without its final NUL. */
export function putId(writer: FrameWriter, id: number, form: IdForm): void {
  if (form === "hex") putHex(writer, id);
  else putLatin1(writer, textOf(id, form));
}

/** Writes the id as this carrier's receipts do. */
export function putReceiptId(
  writer: FrameWriter,
  id: number,
  form: IdForm,
  receiptForm: ReceiptIdForm,
): void {
  if (receiptForm === "same") putId(writer, id, form);
  else putLatin1(writer, receiptIdText(id, form, receiptForm));
}

/** The id as answers have it. */
export function textOf(id: number, form: IdForm): string {
  if (form === "uuid") return uuidOf(id);
  if (form === "decimal") return String(id);
  if (form === "padded") return String(id).padStart(PADDED_DIGITS, "0");
  return form === "hex" ? hexOf(id) : hexOf(id).toUpperCase();
}

/** The id as receipts have it. */
export function receiptIdText(id: number, form: IdForm, receiptForm: ReceiptIdForm): string {
  const text = textOf(id, form);
  if (receiptForm === "upper") return text.toUpperCase();
  if (receiptForm === "lower") return text.toLowerCase();
  if (receiptForm === "padded") return text.padStart(PADDED_DIGITS, "0");
  if (receiptForm === "stripped") return text.replace(/^0+/, "");
  if (receiptForm === "same") return text;
  return form === "decimal" || form === "padded" ? id.toString(16) : String(id);
}

/** Counters whose id this text may be, in any of the forms; the likelier first. */
export function countersOf(text: string): number[] {
  const found: number[] = [];
  if (/^\d+$/.test(text)) found.push(Number(text));
  const hex = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}([0-9a-f]{12})$/i.exec(text)?.[1] ?? text;
  if (/^[0-9a-f]+$/i.test(hex)) found.push(Number.parseInt(hex, 16));
  return found.filter((one) => one < HEX_SPAN);
}

function hexOf(id: number): string {
  return id.toString(16).padStart(HEX_DIGITS, "0");
}

function putHex(writer: FrameWriter, id: number): void {
  reserve(writer, HEX_DIGITS);
  const bytes = writer.bytes;
  const at = writer.at;
  let high = Math.floor(id / 0x1_000_000);
  let low = id % 0x1_000_000;
  for (let index = 5; index >= 0; index -= 1) {
    const one = high & 15;
    const other = low & 15;
    bytes[at + index] = one < 10 ? 48 + one : 87 + one;
    bytes[at + index + 6] = other < 10 ? 48 + other : 87 + other;
    high >>>= 4;
    low >>>= 4;
  }
  writer.at = at + HEX_DIGITS;
}

function putLatin1(writer: FrameWriter, text: string): void {
  reserve(writer, text.length);
  for (let index = 0; index < text.length; index += 1) {
    writer.bytes[writer.at + index] = text.charCodeAt(index);
  }
  writer.at += text.length;
}

/** Looks like a UUID of version 4, and is the same for the same counter. */
function uuidOf(id: number): string {
  const low = id % 2 ** 32;
  const high = Math.floor(id / 2 ** 32);
  const word = (salt: number): string => {
    let mixed = Math.imul(low ^ salt, 0x9e3779b1) ^ Math.imul(high + salt, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 13)) >>> 0).toString(16).padStart(8, "0");
  };
  // The counter itself stands in the last group: no two are equal.
  const [a, b] = [word(0x1234567), word(0x7654321)];
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-a${a.slice(1, 4)}-${hexOf(id)}`;
}
