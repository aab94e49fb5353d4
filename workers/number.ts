/**
 * Number: the digits of a recipient, as the message says it.
 *
 * Shape only: "+", then 7 to 15 digits, the first not 0 (ITU-T E.164). Whose number it is, the
 * networks table says; whether its length is right for its country is not checked here yet.
 */
import { NUMBER_DIGITS_MAX, NUMBER_DIGITS_MIN } from "../core/limits.js";

const PLUS = 0x2b;
const ZERO = 0x30;

/**
 * Where the digits of the number `bytes[at, end)` begin (they end at `end`); -1 if it is no
 * international number.
 */
export function digitsAt(bytes: Uint8Array, at: number, end: number): number {
  const digits = end - at - 1;
  if (digits < NUMBER_DIGITS_MIN || digits > NUMBER_DIGITS_MAX || bytes[at] !== PLUS) return -1;
  if (bytes[at + 1] === ZERO) return -1;
  for (let index = at + 1; index < end; index += 1) {
    const digit = bytes[index]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
  }
  return at + 1;
}
