/**
 * Server: ClickHouse's HTTP interface in front of the engine.
 *
 * In: GET and POST as https://clickhouse.com/docs/interfaces/http describes them, from unmodified
 * clients. Out: rows, X-ClickHouse-* headers, errors with ClickHouse's codes and statuses. What the
 * interface has and this one has not (ClickHouse's own block compression) is refused by name.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { fillRandom } from "../../../core/clock.js";
import { formatId } from "../../../core/message.js";
import { chooseEncoder, prepareStatement } from "./body.js";
import type { Engine, Request } from "./engine.js";
import { type Exception, fail, statusOf, toException } from "./exception.js";
import { openOutput } from "./output.js";
import { formatOf, verbOf } from "./statement.js";

export interface ServerOptions {
  readonly engine: Engine;
  /** Directory for spool files, emptied before. */
  readonly spool: string;
  readonly user: string;
  readonly password: string;
}

const SERVER_NAME = "floe-embedded";
/** Parameters of the URL that are no settings. */
const RESERVED = new Set([
  "query",
  "database",
  "default_format",
  "query_id",
  "session_id",
  "session_timeout",
  "session_check",
  "user",
  "password",
  "quota_key",
  "role",
  "compress",
  "decompress",
  "stacktrace",
  "buffer_size",
  "client_protocol_version",
  "wait_end_of_query",
  "enable_http_compression",
  "http_zlib_compression_level",
  "send_progress_in_http_headers",
  "http_headers_progress_interval_ms",
  "http_response_buffer_size",
  "http_native_compression_disable_checksumming_on_decompress",
]);

const CONTENT_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^(JSONEachRow|JSONLines|NDJSON|JSON.*EachRow.*)$/i, "application/x-ndjson; charset=UTF-8"],
  [/^JSON/i, "application/json; charset=UTF-8"],
  [/^CSV/i, "text/csv; charset=UTF-8; header=present"],
  [/^(TSV|TabSeparated)/i, "text/tab-separated-values; charset=UTF-8"],
  [/^XML$/i, "application/xml; charset=UTF-8"],
  [/^(Native|RowBinary|Parquet|Arrow|ORC|Avro|MsgPack|Protobuf)/i, "application/octet-stream"],
];

export function createClickHouseServer(options: ServerOptions): Server {
  let spooled = 0;
  const nextSpool = (): string => {
    spooled += 1;
    return join(options.spool, `body-${spooled}`);
  };
  const server = createServer((request, response) => {
    request.on("error", () => response.destroy());
    answer(options, request, response, nextSpool).catch(() => response.destroy());
  });
  // ClickHouse keeps idle connections for 10 s; clients end theirs before.
  server.keepAliveTimeout = 10_000;
  // A long INSERT may take longer to arrive than Node's five minutes.
  server.requestTimeout = 0;
  return server;
}

async function answer(
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  nextSpool: () => string,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  response.setHeader("X-ClickHouse-Server-Display-Name", SERVER_NAME);
  if (url.pathname === "/ping" || url.pathname === "/replicas_status") {
    request.resume();
    response.setHeader("Content-Type", "text/html; charset=UTF-8");
    response.end("Ok.\n");
    return;
  }
  const queryId = url.searchParams.get("query_id") || newId();
  response.setHeader("X-ClickHouse-Query-Id", queryId);
  response.setHeader("X-ClickHouse-Timezone", options.engine.timezone);
  try {
    if (url.pathname !== "/" && url.pathname !== "/query") {
      response.writeHead(404, { "Content-Type": "text/plain; charset=UTF-8" });
      response.end(`There is no handle ${url.pathname}\n\nUse / or /ping for health checks.\n`);
      return;
    }
    authenticate(options, request, url.searchParams);
    if (request.method === "GET" && url.searchParams.get("query") === null) {
      request.resume();
      response.setHeader("Content-Type", "text/html; charset=UTF-8");
      response.end("Ok.\n");
      return;
    }
    await query(options.engine, request, response, url.searchParams, nextSpool());
  } catch (error) {
    refuse(options.engine, request, response, toException(error));
  }
}

/** The error as a whole answer, or, if rows are out already, at the end of a cut-off one. */
function refuse(
  engine: Engine,
  request: IncomingMessage,
  response: ServerResponse,
  exception: Exception,
): void {
  const text = `${exception.message} (version ${engine.version})\n`;
  if (response.headersSent) {
    response.write(`\n${text}`, () => response.destroy());
    return;
  }
  for (const name of ["Content-Encoding", "X-ClickHouse-Format"]) response.removeHeader(name);
  response.statusCode = statusOf(exception);
  response.setHeader("Content-Type", "text/plain; charset=UTF-8");
  response.setHeader("X-ClickHouse-Exception-Code", exception.code);
  // What the client still sends is taken first: an answer in its midst may never be read.
  request.resume();
  response.end(text);
}

/** @throws Exception 516 */
function authenticate(
  options: ServerOptions,
  request: IncomingMessage,
  parameters: URLSearchParams,
): void {
  const header = (name: string): string | undefined => request.headers[name]?.toString();
  let user = header("x-clickhouse-user") ?? parameters.get("user");
  let password = header("x-clickhouse-key") ?? parameters.get("password");
  const basic = /^Basic\s+(\S+)$/i.exec(header("authorization") ?? "");
  if (basic !== null) {
    const plain = Buffer.from(basic[1]!, "base64").toString("utf8");
    const colon = plain.indexOf(":");
    user = colon < 0 ? plain : plain.slice(0, colon);
    password = colon < 0 ? "" : plain.slice(colon + 1);
  }
  const given = user || "default";
  const good = same(given, options.user) && same(password ?? "", options.password);
  if (good) return;
  const why = "password is incorrect, or there is no user with such name.";
  throw fail(516, "AUTHENTICATION_FAILED", `${given}: Authentication failed: ${why}`);
}

function same(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

async function query(
  engine: Engine,
  request: IncomingMessage,
  response: ServerResponse,
  parameters: URLSearchParams,
  spool: string,
): Promise<void> {
  for (const name of ["compress", "decompress"]) {
    if (parameters.get(name) === "1") {
      const instead = "use Content-Encoding and enable_http_compression=1";
      throw fail(
        48,
        "NOT_IMPLEMENTED",
        `${name}=1 (block compression) is not supported: ${instead}`,
      );
    }
  }
  const prepared = await prepareStatement(request, parameters.get("query") ?? "", spool);
  try {
    if (verbOf(prepared.sql) === "") throw fail(62, "SYNTAX_ERROR", "Syntax error: Empty query");
    const wanted = toRequest(request, parameters, prepared.sql);
    const format = formatOf(prepared.sql) ?? wanted.format;
    response.setHeader("X-ClickHouse-Format", format);
    response.setHeader("Content-Type", contentType(format));
    const accepted = request.headers["accept-encoding"]?.toString() ?? "";
    const compress = parameters.get("enable_http_compression") === "1";
    const output = openOutput(
      response,
      compress ? chooseEncoder(accepted) : undefined,
      parameters.get("wait_end_of_query") === "1",
    );
    const outcome = await engine.run(wanted, output.write);
    const insert = verbOf(prepared.sql) === "INSERT";
    output.end(
      JSON.stringify({
        read_rows: `${outcome.rowsRead}`,
        read_bytes: `${outcome.bytesRead}`,
        written_rows: insert ? `${outcome.rowsRead}` : "0",
        written_bytes: insert ? `${outcome.bytesRead}` : "0",
        total_rows_to_read: "0",
        result_rows: `${outcome.rowsRead}`,
        result_bytes: `${outcome.bytesRead}`,
        elapsed_ns: `${Math.round(outcome.seconds * 1e9)}`,
      }),
    );
  } finally {
    prepared.dispose();
  }
}

function toRequest(request: IncomingMessage, url: URLSearchParams, sql: string): Request {
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of url) {
    if (name.startsWith("param_")) parameters.set(name.slice("param_".length), value);
    else if (!RESERVED.has(name)) settings.set(name, value);
  }
  // As ClickHouse does: GET may read, and may set settings.
  if (request.method === "GET") settings.set("readonly", "2");
  const header = (name: string): string => request.headers[name]?.toString() ?? "";
  return {
    sql,
    settings,
    parameters,
    format: url.get("default_format") || header("x-clickhouse-format") || "TabSeparated",
    database: url.get("database") || header("x-clickhouse-database"),
    sessionId: url.get("session_id") ?? "",
    sessionSeconds: Math.min(Number(url.get("session_timeout") ?? 60) || 60, 3_600),
    sessionCheck: url.get("session_check") === "1",
  };
}

function contentType(format: string): string {
  const known = CONTENT_TYPES.find(([pattern]) => pattern.test(format));
  return known?.[1] ?? "text/plain; charset=UTF-8";
}

function newId(): string {
  const bytes = new Uint8Array(16);
  fillRandom(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatId(bytes);
}
