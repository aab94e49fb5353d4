/** `floe quote` and `floe explain` as processes: ten thousand lines, a reader that leaves, exit codes. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { environment } from "../../../core/settings.js";

const cli = suite("floe quote");
const MAIN = fileURLToPath(new URL("../../../services/cli/main.js", import.meta.url));
const GOOD = ["--to", "+447911123456", "--from", "Floe", "--text", "hello"];

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param stopAfter bytes of output after which nobody reads any more. */
function floe(args: readonly string[], input = "", stopAfter = Infinity): Promise<Ran> {
  // A home where no system runs, so that it works by itself.
  const env = { ...environment(), FLOE_HOME: "/nonexistent", FLOE_KEY: "", NO_COLOR: "1" };
  const child = spawn(process.execPath, [MAIN, ...args], { env });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    if (out.length > stopAfter) child.stdout.destroy();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  // What it does not read any more is nobody's loss.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}

async function withTables(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-quote-"));
  const tables = join(folder, "tables");
  mkdirSync(tables);
  const files = {
    "carriers.csv": "name\nnorth\nsouth\n",
    "plans.csv": "plan,name,currency,charge_basis\n1,gold,GBP,submit\n",
    "networks.csv": "prefix,country,mcc,mnc\n44,GB,234,01\n",
    "costs.csv": "carrier,prefix,price,currency\nnorth,44,0.02,GBP\nsouth,447,0.01,GBP\n",
    "prices.csv": "plan,prefix,price\n1,44,0.05\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(tables, name), text);
  try {
    await run(tables);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const lineOf = (place: number): string =>
  JSON.stringify({
    to: "+447911123456",
    from: "Floe",
    text: `${place} ${"x".repeat(place % 300)}`,
  });

cli("answers ten thousand lines in order", async () => {
  await withTables(async (tables) => {
    const lines = Array.from({ length: 10_000 }, (_, place) => lineOf(place));
    const { code, out, err } = await floe(
      ["quote", "--file", "-", "--json", "--tables", tables],
      `${lines.join("\n")}\n\n`,
    );
    assert.equal([code, err], [0, ""]);
    const results = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.is(results.length, lines.length);
    for (const [place, result] of results.entries()) {
      assert.is(result.parts.join(""), JSON.parse(lines[place]!).text);
      assert.equal([result.verdict, result.carriers], ["routed", ["south", "north"]]);
      assert.is(
        result.price,
        result.segments === 1 ? "0.05" : result.segments === 2 ? "0.10" : "0.15",
      );
    }
  });
});

cli("tells wrong lines in their places, and exits with 1", async () => {
  await withTables(async (tables) => {
    const path = join(tables, "some.ndjson");
    writeFileSync(path, [lineOf(1), '{"to":1}', "", lineOf(2)].join("\n"));
    const { code, out } = await floe(["quote", "--file", path, "--json", "--tables", tables]);
    const told = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.is(code, 1);
    assert.equal(
      told.map((one) => one.verdict ?? one.error),
      ["routed", { field: "to", problem: "must be a string" }, "routed"],
    );
  });
});

cli("leaves quietly when nobody reads its results any more", async () => {
  await withTables(async (tables) => {
    const input = Array.from({ length: 20_000 }, (_, place) => lineOf(place)).join("\n");
    const args = ["quote", "--file", "-", "--json", "--tables", tables];
    const { code, err } = await floe(args, input, 10_000);
    assert.equal([code, err], [0, ""]);
  });
});

cli("works on the sample tables where no system runs", async () => {
  const { code, out } = await floe(["quote", ...GOOD, "--json"]);
  assert.is(code, 0);
  const result = JSON.parse(out);
  assert.equal([result.verdict, result.currency], ["routed", "GBP"]);
  const told = await floe(["explain", ...GOOD]);
  assert.is(told.code, 0);
  assert.match(told.out, /strategy {2}\S[\s\S]*removed by/);
});

cli("says what was asked wrongly", async () => {
  const asked = [
    ["quote", "--to", "+447911123456", "--from", "Floe"],
    ["quote", ...GOOD, "--at", "noon"],
    ["quote", ...GOOD, "--region", "Britain"],
    ["explain"],
    ["explain", "--id", "019aab0e-0000-7000-8000-000000000001"],
  ];
  for (const args of asked) {
    const { code, out, err } = await floe(args);
    assert.equal([code, out], [2, ""], args.join(" "));
    assert.match(err, /^floe: /);
  }
  const missing = await floe(["quote", "--file", "/nonexistent.ndjson", "--json"]);
  assert.is(missing.code, 1);
  assert.match(missing.err, /nonexistent\.ndjson cannot be read: ENOENT/);
});

cli.run();
