/** Storm: kill -9 of a random process every 2 s for a minute, under load. */
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import type { Context, FaultTest } from "./test.js";

const VICTIMS = [
  ...["gateway", "dispatch", "connector", "receipts", "cdr", "admin", "nats", "clickhouse"],
] as const;
const EVERY_MS = 2_000;
/** Of the rate before, after. */
const LEVEL_MIN = 0.8;
const CALM_MS = 20_000;

const storm: FaultTest = {
  id: "STORM",
  title: "kill -9 of a random process every 2 s for 60 s under 2,000 messages a second",
  async run(context) {
    const { system, customers, short, chance, note } = context;
    const seconds = short ? 30 : 60;
    const perSecond = short ? 500 : 2_000;
    const before = await rate(context);
    const load = customers.send({
      ...{ messages: seconds * perSecond, perSecond, batch: 50, validitySeconds: 300 },
    });
    for (let kill = 0; kill < (seconds * 1_000) / EVERY_MS; kill += 1) {
      await sleep(SYSTEM_CLOCK, EVERY_MS);
      system.kill(VICTIMS[Math.floor(chance() * VICTIMS.length)]!);
    }
    await load;
    await drained(context);
    const after = await rate(context);
    const killed = Object.entries(system.kills()).map(([role, times]) => `${role} ${times}`);
    note(`killed ${killed.join(", ")}; ${before} messages a second before, ${after} after`);
    return after >= LEVEL_MIN * before
      ? []
      : [`${after} messages a second after, ${before} before`];
  },
};

/** Messages a second from call to terminal record, as many as go. */
async function rate(context: Context): Promise<number> {
  const { customers, short } = context;
  const messages = short ? 2_000 : 10_000;
  const beganMs = SYSTEM_CLOCK.monotonicMs();
  await customers.send({ messages, batch: 100, calls: 8, validitySeconds: 300 });
  await drained(context);
  return Math.round((messages * 1_000) / (SYSTEM_CLOCK.monotonicMs() - beganMs));
}

/** Everything that was ever accepted has ended. */
async function drained({ system, customers }: Context): Promise<void> {
  const endMs = SYSTEM_CLOCK.monotonicMs() + 6 * CALM_MS;
  const accepted = [...customers.book.values()].filter(({ outcome }) => outcome === "accepted");
  for (;;) {
    const ended = await system.clickhouse
      .query<{ ended: string }>("SELECT countIf(terminal) AS ended FROM cdr")
      .then(
        ([row]) => Number(row!.ended),
        () => 0,
      );
    if (ended >= accepted.length || SYSTEM_CLOCK.monotonicMs() > endMs) return;
    await sleep(SYSTEM_CLOCK, 250);
  }
}

export const STORM: readonly FaultTest[] = [storm];
