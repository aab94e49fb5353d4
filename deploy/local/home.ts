/**
 * Home: the folder of a local system (`.floe`, or FLOE_HOME). One system at a time has it.
 *
 * The lock holds the pid and start time of its supervisor and of all it started. A lock whose
 * supervisor is gone is taken over, and what that one left running is ended first, since it would
 * sit on the data. A pid alone proves nothing: the start time tells it from one used again.
 */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { localPath } from "../../services/cli/local-system.js";
import { type ProcessMark, processMark, sameProcess } from "./process-mark.js";

/** What a system leaves in its folder. Nothing else there is ever removed. */
const OURS = ["nats", "clickhouse", "logs", "keys.json", "system.json", "local.json", "passwords"];
const ORPHAN_MS_MAX = 10_000;

const mark = z.object({ role: z.string(), pid: z.int(), startedAt: z.string() });
const lockFile = z.object({ supervisor: mark, processes: z.array(mark) });
type LockFile = z.output<typeof lockFile>;

export interface Home {
  readonly path: string;
  file(name: string): string;
  /** Notes what has been started, so that it can be ended if this supervisor is killed. */
  note(processes: readonly { role: string; pid: number }[]): void;
  /** Removes the state of earlier runs. Only while nothing runs. */
  clear(): void;
  release(): void;
}

/** @throws FloeError "local.failed" if a system runs there already. */
export async function openHome(folder: string, tell: (line: string) => void): Promise<Home> {
  // Children are given paths in it, wherever they run.
  const path = resolve(folder);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = join(path, "lock");
  const supervisor = { role: "supervisor", ...processMark(process.pid) };
  for (let tries = 0; !tryLock(lock, { supervisor, processes: [] }); tries += 1) {
    const left = readLock(lock);
    if (left !== undefined && sameProcess(left.supervisor)) throw taken(path, left);
    if (tries > 10) throw new FloeError("local.failed", { problem: `${lock} cannot be taken.` });
    if (left !== undefined) await endOrphans(left, tell);
    removeStale(lock, left);
  }
  const homeOf = (name: string): string => join(path, name);
  return {
    path,
    file: homeOf,
    note(processes) {
      const marks = processes.map(({ role, pid }) => ({ role, ...processMark(pid) }));
      writeWhole(lock, JSON.stringify({ supervisor, processes: marks }));
    },
    clear() {
      for (const name of OURS) rmSync(homeOf(name), { recursive: true, force: true });
    },
    release() {
      rmSync(localPath(path), { force: true });
      unlinkSync(lock);
    },
  };
}

/** A file that is there whole or not at all, for its owner alone. */
export function writeWhole(path: string, content: string): void {
  const beside = `${path}.${process.pid}.new`;
  writeFileSync(beside, content, { mode: 0o600 });
  renameSync(beside, path);
}

/** False if the lock is there: a link, unlike a rename, never replaces. */
function tryLock(lock: string, content: LockFile): boolean {
  const beside = `${lock}.${process.pid}`;
  writeFileSync(beside, JSON.stringify(content), { mode: 0o600 });
  try {
    linkSync(beside, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(beside);
  }
}

/** Undefined: it is gone, or it is not ours to understand and thus nobody's. */
function readLock(lock: string): LockFile | undefined {
  try {
    return lockFile.parse(JSON.parse(readFileSync(lock, "utf8")));
  } catch {
    return undefined;
  }
}

/** Renamed before it is removed, and looked at again: another start may have been quicker. */
function removeStale(lock: string, left: LockFile | undefined): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, aside);
  } catch {
    return; // Gone: somebody else removed it.
  }
  const moved = readLock(aside);
  if (moved !== undefined && moved.supervisor.pid !== left?.supervisor.pid) {
    // That was a new owner's lock: back to its place.
    linkSync(aside, lock);
  }
  unlinkSync(aside);
}

async function endOrphans(left: LockFile, tell: (line: string) => void): Promise<void> {
  const alive = left.processes.filter(sameProcess);
  if (alive.length === 0) return;
  const names = alive.map(({ role }) => role).join(", ");
  tell(`an earlier system was killed and left processes behind: ending ${names}`);
  for (const { pid } of alive) endByPid(pid, "SIGTERM");
  for (let waitedMs = 0; alive.some(sameProcess); waitedMs += 50) {
    if (waitedMs > ORPHAN_MS_MAX) {
      for (const one of alive.filter(sameProcess)) endByPid(one.pid, "SIGKILL");
    }
    await sleep(SYSTEM_CLOCK, 50);
  }
}

function endByPid(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended in the meantime, which is what was wanted.
  }
}

function taken(path: string, { supervisor }: { supervisor: ProcessMark }): FloeError {
  const problem =
    `a system runs in ${path} already (pid ${supervisor.pid}): ` +
    "stop it, or set FLOE_HOME to another folder";
  return new FloeError("local.failed", { problem });
}
