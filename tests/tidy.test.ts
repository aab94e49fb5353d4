/**
 * Tidy: the house rules that a machine can check. Each ban names what to use instead.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["core", "workers", "services", "bench", "deploy", "tests"];
/** Generated code, and the yardstick of the bench, which is another program. */
const NOT_OURS = /^(?:core\/proto|bench\/bare)\//;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}
interface Import {
  /** From the root, or a package's name. */
  readonly target: string;
  readonly typeOnly: boolean;
}

const tidy = suite("the tree");
const sources = FOLDERS.flatMap(readFolder).filter(({ path }) => !NOT_OURS.test(path));

function readFolder(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .map((path) => readSource(path));
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), "utf8");
  const found = text.matchAll(
    /^\s*(?:import|export)\b(\s+type\b)?[^"';]*?\bfrom\s+"([^"]+)"|\bimport\("([^"]+)"\)|^import "([^"]+)"/gm,
  );
  const imports = [...found].map(([, typed, from, dynamic, bare]) => {
    const name = from ?? dynamic ?? bare ?? "";
    const target = name.startsWith(".")
      ? normalize(join(dirname(path), name)).replace(/\.js$/, ".ts")
      : packageOf(name);
    return { target, typeOnly: typed !== undefined };
  });
  return { path, text, imports };
}

function packageOf(name: string): string {
  if (name.startsWith("node:")) return name;
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Comments and texts do not count: they may speak of what is banned. */
function code(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
    .replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
}

tidy("has sources", () => {
  assert.ok(sources.length > 50);
});

tidy("says in each file's first lines what it is", () => {
  const silent = sources.filter(({ text }) => !/^(?:#!.*\n)?(?:\/\*\*|\/\/) ?/.test(text));
  assert.equal(
    silent.map(({ path }) => path),
    [],
  );
});

tidy("runs every suite", () => {
  const tests = sources.filter(({ path }) => path.endsWith(".test.ts"));
  const forgotten = tests.filter(({ text }) => {
    const suites = code(text).match(/\bsuite(?:<[^>]*>)?\(/g)?.length ?? 0;
    const runs = code(text).match(/^\w+\.run\(\);$/gm)?.length ?? 0;
    return suites === 0 || runs !== suites;
  });
  assert.equal(
    forgotten.map(({ path }) => path),
    [],
  );
});

tidy("uses no hooks in tests, as uvu passes when they throw", () => {
  const hooked = sources.filter(({ text }) =>
    [...text.matchAll(/const (\w+) = suite/g)].some(([, name]) =>
      new RegExp(`\\b${name}\\.(?:before|after)\\b`).test(code(text)),
    ),
  );
  assert.equal(
    hooked.map(({ path }) => path),
    [],
  );
});

const BANS: readonly {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly allowed: readonly string[];
}[] = [
  {
    pattern: /\bprocess\.env\b/,
    instead: "core/settings.ts",
    // Whether a terminal wants colours is its own affair, not a setting of ours.
    allowed: ["core/settings.ts", "core/output.ts"],
  },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\brandom(?:Bytes|UUID|FillSync)\b/,
    instead: "core/clock.ts",
    allowed: ["core/clock.ts"],
  },
  {
    pattern: /\bconsole\.|\bprocess\.std(?:out|err)\b/,
    instead: "core/output.ts",
    allowed: ["core/output.ts"],
  },
  { pattern: /^export \* from/m, instead: "an import from the file itself", allowed: [] },
  {
    pattern: /\bclass \w+ (?!extends \w*Error\b)/,
    instead: "functions and closures; classes are for errors",
    allowed: [],
  },
  { pattern: /\benum \w+ \{/, instead: "a union of literals", allowed: [] },
];

for (const { pattern, instead, allowed } of BANS) {
  tidy(`has no ${pattern.source} but where it belongs: use ${instead}`, () => {
    const found = sources.filter(
      ({ path, text }) => !allowed.includes(path) && pattern.test(code(text)),
    );
    assert.equal(
      found.map(({ path }) => path),
      [],
    );
  });
}

/** Which files may import a package, by the beginning of their path. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@bufbuild/protobuf": ["core/proto/", "services/gateway/"],
  "@clickhouse/client": ["core/clickhouse.ts"],
  "@grpc/grpc-js": [
    "core/proto/",
    "core/grpc/",
    "services/gateway/",
    "services/admin/",
    "services/cli/",
  ],
  "@grpc/proto-loader": ["services/gateway/", "services/admin/"],
  "@grpc/reflection": ["core/grpc/"],
  "@nats-io/jetstream": ["core/stream/"],
  "@nats-io/kv": ["core/stream/"],
  "@nats-io/obj": ["core/stream/"],
  "@nats-io/transport-node": ["core/stream/"],
  chdb: ["deploy/local/clickhouse/"],
  commander: ["services/cli/"],
  "grpc-health-check": ["core/grpc/"],
  "hdr-histogram-js": ["bench/"],
  pino: ["core/log.ts"],
  piscina: ["services/dispatch/"],
  "prom-client": ["core/metrics.ts"],
  zod: ["core/", "services/cli/local-system.ts"],
};

tidy("imports each package where it belongs", () => {
  const wrong = sources
    .filter(({ path }) => /^(?:core|workers|services)\//.test(path))
    .flatMap(({ path, imports }) =>
      imports
        .map(({ target }) => target)
        .filter((target) => !target.includes("/") || target.startsWith("@"))
        .filter((target) => !target.startsWith("node:"))
        .filter((target) => !PACKAGES[target]?.some((allowed) => path.startsWith(allowed)))
        .map((target) => `${path} imports ${target}`),
    );
  assert.equal(wrong, []);
});

tidy("explains every package in docs/DEPENDENCIES.md", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  const explained = readFileSync(join(ROOT, "docs/DEPENDENCIES.md"), "utf8");
  const all = { ...manifest["dependencies"], ...manifest["devDependencies"] };
  const unexplained = Object.keys(all).filter((name) => !explained.includes(`\`${name}\``));
  assert.equal(unexplained, []);
});

tidy("imports in one direction: services, workers' types, core", () => {
  const wrong = sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ target }) => FOLDERS.some((folder) => target.startsWith(`${folder}/`)))
      .filter((one) => !mayImport(path, one))
      .map(({ target }) => `${path} imports ${target}`),
  );
  assert.equal(wrong, []);
});

function mayImport(path: string, { target, typeOnly }: Import): boolean {
  const [folder, service] = path.split("/");
  if (folder === "core") return target.startsWith("core/");
  if (folder === "workers") return /^(?:core|workers)\//.test(target);
  if (folder !== "services") return true;
  if (target.startsWith("core/") || target.startsWith(`services/${service}/`)) return true;
  // The command line is the entry point of all roles, and compiles tables.
  if (service === "cli") return /^(?:services|workers)\//.test(target);
  // The admin service makes table sets, and checks what they are made of.
  if (service === "admin" && target.startsWith("workers/")) return true;
  // task.ts is the contract with the pool: types, and where a record's fields lie.
  return target === "workers/task.ts" || (target.startsWith("workers/") && typeOnly);
}

tidy.run();
