/**
 * Currencies that a partition has met, by number, so that a reservation names its currency in 7 bits.
 */
import assert from "node:assert";
import type { Fields } from "../../core/stream/frame.js";
import { CURRENCIES_MAX } from "./reservations.js";

export interface Currencies {
  /** Number of the currency whose code is field `field`; an absent one is a currency too: none. */
  number(bytes: Uint8Array, fields: Fields, field: number): number;
  /** Its code (ISO 4217) as bytes. */
  code(currency: number): Uint8Array;
  /** All codes, by number, and back. */
  dump(): readonly string[];
  restore(from: readonly string[]): void;
}

export function openCurrencies(): Currencies {
  const codes: Uint8Array[] = [];
  return {
    number(bytes, fields, field) {
      const at = Math.max(fields[2 * field]!, 0);
      const length = fields[2 * field]! < 0 ? 0 : fields[2 * field + 1]!;
      for (let index = 0; index < codes.length; index += 1) {
        if (isAt(codes[index]!, bytes, at, length)) return index;
      }
      assert(codes.length < CURRENCIES_MAX, "a partition meets few currencies");
      codes.push(new Uint8Array(bytes.subarray(at, at + length)));
      return codes.length - 1;
    },
    code: (currency) => codes[currency]!,
    dump: () => codes.map((code) => Buffer.from(code).toString("utf8")),
    restore(from) {
      for (const code of from) codes.push(new Uint8Array(Buffer.from(code, "utf8")));
    },
  };
}

function isAt(code: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (code.length !== length) return false;
  for (let index = 0; index < length; index += 1) {
    if (code[index] !== bytes[at + index]) return false;
  }
  return true;
}
