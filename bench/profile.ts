/**
 * Profile: where the CPU time of a round went, from the .cpuprofile files of its processes.
 *
 * A profile holds the whole life of a process; only samples of the measured window count (V8 stamps
 * them with the machine's monotonic clock, as the bench does its readings). A sample counts for the
 * time until the next one. For each thread: time by owner (a package, a part of Node, a folder of
 * ours), the functions with the most time of their own, and ours with the most time in all.
 *
 * Format: V8's inspector protocol, Profiler.Profile.
 */
import { fileURLToPath } from "node:url";

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Of the machine's monotonic clock, in microseconds. */
  readonly startTime: number;
  /** Node of each sample, and microseconds since the one before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** From 0. */
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

export interface ThreadTimes {
  /** Samples in the window that found the thread at work or idle. */
  readonly busyMicros: number;
  readonly idleMicros: number;
  readonly owners: readonly Share[];
  /** Functions by time of their own. */
  readonly self: readonly Share[];
  /** Functions of this repository by time of their own and of all that they called. */
  readonly total: readonly Share[];
}

export interface Share {
  readonly name: string;
  readonly micros: number;
}

/** Not at work: waiting for the system, and a pool thread waiting for its next task (piscina). */
const WAITING: ReadonlySet<string> = new Set(["(idle)", "atomicsWaitLoop"]);

const ROOT = new URL("../../", import.meta.url).href;

export function threadTimes(
  profile: CpuProfile,
  window: { readonly fromMicros: number; readonly toMicros: number },
): ThreadTimes {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const selfOf = selfMicros(profile, window);
  const owners = new Map<string, number>();
  const self = new Map<string, number>();
  let busyMicros = 0;
  let idleMicros = 0;
  for (const [id, micros] of selfOf) {
    const node = nodes.get(id);
    if (node === undefined) continue;
    if (WAITING.has(node.callFrame.functionName)) {
      idleMicros += micros;
      continue;
    }
    busyMicros += micros;
    add(owners, ownerOf(node), micros);
    add(self, labelOf(node), micros);
  }
  const total = totalMicros(profile, nodes, selfOf);
  return {
    busyMicros,
    idleMicros,
    owners: ranked(owners),
    self: ranked(self),
    total: ranked(total),
  };
}

/** Time of each node's own within the window. */
function selfMicros(
  { samples, timeDeltas, startTime }: CpuProfile,
  { fromMicros, toMicros }: { readonly fromMicros: number; readonly toMicros: number },
): Map<number, number> {
  const micros = new Map<number, number>();
  let atMicros = startTime;
  for (let index = 0; index < samples.length; index += 1) {
    atMicros += timeDeltas[index] ?? 0;
    const lasts = timeDeltas[index + 1] ?? 0;
    if (atMicros < fromMicros || atMicros > toMicros || lasts < 0) continue;
    const id = samples[index]!;
    micros.set(id, (micros.get(id) ?? 0) + lasts);
  }
  return micros;
}

/** Our functions with what they called; of a recursion the outermost call counts, once. */
function totalMicros(
  profile: CpuProfile,
  nodes: ReadonlyMap<number, ProfileNode>,
  selfOf: ReadonlyMap<number, number>,
): Map<string, number> {
  const totals = new Map<string, number>();
  const open = new Set<string>();
  const visit = (node: ProfileNode): number => {
    const label = isOurs(node) ? labelOf(node) : "";
    const outermost = label !== "" && !open.has(label);
    if (outermost) open.add(label);
    let micros = selfOf.get(node.id) ?? 0;
    for (const id of node.children ?? []) {
      const child = nodes.get(id);
      if (child !== undefined) micros += visit(child);
    }
    if (outermost) {
      open.delete(label);
      if (micros > 0) add(totals, label, micros);
    }
    return micros;
  };
  // The first node is the root (Profiler.Profile).
  if (profile.nodes[0] !== undefined) visit(profile.nodes[0]);
  return totals;
}

function isOurs({ callFrame: { url } }: ProfileNode): boolean {
  return url.startsWith(ROOT) && !url.includes("/node_modules/");
}

/** "(program)" is what runs outside JavaScript: system calls, libuv, and native modules. */
function ownerOf(node: ProfileNode): string {
  const { functionName, url } = node.callFrame;
  if (url === "") return functionName.startsWith("(") ? functionName : "native code of V8 and Node";
  if (url.startsWith("node:")) return url.split("/").slice(0, 2).join("/");
  const packages = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url);
  if (packages !== null) return packages[1]!;
  return placeOf(url).split("/").slice(0, -1).join("/") || "elsewhere";
}

function labelOf(node: ProfileNode): string {
  const { functionName, url, lineNumber } = node.callFrame;
  const name = functionName === "" ? "(anonymous)" : functionName;
  return url === "" ? name : `${name} ${placeOf(url)}:${lineNumber + 1}`;
}

/** Short enough to read: from the repository's root, or from the package's name on. */
function placeOf(url: string): string {
  const inPackage = /.*\/node_modules\/(.*)$/.exec(url);
  if (inPackage !== null) return inPackage[1]!;
  if (url.startsWith(ROOT)) return url.slice(ROOT.length).replace(/^dist\//, "");
  return url.startsWith("file:") ? fileURLToPath(url) : url;
}

function add(into: Map<string, number>, name: string, micros: number): void {
  into.set(name, (into.get(name) ?? 0) + micros);
}

function ranked(micros: ReadonlyMap<string, number>): readonly Share[] {
  return [...micros]
    .map(([name, time]) => ({ name, micros: time }))
    .sort((one, other) => other.micros - one.micros);
}
