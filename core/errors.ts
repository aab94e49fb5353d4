/**
 * Errors: every way in which the environment can fail, in one table.
 *
 * Expected outcomes (no route, no credit) are values of a returned union, and bugs are asserts:
 * neither is here. `retry` is for the stage: "soon" and "later" hand the message back to the stream
 * with a delay, "never" ends it. `grpc` is for the gateway, by its name in google.rpc.Code.
 */
export const ERRORS = {
  "actor.full": { retry: "later", grpc: "RESOURCE_EXHAUSTED", text: "The mailbox is full." },
  "actor.timeout": { retry: "soon", grpc: "DEADLINE_EXCEEDED", text: "No answer came in time." },
  "carrier.closed": { retry: "soon", grpc: "UNAVAILABLE", text: "The bind dropped." },
  "clickhouse.failed": { retry: "soon", grpc: "INTERNAL", text: "ClickHouse refused a query." },
  "clickhouse.unavailable": { retry: "soon", grpc: "UNAVAILABLE", text: "ClickHouse is away." },
  "frame.malformed": { retry: "never", grpc: "INTERNAL", text: "A frame cannot be read." },
  "import.invalid": { retry: "never", grpc: "INVALID_ARGUMENT", text: "Rows are wrong." },
  "keys.invalid": { retry: "never", grpc: "FAILED_PRECONDITION", text: "The keys file is wrong." },
  "local.failed": { retry: "never", grpc: "FAILED_PRECONDITION", text: "Local start failed." },
  "settings.invalid": { retry: "never", grpc: "FAILED_PRECONDITION", text: "Settings are wrong." },
  "stream.config": { retry: "never", grpc: "FAILED_PRECONDITION", text: "A stream differs." },
  "stream.fenced": { retry: "soon", grpc: "ABORTED", text: "Another owner appended first." },
  "stream.full": { retry: "later", grpc: "RESOURCE_EXHAUSTED", text: "The stream is full." },
  "stream.unavailable": { retry: "soon", grpc: "UNAVAILABLE", text: "The stream did not confirm." },
  "tables.invalid": { retry: "never", grpc: "FAILED_PRECONDITION", text: "Tables are wrong." },
} as const satisfies Record<`${string}.${string}`, { retry: Retry; grpc: string; text: string }>;

export type Retry = "soon" | "later" | "never";
export type ErrorCode = keyof typeof ERRORS;

/** Plain data, never personal: details go into logs and answers. */
export type ErrorDetails = Readonly<Record<string, string | number | readonly string[]>>;

/** Stays in its thread: across threads an error loses class, code and details. */
export class FloeError extends Error {
  override readonly name = "FloeError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    const told = Object.entries(details).map(([key, value]) => `${key}=${value}`);
    super([`${code}: ${ERRORS[code].text}`, ...told].join(" "), { cause });
    this.code = code;
    this.details = details;
  }
}

/** Whether `error` is ours with one of `codes`. */
export function isFloeError(error: unknown, ...codes: readonly ErrorCode[]): error is FloeError {
  return error instanceof FloeError && (codes.length === 0 || codes.includes(error.code));
}
