/**
 * Goal: the packed trie finds the longest prefix, and all of them, however many there are.
 * Method: a map of strings as reference; few digits, so that prefixes collide and nest often.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NUMBER_DIGITS_MAX } from "../../../core/limits.js";
import {
  allPrefixes,
  longestPrefix,
  openPrefixTree,
  PREFIX_MATCHES_MAX,
  PREFIX_VALUE_MAX,
} from "../../../workers/prefixes.js";

const prefixes = suite("prefixes");
const digit = fc.constantFrom(..."0129");
const digits = (minLength: number, maxLength: number) =>
  fc.string({ unit: digit, minLength, maxLength });
/** Few values: then a prefix often says what a shorter one says, and is left out. */
const value = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(PREFIX_VALUE_MAX));
const rows = fc.array(fc.tuple(fc.oneof(digits(1, 5), digits(1, NUMBER_DIGITS_MAX)), value), {
  maxLength: 40,
});

/** The rows packed, from `base` on in an array of more, with the value of the empty prefix. */
function packed(
  table: readonly (readonly [string, number])[],
  empty: number,
  base: number,
): { readonly nodes: Int32Array; readonly map: ReadonlyMap<string, number> } {
  const tree = openPrefixTree();
  const map = new Map<string, number>(empty === 0 ? [] : [["", empty]]);
  const places = table.map(([prefix]) => tree.node(Number(prefix), prefix.length));
  const values = new Int32Array(tree.count());
  values[0] = empty;
  for (const [index, [prefix, own]] of table.entries()) {
    values[places[index]!] = own;
    map.set(prefix, own);
  }
  const own = tree.pack(values, base);
  const nodes = new Int32Array(2 * base + own.length).fill(-1);
  nodes.set(own, 2 * base);
  return { nodes, map };
}

/** Values of the known prefixes of `number`, the shortest first. */
function valuesOf(map: ReadonlyMap<string, number>, number: string): readonly number[] {
  const lengths = Array.from({ length: number.length + 1 }, (_, length) => length);
  return lengths.flatMap((length) => map.get(number.slice(0, length)) ?? []);
}

/** Where the number stands among other digits. */
function bytesOf(number: string): [bytes: Uint8Array, at: number, end: number] {
  return [Buffer.from(`7${number}2`), 1, 1 + number.length];
}

prefixes("the longest prefix decides, wherever the table lies", () => {
  fc.assert(
    fc.property(
      rows,
      fc.constantFrom(0, 1, 5),
      fc.nat({ max: 9 }),
      fc.array(digits(0, NUMBER_DIGITS_MAX), { minLength: 1 }),
      (table, empty, base, noise) => {
        const { nodes, map } = packed(table, empty, base);
        // Numbers that go on where a prefix ends, beside some that have nothing to do with any.
        const begun = [...map.keys()].flatMap((prefix) => [prefix, `${prefix}19`.slice(0, 15)]);
        for (const number of [...begun, ...noise]) {
          const expected = valuesOf(map, number).at(-1) ?? 0;
          assert.is(longestPrefix(nodes, base, ...bytesOf(number)), expected, number);
        }
      },
    ),
    { numRuns: 2_000, includeErrorInReport: true },
  );
});

prefixes("all prefixes come, the shortest first, but for those that repeat the one above", () => {
  fc.assert(
    fc.property(rows, digits(0, NUMBER_DIGITS_MAX), (table, noise) => {
      const { nodes, map } = packed(table, 0, 0);
      const into = new Int32Array(PREFIX_MATCHES_MAX);
      for (const number of [...map.keys(), noise]) {
        const count = allPrefixes(nodes, 0, ...bytesOf(number), into);
        const all = valuesOf(map, number);
        const expected = all.filter((own, index) => own !== all[index - 1]);
        assert.equal([...into.subarray(0, count)], expected, number);
      }
    }),
    { numRuns: 2_000, includeErrorInReport: true },
  );
});

prefixes("the same prefix is the same node, and parents come before children", () => {
  fc.assert(
    fc.property(rows, (table) => {
      const tree = openPrefixTree();
      const nodes = new Map<string, number>();
      for (const [prefix] of table) {
        const node = tree.node(Number(prefix), prefix.length);
        assert.is(nodes.get(prefix) ?? node, node);
        nodes.set(prefix, node);
      }
      assert.is(new Set(nodes.values()).size, nodes.size);
      const parents = tree.parents();
      assert.is(parents.length, tree.count());
      for (const [prefix, node] of nodes) {
        assert.ok(parents[node]! < node);
        const above = nodes.get(prefix.slice(0, -1));
        if (above !== undefined) assert.is(parents[node], above);
      }
    }),
    { numRuns: 500, includeErrorInReport: true },
  );
});

prefixes("refuses a value that does not fit", () => {
  const tree = openPrefixTree();
  const values = new Int32Array([0, PREFIX_VALUE_MAX + 1]);
  tree.node(4, 1);
  assert.throws(
    () => tree.pack(values, 0),
    (error: { code?: string }) => error.code === "tables.invalid",
  );
});

prefixes("every one of a hundred thousand prefixes is found again", () => {
  const table = new Map<string, number>();
  // A stride that is prime to 10^9 spreads over all digits; lengths alternate from 5 to 9.
  for (let index = 1; index <= 100_000; index += 1) {
    const spread = String(100_000_000 + ((index * 48_271) % 900_000_000));
    table.set(spread.slice(0, 5 + (index % 5)), index);
  }
  const { nodes } = packed([...table], 0, 0);
  for (const [prefix, own] of table) {
    assert.is(longestPrefix(nodes, 0, ...bytesOf(prefix)), own, prefix);
  }
});

prefixes.run();
