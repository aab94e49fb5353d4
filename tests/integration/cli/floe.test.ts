/** The command line as a process: help, exit codes, errors that say what to do. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { environment } from "../../../core/settings.js";

const cli = suite("floe");

const MAIN = fileURLToPath(new URL("../../../services/cli/main.js", import.meta.url));
const SAMPLE = fileURLToPath(new URL("../../../../deploy/local/sample/tables", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** In a home where nothing runs. */
async function floe(args: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const home = mkdtempSync(join(tmpdir(), "floe-cli-"));
  const env = { ...environment(), FLOE_HOME: home, NO_COLOR: "1", ...more };
  try {
    return await new Promise((resolve) => {
      execFile(process.execPath, [MAIN, ...args], { env }, (error, out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
      });
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

cli("helps, for itself and for each command", async () => {
  const { code, out } = await floe(["--help"]);
  assert.is(code, 0);
  for (const command of ["up", "serve", "send", "status", "tables", "clickhouse"]) {
    assert.match(out, new RegExp(`^  ${command}`, "m"));
  }
  assert.match((await floe(["send", "--help"])).out, /--to <number...>/);
  assert.match((await floe(["up", "--help"])).out, /--once/);
});

cli("ends with 2 when it is asked wrongly", async () => {
  for (const args of [["nonsense"], ["serve"], ["serve", "nonsense"], ["send", "--to", "+1"]]) {
    const { code, err } = await floe(args);
    assert.is(code, 2, args.join(" "));
    assert.match(err, /error: /);
  }
});

cli("ends with 1 where nothing runs, and says how to start", async () => {
  const send = ["send", "--to", "+447700900123", "--from", "Floe", "--text", "Hello"];
  for (const args of [["status"], send, ["clickhouse", "SELECT 1"]]) {
    const { code, err } = await floe(args);
    assert.is(code, 1);
    assert.match(err, /no system runs in .*: start one with "npm start"/);
  }
});

cli("says when no gateway answers", async () => {
  const send = ["send", "--to", "+447700900123", "--from", "Floe", "--text", "Hello"];
  const { code, err } = await floe([...send, "--target", "127.0.0.1:1", "--key", "any"]);
  assert.is(code, 1);
  assert.match(err, /UNAVAILABLE: .*Does Floe listen at 127\.0\.0\.1:1\?/s);
});

cli("goes on to its end where nobody reads what it prints", async () => {
  const message = ["--to", "+447911123456", "--from", "Floe", "--text", "Hello"];
  const child = spawn(process.execPath, [MAIN, "explain", "--tables", SAMPLE, ...message], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.destroy();
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = await once(child, "close");
  assert.equal([code, err], [0, ""]);
});

cli("refuses to serve with a setting that nobody knows", async () => {
  const { code, err } = await floe(["serve", "cdr"], { FLOE_TYPO: "1" });
  assert.is(code, 2);
  assert.match(err, /FLOE_TYPO is not a setting/);
});

cli("lists a role's settings", async () => {
  const { code, out } = await floe(["serve", "gateway", "--settings"]);
  assert.is(code, 0);
  assert.match(out, /FLOE_GATEWAY_PORT +50,?051/);
  assert.match(out, /FLOE_NATS_URL/);
  assert.not.match(out, "FLOE_DISPATCH");
});

cli("compiles tables, and names what is wrong in them", async () => {
  const { code, out } = await floe(["tables", "compile", SAMPLE, "--json"]);
  assert.is(code, 0);
  assert.ok(JSON.parse(out).bytes > 1_000);
  const empty = mkdtempSync(join(tmpdir(), "floe-tables-"));
  const wrong = await floe(["tables", "compile", empty]);
  rmSync(empty, { recursive: true, force: true });
  assert.is(wrong.code, 1);
  assert.match(wrong.err, /carriers\.csv: is missing/);
});

cli.run();
