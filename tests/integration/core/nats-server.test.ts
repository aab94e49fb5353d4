/** Finding and starting nats-server, and refusing one that is too old. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import type { FloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import { openNats } from "../../../core/stream/nats.js";
import { findNatsServer, startNatsServer } from "../../../deploy/local/nats-server.js";
import { natsBinary } from "../with-nats.js";

const server = suite("nats-server");

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-server-"));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function errorOf(work: Promise<unknown>): Promise<FloeError> {
  try {
    await work;
  } catch (error) {
    return error as FloeError;
  }
  throw new Error("it should have failed");
}

/** A program that calls itself a nats-server. */
function pretend(folder: string, version: string): string {
  const path = join(folder, "nats-server");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}

server("is taken from where the user says, if it is new enough", () =>
  withFolder(async (folder) => {
    const wanted = pretend(folder, "2.12.3");
    const found = await findNatsServer({ wanted, cacheDir: folder, tell: () => {} });
    assert.equal(found, { path: wanted, version: "2.12.3", source: "setting" });
  }),
);

server("is not looked for elsewhere when the one that the user named is no use", () =>
  withFolder(async (folder) => {
    const told: string[] = [];
    const look = (wanted: string) =>
      errorOf(findNatsServer({ wanted, cacheDir: folder, tell: (line) => told.push(line) }));
    const old = await look(pretend(folder, "2.9.10"));
    assert.is(old.code, "local.failed");
    assert.match(old.message, /2\.9\.10/);
    assert.match(old.message, /Debian's own package is 2\.9: too old/);
    assert.match((await look(join(folder, "nothing"))).message, /cannot be run/);
    assert.equal(told, []);
  }),
);

server("keeps its port and streams through kill and restart, and says why it does not start", () =>
  withFolder(async (folder) => {
    const { path } = await natsBinary();
    const storeDir = join(folder, "store");
    const login = { user: "floe", password: 'with "quotes"' };
    const first = await startNatsServer({ path, storeDir, ...login, monitoring: true });
    const { port } = first;
    assert.match(first.monitoringUrl ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
    const options = { name: "t", processId: "t", clock: SYSTEM_CLOCK, log: SILENT };
    const servers = first.url;
    assert.is((await errorOf(openNats({ servers, ...options }))).code, "stream.unavailable");
    const client = await openNats({ servers, ...login, ...options });
    await (await client.bucket("kept")).put("a", new Uint8Array([1]));
    await client.close();
    await first.kill();
    assert.match(await first.exited, /SIGKILL/);

    const second = await startNatsServer({ path, storeDir, port, ...login, sync: "disk" });
    assert.is(second.port, port);
    const again = await openNats({ servers, ...login, ...options });
    assert.ok(await (await again.bucket("kept")).get("a"));
    await again.close();
    const taken = await errorOf(startNatsServer({ path, storeDir: join(folder, "other"), port }));
    assert.is(taken.code, "local.failed");
    assert.match(taken.message, /address already in use/);
    await second.stop();
    assert.match(await second.exited, /code 0/);
  }),
);

server("is refused by the client when it is older than the floor", async () => {
  const info = { server_id: "x", version: "2.9.10", max_payload: 1_048_576, headers: true };
  const old = createServer((socket) => {
    socket.write(`INFO ${JSON.stringify({ ...info, jetstream: true })}\r\n`);
    socket.on("data", (data) => (data.includes("PING") ? socket.write("PONG\r\n") : undefined));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
  const servers = `nats://127.0.0.1:${(old.address() as AddressInfo).port}`;
  try {
    const options = { name: "t", processId: "t", clock: SYSTEM_CLOCK, log: SILENT };
    const error = await errorOf(openNats({ servers, ...options }));
    assert.is(error.code, "stream.config");
    assert.match(error.message, /nats-server is 2\.9\.10, Floe needs 2\.12 or newer/);
  } finally {
    old.close();
  }
});

server.run();
