/** What the gateway refuses with, made once: under a flood it costs nothing. */
import { status } from "@grpc/grpc-js";
import { refuse } from "../../core/grpc/refuse.js";

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
/** Nobody knows the account's money for certain now. */
export const OWNER_AWAY = refuse(
  status.UNAVAILABLE,
  "OWNER_AWAY",
  "Who owns the account did not answer; ask again.",
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
