/**
 * Side: one of the two systems that the bench compares, running. Ours (floe.ts) and the yardstick
 * (bare/start.ts) are driven and measured through this page alone, so that neither is favoured.
 */
import type { LoadTarget, Percentiles } from "./load-spec.js";

export interface Side {
  readonly name: SideName;
  readonly target: LoadTarget;
  /** All that counts as the system: every process but the load generator and the bench itself. */
  readonly processes: readonly SideProcess[];
  /** What comes from now on is measured. Called on an idle system, after the warm-up. */
  begin(): Promise<void>;
  /** Frames since `begin` by stream, in flow order. */
  frames(): Promise<Counts>;
  /** What is unfinished in all consumers together, in frames. Cheap: asked many times a second. */
  backlog(): Promise<number>;
  /** What became of the messages that were accepted since `begin`. Costs the database a query. */
  outcome(): Promise<Outcome>;
  /** What is known only of one's own system, read when nothing is measured any more. */
  details?(): Promise<Details>;
  /** Ends its processes and removes what it wrote. Repeats are harmless. */
  stop(): Promise<void>;
}
export type SideName = "floe" | "bare";
export type Counts = Readonly<Record<string, number>>;

export interface SideProcess {
  readonly role: string;
  readonly pid: number;
}

export interface Outcome {
  /** Different messages with a final state in the database. */
  readonly terminal: number;
  /** Those among them whose receipt is there. */
  readonly withReceipt: number;
  /** Rows beyond one a message, and submits beyond one a message at the carriers. */
  readonly duplicateRows: number;
  readonly duplicateSubmits: number;
  /** XOR of the low 64 bits of the ids in a final state, as 16 hexadecimal digits; "" unknown. */
  readonly idsChecksum: string;
  readonly byState: Counts;
}

export interface Details {
  /** Records by stream, for those whose frames could be counted. */
  readonly records: Counts;
  /** From the begin of the client's call, where the messages carried it. */
  readonly submitMicros?: Percentiles;
  readonly receiptMicros?: Percentiles;
}
