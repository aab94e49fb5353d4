/**
 * Host: one process with its roles (core/host.ts), as `floe serve` runs it.
 *
 * Owns the process's settings, log, metrics server, connection to the streams and end. Roles start
 * one after another in the order given and share all of it; a role that cannot start ends the
 * process, because half a process would look healthy from outside.
 */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, fillRandom, SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { COMMON_SETTINGS, type CommonSettings, type Host, type Serve } from "../../core/host.js";
import { type Lifecycle, openLifecycle } from "../../core/lifecycle.js";
import { type Logger, openLog } from "../../core/log.js";
import { serveMetrics } from "../../core/metrics.js";
import { type Environment, loadSettings, type SettingsTable } from "../../core/settings.js";
import { openNats } from "../../core/stream/nats.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { STREAMS } from "../../core/subjects.js";

export interface HostOptions {
  /** Names of the roles, for logs and the process id. */
  readonly roles: readonly string[];
  /** Settings of all services: a FLOE_ name that is in none of them is a mistake. */
  readonly tables: readonly SettingsTable[];
  readonly environment?: Environment;
  readonly clock?: Clock;
  /** Opens the connection to the streams; tests give their own. */
  readonly openStream?: (common: CommonSettings, processId: string, log: Logger) => OpenedStream;
}
type OpenedStream = Promise<StreamClient>;

export interface RunningHost {
  readonly host: Host;
  /** What /healthz says. */
  ready(): boolean;
  /** Of /metrics and /healthz. */
  readonly metricsPort: number;
  /** Starts the roles in order. On a failure everything is stopped again, then it is thrown. */
  start(serves: readonly Serve[]): Promise<void>;
}

/** @throws FloeError "settings.invalid" before anything is opened. */
export async function openHost(options: HostOptions): Promise<RunningHost> {
  const { roles, tables, environment, clock = SYSTEM_CLOCK } = options;
  const common = loadSettings(COMMON_SETTINGS, tables, environment);
  const role = roles.join("+");
  const processId = newProcessId(role);
  const log = openLog(role, common.logLevel);
  const lifecycle = openLifecycle(log, common.stopGraceMs);
  const parts = new Map<string, () => boolean>();
  let started = false;
  const ready = (): boolean =>
    started && !lifecycle.stopping() && [...parts.values()].every((isReady) => isReady());

  const host: Host = {
    processId,
    clock,
    lifecycle,
    common,
    log: (part) => log.child({ part }),
    settings: (table) => loadSettings(table, [COMMON_SETTINGS, ...tables], environment),
    stream: onceOnly(() => {
      const opened = (options.openStream ?? openStream)(common, processId, log);
      return declared(opened, lifecycle, parts);
    }),
    listening(service, address, port) {
      log.info({ service, address, port }, "listening");
      // To a supervisor as well, which must know whatever the log leaves out.
      if (process.connected) process.send?.({ msg: "listening", service, port });
    },
    readiness: (part, isReady) => void parts.set(part, isReady),
  };
  const metricsPort = await openMetrics(host, ready);

  return {
    host,
    ready,
    metricsPort,
    async start(serves) {
      try {
        for (const serve of serves) await serve(host);
      } catch (err) {
        log.error({ err }, "a role could not start");
        await lifecycle.stop("a role could not start");
        throw err;
      }
      started = true;
      log.info({ processId }, "ready");
    },
  };
}

/** The metrics server is opened first and closed last: a stop can be watched to its end. */
async function openMetrics(host: Host, ready: () => boolean): Promise<number> {
  const { bindHost, metricsPort } = host.common;
  const server = await serveMetrics(bindHost, metricsPort, ready);
  host.lifecycle.onStop("metrics", () => closeServer(server));
  const { port } = server.address() as AddressInfo;
  host.listening("metrics", bindHost, port);
  return port;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function declared(
  opening: OpenedStream,
  lifecycle: Lifecycle,
  parts: Map<string, () => boolean>,
): OpenedStream {
  const client = await opening;
  // Registered by the first role that asks, hence before that role's own parts: closed after them.
  lifecycle.onStop("stream", () => client.close());
  parts.set("stream", () => client.connected());
  await client.declare(STREAMS);
  return client;
}

function openStream(common: CommonSettings, processId: string, log: Logger): OpenedStream {
  return openNats({
    servers: common.natsUrl,
    user: common.natsUser,
    password: readPassword(common.natsPasswordFile),
    name: processId,
    processId,
    clock: SYSTEM_CLOCK,
    log: log.child({ part: "stream" }),
    replicas: common.replicas,
  });
}

/** The first line's worth of a password file; "" where no file is named. */
export function readPassword(path: string): string {
  if (path === "") return "";
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new FloeError("settings.invalid", { problems: [`${path} cannot be read.`] }, cause);
  }
}

function newProcessId(role: string): string {
  const random = new Uint8Array(8);
  fillRandom(random);
  return `${role.replaceAll("+", "-")}-${Buffer.from(random).toString("hex")}`;
}

function onceOnly<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open();
    return opened;
  };
}
