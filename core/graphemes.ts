/**
 * Graphemes: where a text may be cut without cutting what a reader takes for one character.
 *
 * A walk over code points: `STEPS[state * CLASSES + class]` is the next state, and whether a
 * cluster begins at this character. Intl.Segmenter does the same at 100 times the cost and with
 * an object for each cluster; a property test holds the two together.
 *
 * Source: Unicode UAX #29, extended grapheme clusters, GB3 to GB13 (GB9c: conjuncts of Indic
 * scripts). The classes of characters are generated (core/grapheme-classes.ts).
 */
import { GRAPHEME_CLASSES } from "./grapheme-classes.js";

/** What a character is to its neighbours. */
export const CLASS = {
  other: 0,
  cr: 1,
  lf: 2,
  control: 3,
  /** Extends any cluster: marks, variation selectors, skin tones, tags. */
  extend: 4,
  /** The same, and a conjunct of consonants goes on across it. */
  conjunctExtend: 5,
  /** The same, and joins two consonants: a virama. */
  linker: 6,
  zwj: 7,
  spacing: 8,
  prepend: 9,
  regional: 10,
  pictographic: 11,
  consonant: 12,
  hangulL: 13,
  hangulV: 14,
  hangulT: 15,
  hangulLV: 16,
  hangulLVT: 17,
} as const;
const CLASSES = 18;

/** What was just before, as far as it decides whether a cluster goes on. */
const STATE = {
  /** The text's beginning, a control, a line feed: after these a cluster begins. */
  broken: 0,
  cr: 1,
  other: 2,
  prepend: 3,
  /** One regional indicator that has no partner yet. */
  regional: 4,
  /** A pictograph and what extends it; then with a joiner. */
  pictographic: 5,
  pictographicJoined: 6,
  /** A consonant and what extends it; then with a virama among that. */
  consonant: 7,
  consonantLinked: 8,
  hangulL: 9,
  hangulV: 10,
  hangulT: 11,
} as const;
const STATES = 12;

/** The state at the beginning of a text. */
export const START: number = STATE.broken;
/** In a step: a cluster begins at this character. The other bits are the next state. */
export const BREAK = 0x80;

/** State after a character that begins a cluster. */
const BEGUN: readonly number[] = (() => {
  const begun = new Array<number>(CLASSES).fill(STATE.other);
  begun[CLASS.cr] = STATE.cr;
  begun[CLASS.lf] = STATE.broken;
  begun[CLASS.control] = STATE.broken;
  begun[CLASS.prepend] = STATE.prepend;
  begun[CLASS.regional] = STATE.regional;
  begun[CLASS.pictographic] = STATE.pictographic;
  begun[CLASS.consonant] = STATE.consonant;
  begun[CLASS.hangulL] = STATE.hangulL;
  begun[CLASS.hangulV] = STATE.hangulV;
  begun[CLASS.hangulLV] = STATE.hangulV;
  begun[CLASS.hangulT] = STATE.hangulT;
  begun[CLASS.hangulLVT] = STATE.hangulT;
  return begun;
})();

const STEPS = Uint8Array.from({ length: STATES * CLASSES }, (_, place) => {
  const state = Math.floor(place / CLASSES);
  const kind = place % CLASSES;
  const joined = joins(state, kind);
  return joined < 0 ? BREAK | BEGUN[kind]! : joined;
});

/** The next state where the character belongs to the cluster before it; -1 where it begins one. */
function joins(state: number, kind: number): number {
  // GB3 to GB5: nothing joins a control, but a line feed a carriage return.
  if (state === STATE.cr && kind === CLASS.lf) return STATE.broken;
  if (state === STATE.broken || state === STATE.cr) return -1;
  if (kind === CLASS.cr || kind === CLASS.lf || kind === CLASS.control) return -1;
  // GB9, GB9a: and what of GB9c and GB11 is under way goes on.
  if (kind >= CLASS.extend && kind <= CLASS.zwj) return extended(state, kind);
  if (kind === CLASS.spacing) return STATE.other;
  // GB9b
  if (state === STATE.prepend) return BEGUN[kind]!;
  const goesOn =
    (state === STATE.consonantLinked && kind === CLASS.consonant) || // GB9c
    (state === STATE.pictographicJoined && kind === CLASS.pictographic) || // GB11
    isSyllable(state, kind);
  if (goesOn) return BEGUN[kind]!;
  // GB12, GB13: two are a flag, and the third begins another.
  return state === STATE.regional && kind === CLASS.regional ? STATE.other : -1;
}

function extended(state: number, kind: number): number {
  if (state === STATE.pictographic) {
    return kind === CLASS.zwj ? STATE.pictographicJoined : STATE.pictographic;
  }
  // A joiner with anything behind it but a pictograph joins no more.
  if (state === STATE.consonant || state === STATE.consonantLinked) {
    if (kind === CLASS.linker) return STATE.consonantLinked;
    return kind === CLASS.extend ? STATE.other : state;
  }
  return STATE.other;
}

/** GB6 to GB8. */
function isSyllable(state: number, kind: number): boolean {
  if (state === STATE.hangulL) return kind >= CLASS.hangulL && kind !== CLASS.hangulT;
  if (state === STATE.hangulV) return kind === CLASS.hangulV || kind === CLASS.hangulT;
  return state === STATE.hangulT && kind === CLASS.hangulT;
}

/*
 * Class by code point: blocks of 128 characters, equal ones stored once. 0x20000 and above are
 * `other` but for the plane of tags and selectors, which is moved down to there.
 */
const BLOCK_BITS = 7;
const BLOCK = 1 << BLOCK_BITS;
const TAGS_AT = 0xe0000;
const TAGS_END = 0xe1000;
const FOLDED_AT = 0x20000;
const FOLDED_END = FOLDED_AT + TAGS_END - TAGS_AT;
const BLOCKS = new Uint8Array(FOLDED_END >>> BLOCK_BITS);
const CLASS_OF = compact(unfolded());

function unfolded(): Uint8Array {
  const classes = new Uint8Array(FOLDED_END);
  for (let syllable = 0xac00; syllable < 0xd7a4; syllable += 1) {
    classes[syllable] = (syllable - 0xac00) % 28 === 0 ? CLASS.hangulLV : CLASS.hangulLVT;
  }
  let at = 0;
  for (const run of GRAPHEME_CLASSES.split(" ")) {
    const [skip, length, kind] = run.split(",").map((one) => Number.parseInt(one, 36));
    at += skip!;
    const end = at + length!;
    const fold = at >= TAGS_AT ? TAGS_AT - FOLDED_AT : 0;
    classes.fill(kind!, at - fold, end - fold);
    at = end;
  }
  return classes;
}

function compact(classes: Uint8Array): Uint8Array {
  const known = new Map<string, number>();
  const kept: Uint8Array[] = [];
  for (let block = 0; block < BLOCKS.length; block += 1) {
    const content = classes.subarray(block << BLOCK_BITS, (block + 1) << BLOCK_BITS);
    const key = content.join();
    let number = known.get(key);
    if (number === undefined) {
      number = kept.length;
      known.set(key, number);
      kept.push(content);
    }
    BLOCKS[block] = number;
  }
  if (kept.length > 256) throw new Error("the number of a block fits an octet");
  const all = new Uint8Array(kept.length << BLOCK_BITS);
  for (const [number, content] of kept.entries()) all.set(content, number << BLOCK_BITS);
  return all;
}

/** CLASS of a character. */
export function graphemeClass(codePoint: number): number {
  let place = codePoint;
  if (place >= FOLDED_AT) {
    if (place < TAGS_AT || place >= TAGS_END) return CLASS.other;
    place -= TAGS_AT - FOLDED_AT;
  }
  return CLASS_OF[(BLOCKS[place >>> BLOCK_BITS]! << BLOCK_BITS) | (place & (BLOCK - 1))]!;
}

/**
 * One step of the walk over a text's characters.
 * @param state START at the beginning, then the low bits of the last step (`step & ~BREAK`).
 * @returns the next state, with BREAK if a cluster begins at this character.
 */
export function graphemeStep(state: number, codePoint: number): number {
  return STEPS[state * CLASSES + graphemeClass(codePoint)]!;
}
