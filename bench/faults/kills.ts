/** Kills and pauses: F1 to F5, and the storm. */
import { type Chance, SYSTEM_CLOCK, sleep } from "../../core/clock.js";

import type { Context, FaultTest } from "./test.js";

/** Kills `role` every `everyMs`, `times` times, while `load` runs or longer. */
async function killing(
  { system, chance }: Context,
  roles: readonly string[],
  times: number,
  everyMs: number,
): Promise<void> {
  for (let kill = 0; kill < times; kill += 1) {
    // Not in step with anything that runs by the clock.
    await sleep(SYSTEM_CLOCK, everyMs * (0.75 + chance() / 2));
    system.kill(pick(roles, chance));
  }
}

function pick<T>(list: readonly T[], chance: Chance): T {
  return list[Math.floor(chance() * list.length)]!;
}

const dispatchKills: FaultTest = {
  id: "F1",
  title: "kill -9 of dispatch every 2 s",
  ci: true,
  system: { twice: ["dispatch"] },
  async run(context) {
    const { customers, short } = context;
    const times = short ? 6 : 15;
    const load = customers.send({ messages: times * 400, perSecond: 200 });
    await killing(context, ["dispatch", "dispatch-2"], times, 2_000);
    await load;
    return [];
  },
};

const connectorKills: FaultTest = {
  id: "F2",
  title: "kill -9 of the connector with a full window",
  ci: true,
  async run(context) {
    const { system, customers, short } = context;
    const times = short ? 2 : 5;
    const load = customers.send({ messages: times * 600, perSecond: 150 });
    for (let kill = 0; kill < times; kill += 1) {
      await sleep(SYSTEM_CLOCK, 2_000);
      // Answers are withheld: windows fill, and nobody knows what was taken.
      await system.carrier(undefined, "latency-ms=3000&latency-shape=constant");
      await sleep(SYSTEM_CLOCK, 1_000 + context.chance() * 500);
      const pid = system.pidOf("connector");
      system.kill("connector");
      await system.carrier(undefined, "latency-ms=4&latency-shape=exponential");
      await system.replaced("connector", pid);
      await sleep(SYSTEM_CLOCK, 4_000);
    }
    await load;
    return [];
  },
};

const natsKills: FaultTest = {
  id: "F3",
  title: "kill -9 of nats-server, one copy of each stream",
  ci: true,
  async run(context) {
    const { customers, short } = context;
    const times = short ? 4 : 10;
    const load = customers.send({ messages: times * 600, perSecond: 200 });
    await killing(context, ["nats"], times, 3_000);
    await load;
    return [];
  },
};

/** Who keeps what: in the order of the flow, so that each is ended while the others work. */
const ROLLED = ["gateway", "dispatch", "connector", "receipts", "cdr", "admin"] as const;

const rolling: FaultTest = {
  id: "F4",
  title: "rolling SIGTERM of every role",
  ci: true,
  async run({ system, customers, short }) {
    const rounds = short ? 1 : 2;
    const load = customers.send({ messages: rounds * 3_600, perSecond: 200 });
    for (let round = 0; round < rounds; round += 1) {
      for (const role of ROLLED) {
        const pid = system.pidOf(role);
        system.term(role);
        await system.replaced(role, pid);
        await sleep(SYSTEM_CLOCK, 500);
      }
    }
    await load;
    return [];
  },
  // A clean stop makes none.
  bounds: () => ({ duplicatesMax: 0 }),
};

const sleepers: FaultTest = {
  id: "F5",
  title: "SIGSTOP of an owner beyond its lease, then SIGCONT",
  ci: true,
  system: { twice: ["dispatch", "connector"] },
  async run({ system, customers, short, chance, note }) {
    const rounds = short ? 1 : 3;
    const load = customers.send({ messages: rounds * 4_000, perSecond: 200 });
    for (let round = 0; round < rounds; round += 1) {
      for (const role of ["dispatch", "dispatch-2", "connector", "connector-2"]) {
        await sleep(SYSTEM_CLOCK, 500 + chance() * 500);
        system.pause(role);
        await sleep(SYSTEM_CLOCK, 4_500);
        system.resume(role);
      }
    }
    await load;
    note(`${await system.metric("floe_dispatch_owner_failures_total")} owners were fenced off`);
    return [];
  },
};

export const KILLS: readonly FaultTest[] = [
  dispatchKills,
  connectorKills,
  natsKills,
  rolling,
  sleepers,
];
