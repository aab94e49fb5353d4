/**
 * Running parts: all processes of one local system, kept running until they are stopped in order.
 */
import type { Running } from "./child.js";
import type { Home } from "./home.js";
import { type Kept, keep, type Patience } from "./keep.js";
import { fileLines, prettyLines } from "./lines.js";

/** What a part is given when it is started. */
export interface PartContext {
  /** Takes each line that it says. */
  line(text: string): void;
  /** To be told at once of its process, which may not be ready for long. */
  born(running: Running): void;
}
export type StartPart = (context: PartContext) => Promise<Running>;

export interface Parts {
  /** Starts a part and keeps it running. `start` is called again each time that it ended unasked. */
  start(role: string, start: StartPart): Promise<void>;
  processes(): readonly { role: string; pid: number }[];
  restarts(): number;
  readonly gaveUp: Promise<string>;
  /** Calls `changed` now, and again whenever a process has been replaced. */
  onChange(changed: () => void): void;
  /** Ends everything, the flow's beginning first. Repeats wait for the first. */
  stop(): Promise<void>;
  /** Asks what has not finished starting to stop, so that its start fails. */
  abort(): void;
  /** Ends everything by force. */
  kill(): void;
}

/** Ended in this order, the members of a group at the same time. A name covers `name-*` too. */
const STOP_ORDER = [
  "admin",
  "gateway",
  "dispatch",
  "connector",
  "receipts",
  "cdr",
  "carrier",
  "clickhouse",
  "nats",
];
const ROLES = new Set(["admin", "gateway", "dispatch", "connector", "receipts", "cdr"]);
/** Longer than a role's own grace (FLOE_STOP_GRACE_MS), so that it may say what it could not end. */
const ROLE_STOP_MS = 35_000;
const PART_STOP_MS = 15_000;

export interface PartsOptions {
  readonly home: Home;
  tell(line: string): void;
  /** Readable lines of the parts. */
  hear(line: string): void;
  readonly roleOutput: "pretty" | "file";
  readonly patience?: Patience | undefined;
}

export function openParts({ home, tell, hear, roleOutput, patience }: PartsOptions): Parts {
  const kept: Kept[] = [];
  const starting = new Set<Promise<void>>();
  const alive = new Set<Running>();
  let lines = 0;
  let changed = (): void => {};
  let giveUp = (_reason: string): void => {};
  let stopped: Promise<void> | undefined;
  const gaveUp = new Promise<string>((resolve) => {
    giveUp = resolve;
  });
  const processes = () => kept.map((one) => ({ role: one.role, pid: one.pid() }));
  const noteAll = (): void => {
    home.note(processes());
    changed();
  };

  async function run(role: string, start: () => Promise<Running>): Promise<void> {
    kept.push(await keep({ role, start, tell, changed: noteAll, gaveUp: giveUp, patience }));
    noteAll();
  }

  async function stopAll(): Promise<void> {
    // Who is being started is waited for, else it would be left behind.
    await Promise.allSettled(starting);
    changed = () => {};
    for (const group of STOP_ORDER) {
      const members = kept.filter(({ role }) => role === group || role.startsWith(`${group}-`));
      const graceMs = ROLES.has(group) ? ROLE_STOP_MS : PART_STOP_MS;
      await Promise.all(members.map((one) => one.stop(graceMs)));
    }
  }

  return {
    start(role, start) {
      const line =
        roleOutput === "pretty"
          ? prettyLines(role, lines++, hear)
          : fileLines(role, home.file("logs"));
      const born = (running: Running): void => {
        alive.add(running);
        void running.exited.then(() => alive.delete(running));
      };
      const started = run(role, () => start({ line, born }));
      starting.add(started);
      return started.finally(() => starting.delete(started));
    },
    processes,
    restarts: () => kept.reduce((sum, one) => sum + one.restarts(), 0),
    gaveUp,
    onChange(call) {
      changed = call;
      call();
    },
    stop() {
      stopped ??= stopAll();
      return stopped;
    },
    abort() {
      const ready = new Set(processes().map(({ pid }) => pid));
      for (const one of alive) if (!ready.has(one.pid)) one.signal("SIGTERM");
    },
    kill() {
      for (const one of alive) one.signal("SIGKILL");
    },
  };
}

/** Waits for all, then throws the first failure: none is left running unseen. */
export async function settleAll(all: readonly Promise<unknown>[]): Promise<void> {
  const settled = await Promise.allSettled(all);
  const failed = settled.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
