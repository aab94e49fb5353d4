/**
 * Septets: GSM 7-bit characters packed into octets, as they go over the air, and back.
 *
 * The first septet lies in the lowest bits of the first octet. Behind a header the septets begin at
 * the next multiple of seven bits from the beginning of the user data, so that a phone that knows
 * no headers counts right; the bits between are zero.
 *
 * Source: 3GPP TS 23.038, 6.1.2.1 (packing); 3GPP TS 23.040, 9.2.3.24 (fill bits).
 */

/** Fill bits, 0 to 6, between a header of so many octets (its length included) and the septets. */
export function fillBitsAfter(headerOctets: number): number {
  return (7 - ((headerOctets * 8) % 7)) % 7;
}

/** Octets that so many septets take behind `fillBits`. */
export function packedOctets(septets: number, fillBits = 0): number {
  return Math.ceil((septets * 7 + fillBits) / 8);
}

/**
 * Packs `septets[at, end)`, one an octet, into `into` from `intoAt` on, where `packedOctets` are
 * overwritten. Bits that are left over at the end are zero.
 * @returns how many octets were written.
 */
export function packSeptets(
  septets: Uint8Array,
  at: number,
  end: number,
  into: Uint8Array,
  intoAt: number,
  fillBits = 0,
): number {
  let to = intoAt;
  let held = 0;
  let heldBits = fillBits;
  for (let index = at; index < end; index += 1) {
    held |= (septets[index]! & 0x7f) << heldBits;
    heldBits += 7;
    if (heldBits >= 8) {
      into[to++] = held & 0xff;
      held >>>= 8;
      heldBits -= 8;
    }
  }
  if (heldBits > 0 && end > at) into[to++] = held & 0xff;
  return to - intoAt;
}

/**
 * Unpacks `count` septets from the octets at `at`, one an octet, into `into` from `intoAt` on.
 * The count comes from the message (TP-UDL): seven zero bits at the end may be an "@" or nothing.
 */
export function unpackSeptets(
  octets: Uint8Array,
  at: number,
  count: number,
  into: Uint8Array,
  intoAt: number,
  fillBits = 0,
): void {
  let from = at;
  let held = octets[from++]! >>> fillBits;
  let heldBits = 8 - fillBits;
  for (let index = 0; index < count; index += 1) {
    if (heldBits < 7) {
      held |= octets[from++]! << heldBits;
      heldBits += 8;
    }
    into[intoAt + index] = held & 0x7f;
    held >>>= 7;
    heldBits -= 7;
  }
}
