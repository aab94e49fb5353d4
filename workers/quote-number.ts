/** Quote number: a quote's recipient, as the numbering plans read it. */
import { parseNumber } from "./number.js";
import type { QuoteRequest } from "./quote-request.js";

export interface Recipient {
  /** E.164 with "+"; null: none can be made of it. */
  readonly to: string | null;
  /** ISO 3166-1 alpha-2; "": unknown. */
  readonly country: string;
  readonly type: string;
  readonly valid: boolean;
}

/** As people write short codes; longer ones are taken for numbers with something missing. */
const SHORT_CODE = /^[1-9]\d{2,5}$/;
const INTERNATIONAL = /^(?:\+|00)([1-9]\d{0,14})$/;

/**
 * A short code is told as such, though no message goes to one. With `validate` false the digits of
 * an international number stay as they are, even where the plans would drop some (+44 07...).
 */
export function recipientOf({ to, defaultRegion, validate }: QuoteRequest): Recipient {
  const parsed = parseNumber(to, defaultRegion);
  if (SHORT_CODE.test(to) && parsed?.possible !== true) {
    return { to: null, country: defaultRegion, type: "short_code", valid: false };
  }
  const { e164 = null, country = "", type = "unknown", valid = false } = parsed ?? {};
  const digits = validate ? undefined : INTERNATIONAL.exec(to.trim())?.[1];
  return { to: digits === undefined ? e164 : `+${digits}`, country, type, valid };
}
