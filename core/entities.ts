/**
 * Entities: what operators configure beside accounts, keys and carriers, as it lies in the KV bucket
 * `floe_entities`: plans, rules, sender rules, guards, exchange rates, default networks; and of
 * decks, networks and ported numbers, which are columns in an object store, where they lie.
 *
 * Written by the admin service and the local start; the builder of table sets reads them. Values are
 * JSON. Key = kind, a dot, and what names the entity among its kind (`keyOf`).
 */
import { z } from "zod";
import {
  type AccountConfig,
  type CarrierConfig,
  parseAccount,
  parseCarrier,
  parser,
} from "./configuration.js";
import { SEGMENT_MICROS_MAX, SENDER_CHARACTERS_MAX } from "./limits.js";
import {
  COST_PERCENT_MAX,
  COST_PERCENT_MIN,
  DELIVERIES,
  FAILOVERS,
  RETRIES_MAX,
  RETRY_SECONDS_MAX,
  SUBMIT_TIMEOUT_SECONDS_MAX,
} from "./outcome-policy.js";
import { isCarrierName } from "./subjects.js";

/** Who wrote it last: id of the API key, and when, milliseconds since 1970. */
const written = { changedBy: z.string(), changedAtMs: z.int().min(0) };

const token = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
    "must be lower-case letters, digits and dashes, at most 64",
  );
const carrierName = z.string().refine(isCarrierName, "must be the name of a carrier");
const country = z.string().regex(/^[A-Z]{2}$/, "must be ISO 3166-1 alpha-2");
const currency = z.string().regex(/^[A-Z]{3}$/, "must be ISO 4217");
const mcc = z.string().regex(/^\d{3}$/, "must be three digits");
const mnc = z.string().regex(/^\d{2,3}$/, "must be two or three digits");
const number32 = z.int().min(1).max(0xffff_ffff);
const trafficClass = z.int().min(1).max(3);
const senderKind = z.int().min(1).max(3);
const micros = z.int().min(0).max(SEGMENT_MICROS_MAX, "must be at most 1000000");
const chargeBasis = z.int().min(1).max(2);
/** A number with its plus, or alphanumeric. */
const sender = z.string().min(1).max(16);
/** More would be a mistake, and slow to look through. */
const LIST_MAX = 10_000;
const list = <T extends z.ZodType>(of: T) => z.array(of).max(LIST_MAX);

const plan = z.strictObject({
  plan: number32,
  name: z.string().min(1, "must be there").max(100),
  currency,
  chargeBasis,
  smartEncoding: z.boolean(),
  possibleNumbers: z.boolean().default(false),
  ...written,
});
export type PlanEntity = z.output<typeof plan>;

const retrySeconds = z.array(z.int().min(1).max(RETRY_SECONDS_MAX)).min(1).max(RETRIES_MAX);
const rule = z.strictObject({
  id: token,
  order: z.int().min(0).max(1_000_000),
  accounts: list(number32),
  plans: list(number32),
  trafficClasses: list(trafficClass),
  channels: list(z.enum(["sms", "fax"])),
  countries: list(country),
  prefixes: list(z.string().regex(/^[1-9]\d{0,14}$/, "must be 1 to 15 digits, the first not 0")),
  networks: list(z.string().regex(/^\d{3}(?:\d{2,3})?$/, "must be mcc, or mcc and mnc")),
  senders: list(sender),
  senderKinds: list(senderKind),
  strategy: z.string().min(1, "must be there").max(1_000),
  marginMicros: micros,
  marginBasisPoints: z.int().min(0).max(10_000, "must be at most 100"),
  allowLoss: z.boolean(),
  // Absent: as in DEFAULT_POLICY (outcome-policy.ts).
  delivery: z.enum(DELIVERIES).optional(),
  failoverOn: list(z.enum(FAILOVERS)).optional(),
  failoverCostPercentMax: z.int().min(COST_PERCENT_MIN).max(COST_PERCENT_MAX).optional(),
  retryTemporarySeconds: retrySeconds.optional(),
  retryRefusedSeconds: retrySeconds.optional(),
  submitTimeoutSeconds: z.int().min(1).max(SUBMIT_TIMEOUT_SECONDS_MAX).optional(),
  ...written,
});
export type RuleEntity = z.output<typeof rule>;

const senderPolicy = z.enum(["allow", "registered", "replace", "refuse"]);
const senderRule = z
  .strictObject({
    id: token,
    country: country.or(z.literal("")),
    carrier: carrierName.or(z.literal("")),
    alphanumeric: senderPolicy,
    numeric: senderPolicy,
    short: senderPolicy,
    replacement: z
      .string()
      .regex(
        new RegExp(`^(?:|\\+?\\d{3,15}|[A-Za-z0-9 ._-]{1,${SENDER_CHARACTERS_MAX}})$`),
        "must be a number, a short code, or up to 11 characters",
      ),
    registered: list(z.strictObject({ account: z.int().min(0).max(0xffff_ffff), sender })),
    ...written,
  })
  .refine(
    (one) =>
      one.replacement !== "" || ![one.alphanumeric, one.numeric, one.short].includes("replace"),
    { path: ["replacement"], error: "must be there if a policy replaces" },
  );
export type SenderRuleEntity = z.output<typeof senderRule>;

const countryPolicy = z.enum(["allow", "block", "monitor"]);
const guard = z.strictObject({
  account: number32,
  countries: z.record(country, countryPolicy),
  otherCountries: countryPolicy,
  priceCeilingMicros: micros,
  trafficClasses: list(trafficClass),
  neverCarriers: list(carrierName),
  ...written,
});
export type GuardEntity = z.output<typeof guard>;

const exchangeRate = z.strictObject({
  currency,
  effectiveFromMs: z.int().min(0, "must be 1970 or later"),
  rateNanos: z
    .int()
    .min(1, "must be above 0")
    .max(10 ** 15, "must be at most 1000000"),
  ...written,
});
export type ExchangeRateEntity = z.output<typeof exchangeRate>;

const defaultNetwork = z.strictObject({ country, mcc, mnc, ...written });
export type DefaultNetworkEntity = z.output<typeof defaultNetwork>;

/** Columns in the object store (services/admin/columns.ts). */
const columns = {
  object: z.string().min(1),
  /** SHA-256 of the columns, the first 16 hexadecimal digits. */
  hash: z.string().regex(/^[0-9a-f]{16}$/),
  rows: z.int().min(0),
  bytes: z.int().min(0),
};
const deck = z.strictObject({
  owner: z.union([z.strictObject({ carrier: carrierName }), z.strictObject({ plan: number32 })]),
  channel: z.enum(["sms", "fax"]),
  currency,
  ...columns,
  ...written,
});
export type DeckEntity = z.output<typeof deck>;

const table = z.strictObject({ ...columns, ...written });
export type TableEntity = z.output<typeof table>;

/** A local start has written its folder's rows: it does so once. `carriers`: those it has made. */
const seeded = z.strictObject({ carriers: z.array(z.string()), ...written });
export type SeededEntity = z.output<typeof seeded>;
/**
 * Rules that are being written and deleted all together: `object` (JSON in the store of columns)
 * says which. While it is there no table set is made; whoever finds it old finishes it.
 */
const batch = z.strictObject({ object: z.string().min(1), ...written });
export type BatchEntity = z.output<typeof batch>;
/** Written to have a table set made of what is there. */
const wanted = z.strictObject(written);

export interface EntityOf {
  /** In a bucket of their own: `floe_accounts`. */
  readonly account: AccountConfig;
  readonly carrier: CarrierConfig;
  readonly plan: PlanEntity;
  readonly rule: RuleEntity;
  readonly sender: SenderRuleEntity;
  readonly guard: GuardEntity;
  readonly exchange: ExchangeRateEntity;
  readonly default: DefaultNetworkEntity;
  readonly deck: DeckEntity;
  readonly networks: TableEntity;
  readonly ported: TableEntity;
  readonly seeded: SeededEntity;
  readonly batch: BatchEntity;
  readonly wanted: z.output<typeof wanted>;
}
export type EntityKind = keyof EntityOf;

/** @throws FloeError "settings.invalid" naming every field that is wrong, never its value. */
const PARSERS: { readonly [K in EntityKind]: (value: Uint8Array | unknown) => EntityOf[K] } = {
  account: parseAccount,
  carrier: parseCarrier,
  plan: parser("plan", plan),
  rule: parser("rule", rule),
  sender: parser("sender rule", senderRule),
  guard: parser("guard", guard),
  exchange: parser("exchange rate", exchangeRate),
  default: parser("default network", defaultNetwork),
  deck: parser("deck", deck),
  networks: parser("networks", table),
  ported: parser("ported numbers", table),
  seeded: parser("seeded", seeded),
  batch: parser("batch", batch),
  wanted: parser("wanted", wanted),
};

/** @throws FloeError "settings.invalid" naming every field that is wrong, never its value. */
export function parseEntity<K extends EntityKind>(
  kind: K,
  value: Uint8Array | unknown,
): EntityOf[K] {
  return PARSERS[kind](value);
}

const SCHEMAS = {
  plan,
  rule,
  sender: senderRule,
  guard,
  exchange: exchangeRate,
  default: defaultNetwork,
};

/** Where in a value is something wrong, and what. */
export interface FieldProblem {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

/** What is wrong with an entity that somebody wants to write. Carriers: see configuration.ts. */
export function entityProblems(
  kind: keyof typeof SCHEMAS,
  value: unknown,
): readonly FieldProblem[] {
  return problemsOf(SCHEMAS[kind].safeParse(value));
}

export function problemsOf(parsed: z.ZodSafeParseResult<unknown>): readonly FieldProblem[] {
  if (parsed.success) return [];
  return parsed.error.issues.map((issue) => ({
    path: issue.path.map((part) => (typeof part === "number" ? part : String(part))),
    problem: sentenceOf(issue),
  }));
}

/** Ours as it is; the library's own in words that follow a field's name. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  if (issue.message.startsWith("must ")) return issue.message;
  if (issue.code === "invalid_key" && issue.issues[0] !== undefined) {
    return sentenceOf(issue.issues[0]);
  }
  const items = "origin" in issue && issue.origin === "string" ? " characters" : "";
  if (issue.code === "too_small")
    return `${items === "" ? "must be" : "must have"} at least ${issue.minimum}${items}`;
  if (issue.code === "too_big")
    return `${items === "" ? "must be" : "must have"} at most ${issue.maximum}${items}`;
  return `is wrong: ${issue.message}`;
}

/** The key of an entity of `kind`, without the kind and its dot. */
export function keyOf<K extends EntityKind>(kind: K, entity: EntityOf[K]): string {
  return (KEYS[kind] as (of: EntityOf[K]) => string)(entity);
}

/** Key of what there is one of. */
export const ONLY = "all";
const KEYS: { readonly [K in EntityKind]: (entity: EntityOf[K]) => string } = {
  account: (one) => String(one.account),
  carrier: ({ name }) => name,
  plan: (one) => String(one.plan),
  rule: ({ id }) => id,
  sender: ({ id }) => id,
  guard: ({ account }) => String(account),
  exchange: (one) => `${one.currency}.${one.effectiveFromMs}`,
  default: (one) => one.country,
  deck: ({ owner, channel }) => deckKey(owner, channel),
  networks: () => ONLY,
  ported: () => ONLY,
  seeded: () => ONLY,
  batch: () => ONLY,
  wanted: () => ONLY,
};

export function deckKey(owner: DeckEntity["owner"], channel: DeckEntity["channel"]): string {
  return "carrier" in owner
    ? `carrier.${owner.carrier}.${channel}`
    : `plan.${owner.plan}.${channel}`;
}
