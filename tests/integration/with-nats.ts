/**
 * Brackets for integration tests: a real nats-server on a free port with storage of its own, and
 * clients of it; everything is ended and removed, however the test ends.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fillRandom, SYSTEM_CLOCK } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { environment } from "../../core/settings.js";
import { openNats } from "../../core/stream/nats.js";
import type { StreamClient } from "../../core/stream/stream.js";
import {
  findNatsServer,
  type NatsBinary,
  type NatsServer,
  startNatsServer,
} from "../../deploy/local/nats-server.js";

export interface NatsBracket {
  url(): string;
  /** A client of its own connection; closed at the end. */
  client(name?: string): Promise<StreamClient>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again where it was, with what it had. */
  restart(): Promise<void>;
}

let binary: Promise<NatsBinary> | undefined;

/** Looked for once in a process; fetched into the project's cache by the first who needs it. */
export function natsBinary(): Promise<NatsBinary> {
  const wanted = environment()["FLOE_NATS_SERVER"];
  binary ??= findNatsServer({ wanted, tell: () => {} });
  return binary;
}

export async function withNats<T>(run: (nats: NatsBracket) => Promise<T>): Promise<T> {
  const { path } = await natsBinary();
  const storeDir = mkdtempSync(join(tmpdir(), "floe-nats-"));
  const clients: StreamClient[] = [];
  let server: NatsServer = await startNatsServer({ path, storeDir });
  const orphan = (): void => {
    try {
      process.kill(server.pid, "SIGKILL");
    } catch {
      // Gone already.
    }
  };
  process.once("exit", orphan);
  try {
    return await run({
      url: () => server.url,
      async client(name = "test") {
        const client = await openNats({
          servers: server.url,
          name,
          processId: `${name}-${randomName()}`,
          clock: SYSTEM_CLOCK,
          log: SILENT,
        });
        clients.push(client);
        return client;
      },
      kill: () => server.kill(),
      async restart() {
        server = await startNatsServer({ path, storeDir, port: server.port });
      },
    });
  } finally {
    await Promise.allSettled(clients.map((client) => client.close()));
    await server.stop();
    process.off("exit", orphan);
    rmSync(storeDir, { recursive: true, force: true });
  }
}

function randomName(): string {
  const bytes = new Uint8Array(6);
  fillRandom(bytes);
  return Buffer.from(bytes).toString("hex");
}
