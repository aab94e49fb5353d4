/** Process mark: a pid with the time at which its process started, by which it is known again. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface ProcessMark {
  readonly pid: number;
  /** As the system writes it; "" if the process is gone. */
  readonly startedAt: string;
}

export function processMark(pid: number): ProcessMark {
  return { pid, startedAt: startedAt(pid) };
}

/** Whether the process that was marked still runs. */
export function sameProcess({ pid, startedAt: then }: ProcessMark): boolean {
  return then !== "" && startedAt(pid) === then;
}

function startedAt(pid: number): string {
  if (pid <= 0) return "";
  if (process.platform !== "linux") {
    return (
      spawnSync("ps", ["-o", "lstart=", "-p", String(pid)])
        .stdout?.toString()
        .trim() ?? ""
    );
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold spaces; field 3 (state) and 22 (start time) follow it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : `${fields[19]}`;
  } catch {
    return "";
  }
}
