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
} from "../proto/google/rpc/error_details.js";
import { Status } from "../proto/google/rpc/status.js";

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
  assert(encoded.length <= TRAILER_BYTES_MAX, "whoever refuses keeps within the trailer");
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(encoded));
  return { code, details, metadata, status: encoded };
}

function any(name: string, writer: { finish(): Uint8Array }) {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(writer.finish()) };
}

/** Whether an answer is a refusal. */
export function isRefusal<T>(value: T | Refusal): value is Refusal {
  return typeof value === "object" && value !== null && "status" in value && "code" in value;
}

/** A bug of ours: the call is told, the log has the error. */
export const INTERNAL = refuse(status.INTERNAL, "INTERNAL", "Internal error.");
