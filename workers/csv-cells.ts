/**
 * Cells: what the text of a cell is worth, read from its bytes, and what is wrong with it.
 *
 * The readers of numbers give a negative code instead of an exception or a string for each cell:
 * a million of them are read a second, and few are wrong.
 */
import { NUMBER_DIGITS_MAX, SEGMENT_MICROS_MAX } from "../core/limits.js";

/** Why a cell is no amount; `AMOUNT_PROBLEMS` says it in words. */
const NO_AMOUNT = -1;
const TOO_FINE = -2;
const DECIMAL_COMMA = -3;
const TOO_LARGE = -4;
const NEGATIVE = -5;

export const AMOUNT_PROBLEMS: Readonly<Record<number, string>> = {
  [NO_AMOUNT]: "must be a decimal number such as 0.0312",
  [TOO_FINE]: "has more than 6 decimals",
  [DECIMAL_COMMA]: "has a decimal comma: write a point, such as 0.0312",
  [TOO_LARGE]: `is more than ${SEGMENT_MICROS_MAX / 1_000_000}`,
  [NEGATIVE]: "must not be negative",
};

const DECIMALS = 6;
const POINT = 46;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;

/** Micro-units of a decimal text; negative: a code of AMOUNT_PROBLEMS. Never through a fraction. */
export function amountOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < end && bytes[start] === MINUS) return NEGATIVE;
  let value = 0;
  let digits = 0;
  let decimals = -1;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte === POINT && decimals < 0) decimals = 0;
    else if (byte === COMMA) return DECIMAL_COMMA;
    else if (byte < ZERO || byte > ZERO + 9) return NO_AMOUNT;
    else {
      if (decimals >= 0) decimals += 1;
      if (decimals > DECIMALS) return TOO_FINE;
      value = value * 10 + byte - ZERO;
      digits += 1;
      if (value > SEGMENT_MICROS_MAX) return TOO_LARGE;
    }
  }
  if (digits === 0 || decimals === 0) return NO_AMOUNT;
  for (let places = Math.max(0, decimals); places < DECIMALS; places += 1) value *= 10;
  return value > SEGMENT_MICROS_MAX ? TOO_LARGE : value;
}

/** Value of digits only, at most 15; -1: something else. */
export function digitsOf(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || end - start > NUMBER_DIGITS_MAX) return -1;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

export const TIME_PROBLEM =
  "must be a date or time such as 2026-01-31 or 2026-01-31T18:00:00+01:00 (RFC 3339)";

const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)? ?([Zz]|[+-]\d\d:?\d\d)?)?$/;

/**
 * Milliseconds since 1970 of an RFC 3339 time, a date, or a date and a time; UTC where it gives no
 * offset. NaN: it is none, or one before 1970. Dates such as 01/02/2026 are nobody's for certain.
 */
export function timeOf(text: string): number {
  const parts = TIME.exec(text);
  if (parts === null) return Number.NaN;
  const [year, month, day, hour, minute, second] = parts
    .slice(1, 7)
    .map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  const date = Date.UTC(year, month - 1, day);
  if (new Date(date).getUTCDate() !== day || month < 1 || month > 12) return Number.NaN;
  if (hour > 23 || minute > 59 || second > 59) return Number.NaN;
  const fraction = Number((parts[7] ?? "").padEnd(3, "0").slice(0, 3));
  const offset = parts[8] ?? "Z";
  const sign = offset.startsWith("-") ? -1 : 1;
  const [farHours, farMinutes] = /^[Zz]$/.test(offset)
    ? [0, 0]
    : [Number(offset.slice(1, 3)), Number(offset.slice(-2))];
  if (farHours > 23 || farMinutes > 59) return Number.NaN;
  const far = farHours * 60 + farMinutes;
  const ms = date + ((hour * 60 + minute) * 60 + second) * 1_000 + fraction - sign * far * 60_000;
  return ms < 0 ? Number.NaN : ms;
}

/** "23410", "234-10" and "234 10" are "23410"; "" if it is no mcc with or without mnc. */
export function networkDigitsOf(text: string): string {
  const parts = /^(\d{3})(?:[- /]?(\d{2,3}))?$/.exec(text);
  return parts === null ? "" : `${parts[1]}${parts[2] ?? ""}`;
}
