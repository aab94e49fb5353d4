/**
 * Link: the process's one connection to the NATS servers, and what all its users need of it: a
 * subject prefix for answers, a coarse tick for time-outs, and word of every reconnect.
 *
 * The client library drops what was written while the connection was away, so nothing is written
 * then: publishes and acks wait here or at their owners until the link is up again.
 */
import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../clock.js";
import { FloeError } from "../errors.js";
import type { Logger } from "../log.js";
import { connect } from "./transport.js";

/** Time-outs are looked at this often; what waits for one waits up to this much longer. */
export const TICK_MS = 50;
/** A connection that answers no ping for twice this long is given up. */
const PING_MS = 5_000;
const RECONNECT_WAIT_MS = 200;
const CONNECT_MS_MAX = 10_000;
/** Strict JetStream API, time to live of keys, and what the design was measured with. */
const VERSION_MIN = [2, 12] as const;

export interface LinkOptions {
  readonly servers: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly name: string;
  readonly processId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Link {
  readonly nats: NatsConnection;
  readonly clock: Clock;
  readonly log: Logger;
  /** Prefix of publish ids, unique to this process for ever. */
  readonly processId: string;
  up(): boolean;
  /** It was closed by its owner: nothing comes any more. */
  closed(): boolean;
  /** A subject that nobody else answers to, ending in a dot; subscribe to it with `*` behind. */
  inbox(): string;
  /** Answers a delivery; while the connection is away it waits for the next one. */
  answer(subject: string, data: Uint8Array): void;
  /** Called after each loss (false) and each return (true) of the connection. */
  onChange(changed: (up: boolean) => void): () => void;
  /** Runs what a subscription called; what it throws ends the process, not the reading of the socket. */
  guard(run: () => void): void;
  /** Called every TICK_MS. */
  onTick(tick: (nowMs: number) => void): () => void;
  close(): Promise<void>;
}

/** @throws FloeError "stream.unavailable" if no server answers, "stream.config" if it is too old. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { clock, log } = options;
  const nats = await dial(options);
  const ticks = new Set<(nowMs: number) => void>();
  const changes = new Set<(up: boolean) => void>();
  /** Answers to be sent: together at the end of this turn of the event loop, or when it is up again. */
  let answers: { subject: string; data: Uint8Array }[] = [];
  let sending = false;
  let up = true;
  let open = true;

  void (async () => {
    for await (const status of nats.status()) {
      if (status.type === "disconnect" && up) change(false);
      else if (status.type === "reconnect" && !up) change(true);
      else if (status.type === "error") log.warn({ err: status.error }, "stream server complained");
    }
  })();

  function change(now: boolean): void {
    up = now;
    log.warn({ up, server: nats.getServer() }, "connection to the stream server changed");
    if (up) sendAnswers();
    for (const changed of changes) changed(up);
  }

  function sendAnswers(): void {
    sending = false;
    if (!up || nats.isClosed()) return;
    const waited = answers;
    answers = [];
    for (const { subject, data } of waited) nats.publish(subject, data);
  }

  function tick(): void {
    if (!open) return;
    const nowMs = clock.monotonicMs();
    for (const run of ticks) run(nowMs);
    clock.after(TICK_MS, tick);
  }
  clock.after(TICK_MS, tick);

  return {
    nats,
    clock,
    log,
    processId: options.processId,
    up: () => up && open,
    closed: () => !open,
    inbox: () => `${createInbox()}.`,
    answer(subject, data) {
      if (!open) return;
      answers.push({ subject, data });
      // One write to the socket for all acks of a turn; each by itself costs as much as its frame.
      if (up && !sending) setImmediate(sendAnswers);
      sending = up;
    },
    guard(run) {
      try {
        run();
      } catch (error) {
        // The library would print it and read no more: a process that hangs instead of one that ends.
        queueMicrotask(() => {
          throw error;
        });
      }
    },
    onChange: (changed) => listen(changes, changed),
    onTick: (run) => listen(ticks, run),
    async close() {
      open = false;
      sendAnswers();
      // Draining waits for the server's answer, so it is only tried where one can come.
      if (up && !nats.isClosed()) await nats.drain();
      else await nats.close();
    },
  };
}

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

async function dial(options: LinkOptions): Promise<NatsConnection> {
  const { servers, user, password, name, clock } = options;
  const startedMs = clock.monotonicMs();
  let nats: NatsConnection;
  try {
    nats = await connect({
      servers: servers.split(",").map((server) => server.trim()),
      ...(user ? { user, pass: password ?? "" } : {}),
      name,
      // Stack traces of every request would double its cost.
      noAsyncTraces: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      reconnectJitter: RECONNECT_WAIT_MS,
      // Keys are rotated under a running process; it goes on trying.
      ignoreAuthErrorAbort: true,
      pingInterval: PING_MS,
      maxPingOut: 2,
      timeout: CONNECT_MS_MAX,
    });
  } catch (cause) {
    const waitedMs = Math.round(clock.monotonicMs() - startedMs);
    throw new FloeError("stream.unavailable", { servers, waitedMs }, cause);
  }
  const problem = unfit(nats.info?.version ?? "", nats.info?.jetstream === true);
  if (problem === undefined) return nats;
  await nats.close();
  throw new FloeError("stream.config", { servers, problem });
}

function unfit(version: string, jetstream: boolean): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const wanted = VERSION_MIN.join(".");
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1])) {
    return `nats-server is ${version}, Floe needs ${wanted} or newer (Debian's own package is 2.9)`;
  }
  return jetstream ? undefined : "JetStream is not enabled on this nats-server";
}
