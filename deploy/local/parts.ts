/**
 * Parts: how each process of the local system is started: arguments, environment, readiness.
 *
 * What is decided here holds for a local system only; in production each role is started by its
 * orchestrator with the same settings (`floe serve <role> --settings` lists them).
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { withLargePages } from "../../core/large-pages.js";
import { environment } from "../../core/settings.js";
import type { RoleName } from "../../services/cli/roles.js";
import { CLI_ONLY } from "../../services/cli/settings.js";
import { type Child, type Place, startChild } from "./child.js";
import type { PartContext } from "./running-parts.js";
import { LOCAL_USER } from "./state.js";

const DIST = fileURLToPath(new URL("../../", import.meta.url));
const READY_MS_MAX = 60_000;

/** Where the roles find everything else. */
export interface Places {
  readonly home: string;
  readonly nats: string;
  readonly clickhouse: string;
  readonly replicas: number;
  readonly grpcPort: number;
  readonly adminPort: number;
}

export interface RoleProcess extends Child {
  readonly metrics: string;
}

/** What node is started with before the script, by role: a profiler, for the bench. */
export type NodeArgs = (role: string) => readonly string[];
const NO_ARGS: NodeArgs = () => [];

/** A role, ready to work: /healthz has said so. */
export async function startRole(
  role: RoleName,
  places: Places,
  extra: Readonly<Record<string, string>>,
  context: PartContext,
  nodeArgs: NodeArgs = NO_ARGS,
): Promise<RoleProcess> {
  const child = node(
    role,
    ["services/cli/main.js", "serve", role],
    environmentOf(role, places, extra),
    context,
    nodeArgs(role),
  );
  try {
    const metrics = `http://127.0.0.1:${(await child.listening("metrics")).port}`;
    await ready(role, child, metrics);
    return { ...child, metrics: `${metrics}/metrics` };
  } catch (error) {
    await child.stop(1_000);
    throw error;
  }
}

/** The embedded ClickHouse, listening. It answers as a ClickHouse server does. */
export async function startClickhouse(
  home: string,
  port: number,
  context: PartContext,
  nodeArgs: NodeArgs = NO_ARGS,
): Promise<Child & Place> {
  const args = ["--path", join(home, "clickhouse"), "--port", String(port)];
  const login = ["--user", LOCAL_USER, "--password-file", join(home, "passwords/clickhouse")];
  const main = "deploy/local/clickhouse/main.js";
  return listening(
    "clickhouse",
    node(
      "clickhouse",
      [main, ...args, ...login],
      plainEnvironment(),
      context,
      nodeArgs("clickhouse"),
    ),
  );
}

/** A carrier simulator, listening. */
export async function startCarrier(
  name: string,
  port: number,
  args: readonly string[],
  context: PartContext,
  nodeArgs: NodeArgs = NO_ARGS,
): Promise<Child & Place> {
  const own = ["bench/carrier/main.js", "--port", String(port), "--name", name];
  const role = `carrier-${name}`;
  const child = node(role, [...own, ...args], plainEnvironment(), context, nodeArgs(role));
  return listening(`carrier ${name}`, child);
}

async function listening(role: string, child: Child): Promise<Child & Place> {
  try {
    return { ...child, ...(await child.listening("")) };
  } catch (error) {
    await child.stop(1_000);
    throw new FloeError("local.failed", { role, problem: `${role} did not start` }, error);
  }
}

function node(
  role: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  context: PartContext,
  nodeArgs: readonly string[],
): Child {
  const [main, ...rest] = args;
  const command = process.execPath;
  return startChild({
    role,
    command,
    args: ["--enable-source-maps", ...nodeArgs, join(DIST, main!), ...rest],
    env,
    ...context,
  });
}

/** Ours without what is for `floe` alone: a service would call it a mistake. */
function plainEnvironment(): Record<string, string | undefined> {
  const env = environment();
  for (const name of CLI_ONLY) delete env[name];
  return env;
}

/** Dispatch looks up in tables that may be large. */
function environmentOf(
  role: string,
  places: Places,
  extra: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const environment = roleEnvironment(places, extra);
  return role === "dispatch" ? withLargePages(environment) : environment;
}

function roleEnvironment(
  { home, nats, clickhouse, replicas, grpcPort, adminPort }: Places,
  extra: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  return {
    ...plainEnvironment(),
    FLOE_NATS_URL: nats,
    FLOE_REPLICAS: String(replicas),
    FLOE_NATS_USER: LOCAL_USER,
    FLOE_NATS_PASSWORD_FILE: join(home, "passwords/nats"),
    FLOE_CLICKHOUSE_URL: clickhouse,
    FLOE_CLICKHOUSE_USER: LOCAL_USER,
    FLOE_CLICKHOUSE_PASSWORD_FILE: join(home, "passwords/clickhouse"),
    FLOE_KEYS_FILE: join(home, "keys.json"),
    FLOE_METRICS_PORT: "0",
    FLOE_GATEWAY_PORT: String(grpcPort),
    FLOE_ADMIN_PORT: String(adminPort),
    ...extra,
  };
}

/** Asks /healthz until it says yes. @throws FloeError "local.failed" if it ends first, or never does. */
async function ready(role: string, child: Child, metrics: string): Promise<void> {
  let ended: string | undefined;
  void child.exited.then((how) => {
    ended = how;
  });
  for (let waitedMs = 0; waitedMs < READY_MS_MAX; waitedMs += 50) {
    if (ended !== undefined) {
      throw new FloeError("local.failed", {
        role,
        problem: `${role} ${ended} before it was ready.`,
      });
    }
    const answered = await fetch(`${metrics}/healthz`).catch(() => undefined);
    if (answered?.ok === true) return;
    await sleep(SYSTEM_CLOCK, 50);
  }
  throw new FloeError("local.failed", {
    role,
    problem: `${role} is not ready after ${READY_MS_MAX / 1_000} s.`,
  });
}
