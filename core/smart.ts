/**
 * Smart encoding: a text's typographic characters replaced by those of the GSM 7-bit alphabet, so
 * that one dash from a word processor does not make two messages of one.
 *
 * What is replaced looks or reads the same: quotation marks, dashes, spaces, dots, bullets, forms
 * that Unicode keeps for compatibility, and a letter with a separate accent where the alphabet has
 * it in one. Letters are never replaced by others: "á" is not "a", and no Cyrillic letter is a
 * Latin one. So a text that has such a letter stays as it is.
 *
 * Dispatch counts the replaced text, and connectors submit it: both use this one function.
 */
import { characterAt, gsm7Septets } from "./text.js";

/** Each is replaced by what stands before it. */
const TABLE: readonly (readonly [string, string])[] = [
  ["'", "`´ʹʼˈ‘’‚‛′‵‹›＇｀"],
  ['"', "«»“”„‟″‶〝〞＂"],
  ["-", "‐‑‒–—―⁃−﹘﹣－"],
  ["...", "…"],
  ["..", "‥"],
  [".", "·․"],
  ["*", "•‣◦∙⁎∗"],
  ["/", "⁄∕"],
  ["~", "˜∼〜"],
  ["^", "ˆ"],
  ["|", "∣"],
  [
    " ",
    "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
  ],
  ["\n", "\u0085\u2028\u2029"],
  // Soft hyphen, zero-width space, marks of direction, word joiner, byte order mark.
  ["", "\u00ad\u200b\u200e\u200f\u2060\ufeff"],
  ["ff", "ﬀ"],
  ["fi", "ﬁ"],
  ["fl", "ﬂ"],
  ["ffi", "ﬃ"],
  ["ffl", "ﬄ"],
  ["st", "ﬅﬆ"],
  // The ohm and the angstrom are these letters by definition.
  ["Ω", "\u2126"],
  ["Å", "\u212b"],
];
const FULL_WIDTH_AT = 0xff01;
const FULL_WIDTH_END = 0xff5f;
const COMBINING_AT = 0x300;
const COMBINING_END = 0x370;

/** UTF-8 of what a code point is replaced by. */
const REPLACED = new Map<number, Uint8Array>();
for (let code = FULL_WIDTH_AT; code < FULL_WIDTH_END; code += 1) {
  REPLACED.set(code, Buffer.from(String.fromCharCode(code - FULL_WIDTH_AT + 0x21)));
}
for (const [by, characters] of TABLE) {
  for (const one of characters) REPLACED.set(one.codePointAt(0)!, Buffer.from(by));
}
/** UTF-8 of a letter with an accent, by `base * 0x100 + mark - COMBINING_AT`. */
const COMPOSED = new Map<number, Uint8Array>();
for (const one of "èéùìòÇåÅÉÄÖÑÜäöñüà") {
  const [base, mark] = one.normalize("NFD");
  const key = base!.charCodeAt(0) * 0x100 + mark!.charCodeAt(0) - COMBINING_AT;
  COMPOSED.set(key, Buffer.from(one));
}

/**
 * Writes the text `bytes[at, end)` with its typographic characters replaced, as UTF-8, into `into`
 * from `intoAt` on, where there must be room for twice as many octets.
 * @returns how many octets were written, all of the GSM 7-bit alphabet; -1: that cannot be, and
 *   `into` holds nothing of use.
 */
export function replaceSmart(
  bytes: Uint8Array,
  at: number,
  end: number,
  into: Uint8Array,
  intoAt: number,
): number {
  let to = intoAt;
  while (at < end) {
    const lead = bytes[at]!;
    if (lead < 0x80 && gsm7Septets(lead) !== 0) {
      into[to++] = lead;
      at += 1;
      continue;
    }
    const character = characterAt(bytes, at, end);
    const codePoint = character >>> 3;
    const next = at + (character & 7);
    if (gsm7Septets(codePoint) !== 0) {
      while (at < next) into[to++] = bytes[at++]!;
      continue;
    }
    at = next;
    let by = REPLACED.get(codePoint);
    if (by === undefined && codePoint >= COMBINING_AT && codePoint < COMBINING_END && to > intoAt) {
      by = COMPOSED.get(into[to - 1]! * 0x100 + codePoint - COMBINING_AT);
      to -= 1;
    }
    if (by === undefined) return -1;
    for (let index = 0; index < by.length; index += 1) into[to++] = by[index]!;
  }
  return to - intoAt;
}

/** The replaced text; undefined: it would not be of the GSM 7-bit alphabet. */
export function smartText(text: string): string | undefined {
  const bytes = Buffer.from(text, "utf8");
  const into = Buffer.alloc(2 * bytes.length);
  const length = replaceSmart(bytes, 0, bytes.length, into, 0);
  return length < 0 ? undefined : into.toString("utf8", 0, length);
}
