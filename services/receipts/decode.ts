/**
 * Decode: the text of a message from a phone, by its data_coding.
 *
 * In: octets behind the header. Out: text, or none where the octets are data. What cannot be read
 * becomes U+FFFD, as everywhere: a message is kept, however odd.
 *
 * Source: SMPP 3.4, 5.2.19 (data_coding); 3GPP TS 23.038, 4 (0xC0 to 0xFF, and general data coding,
 * which gateways pass on as it came).
 */
import { fillBitsAfter, unpackSeptets } from "../../core/septets.js";
import { decodeGsm7 } from "../../core/text.js";

export type InboundEncoding = "GSM7" | "LATIN1" | "ASCII" | "UCS2" | "BINARY" | `DCS ${number}`;

export interface Decoded {
  readonly encoding: InboundEncoding;
  /** undefined: octets, no text. */
  readonly text: string | undefined;
}

/** floe.v1.InboundAlphabet. */
export const ALPHABET = { gsm7: 1, latin1: 2, ascii: 3, gsm7Packed: 4 } as const;

/** Character sets by data_coding that every ICU knows. */
const CHARACTER_SETS: Readonly<Record<number, string>> = {
  5: "shift_jis",
  6: "iso-8859-5",
  7: "iso-8859-8",
  10: "iso-2022-jp",
  13: "euc-jp",
  14: "euc-kr",
};

/**
 * @param octets without the header, which had `headerOctets`.
 * @param alphabet what data_coding 0 means at the carrier.
 */
export function decodeText(
  octets: Uint8Array,
  dataCoding: number,
  alphabet: number,
  languages: number,
  headerOctets: number,
): Decoded {
  const kind = kindOf(dataCoding);
  if (kind === "default" && (alphabet === ALPHABET.latin1 || alphabet === ALPHABET.ascii)) {
    const encoding = alphabet === ALPHABET.latin1 ? "LATIN1" : "ASCII";
    return { encoding, text: latin1(octets) };
  }
  if (kind === "default") {
    const isPacked = alphabet === ALPHABET.gsm7Packed;
    const septets = isPacked ? unpacked(octets, headerOctets) : octets;
    return { encoding: "GSM7", text: decodeGsm7(septets, 0, septets.length, languages) };
  }
  if (kind === "ascii") return { encoding: "ASCII", text: latin1(octets) };
  if (kind === "latin1") return { encoding: "LATIN1", text: latin1(octets) };
  if (kind === "ucs2") return { encoding: "UCS2", text: ucs2(octets) };
  if (kind === "binary") return { encoding: "BINARY", text: undefined };
  const text = new TextDecoder(CHARACTER_SETS[kind]).decode(octets);
  return { encoding: `DCS ${kind}`, text };
}

type Kind = "default" | "ascii" | "latin1" | "ucs2" | "binary" | number;

function kindOf(dataCoding: number): Kind {
  switch (dataCoding) {
    case 0:
      return "default";
    case 1:
      return "ascii";
    case 2:
    case 4:
      return "binary";
    case 3:
      return "latin1";
    case 8:
      return "ucs2";
    default:
  }
  if (CHARACTER_SETS[dataCoding] !== undefined) return dataCoding;
  // Message waiting: 0xC0 to 0xDF in the default alphabet, 0xE0 to 0xEF in UCS-2.
  if (dataCoding >= 0xf0) return dataCoding & 0x04 ? "binary" : "default";
  if (dataCoding >= 0xe0) return "ucs2";
  if (dataCoding >= 0xc0) return "default";
  // General data coding: bits 2 and 3 (compressed, bit 5, is no text that anybody reads).
  if (dataCoding >= 0x10 && dataCoding < 0x80 && !(dataCoding & 0x20)) {
    return (["default", "binary", "ucs2", "binary"] as const)[(dataCoding >> 2) & 3]!;
  }
  return "binary";
}

/** ASCII too: its upper half is sent by those who mean Latin-1. */
function latin1(octets: Uint8Array): string {
  return Buffer.from(octets).toString("latin1");
}

/** An odd octet at the end is none; half a pair becomes U+FFFD. */
function ucs2(octets: Uint8Array): string {
  return new TextDecoder("utf-16be").decode(octets.subarray(0, octets.length & ~1));
}

function unpacked(octets: Uint8Array, headerOctets: number): Uint8Array {
  const fillBits = headerOctets === 0 ? 0 : fillBitsAfter(headerOctets);
  const bits = octets.length * 8 - fillBits;
  const septets = new Uint8Array(Math.max(0, Math.floor(bits / 7)));
  if (septets.length > 0) unpackSeptets(octets, 0, septets.length, septets, 0, fillBits);
  // Seven zero bits at the very end are filling rather than an "@" (3GPP TS 23.038, 6.1.2.3.1).
  const isFilled = bits % 7 === 0 && septets.at(-1) === 0;
  return isFilled ? septets.subarray(0, -1) : septets;
}
