/** Load: what the bench asks of the load generator's process, and what that tells it. */

/** Where the load goes. */
export interface LoadTarget {
  readonly kind: "floe" | "bare";
  /** host:port of the gRPC server. */
  readonly grpc: string;
  /** API keys, one for each account; calls take them in turn. `bare` asks for none. */
  readonly apiKeys: readonly string[];
}

export interface LoadSpec {
  readonly messages: number;
  /** Messages a call. 1: the unary call, where the target has one. */
  readonly batch: number;
  /** Calls under way at a time (closed loop); with a rate, only the channels follow from it. */
  readonly calls: number;
  /** Messages a second (open loop); 0: closed loop. */
  readonly rate: number;
  /** Whether client_reference carries the time at which the call was to begin. */
  readonly stamp: boolean;
  /** How long the messages are valid, below 16,384 s; absent: an hour. */
  readonly validitySeconds?: number;
}

export type LoadOrder =
  | { readonly type: "connect"; readonly target: LoadTarget }
  | { readonly type: "run"; readonly spec: LoadSpec };

export type LoadNews =
  | { readonly type: "connected" }
  /** Messages that were answered so far. */
  | { readonly type: "progress"; readonly answered: number }
  | { readonly type: "result"; readonly result: LoadResult };

export interface LoadResult {
  /** Messages whose id was told. */
  readonly accepted: number;
  /** XOR of the low 64 bits of these ids, as 16 hexadecimal digits; zeros for `bare`. */
  readonly idsChecksum: string;
  /** Messages that were refused for good, by the name of the gRPC code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that were told to come back and did, with the same idempotency keys. */
  readonly retriedCalls: number;
  /** When the first call began and the last was answered, in milliseconds since 1970. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  /** From when the call was meant to begin (open loop: coordinated omission is corrected). */
  readonly acceptMicros: Percentiles;
  /** From when it really began. Differs from the other only in an open loop. */
  readonly callMicros: Percentiles;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}
