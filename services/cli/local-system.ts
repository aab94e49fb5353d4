/**
 * Local system: `local.json`, the note in a system's folder that says where its parts are.
 *
 * Written by the local start when everything is ready and removed when it stops, so its presence
 * means a running system. It holds keys and passwords: readable by its owner alone.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FloeError } from "../../core/errors.js";

const localJson = z.object({
  /** host:port of the gateway's gRPC server. */
  grpc: z.string().min(1),
  /** host:port of the admin service's gRPC server. */
  admin: z.string().min(1).optional(),
  /** ClickHouse's HTTP interface, user and password included. */
  clickhouse: z.url(),
  /** NATS, user and password included. */
  nats: z.url(),
  /** /metrics of each role, by role. */
  metrics: z.record(z.string(), z.url()),
  /** Key of the demo account. */
  apiKey: z.string().min(1),
  /** Key of the operator. */
  staffKey: z.string().min(1),
  processes: z.array(z.object({ role: z.string(), pid: z.int().min(1) })),
});
export type LocalJson = z.output<typeof localJson>;

export function localPath(home: string): string {
  return join(home, "local.json");
}

/**
 * The system that runs in `home`, or undefined if none does.
 * @throws FloeError "local.failed" if the note is there and cannot be used.
 */
export function readLocal(home: string): LocalJson | undefined {
  let written: string;
  try {
    written = readFileSync(localPath(home), "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FloeError("local.failed", { problem: `${localPath(home)} cannot be read.` }, err);
  }
  try {
    return localJson.parse(JSON.parse(written));
  } catch {
    // The cause is left out: it may quote the file, which holds keys.
    throw new FloeError("local.failed", { problem: `${localPath(home)} is damaged: start again.` });
  }
}

/** As `readLocal`; no system is an error that says what to do. */
export function requireLocal(home: string): LocalJson {
  const local = readLocal(home);
  if (local !== undefined) return local;
  const problem = `no system runs in ${home}: start one with "npm start" or name its folder by --home.`;
  throw new FloeError("local.failed", { problem });
}

/** A URL without user and password, and these apart. */
export function splitUrl(url: string): { url: string; user: string; password: string } {
  const parsed = new URL(url);
  const user = decodeURIComponent(parsed.username);
  const password = decodeURIComponent(parsed.password);
  parsed.username = "";
  parsed.password = "";
  return { url: parsed.href.replace(/\/$/, ""), user, password };
}
