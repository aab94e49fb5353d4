/**
 * Header: the user data header before the text of a message from a phone.
 *
 * Source: 3GPP TS 23.040, 9.2.3.24: length, then elements of identifier, length and data. What is
 * known: concatenation with 8 and 16 bit references (0x00, 0x08), national language tables, single
 * and locking shift (0x24, 0x25). Others are passed over.
 */
export interface UserDataHeader {
  /** Octets of the header, its length octet included; 0: there is none. */
  readonly octets: number;
  /** Part of a long message; undefined: a whole one. */
  readonly place: Place | undefined;
  /** National tables as core/text.ts wants them: single shift, locking shift << 8. */
  readonly languages: number;
}

export interface Place {
  /** Tells references of different sizes apart. */
  readonly kind: "udh8" | "udh16" | "sar";
  readonly reference: number;
  readonly total: number;
  /** From 1. */
  readonly part: number;
}

const ELEMENT = { concat8: 0x00, concat16: 0x08, singleShift: 0x24, lockingShift: 0x25 } as const;

/** Never throws: an element that does not fit ends the reading. */
export function readHeader(content: Uint8Array): UserDataHeader {
  const length = content[0];
  if (length === undefined) return { octets: 0, place: undefined, languages: 0 };
  const end = Math.min(content.length, 1 + length);
  let place: Place | undefined;
  let languages = 0;
  for (let at = 1; at + 2 <= end; ) {
    const element = content[at]!;
    const size = content[at + 1]!;
    const data = content.subarray(at + 2, at + 2 + size);
    at += 2 + size;
    if (at > end) break;
    if (element === ELEMENT.concat8 && size === 3) {
      place = placeOf("udh8", data[0]!, data[1]!, data[2]!);
    } else if (element === ELEMENT.concat16 && size === 4) {
      place = placeOf("udh16", data[0]! * 256 + data[1]!, data[2]!, data[3]!);
    } else if (element === ELEMENT.singleShift && size === 1) {
      languages = (languages & 0xff00) | data[0]!;
    } else if (element === ELEMENT.lockingShift && size === 1) {
      languages = (languages & 0xff) | (data[0]! << 8);
    }
  }
  return { octets: end, place, languages };
}

/** Undefined: a whole message, or numbers that mean nothing (9.2.3.24.1: then it is passed over). */
export function placeOf(
  kind: Place["kind"],
  reference: number,
  total: number,
  part: number,
): Place | undefined {
  if (total < 2 || part < 1 || part > total) return undefined;
  return { kind, reference, total, part };
}
