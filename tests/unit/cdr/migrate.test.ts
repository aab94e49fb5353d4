/** Migrations: what is applied, and what stops them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { loadMigrations, render, toApply } from "../../../services/cdr/migrate.js";

const test = suite("migrate");

function withFolder(files: Record<string, string>, run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "floe-migrations-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("finds the project's own migrations, each with a number of its own", () => {
  const numbers = loadMigrations().map(({ number }) => number);
  assert.ok(numbers.length >= 7);
  assert.equal(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
  );
});

test("takes files by number, and cuts them into statements", () => {
  const files = {
    "0002_b.sql": "SELECT 2;\n",
    "0001_a.sql": "-- what for;\nSELECT ';',\n 1;\n\nSELECT 3;\n-- the end\n",
    "notes.txt": "x",
  };
  withFolder(files, (folder) => {
    const [a, b] = loadMigrations(folder);
    assert.is(a?.name, "0001_a.sql");
    assert.is(a?.statements.length, 2);
    assert.ok(a?.statements[0]?.endsWith("SELECT ';',\n 1"));
    assert.equal(b?.statements, ["SELECT 2"]);
  });
});

test("applies what is not applied yet", () => {
  const [first, second] = loadMigrations();
  const rest = toApply([first!, second!], [first!]);
  assert.equal(rest, [second]);
  assert.equal(toApply([first!, second!], [first!, second!]), []);
});

test("refuses a file that changed after it was applied", () => {
  const [first] = loadMigrations();
  const before = { ...first!, checksum: "another" };
  try {
    toApply([first!], [before]);
    assert.unreachable();
  } catch (error) {
    assert.ok(isFloeError(error, "settings.invalid"));
    assert.match(String(error), first!.name);
  }
});

test("makes engines that replicate where they are wanted", () => {
  const statement = "CREATE TABLE t (a Int8)\nENGINE = ReplacingMergeTree(version)\nORDER BY a";
  assert.is(render(statement, false), statement);
  assert.match(render(statement, true), "ENGINE = ReplicatedReplacingMergeTree(version)");
});

test.run();
