/**
 * Exceptions: a ClickHouse error as the HTTP interface shows it.
 *
 * The body is "Code: 60. DB::Exception: ... (UNKNOWN_TABLE) (version ...)", the code is repeated in
 * X-ClickHouse-Exception-Code, and the status follows src/Server/HTTP/exceptionCodeToHTTPStatus.cpp
 * of ClickHouse.
 */

/** An error of the engine or of this interface. */
export class Exception extends Error {
  override readonly name = "Exception";
  readonly code: number;

  /** @param text from "Code:" on, without the version. */
  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

/** An error in the engine's own words. */
export function fail(code: number, type: string, text: string): Exception {
  return new Exception(code, `Code: ${code}. DB::Exception: ${text} (${type})`);
}

/** The engine's error as an Exception; what carries no code counts as 1001 (STD_EXCEPTION). */
export function toException(error: unknown): Exception {
  if (error instanceof Exception) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = /^Code:\s*(\d+)/.exec(text)?.[1];
  if (code !== undefined) return new Exception(Number(code), text);
  return fail(1001, "STD_EXCEPTION", text);
}

const BAD_REQUEST = [
  6, 15, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 117, 167, 168, 223, 321, 376, 427, 441, 457, 675,
  676,
];
const NOT_FOUND = [31, 46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 139, 336];
const STATUS = new Map<number, number>([
  ...BAD_REQUEST.map((code) => [code, 400] as const),
  ...NOT_FOUND.map((code) => [code, 404] as const),
  // REQUIRED_PASSWORD; UNKNOWN_USER, WRONG_PASSWORD, AUTHENTICATION_FAILED, SET_NON_GRANTED_ROLE
  [194, 401],
  [192, 403],
  [193, 403],
  [516, 403],
  [512, 403],
  // TIMEOUT_EXCEEDED, HTTP_LENGTH_REQUIRED, QUERY_IS_TOO_LARGE, NOT_IMPLEMENTED
  [159, 408],
  [381, 411],
  [377, 413],
  [48, 501],
  // SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK, TOO_MANY_SIMULTANEOUS_QUERIES
  [209, 503],
  [439, 503],
  [202, 503],
]);

export function statusOf(exception: Exception): number {
  return STATUS.get(exception.code) ?? 500;
}
