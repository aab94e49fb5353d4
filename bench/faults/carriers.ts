/** Carriers: F11, everything that an SMSC may do, and F14, storms of receipts. */
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import type { CarrierSimOptions } from "../../deploy/local/local.js";
import { BINDS, WINDOW } from "./system.js";
import type { FaultTest } from "./test.js";

function carriers(args: readonly string[]): CarrierSimOptions[] {
  return ["alpha", "beta"].map((name, at) => ({
    ...{ name, window: WINDOW, binds: BINDS },
    args: ["--submits", "1000000", "--seed", String(at + 1), ...args],
  }));
}

const script: FaultTest = {
  id: "F11",
  title: "carriers on which everything goes wrong",
  ci: true,
  system: {
    carriers: carriers([
      ...["--faults", "0.04", "--latency-ms", "5", "--latency-shape", "exponential"],
      ...["--late-ms", "12000", "--receipt-delay-ms", "200", "--receipt-shape", "log-normal"],
      ...["--refuse-with", "ESME_RSYSERR,ESME_RMSGQFUL,ESME_RTHROTTLED,0x64"],
      ...["--delivered", "0.8", "--not-delivered", "undeliverable,expired,rejected,deleted"],
      ...["--receipt-form", "text,seconds,long,case,short,tlv,both"],
      ...["--flap-ms", "15000", "--flap", "any", "--half-open-ms", "8000"],
      ...["--bind-refused", "0.05", "--bind-refuse-with", "5"],
    ]),
  },
  async run({ system, customers, short }) {
    await customers.send({
      messages: short ? 1_200 : 5_000,
      perSecond: 100,
      validitySeconds: 45,
    });
    await sleep(SYSTEM_CLOCK, 5_000);
    // No more flaps: what was kept back is told, and the rest ends by the sweep.
    await system.carrier(undefined, "flap-ms=0&bind-refused=0&faults=0");
    return [];
  },
  bounds: () => ({ duplicatesMax: 0 }),
};

const receipts: FaultTest = {
  id: "F14",
  title: "receipts: doubled, late, first, out of order, strangers; all at once after a kill",
  system: {
    carriers: carriers([
      ...["--latency-ms", "3", "--receipt-delay-ms", "8000"],
      ...["--receipt-twice", "0.5", "--receipt-first", "0.1", "--receipt-reordered", "0.5"],
      ...["--receipt-enroute", "0.3", "--receipt-stranger", "0.2", "--reorder-ms", "3000"],
    ]),
  },
  async run({ system, customers, short }) {
    // As fast as they are taken; eight seconds later all receipts come together.
    await customers.send({ messages: short ? 1_500 : 6_000 });
    await sleep(SYSTEM_CLOCK, 3_000);
    const pid = system.pidOf("connector");
    // Who gets them knows nothing of what was submitted, and reads it again.
    system.kill("connector");
    await system.replaced("connector", pid);
    await sleep(SYSTEM_CLOCK, 12_000);
    return [];
  },
};

export const CARRIERS: readonly FaultTest[] = [script, receipts];
