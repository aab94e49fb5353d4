/**
 * ClickHouse: the only importer of @clickhouse/client.
 *
 * In: SQL with parameters, or blocks of rows in Native format. Out: rows as plain objects. Errors
 * become FloeErrors that carry ClickHouse's code and its name, never its text: that quotes what was
 * sent, and rows are nobody's business in a log (promise P7). The client's own log is off for the
 * same reason.
 */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import {
  ClickHouseError,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from "@clickhouse/client";
import { FloeError } from "./errors.js";
import type { CommonSettings } from "./host.js";

export type ClickHouseValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly ClickHouseValue[];
export type Parameters = Readonly<Record<string, ClickHouseValue>>;

export interface ClickHouseOptions {
  /** HTTP interface, `http://host:port`. */
  readonly url: string;
  readonly user: string;
  /** "" for none. */
  readonly password: string;
  /** Of all statements; "" for the user's own. */
  readonly database: string;
  /** How long one statement may take before its connection is given up. Default 60,000. */
  readonly timeoutMs?: number;
}

export interface ClickHouse {
  /**
   * Rows of a SELECT (without FORMAT), objects by column name; 64-bit integers come as strings.
   * @throws FloeError "clickhouse.failed", "clickhouse.unavailable"
   */
  query<Row>(sql: string, parameters?: Parameters): Promise<Row[]>;
  /**
   * Runs a statement without a result.
   * @throws FloeError as `query` does; after "clickhouse.unavailable" it may have been done
   */
  command(sql: string, parameters?: Parameters): Promise<void>;
  /**
   * Inserts blocks in Native format, whose bytes are `parts` one after another. Resolves when they
   * are stored; `parts` must not change until then. A row's key must occur once in a block.
   * @throws FloeError as `query` does; after "clickhouse.unavailable" they may be stored
   */
  insertNative(
    table: string,
    columns: readonly string[],
    parts: readonly Uint8Array[],
  ): Promise<void>;
  /** Whether it answers. */
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** @throws FloeError "settings.invalid" if the file with the password cannot be read. */
export function clickHouseOptions(common: CommonSettings): ClickHouseOptions {
  const file = common.clickhousePasswordFile;
  let password = "";
  try {
    if (file !== "") password = readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new FloeError("settings.invalid", { problems: [`${file} cannot be read.`] }, cause);
  }
  return {
    url: common.clickhouseUrl,
    user: common.clickhouseUser,
    password,
    database: common.clickhouseDatabase,
  };
}

const CONNECTIONS_MAX = 8;
/** Below the 10 s after which servers end idle connections. */
const IDLE_MS = 5_000;

export function openClickHouse(options: ClickHouseOptions): ClickHouse {
  const { url, user, password, database, timeoutMs = 60_000 } = options;
  const client = createClient({
    url,
    username: user,
    password,
    ...(database === "" ? {} : { database }),
    request_timeout: timeoutMs,
    max_open_connections: CONNECTIONS_MAX,
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_MS },
    compression: { request: false, response: false },
    log: { level: ClickHouseLogLevel.OFF },
    application: "floe",
  });
  // Blocks are sorted and joined by the merges that follow anyway: doing it here costs 1-2 us a row.
  const insertSettings: ClickHouseSettings = { optimize_on_insert: 0, async_insert: 0 };
  const settings: ClickHouseSettings = { output_format_json_quote_64bit_integers: 1 };

  return {
    query<Row>(sql: string, parameters?: Parameters) {
      return mapped(async () => {
        const result = await client.query({
          query: sql,
          format: "JSONEachRow",
          clickhouse_settings: settings,
          ...given(parameters),
        });
        return (await result.json()) as Row[];
      });
    },
    command(sql, parameters) {
      return mapped(async () => {
        await client.command({ query: sql, ...given(parameters) });
      });
    },
    insertNative(table, columns, parts) {
      return mapped(async () => {
        const { stream } = await client.exec({
          query: `INSERT INTO ${table} (${columns.join(", ")}) FORMAT Native`,
          values: Readable.from(parts, { objectMode: false }),
          clickhouse_settings: insertSettings,
        });
        // The connection is free again only when its answer is read to the end.
        for await (const _ of stream);
      });
    },
    async ping() {
      return (await client.ping()).success;
    },
    close: () => client.close(),
  };
}

function given(parameters: Parameters | undefined) {
  return parameters === undefined ? {} : { query_params: { ...parameters } };
}

async function mapped<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw toFloeError(error);
  }
}

/** Errors of the server by code and name; anything else is about the way to it. */
function toFloeError(error: unknown): FloeError {
  if (error instanceof ClickHouseError) {
    const details = { code: Number(error.code), type: error.type ?? "" };
    return new FloeError("clickhouse.failed", details);
  }
  const reason = error instanceof Error ? error : new Error(String(error));
  const code = (reason as NodeJS.ErrnoException).code;
  return new FloeError("clickhouse.unavailable", { reason: code ?? reason.name });
}
