/**
 * Stand-in: a text of given encoding and segments, in place of one that is gone. Routing and prices
 * look at nothing else of a text.
 */
import { partUnits } from "../../core/parts.js";
import { ENCODING_GSM7, ENCODING_UCS2 } from "../../core/stream/fields.js";

/** @param encoding "gsm7" or "ucs2", as records name it in lower case. */
export function standIn(encoding: string, segments: number): string {
  const encodedAs = encoding === "ucs2" ? ENCODING_UCS2 : ENCODING_GSM7;
  const character = encoding === "ucs2" ? "\u0416" : "a";
  if (segments <= 1) return character;
  // One part alone holds more than each of several: two begin beyond what it holds.
  const least = partUnits(encodedAs, 0, 0) + 1;
  return character.repeat(Math.max(least, partUnits(encodedAs, 0, 8) * (segments - 1) + 1));
}
