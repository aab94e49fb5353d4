/**
 * Starts the bare pipeline as a side of the bench: a nats-server of its own, its streams, and its
 * processes, in a temporary folder that goes with it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { print } from "../../core/output.js";
import { environment } from "../../core/settings.js";
import { startChild } from "../../deploy/local/child.js";
import { findNatsServer, startNatsServer } from "../../deploy/local/nats-server.js";
import type { ProfileFolder } from "../profile-folder.js";
import type { Counts, Outcome, Side } from "../side.js";
import { difference, openStreamCounts } from "../stream-counts.js";
import type { BareSpec } from "./bare-spec.js";
import { BARE_STREAMS, setUpStreams } from "./setup.js";

const STOP_GRACE_MS = 8_000;
const COUNTS_MS_MAX = 30_000;
/** In the order in which they start; the SMSC's port is known before the connector asks for it. */
const PROCESSES = ["smsc", "gateway", "router", "connector", "cdr"] as const;
type ProcessName = (typeof PROCESSES)[number];

/** As cdr.ts prints them: 64-bit numbers are strings. */
type Told = Readonly<Record<"submitted" | "receipts" | "n", string>>;

export async function startBare(profile?: ProfileFolder): Promise<Side> {
  const directory = mkdtempSync(join(tmpdir(), "floe-bare-"));
  /** How to end what has been started, latest last. */
  const ends: (() => Promise<void> | void)[] = [
    () => rmSync(directory, { recursive: true, force: true }),
  ];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= endAll(ends);
    return stopped;
  };
  try {
    return await startAll(directory, ends, stop, profile);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function endAll(ends: readonly (() => Promise<void> | void)[]): Promise<void> {
  for (const end of [...ends].reverse()) await end();
}

async function startAll(
  directory: string,
  ends: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
  profile: ProfileFolder | undefined,
): Promise<Side> {
  const { path } = await findNatsServer({ wanted: environment()["FLOE_NATS_SERVER"], tell: print });
  const server = await startNatsServer({ path, storeDir: join(directory, "nats") });
  ends.push(() => server.stop());
  await setUpStreams(server.port);
  const heard: { counts?: (told: Told) => void } = {};
  const hear = (line: string): void => {
    if (line.startsWith('{"counts"')) heard.counts?.((JSON.parse(line) as { counts: Told }).counts);
  };
  const pids = new Map<ProcessName, number>();
  const ports: Record<string, number> = {};
  for (const role of PROCESSES) {
    const spec: BareSpec = { directory, nats: server.port, smpp: ports["smsc"] ?? 0 };
    const child = startChild({
      role,
      command: process.execPath,
      args: [...(profile?.nodeArgs("bare", role) ?? []), entry(role), JSON.stringify(spec)],
      env: environment(),
      line: hear,
      born: (born) => void ends.push(() => born.stop(STOP_GRACE_MS)),
    });
    pids.set(role, child.pid);
    ports[role] = (await child.listening("")).port;
  }
  const streams = await openStreamCounts(`nats://127.0.0.1:${server.port}`, BARE_STREAMS);
  ends.push(() => streams.close());

  /** Asks cdr, which prints what it has. */
  function counts(): Promise<Told> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("bare cdr is silent")), COUNTS_MS_MAX);
      heard.counts = (told) => {
        clearTimeout(late);
        resolve(told);
      };
      process.kill(pids.get("cdr")!, "SIGUSR2");
    });
  }

  let before = { frames: {} as Counts, submitted: 0, receipts: 0, rows: 0 };
  const outcome = async (): Promise<Outcome> => {
    const told = await counts();
    const terminal = Number(told.receipts) - before.receipts;
    const submitted = Number(told.submitted) - before.submitted;
    return {
      terminal,
      withReceipt: terminal,
      duplicateRows: Number(told.n) - before.rows - terminal - submitted,
      duplicateSubmits: 0,
      idsChecksum: "",
      byState: { DELIVERED: terminal, SUBMITTED: submitted - terminal },
    };
  };
  return {
    name: "bare",
    target: { kind: "bare", grpc: `127.0.0.1:${ports["gateway"]}`, apiKeys: [] },
    processes: [
      { role: "nats-server", pid: server.pid },
      ...PROCESSES.map((role) => ({ role, pid: pids.get(role)! })),
    ],
    async begin() {
      const told = await counts();
      before = {
        frames: await streams.lastSequences(),
        submitted: Number(told.submitted),
        receipts: Number(told.receipts),
        rows: Number(told.n),
      };
    },
    frames: async () => difference(await streams.lastSequences(), before.frames),
    backlog: () => streams.backlog(),
    outcome,
    stop,
  };
}

function entry(role: ProcessName): string {
  return fileURLToPath(new URL(`./${role}.js`, import.meta.url));
}
