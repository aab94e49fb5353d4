/** The embedded ClickHouse's HTTP interface: an unmodified client, and requests as curl sends them. */
import { request } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import {
  type ClickHouseClient,
  ClickHouseError,
  ClickHouseLogLevel,
  createClient,
} from "@clickhouse/client";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ClickHouseBracket, PASSWORD, USER, withClickHouse } from "./with-clickhouse.js";

const test = suite("embedded clickhouse");
const LOGIN = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Sent {
  readonly method?: "GET" | "POST";
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request; `path` is what stands behind host and port. */
function send(server: ClickHouseBracket, path: string, sent: Sent = {}): Promise<Answer> {
  const { method = sent.body === undefined ? "GET" : "POST", body, headers = {} } = sent;
  return new Promise((resolve, reject) => {
    const asked = request(
      `${server.url()}${path}`,
      { method, headers: { authorization: LOGIN, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string>,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}

const sql = (query: string, more = ""): string => `/?query=${encodeURIComponent(query)}${more}`;

async function withClient(run: (client: ClickHouseClient) => Promise<void>): Promise<void> {
  await withClickHouse(async (server) => {
    const client = createClient({
      url: server.url(),
      username: USER,
      password: PASSWORD,
      log: { level: ClickHouseLogLevel.OFF },
    });
    try {
      await run(client);
    } finally {
      await client.close();
    }
  });
}

test("answers an unmodified client: create, insert, select, parameters", async () => {
  await withClient(async (client) => {
    assert.ok((await client.ping()).success);
    await client.command({ query: "CREATE DATABASE d" });
    await client.command({
      query: "CREATE TABLE d.t (a UInt32, b String) ENGINE = MergeTree ORDER BY a",
    });
    const rows = [
      { a: 1, b: "it's" },
      { a: 2, b: "tab\tand\nline \\ end" },
    ];
    const inserted = await client.insert({ table: "d.t", values: rows, format: "JSONEachRow" });
    assert.is(inserted.summary?.written_rows, "2");
    const found = await client.query({
      query: "SELECT * FROM d.t WHERE b = {b:String} OR a IN {many:Array(UInt32)} ORDER BY a",
      query_params: { b: rows[1]!.b, many: [1] },
      format: "JSONEachRow",
    });
    assert.equal(await found.json(), rows);
  });
});

test("compresses both ways for a client that wants it", async () => {
  await withClickHouse(async (server) => {
    const client = createClient({
      url: server.url(),
      username: USER,
      password: PASSWORD,
      compression: { request: true, response: true },
    });
    await client.command({ query: "CREATE TABLE t (a UInt32) ENGINE = Memory" });
    const values = Array.from({ length: 5_000 }, (_, a) => ({ a }));
    await client.insert({ table: "t", values, format: "JSONEachRow" });
    const found = await client.query({
      query: "SELECT a FROM t ORDER BY a",
      format: "JSONEachRow",
    });
    assert.equal(await found.json(), values);
    await client.close();
  });
});

test("streams a result that is larger than what it holds back", async () => {
  await withClient(async (client) => {
    const result = await client.query({
      query: "SELECT number, repeat('x', 100) AS x FROM numbers(200000)",
      format: "JSONEachRow",
    });
    let rows = 0;
    for await (const some of result.stream()) rows += some.length;
    assert.is(rows, 200_000);
  });
});

test("gives a client ClickHouse's error codes", async () => {
  await withClient(async (client) => {
    const failing = async (query: string): Promise<ClickHouseError> => {
      try {
        await (await client.query({ query })).text();
      } catch (error) {
        assert.instance(error, ClickHouseError);
        return error as ClickHouseError;
      }
      throw new Error(`${query} did not fail`);
    };
    assert.is((await failing("SELECT * FROM nowhere")).type, "UNKNOWN_TABLE");
    assert.is((await failing("SELEC 1")).code, "62");
    assert.is((await failing("SELECT throwIf(1, 'so it is')")).code, "395");
  });
});

test("answers plain requests: status, headers, formats", async () => {
  await withClickHouse(async (server) => {
    const ping = await send(server, "/ping", { headers: { authorization: "" } });
    assert.equal([ping.status, `${ping.body}`], [200, "Ok.\n"]);
    assert.is((await send(server, "/replicas_status")).status, 200);
    assert.is((await send(server, "/nowhere")).status, 404);

    const one = await send(server, sql("SELECT 1 AS a FORMAT JSONEachRow", "&query_id=mine"));
    assert.is(`${one.body}`, '{"a":1}\n');
    assert.is(one.headers["x-clickhouse-query-id"], "mine");
    assert.is(one.headers["x-clickhouse-format"], "JSONEachRow");
    assert.is(JSON.parse(one.headers["x-clickhouse-summary"]!).result_rows, "1");
    assert.ok(one.headers["x-clickhouse-timezone"]);
    assert.ok(one.headers["x-clickhouse-server-display-name"]);

    const body = "SELECT 2 AS a";
    const two = await send(server, "/?default_format=CSVWithNames", { body });
    assert.is(`${two.body}`, '"a"\n2\n');
    const cut = await send(server, sql("SELECT 3"), { body: " AS three FORMAT TSVWithNames" });
    assert.is(`${cut.body}`, "three\n3\n");
  });
});

test("inserts what stands in URL or body, text or binary, compressed or not", async () => {
  await withClickHouse(async (server) => {
    const made = "CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a";
    assert.is((await send(server, "/", { body: made })).status, 200);
    const binary = Buffer.from([5, 0, 0, 0, 3, 0x0a, 0x0d, 0xff]);
    const inserts: readonly (readonly [string, Sent])[] = [
      [sql("INSERT INTO t FORMAT CSV"), { body: "1,one\n" }],
      ["/", { body: "INSERT INTO t (a, b) VALUES (2, 'zwei ü')" }],
      ["/", { body: 'INSERT INTO t FORMAT JSONEachRow\n{"a":3,"b":"three"}' }],
      [sql("INSERT INTO t VALUES"), { body: "(4, concat('fo', 'ur'))" }],
      [sql("INSERT INTO t FORMAT RowBinary"), { body: binary }],
      [
        sql("INSERT INTO t FORMAT CSV"),
        { body: gzipSync("6,six\n"), headers: { "content-encoding": "gzip" } },
      ],
      ["/", { body: "INSERT INTO t SELECT 7, 'seven'" }],
      [sql("INSERT INTO t FORMAT CSV"), { body: "" }],
    ];
    for (const [path, sent] of inserts) {
      const answer = await send(server, path, sent);
      assert.is(answer.status, 200, `${path} ${answer.body}`);
    }
    const found = await send(server, sql("SELECT a, hex(b) FROM t ORDER BY a FORMAT TSV"));
    const expected = ["one", "zwei ü", "three", "four", binary.subarray(5), "six", "seven"].map(
      (text, at) => `${at + 1}\t${Buffer.from(text).toString("hex").toUpperCase()}\n`,
    );
    assert.is(`${found.body}`, expected.join(""));
  });
});

test("compresses a plain answer only when asked to", async () => {
  await withClickHouse(async (server) => {
    const headers = { "accept-encoding": "gzip" };
    const plain = await send(server, sql("SELECT 1"), { headers });
    assert.is(plain.headers["content-encoding"], undefined);
    const path = sql("SELECT 1", "&enable_http_compression=1");
    const packed = await send(server, path, { headers });
    assert.is(packed.headers["content-encoding"], "gzip");
    assert.is(`${gunzipSync(packed.body)}`, "1\n");
  });
});

test("refuses as ClickHouse does", async () => {
  await withClickHouse(async (server) => {
    const cases: readonly (readonly [string, Sent, number, string])[] = [
      ["/", { body: "SELECT * FROM nowhere" }, 404, "60"],
      ["/", { body: "SELEC 1" }, 400, "62"],
      ["/?database=nowhere", { body: "SELECT 1" }, 404, "81"],
      ["/?no_such_setting=1", { body: "SELECT 1" }, 404, "115"],
      ["/", { body: "" }, 400, "62"],
      [sql("INSERT INTO nowhere FORMAT CSV"), { body: "1" }, 404, "60"],
      [sql("CREATE TABLE t (a Int8) ENGINE = Memory"), {}, 500, "164"],
      ["/", { body: "SELECT 1", headers: { "content-encoding": "lz4" } }, 501, "48"],
      ["/?decompress=1", { body: "SELECT 1" }, 501, "48"],
      ["/?session_id=s&session_check=1", { body: "SELECT 1" }, 500, "372"],
    ];
    for (const [path, sent, status, code] of cases) {
      const answer = await send(server, path, sent);
      assert.is(answer.status, status, `${path} ${answer.body}`);
      assert.is(answer.headers["x-clickhouse-exception-code"], code);
      assert.match(
        `${answer.body}`,
        new RegExp(`^Code: ${code}\\. DB::Exception: .*version `, "s"),
      );
    }
  });
});

test("lets in by header, basic authentication or URL, and nobody else", async () => {
  await withClickHouse(async (server) => {
    const headers = { "x-clickhouse-user": USER, "x-clickhouse-key": PASSWORD };
    const none = { authorization: "" };
    const inUrl = `&user=${USER}&password=${encodeURIComponent(PASSWORD)}`;
    const good = [
      await send(server, sql("SELECT 1"), { headers: { ...none, ...headers } }),
      await send(server, sql("SELECT 1")),
      await send(server, sql("SELECT 1", inUrl), { headers: none }),
    ];
    assert.equal(
      good.map(({ status }) => status),
      [200, 200, 200],
    );
    const wrong = [
      await send(server, sql("SELECT 1"), { headers: none }),
      await send(server, sql("SELECT 1", `&user=${USER}&password=x`), { headers: none }),
      await send(server, sql("SELECT 1"), { headers: { ...none, "x-clickhouse-user": "root" } }),
    ];
    for (const answer of wrong) {
      assert.is(answer.status, 403);
      assert.is(answer.headers["x-clickhouse-exception-code"], "516");
      assert.match(`${answer.body}`, "AUTHENTICATION_FAILED");
      assert.not.match(`${answer.body}`, PASSWORD);
    }
  });
});

test("keeps settings, databases and parameters of one request from the next", async () => {
  await withClickHouse(async (server) => {
    await send(server, "/", { body: "CREATE DATABASE d" });
    const ask = "SELECT currentDatabase(), getSetting('max_threads') = 7";
    const first = await send(server, "/?database=d&max_threads=7&param_x=1", { body: ask });
    assert.is(`${first.body}`, "d\t1\n");
    const second = await send(server, "/", { body: ask });
    assert.is(`${second.body}`, "default\t0\n");
    const third = await send(server, "/", { body: "SELECT {x:UInt8}" });
    assert.is(third.headers["x-clickhouse-exception-code"], "456");
    // But a session keeps what it set.
    await send(server, "/?session_id=s", { body: "SET max_threads = 7" });
    const kept = await send(server, "/?session_id=s", { body: ask });
    assert.is(`${kept.body}`, "default\t1\n");
  });
});

test("takes inserts while long queries run", async () => {
  await withClickHouse(async (server) => {
    await send(server, "/", { body: "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a" });
    let over = 0;
    const slow = "SELECT sleepEachRow(0.05) FROM numbers(40) SETTINGS max_block_size = 1";
    const queries = Array.from({ length: 4 }, () =>
      send(server, "/", { body: slow }).then(({ status }) => {
        assert.is(status, 200);
        over += 1;
      }),
    );
    const insert = await send(server, "/", { body: "INSERT INTO t VALUES (1)" });
    assert.is(insert.status, 200);
    assert.is(over, 0);
    await Promise.all(queries);
  });
});

test("ends an answer that fails halfway so that the client notices", async () => {
  await withClickHouse(async (server) => {
    const body =
      "SELECT repeat('x', 1000), throwIf(number = 90000) FROM numbers(100000) SETTINGS max_block_size = 1000";
    let failed = false;
    try {
      const answer = await send(server, "/", { body });
      failed = answer.status !== 200;
    } catch {
      failed = true;
    }
    assert.ok(failed);
    assert.is((await send(server, sql("SELECT 1"))).status, 200);
  });
});

test("keeps every acknowledged insert over kill -9, and everything over a stop", async () => {
  await withClickHouse(async (server) => {
    await send(server, "/", { body: "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a" });
    let acknowledged = 0;
    let killed = false;
    const inserting = (async () => {
      for (let a = 1; !killed; a += 1) {
        const answer = await send(server, "/", { body: `INSERT INTO t VALUES (${a})` });
        assert.is(answer.status, 200);
        acknowledged = a;
        if (a === 20) void server.kill().then(() => undefined);
      }
    })().catch(() => {});
    await inserting;
    killed = true;
    await server.restart();
    const found = await send(server, sql("SELECT count() FROM t"));
    assert.ok(Number(found.body) >= acknowledged && acknowledged >= 20);

    assert.is(await server.stop(), 0);
    await server.restart();
    const again = await send(server, sql("SELECT count() FROM t"));
    assert.is(`${again.body}`, `${found.body}`);
  });
});

test.run();
