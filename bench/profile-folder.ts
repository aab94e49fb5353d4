/** Profile folder: where `--profile` has each process write its CPU profile when it ends. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { SideName } from "./side.js";

/** Samples a second: 2,000. Finer slows down what it looks at. */
const INTERVAL_MICROS = 500;

export interface ProfileFolder {
  readonly path: string;
  /** What node is started with, before the script, to profile a process of this role. */
  nodeArgs(side: SideName, role: string): readonly string[];
  /** The folder of a role's profiles: one for its main thread, one for each pool thread. */
  folder(side: SideName, role: string): string;
}

export function openProfileFolder(path: string): ProfileFolder {
  const folder = (side: SideName, role: string): string => join(resolve(path), side, role);
  return {
    path,
    folder,
    nodeArgs(side, role) {
      mkdirSync(folder(side, role), { recursive: true });
      return [
        "--cpu-prof",
        `--cpu-prof-interval=${INTERVAL_MICROS}`,
        `--cpu-prof-dir=${folder(side, role)}`,
      ];
    },
  };
}
