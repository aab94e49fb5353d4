/** Columns and blocks in Native format, read back by a small reader of the same format. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  clearDictionary,
  dictionaryColumn,
  fixedColumn,
  intern,
  internSame,
  nativeBlock,
  newDictionary,
  newSource,
  newTextColumn,
  putTextValue,
  putUuid,
  putWide,
  textColumn,
  wideAt,
} from "../../../services/cdr/column.js";

const test = suite("column");
const text = (value: string) => newSource(Buffer.from(value, "utf8"));

function number(dictionary: ReturnType<typeof newDictionary>, value: string): number {
  const source = text(value);
  return intern(dictionary, source, 0, source.bytes.length);
}

test("gives equal texts equal numbers, and the empty one 0", () => {
  const dictionary = newDictionary();
  assert.is(number(dictionary, ""), 0);
  const first = number(dictionary, "GB");
  assert.is(number(dictionary, "DE"), first + 1);
  assert.is(number(dictionary, "GB"), first);
  assert.is(dictionary.count, 3);
});

test("keeps numbers while it grows, and forgets them when it is cleared", () => {
  const dictionary = newDictionary();
  const values = Array.from({ length: 5_000 }, (_, index) => `value ${index} of many`);
  const numbers = values.map((value) => number(dictionary, value));
  assert.is(new Set(numbers).size, values.length);
  assert.equal(
    values.map((value) => number(dictionary, value)),
    numbers,
  );
  clearDictionary(dictionary);
  assert.is(dictionary.count, 1);
  assert.is(number(dictionary, "value 7 of many"), 1);
});

test("does not take one text for another that it begins with", () => {
  const dictionary = newDictionary();
  const numbers = ["a", "ab", "abc", "abcd", "abcde", "abcdefgh", "abcdefghi", "abcdefgh\0"];
  assert.is(new Set(numbers.map((value) => number(dictionary, value))).size, numbers.length);
});

test("finds the last value again without looking for it", () => {
  const dictionary = newDictionary();
  const source = text("carrier-a carrier-b");
  const a = internSame(dictionary, source, 0, 9);
  assert.is(internSame(dictionary, source, 0, 9), a);
  assert.is.not(internSame(dictionary, source, 10, 19), a);
  assert.is(internSame(dictionary, source, 0, 9), a);
});

test("writes whole numbers up to 2^53 - 1 as 64 bits", () => {
  const words = new Uint32Array(2);
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 1_800_000_000_000, Number.MAX_SAFE_INTEGER]) {
    putWide(words, 0, value);
    assert.is(wideAt(words, 0), value);
    assert.is(new BigUint64Array(words.buffer)[0], BigInt(value));
  }
});

test("writes a UUID as two little-endian halves", () => {
  const words = new Uint32Array(4);
  const id = newSource(Uint8Array.from({ length: 16 }, (_, index) => index));
  putUuid(words, 0, id.view, 0);
  const octets = [...new Uint8Array(words.buffer)];
  assert.equal(octets, [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]);
});

test("makes a block that says what it holds", () => {
  const names = newTextColumn(1);
  for (const value of ["one", "", "three".repeat(100)]) {
    const source = text(value);
    putTextValue(names, source, 0, source.bytes.length);
  }
  const dictionary = newDictionary();
  const numbers = Uint16Array.of(number(dictionary, "x"), number(dictionary, "y"), 0);
  const block = Buffer.concat(
    nativeBlock(
      [
        fixedColumn("a", "UInt32", Uint32Array.of(7, 8, 9, 10), 3),
        textColumn("b", names),
        dictionaryColumn("c", dictionary, numbers, 3),
      ],
      3,
    ),
  );
  assert.equal(readBlock(block), {
    a: [7, 8, 9],
    b: ["one", "", "three".repeat(100)],
    c: ["x", "y", ""],
  });
});

/** Reads a block of three rows of the types above. */
function readBlock(block: Buffer): Record<string, unknown[]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const octet = block[at++]!;
      value |= (octet & 127) << shift;
      if (octet < 128) return value;
    }
  };
  const string = (): string => {
    const length = varint();
    at += length;
    return block.toString("utf8", at - length, at);
  };
  const wide = (): number => {
    at += 8;
    return Number(block.readBigUInt64LE(at - 8));
  };
  const fixed = (bytes: number): number => {
    at += bytes;
    return block.readUIntLE(at - bytes, bytes);
  };
  const columns = varint();
  const rows = varint();
  const found: Record<string, unknown[]> = {};
  for (let column = 0; column < columns; column += 1) {
    const name = string();
    const type = string();
    const count = Array.from({ length: rows });
    if (type === "UInt32") {
      found[name] = count.map(() => fixed(4));
    } else if (type === "String") {
      found[name] = count.map(string);
    } else {
      assert.is(type, "LowCardinality(String)");
      assert.equal([wide(), wide()], [1, 0x601]);
      const keys = Array.from({ length: wide() }, string);
      assert.is(wide(), rows);
      found[name] = count.map(() => keys[fixed(2)]);
    }
  }
  assert.is(at, block.length);
  return found;
}

test.run();
