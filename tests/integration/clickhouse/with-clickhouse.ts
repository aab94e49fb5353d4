/**
 * Bracket for tests: an embedded ClickHouse in a process and a directory of its own, ended and
 * removed however the test ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClickHouse, openClickHouse } from "../../../core/clickhouse.js";

const MAIN = fileURLToPath(new URL("../../../deploy/local/clickhouse/main.js", import.meta.url));

export const USER = "floe";
export const PASSWORD = "open sesame";

export interface ClickHouseBracket {
  readonly directory: string;
  url(): string;
  /** A client of a database ("" for the user's own); closed at the end. */
  client(database: string): ClickHouse;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
  /** Starts it again on the same port, with what it had. */
  restart(): Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly ended: Promise<number | null>;
}

export async function withClickHouse<T>(
  run: (clickhouse: ClickHouseBracket) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "floe-clickhouse-"));
  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const data = join(directory, "data");
  const clients: ClickHouse[] = [];
  let running: Running | undefined;
  const orphan = (): void => void running?.child.kill("SIGKILL");
  process.once("exit", orphan);
  try {
    running = await start(data, passwordFile, 0);
    const { port } = running;
    const url = `http://127.0.0.1:${port}`;
    return await run({
      directory,
      url: () => url,
      client(database) {
        const client = openClickHouse({ url, user: USER, password: PASSWORD, database });
        clients.push(client);
        return client;
      },
      async kill() {
        running?.child.kill("SIGKILL");
        await running?.ended;
      },
      async stop() {
        running?.child.kill("SIGTERM");
        return (await running?.ended) ?? null;
      },
      async restart() {
        running = await start(data, passwordFile, port);
      },
    });
  } finally {
    await Promise.allSettled(clients.map((client) => client.close()));
    running?.child.kill("SIGKILL");
    await running?.ended;
    process.off("exit", orphan);
    rmSync(directory, { recursive: true, force: true });
  }
}

function start(path: string, passwordFile: string, port: number): Promise<Running> {
  const flags = ["--path", path, "--port", `${port}`];
  const login = ["--user", USER, "--password-file", passwordFile];
  const child = spawn(process.execPath, [MAIN, ...flags, ...login], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const found = /^\{"msg":"listening","port":(\d+)/m.exec(said);
      if (found !== null) resolve({ child, port: Number(found[1]), ended });
    });
    void ended.then((code) => reject(new Error(`ended with ${code}: ${said}`)));
  });
}
