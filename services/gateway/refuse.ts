/**
 * Refusals: the one place where an outcome becomes a gRPC status with google.rpc details.
 *
 * In: a code, a reason (ErrorInfo, domain "floe"), a sentence, and, where a repeat may help, when.
 * Out: a refusal that answers a call (status and `grpc-status-details-bin`) or one item of a batch
 * (google.rpc.Status). Refusals without fields are made once: under a flood they cost nothing.
 * Texts and details never repeat what the caller sent.
 */
import assert from "node:assert";
import { Metadata, status } from "@grpc/grpc-js";
import {
  BadRequest,
  type BadRequest_FieldViolation,
  ErrorInfo,
  RetryInfo,
} from "../../core/proto/google/rpc/error_details.js";
import { Status } from "../../core/proto/google/rpc/status.js";

/** A refusal answers a call as it is: grpc-js takes it for a status. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
  /** The same as google.rpc.Status, encoded. */
  readonly status: Uint8Array;
}

export interface Violation {
  /** Path from the request: `messages[3].to`. */
  readonly field: string;
  /** What is wanted. */
  readonly description: string;
  readonly reason: string;
}

export interface RefusalExtras {
  /** When a repeat may succeed. */
  readonly retryMs?: number;
  readonly violations?: readonly Violation[];
  /** For ErrorInfo; nothing personal. */
  readonly facts?: Readonly<Record<string, string>>;
}

export const DOMAIN = "floe";
/** Beyond this the trailer would hit the header limits of clients: 8 KiB, in base 64. */
const TRAILER_BYTES_MAX = 4_096;

export function refuse(
  code: number,
  reason: string,
  details: string,
  extras: RefusalExtras = {},
): Refusal {
  const told = [
    any("ErrorInfo", ErrorInfo.encode({ reason, domain: DOMAIN, metadata: extras.facts ?? {} })),
  ];
  if (extras.violations !== undefined) {
    const fieldViolations = extras.violations.map(
      (violation): BadRequest_FieldViolation => ({ ...violation, localizedMessage: undefined }),
    );
    told.push(any("BadRequest", BadRequest.encode({ fieldViolations })));
  }
  if (extras.retryMs !== undefined) {
    const retryDelay = {
      seconds: BigInt(Math.floor(extras.retryMs / 1_000)),
      nanos: (extras.retryMs % 1_000) * 1_000_000,
    };
    told.push(any("RetryInfo", RetryInfo.encode({ retryDelay })));
  }
  const encoded = Status.encode({ code, message: details, details: told }).finish();
  assert(encoded.length <= TRAILER_BYTES_MAX, "texts are ours, so their length is too");
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(encoded));
  return { code, details, metadata, status: encoded };
}

function any(name: string, writer: { finish(): Uint8Array }) {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(writer.finish()) };
}

/** Nothing was accepted: this process holds as much as it may. */
export const OUTBOX_FULL = refuse(
  status.RESOURCE_EXHAUSTED,
  "GATEWAY_FULL",
  "Too many messages wait for the stream; nothing was accepted.",
  { retryMs: 250 },
);
/** Nothing was accepted: of what this process holds, the account has its share. */
export const ACCOUNT_FULL = refuse(
  status.RESOURCE_EXHAUSTED,
  "ACCOUNT_FULL",
  "Too many messages of this account wait for the stream; nothing was accepted.",
  { retryMs: 250 },
);
/** Nothing was accepted: the stream itself is full. */
export const STREAM_FULL = refuse(
  status.RESOURCE_EXHAUSTED,
  "STREAM_FULL",
  "The stream is full; nothing was accepted.",
  { retryMs: 5_000 },
);
/** It is unknown whether the message was accepted. */
export const STREAM_UNCONFIRMED = refuse(
  status.UNAVAILABLE,
  "STREAM_UNCONFIRMED",
  "The stream did not confirm in time: accepted or not is unknown. Repeat with the same " +
    "idempotency key.",
  { retryMs: 1_000 },
);
/** Nothing was accepted: there is no connection to the stream. */
export const STREAM_AWAY = refuse(
  status.UNAVAILABLE,
  "STREAM_AWAY",
  "The stream is away; nothing was accepted.",
  { retryMs: 1_000 },
);
/** Nothing was accepted: what a clock that is wrong accepts could be taken for too old. */
export const CLOCK_WRONG = refuse(
  status.UNAVAILABLE,
  "CLOCK_WRONG",
  "This gateway's clock differs from the stream's; nothing was accepted. Ask another.",
  { retryMs: 5_000 },
);
/** Nothing was accepted: partitions, keys or accounts are not loaded yet. */
export const NOT_READY = refuse(
  status.UNAVAILABLE,
  "NOT_READY",
  "The gateway is starting; nothing was accepted.",
  { retryMs: 500 },
);
export const DRAINING = refuse(
  status.UNAVAILABLE,
  "DRAINING",
  "The gateway is stopping; open the stream again on another. Requests without an answer were " +
    "not accepted.",
  { retryMs: 100 },
);
export const USAGE_FULL = refuse(
  status.RESOURCE_EXHAUSTED,
  "USAGE_FULL",
  "Too many usage records wait for the stream; nothing was accepted.",
  { retryMs: 1_000 },
);
export const DEADLINE_SHORT = refuse(
  status.DEADLINE_EXCEEDED,
  "DEADLINE_SHORT",
  "The deadline leaves no time to confirm; nothing was accepted.",
);
export const IDEMPOTENCY_CONFLICT = refuse(
  status.FAILED_PRECONDITION,
  "IDEMPOTENCY_CONFLICT",
  "The idempotency key was used for another message within 24 hours.",
);
/** A bug of ours: the call is told, the log has the error. */
export const INTERNAL = refuse(status.INTERNAL, "INTERNAL", "Internal error.");
