/**
 * Stand-in: a text of given encoding and segments, in place of one that is gone. Routing and prices
 * look at nothing else of a text.
 */
import { partUnits } from "../../core/parts.js";
import { ENCODING_GSM7, ENCODING_UCS2 } from "../../core/stream/fields.js";

/** @param encoding "gsm7" or "ucs2", as records name it in lower case. */
export function standIn(encoding: string, segments: number): string {
  const ucs2 = encoding === "ucs2";
  const character = ucs2 ? "\u0416" : "a";
  if (segments <= 1) return character;
  const full = partUnits(ucs2 ? ENCODING_UCS2 : ENCODING_GSM7, 0, 8);
  return character.repeat(full * (segments - 1) + 1);
}
