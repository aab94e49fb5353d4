/** Fairness: F17, one account at 90 % of the load on a slow carrier. */
import type { CarrierSimOptions } from "../../deploy/local/local.js";
import type { Sent } from "./customers.js";
import { BINDS, type FaultSystem, WINDOW } from "./system.js";
import type { FaultTest } from "./test.js";

/** Of the carrier that everybody wants. */
const PARTS_PER_SECOND = 100;
const CARRIERS: readonly CarrierSimOptions[] = [
  {
    ...{ name: "alpha", window: WINDOW, binds: BINDS, partsPerSecond: PARTS_PER_SECOND },
    args: ["--submits", "1000000", "--latency-ms", "5", "--seed", "1"],
  },
  {
    ...{ name: "beta", window: WINDOW, binds: BINDS },
    args: ["--submits", "1000000", "--latency-ms", "5", "--seed", "2"],
  },
];
/** Below this a comparison measures the machine's mood. */
const P99_MS_MIN = 250;

const hot: FaultTest = {
  id: "F17",
  title: "one account at 90 % of the load on a slow carrier",
  system: { carriers: CARRIERS },
  async run({ system, customers, short, note }) {
    const seconds = short ? 10 : 20;
    const quietly = { messages: seconds * 10, perSecond: 10, batch: 1, accounts: [1] };
    const other = { ...quietly, trafficClass: 2, validitySeconds: 600 };
    const alone = await customers.send(other);
    const flood = customers.send({
      ...{ messages: seconds * 2 * PARTS_PER_SECOND, perSecond: 2 * PARTS_PER_SECOND },
      ...{ accounts: [0], trafficClass: 2, validitySeconds: 600 },
    });
    const beside = await customers.send(other);
    await flood;
    const own = await p99(system, alone);
    const flooded = await p99(system, beside);
    note(`p99 to submission: ${own} ms alone, ${flooded} ms beside the flood`);
    const bound = 2 * Math.max(own, P99_MS_MIN);
    return flooded <= bound
      ? []
      : [`p99 is ${flooded} ms beside the flood, at most ${bound} allowed`];
  },
};

/** Milliseconds from acceptance to the carrier's answer, once all of them are submitted. */
async function p99(system: FaultSystem, sent: readonly Sent[]): Promise<number> {
  const ids = sent.filter(({ id }) => id !== "").map(({ id }) => id);
  for (;;) {
    const [row] = await system.clickhouse.query<{ submitted: string; p99: number }>(
      `SELECT count(submitted_at) AS submitted, quantileExact(0.99)(
        toUnixTimestamp64Milli(submitted_at) - toUnixTimestamp64Milli(accepted_at)) AS p99
      FROM cdr WHERE message_id IN {ids:Array(UUID)}`,
      { ids },
    );
    if (Number(row!.submitted) === ids.length) return Number(row!.p99);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

export const FAIRNESS: readonly FaultTest[] = [hot];
