/**
 * The system under fault: everything that `npm start` starts, with a fault proxy between each two
 * parts that a test names, and the means to kill, pause, stop and bring back each process. Only
 * processes that this run started are touched, by their pid.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClickHouse, openClickHouse } from "../../core/clickhouse.js";
import { fillRandom, SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { openNats } from "../../core/stream/nats.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { STREAMS } from "../../core/subjects.js";
import { type CarrierSimOptions, type LocalSystem, startLocal } from "../../deploy/local/local.js";
import { splitUrl } from "../../services/cli/local-system.js";
import { cliSettings } from "../../services/cli/options.js";
import type { RoleName } from "../../services/cli/roles.js";
import { metricsOf } from "../metrics-text.js";
import { openStreamCounts, type StreamCounts } from "../stream-counts.js";
import { type Taken, takenOf } from "../taken.js";
import { type FaultProxy, openProxy } from "./proxy.js";

export interface SystemOptions {
  readonly accounts?: number;
  readonly carriers?: readonly CarrierSimOptions[];
  /** Ways that lead through a proxy, as "<from> <to>": "connector nats", "cdr clickhouse". */
  readonly proxies?: readonly string[];
  readonly twice?: readonly RoleName[];
  readonly natsServers?: 1 | 3;
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeArgs?: (role: string) => readonly string[];
  /** Folder with routes and decks in place of the sample's. */
  readonly tablesDirectory?: string;
}

export interface FaultSystem {
  readonly local: LocalSystem;
  readonly clickhouse: ClickHouse;
  readonly client: StreamClient;
  readonly streams: StreamCounts;
  /** A folder for what a test needs to write; removed at the end. */
  readonly folder: string;
  /** @param way "<from> <to>", one of the options' proxies. */
  proxy(way: string): FaultProxy;
  /** Roles (and parts) that run now. */
  roles(): readonly string[];
  pidOf(role: string): number;
  /** `kill -9`, counted; the supervisor starts it again. */
  kill(role: string): void;
  /** SIGTERM: it ends in order, and is started again. */
  term(role: string): void;
  /** SIGSTOP, and SIGCONT. */
  pause(role: string): void;
  /** SIGUSR2, which skewed-clock.ts hears. */
  skew(role: string): void;
  resume(role: string): void;
  /** Waits until `role` runs with another pid than `pid`, at work. */
  replaced(role: string, pid: number, withinMs?: number): Promise<void>;
  /** How often each role was killed. */
  kills(): Readonly<Record<string, number>>;
  /** Sets options of a simulated carrier (or all), as its control interface takes them. */
  carrier(name: string | undefined, query: string): Promise<void>;
  /** Cuts, unbinds or half-opens its connections. */
  act(name: string, what: "cut" | "unbind" | "half-open"): Promise<void>;
  stats(name: string): Promise<Readonly<Record<string, number>>>;
  /** All that the carriers took. */
  taken(): Promise<readonly Taken[]>;
  /** Sum of a counter over all its labels, of one role or all. */
  metric(name: string, role?: string): Promise<number>;
  /** Ends every fault: proxies pass, sleepers wake. */
  heal(): void;
  /** What the parts have said that looks bad, last lines first. */
  complaints(): readonly string[];
  stop(): Promise<void>;
}

export const WINDOW = 20;
export const BINDS = 2;
const CARRIERS: readonly CarrierSimOptions[] = ["alpha", "beta"].map((name, at) => ({
  name,
  window: WINDOW,
  binds: BINDS,
  args: [
    ...["--submits", "2000000", "--latency-ms", "4", "--latency-shape", "exponential"],
    ...["--receipt-delay-ms", "100", "--seed", String(at + 1)],
  ],
}));
/** Sooner than in production, so that a test is over in a minute. */
const ENVIRONMENT = {
  FLOE_DISPATCH_LEASE_SECONDS: "3",
  FLOE_CONNECTOR_LEASE_SECONDS: "3",
  FLOE_RECEIPTS_LEASE_SECONDS: "3",
  FLOE_RECEIPTS_ORPHANS_MS: "2000",
  FLOE_CDR_RECEIPT_WAIT_MS: "10000",
  FLOE_CDR_SWEEP_MS: "2000",
};
const PATIENCE = { pauseMsMax: 500, endsMax: 1_000 };
const REPLACED_MS_MAX = 60_000;
const COMPLAINTS_MAX = 20;

export async function startSystem(options: SystemOptions): Promise<FaultSystem> {
  const folder = mkdtempSync(join(tmpdir(), "floe-faults-"));
  const home = join(folder, "home");
  const proxies = new Map<string, FaultProxy>();
  const targets = new Map<string, number>();
  const remove = async (): Promise<void> => {
    await Promise.all([...proxies.values()].map((one) => one.close()));
    rmSync(folder, { recursive: true, force: true });
  };
  async function way(from: string, to: string, port: number): Promise<number> {
    const name = `${from} ${to}`;
    targets.set(name, port);
    if (options.proxies?.includes(name) !== true) return port;
    const proxy = proxies.get(name) ?? (await openProxy(() => targets.get(name)!));
    proxies.set(name, proxy);
    return proxy.port;
  }
  try {
    const { natsServer } = await cliSettings({});
    const local = await startLocal({
      ...{ home, natsServer, way, patience: PATIENCE, roleOutput: "file", tell: () => {} },
      accounts: options.accounts ?? 10,
      carriers: options.carriers ?? CARRIERS,
      environment: { ...ENVIRONMENT, ...options.environment },
      ...(options.twice === undefined ? {} : { twice: options.twice }),
      ...(options.natsServers === undefined ? {} : { natsServers: options.natsServers }),
      ...(options.nodeArgs === undefined ? {} : { nodeArgs: options.nodeArgs }),
      ...(options.tablesDirectory === undefined
        ? {}
        : { tablesDirectory: options.tablesDirectory }),
    });
    // A bug of the suite must not leave a system behind.
    process.once("exit", local.kill);
    try {
      return await openSystem(local, { folder, home, proxies, remove });
    } catch (error) {
      await local.stop();
      throw error;
    }
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Rest {
  readonly folder: string;
  readonly home: string;
  readonly proxies: ReadonlyMap<string, FaultProxy>;
  remove(): Promise<void>;
}

async function openSystem(local: LocalSystem, rest: Rest): Promise<FaultSystem> {
  const { folder, home, proxies, remove } = rest;
  const { url, user, password } = splitUrl(local.local.clickhouse);
  const clickhouse = openClickHouse({ url, user, password, database: "floe" });
  const client = await openClient(local.natsServers);
  const names = STREAMS.map(({ name }) => name);
  const streams = await openStreamCounts(local.natsServers, names);
  const kills: Record<string, number> = {};
  const paused = new Set<number>();

  function pidOf(role: string): number {
    const found = local.processes.find((one) => one.role === role);
    if (found === undefined) throw new Error(`there is no ${role}`);
    return found.pid;
  }

  function signal(role: string, name: NodeJS.Signals): void {
    const pid = pidOf(role);
    try {
      process.kill(pid, name);
    } catch {
      // It has just ended by itself or by an earlier kill: the supervisor is at it.
    }
  }

  function resumeAll(): void {
    for (const pid of paused) {
      try {
        process.kill(pid, "SIGCONT");
      } catch {
        // Gone.
      }
    }
    paused.clear();
  }

  const controls = (name?: string) =>
    local.carriers
      .filter((one) => name === undefined || one.name === name)
      .map(({ control }) => `http://127.0.0.1:${control}`);

  async function post(url: string): Promise<void> {
    const answer = await fetch(url, { method: "POST" });
    if (!answer.ok) throw new Error(`${url}: ${await answer.text()}`);
  }

  return {
    ...{ local, clickhouse, client, streams, folder, pidOf },
    proxy(way) {
      const found = proxies.get(way);
      if (found === undefined) throw new Error(`there is no proxy "${way}"`);
      return found;
    },
    roles: () => local.processes.map(({ role }) => role),
    kill(role) {
      kills[role] = (kills[role] ?? 0) + 1;
      signal(role, "SIGKILL");
    },
    term: (role) => signal(role, "SIGTERM"),
    pause(role) {
      paused.add(pidOf(role));
      signal(role, "SIGSTOP");
    },
    resume(role) {
      paused.delete(pidOf(role));
      signal(role, "SIGCONT");
    },
    skew: (role) => signal(role, "SIGUSR2"),
    async replaced(role, pid, withinMs = REPLACED_MS_MAX) {
      const endMs = SYSTEM_CLOCK.monotonicMs() + withinMs;
      while (pidOf(role) === pid) {
        if (SYSTEM_CLOCK.monotonicMs() > endMs) throw new Error(`${role} did not come back`);
        await sleep(SYSTEM_CLOCK, 50);
      }
    },
    kills: () => kills,
    async carrier(name, query) {
      for (const base of controls(name)) await post(`${base}/set?${query}`);
    },
    async act(name, what) {
      for (const base of controls(name)) await post(`${base}/${what}`);
    },
    async stats(name) {
      const [base] = controls(name);
      return (await (await fetch(`${base}/stats`)).json()) as Record<string, number>;
    },
    taken: () => takenOf(local),
    async metric(name, role) {
      let sum = 0;
      for (const [of, url] of Object.entries(local.local.metrics)) {
        if (role !== undefined && of !== role) continue;
        // A role that is being started again has no metrics now.
        const text = await fetch(url).then(
          (answer) => answer.text(),
          () => "",
        );
        for (const { value } of metricsOf(text, name)) sum += value;
      }
      return sum;
    },
    heal() {
      for (const proxy of proxies.values()) proxy.set(undefined);
      resumeAll();
    },
    complaints: () => complaintsIn(join(home, "logs")),
    async stop() {
      resumeAll();
      for (const proxy of proxies.values()) proxy.set(undefined);
      await streams.close();
      await client.close();
      await clickhouse.close();
      await local.stop();
      process.off("exit", local.kill);
      await remove();
    },
  };
}

/** A client of the streams of its own, past all proxies. */
function openClient(nats: string): Promise<StreamClient> {
  const all = nats.split(",").map(splitUrl);
  const { user, password } = all[0]!;
  const servers = all.map(({ url }) => url).join(",");
  const random = new Uint8Array(8);
  fillRandom(random);
  const name = `faults-${Buffer.from(random).toString("hex")}`;
  return openNats({
    ...{ servers, user, password, name, processId: name },
    clock: SYSTEM_CLOCK,
    log: SILENT,
  });
}

/** Errors in the logs, one of each kind: what a reader of a failed run looks for first. */
function complaintsIn(folder: string): string[] {
  const seen = new Map<string, number>();
  if (!existsSync(folder)) return [];
  for (const file of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, file), "utf8").split("\n")) {
      if (!/"level":"?(?:error|fatal|50|60)/.test(line)) continue;
      const said = `${file}: ${line.replace(/"(?:time|pid)":[^,]*,/g, "").slice(0, 400)}`;
      seen.set(said, (seen.get(said) ?? 0) + 1);
    }
  }
  return [...seen].slice(-COMPLAINTS_MAX).map(([said, times]) => `${times} x ${said}`);
}
