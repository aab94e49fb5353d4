/**
 * Prefixes: longest-prefix match over digits, for any number of tables in one array.
 *
 * A node is two 32-bit words: where its children begin, and a value (22 bits, 0: none) above a bit
 * for each digit that has a child. Children lie side by side and each is followed by its own
 * descendants, so a walk over a million prefixes meets two or three cache lines, not one a digit;
 * all walks begin with the same few digits, whose nodes lie together at the beginning of the table.
 * A plain trie of ten pointers a node is five times as large: that is what compiling builds first.
 */
import assert from "node:assert";
import { FloeError } from "../core/errors.js";
import { NUMBER_DIGITS_MAX } from "../core/limits.js";

const VALUE_SHIFT = 10;
/** Highest value that a prefix may have. */
export const PREFIX_VALUE_MAX = 2 ** 22 - 1;
const DIGIT_BITS = 10;

/** Number of set bits of ten. */
const POPCOUNT = new Uint8Array(1 << DIGIT_BITS);
for (let bits = 1; bits < POPCOUNT.length; bits += 1) {
  POPCOUNT[bits] = POPCOUNT[bits >>> 1]! + (bits & 1);
}

/**
 * Value of the longest prefix of the ASCII digits `digits[at, end)` in the table at `root`; 0 if
 * there is none. Anything but digits is the caller's bug.
 */
export function longestPrefix(
  nodes: Int32Array,
  root: number,
  digits: Uint8Array,
  at: number,
  end: number,
): number {
  let value = 0;
  let place = root;
  for (;;) {
    const word = nodes[2 * place + 1]!;
    const own = word >>> VALUE_SHIFT;
    if (own !== 0) value = own;
    if (at >= end) return value;
    const bit = 1 << (digits[at]! - 0x30);
    if ((word & bit) === 0) return value;
    place = nodes[2 * place]! + POPCOUNT[word & (bit - 1)]!;
    at += 1;
  }
}

/** The value in a node's second word, 0: none. */
export function ownValue(word: number): number {
  return word >>> VALUE_SHIFT;
}

/** The node below one of these two words, for an ASCII digit; -1: there is none. */
export function below(first: number, word: number, digit: number): number {
  const bit = 1 << (digit - 0x30);
  return (word & bit) === 0 ? -1 : first + POPCOUNT[word & (bit - 1)]!;
}

/** Digits that all walks begin with at once (`topOf`). */
export const TOP_DIGITS = 4;
const TOP_COUNT = 10 ** TOP_DIGITS;

/**
 * For each TOP_DIGITS digits the node that they lead to, -1: none, and the value of the longest
 * prefix above that node. So many digits lead to few nodes, which caches keep.
 */
export function openTop(nodes: Int32Array, root: number): Int32Array {
  const top = new Int32Array(2 * TOP_COUNT);
  for (let code = 0; code < TOP_COUNT; code += 1) {
    let place = root;
    let value = 0;
    for (let step = TOP_COUNT / 10; step >= 1 && place >= 0; step /= 10) {
      const word = nodes[2 * place + 1]!;
      value = ownValue(word) || value;
      place = below(nodes[2 * place]!, word, 0x30 + (Math.floor(code / step) % 10));
    }
    top[2 * code] = place;
    top[2 * code + 1] = value;
  }
  return top;
}

/** Place in a table of `openTop` for the ASCII digits at `at`. */
export function topOf(digits: Uint8Array, at: number): number {
  const code = digits[at]! * 1_000 + digits[at + 1]! * 100 + digits[at + 2]! * 10 + digits[at + 3]!;
  return 2 * (code - 0x30 * 1_111);
}

/** One more than the digits that a prefix may have: what `allPrefixes` fills at most. */
export const PREFIX_MATCHES_MAX = NUMBER_DIGITS_MAX + 1;

/**
 * Fills `into` with the values of all prefixes that match, the shortest first.
 * @returns how many there are.
 */
export function allPrefixes(
  nodes: Int32Array,
  root: number,
  digits: Uint8Array,
  at: number,
  end: number,
  into: Int32Array,
): number {
  let count = 0;
  let place = root;
  for (;;) {
    const word = nodes[2 * place + 1]!;
    const own = word >>> VALUE_SHIFT;
    if (own !== 0) {
      into[count] = own;
      count += 1;
    }
    if (at >= end) return count;
    const bit = 1 << (digits[at]! - 0x30);
    if ((word & bit) === 0) return count;
    place = nodes[2 * place]! + POPCOUNT[word & (bit - 1)]!;
    at += 1;
  }
}

/** Prefixes while they are collected: a number for each node, 0 is the root (the empty prefix). */
export interface PrefixTree {
  /**
   * The node of a prefix of 1 to 15 digits, made if it is new.
   * @param code the digits as a number, `length` how many they are.
   */
  node(code: number, length: number): number;
  /** Nodes so far. */
  count(): number;
  /** Of each node the one above it, which always has the smaller number. */
  parents(): Int32Array;
  /**
   * The nodes that have values or lead to some, packed; their places begin at `base`.
   * @param values of each node, 0: none. What a prefix has in common with the next shorter one is
   *   left out.
   * @throws FloeError "tables.invalid" above PREFIX_VALUE_MAX.
   */
  pack(values: Int32Array, base: number): Int32Array;
}

/** Digits whose nodes lie level by level: 11,000 nodes at most, which caches keep. */
const TOP_LEVELS = 4;
const INT32_MAX = 2 ** 31 - 1;
const LOW_DIGITS = 8;
const LOW = 10 ** LOW_DIGITS;

export function openPrefixTree(): PrefixTree {
  let children = new Int32Array(DIGIT_BITS * 1_024);
  let parents = new Int32Array(1_024);
  let count = 1;
  // The digits that were last walked and the nodes on their way: decks are sorted as a rule, and
  // then most of a walk is known.
  let last = new Uint8Array(NUMBER_DIGITS_MAX);
  let next = new Uint8Array(NUMBER_DIGITS_MAX);
  const way = new Int32Array(NUMBER_DIGITS_MAX + 1);
  let lastLength = 0;

  function newNode(parent: number): number {
    if (count === parents.length) {
      const moreChildren = new Int32Array(children.length * 2);
      moreChildren.set(children);
      children = moreChildren;
      const moreParents = new Int32Array(parents.length * 2);
      moreParents.set(parents);
      parents = moreParents;
    }
    parents[count] = parent;
    count += 1;
    return count - 1;
  }

  function split(code: number, length: number): void {
    let place = length - 1;
    let rest = code;
    if (code > INT32_MAX) {
      const high = Math.floor(code / LOW);
      let low = code - high * LOW;
      for (let step = 0; step < LOW_DIGITS; step += 1) {
        const less = (low / 10) | 0;
        next[place] = low - less * 10;
        low = less;
        place -= 1;
      }
      rest = high;
    }
    while (place >= 0) {
      const less = (rest / 10) | 0;
      next[place] = rest - less * 10;
      rest = less;
      place -= 1;
    }
  }

  function pack(values: Int32Array, base: number): Int32Array {
    const bits = new Int32Array(count);
    const kept = keptNodes(values, parents, count, bits, children);
    const nodes = new Int32Array(2 * kept);
    let free = 1;
    /** Writes a node, gives its children places side by side, and each to `then`. */
    function write(node: number, place: number, then: (node: number, place: number) => void): void {
      let child = free;
      nodes[2 * place] = base + free;
      nodes[2 * place + 1] = (values[node]! << VALUE_SHIFT) | bits[node]!;
      free += POPCOUNT[bits[node]!]!;
      for (let digit = 0; digit < DIGIT_BITS; digit += 1) {
        if ((bits[node]! & (1 << digit)) === 0) continue;
        then(children[node * DIGIT_BITS + digit]!, child);
        child += 1;
      }
    }
    const below = (node: number, place: number): void => write(node, place, below);
    let level: (readonly [node: number, place: number])[] = [[0, 0]];
    for (let depth = 0; depth < TOP_LEVELS; depth += 1) {
      const next: typeof level = [];
      for (const [node, place] of level) write(node, place, (...child) => next.push(child));
      level = next;
    }
    for (const [node, place] of level) below(node, place);
    assert(free === kept);
    return nodes;
  }

  return {
    node(code, length) {
      split(code, length);
      let depth = 0;
      const shared = Math.min(length, lastLength);
      while (depth < shared && next[depth] === last[depth]) depth += 1;
      let node = way[depth]!;
      for (; depth < length; depth += 1) {
        const place = node * DIGIT_BITS + next[depth]!;
        let below = children[place]!;
        if (below === 0) {
          below = newNode(node);
          children[place] = below;
        }
        node = below;
        way[depth + 1] = node;
      }
      [last, next] = [next, last];
      lastLength = length;
      return node;
    },
    count: () => count,
    parents: () => parents.subarray(0, count),
    pack,
  };
}

/**
 * Clears values that say what the next shorter prefix says, and gives each node a bit for each
 * child that has a value or leads to one. @returns how many nodes there are then.
 */
function keptNodes(
  values: Int32Array,
  parents: Int32Array,
  count: number,
  bits: Int32Array,
  children: Int32Array,
): number {
  const inherited = new Int32Array(count);
  for (let node = 0; node < count; node += 1) {
    const above = node === 0 ? 0 : inherited[parents[node]!]!;
    const own = values[node]!;
    if (own > PREFIX_VALUE_MAX) {
      throw new FloeError("tables.invalid", { problems: [`more than ${PREFIX_VALUE_MAX} values`] });
    }
    inherited[node] = own || above;
    if (own === above) values[node] = 0;
  }
  let kept = 1;
  // Parents have smaller numbers: from the end on all that is below a node has been looked at.
  for (let node = count - 1; node > 0; node -= 1) {
    if (values[node] === 0 && bits[node] === 0) continue;
    kept += 1;
    const parent = parents[node]!;
    let digit = 0;
    while (children[parent * DIGIT_BITS + digit] !== node) digit += 1;
    bits[parent]! |= 1 << digit;
  }
  return kept;
}
