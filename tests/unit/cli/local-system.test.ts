/** The note that says where a local system is. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type LocalJson,
  localPath,
  readLocal,
  requireLocal,
  splitUrl,
} from "../../../services/cli/local-system.js";

const local = suite("local.json");

const NOTE: LocalJson = {
  grpc: "127.0.0.1:50051",
  clickhouse: "http://floe:pass@127.0.0.1:8123",
  nats: "nats://floe:pass@127.0.0.1:4222",
  metrics: { gateway: "http://127.0.0.1:9000/metrics" },
  apiKey: "floe_local_a_b",
  staffKey: "floe_local_c_d",
  processes: [{ role: "gateway", pid: 4 }],
};

function withHome(run: (home: string) => void): void {
  const home = mkdtempSync(join(tmpdir(), "floe-home-"));
  try {
    run(home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

local("is read as it was written", () => {
  withHome((home) => {
    writeFileSync(localPath(home), JSON.stringify(NOTE));
    assert.equal(readLocal(home), NOTE);
    assert.equal(requireLocal(home), NOTE);
  });
});

local("is absent where nothing runs, and whoever needs it is told what to do", () => {
  withHome((home) => {
    assert.is(readLocal(home), undefined);
    assert.throws(() => requireLocal(home), /npm start/);
  });
});

local("is an error when damaged, and the error does not repeat it", () => {
  withHome((home) => {
    writeFileSync(localPath(home), '{"apiKey":"floe_local_secret"');
    assert.throws(
      () => readLocal(home),
      (error: Error) => /damaged/.test(error.message) && !/secret/.test(error.message),
    );
    writeFileSync(localPath(home), JSON.stringify({ ...NOTE, processes: "none" }));
    assert.throws(() => readLocal(home), /damaged/);
  });
});

local("gives user and password apart from the address", () => {
  assert.equal(splitUrl("http://floe:p%40ss@127.0.0.1:8123"), {
    url: "http://127.0.0.1:8123",
    user: "floe",
    password: "p@ss",
  });
  assert.equal(splitUrl("nats://127.0.0.1:4222"), {
    url: "nats://127.0.0.1:4222",
    user: "",
    password: "",
  });
});

local.run();
