/**
 * System for the bench of the connector: a nats-server, a simulated carrier and the connector, each a
 * process of its own, in a temporary folder that goes with them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { type CarrierConfig, encodeConfig, parseCarrier } from "../../core/configuration.js";
import { extendKeys } from "../../core/keys.js";
import { SILENT } from "../../core/log.js";
import { print } from "../../core/output.js";
import { environment } from "../../core/settings.js";
import { openNats } from "../../core/stream/nats.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, STREAMS } from "../../core/subjects.js";
import { findNatsServer, startNatsServer } from "../../deploy/local/nats-server.js";
import type { SideProcess } from "../side.js";
import { type FrameMaker, newFrameMaker } from "./frames.js";

export const CARRIER = "alpha";

export interface ConnectorSystem {
  readonly client: StreamClient;
  readonly frames: FrameMaker;
  readonly processes: readonly SideProcess[];
  configure(changes?: Partial<CarrierConfig>): Promise<void>;
  /** Counters of the simulated carrier. */
  stats(): Promise<CarrierCounts>;
}

export interface CarrierCounts {
  readonly parts: number;
  readonly receiptsAcked: number;
  readonly duplicates: number;
  readonly malformed: number;
  readonly delayed: number;
  readonly delayedMs: number;
}

export interface SystemOptions {
  readonly window: number;
  /** Arguments of the simulator. */
  readonly carrierArgs: readonly string[];
  /** Folder for a CPU profile of the connector, "" for none. */
  readonly profile: string;
  /** The bare connector (bare.ts) in place of ours. */
  readonly bare: boolean;
}

export async function withConnector<T>(
  options: SystemOptions,
  run: (system: ConnectorSystem) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "floe-bench-connector-"));
  const children: ChildProcess[] = [];
  try {
    const keysFile = join(folder, "keys.json");
    writeFileSync(keysFile, extendKeys(undefined, SYSTEM_CLOCK.nowMs(), 2));
    const { path } = await findNatsServer({
      wanted: environment()["FLOE_NATS_SERVER"],
      tell: print,
    });
    const nats = await startNatsServer({ path, storeDir: join(folder, "nats") });
    const names = { name: "bench", processId: "bench" };
    const client = await openNats({
      servers: nats.url,
      ...names,
      clock: SYSTEM_CLOCK,
      log: SILENT,
    });
    try {
      await client.declare(STREAMS);
      const carrier = await startCarrier(options.carrierArgs, children);
      const bucket = await client.bucket(BUCKETS.carriers);
      const base = { name: CARRIER, link: "smpp", status: "active", host: "127.0.0.1" };
      const login = { port: carrier.port, systemId: "floe", password: "secret" };
      const configure = async (changes: Partial<CarrierConfig> = {}): Promise<void> => {
        const config = parseCarrier({ ...base, ...login, window: options.window, ...changes });
        await bucket.put(CARRIER, encodeConfig(config));
      };
      await configure();
      const connector = options.bare
        ? startBare([nats.url, String(carrier.port), String(options.window), CARRIER], children)
        : startConnector(nats.url, keysFile, options.profile, children);
      return await run({
        client,
        frames: newFrameMaker(client, CARRIER, keysFile),
        processes: [
          { role: options.bare ? "bare connector" : "connector", pid: connector },
          { role: "carrier", pid: carrier.pid },
          { role: "nats-server", pid: nats.pid },
        ],
        configure,
        stats: async () => {
          const answer = await fetch(`http://127.0.0.1:${carrier.control}/stats`);
          return (await answer.json()) as CarrierCounts;
        },
      });
    } finally {
      for (const child of children.splice(0)) await ended(child);
      await client.close();
      await nats.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

async function startCarrier(args: readonly string[], children: ChildProcess[]) {
  const script = fileURLToPath(new URL("../carrier/main.js", import.meta.url));
  const child = spawn(process.execPath, [script, "--name", CARRIER, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout!).once("line", resolve);
    child.once("exit", () => reject(new Error("the simulated carrier did not start")));
  });
  const { port, control } = JSON.parse(line) as { port: number; control: number };
  return { port, control, pid: child.pid! };
}

function startBare(args: readonly string[], children: ChildProcess[]): number {
  const script = fileURLToPath(new URL("./bare.js", import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  return child.pid!;
}

function startConnector(
  natsUrl: string,
  keysFile: string,
  profile: string,
  children: ChildProcess[],
): number {
  const script = fileURLToPath(new URL("../../services/cli/main.js", import.meta.url));
  const prof = profile === "" ? [] : ["--cpu-prof", "--cpu-prof-dir", profile];
  const child = spawn(process.execPath, [...prof, script, "serve", "connector"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...environment(),
      FLOE_NATS_URL: natsUrl,
      FLOE_KEYS_FILE: keysFile,
      FLOE_LOG_LEVEL: "warn",
    },
  });
  children.push(child);
  return child.pid!;
}
