/** How the embedded ClickHouse takes queries apart before the engine sees them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  formatOf,
  insertFromFile,
  isReading,
  parseInsert,
  quote,
  quoteName,
  verbOf,
} from "../../../deploy/local/clickhouse/statement.js";

const test = suite("statement");

test("finds the verb behind comments and brackets", () => {
  assert.is(verbOf("  -- a comment\n /* another */ (SELECT 1)"), "SELECT");
  assert.is(verbOf("insert into t values (1)"), "INSERT");
  assert.is(verbOf(""), "");
  assert.is(verbOf("-- nothing"), "");
});

test("tells what only reads", () => {
  for (const sql of ["SELECT 1", "with 1 as a select a", "SHOW TABLES", "EXPLAIN SELECT 1"]) {
    assert.ok(isReading(sql), sql);
  }
  for (const sql of ["INSERT INTO t SELECT 1", "CREATE TABLE t (a Int8)", "OPTIMIZE TABLE t"]) {
    assert.not.ok(isReading(sql), sql);
  }
});

test("finds the format of a query, not that of a text in it", () => {
  assert.is(formatOf("SELECT 1 FORMAT JSON"), "JSON");
  assert.is(formatOf("SELECT 'x FORMAT CSV' format TSV"), "TSV");
  assert.is(formatOf("SELECT 'a FORMAT CSV'"), undefined);
  assert.is(formatOf("SELECT 'it''s \\' FORMAT CSV' -- FORMAT JSON"), undefined);
});

test("takes an INSERT with a format apart", () => {
  const sql = "INSERT INTO db.`odd name` (a, b) SETTINGS x = 1 FORMAT CSV\n1,2\n";
  const insert = parseInsert(sql);
  assert.equal(insert, {
    target: "INSERT INTO db.`odd name` (a, b)",
    settings: "SETTINGS x = 1",
    format: "CSV",
    dataAt: sql.indexOf("1,2"),
  });
  assert.is(
    insertFromFile(insert!, "/tmp/it's"),
    "INSERT INTO db.`odd name` (a, b) FROM INFILE '/tmp/it\\'s' COMPRESSION 'none' " +
      "SETTINGS x = 1 FORMAT CSV",
  );
});

test("takes VALUES as a format of its own", () => {
  const sql = "insert into t (a) values (1), (2)";
  const insert = parseInsert(sql)!;
  assert.is(insert.format, "Values");
  assert.is(sql.slice(insert.dataAt), " (1), (2)");
});

test("does not mistake names for keywords", () => {
  const insert = parseInsert("INSERT INTO format (values, select) FORMAT TSV\n");
  assert.is(insert?.target, "INSERT INTO format (values, select)");
  assert.is(insert?.format, "TSV");
});

test("leaves an INSERT whose rows come from elsewhere as it is", () => {
  assert.is(parseInsert("INSERT INTO t SELECT * FROM u"), undefined);
  assert.is(parseInsert("INSERT INTO t (a) WITH 1 AS x SELECT x"), undefined);
  assert.is(parseInsert("INSERT INTO t FROM INFILE 'x' FORMAT CSV"), undefined);
  assert.is(parseInsert("SELECT 1 FORMAT CSV"), undefined);
});

test("keeps data that looks like white space, but for the line's end", () => {
  const sql = "INSERT INTO t FORMAT RowBinary \r\n\n\0x";
  assert.is(sql.slice(parseInsert(sql)!.dataAt), "\n\0x");
});

test("quotes what could end a literal or a name", () => {
  assert.is(quote("it's \\ so"), "'it\\'s \\\\ so'");
  assert.is(quoteName("a`b"), "`a\\`b`");
});

test.run();
