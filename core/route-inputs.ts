/**
 * Route inputs: what routing is told about carriers beside the tables, in KV: how well they are, and
 * how well they deliver.
 *
 * `floe_health`, key `<carrier>.<process>`: what one connector process sees of a carrier, with a time
 * to live, so that the word of a dead process fades. `floe_config`, key `quality`: what the cdr role
 * learned from receipts, by carrier and country.
 */
import { z } from "zod";
import { FloeError } from "./errors.js";

const health = z.strictObject({
  /**
   * `up`: a session takes messages; `degraded`: it refuses many (routing knows it, no connector says
   * it yet); `down`: none is there.
   */
  state: z.enum(["up", "degraded", "down"]),
  sinceMs: z.int().min(0),
});
export type CarrierHealth = z.output<typeof health>;

/** A connector says it again so often, and each word lives three times as long. */
export const HEALTH_REFRESH_MS = 10_000;
export const HEALTH_TTL_SECONDS = 30;

export function healthKey(carrier: string, processId: string): string {
  return `${carrier}.${processId}`;
}

/** The carrier that a key of `floe_health` is about: names have no dots. */
export function carrierOfHealthKey(key: string): string {
  return key.slice(0, key.indexOf("."));
}

const quality = z.strictObject({
  atMs: z.int().min(0),
  rows: z.array(
    z.strictObject({
      carrier: z.string().min(1),
      /** ISO 3166-1 alpha-2; "": all of the carrier's countries together. */
      country: z.string(),
      /** Messages delivered, of those whose fate is known, in 1/10000. */
      deliveredRate: z.int().min(0).max(10_000),
      /** From submission to delivery, 95th percentile. */
      p95Ms: z.int().min(0).max(0x7fff_ffff),
    }),
  ),
});
export type CarrierQuality = z.output<typeof quality>;

export const QUALITY_KEY = "quality";

export const parseHealth = parser("health", health);
export const parseQuality = parser("quality", quality);

const UNKNOWN = -1;

/**
 * Quality as a routing task carries it (workers/task.ts): for each carrier, and for each country
 * within it, rate and time; those of the carrier as a whole where the country has none.
 */
export function qualityNumbers(
  rows: CarrierQuality["rows"],
  carriers: readonly string[],
  countries: readonly string[],
): Int32Array {
  const byName = new Map(rows.map((row) => [`${row.carrier}/${row.country}`, row]));
  const numbers = new Int32Array(2 * carriers.length * countries.length);
  let at = 0;
  for (const carrier of carriers) {
    const whole = byName.get(`${carrier}/`);
    for (const country of countries) {
      const row = byName.get(`${carrier}/${country}`) ?? whole;
      numbers[at] = row?.deliveredRate ?? UNKNOWN;
      numbers[at + 1] = row?.p95Ms ?? 0;
      at += 2;
    }
  }
  return numbers;
}

export function encodeRouteInput(value: CarrierHealth | CarrierQuality): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}

/** @throws FloeError "settings.invalid" naming what is wrong, never its value. */
function parser<S extends z.ZodType>(what: string, schema: S) {
  return (value: Uint8Array): z.output<S> => {
    let plain: unknown;
    try {
      plain = JSON.parse(Buffer.from(value).toString("utf8"));
    } catch (cause) {
      throw new FloeError("settings.invalid", { problems: [`${what} is not JSON`] }, cause);
    }
    const parsed = schema.safeParse(plain);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(
      (issue) => `${what}.${issue.path.join(".")} ${issue.message}`,
    );
    throw new FloeError("settings.invalid", { problems });
  };
}
