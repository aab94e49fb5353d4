/**
 * Side: one of the two systems that the bench compares, running. Ours (floe.ts) and the yardstick
 * (bare/start.ts) are driven and measured through this page alone, so that neither is favoured.
 */
import type { LoadTarget } from "./load-spec.js";

export interface Side {
  readonly name: SideName;
  readonly target: LoadTarget;
  /** All that counts as the system: every process but the load generator and the bench itself. */
  readonly processes: readonly SideProcess[];
  /** Last sequence of each stream, by name in flow order. */
  lastSequences(): Promise<Readonly<Record<string, number>>>;
  /** What the carrier simulators saw since their start. */
  carriers(): Promise<CarrierCounts>;
  /** Unfinished frames of all consumers together. */
  backlog(): Promise<number>;
  /** What became of the messages that were accepted at or after `sinceMs`, from ClickHouse. */
  outcome(sinceMs: number): Promise<Outcome>;
  /** Records of each stream in the frames after `before`; a stream that tells none is absent. */
  records(before: Readonly<Record<string, number>>): Promise<Readonly<Record<string, number>>>;
  /** Times from the client's call (client_reference) to submit and receipt, in microseconds. */
  journeys(sinceMs: number): Promise<readonly Journey[]>;
  /** Ends its processes and removes what it wrote. Repeats are harmless. */
  stop(): Promise<void>;
}
export type SideName = "floe" | "bare";

export interface SideProcess {
  readonly role: string;
  readonly pid: number;
}

export interface CarrierCounts {
  /** submit_sm received. */
  readonly submits: number;
  /** Those whose message had been received before. */
  readonly duplicates: number;
}

export interface Outcome {
  /** Rows that the view gives, and different messages among them. */
  readonly rows: number;
  readonly messages: number;
  /** Different messages in a terminal state, and those among them whose receipt is there. */
  readonly terminal: number;
  readonly withReceipt: number;
  /** XOR of the low 64 bits of the ids in a terminal state, as 16 hexadecimal digits. */
  readonly idsChecksum: string;
  readonly byState: Readonly<Record<string, number>>;
}

export interface Journey {
  readonly submitMicros: number;
  readonly receiptMicros: number;
}
