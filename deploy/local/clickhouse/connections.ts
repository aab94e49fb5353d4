/**
 * Connections: chDB sessions on one data path, kept for reuse.
 *
 * A connection remembers what SET, USE and parameters did to it. So one is given out again only
 * where that can be made unseen: settings of the request before are put back to DEFAULT, parameters
 * only ever cover those of before. A connection on which a statement changed more (SET, USE,
 * temporary tables) is closed. Not simply a new one each time, because chDB closes none while any
 * query runs: beside a SELECT of a minute thousands would wait, 135 KB each.
 */
import { createRequire } from "node:module";
import type { Session as ChdbSession } from "chdb";
import { fail } from "./exception.js";
import { quote, quoteName, verbOf } from "./statement.js";

const { Session } = createRequire(import.meta.url)("chdb") as typeof import("chdb");

const IDLE_MAX = 16;
const NAMED_MAX = 200;
const SETTING_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const CHANGING = new Set(["SET", "USE", "CREATE"]);

/** What a request needs of its connection. */
export interface Wanted {
  readonly sql: string;
  /** "" leaves that of the session. */
  readonly database: string;
  readonly settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}` in ClickHouse's escaped text form. */
  readonly parameters: ReadonlyMap<string, string>;
  /** "" for none. */
  readonly sessionId: string;
  readonly sessionSeconds: number;
  /** Refuse a session that does not exist yet. */
  readonly sessionCheck: boolean;
}

export interface Connection {
  readonly session: ChdbSession;
  release(): void;
}

export interface Connections {
  /** A connection with the request's database, settings and parameters. @throws Exception */
  acquire(wanted: Wanted): Promise<Connection>;
  close(): void;
}

interface Held {
  readonly session: ChdbSession;
  database: string;
  settings: ReadonlyMap<string, string>;
  parameters: ReadonlySet<string>;
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

export function openConnections(path: string): Connections {
  const idle: Held[] = [];
  const named = new Map<string, Held>();

  const open = (): Held => ({
    session: new Session(path),
    database: "",
    settings: new Map(),
    parameters: new Set(),
    busy: false,
    timer: undefined,
  });

  async function acquire(wanted: Wanted): Promise<Connection> {
    if (wanted.sessionId !== "") return acquireNamed(wanted);
    const place = idle.findLastIndex((held) => fits(held, wanted));
    const held = place < 0 ? open() : idle.splice(place, 1)[0]!;
    try {
      await prepare(held, wanted);
    } catch (error) {
      held.session.close();
      throw error;
    }
    return {
      session: held.session,
      release() {
        if (CHANGING.has(verbOf(wanted.sql))) return held.session.close();
        idle.push(held);
        if (idle.length > IDLE_MAX) idle.shift()!.session.close();
      },
    };
  }

  async function acquireNamed(wanted: Wanted): Promise<Connection> {
    const id = wanted.sessionId;
    let held = named.get(id);
    if (held === undefined) {
      if (wanted.sessionCheck) throw fail(372, "SESSION_NOT_FOUND", `Session ${id} not found.`);
      if (named.size >= NAMED_MAX) {
        throw fail(202, "TOO_MANY_SIMULTANEOUS_QUERIES", `Too many sessions (${NAMED_MAX}).`);
      }
      held = open();
      named.set(id, held);
    }
    if (held.busy) {
      throw fail(373, "SESSION_IS_LOCKED", `Session ${id} is locked by a concurrent client.`);
    }
    const kept = held;
    clearTimeout(kept.timer);
    kept.busy = true;
    const release = (): void => {
      kept.busy = false;
      kept.timer = setTimeout(() => {
        named.delete(id);
        kept.session.close();
      }, wanted.sessionSeconds * 1_000);
      kept.timer.unref();
    };
    try {
      // Settings of single requests end with them; what the session's own SET did stays.
      await prepare(kept, wanted);
    } catch (error) {
      release();
      throw error;
    }
    return { session: kept.session, release };
  }

  function close(): void {
    for (const held of [...idle, ...named.values()]) {
      clearTimeout(held.timer);
      held.session.close();
    }
    idle.length = 0;
    named.clear();
  }

  return { acquire, close };
}

function fits(held: Held, wanted: Wanted): boolean {
  // Nothing undoes a USE but another one.
  if (wanted.database === "" && held.database !== "") return false;
  for (const name of held.parameters) if (!wanted.parameters.has(name)) return false;
  return true;
}

async function prepare(held: Held, wanted: Wanted): Promise<void> {
  const { session } = held;
  if (wanted.database !== "" && wanted.database !== held.database) {
    await session.queryAsync(`USE ${quoteName(wanted.database)}`);
    held.database = wanted.database;
  }
  const sets: string[] = [];
  for (const name of held.settings.keys()) {
    if (!wanted.settings.has(name)) sets.push(`${name} = DEFAULT`);
  }
  for (const [name, value] of wanted.settings) {
    if (!SETTING_NAME.test(name)) throw fail(115, "UNKNOWN_SETTING", `Unknown setting '${name}'`);
    if (held.settings.get(name) !== value) sets.push(`${name} = ${quote(value)}`);
  }
  for (const [name, value] of wanted.parameters) {
    if (!SETTING_NAME.test(name)) {
      throw fail(457, "BAD_QUERY_PARAMETER", `Bad name of a query parameter: '${name}'`);
    }
    sets.push(`param_${name} = ${quote(value)}`);
  }
  if (sets.length === 0) return;
  await session.queryAsync(`SET ${sets.join(", ")}`);
  held.settings = wanted.settings;
  held.parameters = new Set(wanted.parameters.keys());
}
