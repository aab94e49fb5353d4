/**
 * The embedded ClickHouse: chDB behind ClickHouse's HTTP interface, in a process of its own.
 *
 * In: a directory, a port. Out: an HTTP server for @clickhouse/client, curl, Grafana; one line
 * {"msg":"listening","port":N} when it is ready. chDB stays on the main thread (in a worker thread
 * it ends with a segmentation fault), and one process owns one directory.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { print, printError } from "../../../core/output.js";
import { openEngine } from "./engine.js";
import { createClickHouseServer } from "./server.js";

const HELP = `Usage: node dist/deploy/local/clickhouse/main.js --path DIR [options]

  --path DIR            Directory of the database; made if it is missing.
  --host HOST           Address to listen on. Default 127.0.0.1.
  --port N              Port; 0 takes any free one. Default 0.
  --user NAME           The only user. Default "default".
  --password-file FILE  File with the user's password. Default: no password.
  --help                This text.`;

/** Two merges at a time: it shares the machine with everything else. */
const ENGINE_ARGS = ["--background_pool_size=2"];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      path: { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "0" },
      user: { type: "string", default: "default" },
      "password-file": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    print(HELP);
    return;
  }
  if (values.path === undefined) throw new Error("--path is required");
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error("--port is no port");
  const file = values["password-file"];
  const password = file === undefined ? "" : readFileSync(file, "utf8").trim();

  const path = resolve(values.path);
  const spool = join(path, "floe-spool");
  mkdirSync(path, { recursive: true });
  const engine = await openEngine(path, ENGINE_ARGS);
  // Only now is it sure that nobody else uses the directory.
  rmSync(spool, { recursive: true, force: true });
  mkdirSync(spool, { mode: 0o700 });
  const server = createClickHouseServer({ engine, spool, user: values.user, password });
  server.listen(port, values.host, () => {
    const address = server.address() as AddressInfo;
    print(JSON.stringify({ msg: "listening", port: address.port, version: engine.version }));
  });
  server.on("error", (error) => {
    printError(`The embedded ClickHouse cannot listen: ${error.message}`);
    process.exit(1);
  });
  stopOnSignals(async () => {
    // No new connections, idle ones end; requests under way get their answers.
    server.close();
    server.closeIdleConnections();
    await engine.close();
    server.closeAllConnections();
  });
}

function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      stop().then(
        () => process.exit(0),
        (error) => {
          printError(`The embedded ClickHouse did not stop cleanly: ${error}`);
          process.exit(1);
        },
      );
    });
  }
}

main().catch((error) => {
  printError(
    `The embedded ClickHouse cannot start: ${error instanceof Error ? error.message : error}`,
  );
  process.exit(2);
});
