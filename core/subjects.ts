/**
 * Subjects: every stream and subject, in the order of the flow. Streams are declared from this
 * table, and nothing is published or consumed by a name that is not made here.
 *
 * | stream | subject | written by | read by | a record is |
 * |---|---|---|---|---|
 * | REQUESTS | request.<lane>.<partition> | gateway | owner of the partition | an accepted message, with content |
 * | DECISIONS | decision.<partition> | owner, fenced | cdr, events, the owner after a restart | verdict, settlement |
 * | DISPATCH | dispatch.<carrier>.<lane>.<slot> | owner, connectors | that carrier's connectors | what the carrier needs, with content |
 * | ATTEMPTS | attempt.<partition>.<carrier> | connectors, receipts, sweep | owner, cdr, events, the carrier's connectors | what happened at the carrier |
 * | RECEIPTS | receipt.<carrier> | connectors | receipts | a receipt whose message is not in memory |
 * | INBOUND | inbound.<carrier> | connectors | receipts | a mobile-originated message |
 * | USAGE | usage.api | gateway | cdr | an API call |
 * | DEAD | dead.<stage>, replay.<stage>.<stream> | every stage; admin | admin; the stage | a record that could not be read or crashed the stage; a frame that it is to read again |
 *
 * KV buckets: `floe_config` (partitions, tables pointer), `floe_accounts`, `floe_keys`,
 * `floe_carriers`, `floe_leases`, `floe_entities` (what else operators configure: core/entities.ts),
 * `floe_table_sets` (kept table sets, state of building), `floe_numbers` (which account a number
 * that people write to belongs to), `floe_suppressions` (who asked whom to stop), `floe_carrier_status`
 * (what connectors learned of carriers), `floe_dead` (dead letters that were replayed or discarded);
 * object stores `floe_tables` (binary table sets),
 * `floe_columns` (decks, networks, ported numbers) and `floe_snapshots` (states of partitions).
 */
import { STREAM_AGE_MS_MAX } from "./limits.js";
import { LANES, type LaneName, laneName } from "./message.js";

export interface StreamSpec {
  readonly name: StreamName;
  readonly subjects: readonly string[];
  /** `work`: a frame leaves when it is acked. `limits`: it leaves when readers are past it. */
  readonly retention: "work" | "limits";
  readonly bytesMax: number;
  /** Frames of one subject; the subject refuses more, the others go on. */
  readonly subjectFramesMax: number;
  /** 0: none. Work queues keep what is not done however old it is. */
  readonly ageMsMax: number;
}
export type StreamName =
  | "REQUESTS"
  | "DECISIONS"
  | "DISPATCH"
  | "ATTEMPTS"
  | "RECEIPTS"
  | "INBOUND"
  | "USAGE"
  | "DEAD";

const GIB = 1_024 ** 3;
const WORK = { retention: "work", ageMsMax: 0 } as const;
const LOG = { retention: "limits", ageMsMax: STREAM_AGE_MS_MAX } as const;

/** In flow order. All refuse when full; none drops what is old. */
export const STREAMS = [
  {
    name: "REQUESTS",
    subjects: ["request.>"],
    ...WORK,
    bytesMax: 4 * GIB,
    subjectFramesMax: 1_000_000,
  },
  {
    name: "DECISIONS",
    subjects: ["decision.*"],
    ...LOG,
    // Only a snapshot lets go of a decision: by age, a partition that was off for a week, or a cdr
    // that is a week behind, would lose what it needs.
    ageMsMax: 0,
    bytesMax: 16 * GIB,
    subjectFramesMax: 20_000_000,
  },
  {
    name: "DISPATCH",
    subjects: ["dispatch.>"],
    ...WORK,
    bytesMax: 8 * GIB,
    subjectFramesMax: 500_000,
  },
  {
    name: "ATTEMPTS",
    subjects: ["attempt.*.*"],
    ...LOG,
    bytesMax: 16 * GIB,
    subjectFramesMax: 20_000_000,
  },
  {
    name: "RECEIPTS",
    subjects: ["receipt.*"],
    ...WORK,
    bytesMax: 2 * GIB,
    subjectFramesMax: 1_000_000,
  },
  {
    name: "INBOUND",
    subjects: ["inbound.*"],
    ...WORK,
    bytesMax: 2 * GIB,
    subjectFramesMax: 1_000_000,
  },
  { name: "USAGE", subjects: ["usage.api"], ...WORK, bytesMax: GIB, subjectFramesMax: 1_000_000 },
  {
    name: "DEAD",
    subjects: ["dead.*", "replay.*.*"],
    ...LOG,
    bytesMax: GIB,
    subjectFramesMax: 1_000_000,
  },
] as const satisfies readonly StreamSpec[];

export function requestSubject(lane: number, partition: number): string {
  return `request.${laneName(lane)}.${partition}`;
}

/** One consumer of REQUESTS per lane and partition. */
export function requestConsumer(lane: LaneName, partition: number): ConsumerSpec {
  return {
    stream: "REQUESTS",
    name: `owner-${lane}-${partition}`,
    subject: `request.${lane}.${partition}`,
  };
}

export function decisionSubject(partition: number): string {
  return `decision.${partition}`;
}

/**
 * What the owner of a partition answers on: commands about money, questions about balances. No
 * stream: whoever is not answered asks again, and commands are told apart by their references.
 */
export function ownerSubject(partition: number): string {
  return `owner.${partition}`;
}

/** Slots: 0 everybody's, 1-3 for accounts with more than their share, `f` failover, `r` retries. */
export const SLOTS = ["0", "1", "2", "3", "f", "r"] as const;
export type Slot = (typeof SLOTS)[number];

/** `carrier` is a subject token: lower-case letters, digits and `-` (see `isCarrierName`). */
export function dispatchSubject(carrier: string, lane: number, slot: Slot): string {
  return `dispatch.${carrier}.${laneName(lane)}.${slot}`;
}

/** One consumer of DISPATCH per subject, in the order in which lanes are served. */
export function dispatchConsumers(carrier: string): readonly ConsumerSpec[] {
  return LANES.flatMap((lane) =>
    SLOTS.map((slot) => ({
      stream: "DISPATCH" as const,
      name: `${carrier}-${lane}-${slot}`,
      subject: `dispatch.${carrier}.${lane}.${slot}`,
    })),
  );
}

export function attemptSubject(partition: number, carrier: string): string {
  return `attempt.${partition}.${carrier}`;
}

/** All attempts of a partition, for its owner. */
export function attemptsOfPartition(partition: number): string {
  return `attempt.${partition}.*`;
}

/** All attempts at a carrier, for its connectors. */
export function attemptsOfCarrier(carrier: string): string {
  return `attempt.*.${carrier}`;
}

export function receiptSubject(carrier: string): string {
  return `receipt.${carrier}`;
}

export function inboundSubject(carrier: string): string {
  return `inbound.${carrier}`;
}

export const USAGE_SUBJECT = "usage.api";

/** Stages that bury what they cannot take. */
export const DEAD_STAGES = ["dispatch", "connector", "cdr", "receipts"] as const;
export type DeadStage = (typeof DEAD_STAGES)[number];

export function deadSubject(stage: DeadStage): string {
  return `dead.${stage}`;
}
export const DEAD_SUBJECTS = "dead.*";

/** Frames that a stage is to read once more, where their stream cannot give them again. */
export function replaySubject(stage: DeadStage, stream: StreamName): string {
  return `replay.${stage}.${stream}`;
}

/** What cdr reads: every record becomes rows. */
export const CDR_CONSUMERS = [
  { stream: "DECISIONS", name: "cdr", subject: "decision.*" },
  { stream: "ATTEMPTS", name: "cdr", subject: "attempt.*.*" },
  { stream: "USAGE", name: "cdr", subject: "usage.api" },
] as const satisfies readonly ConsumerSpec[];

/** What cdr is to read once more. */
export const CDR_REPLAYS = CDR_CONSUMERS.map(({ stream }) => ({
  stream,
  consumer: {
    stream: "DEAD",
    name: `cdr-${stream.toLowerCase()}`,
    subject: replaySubject("cdr", stream),
  } satisfies ConsumerSpec,
}));

/** What the receipts role reads: receipts for messages of long ago, messages from phones. */
export const COLD_CONSUMER = {
  stream: "RECEIPTS",
  name: "receipts",
  subject: "receipt.*",
} as const satisfies ConsumerSpec;
export const INBOUND_CONSUMER = {
  stream: "INBOUND",
  name: "receipts",
  subject: "inbound.*",
} as const satisfies ConsumerSpec;

export interface ConsumerSpec {
  readonly stream: StreamName;
  /** Durable name. */
  readonly name: string;
  /** The one subject, or pattern, that it takes. */
  readonly subject: string;
}

export const BUCKETS = {
  config: "floe_config",
  accounts: "floe_accounts",
  keys: "floe_keys",
  carriers: "floe_carriers",
  leases: "floe_leases",
  health: "floe_health",
  entities: "floe_entities",
  tableSets: "floe_table_sets",
  numbers: "floe_numbers",
  suppressions: "floe_suppressions",
  carrierStatus: "floe_carrier_status",
  dead: "floe_dead",
} as const;
/** Object store of table sets. */
export const TABLES_STORE = "floe_tables";
/** Object store of decks, networks and ported numbers, as columns. */
export const COLUMNS_STORE = "floe_columns";
/** Object store of the partitions' snapshots. */
export const SNAPSHOTS_STORE = "floe_snapshots";

/** A carrier's name is a token of subjects and of consumer names. */
export function isCarrierName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(name);
}
