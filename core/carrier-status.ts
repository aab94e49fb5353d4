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

const bind = z.object({
  bind: z.string(),
  /** Form of the last receipt that met its message. */
  idForm: z.enum(ID_FORMS),
  /** Receipts since the process began, by form: of one case and zeros, one in 16 is compared. */
  idForms: z.record(z.enum(ID_FORMS), z.int().min(0)),
  /** Which address of a receipt is the message's recipient. */
  recipient: z.enum(["source", "destination"]),
  /** Milliseconds since 1970. */
  lastReceiptAtMs: z.int().min(0),
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
