/**
 * SMSC: the simulated carrier as a whole. Its sessions share the options, the counters, the limits,
 * and the receipts that no session could take yet.
 */
import { createWriteStream, type WriteStream } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, SYSTEM_CLOCK, seededChance } from "../../core/clock.js";
import { STATUS } from "../../services/connectors/smpp/status.js";
import { newTokenBucket } from "../../services/connectors/smpp/token-bucket.js";
import { firstId } from "./ids.js";
import type { CarrierOptions } from "./options.js";
import { newReceiptWriter, type ReceiptBatch } from "./receipts.js";
import { type Carrier, openSession, type Session } from "./session.js";
import { type CarrierStats, newStats } from "./stats.js";
import { newTrack } from "./track.js";

export interface Smsc {
  readonly port: number;
  readonly options: CarrierOptions;
  stats(): CarrierStats & { bound: number; receiptsWaiting: number };
  reset(): void;
  /** Drops every connection, as a broken line does. */
  cut(): void;
  /** Asks every client to go (unbind). */
  unbind(): void;
  close(): Promise<void>;
}

/** Numbers that had their first try; beyond, the oldest counts as new. */
const FIRST_TRIES_MAX = 100_000;

export async function openSmsc(
  options: CarrierOptions,
  clock: Clock = SYSTEM_CLOCK,
): Promise<Smsc> {
  const sessions = new Set<Session>();
  const tried = new Set<string>();
  const track = newTrack();
  const bucket = newTokenBucket(options.partsPerSecond, clock.monotonicMs());
  const log: WriteStream | undefined =
    options.log === "" ? undefined : createWriteStream(options.log, { flags: "a" });
  let homeless: ReceiptBatch[] = [];
  let stats = newStats();
  let id = firstId(clock.nowMs());
  let turn = 0;

  function receivers(): Session[] {
    return [...sessions].filter((session) => session.receives());
  }

  const carrier: Carrier = {
    options,
    clock,
    track,
    chance: seededChance(options.seed),
    receipts: newReceiptWriter(options, clock),
    stats: () => stats,
    nextId() {
      id += 1;
      return id;
    },
    mayTake(nowMs) {
      if (options.partsPerSecond !== bucket.rate()) bucket.setRate(options.partsPerSecond, nowMs);
      return bucket.take(1, nowMs);
    },
    firstTry(outcome, number) {
      const key = `${outcome}:${number}`;
      if (tried.has(key)) return false;
      if (tried.size >= FIRST_TRIES_MAX)
        for (const one of tried) {
          tried.delete(one);
          break;
        }
      tried.add(key);
      return true;
    },
    admit(session, systemId, password) {
      if (systemId !== options.systemId) return STATUS.RINVSYSID;
      if (password !== options.password) return STATUS.RINVPASWD;
      const bound = [...sessions].filter((one) => one !== session && one.bound()).length;
      return options.binds > 0 && bound >= options.binds ? STATUS.RALYBND : STATUS.ROK;
    },
    deliver(batch, preferred) {
      const others = preferred.receives() ? [] : receivers();
      turn += 1;
      const session = preferred.receives() ? preferred : others[turn % others.length];
      if (session === undefined) homeless.push(batch);
      else session.send(batch);
    },
    ready(session) {
      for (const batch of homeless.splice(0)) session.send(batch);
    },
    gone: (session) => void sessions.delete(session),
    log: (submit) => void log?.write(`${JSON.stringify({ atMs: clock.nowMs(), ...submit })}\n`),
  };

  const server = createServer((socket: Socket) => {
    stats.connections += 1;
    sessions.add(openSession(carrier, socket));
  });
  const port = await listen(server, options);

  return {
    port,
    options,
    stats: () => ({
      ...stats,
      bound: [...sessions].filter((session) => session.bound()).length,
      receiptsWaiting: homeless.reduce((sum, { count }) => sum + count, 0),
    }),
    reset() {
      stats = newStats();
      track.clear();
      tried.clear();
    },
    cut: () => {
      for (const session of sessions) session.destroy();
    },
    unbind: () => {
      for (const session of sessions) session.unbind();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const session of sessions) session.destroy();
      homeless = [];
      await closed;
      if (log !== undefined) await new Promise<void>((resolve) => log.end(() => resolve()));
    },
  };
}

function listen(server: Server, options: CarrierOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : options.port);
    });
  });
}
