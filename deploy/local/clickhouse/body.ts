/**
 * Body: what a request carries, decompressed; the data of an INSERT goes into a spool file.
 *
 * chDB takes binary formats only from files, so the bytes behind an INSERT's FORMAT go to a file
 * beside the database as they come, and the engine reads them there. A query's own text stays in
 * memory and has a bound.
 */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import zlib from "node:zlib";
import { fail } from "./exception.js";
import { type InsertStatement, insertFromFile, parseInsert } from "./statement.js";

/** Of a query's text, its own or as a body. ClickHouse's max_query_size is 256 KiB. */
const QUERY_BYTES_MAX = 16 * 1_024 * 1_024;
/** Where an INSERT's head must be over: table, columns, settings, format. */
const HEAD_BYTES_MAX = 256 * 1_024;

/** A statement ready to run; `dispose` removes its spool file. */
export interface Prepared {
  readonly sql: string;
  readonly bytes: number;
  dispose(): void;
}

/**
 * @param url the query in the URL, "" if there is none; it stands before that in the body.
 * @param spool path of the file that the data of an INSERT may go to.
 * @throws Exception
 */
export async function prepareStatement(
  request: IncomingMessage,
  url: string,
  spool: string,
): Promise<Prepared> {
  const body = decompressed(request);
  const inUrl = parseInsert(url);
  if (inUrl !== undefined) {
    const before = Buffer.from(url.slice(inUrl.dataAt), "utf8");
    return spooled(inUrl, before, body, spool);
  }
  const chunks: Buffer[] = url === "" ? [] : [Buffer.from(`${url}\n`, "utf8")];
  let bytes = chunks[0]?.length ?? 0;
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let done = false;
  const fill = async (limit: number): Promise<void> => {
    while (!done && bytes < limit) {
      const next = await iterator.next();
      if (next.done === true) done = true;
      else {
        chunks.push(next.value);
        bytes += next.value.length;
      }
    }
  };
  await fill(HEAD_BYTES_MAX);
  const head = Buffer.concat(chunks);
  // Latin-1 keeps one character a byte, so that places in the text are places in the bytes.
  const insert = parseInsert(head.subarray(0, HEAD_BYTES_MAX).toString("latin1"));
  if (insert !== undefined) {
    const utf8 = (text: string): string => Buffer.from(text, "latin1").toString("utf8");
    const decoded = { ...insert, target: utf8(insert.target), settings: utf8(insert.settings) };
    return spooled(
      decoded,
      head.subarray(insert.dataAt),
      { [Symbol.asyncIterator]: () => iterator },
      spool,
    );
  }
  await fill(QUERY_BYTES_MAX + 1);
  if (bytes > QUERY_BYTES_MAX) {
    throw fail(377, "QUERY_IS_TOO_LARGE", `Query is longer than ${QUERY_BYTES_MAX} bytes.`);
  }
  return { sql: Buffer.concat(chunks).toString("utf8"), bytes, dispose: () => {} };
}

async function spooled(
  insert: InsertStatement,
  before: Uint8Array,
  rest: AsyncIterable<Buffer>,
  spool: string,
): Promise<Prepared> {
  const dispose = (): void => rmSync(spool, { force: true });
  let bytes = 0;
  const file = openSync(spool, "wx", 0o600);
  try {
    // Written in place: the page cache takes a chunk faster than a thread of the pool could.
    const write = (chunk: Uint8Array): void => {
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
      bytes += chunk.length;
    };
    write(before);
    for await (const chunk of rest) write(chunk);
  } catch (error) {
    dispose();
    throw error;
  } finally {
    closeSync(file);
  }
  return { sql: insertFromFile(insert, spool), bytes, dispose };
}

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: () => zlib.createGunzip(),
  deflate: () => zlib.createInflate(),
  br: () => zlib.createBrotliDecompress(),
};

function decompressed(request: IncomingMessage): AsyncIterable<Buffer> {
  const encoding = request.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return request;
  const decoder = DECODERS[encoding] ?? zstd("createZstdDecompress", encoding);
  if (decoder === undefined) {
    const known = "gzip, deflate, br, or zstd from Node 22.15 on";
    throw fail(48, "NOT_IMPLEMENTED", `Content-Encoding ${encoding} is not supported: ${known}.`);
  }
  const stream = decoder();
  request.once("error", (error) => stream.destroy(error));
  request.once("aborted", () => stream.destroy(new Error("The request was cut off.")));
  return request.pipe(stream);
}

const ENCODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: () => zlib.createGzip({ level: 1 }),
  deflate: () => zlib.createDeflate({ level: 1 }),
  br: () => zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
};

/** The compressor for the first encoding in an Accept-Encoding that is known here. */
export function chooseEncoder(accepted: string) {
  for (const part of accepted.toLowerCase().split(",")) {
    const name = part.split(";")[0]!.trim();
    const create = ENCODERS[name] ?? zstd("createZstdCompress", name);
    if (create !== undefined) return { name, create };
  }
  return undefined;
}

/** zstd came with Node 22.15. */
function zstd(maker: string, encoding: string) {
  if (encoding !== "zstd") return undefined;
  const create = (zlib as unknown as Record<string, unknown>)[maker];
  return create as (() => NodeJS.ReadWriteStream & Readable) | undefined;
}
