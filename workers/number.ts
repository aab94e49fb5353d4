/**
 * Number: whose number it is that a message names, of what kind, and whether it can exist.
 *
 * In: the recipient as written, bytes. Out: `number`, filled in place: E.164 digits, country, type,
 * valid, possible. What is said is what libphonenumber-js says (property tests hold it to that):
 * *possible* is a question of length only, *valid* of the numbering plan's patterns.
 *
 * Deliberately different: "00" without a region is "+"; short codes can be asked for; two digits
 * may have something between; text around a number, extensions, "~" and "tel:" are refused instead
 * of searched for the number.
 *
 * "+" and digits, the form that everything but people's input has, is one step of a compiled
 * automaton for each digit, without allocation. What is written otherwise (00, national, with
 * spaces) is first copied to where it is digits only.
 */
import {
  CALLING_CODES,
  COUNTRY_CODES,
  codeDigits,
  codeOf,
  codePlan,
  copyAndLabel,
  countryIndex,
  countryOfLabel,
  internationalPrefix,
  isPossibleLength,
  isTooLong,
  labelInCode,
  labelInPlan,
  planCallingCode,
  stripped,
  WRITTEN_DIGITS_MAX,
  withoutNationalPrefix,
} from "./number-plans.js";
import { LABEL, NUMBER_TYPES, type NumberType } from "./number-table.js";

const PLUS = 0x2b;
const ZERO = 0x30;
/** National digits that libphonenumber takes; ITU-T E.164 has fewer, Germany once had more. */
const NATIONAL_DIGITS_MIN = 2;
const NATIONAL_DIGITS_MAX = 17;
const CALLING_CODE_DIGITS_MAX = 3;
/** A short code (premium services, votes): as many digits as carriers give them. */
const SHORT_CODE_DIGITS_MIN = 3;
const SHORT_CODE_DIGITS_MAX = 8;
const SHORT_CODE = NUMBER_TYPES.indexOf("short_code");

const digitBytes = new Uint8Array(WRITTEN_DIGITS_MAX + 8);
/** The number that was read last; what `readNumber` refused leaves it undefined. */
export const number = {
  /** ASCII, calling code first, without "+"; a short code as it is. */
  digits: digitBytes,
  /** The same memory: four digits each. */
  fours: new Int32Array(digitBytes.buffer),
  /** Digits that count. */
  length: 0,
  /** Digits of the calling code; 0 for a short code. */
  callingCodeDigits: 0,
  /** Index into COUNTRY_CODES; 0: of no country (+800, +882, ...), or of none that is known. */
  country: 0,
  /** Index into NUMBER_TYPES. */
  type: 0,
  /** The numbering plan has such numbers. */
  valid: false,
  /** Numbers of its country may be so long. */
  possible: false,
};

/** What reading came to. */
const REFUSED = 0;
const READ = 1;
const NOT_DIGITS = 2;

/**
 * Reads `bytes[at, end)` into `number`: "+" and digits, "00" or what the region dials abroad, or a
 * national number of `region` (index into COUNTRY_CODES; 0: none is assumed). Spaces and `-.()[]/`
 * between digits are tolerated. With `shortCodes`, 3 to 8 digits that are no valid number of the
 * region are a short code of it, valid as they stand, since no plan lists them.
 *
 * False if it is no number at all: other characters, an unknown calling code, or fewer than 2 or
 * more than 17 national digits. One that is read may still be neither possible nor valid, and
 * longer than E.164 allows (libphonenumber has 19 digits for possible in Japan and Indonesia).
 */
export function readNumber(
  bytes: Uint8Array,
  at: number,
  end: number,
  region: number,
  shortCodes = false,
): boolean {
  if (bytes[at] === PLUS) {
    const outcome = readInternational(bytes, at + 1, end);
    if (outcome !== NOT_DIGITS) return outcome === READ;
  }
  return readWritten(bytes, at, end, region, shortCodes);
}

/** `bytes[at, end)` is what follows "+". */
function readInternational(bytes: Uint8Array, at: number, end: number): number {
  const length = end - at;
  if (length < CALLING_CODE_DIGITS_MAX) return REFUSED;
  if (length > WRITTEN_DIGITS_MAX) return NOT_DIGITS;
  const first = bytes[at]! - ZERO;
  const second = bytes[at + 1]! - ZERO;
  const third = bytes[at + 2]! - ZERO;
  if ((first | second | third) < 0 || first > 9 || second > 9 || third > 9) return NOT_DIGITS;
  const code = codeOf[first * 100 + second * 10 + third]!;
  if (code < 0) return REFUSED;
  const skipped = codeDigits[code]!;
  if (length === skipped) return REFUSED;
  const label = copyAndLabel(code, skipped, bytes, at, end, number.digits);
  if (label < 0) return NOT_DIGITS;
  number.callingCodeDigits = skipped;
  number.length = length;
  if ((label & LABEL.prefix) !== 0) return settleStripped(code, label);
  return settle(code, label, 0);
}

/** A national prefix after the calling code, "+44 (0) 20 ...", goes by the code's first plan. */
function settleStripped(code: number, label: number): number {
  const { digits, callingCodeDigits } = number;
  const left = withoutNationalPrefix(codePlan[code]!, digits, callingCodeDigits, number.length);
  if (left < 0) return settle(code, label, 0);
  copy(stripped, 0, left, digits, callingCodeDigits);
  number.length = callingCodeDigits + left;
  return settle(code, labelInCode(code, stripped, 0, left), 0);
}

/**
 * Fills in what the label says. Where it tells no country, `country` is it (0: none), whose own
 * label then says the rest.
 */
function settle(code: number, label: number, country: number): number {
  const national = number.length - number.callingCodeDigits;
  if (national < NATIONAL_DIGITS_MIN || national > NATIONAL_DIGITS_MAX) return REFUSED;
  const found = countryOfLabel(code, label);
  let known = label;
  if (found === 0 && country !== 0) {
    known = labelInPlan(country, number.digits, number.callingCodeDigits, number.length);
  }
  number.country = found === 0 ? country : found;
  number.type = known & LABEL.typeMask;
  number.valid = (known & LABEL.valid) !== 0;
  const plan = number.country === 0 ? codePlan[code]! : number.country;
  number.possible = isPossibleLength(plan, national);
  return READ;
}

/** The digits of what is written with more than digits, and of what is dialled without "+". */
const written = new Uint8Array(WRITTEN_DIGITS_MAX);

function readWritten(
  bytes: Uint8Array,
  at: number,
  end: number,
  region: number,
  shortCodes: boolean,
): boolean {
  let plus = false;
  let length = 0;
  for (let index = at; index < end; index += 1) {
    const octet = bytes[index]!;
    if (octet >= ZERO && octet <= ZERO + 9) {
      if (length === WRITTEN_DIGITS_MAX) return false;
      written[length] = octet;
      length += 1;
    } else if (octet === PLUS) {
      if (plus || length > 0) return false;
      plus = true;
    } else if (!isPunctuation(octet)) return false;
  }
  if (plus) return readInternational(written, 0, length) === READ;
  if (length < NATIONAL_DIGITS_MIN) return false;
  const read = region === 0 ? readAbroad(length) : readNational(length, region);
  if (!shortCodes || (read === READ && number.valid)) return read === READ;
  return readShortCode(length, region) || read === READ;
}

/** As people write numbers: space - . ( ) [ ] /, not the ~ that may begin an extension. */
function isPunctuation(octet: number): boolean {
  return (
    octet === 0x20 ||
    (octet >= 0x2d && octet <= 0x2f) ||
    octet === 0x28 ||
    octet === 0x29 ||
    octet === 0x5b ||
    octet === 0x5d
  );
}

/** "00" is how most of the world dials abroad; nothing else is certain without a region. */
function readAbroad(length: number): number {
  if (written[0] !== ZERO || written[1] !== ZERO) return REFUSED;
  return readInternational(written, 2, length);
}

function readNational(length: number, region: number): number {
  const abroad = internationalPrefix(region, written, 0, length);
  if (abroad > 0 && abroad < length && written[abroad] !== ZERO) {
    return readInternational(written, abroad, length);
  }
  const code = planCallingCode[region]!;
  if (lacksPlus(length, region)) return readInternational(written, 0, length);
  const left = withoutNationalPrefix(region, written, 0, length);
  const [source, national] = left < 0 ? [written, length] : [stripped, left];
  const skipped = putCallingCode(region);
  copy(source, 0, national, number.digits, skipped);
  number.callingCodeDigits = skipped;
  number.length = skipped + national;
  return settle(code, labelInCode(code, source, 0, national), region);
}

/**
 * Whether the digits are rather an international number that lost its "+": they begin with the
 * region's calling code, and fit its plan only without it.
 */
function lacksPlus(length: number, region: number): boolean {
  const callingCode = CALLING_CODES[region]!;
  const skipped = callingCode.length;
  if (length < skipped) return false;
  for (let index = 0; index < skipped; index += 1) {
    if (written[index] !== callingCode.charCodeAt(index)) return false;
  }
  const left = withoutNationalPrefix(region, written, 0, length);
  if (isTooLong(region, left < 0 ? length : left)) return true;
  const [source, end] = left < 0 ? [written, length] : [stripped, left];
  if ((labelInPlan(region, source, 0, end) & LABEL.general) !== 0) return false;
  const shorter = withoutNationalPrefix(region, written, skipped, length);
  const label =
    shorter < 0
      ? labelInPlan(region, written, skipped, length)
      : labelInPlan(region, stripped, 0, shorter);
  return (label & LABEL.general) !== 0;
}

function readShortCode(length: number, region: number): boolean {
  if (length < SHORT_CODE_DIGITS_MIN || length > SHORT_CODE_DIGITS_MAX) return false;
  if (written[0] === ZERO) return false;
  copy(written, 0, length, number.digits, 0);
  number.length = length;
  number.callingCodeDigits = 0;
  number.country = region;
  number.type = SHORT_CODE;
  number.valid = true;
  number.possible = true;
  return true;
}

/** Writes the calling code of `country`; how many digits it has. */
function putCallingCode(country: number): number {
  const callingCode = CALLING_CODES[country]!;
  for (let index = 0; index < callingCode.length; index += 1) {
    number.digits[index] = callingCode.charCodeAt(index);
  }
  return callingCode.length;
}

function copy(from: Uint8Array, at: number, end: number, to: Uint8Array, toAt: number): void {
  for (let index = at; index < end; index += 1) to[toAt + index - at] = from[index]!;
}

/** A number that was read, for the edges: where one at a time is read. */
export interface ParsedNumber {
  /** E.164 with "+"; `undefined` for a short code. */
  readonly e164: string | undefined;
  /** E.164 without "+", or the short code. */
  readonly digits: string;
  /** ISO 3166-1 alpha-2; "" if it is of no country, or of none that is known. */
  readonly country: string;
  readonly type: NumberType;
  readonly valid: boolean;
  readonly possible: boolean;
}

/** Longer texts are no numbers; as libphonenumber has it. */
const TEXT_CHARACTERS_MAX = 250;
/** What else people's keyboards have for the punctuation between digits, and invisible marks. */
const DASHES = /[\u2010-\u2015\u2212\u30fc]/g;
const INVISIBLE = /[\u00ad\u200b\u2060]/g;
/** Arabic-Indic digits, both sets; their last four bits are their value. */
const ARABIC_DIGITS = /[\u0660-\u0669\u06f0-\u06f9]/g;

/**
 * Reads a number from text, as `readNumber` does; also full-width and Arabic-Indic digits and
 * typographic dashes and spaces. `region` is ISO 3166-1 alpha-2; one that is not known counts as
 * none. `undefined` if it is no number, or longer than 250 characters.
 */
export function parseNumber(
  text: string,
  region = "",
  shortCodes = false,
): ParsedNumber | undefined {
  if (text.length > TEXT_CHARACTERS_MAX) return undefined;
  const plain = text
    .normalize("NFKC")
    .replace(ARABIC_DIGITS, (digit) => String(digit.charCodeAt(0) & 15))
    .replace(DASHES, "-")
    .replace(INVISIBLE, "");
  const bytes = Buffer.from(plain, "utf8");
  if (!readNumber(bytes, 0, bytes.length, countryIndex(region), shortCodes)) return undefined;
  const digits = Buffer.from(number.digits.subarray(0, number.length)).toString("latin1");
  return {
    e164: number.callingCodeDigits === 0 ? undefined : `+${digits}`,
    digits,
    country: COUNTRY_CODES[number.country]!,
    type: NUMBER_TYPES[number.type]!,
    valid: number.valid,
    possible: number.possible,
  };
}
