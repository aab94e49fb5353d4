/**
 * Carrier status: what a connector process has learned of a carrier, in the bucket
 * `floe_carrier_status`, for operators. Key `<carrier>.<process>`, with a time to live, so that the
 * word of a dead process fades.
 */
import { z } from "zod";
import { parser } from "./configuration.js";

/**
 * How receipts write the id that the answer to submit_sm gave: as it was; in another case; with more
 * or fewer leading zeros; in decimal where the answer was in hex ("decimalToHex" makes it the same
 * again), or the other way.
 */
export const ID_FORMS = ["same", "case", "zeros", "decimalToHex", "hexToDecimal"] as const;
export type IdForm = (typeof ID_FORMS)[number];

/** How far a bind's session is. */
export const SESSION_STATES = ["waiting", "connecting", "binding", "bound", "leaving"] as const;
export type SessionState = (typeof SESSION_STATES)[number];

const bind = z.object({
  bind: z.string(),
  /** Its session; absent: another process holds the slot now. */
  state: z.enum(SESSION_STATES).optional(),
  /** Where it is bound, or tries to be: "host:port". */
  host: z.string().optional(),
  tls: z.boolean().optional(),
  /** Milliseconds since 1970; 0: it is not bound. */
  boundSinceMs: z.int().min(0).optional(),
  /** Parts a second that it may send now; 0: no limit. */
  rate: z.number().min(0).optional(),
  /** submit_sm without an answer that it may have. */
  window: z.int().min(0).optional(),
  /** SMPP version that the carrier said it speaks; empty: it did not say. */
  version: z.string().optional(),
  /** Why it is not bound, or why its last session ended; empty: nothing was wrong. */
  problem: z.string().optional(),
  /** Form of the last receipt that met its message; absent, as all that follows: none did yet. */
  idForm: z.enum(ID_FORMS).optional(),
  /** Receipts since the process began, by form: of one case and zeros, one in 16 is compared. */
  idForms: z.record(z.enum(ID_FORMS), z.int().min(0)).optional(),
  /** Which address of a receipt is the message's recipient. */
  recipient: z.enum(["source", "destination"]).optional(),
  /** Milliseconds since 1970. */
  lastReceiptAtMs: z.int().min(0).optional(),
});

const status = z.object({ atMs: z.int().min(0), binds: z.array(bind) });
export type CarrierStatus = z.output<typeof status>;
export type BindStatus = CarrierStatus["binds"][number];

export const parseCarrierStatus = parser("carrier status", status);

/** Said again so often, and each word lives four times as long. */
export const STATUS_REFRESH_MS = 30_000;
export const STATUS_TTL_SECONDS = 120;

export function statusKey(carrier: string, processId: string): string {
  return `${carrier}.${processId}`;
}

/** The carrier that a key of the bucket is about: names have no dots. */
export function carrierOfStatusKey(key: string): string {
  return key.slice(0, key.indexOf("."));
}
