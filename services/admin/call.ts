/**
 * Call: one unary call of an operator: who it is, what is answered, and what an error becomes.
 *
 * A handler returns its response or a refusal. What it throws of the environment (a FloeError) is
 * told by its row in core/errors.ts; anything else is a bug: logged, and told as INTERNAL.
 */
import { type handleUnaryCall, type Metadata, status } from "@grpc/grpc-js";
import type { Clock } from "../../core/clock.js";
import { ERRORS, type FloeError, isFloeError } from "../../core/errors.js";
import { INTERNAL, isRefusal, type Refusal, refuse } from "../../core/grpc/refuse.js";
import type { Logger } from "../../core/log.js";
import { counter } from "../../core/metrics.js";
import type { Staff, StaffKeys } from "./staff.js";

const callsTotal = counter("floe_admin_calls_total", "Calls by operators.", ["method", "code"]);

/** What every service of this role is given. */
export interface Desk {
  readonly clock: Clock;
  readonly log: Logger;
  readonly staff: StaffKeys;
}

export type Take<Request, Response> = (
  request: Request,
  staff: Staff,
) => Promise<Response | Refusal>;

/** A handler of grpc-js. `method` is for metrics: "CarrierService/CreateCarrier". */
export function unary<Request, Response>(
  desk: Desk,
  method: string,
  take: Take<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    void answer(desk, method, call.metadata, (staff) => take(call.request, staff)).then((given) => {
      if (isRefusal(given)) callback(given);
      else callback(null, given);
    });
  };
}

/** Checks who calls, then what `take` gives, or the refusal that it ended in. Never throws. */
export async function answer<Response>(
  desk: Desk,
  method: string,
  metadata: Metadata,
  take: (staff: Staff) => Promise<Response | Refusal>,
): Promise<Response | Refusal> {
  const header = metadata.get("authorization")[0];
  const staff = desk.staff.check(header === undefined ? undefined : String(header));
  let given: Response | Refusal;
  try {
    given = isRefusal(staff) ? staff : await take(staff);
  } catch (error) {
    given = refusalOf(error, desk.log, method);
  }
  const code = isRefusal(given) ? given.code : status.OK;
  callsTotal.inc({ method, code: status[code] ?? "" });
  return given;
}

/** What an error of the environment becomes; a bug is logged. */
export function refusalOf(error: unknown, log: Logger, method: string): Refusal {
  if (!isFloeError(error)) {
    log.error({ err: error, method }, "a call failed by a bug");
    return INTERNAL;
  }
  const { grpc, retry } = ERRORS[error.code];
  const code = status[grpc as keyof typeof status] as status;
  log.warn({ err: error, method }, "a call failed");
  const extras = retry === "never" ? {} : { retryMs: 1_000 };
  return refuse(code, error.code.toUpperCase().replace(".", "_"), toldOf(error), extras);
}

/** Sentences for a person, as many as fit. */
export function toldOf(error: FloeError): string {
  const { problems, problem } = error.details;
  if (Array.isArray(problems)) return joined(problems as string[]);
  return typeof problem === "string" ? problem : ERRORS[error.code].text;
}

/** A trailer holds about 4 KiB in all, and what is said stands in it twice. */
const TOLD_CHARACTERS_MAX = 1_000;

/** The first of `sentences` that fit, and how many more there are. */
export function joined(sentences: readonly string[]): string {
  let text = "";
  for (const [at, sentence] of sentences.entries()) {
    const next = text === "" ? sentence : `${text}; ${sentence}`;
    if (next.length > TOLD_CHARACTERS_MAX) {
      const shown = at === 0 ? sentence.slice(0, TOLD_CHARACTERS_MAX) : text;
      const more = sentences.length - Math.max(at, 1);
      return more === 0 ? shown : `${shown}; and ${more} more`;
    }
    text = next;
  }
  return text;
}
