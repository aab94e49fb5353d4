/**
 * Segments: how many parts a text takes, and in which alphabet, counted on its UTF-8 bytes.
 *
 * In: `bytes[at, end)` where it lies in a request frame. Out: the number of segments, and in
 * `measured` what else was seen. Nothing is allocated: this runs for every message. What does not
 * fit one part, and is not plainly divided, is counted by the function that connectors cut with
 * (core/parts.ts). Rules and limits are its.
 */
import { binaryParts, cutText, NO_ENDS, partUnits } from "../core/parts.js";
import { replaceSmart } from "../core/smart.js";
import { ENCODING_BINARY, ENCODING_GSM7, ENCODING_UCS2 } from "../core/stream/fields.js";
import { characterAt, gsm7Septets, gsm7Widths, isPlain } from "../core/text.js";

const GSM7_SINGLE = partUnits(ENCODING_GSM7, 0, 0);
const GSM7_PART = partUnits(ENCODING_GSM7, 0, 8);
const UCS2_SINGLE = partUnits(ENCODING_UCS2, 0, 0);

/** Set by each function of this file that counts, read by its caller before the next call. */
export const measured = {
  /** floe.v1.Encoding. */
  encoding: ENCODING_GSM7 as number,
  /** ASCII whose octets are the same in the GSM alphabet: they may be copied as they are. */
  plain: true,
  /** What the whole body takes, headers apart: septets, UTF-16 units or octets. */
  units: 0,
  /** It was counted with its typographic characters replaced (core/smart.ts). */
  smart: false,
  /** National tables it was counted with, as in floe.v1.Verdict.languages. */
  languages: 0,
};

/*
 * What a pair of octets adds to a text: its septets in the low bits, and what it makes of the text
 * above them. A lookup for each pair halves the time of one for each octet (44 against 110 ns for
 * 70 octets), and the 64 KiB that pairs take are used sparsely: texts have few different ones.
 */
const SEPTETS = 7;
/** Together with the next: a character is not in the alphabet at all. */
const NOT_PLAIN = 8;
const NOT_GSM7_ASCII = NOT_PLAIN << 1;
/** With a line feed it is a cluster, which is not divided. */
const RETURN = 32;
/** What the pair holds, above: two ASCII octets (0), or one of these. */
const STEP_BITS = 6;
const ONE_ASCII = 1;
const ONE_OF_TWO_OCTETS = 2;
const ANOTHER = 3;
const WIDTHS = gsm7Widths(0);
const KINDS = Uint8Array.from({ length: 256 }, (_, octet) => kindOf(octet));
const PAIRS = Uint8Array.from({ length: 65_536 }, (_, pair) => pairOf(pair & 255, pair >>> 8));

function pairOf(first: number, second: number): number {
  if (first < 0x80 && second < 0x80) return addKinds(kindOf(first), kindOf(second));
  if (first < 0x80) {
    const kind = kindOf(first);
    const missing = (kind & NOT_GSM7_ASCII) === 0 ? 0 : NOT_PLAIN;
    return (ONE_ASCII << STEP_BITS) | NOT_GSM7_ASCII | missing | (kind & (SEPTETS | RETURN));
  }
  if (first < 0xc2 || first >= 0xe0 || second < 0x80 || second >= 0xc0) {
    return (ANOTHER << STEP_BITS) | NOT_GSM7_ASCII;
  }
  const septets = WIDTHS[((first & 0x1f) << 6) | (second & 0x3f)]!;
  const missing = septets === 0 ? NOT_PLAIN : 0;
  return (ONE_OF_TWO_OCTETS << STEP_BITS) | NOT_GSM7_ASCII | missing | septets;
}

function kindOf(octet: number): number {
  const septets = octet < 0x80 ? gsm7Septets(octet) : 0;
  if (septets === 0) return NOT_GSM7_ASCII | NOT_PLAIN;
  return septets | (isPlain(octet) ? 0 : NOT_PLAIN) | (octet === 0x0d ? RETURN : 0);
}

function addKinds(one: number, other: number): number {
  return ((one & SEPTETS) + (other & SEPTETS)) | ((one | other) & ~SEPTETS);
}

/**
 * Segments of the text `bytes[at, end)`, at least 1. What else is known of it is in `measured`.
 * @param view of the same bytes.
 * @param smart typographic characters may be replaced, where that makes the text one of the GSM
 *   alphabet and costs no more segments (70 ellipses are one segment as they are, and two as dots).
 */
export function countSegments(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  smart = false,
): number {
  let septets = 0;
  let kinds = 0;
  let here = at;
  // Most texts are ASCII to their end, and this loop is all they see.
  for (const last = end - 3; here < last; here += 4) {
    const four = view.getInt32(here, true);
    const first = PAIRS[four & 0xffff]!;
    const second = PAIRS[four >>> 16]!;
    kinds |= first | second;
    if ((kinds & NOT_GSM7_ASCII) !== 0) break;
    septets += (first & SEPTETS) + (second & SEPTETS);
  }
  measured.smart = false;
  measured.languages = 0;
  // Up to three are left. A text that ends within a character is one of `countAny`, too.
  for (; here < end; here += 1) {
    const kind = KINDS[bytes[here]!]!;
    kinds |= kind;
    if ((kinds & NOT_GSM7_ASCII) !== 0) break;
    septets += kind & SEPTETS;
  }
  if ((kinds & NOT_GSM7_ASCII) !== 0) {
    return countAny(bytes, view, at, here, end, septets, kinds & RETURN, smart);
  }
  measured.encoding = ENCODING_GSM7;
  measured.plain = (kinds & NOT_PLAIN) === 0;
  measured.units = septets;
  if (septets <= GSM7_SINGLE) return 1;
  return countGsm7(bytes, at, end, septets === end - at && (kinds & RETURN) === 0);
}

/**
 * Segments of a body of so many octets, at least 1.
 * @param header octets of its user data header, 0: none.
 */
export function countBinary(octets: number, header: number): number {
  measured.encoding = ENCODING_BINARY;
  measured.plain = false;
  measured.units = octets;
  measured.smart = false;
  measured.languages = 0;
  return binaryParts(octets, 8, Math.max(header - 1, 0));
}

/** Goes on at `asciiEnd`: all before is ASCII of the GSM alphabet, so many septets. */
function countAny(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  asciiEnd: number,
  end: number,
  asciiSeptets: number,
  asciiReturn: number,
  smart: boolean,
): number {
  let septets = asciiSeptets;
  let units = asciiEnd - at;
  let kinds = asciiReturn;
  let missing = 0;
  for (let here = asciiEnd; here < end; ) {
    let pair = ANOTHER << STEP_BITS;
    if (here + 3 < end) {
      const four = view.getInt32(here, true);
      pair = PAIRS[four & 0xffff]!;
      const second = PAIRS[four >>> 16]!;
      if (((pair | second) & NOT_GSM7_ASCII) === 0) {
        kinds |= pair | second;
        septets += (pair & SEPTETS) + (second & SEPTETS);
        units += 4;
        here += 4;
        continue;
      }
    } else if (here + 1 < end) pair = PAIRS[view.getUint16(here, true)]!;
    const step = pair >>> STEP_BITS;
    if (step === ANOTHER) {
      const character = characterAt(bytes, here, end);
      const codePoint = character >>> 3;
      const width = gsm7Septets(codePoint);
      if (width === 0) missing = NOT_GSM7_ASCII;
      if (codePoint === 0x0d) kinds |= RETURN;
      septets += width;
      units += codePoint > 0xffff ? 2 : 1;
      here += character & 7;
      continue;
    }
    // Without a branch: which of the steps comes next is what nobody predicts.
    kinds |= pair;
    missing |= pair & (pair << 1);
    septets += pair & SEPTETS;
    units += 2 - ((step | (step >>> 1)) & 1);
    here += 2 - (step & 1);
  }
  const gsm7 = (missing & NOT_GSM7_ASCII) === 0;
  const hasReturn = (kinds & RETURN) !== 0;
  measured.plain = false;
  if (gsm7) {
    measured.encoding = ENCODING_GSM7;
    measured.units = septets;
    if (septets <= GSM7_SINGLE) return 1;
    return countGsm7(bytes, at, end, septets === units && !hasReturn);
  }
  const segments = units <= UCS2_SINGLE ? 1 : cutText(bytes, at, end, ENCODING_UCS2, 0, NO_ENDS);
  if (smart) {
    const replaced = countReplaced(bytes, at, end, segments);
    if (replaced !== 0) return replaced;
  }
  measured.encoding = ENCODING_UCS2;
  measured.units = units;
  return segments;
}

/** Where every character takes one place, and each may begin a part, parts are full. */
function countGsm7(bytes: Uint8Array, at: number, end: number, isEven: boolean): number {
  if (isEven) return Math.ceil(measured.units / GSM7_PART);
  return cutText(bytes, at, end, ENCODING_GSM7, 0, NO_ENDS);
}

let scratch = new Uint8Array(8_192);
let scratchView = new DataView(scratch.buffer);

/** Segments of the replaced text; 0: it is not to be replaced. */
function countReplaced(bytes: Uint8Array, at: number, end: number, segmentsMax: number): number {
  if (scratch.length < 2 * (end - at)) {
    scratch = new Uint8Array(2 * (end - at));
    scratchView = new DataView(scratch.buffer);
  }
  const length = replaceSmart(bytes, at, end, scratch, 0);
  if (length < 0) return 0;
  const segments = countSegments(scratch, scratchView, 0, length);
  if (segments > segmentsMax) return 0;
  // The text itself is not plain, even if what it is replaced by is.
  measured.plain = false;
  measured.smart = true;
  return segments;
}

/**
 * Segments of a text with a language's national tables, whichever of them serve it best: single
 * shift alone, locking shift alone, or both, and the first of those that need the fewest segments.
 * @param _view as `countSegments` has it.
 * @param languageId as in core/national.ts.
 * @returns 0: these tables cannot write it, and `measured` is as it was.
 */
export function nationalSegments(
  bytes: Uint8Array,
  _view: DataView,
  at: number,
  end: number,
  languageId: number,
): number {
  if (languageId === 0) return 0;
  // Tables that do not exist write no text, so a language without one needs no question.
  const locking = languageId << 8;
  const both = locking | languageId;
  let best = keepBetter(0, segmentsWith(bytes, at, end, languageId), languageId);
  best = keepBetter(best, segmentsWith(bytes, at, end, locking), locking);
  return keepBetter(best, segmentsWith(bytes, at, end, both), both);
}

function keepBetter(best: number, segments: number, languages: number): number {
  if (segments === 0 || (best !== 0 && segments >= best)) return best;
  measured.encoding = ENCODING_GSM7;
  measured.plain = false;
  measured.smart = false;
  measured.languages = languages;
  measured.units = unitsWith;
  return segments;
}

/** Set by `segmentsWith`. */
let unitsWith = 0;

/** Segments of a text with these tables; 0: they cannot write it. */
function segmentsWith(bytes: Uint8Array, at: number, end: number, languages: number): number {
  const widths = gsm7Widths(languages);
  unitsWith = 0;
  for (let here = at; here < end; ) {
    const character = characterAt(bytes, here, end);
    const codePoint = character >>> 3;
    const width = codePoint < widths.length ? widths[codePoint]! : 0;
    if (width === 0) return 0;
    unitsWith += width;
    here += character & 7;
  }
  if (unitsWith <= partUnits(ENCODING_GSM7, languages, 0)) return 1;
  return cutText(bytes, at, end, ENCODING_GSM7, languages, NO_ENDS);
}
