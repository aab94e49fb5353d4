/** Profile summary: what `--profile` prints, thread by thread, in microseconds a message. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CpuProfile, type Share, type ThreadTimes, threadTimes } from "./profile.js";
import type { ProfileFolder } from "./profile-folder.js";
import type { Round } from "./round.js";
import type { Counts } from "./side.js";

const OWNERS_SHOWN = 12;
const THREADS_SHOWN = 12;
const SELF_SHOWN = 25;
const TOTAL_SHOWN = 20;

/** Processes that wrote no profile (nats-server, or killed before their end) are named as such. */
export function summarize(folder: ProfileFolder, round: Round): string {
  const { side, cpuMicros, load, window } = round;
  const parts = Object.entries(cpuMicros).map(([role, micros]) => {
    const path = folder.folder(side, role);
    const files = existsSync(path) ? readdirSync(path).filter(isProfile).sort() : [];
    const native = threadsText(round.threadMicros[role] ?? {}, load.accepted);
    const head = `== ${side} ${role}: ${perMessage(micros, load.accepted)} us of CPU a message`;
    if (files.length === 0) return `${head}, no profile\n${native}`;
    const threads = files.map((file) => {
      const profile = JSON.parse(readFileSync(join(path, file), "utf8")) as CpuProfile;
      return { name: threadName(file), times: threadTimes(profile, window) };
    });
    const javascript = round.threadMicros[role]?.["node"] ?? micros;
    const sampled = threads.reduce((sum, { times }) => sum + times.busyMicros, 0);
    // A sample lasts until the next one, also while another process has the core. The threads that
    // run JavaScript are named "node"; the profiler's own is not.
    const scale = Math.min(1, javascript / Math.max(1, sampled));
    const texts = threads.map(({ name, times }) => threadText(name, times, load.accepted / scale));
    return [head, native, ...texts].join("\n");
  });
  return [
    "In microseconds a message, of the measured window. Samples are scaled down to the CPU time of",
    "their threads where that is less: a sample also counts time spent waiting for a core. The",
    "profiler itself costs (v8:ProfEvntProc, and more): compare shares, take absolute figures from",
    "rounds without it.",
    "",
    ...parts,
  ].join("\n");
}

function isProfile(file: string): boolean {
  return file.endsWith(".cpuprofile");
}

/** CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile, as Node names them. */
function threadName(file: string): string {
  const thread = file.split(".")[4] ?? "0";
  return thread === "0" ? "main thread" : `pool thread ${thread}`;
}

function threadText(name: string, times: ThreadTimes, messages: number): string {
  const { busyMicros, idleMicros, owners, self, total } = times;
  const busy = perMessage(busyMicros, messages);
  const share = (100 * busyMicros) / Math.max(1, busyMicros + idleMicros);
  const list = (title: string, shares: readonly Share[], shown: number): string[] => [
    `   ${title}`,
    ...shares.slice(0, shown).map((one) => {
      const percent = `${((100 * one.micros) / Math.max(1, busyMicros)).toFixed(1)} %`.padStart(7);
      return `   ${perMessage(one.micros, messages).padStart(8)} ${percent}  ${one.name}`;
    }),
    "",
  ];
  return [
    `-- ${name}: busy ${share.toFixed(0)} % of the time, ${busy} us a message`,
    ...list("by owner", owners, OWNERS_SHOWN),
    ...list("time of its own", self, SELF_SHOWN),
    ...list("ours, with all that they called", total, TOTAL_SHOWN),
  ].join("\n");
}

/** By what the kernel counted: what is not JavaScript shows here alone. */
function threadsText(threadMicros: Counts, messages: number): string {
  const threads = Object.entries(threadMicros)
    .filter(([, micros]) => micros > 0)
    .sort(([, one], [, other]) => other - one)
    .slice(0, THREADS_SHOWN)
    .map(([name, micros]) => `   ${perMessage(micros, messages).padStart(8)}  ${name}\n`);
  return `   by thread\n${threads.join("")}`;
}

function perMessage(micros: number, messages: number): string {
  return (micros / messages).toFixed(2);
}
