/**
 * Outcome policy: what a route wants done about what becomes of its messages at carriers. In: a
 * routing rule's. Out: bytes that travel with each dispatch record (floe.v1.DispatchPolicy), and
 * what a connector reads of them. A rule without one has DEFAULT_POLICY, and nothing travels.
 */
import {
  type FrameWriter,
  fixed32Of,
  newFields,
  putBytes,
  putFixed32,
  putVarint,
  readFields,
  varintOf,
} from "./stream/frame.js";

export const DELIVERIES = ["at_least_once", "at_most_once"] as const;
/** Outcomes after which the next carrier may be tried. */
export const FAILOVERS = ["refused", "temporary", "doubt"] as const;
export type FailoverOn = (typeof FAILOVERS)[number];

export interface OutcomePolicy {
  readonly delivery: (typeof DELIVERIES)[number];
  /** Empty: no other carrier is ever tried. */
  readonly failover: readonly FailoverOn[];
  /** What another carrier may cost, in percent of the first one's cost; 0: no bound. */
  readonly failoverCostPercentMax: number;
  /** Pauses before the same carrier is tried again, in seconds; empty: 1, 2 and 4. */
  readonly retryTemporarySeconds: readonly number[];
  /** After a refusal that the carrier means; empty: it is not tried again. */
  readonly retryRefusedSeconds: readonly number[];
  /** A message that no carrier was offered within this goes to the next one; 0: it waits. */
  readonly submitTimeoutSeconds: number;
}

export const DEFAULT_POLICY: OutcomePolicy = {
  delivery: "at_least_once",
  failover: ["refused", "temporary"],
  failoverCostPercentMax: 0,
  retryTemporarySeconds: [],
  retryRefusedSeconds: [],
  submitTimeoutSeconds: 0,
};

export const RETRIES_MAX = 16;
/** A pause is the chunk of the frame that waits (floe.v1.AttemptRecord.next_place): 16 bits. */
export const RETRY_SECONDS_MAX = 65_535;
export const SUBMIT_TIMEOUT_SECONDS_MAX = 86_400;
export const COST_PERCENT_MIN = 100;
export const COST_PERCENT_MAX = 10_000;

/** Fields of floe.v1.DispatchPolicy. */
const POLICY = {
  delivery: 1,
  failover: 2,
  submitTimeoutSeconds: 3,
  retryTemporarySeconds: 4,
  retryRefusedSeconds: 5,
} as const;

/** Bits of the field failover. */
export const FAILOVER_BIT: Readonly<Record<FailoverOn, number>> = {
  refused: 1,
  temporary: 2,
  doubt: 4,
};
const DEFAULT_BITS = FAILOVER_BIT.refused | FAILOVER_BIT.temporary;

/** A rule's own words for it; absent ones are those of DEFAULT_POLICY. */
export interface OutcomeFields {
  readonly delivery?: OutcomePolicy["delivery"] | undefined;
  readonly failoverOn?: readonly FailoverOn[] | undefined;
  readonly failoverCostPercentMax?: number | undefined;
  readonly retryTemporarySeconds?: readonly number[] | undefined;
  readonly retryRefusedSeconds?: readonly number[] | undefined;
  readonly submitTimeoutSeconds?: number | undefined;
}

export function policyOf(rule: OutcomeFields): OutcomePolicy {
  return {
    delivery: rule.delivery ?? DEFAULT_POLICY.delivery,
    failover: rule.failoverOn ?? DEFAULT_POLICY.failover,
    failoverCostPercentMax: rule.failoverCostPercentMax ?? 0,
    retryTemporarySeconds: rule.retryTemporarySeconds ?? [],
    retryRefusedSeconds: rule.retryRefusedSeconds ?? [],
    submitTimeoutSeconds: rule.submitTimeoutSeconds ?? 0,
  };
}

/** Whether a connector would do something else than by default. */
export function isDispatched(policy: OutcomePolicy): boolean {
  return (
    policy.delivery !== "at_least_once" ||
    bitsOf(policy) !== DEFAULT_BITS ||
    policy.submitTimeoutSeconds !== 0 ||
    policy.retryTemporarySeconds.length + policy.retryRefusedSeconds.length > 0
  );
}

function bitsOf({ failover }: OutcomePolicy): number {
  return failover.reduce((bits, one) => bits | FAILOVER_BIT[one], 0);
}

/** Writes what a connector must know of it. */
export function putPolicy(writer: FrameWriter, policy: OutcomePolicy): void {
  putVarint(writer, POLICY.delivery, DELIVERIES.indexOf(policy.delivery));
  putVarint(writer, POLICY.failover, bitsOf(policy));
  putFixed32(writer, POLICY.submitTimeoutSeconds, policy.submitTimeoutSeconds);
  putSeconds(writer, POLICY.retryTemporarySeconds, policy.retryTemporarySeconds);
  putSeconds(writer, POLICY.retryRefusedSeconds, policy.retryRefusedSeconds);
}

function putSeconds(writer: FrameWriter, field: number, seconds: readonly number[]): void {
  if (seconds.length === 0) return;
  const packed = new DataView(new ArrayBuffer(4 * seconds.length));
  for (const [index, one] of seconds.entries()) packed.setUint32(4 * index, one, true);
  putBytes(writer, field, new Uint8Array(packed.buffer));
}

/** A policy as it travels; one object, filled anew for each record. */
export interface DispatchedPolicy {
  atMostOnce: boolean;
  /** FAILOVER_BIT. */
  failover: number;
  submitTimeoutMs: number;
  /** Undefined: none is given. */
  retryTemporarySeconds: readonly number[] | undefined;
  retryRefusedSeconds: readonly number[] | undefined;
}

export function newDispatchedPolicy(): DispatchedPolicy {
  return {
    atMostOnce: false,
    failover: DEFAULT_BITS,
    submitTimeoutMs: 0,
    retryTemporarySeconds: undefined,
    retryRefusedSeconds: undefined,
  };
}

const fields = newFields();

/** Reads the policy in `bytes[at, end)`; `at` below 0, or what cannot be read, is the default. */
export function readPolicy(
  bytes: Uint8Array,
  at: number,
  end: number,
  into: DispatchedPolicy,
): void {
  const isThere = at >= 0 && readFields(bytes, at, end, fields);
  into.atMostOnce = isThere && varintOf(fields, POLICY.delivery) === 1;
  into.failover = isThere ? varintOf(fields, POLICY.failover) : DEFAULT_BITS;
  into.submitTimeoutMs = isThere
    ? 1_000 * fixed32Of(bytes, fields, POLICY.submitTimeoutSeconds)
    : 0;
  into.retryTemporarySeconds = isThere ? secondsIn(bytes, POLICY.retryTemporarySeconds) : undefined;
  into.retryRefusedSeconds = isThere ? secondsIn(bytes, POLICY.retryRefusedSeconds) : undefined;
}

function secondsIn(bytes: Uint8Array, field: number): number[] | undefined {
  const at = fields[2 * field]!;
  const size = fields[2 * field + 1]!;
  if (at < 0 || size <= 0 || size % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size);
  return Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 * index, true));
}
