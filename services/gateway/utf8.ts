/**
 * UTF-8: whether bytes are well-formed, in place.
 *
 * `buffer.isUtf8` wants a view of its own for each text (0.1 us and garbage), and most texts are
 * ASCII: four bytes at a time they cost 0.04 us for 64.
 */

const HIGH_BITS = 0x80808080 | 0;

/**
 * Whether `bytes[at, end)` is well-formed UTF-8: shortest forms only, no surrogates, nothing beyond
 * U+10FFFF (The Unicode Standard, table 3-7). `view` is over all of `bytes`.
 */
export function isUtf8(bytes: Uint8Array, view: DataView, at: number, end: number): boolean {
  const fourEnd = end - 3;
  while (at < fourEnd && (view.getInt32(at, true) & HIGH_BITS) === 0) at += 4;
  while (at < end) {
    const lead = bytes[at++]!;
    if (lead < 0x80) continue;
    // The second byte has bounds of its own after E0, ED, F0 and F4.
    let low = 0x80;
    let high = 0xbf;
    let rest: number;
    if (lead < 0xc2) return false;
    if (lead < 0xe0) rest = 1;
    else if (lead < 0xf0) {
      rest = 2;
      if (lead === 0xe0) low = 0xa0;
      else if (lead === 0xed) high = 0x9f;
    } else if (lead < 0xf5) {
      rest = 3;
      if (lead === 0xf0) low = 0x90;
      else if (lead === 0xf4) high = 0x8f;
    } else return false;
    if (end - at < rest) return false;
    if (bytes[at]! < low || bytes[at]! > high) return false;
    for (let index = 1; index < rest; index += 1)
      if ((bytes[at + index]! & 0xc0) !== 0x80) return false;
    at += rest;
  }
  return true;
}
