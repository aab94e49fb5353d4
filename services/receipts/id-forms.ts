/**
 * Id forms: the ids under which the message of a receipt may have been recorded.
 *
 * A connector compares canonical forms in its memory; ClickHouse finds by equal text only, since
 * `attempts` is ordered by the raw id. So the forms are written out: as received, in either case,
 * without and with leading zeros to the lengths that carriers use, and the number in the other base.
 * An id in mixed case is found as it is; its letters in other cases are too many to try.
 */

/** Lengths to which carriers pad: 32- and 64-bit numbers in hex and decimal, and 12 hex digits. */
const WIDTHS: readonly number[] = [8, 10, 12, 16, 20];
/** Of numbers of other lengths so many leading zeros may have been dropped. */
const ZEROS_MAX = 2;
const UUID_LENGTH = 36;
/** Digits of a 64-bit number, in decimal; no carrier counts further. */
const DIGITS_MAX = 20;
const DECIMAL = /^[0-9]+$/;
const HEX = /^[0-9a-f]+$/;

/** All of them, the id as received first; each once. */
export function candidateIds(id: string): readonly string[] {
  const plain = canonical(id);
  const found = new Set<string>([id]);
  for (const base of [plain, decimalToHex(plain), hexToDecimal(plain)]) {
    if (base === undefined || base === "") continue;
    const widths = [0, id.length];
    for (let zeros = 1; zeros <= ZEROS_MAX; zeros += 1) widths.push(base.length + zeros);
    if (HEX.test(base)) widths.push(...WIDTHS);
    else if (base.includes("-")) widths.push(UUID_LENGTH);
    for (const width of widths) {
      const padded = base.padStart(width, "0");
      found.add(padded);
      found.add(padded.toUpperCase());
    }
  }
  return [...found];
}

/** Lower case, no leading zeros; zero itself keeps its last digit. */
export function canonical(id: string): string {
  return id.toLowerCase().replace(/^0+(?=.)/, "");
}

function decimalToHex(id: string): string | undefined {
  return DECIMAL.test(id) && id.length <= DIGITS_MAX ? BigInt(id).toString(16) : undefined;
}

function hexToDecimal(id: string): string | undefined {
  return HEX.test(id) && id.length <= DIGITS_MAX ? BigInt(`0x${id}`).toString(10) : undefined;
}
