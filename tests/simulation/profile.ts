/**
 * Profile: what a seed means: which faults there are and how often. Some seeds have one kind only,
 * so that what holds only without the others (no duplicates without crashes) is seen as well.
 */
import type { Chance } from "../../core/clock.js";
import { type MemoryFaults, NO_FAULTS } from "../../core/stream/memory.js";
import { CALM, type Mood } from "./carrier.js";
import { DATABASE_WELL, type DatabaseFaults } from "./clickhouse.js";

export const ROLES = ["gateway", "dispatch", "connector", "cdr"] as const;
export type Role = (typeof ROLES)[number];

export interface Profile {
  readonly stream: MemoryFaults;
  readonly mood: Mood;
  readonly database: DatabaseFaults;
  /** Each second, for each role: a process is killed, stopped, put to sleep, cut off. */
  readonly killed: Readonly<Record<Role, number>>;
  readonly stopped: Readonly<Record<Role, number>>;
  readonly asleep: number;
  readonly cutOff: number;
  /** Each second: the stream's server restarts; a carrier, the database goes down. */
  readonly serverRestart: number;
  readonly carrierDown: number;
  readonly databaseDown: number;
  /** Frames of one subject that the work queues take. */
  readonly subjectFramesMax: number;
  readonly window: number;
  readonly partsPerSecond: number;
  readonly memoryEntriesMax: number;
  readonly liveMs: number;
  readonly callsPerSecond: number;
  /** Fractions of messages that crash whoever routes, or sends, them; senseless frames a second. */
  readonly poolPoison: number;
  readonly linkPoison: number;
  readonly senselessPerSecond: number;
  /** Each second, a process's wall clock is set, by so much at most. */
  readonly clockSet: number;
  readonly clockSetMsMax: number;
  /** Money that is given or taken by hand; what each account has at first, at most. */
  readonly creditsPerSecond: number;
  readonly firstCreditMicrosMax: number;
}

const NONE: Readonly<Record<Role, number>> = { gateway: 0, dispatch: 0, connector: 0, cdr: 0 };

export function profileOf(chance: Chance): Profile {
  const has = (fraction: number): boolean => chance() < fraction;
  const upTo = (most: number): number => chance() * most;
  const stream = has(0.75) ? badStream(upTo) : NO_FAULTS;
  const mood = has(0.75) ? badMood(upTo) : CALM;
  const ofRoles = (fraction: number, most: number): Readonly<Record<Role, number>> => {
    const one = (): number => (has(fraction) ? upTo(most) : 0);
    return { gateway: one(), dispatch: one(), connector: one(), cdr: one() };
  };
  const dies = has(0.65);
  return {
    stream,
    mood,
    database: has(0.5)
      ? { failed: upTo(0.3), failedLater: upTo(0.5), lateMsMax: 20 + upTo(2_000) }
      : DATABASE_WELL,
    killed: dies ? ofRoles(0.7, 0.4) : NONE,
    stopped: has(0.5) ? ofRoles(0.6, 0.25) : NONE,
    asleep: has(0.3) ? upTo(0.2) : 0,
    cutOff: has(0.3) ? upTo(0.2) : 0,
    serverRestart: has(0.3) ? upTo(0.15) : 0,
    carrierDown: has(0.4) ? upTo(0.2) : 0,
    databaseDown: has(0.5) ? upTo(0.2) : 0,
    subjectFramesMax: has(0.2) ? 3 + Math.floor(upTo(20)) : 20_000,
    window: has(0.5) ? 3 + Math.floor(upTo(8)) : 50,
    partsPerSecond: has(0.3) ? 20 + Math.floor(upTo(80)) : 0,
    memoryEntriesMax: has(0.2) ? 60 + Math.floor(upTo(200)) : 100_000,
    liveMs: 6_000 + upTo(8_000),
    callsPerSecond: 2 + upTo(4),
    poolPoison: has(0.4) ? upTo(0.03) : 0,
    linkPoison: has(0.06) ? upTo(0.02) : 0,
    senselessPerSecond: has(0.4) ? upTo(0.8) : 0,
    clockSet: has(0.3) ? upTo(0.1) : 0,
    clockSetMsMax: has(0.5) ? 7_200_000 : 20_000,
    creditsPerSecond: has(0.7) ? upTo(2) : 0,
    firstCreditMicrosMax: has(0.5) ? 1_500_000 : 100_000_000,
  };
}

function badStream(upTo: (most: number) => number): MemoryFaults {
  const most = upTo(0.15);
  return {
    publishAckLost: upTo(most),
    publishLost: upTo(most),
    publishLate: upTo(most),
    deliveryRepeated: upTo(most),
    deliveryLate: upTo(most),
    ackLost: upTo(most),
    lateMsMax: 20 + upTo(3_000),
    wayMsMax: 0.2 + upTo(10),
  };
}

function badMood(upTo: (most: number) => number): Mood {
  return {
    answerLost: upTo(0.06),
    submitLost: upTo(0.06),
    refused: upTo(0.15),
    refusedForNow: upTo(0.15),
    throttled: upTo(0.15),
    answerLate: upTo(0.05),
    ambiguous: upTo(0.04),
    answerMsMax: 20 + upTo(3_000),
    receiptNever: upTo(0.2),
    receiptEarly: upTo(0.4),
    receiptTwice: upTo(0.3),
    receiptMsMax: 500 + upTo(40_000),
    undelivered: upTo(0.5),
  };
}
