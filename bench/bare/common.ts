/**
 * Bare: what its processes share. Each is started by start.ts with its ports and its folder as JSON
 * in the first argument, and says "listening" on standard output.
 *
 * The bare pipeline is an instrument, not a model: the hops of Floe (gRPC, request frames, a pool
 * thread, dispatch frames, SMPP, event frames, ClickHouse) with ts-proto objects and no logic at
 * all. What it costs is the yardstick of `cpuRatio`. Change nothing in it that changes its cost.
 */
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { print } from "../../core/output.js";
import type { BareSpec } from "./bare-spec.js";

declare global {
  interface Buffer {
    // In Node for ever, in its types not: the quickest way for Latin-1 in and out.
    latin1Write(text: string, at?: number, length?: number): number;
    latin1Slice(start?: number, end?: number): string;
  }
}

export const spec = JSON.parse(process.argv[2] ?? "{}") as BareSpec;

export async function nats() {
  const nc = await connect({ port: spec.nats, noAsyncTraces: true });
  return { js: jetstream(nc) };
}

/** Tells start.ts that this process is at work, and at which port where it has one. */
export function ready(port = 0): void {
  print(JSON.stringify({ msg: "listening", port }));
}

// An exit, not a death by signal: only then is a profile written. And nobody else would end it
// when the bench is killed.
for (const end of ["SIGTERM", "disconnect"] as const) process.on(end, () => process.exit());
