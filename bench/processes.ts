/**
 * Processes: what they used, as the kernel counts it (proc(5)).
 *
 * CPU time is user and system time of all threads, in ticks of 10 ms: over 300,000 messages a tick
 * is 0.03 us a message. Wall time on a shared machine drifts by a factor of two, CPU time by 15 %.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Counts, SideProcess } from "./side.js";

/** USER_HZ, which Linux fixes at 100 for what it shows of itself (proc(5), sysconf(3)). */
const TICKS_PER_SECOND = 100;

export interface Usage {
  readonly role: string;
  readonly pid: number;
  readonly cpuMicros: number;
  /** Resident memory; the highest so far for `residentPeakBytes`. */
  readonly residentBytes: number;
  readonly residentPeakBytes: number;
  /** CPU time by thread name, of the threads that live. */
  readonly threadMicros: Counts;
}

/** Processes that are gone are absent: the caller compares what it asked with what it got. */
export function usageOf(processes: readonly SideProcess[]): readonly Usage[] {
  return processes.flatMap(({ role, pid }) => {
    const stat = read(pid, "stat");
    const status = read(pid, "status");
    if (stat === undefined || status === undefined) return [];
    const cpuMicros = cpuMicrosOf(stat);
    const residentBytes = bytesOf(status, "VmRSS");
    const residentPeakBytes = bytesOf(status, "VmHWM");
    const threadMicros = threadsOf(pid);
    return [{ role, pid, cpuMicros, residentBytes, residentPeakBytes, threadMicros }];
  });
}

/** Names tell Node's own threads from those of ClickHouse's pools. */
function threadsOf(pid: number): Counts {
  const micros: Record<string, number> = {};
  let threads: readonly string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // Gone, as the caller has noticed or will.
  }
  for (const thread of threads) {
    const stat = read(pid, `task/${thread}/stat`);
    if (stat === undefined) continue;
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    micros[name] = (micros[name] ?? 0) + cpuMicrosOf(stat);
  }
  return micros;
}

/** @param stat text of /proc/<pid>/stat; the name in it may hold spaces and parentheses. */
export function cpuMicrosOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return (ticks * 1e6) / TICKS_PER_SECOND;
}

/** @param status text of /proc/<pid>/status, which counts in kB. */
export function bytesOf(status: string, name: "VmRSS" | "VmHWM"): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1_024;
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/** CPU time in microseconds by role between two readings; several processes of a role add up. */
export function cpuBetween(
  before: readonly Usage[],
  after: readonly Usage[],
): Readonly<Record<string, number>> {
  const micros: Record<string, number> = {};
  for (const { role, pid, cpuMicros } of after) {
    const earlier = before.find((one) => one.pid === pid)?.cpuMicros ?? 0;
    micros[role] = (micros[role] ?? 0) + cpuMicros - earlier;
  }
  return micros;
}

/** CPU time in microseconds by thread name between two readings of one role. */
export function threadsBetween(
  before: readonly Usage[],
  after: readonly Usage[],
  role: string,
): Counts {
  const micros: Record<string, number> = {};
  const add = (readings: readonly Usage[], sign: number): void => {
    for (const one of readings) {
      if (one.role !== role) continue;
      for (const [name, time] of Object.entries(one.threadMicros)) {
        micros[name] = (micros[name] ?? 0) + sign * time;
      }
    }
  };
  add(after, 1);
  add(before, -1);
  return micros;
}
