/** CSV: rows as RFC 4180 has them, cut anywhere, and what is no such row. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openCsv } from "../../../workers/csv.js";
import { cellsOf } from "../../../workers/csv-header.js";

const csv = suite("openCsv");

interface Read {
  readonly rows: readonly (readonly string[])[];
  readonly lines: readonly number[];
  readonly problems: readonly string[];
}

/** @param size of each chunk. */
function read(text: string | Uint8Array, size = 1_000_000): Read {
  const bytes = Buffer.from(text);
  const rows: (readonly string[])[] = [];
  const lines: number[] = [];
  const problems: string[] = [];
  const reader = openCsv(
    (row) => {
      rows.push(cellsOf(row));
      lines.push(row.line);
    },
    (line, column, problem) => problems.push(`${line} ${column}: ${problem}`),
  );
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  reader.end();
  return { rows, lines, problems };
}

const GOOD: readonly (readonly [name: string, text: string, rows: string[][], lines: number[]])[] =
  [
    [
      "plain rows",
      "a,b\n1,2\n3,4\n",
      [
        ["a", "b"],
        ["1", "2"],
        ["3", "4"],
      ],
      [1, 2, 3],
    ],
    [
      "a last row without a line end",
      "a,b\n1,2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
      [1, 2],
    ],
    [
      "line ends CR LF",
      "a,b\r\n1,2\r\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
      [1, 2],
    ],
    [
      "line ends CR",
      "a,b\r1,2\r",
      [
        ["a", "b"],
        ["1", "2"],
      ],
      [1, 2],
    ],
    [
      "a byte order mark",
      "\ufeffa,b\n1,2\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
      [1, 2],
    ],
    [
      "semicolons",
      "a;b\n1,5;2\n",
      [
        ["a", "b"],
        ["1,5", "2"],
      ],
      [1, 2],
    ],
    [
      "tabs",
      "a\tb\n1\t\n",
      [
        ["a", "b"],
        ["1", ""],
      ],
      [1, 2],
    ],
    [
      "quotes",
      '"a","b"\n"1,2","3"\n',
      [
        ["a", "b"],
        ["1,2", "3"],
      ],
      [1, 2],
    ],
    [
      "doubled quotes",
      'a,b\n"x""y","""z"""\n',
      [
        ["a", "b"],
        ['x"y', '"z"'],
      ],
      [1, 2],
    ],
    [
      "line ends in quotes",
      'a,b\n"1\n2\r\n3",x\n4,5\n',
      [
        ["a", "b"],
        ["1\n2\r\n3", "x"],
        ["4", "5"],
      ],
      [1, 2, 5],
    ],
    [
      "blanks around cells",
      ' a , b\n 1 ,\t"2" \n',
      [
        ["a", "b"],
        ["1", "2"],
      ],
      [1, 2],
    ],
    [
      "remarks and empty lines",
      '# x, "\n\na,b\n# y\n\n1,2\n,\n',
      [
        ["a", "b"],
        ["1", "2"],
      ],
      [3, 6],
    ],
    [
      "empty cells",
      'a,b,c\n,,1\n"",2,\n',
      [
        ["a", "b", "c"],
        ["", "", "1"],
        ["", "2", ""],
      ],
      [1, 2, 3],
    ],
    [
      "other characters",
      "a,b\nÜber,日本\n",
      [
        ["a", "b"],
        ["Über", "日本"],
      ],
      [1, 2],
    ],
    ["one column", "a\n1\n2\n", [["a"], ["1"], ["2"]], [1, 2, 3]],
  ];

for (const [name, text, rows, lines] of GOOD) {
  csv(`reads ${name}, wherever they are cut`, () => {
    for (const size of [1, 2, 3, 5, 1_000]) {
      assert.equal(read(text, size), { rows, lines, problems: [] }, `chunks of ${size}`);
    }
  });
}

csv("tells rows of another length, and goes on", () => {
  const { rows, problems } = read("a,b\n1\n1,2,3\n4,5\n");
  assert.equal(rows, [
    ["a", "b"],
    ["4", "5"],
  ]);
  assert.equal(problems, ["2 row: has 1 cells, the header 2", "3 row: has 3 cells, the header 2"]);
});

csv("tells quotes out of place, and goes on with the next line", () => {
  for (const size of [1, 4, 1_000]) {
    const { rows, lines, problems } = read('a,b\n1,x"y\n"1"2,3\n4,5\n', size);
    assert.equal(rows, [
      ["a", "b"],
      ["4", "5"],
    ]);
    assert.equal(lines, [1, 4]);
    assert.equal(
      problems.map((one) => one.slice(0, 20)),
      ["2 row: has a quote o", "3 row: has a quote o"],
    );
  }
});

csv("tells a quote that nobody closes by the line on which it opens", () => {
  assert.equal(read('a,b\n1,2\n3,"4\n5,6\n').problems, ["3 row: has a quote that is not closed"]);
  const long = `a,b\n1,2\n3,"${"x\n".repeat(100_000)}`;
  const { problems } = read(long, 10_000);
  assert.equal(problems, ["3 row: is longer than 65536 bytes: is a quote not closed?"]);
});

csv("tells a file in UTF-16", () => {
  const { rows, problems } = read(Buffer.from("\ufeffa,b\n1,2\n", "utf16le"));
  assert.equal(rows, []);
  assert.equal(problems, ["1 file: is UTF-16: save it as UTF-8"]);
});

csv("reads nothing under a header with a quote out of place", () => {
  const { rows, problems } = read('a"b,c\n1,2\n');
  assert.equal(rows, []);
  assert.is(problems.length, 1);
});

csv.run();
