/**
 * Generate: TypeScript (core/proto) and the descriptor set (proto/floe.binpb) from proto/, and the
 * table of numbering plans (workers/numbers.bin) from libphonenumber's metadata.
 *
 * `--check` generates into a folder beside and compares: generating again must change nothing.
 * `--baseline` also makes the descriptor set the one that breaking changes are measured against; it
 * is done at a release, never to silence the check.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { print, printError } from "../core/output.js";
import { encodePlans } from "../workers/number-table.js";
import { compilePlans, type Metadata } from "./numbers/plans.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const GENERATED = "core/proto";
const DESCRIPTORS = "proto/floe.binpb";
const NUMBERS = "workers/numbers.bin";
const BASELINE = "proto/baseline.binpb";

if (process.argv.includes("--check")) check();
else {
  generate(ROOT);
  if (process.argv.includes("--baseline")) {
    copyFileSync(join(ROOT, DESCRIPTORS), join(ROOT, BASELINE));
    print(`${BASELINE} is the new baseline of breaking changes.`);
  }
}

/** Into `base`: the same relative paths as in the repository. */
function generate(base: string): void {
  mkdirSync(join(base, "proto"), { recursive: true });
  buf("generate", "-o", base);
  buf("build", "-o", join(base, DESCRIPTORS));
  mkdirSync(join(base, "workers"), { recursive: true });
  writeFileSync(join(base, NUMBERS), encodePlans(compilePlans(metadata())));
}

function metadata(): Metadata {
  return createRequire(import.meta.url)("libphonenumber-js/metadata.max.json") as Metadata;
}

function check(): void {
  const base = mkdtempSync(join(tmpdir(), "floe-generate-"));
  try {
    generate(base);
    const differing = differences(base);
    for (const path of differing) printError(`${path} differs from what is generated.`);
    if (differing.length === 0) print("What is committed is what is generated.");
    else {
      printError('Run "npm run generate" and commit what it changes.');
      process.exitCode = 1;
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function differences(base: string): readonly string[] {
  const paths = new Set([DESCRIPTORS, NUMBERS, ...filesBelow(ROOT), ...filesBelow(base)]);
  return [...paths].filter((path) => read(join(ROOT, path)) !== read(join(base, path))).sort();
}

function filesBelow(base: string): readonly string[] {
  const folder = join(base, GENERATED);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(base, join(entry.parentPath, entry.name)));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "base64");
  } catch {
    return undefined;
  }
}

function buf(...args: readonly string[]): void {
  const program = join(ROOT, "node_modules/.bin/buf");
  const { status } = spawnSync(program, args, { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) throw new Error(`buf ${args[0]} failed`);
}
