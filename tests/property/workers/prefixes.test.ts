/**
 * Goal: the packed trie finds the longest prefix, in the right table, however many there are.
 * Method: an array of strings as reference; few digits, so that prefixes collide and nest often.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { longestPrefix, openPrefixBuilder, PREFIX_VALUE_MAX } from "../../../workers/prefixes.js";

const prefixes = suite("prefixes");
const digit = fc.constantFrom(..."0129");
const digits = (minLength: number, maxLength: number) =>
  fc.string({ unit: digit, minLength, maxLength });
const rows = fc.array(fc.tuple(digits(1, 5), fc.integer({ min: 1, max: PREFIX_VALUE_MAX })), {
  maxLength: 40,
});

/** Looks `number` up where it stands among other digits. */
function find(nodes: Int32Array, root: number, number: string): number {
  const bytes = Buffer.from(`7${number}2`);
  return longestPrefix(nodes, root, bytes, 1, 1 + number.length);
}

prefixes("the longest prefix decides, in each of several tables", () => {
  fc.assert(
    fc.property(
      fc.array(rows, { minLength: 1, maxLength: 4 }),
      fc.array(digits(0, 8)),
      (tables, numbers) => {
        const builder = openPrefixBuilder();
        const maps = tables.map((table) => {
          const number = builder.table();
          const map = new Map<string, number>();
          for (const [prefix, value] of table) {
            assert.is(builder.set(number, prefix, value), map.get(prefix) ?? 0);
            map.set(prefix, value);
          }
          return map;
        });
        const { nodes, roots } = builder.pack();
        for (const number of numbers) {
          for (const [index, map] of maps.entries()) {
            const known = [...map.keys()].filter((prefix) => number.startsWith(prefix));
            const longest = known.sort((a, b) => b.length - a.length)[0];
            const expected = longest === undefined ? 0 : map.get(longest);
            assert.is(find(nodes, roots[index]!, number), expected);
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

prefixes("every one of a hundred thousand prefixes is found again", () => {
  const builder = openPrefixBuilder();
  const table = builder.table();
  const known = new Map<string, number>();
  // A stride that is prime to 10^9 spreads over all digits; lengths alternate from 5 to 9.
  for (let index = 1; index <= 100_000; index += 1) {
    const spread = String(100_000_000 + ((index * 48_271) % 900_000_000));
    const prefix = spread.slice(0, 5 + (index % 5));
    builder.set(table, prefix, index);
    known.set(prefix, index);
  }
  const { nodes, roots } = builder.pack();
  for (const [prefix, value] of known) assert.is(find(nodes, roots[0]!, prefix), value);
});

prefixes.run();
