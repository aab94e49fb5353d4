/**
 * Quote request: one hypothetical message, as a line of JSON says it.
 *
 * In: whatever JSON.parse gave. Out: a request with its defaults, or which field is wrong and how;
 * what is not known is an error too, because a misspelt `trafficclass` would change the price in
 * silence. Problems never repeat what was given: it may be a number or a text.
 */
import { createHash } from "node:crypto";
import { parseId } from "../core/message.js";
import { timeOf } from "./quote-time.js";

export interface QuoteRequest {
  /** E.164 with "+" or "00", or national with `defaultRegion`. */
  readonly to: string;
  readonly from: string;
  readonly text: string;
  /** In place of the text, which is empty then. */
  readonly binary?: QuoteBinary | undefined;
  /** 0: nobody's; no guard and no rule for an account applies. */
  readonly account: number;
  /** Number or name of a price plan, as it was asked for; "": the account's, else the first. */
  readonly plan: string;
  /**
   * Number of the plan that the account has, where `plan` is ""; absent: nobody's. What is asked for
   * must be there, but an account may have a plan that the tables do not know: it has no price.
   */
  readonly accountPlan?: number | undefined;
  /** floe.v1.TrafficClass; 0 counts as transactional. */
  readonly trafficClass: number;
  /** ISO 3166-1 alpha-2, upper case; "": none, so only international numbers are understood. */
  readonly defaultRegion: string;
  /** When the message would be accepted, milliseconds since 1970; 0: now. */
  readonly atMs: number;
  /** False: the number is taken by its prefix even if it is not a valid one. */
  readonly validate: boolean;
  /** Segments that the account has sent in the month of `at`: for volume tiers. */
  readonly monthSegments: number;
  /** 16 bytes: which message it would be, for strategies by weight; undefined: `idOf`. */
  readonly messageId: Uint8Array | undefined;
}

/** Octets, and the user data header before them: each may be empty. */
export interface QuoteBinary {
  readonly data: Uint8Array;
  readonly udh: Uint8Array;
}

/** What is wrong with a request. `field` is "" where it is no object at all. */
export interface QuoteProblem {
  readonly field: string;
  readonly problem: string;
}

/** More than any message may have; beyond it counting would be a way to keep a process busy. */
const CHARACTERS_MAX = 65_536;
const NUMBER_MAX = 0xffff_ffff;
const MONTH_SEGMENTS_MAX = Number.MAX_SAFE_INTEGER;
/** By floe.v1.TrafficClass. */
export const CLASSES: readonly string[] = ["", "authentication", "transactional", "promotional"];

/** Changed field by field while an object is read. */
type Draft = { -readonly [K in keyof QuoteRequest]: QuoteRequest[K] };

export const NO_REQUEST: QuoteRequest = {
  to: "",
  from: "",
  text: "",
  account: 0,
  plan: "",
  trafficClass: 0,
  defaultRegion: "",
  atMs: 0,
  validate: true,
  monthSegments: 0,
  messageId: undefined,
};

export function isProblem(value: QuoteRequest | QuoteProblem): value is QuoteProblem {
  return "problem" in value;
}

/**
 * One line of a file.
 * @param absent what it has where it says nothing.
 */
export function parseQuoteLine(
  line: string,
  absent: QuoteRequest = NO_REQUEST,
): QuoteRequest | QuoteProblem {
  let plain: unknown;
  try {
    plain = JSON.parse(line);
  } catch {
    return { field: "", problem: "must be JSON" };
  }
  return parseQuoteRequest(plain, absent);
}

/** Null counts as absent; "" in `absent` too. */
export function parseQuoteRequest(
  plain: unknown,
  absent: QuoteRequest = NO_REQUEST,
): QuoteRequest | QuoteProblem {
  if (typeof plain !== "object" || plain === null || Array.isArray(plain)) {
    return { field: "", problem: "must be an object" };
  }
  const given = plain as Record<string, unknown>;
  const request: Draft = { ...absent };
  // A line that says what is sent says all of it.
  if (typeof given["text"] === "string") delete request.binary;
  else if (typeof given["binary"] === "string") request.text = "";
  for (const [field, value] of Object.entries(plain)) {
    const read = Object.hasOwn(READERS, field) ? READERS[field] : undefined;
    if (read === undefined) {
      return { field, problem: `is not known; known are ${Object.keys(READERS).join(", ")}` };
    }
    if (value === null || value === undefined) continue;
    const problem = read(request, value);
    if (problem !== undefined) return { field, problem };
  }
  for (const field of ["to", "from", "text"] as const) {
    if (typeof given[field] === "string" || absent[field] !== "") continue;
    if (field === "text" && request.binary !== undefined) continue;
    return { field, problem: "must be there, as a string" };
  }
  if (request.binary === undefined) return request;
  if (request.text !== "") return { field: "binary", problem: "must not stand beside a text" };
  const { data, udh } = request.binary;
  if (data.length + udh.length > 0) return request;
  return { field: "binary", problem: "must not be empty" };
}

const READERS: Readonly<Record<string, (into: Draft, value: unknown) => string | undefined>> = {
  to: text("to"),
  from: text("from"),
  text: text("text"),
  binary: octets("data"),
  udh: octets("udh"),
  account: whole("account", 1, NUMBER_MAX),
  plan(into, value) {
    if (typeof value === "string" && value !== "" && value.length <= 100) into.plan = value;
    else if (isWhole(value, 1, NUMBER_MAX)) into.plan = String(value);
    else return "must be the number or the name of a plan";
    return undefined;
  },
  trafficClass(into, value) {
    const at = typeof value === "string" ? CLASSES.indexOf(value.toLowerCase()) : -1;
    if (at < 1) return `must be one of ${CLASSES.slice(1).join(", ")}`;
    into.trafficClass = at;
    return undefined;
  },
  defaultRegion(into, value) {
    if (typeof value !== "string" || !/^[A-Za-z]{2}$/.test(value)) {
      return "must be a country by its two letters (ISO 3166-1 alpha-2)";
    }
    into.defaultRegion = value.toUpperCase();
    return undefined;
  },
  at(into, value) {
    const atMs = typeof value === "string" ? timeOf(value) : undefined;
    if (atMs === undefined) return "must be a time such as 2026-11-24T09:30:00Z (RFC 3339)";
    into.atMs = atMs;
    return undefined;
  },
  validate(into, value) {
    if (typeof value !== "boolean") return "must be true or false";
    into.validate = value;
    return undefined;
  },
  monthSegments: whole("monthSegments", 0, MONTH_SEGMENTS_MAX),
  messageId(into, value) {
    const id = typeof value === "string" ? parseId(value) : undefined;
    if (id === undefined) return "must be a UUID";
    into.messageId = id;
    return undefined;
  },
};

function text(field: "to" | "from" | "text") {
  return (into: Draft, value: unknown): string | undefined => {
    if (typeof value !== "string") return "must be a string";
    if (value.length > CHARACTERS_MAX) return `must be at most ${CHARACTERS_MAX} characters`;
    into[field] = value;
    return undefined;
  };
}

function octets(field: keyof QuoteBinary) {
  return (into: Draft, value: unknown): string | undefined => {
    if (typeof value !== "string" || !/^(?:[0-9A-Fa-f]{2})*$/.test(value)) {
      return "must be octets as pairs of hexadecimal digits";
    }
    if (value.length > CHARACTERS_MAX) return `must be at most ${CHARACTERS_MAX} digits`;
    into.binary = { ...(into.binary ?? NO_OCTETS), [field]: Buffer.from(value, "hex") };
    return undefined;
  };
}

const NO_OCTETS: QuoteBinary = { data: new Uint8Array(0), udh: new Uint8Array(0) };

function whole(field: "account" | "monthSegments", min: number, max: number) {
  return (into: Draft, value: unknown): string | undefined => {
    // Account numbers are often kept as texts.
    const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
    if (!isWhole(number, min, max)) return `must be a whole number from ${min} to ${max}`;
    into[field] = number;
    return undefined;
  };
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

/**
 * The id that a hypothetical message gets if it brings none: a strategy by weight looks at it. From
 * content and place, so that a file gives the same results each time, and equal lines of it spread
 * over the carriers as equal messages would.
 */
export function idOf({ to, from, text, binary }: QuoteRequest, place: number): Uint8Array {
  const octets = binary === undefined ? [] : [hexOf(binary.data), hexOf(binary.udh)];
  const hash = createHash("sha256")
    .update(JSON.stringify([to, from, text, place, ...octets]))
    .digest();
  return new Uint8Array(hash.subarray(0, 16));
}

export function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("hex");
}
