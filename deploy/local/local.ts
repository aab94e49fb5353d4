/**
 * Local system: everything that Floe needs, started on this machine, ready to work, and ended again.
 *
 * `npm start`, the bench and the integration tests start it through `startLocal`. It owns the folder
 * (home.ts), the order of starting and stopping, and local.json, which is there exactly while the
 * system is ready. Stopping goes with the flow: who takes messages first, the streams last, so that
 * each finishes what it has while what it needs still runs.
 */
import { join } from "node:path";
import { type LocalJson, localPath } from "../../services/cli/local-system.js";
import type { RoleName } from "../../services/cli/roles.js";
import { configure, SAMPLE_TABLES } from "./configure.js";
import { type Home, openHome, writeWhole } from "./home.js";
import type { Patience } from "./keep.js";
import { natsLines, runningNats } from "./nats-part.js";
import { findNatsServer, type NatsBinary, startNatsServer } from "./nats-server.js";
import { type Places, startCarrier, startClickhouse, startRole } from "./parts.js";
import { openParts, type Parts, settleAll } from "./running-parts.js";
import {
  freePorts,
  LOCAL_USER,
  type LocalState,
  loadState,
  rememberedPort,
  saveState,
} from "./state.js";

export interface LocalOptions {
  /** Folder of the system; made if missing. */
  readonly home: string;
  /** Clears what earlier runs left there. */
  readonly fresh?: boolean;
  /** Demo accounts, numbered from 1, each with a key. Default 1. */
  readonly accounts?: number;
  /** Of a new system. Default 2. */
  readonly partitions?: number;
  /** Default: alpha and beta. */
  readonly carriers?: readonly CarrierSimOptions[];
  /** Folder with the CSV files of a new system's routes and decks. Default: the sample's. */
  readonly tablesDirectory?: string;
  /** nats-server to use; absent or empty: find or fetch one. */
  readonly natsServer?: string;
  /** `disk`: the streams survive a power cut too, at a price (an fsync for each frame). */
  readonly sync?: "os" | "disk";
  /** More settings for the roles, by name. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Servers of NATS: one, or a cluster with all streams on each of them. Default 1. */
  readonly natsServers?: 1 | 3;
  /** Roles of which two processes run. */
  readonly twice?: readonly RoleName[];
  /** Where `from` finds `to` in place of its own port: what lies between them, for fault tests. */
  way?(from: string, to: string, port: number): Promise<number>;
  /** How ends of parts are borne; default: as keep.ts says. */
  readonly patience?: Patience;
  /** What node is started with before the script, by role: a profiler, for the bench. */
  nodeArgs?(role: string): readonly string[];
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
  /** What the local start itself has to say. */
  tell(line: string): void;
  /** What the parts say, readable; default: told as well. */
  hear?(line: string): void;
  /** `pretty`: all that the parts say is told, readable; `file`: it goes to `<home>/logs`. */
  readonly roleOutput?: "pretty" | "file";
}

/** A simulated carrier. */
export interface CarrierSimOptions {
  readonly name: string;
  /** Arguments of the simulator, as bench/carrier's --help says. */
  readonly args?: readonly string[];
  /** Sessions, unanswered submits a session, parts a second (0: no limit). */
  readonly binds?: number;
  readonly window?: number;
  readonly partsPerSecond?: number;
}

export interface LocalSystem {
  readonly local: LocalJson;
  readonly processes: readonly { readonly role: string; readonly pid: number }[];
  /** Accounts with their keys, the demo account first. */
  readonly accounts: readonly { readonly account: number; readonly apiKey: string }[];
  /** URLs of all servers of NATS, comma separated, user and password in each. */
  readonly natsServers: string;
  /** Simulators: SMPP port, and port of the HTTP control interface. */
  readonly carriers: readonly CarrierPlace[];
  /** Parts that ended unasked and were started again. */
  restarts(): number;
  /** Resolves with the reason if a part keeps ending; the system is no use then. */
  readonly gaveUp: Promise<string>;
  /** Ends everything in order, and leaves the folder to others. Repeats are harmless. */
  stop(): Promise<void>;
  /** Ends everything by force: what was under way is found again at the next start. */
  kill(): void;
}

export interface CarrierPlace {
  readonly name: string;
  readonly port: number;
  readonly control: number;
}

const CARRIERS: readonly CarrierSimOptions[] = [
  { name: "alpha", args: ["--latency-ms", "5", "--receipt-delay-ms", "200"] },
  { name: "beta", args: ["--latency-ms", "10", "--receipt-delay-ms", "400", "--id", "decimal"] },
];
/** Gateway last, so that nobody is taken in before the rest works. All start at the same time. */
const ROLES: readonly RoleName[] = ["cdr", "receipts", "connector", "dispatch", "admin", "gateway"];

/** What nats-server understands as any free port. */
const ANY_PORT = -1;

/** @throws FloeError "local.failed" with a problem for the user; what was started is ended again. */
export async function startLocal(options: LocalOptions): Promise<LocalSystem> {
  const home = await openHome(options.home, options.tell);
  const { tell, roleOutput = "pretty" } = options;
  const { patience } = options;
  const parts = openParts({ home, tell, hear: options.hear ?? tell, roleOutput, patience });
  const abort = (): void => parts.abort();
  options.signal?.addEventListener("abort", abort);
  try {
    if (options.fresh === true) home.clear();
    return await startAll(home, options, parts);
  } catch (error) {
    await parts.stop();
    home.release();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

/** What is known while a system is started, and needed when a part is started again. */
interface Start {
  readonly home: Home;
  readonly options: LocalOptions;
  readonly parts: Parts;
  readonly state: LocalState;
  readonly accounts: number;
  readonly sims: readonly CarrierSimOptions[];
  /** By part: where it listens now. Started again, it takes the same. */
  readonly ports: Record<string, number>;
  /** /metrics by role. */
  readonly metrics: Record<string, string>;
  readonly carriers: CarrierPlace[];
  /** Where a part is to listen; 0: anywhere. */
  portOf(part: string): Promise<number>;
}

async function startAll(home: Home, options: LocalOptions, parts: Parts): Promise<LocalSystem> {
  const { tell, accounts = 1, partitions = 2, carriers: sims = CARRIERS } = options;
  const state = loadState(home, accounts, partitions);
  const ports: Record<string, number> = {};
  const portOf = async (part: string) => ports[part] ?? (await rememberedPort(state, part));
  const known = { metrics: {}, carriers: [] };
  const start: Start = { home, options, parts, state, accounts, sims, ports, ...known, portOf };

  const binary = await findNatsServer({ wanted: options.natsServer, tell });
  tell("starting nats-server, ClickHouse and the carriers");
  await startFoundation(start, binary);
  tell("writing configuration and schema");
  const ways = start.carriers.map(({ name, port }) =>
    wayTo(start, "connector", `carrier-${name}`, port),
  );
  const carrierPorts = await Promise.all(ways);
  await configure({
    nats: natsUrls(start).join(","),
    clickhouse: urlOf("clickhouse", start),
    replicas: replicasOf(start),
    state,
    accounts,
    carriers: sims.map((sim, at) => ({ ...sim, port: carrierPorts[at]! })),
    tablesDirectory: options.tablesDirectory ?? SAMPLE_TABLES,
  });
  tell(`starting ${ROLES.join(", ")}`);
  await startRoles(start);
  saveState(home, { ...state, ports: { ...state.ports, ...ports } });
  return systemOf(start);
}

/** What the roles stand on. */
function startFoundation(start: Start, { path }: NatsBinary): Promise<void> {
  const { home, options, parts, state, sims, ports, portOf } = start;
  const { nodeArgs } = options;
  const names = natsNames(start);
  const routes = names.length === 1 ? Promise.resolve([]) : freePorts(names.length);
  const nats = names.map((name, at) =>
    parts.start(name, async (context) => {
      const all = await routes;
      const server = await startNatsServer({
        path,
        storeDir: home.file(name === "nats" ? name : join("nats", name)),
        port: (await portOf(name)) || ANY_PORT,
        user: LOCAL_USER,
        password: state.natsPassword,
        sync: options.sync ?? "os",
        cluster: all.length === 0 ? undefined : { name, port: all[at]!, ports: all },
        line: natsLines(context.line),
      });
      ports[name] = server.port;
      return runningNats(server, context);
    }),
  );
  const clickhouse = parts.start("clickhouse", async (context) => {
    const child = await startClickhouse(home.path, await portOf("clickhouse"), context, nodeArgs);
    ports["clickhouse"] = child.port;
    return child;
  });
  const simulators = sims.map(({ name, args = [] }, at) => {
    const part = `carrier-${name}`;
    const login = ["--system-id", LOCAL_USER, "--password", state.carrierPassword];
    const all = [...login, ...args];
    return parts.start(part, async (context) => {
      const child = await startCarrier(name, await portOf(part), all, context, nodeArgs);
      ports[part] = child.port;
      start.carriers[at] = { name, port: child.port, control: child.control };
      return child;
    });
  });
  return settleAll([...nats, clickhouse, ...simulators]);
}

function startRoles(start: Start): Promise<void> {
  const { home, options, parts, ports, metrics, portOf } = start;
  const processes = ROLES.flatMap((role) =>
    options.twice?.includes(role) === true
      ? [
          { role, name: role as string },
          { role, name: `${role}-2` },
        ]
      : [{ role, name: role as string }],
  );
  const started = processes.map(({ role, name }) =>
    parts.start(name, async (context) => {
      const places: Places = {
        home: home.path,
        nats: await wayToNats(start, name),
        clickhouse: `http://127.0.0.1:${await wayTo(start, name, "clickhouse", ports["clickhouse"]!)}`,
        replicas: replicasOf(start),
        // Asked for one role alone: several probes of one port at a time would each see it taken.
        grpcPort: role === "gateway" ? await portOf("grpc") : 0,
        adminPort: role === "admin" ? await portOf("admin") : 0,
      };
      const extra = options.environment ?? {};
      const child = await startRole(role, places, extra, context, options.nodeArgs);
      metrics[name] = child.metrics;
      if (role === "gateway") ports["grpc"] = (await child.listening("gateway")).port;
      if (role === "admin") ports["admin"] = (await child.listening("admin")).port;
      return child;
    }),
  );
  return settleAll(started);
}

function systemOf(start: Start): LocalSystem {
  const { home, parts, state, accounts, carriers } = start;
  const note = (): LocalJson => noteOf(start);
  parts.onChange(() => {
    writeWhole(localPath(home.path), `${JSON.stringify(note(), undefined, 2)}\n`);
  });
  // Once: by a repeat the folder may be somebody else's.
  const release = once(home.release);
  return {
    get local() {
      return note();
    },
    get processes() {
      return parts.processes();
    },
    accounts: state.apiKeys
      .slice(0, accounts)
      .map(({ key }, at) => ({ account: at + 1, apiKey: key })),
    get natsServers() {
      return natsUrls(start)
        .map((url) => withLogin(url, state.natsPassword))
        .join(",");
    },
    carriers,
    restarts: parts.restarts,
    gaveUp: parts.gaveUp,
    async stop() {
      await parts.stop();
      release();
    },
    kill() {
      parts.kill();
      release();
    },
  };
}

/** What local.json says. */
function noteOf(start: Start): LocalJson {
  const { state, ports, metrics, parts } = start;
  return {
    grpc: `127.0.0.1:${ports["grpc"]}`,
    admin: `127.0.0.1:${ports["admin"]}`,
    clickhouse: withLogin(urlOf("clickhouse", start), state.clickhousePassword),
    nats: withLogin(urlOf("nats", start), state.natsPassword),
    metrics,
    apiKey: state.apiKeys[0]!.key,
    staffKey: state.staffKey.key,
    processes: [...parts.processes()],
  };
}

function urlOf(part: "nats" | "clickhouse", start: Start): string {
  const { ports } = start;
  return part === "nats" ? natsUrls(start)[0]! : `http://127.0.0.1:${ports[part]}`;
}

function withLogin(url: string, password: string): string {
  return url.replace("://", `://${LOCAL_USER}:${password}@`);
}

function natsNames({ options }: Start): readonly string[] {
  return options.natsServers === 3 ? ["nats-1", "nats-2", "nats-3"] : ["nats"];
}

function natsUrls(start: Start): readonly string[] {
  return natsNames(start).map((name) => `nats://127.0.0.1:${start.ports[name]}`);
}

function replicasOf({ options }: Start): number {
  return options.natsServers ?? 1;
}

/** The port by which `from` gets to `to`. */
async function wayTo({ options }: Start, from: string, to: string, port: number): Promise<number> {
  return options.way === undefined ? port : options.way(from, to, port);
}

async function wayToNats(start: Start, from: string): Promise<string> {
  const ways = natsNames(start).map((name) => wayTo(start, from, name, start.ports[name]!));
  return (await Promise.all(ways)).map((port) => `nats://127.0.0.1:${port}`).join(",");
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}
