/**
 * Bare: what its processes share. Each is started by start.ts with its ports and its folder as JSON
 * in the first argument, and says "ready" (with its port, where it has one) on standard output.
 *
 * The bare pipeline is an instrument, not a model: the hops of Floe (gRPC, request frames, a pool
 * thread, dispatch frames, SMPP, event frames, ClickHouse) with ts-proto objects and no logic at
 * all. What it costs is the yardstick of `cpuRatio`. Change nothing in it that changes its cost.
 */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { print } from "../../core/output.js";

declare global {
  interface Buffer {
    // In Node for ever, in its types not: the quickest way for Latin-1 in and out.
    latin1Write(text: string, at?: number, length?: number): number;
    latin1Slice(start?: number, end?: number): string;
  }
}

export interface BareSpec {
  readonly directory: string;
  readonly nats: number;
  /** Port of the SMSC. */
  readonly smpp: number;
}

export const spec = JSON.parse(process.argv[2] ?? "{}") as BareSpec;

export async function nats(port = spec.nats) {
  const nc = await connect({ port, noAsyncTraces: true });
  return { nc, js: jetstream(nc), jsm: await jetstreamManager(nc) };
}

/** Tells start.ts that this process is at work. */
export function ready(port = 0): void {
  print(JSON.stringify({ ready: port }));
}
