/** core/clickhouse.ts against the embedded ClickHouse: rows, blocks, errors, migrations. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import {
  dictionaryColumn,
  fixedColumn,
  intern,
  nativeBlock,
  newDictionary,
  newSource,
  newTextColumn,
  putTextValue,
  putUuid,
} from "../../../services/cdr/column.js";
import { migrate } from "../../../services/cdr/migrate.js";
import { PASSWORD, USER, withClickHouse } from "./with-clickhouse.js";

const test = suite("clickhouse client");

test("stores Native blocks as they are meant", async () => {
  await withClickHouse(async (server) => {
    const client = server.client("");
    await client.command(
      "CREATE TABLE t (id UUID, day Date, at DateTime64(3, 'UTC'), n Int64, sealed FixedString(16), " +
        "name String, place LowCardinality(String), kind Enum8('A' = 1, 'B' = 2), " +
        "best SimpleAggregateFunction(max, UInt64)) ENGINE = MergeTree ORDER BY id",
    );
    const id = new Uint32Array(4);
    putUuid(id, 0, newSource(Uint8Array.from({ length: 16 }, (_, at) => at)).view, 0);
    const names = newTextColumn(16);
    const name = newSource(Buffer.from("ä\0'"));
    putTextValue(names, name, 0, name.bytes.length);
    const places = newDictionary();
    const place = newSource(Buffer.from("GB"));
    const columns = [
      fixedColumn("id", "UUID", id, 4),
      fixedColumn("day", "Date", Uint16Array.of(20_000), 1),
      fixedColumn("at", "DateTime64(3, 'UTC')", Uint32Array.of(1_001, 1), 2),
      fixedColumn("n", "Int64", Uint32Array.of(0xffff_ffff, 0xffff_ffff), 2),
      fixedColumn("sealed", "FixedString(16)", Uint32Array.of(1, 2, 3, 4), 4),
      { name: "name", type: "String", parts: [names.bytes.subarray(0, names.at)] },
      dictionaryColumn("place", places, Uint16Array.of(intern(places, place, 0, 2)), 1),
      fixedColumn("kind", "Int8", Uint8Array.of(2), 1),
      fixedColumn("best", "UInt64", Uint32Array.of(7, 0), 2),
    ];
    const block = nativeBlock(columns, 1);
    await client.insertNative(
      "t",
      columns.map((column) => column.name),
      [...block, ...block],
    );
    const rows = await client.query("SELECT * REPLACE (hex(sealed) AS sealed) FROM t");
    const row = {
      id: "00010203-0405-0607-0809-0a0b0c0d0e0f",
      day: "2024-10-04",
      at: "1970-02-19 17:02:48.297",
      n: "-1",
      sealed: "01000000020000000300000004000000",
      name: "ä\0'",
      place: "GB",
      kind: "B",
      best: "7",
    };
    assert.equal(rows, [row, row]);
  });
});

test("tells what ClickHouse refused by code and name, never by its text", async () => {
  await withClickHouse(async (server) => {
    const client = server.client("");
    try {
      await client.query("SELECT throwIf(1, '447900000000')");
      assert.unreachable();
    } catch (error) {
      assert.ok(isFloeError(error, "clickhouse.failed"));
      assert.equal(error.details, { code: 395, type: "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO" });
      assert.not.match(`${error} ${JSON.stringify(error)} ${error.stack}`, "447900000000");
    }
  });
});

test("says that ClickHouse is away, and works again when it is back", async () => {
  await withClickHouse(async (server) => {
    const client = server.client("");
    await client.query("SELECT 1");
    await server.kill();
    assert.not(await client.ping());
    try {
      await client.command("SELECT 1");
      assert.unreachable();
    } catch (error) {
      assert.ok(isFloeError(error, "clickhouse.unavailable"));
    }
    await server.restart();
    assert.equal(await client.query("SELECT {a:UInt8} AS a", { a: 1 }), [{ a: 1 }]);
  });
});

test("migrates an empty server once, and again without harm", async () => {
  await withClickHouse(async (server) => {
    const clickhouse = { url: server.url(), user: USER, password: PASSWORD, database: "floe" };
    await Promise.all([migrate({ clickhouse, log: SILENT }), migrate({ clickhouse, log: SILENT })]);
    await migrate({ clickhouse, log: SILENT });
    const client = server.client("floe");
    const names = await client.query<{ name: string }>("SHOW TABLES");
    for (const table of ["cdr", "cdr_rows", "attempts", "ledger", "api_calls", "cdr_hourly"]) {
      assert.ok(
        names.some(({ name }) => name === table),
        table,
      );
    }
    assert.equal(await client.query("SELECT * FROM cdr"), []);
    const applied = await client.query("SELECT number FROM schema_migrations FINAL");
    assert.ok(applied.length >= 7);
  });
});

test.run();
