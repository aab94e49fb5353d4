/** Partitions: F6, the network between parts, and F7, a cluster whose leaders die. */
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import type { ProxyFault } from "./proxy.js";
import type { FaultSystem } from "./system.js";
import type { FaultTest } from "./test.js";

const TO_NATS = ["gateway", "dispatch", "connector", "receipts", "cdr"].map(
  (role) => `${role} nats`,
);
const TO_CARRIERS = ["connector carrier-alpha", "connector carrier-beta"];

/** What a way suffers, one after another: each ends before the next begins. */
const FAULTS: readonly (readonly [string, ProxyFault])[] = [
  // Nothing comes through and nothing is closed: longer than pings are waited for.
  ["stall", { up: { stall: true }, down: { stall: true } }],
  // What is sent arrives, what is answered does not: everything is done and nobody is told.
  ["half-open", { down: { stall: true } }],
  ["black hole", { up: { swallow: true }, down: { swallow: true } }],
  ["delay", { up: { delayMs: 150 }, down: { delayMs: 150 } }],
  ["truncate", { up: { truncateAfterBytes: 20_000 }, down: { truncateAfterBytes: 20_000 } }],
];

async function suffer(
  system: FaultSystem,
  way: string,
  fault: ProxyFault,
  forMs: number,
): Promise<void> {
  const proxy = system.proxy(way);
  proxy.set(fault);
  await sleep(SYSTEM_CLOCK, forMs);
  proxy.set(undefined);
}

const network: FaultTest = {
  id: "F6",
  title:
    "stall, half-open, black hole, delay, truncate, reset between each part and nats or carrier",
  system: { proxies: [...TO_NATS, ...TO_CARRIERS] },
  async run({ system, customers, short, chance }) {
    const ways = short
      ? ["dispatch nats", "connector nats", TO_CARRIERS[0]!]
      : [...TO_NATS, ...TO_CARRIERS];
    let done = false;
    const load = customers.send({ messages: 100_000, perSecond: 100, until: () => done });
    try {
      for (const way of ways) {
        for (const [name, fault] of FAULTS) {
          // Beyond the twice five seconds after which a connection without answers is given up.
          const forMs = name === "delay" || name === "truncate" ? 3_000 : 13_000;
          if (short && name === "black hole") continue;
          await suffer(system, way, fault, forMs);
          await sleep(SYSTEM_CLOCK, 1_000 + chance() * 1_000);
        }
        for (let reset = 0; reset < 5; reset += 1) {
          system.proxy(way).reset();
          await sleep(SYSTEM_CLOCK, 200 + chance() * 400);
        }
      }
    } finally {
      done = true;
      await load;
    }
    return [];
  },
  // A connection that is lost loses no memory: what was unanswered is in doubt, and counted so.
  bounds: () => ({ duplicatesMax: 0 }),
};

const cluster: FaultTest = {
  id: "F7",
  title: "three nats-servers, three copies: kill -9 of leaders",
  system: { natsServers: 3 },
  async run({ system, customers, short, chance, note }) {
    const times = short ? 2 : 6;
    const streams = ["DECISIONS", "DISPATCH", "ATTEMPTS", "REQUESTS"];
    const load = customers.send({ messages: times * 800, perSecond: 100 });
    const killed: string[] = [];
    for (let kill = 0; kill < times; kill += 1) {
      await sleep(SYSTEM_CLOCK, 2_000 + chance() * 2_000);
      const stream = streams[Math.floor(chance() * streams.length)]!;
      const leader = await leaderOf(system, stream);
      const pid = system.pidOf(leader);
      system.kill(leader);
      killed.push(`${leader} of ${stream}`);
      await system.replaced(leader, pid);
      await led(system, streams);
    }
    await load;
    note(`killed ${killed.join(", ")}`);
    return [];
  },
};

/** The server that leads `stream` now. Elections take a moment. */
async function leaderOf(system: FaultSystem, stream: string): Promise<string> {
  const endMs = SYSTEM_CLOCK.monotonicMs() + 30_000;
  for (;;) {
    const leader = await system.streams.leader(stream).catch(() => "");
    if (leader !== "") return leader;
    if (SYSTEM_CLOCK.monotonicMs() > endMs) throw new Error(`${stream} has no leader`);
    await sleep(SYSTEM_CLOCK, 200);
  }
}

/** Two of three must be well before the next is killed: more than one at a time is no promise. */
async function led(system: FaultSystem, streams: readonly string[]): Promise<void> {
  for (const stream of streams) await leaderOf(system, stream);
  await sleep(SYSTEM_CLOCK, 3_000);
}

export const PARTITIONS: readonly FaultTest[] = [network, cluster];
