/**
 * Engine: chDB, the ClickHouse engine in this process, behind queues.
 *
 * chDB runs a query in a thread of libuv's pool (four of them) and never interrupts it. So reads
 * and writes have a bounded number of places each: however long the SELECTs are, an INSERT waits
 * only for INSERTs. What finds no place waits in order, what finds no place to wait is refused with
 * 202 TOO_MANY_SIMULTANEOUS_QUERIES.
 */
import { createRequire } from "node:module";
import type { Session as ChdbSession } from "chdb";
import { openConnections, type Wanted } from "./connections.js";
import { fail, toException } from "./exception.js";
import { isReading, isStreaming } from "./statement.js";

const { Session } = createRequire(import.meta.url)("chdb") as typeof import("chdb");

/** Places: libuv has four threads, so two long SELECTs leave two for INSERTs. */
const READS_MAX = 2;
const WRITES_MAX = 2;
const WAITING_MAX = 1_000;

export interface Request extends Wanted {
  /** Output format where the query names none. */
  readonly format: string;
}

export interface Outcome {
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly seconds: number;
}

/** Takes a piece of output. Resolves when it can take more, to false when nobody listens. */
export type Write = (bytes: Uint8Array) => Promise<boolean>;

export interface Engine {
  readonly version: string;
  readonly timezone: string;
  /**
   * Runs one statement; its output goes to `write` piece by piece, as the engine makes it.
   * @throws Exception
   */
  run(request: Request, write: Write): Promise<Outcome>;
  /** Waits for what runs, then closes the database. */
  close(): Promise<void>;
}

/**
 * @param path directory of the database, made if missing; one process at a time.
 * @param connectionArgs the engine's server settings, in the form of a command line.
 */
export async function openEngine(path: string, connectionArgs: string[]): Promise<Engine> {
  const root = new Session(path, { connectionArgs });
  const connections = openConnections(path);
  const reads = openPlaces(READS_MAX);
  const writes = openPlaces(WRITES_MAX);
  const about = await root.queryAsync("SELECT version(), timezone()", { format: "TSV" });
  const [version = "", timezone = ""] = about.text().trim().split("\t");

  async function run(request: Request, write: Write): Promise<Outcome> {
    const places = isReading(request.sql) ? reads : writes;
    await places.enter();
    try {
      const connection = await connections.acquire(request);
      try {
        return await execute(connection.session, request, write);
      } finally {
        connection.release();
      }
    } catch (error) {
      throw toException(error);
    } finally {
      places.leave();
    }
  }

  async function close(): Promise<void> {
    await Promise.all([reads.idle(), writes.idle()]);
    connections.close();
    root.close();
  }

  return { version, timezone, run, close };
}

async function execute(session: ChdbSession, request: Request, write: Write): Promise<Outcome> {
  if (!isStreaming(request.sql)) {
    const result = await session.queryAsync(request.sql, { format: request.format });
    const bytes = result.bytes();
    if (bytes.length > 0) await write(bytes);
    return { rowsRead: result.rowsRead, bytesRead: result.bytesRead, seconds: result.elapsed };
  }
  const startedMs = performance.now();
  let rowsRead = 0;
  let bytesRead = 0;
  for await (const chunk of session.queryStream(request.sql, { format: request.format })) {
    rowsRead += chunk.numRows;
    bytesRead += chunk.numBytes;
    if (!(await write(chunk.raw()))) break;
  }
  return { rowsRead, bytesRead, seconds: (performance.now() - startedMs) / 1_000 };
}

interface Places {
  /** Resolves when there is a place. @throws Exception if too many wait already. */
  enter(): Promise<void>;
  leave(): void;
  /** Resolves when nobody holds or awaits a place. */
  idle(): Promise<void>;
}

function openPlaces(count: number): Places {
  let taken = 0;
  const waiting: (() => void)[] = [];
  const idlers: (() => void)[] = [];
  return {
    async enter() {
      if (taken < count) {
        taken += 1;
        return;
      }
      if (waiting.length >= WAITING_MAX) {
        throw fail(202, "TOO_MANY_SIMULTANEOUS_QUERIES", `${WAITING_MAX} queries wait already.`);
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      if (next !== undefined) {
        next();
        return;
      }
      taken -= 1;
      if (taken === 0) for (const idler of idlers.splice(0)) idler();
    },
    idle: () => (taken === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}
