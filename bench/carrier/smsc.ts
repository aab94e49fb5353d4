/**
 * SMSC: the simulated carrier as a whole. Its sessions share the options, the counters, the limits,
 * and the receipts that no session could take yet.
 */
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { type Clock, SYSTEM_CLOCK, seededChance } from "../../core/clock.js";
import { STATUS } from "../../services/connectors/smpp/status.js";
import { newTokenBucket } from "../../services/connectors/smpp/token-bucket.js";
import type { Carrier, Session } from "./carrier.js";
import { newDraws } from "./draws.js";
import { firstId } from "./ids.js";
import { newKnown } from "./known.js";
import { openListener } from "./listener.js";
import { type FromPhone, messageFromPhone } from "./mobile.js";
import type { CarrierOptions } from "./options.js";
import { newReceiptWriter, type ReceiptBatch, withoutCanceled } from "./receipts.js";
import { newRules, type Rules } from "./rules.js";
import { openSession } from "./session.js";
import { type CarrierStats, newStats } from "./stats.js";
import { openSubmitLog } from "./submits.js";
import { newTrack } from "./track.js";

export interface Smsc {
  /** Of the first host, and of all. */
  readonly port: number;
  readonly ports: readonly number[];
  readonly options: CarrierOptions;
  readonly rules: Rules;
  stats(): CarrierStats & { bound: number; receiptsWaiting: number };
  /** JSON lines of the submits that are kept (--submits), numbered from 1. */
  submits(after: number, limit: number): string;
  /** A message from a phone. @throws Error with a sentence where it has no form. */
  receive(message: FromPhone): void;
  reset(): void;
  /** Drops every connection, as a broken line does. */
  cut(): void;
  /** Asks every client to go (unbind). */
  unbind(): void;
  /** Every connection stays, deaf and dumb. */
  halfOpen(): void;
  /** Takes the host of this place in `ports` out of service, or puts it back. */
  serve(host: number, isServed: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Numbers that had their first try; beyond, the oldest counts as new. */
const FIRST_TRIES_MAX = 100_000;

/** @throws Error if the port is taken or the rules cannot be read. */
export async function openSmsc(
  options: CarrierOptions,
  clock: Clock = SYSTEM_CLOCK,
): Promise<Smsc> {
  const sessions = new Set<Session>();
  const tried = new Set<string>();
  const track = newTrack();
  const tries = newTrack();
  const rules = newRules(options);
  if (options.rules !== "") rules.set(JSON.parse(readFileSync(options.rules, "utf8")));
  const chance = seededChance(options.seed);
  const bucket = newTokenBucket(options.partsPerSecond, clock.monotonicMs());
  const submits = openSubmitLog(options.submits, options.log);
  let homeless: ReceiptBatch[] = [];
  let stats = newStats();
  let id = firstId(clock.nowMs());
  let turn = 0;

  const carrier: Carrier = {
    ...{ options, clock, chance, rules, track, tries, submits },
    draws: newDraws(options.seed),
    known: newKnown(),
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
      if (options.bindRefused > 0 && chance() < options.bindRefused) {
        const { bindRefuseWith } = options;
        return bindRefuseWith[Math.floor(chance() * bindRefuseWith.length)]!;
      }
      const bound = [...sessions].filter((one) => one !== session && one.bound()).length;
      return options.binds > 0 && bound >= options.binds ? STATUS.RALYBND : STATUS.ROK;
    },
    deliver,
    ready(session) {
      for (const batch of homeless.splice(0)) session.send(batch);
    },
    gone: (session) => void sessions.delete(session),
  };

  function deliver(given: ReceiptBatch, preferred: Session | undefined): void {
    const batch = carrier.known.anyCanceled() ? withoutCanceled(given, carrier.known) : given;
    if (batch.count === 0) return;
    const isThere = preferred?.receives() ?? false;
    const others = isThere ? [] : [...sessions].filter((session) => session.receives());
    turn += 1;
    const session = isThere ? preferred : others[turn % others.length];
    if (session === undefined) homeless.push(batch);
    else session.send(batch);
  }

  let connections = 0;
  const connected = (socket: Socket): void => {
    stats.connections += 1;
    connections += 1;
    sessions.add(openSession(carrier, socket, connections));
  };
  const listeners = [await openListener(options, options.host, options.port, connected)];
  if (options.second !== "") {
    const { hostname, port } = new URL(`tcp://${options.second}`);
    listeners.push(await openListener(options, hostname, Number(port), connected));
  }
  const ports = listeners.map(({ port }) => port);

  return {
    port: ports[0]!,
    ports,
    options,
    rules,
    stats: () => ({
      ...stats,
      bound: [...sessions].filter((session) => session.bound()).length,
      receiptsWaiting: homeless.reduce((sum, { count }) => sum + count, 0),
    }),
    submits: (after, limit) => submits.lines(after, limit),
    receive: (message) => deliver(messageFromPhone(message), undefined),
    reset() {
      stats = newStats();
      track.clear();
      tries.clear();
      tried.clear();
      submits.clear();
    },
    cut: () => {
      for (const session of sessions) session.destroy();
    },
    unbind: () => {
      for (const session of sessions) session.unbind();
    },
    halfOpen: () => {
      for (const session of sessions) session.freeze();
    },
    serve: (host, isServed) => listeners[host]!.serve(isServed),
    async close() {
      for (const session of sessions) session.destroy();
      homeless = [];
      for (const listener of listeners) await listener.serve(false);
      await submits.close();
    },
  };
}
