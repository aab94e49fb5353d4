/**
 * State: what a local system remembers of itself over restarts, beside its data: keys, passwords and
 * ports, so that a client that knew it still does. One JSON file, for its owner alone.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { newApiKey } from "../../core/api-key.js";
import { fillRandom, SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { extendKeys, loadKeys } from "../../core/keys.js";
import { type Home, writeWhole } from "./home.js";

const key = z.object({ key: z.string(), keyId: z.string(), secretHash: z.string() });
const state = z.object({
  /** Of account 1, 2, 3, ... */
  apiKeys: z.array(key),
  staffKey: key,
  natsPassword: z.string(),
  clickhousePassword: z.string(),
  /** At most 8 characters (SMPP 3.4, section 5.2.2). */
  carrierPassword: z.string(),
  partitions: z.int(),
  /** By part; where it listened last. */
  ports: z.record(z.string(), z.int()),
});
export type LocalState = z.output<typeof state>;

export const LOCAL_USER = "floe";
/** Months of data keys: a local system that nobody restarts for a year is not one. */
const KEY_MONTHS = 12;

/**
 * The state of `home`, made at the first start, with keys for `accounts` accounts at least.
 * @param partitions of a new system; an existing one keeps its own.
 */
export function loadState(home: Home, accounts: number, partitions: number): LocalState {
  const path = home.file("system.json");
  const loaded = existsSync(path) ? read(path) : newState(partitions);
  while (loaded.apiKeys.length < accounts) loaded.apiKeys.push(newApiKey("local"));
  saveState(home, loaded);
  const passwords = home.file("passwords");
  mkdirSync(passwords, { recursive: true, mode: 0o700 });
  writeWhole(join(passwords, "nats"), loaded.natsPassword);
  writeWhole(join(passwords, "clickhouse"), loaded.clickhousePassword);
  writeKeys(home.file("keys.json"));
  return loaded;
}

export function saveState(home: Home, changed: LocalState): void {
  writeWhole(home.file("system.json"), `${JSON.stringify(changed, undefined, 2)}\n`);
}

/** Keys that are there stay: without them what they sealed would be lost. */
function writeKeys(path: string): void {
  const old = existsSync(path) ? loadKeys(path) : undefined;
  writeWhole(path, extendKeys(old, SYSTEM_CLOCK.nowMs(), KEY_MONTHS));
}

function newState(partitions: number): LocalState {
  return {
    apiKeys: [],
    staffKey: newApiKey("local"),
    natsPassword: newPassword(32),
    clickhousePassword: newPassword(32),
    carrierPassword: newPassword(8),
    partitions,
    ports: {},
  };
}

function read(path: string): LocalState {
  try {
    return state.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    // The cause is left out: it may quote the file, which holds keys.
    const problem = `${path} is damaged: restore it, or start with --fresh, which clears all state.`;
    throw new FloeError("local.failed", { problem });
  }
}

/** Hexadecimal digits: safe in URLs, files and arguments. */
function newPassword(characters: number): string {
  const random = new Uint8Array(characters / 2);
  fillRandom(random);
  return Buffer.from(random).toString("hex");
}

/** The port that `part` had, if it is still free; else 0, any free one. */
export function rememberedPort({ ports }: LocalState, part: string): Promise<number> {
  const port = ports[part] ?? 0;
  if (port === 0) return Promise.resolve(0);
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(0));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}

/** Ports that are free now, held together so that they differ. Somebody else may take one first. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  const opened = probes.map(
    (probe) =>
      new Promise<number>((resolve, reject) => {
        probe.once("error", reject);
        probe.listen(0, "127.0.0.1", () => {
          const address = probe.address();
          resolve(typeof address === "object" && address !== null ? address.port : 0);
        });
      }),
  );
  const ports = await Promise.all(opened);
  await Promise.all(probes.map((probe) => new Promise((done) => probe.close(done))));
  return ports;
}
