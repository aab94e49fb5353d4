/**
 * Stand-in: a body of given encoding and segments, in place of one that is gone. Routing and prices
 * look at nothing else of it.
 */
import { partUnits, USER_DATA_OCTETS } from "../../core/parts.js";
import { ENCODING_BINARY, ENCODING_GSM7, ENCODING_UCS2 } from "../../core/stream/fields.js";
import type { QuoteRequest } from "../../workers/quote-request.js";

/** @param encoding "gsm7", "ucs2" or "binary", as records name it in lower case. */
export function standIn(encoding: string, segments: number): Pick<QuoteRequest, "text" | "binary"> {
  if (encoding !== "binary") return { text: standInText(encoding, segments) };
  const octets =
    segments <= 1
      ? 1
      : Math.max(USER_DATA_OCTETS, partUnits(ENCODING_BINARY, 0, 8) * (segments - 1)) + 1;
  return { text: "", binary: { data: new Uint8Array(octets), udh: new Uint8Array(0) } };
}

function standInText(encoding: string, segments: number): string {
  const encodedAs = encoding === "ucs2" ? ENCODING_UCS2 : ENCODING_GSM7;
  const character = encoding === "ucs2" ? "\u0416" : "a";
  if (segments <= 1) return character;
  // One part alone holds more than each of several: two begin beyond what it holds.
  const least = partUnits(encodedAs, 0, 0) + 1;
  return character.repeat(Math.max(least, partUnits(encodedAs, 0, 8) * (segments - 1) + 1));
}
