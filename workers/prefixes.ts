/**
 * Prefixes: longest-prefix match over digits, for any number of tables in one array.
 *
 * A node is two 32-bit words: where its children begin, and a value (22 bits, 0: none) above a bit
 * for each digit that has a child. Children lie side by side and each is followed by its own
 * descendants, so a walk over a million prefixes meets two or three cache lines, not one a digit.
 * A plain trie of ten pointers a node is five times as large.
 */
import assert from "node:assert";
import { FloeError } from "../core/errors.js";

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

export interface PrefixBuilder {
  /** Begins another table and returns its number. */
  table(): number;
  /**
   * Sets a prefix of digits, at least one. @returns its value before, 0 if it is new.
   * @throws FloeError "tables.invalid" above PREFIX_VALUE_MAX.
   */
  set(table: number, prefix: string, value: number): number;
  /** All tables in one array of nodes, and the root of each. */
  pack(): { nodes: Int32Array; roots: readonly number[] };
}

export function openPrefixBuilder(): PrefixBuilder {
  let children = new Int32Array(DIGIT_BITS * 1_024);
  let values = new Int32Array(1_024);
  let count = 0;
  const tables: number[] = [];

  function newNode(): number {
    if (count === values.length) {
      const moreChildren = new Int32Array(children.length * 2);
      moreChildren.set(children);
      children = moreChildren;
      const moreValues = new Int32Array(values.length * 2);
      moreValues.set(values);
      values = moreValues;
    }
    count += 1;
    return count - 1;
  }

  /** Writes the node at `place` and then its descendants; children have been given `next` on. */
  function emit(nodes: Int32Array, node: number, place: number, next: number): number {
    let bits = 0;
    for (let digit = 0; digit < DIGIT_BITS; digit += 1) {
      if (children[node * DIGIT_BITS + digit] !== 0) bits |= 1 << digit;
    }
    const first = next;
    nodes[2 * place] = first;
    nodes[2 * place + 1] = (values[node]! << VALUE_SHIFT) | bits;
    let after = first + POPCOUNT[bits]!;
    let child = first;
    for (let digit = 0; digit < DIGIT_BITS; digit += 1) {
      const below = children[node * DIGIT_BITS + digit]!;
      if (below === 0) continue;
      after = emit(nodes, below, child, after);
      child += 1;
    }
    return after;
  }

  return {
    table() {
      tables.push(newNode());
      return tables.length - 1;
    },
    set(table, prefix, value) {
      assert(value >= 1, "0 is no value");
      if (value > PREFIX_VALUE_MAX) {
        throw new FloeError("tables.invalid", {
          problems: [`more than ${PREFIX_VALUE_MAX} values`],
        });
      }
      assert(/^[0-9]+$/.test(prefix), "a prefix has digits only");
      let node = tables[table]!;
      for (let index = 0; index < prefix.length; index += 1) {
        const place = node * DIGIT_BITS + prefix.charCodeAt(index) - 0x30;
        let below = children[place]!;
        if (below === 0) {
          below = newNode();
          children[place] = below;
        }
        node = below;
      }
      const before = values[node]!;
      values[node] = value;
      return before;
    },
    pack() {
      const nodes = new Int32Array(2 * count);
      const roots: number[] = [];
      let next = 0;
      for (const root of tables) {
        roots.push(next);
        next = emit(nodes, root, next, next + 1);
      }
      assert(next === count);
      return { nodes, roots };
    },
  };
}
