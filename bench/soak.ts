/**
 * Soak: the whole local system against carriers on which everything goes wrong, from gRPC to the
 * records, and then the books are closed: every message has its terminal state, and the one that its
 * receipts prove; no part was taken more often than its doubts allow; every receipt that a carrier
 * was told is stored is with its message, an orphan, or still parked.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openClickHouse } from "../core/clickhouse.js";
import { SYSTEM_CLOCK, sleep } from "../core/clock.js";
import { paint, print, printError, progress, table } from "../core/output.js";
import { type CarrierSimOptions, type LocalSystem, startLocal } from "../deploy/local/local.js";
import { splitUrl } from "../services/cli/local-system.js";
import { openCdrs } from "./cdrs.js";
import { startLoad } from "./load-process.js";
import { openBooks } from "./soak-books.js";
import { takenOf } from "./taken.js";

export interface SoakOptions {
  readonly messages: number;
  readonly seed: number;
  /** Share of messages that each fault befalls. */
  readonly faults: number;
}

const VALIDITY_SECONDS = 150;
const RECEIPT_WAIT_MS = 20_000;
const POLL_MS = 1_000;
/** Nothing has changed for so long: what is missing now is lost. */
const STALLED_MS = 180_000;
/** Of memory that the simulated carriers keep of submits: several tries of each. */
const SUBMITS_A_MESSAGE = 4;

/** Resolves with whether the books are right. */
export async function runSoak(options: SoakOptions): Promise<boolean> {
  const home = mkdtempSync(join(tmpdir(), "floe-soak-"));
  try {
    const system = await startLocal({
      home,
      accounts: 20,
      carriers: carriersOf(options),
      roleOutput: "file",
      tell: () => {},
      environment: {
        FLOE_CDR_RECEIPT_WAIT_MS: String(RECEIPT_WAIT_MS),
        FLOE_CDR_SWEEP_MS: "2000",
      },
    });
    try {
      return await soak(system, options);
    } finally {
      await system.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function carriersOf({ messages, seed, faults }: SoakOptions): CarrierSimOptions[] {
  const args = (own: readonly string[]): string[] => [
    ...["--faults", String(faults), "--submits", String(messages * SUBMITS_A_MESSAGE)],
    ...["--latency-ms", "5", "--latency-shape", "exponential", "--late-ms", "12000"],
    ...["--refuse-with", "ESME_RSYSERR,ESME_RINVDSTADR,ESME_RMSGQFUL,ESME_RTHROTTLED,0x64"],
    ...["--delivered", "0.8", "--not-delivered", "undeliverable,expired,rejected,deleted"],
    ...["--receipt-form", "text,seconds,long,case,short,tlv,both", "--receipt-delay-ms", "200"],
    ...["--receipt-shape", "log-normal", "--flap-ms", "20000", "--flap", "any"],
    ...["--half-open-ms", "15000", "--bind-refused", String(faults), "--bind-refuse-with", "5"],
    ...own,
  ];
  return [
    { name: "alpha", window: 100, binds: 2, args: args(["--seed", String(seed)]) },
    {
      ...{ name: "beta", window: 100, binds: 2 },
      args: args(["--seed", String(seed + 1), "--id", "decimal"]),
    },
  ];
}

async function soak(system: LocalSystem, options: SoakOptions): Promise<boolean> {
  const { url, user, password } = splitUrl(system.local.clickhouse);
  const clickhouse = openClickHouse({ url, user, password, database: "floe" });
  const load = await startLoad({
    kind: "floe",
    grpc: system.local.grpc,
    apiKeys: system.accounts.map(({ apiKey }) => apiKey),
  });
  try {
    const { messages } = options;
    const batch = 50;
    const spec = { messages, batch, calls: 4, rate: 0, stamp: false };
    const bar = progress("soak", messages);
    const result = await load.run({ ...spec, validitySeconds: VALIDITY_SECONDS }, (answered) =>
      bar.at(answered),
    );
    bar.end();
    const cdrs = openCdrs(clickhouse);
    const outcome = await ended(result.accepted, () => cdrs.outcome(0));
    await healed(system);
    const books = openBooks(clickhouse);
    const taken = await takenOf(system);
    await quiet(books.receipts);
    const findings = [
      ...(outcome.terminal === result.accepted
        ? []
        : [`${result.accepted - outcome.terminal} messages have no terminal state`]),
      ...(outcome.duplicateRows === 0 ? [] : [`${outcome.duplicateRows} rows too many`]),
      ...(await books.close(taken)),
    ];
    const rows = Object.entries({ ...outcome.byState, ...(await books.counts()) });
    print(table(["what", "count"], [["accepted", result.accepted], ...rows]));
    for (const finding of findings) printError(finding);
    const good = findings.length === 0;
    print(paint(good ? "green" : "red", good ? "the books are right" : "FAILED"));
    return good;
  } finally {
    await load.stop();
    await clickhouse.close();
  }
}

/** Waits until all is terminal, or nothing changes any more. */
async function ended<T extends { readonly terminal: number }>(
  accepted: number,
  look: () => Promise<T>,
): Promise<T> {
  const bar = progress("terminal", accepted);
  let last = -1;
  let changedAtMs = SYSTEM_CLOCK.monotonicMs();
  for (;;) {
    const outcome = await look();
    bar.at(outcome.terminal);
    if (outcome.terminal !== last) changedAtMs = SYSTEM_CLOCK.monotonicMs();
    last = outcome.terminal;
    if (outcome.terminal >= accepted || SYSTEM_CLOCK.monotonicMs() - changedAtMs > STALLED_MS) {
      bar.end();
      return outcome;
    }
    await sleep(SYSTEM_CLOCK, POLL_MS);
  }
}

/** No more flaps: what the carriers kept back is delivered and stored. */
async function healed({ carriers }: LocalSystem): Promise<void> {
  for (const { control } of carriers) {
    const url = `http://127.0.0.1:${control}`;
    await fetch(`${url}/set?flap-ms=0&bind-refused=0`, { method: "POST" });
    const endMs = SYSTEM_CLOCK.monotonicMs() + STALLED_MS;
    for (;;) {
      const stats = (await (await fetch(`${url}/stats`)).json()) as Record<string, number>;
      if (stats["receiptsWaiting"] === 0 && stats["bound"]! > 0) break;
      if (SYSTEM_CLOCK.monotonicMs() > endMs) throw new Error("a carrier is not bound again");
      await sleep(SYSTEM_CLOCK, POLL_MS);
    }
  }
}

async function quiet(count: () => Promise<number>): Promise<void> {
  let last = -1;
  for (let same = 0; same < 8; ) {
    const now = await count();
    same = now === last ? same + 1 : 0;
    last = now;
    await sleep(SYSTEM_CLOCK, POLL_MS);
  }
}
