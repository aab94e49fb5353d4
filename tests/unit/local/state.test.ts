/** What a local system remembers of itself. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseApiKey } from "../../../core/api-key.js";
import { loadKeys } from "../../../core/keys.js";
import { type Home, openHome } from "../../../deploy/local/home.js";
import { loadState, rememberedPort, saveState } from "../../../deploy/local/state.js";

const states = suite("state of a local system");

async function withHome(run: (home: Home) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-state-"));
  try {
    const home = await openHome(folder, () => {});
    await run(home);
    home.release();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

states("is made once, and the same at the next start", async () => {
  await withHome(async (home) => {
    const first = loadState(home, 1, 2);
    const keys = readFileSync(home.file("keys.json"), "utf8");
    assert.equal(loadState(home, 1, 4), first);
    assert.is(first.partitions, 2);
    assert.is(readFileSync(home.file("keys.json"), "utf8"), keys);
    assert.is(typeof parseApiKey(first.apiKeys[0]!.key), "object");
    assert.is(first.carrierPassword.length, 8);
  });
});

states("gets keys for more accounts, and keeps those that are there", async () => {
  await withHome(async (home) => {
    const [key] = loadState(home, 1, 2).apiKeys;
    const more = loadState(home, 3, 2).apiKeys;
    assert.is(more.length, 3);
    assert.equal(more[0], key);
    assert.is(new Set(more.map(({ keyId }) => keyId)).size, 3);
    assert.is(loadState(home, 1, 2).apiKeys.length, 3);
  });
});

states("has a year of data keys, for their owner alone", async () => {
  await withHome(async (home) => {
    loadState(home, 1, 2);
    assert.is(Object.keys(loadKeys(home.file("keys.json")).data).length, 12);
    for (const name of ["keys.json", "system.json", "passwords/nats", "passwords/clickhouse"]) {
      assert.is(statSync(home.file(name)).mode & 0o777, 0o600, name);
    }
  });
});

states("is an error when damaged, and the error does not repeat it", async () => {
  await withHome(async (home) => {
    writeFileSync(home.file("system.json"), '{"staffKey":"floe_local_secret"');
    assert.throws(
      () => loadState(home, 1, 2),
      (error: Error) => /--fresh/.test(error.message) && !/secret/.test(error.message),
    );
  });
});

states("gives a port back while it is free, else any", async () => {
  await withHome(async (home) => {
    const state = loadState(home, 1, 2);
    assert.is(await rememberedPort(state, "grpc"), 0);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    saveState(home, { ...state, ports: { grpc: port } });
    const again = loadState(home, 1, 2);
    assert.is(await rememberedPort(again, "grpc"), 0);
    await new Promise((resolve) => server.close(resolve));
    assert.is(await rememberedPort(again, "grpc"), port);
  });
});

states.run();
