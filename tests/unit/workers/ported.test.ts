/**
 * Goal: ported numbers are found, all of them and no others, in at most 12 bytes each.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { seededChance } from "../../../core/clock.js";
import { openCodeKeys } from "../../../workers/code-keys.js";
import { compileTables } from "../../../workers/compile.js";
import { compilePorted, portedNetwork } from "../../../workers/ported.js";
import type { NetworkId } from "../../../workers/source.js";
import { openTables, type Tables } from "../../../workers/tables.js";
import { SOURCE } from "./kit.js";

const ported = suite("ported numbers");
const IDS: readonly NetworkId[] = [
  { country: "GB", mcc: "234", mnc: "10" },
  { country: "GB", mcc: "234", mnc: "15" },
];

function tablesOf(numbers: readonly number[]): Tables {
  const sorted = Float64Array.from(numbers).sort();
  const of = Uint16Array.from(sorted, (number) => number % 2);
  const source = { ...SOURCE, ported: { numbers: sorted, of, ids: IDS } };
  return openTables(compileTables(source).buffer);
}

function found(tables: Tables, number: number): string | undefined {
  const digits = Buffer.from(String(number));
  return tables.networks[portedNetwork(tables, digits, 0, digits.length)]?.mnc;
}

ported("every number has its network, and those beside it have none", () => {
  const chance = seededChance(7);
  const numbers = new Set<number>();
  // Some in a row, as whole offices are ported; some of any length.
  for (let at = 0; at < 5_000; at += 1) numbers.add(447_700_900_000 + at * 2);
  for (let at = 0; at < 5_000; at += 1) {
    numbers.add(10 ** (6 + (at % 9)) + Math.floor(chance() * 8 * 10 ** (6 + (at % 9))));
  }
  const tables = tablesOf([...numbers]);
  for (const number of numbers) {
    assert.is(found(tables, number), IDS[number % 2]!.mnc);
    if (!numbers.has(number + 1)) assert.is(found(tables, number + 1), undefined);
  }
});

ported("a number takes at most 12 bytes", () => {
  for (const count of [1_000, 100_000]) {
    const numbers = Float64Array.from({ length: count }, (_, at) => 447_700_000_000 + 7 * at);
    const lines = compilePorted({ numbers, of: new Uint16Array(count), ids: IDS });
    const bytes = lines.numbers.byteLength + lines.of.byteLength;
    assert.ok(bytes <= 12 * count, `${bytes / count} bytes a number`);
  }
});

ported("none at all is nobody's", () => {
  assert.is(found(tablesOf([]), 447_700_900_123), undefined);
});

ported("keys of prefixes are found beyond what was expected of them", () => {
  const keys = openCodeKeys(10);
  for (let code = 1; code <= 20_000; code += 1) keys.set(code * 7_000_003, code);
  for (let code = 1; code <= 20_000; code += 1) {
    assert.is(keys.get(code * 7_000_003), code);
    assert.is(keys.get(code * 7_000_003 + 1), -1);
  }
});

ported.run();
