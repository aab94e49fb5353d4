/**
 * Configuration plane: what lies in the KV buckets (core/subjects.ts), as JSON, and its checks.
 *
 * Written by the admin service and by `npm start`; watched by everyone who needs it. A value that
 * fails its check is never half-used: `parse*` throws, the watcher keeps the last good one.
 */
import { z } from "zod";
import { FloeError } from "./errors.js";
import { isCarrierName } from "./subjects.js";

/** `floe_config`, key `partitions`: fixed at the first start. */
const partitions = z.strictObject({ count: z.int().min(1).max(1_024) });
export type PartitionsConfig = z.output<typeof partitions>;

/** `floe_config`, key `tables`: which binary table set is in force. */
const tables = z.strictObject({
  version: z.int().min(1),
  object: z.string().min(1),
  /**
   * Revisions of `floe_entities` and `floe_carriers` up to which everything has been made into the
   * set, or was passed over on purpose when an older set was put into force.
   */
  through: z.strictObject({ entities: z.int().min(0), carriers: z.int().min(0) }).optional(),
  /** It was put into force by hand, in spite of changes that are not in it. */
  held: z.boolean().optional(),
  /** Milliseconds since 1970, and the id of the key whose change or call it was. */
  activatedAtMs: z.int().min(0).optional(),
  activatedBy: z.string().optional(),
});
export type TablesConfig = z.output<typeof tables>;

/** `floe_table_sets`, key `set.<version>`: a table set that is kept to go back to. */
const tableSet = z.strictObject({
  version: z.int().min(1),
  object: z.string().min(1),
  /** SHA-256 of what it was made of, hex: the same rows, the same hash. */
  hash: z.string(),
  bytes: z.int().min(0),
  /** Of which revision of which table it was made. */
  made: z.record(z.string(), z.string()),
  builtAtMs: z.int().min(0),
  buildMs: z.int().min(0),
  changedBy: z.string(),
  through: z.strictObject({ entities: z.int().min(0), carriers: z.int().min(0) }),
  /** Of its image; absent: made by a release that did not say so, whose images nobody reads. */
  format: z.int().min(1).optional(),
  /** When another was put into force in its place; absent: when the next one was made. */
  leftAtMs: z.int().min(0).optional(),
});
export type TableSetConfig = z.output<typeof tableSet>;

/** `floe_table_sets`, key `failure`: why no set can be made of all changes up to `through`. */
const tableFailure = z.strictObject({
  through: z.strictObject({ entities: z.int().min(0), carriers: z.int().min(0) }),
  problems: z.array(z.string()),
  atMs: z.int().min(0),
});
export type TableFailureConfig = z.output<typeof tableFailure>;

/** Money of an account's terms: what a safe integer holds. */
const accountMicros = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** `floe_accounts`, key = account number in decimal. */
const account = z.strictObject({
  account: z.int().min(1).max(0xffff_ffff),
  name: z.string().min(1, "must be there").max(100),
  /** Number of the price plan. */
  plan: z.int().min(1).max(0xffff_ffff),
  status: z.enum(["active", "suspended", "closed"]),
  /** Absent: postpaid. */
  payment: z.enum(["prepaid", "postpaid"]).optional(),
  /** That of its plan, for ever: ISO 4217. Absent: written before accounts had one. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "must be ISO 4217")
    .optional(),
  /** How far a postpaid balance may fall below zero. Absent: no limit. */
  creditLimitMicros: accountMicros.optional(),
  /** What messages accepted on one day, or in one month, in UTC may cost. Absent: no cap. */
  spendCapDayMicros: accountMicros.optional(),
  spendCapMonthMicros: accountMicros.optional(),
  /** Messages that it may submit in a second, and at once after a pause. Absent: no limit. */
  messagesPerSecond: z.int().min(1).max(1_000_000).optional(),
  burst: z.int().min(1).max(10_000_000).optional(),
  /** Messages without an outcome. Absent: no limit. */
  maxOutstanding: z.int().min(1).max(100_000_000).optional(),
  /** Id of the API key that wrote it last, and when (milliseconds since 1970). */
  changedBy: z.string().optional(),
  changedAtMs: z.int().min(0).optional(),
});
export type AccountConfig = z.output<typeof account>;

/** What is wrong with an account that somebody wants to write. */
export function checkAccount(value: unknown) {
  return account.safeParse(value);
}

/** `floe_keys`, key = key id. The secret itself is nowhere. */
const apiKey = z.strictObject({
  keyId: z.string().regex(/^[0-9a-z]{8,32}$/),
  account: z.int().min(0).max(0xffff_ffff),
  /** SHA-256 of the secret part, hex. */
  secretHash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Customers send; staff operate (account 0). */
  scope: z.enum(["customer", "staff"]),
  status: z.enum(["active", "revoked"]),
  /** Milliseconds since 1970; 0: never. */
  expiresAtMs: z.int().min(0),
  /** What its owner calls it. */
  name: z.string().max(100).optional(),
  createdAtMs: z.int().min(0).optional(),
  /** Id of the API key that wrote it last, and when (milliseconds since 1970). */
  changedBy: z.string().optional(),
  changedAtMs: z.int().min(0).optional(),
});
export type KeyConfig = z.output<typeof apiKey>;

/** What is done about a command_status (services/connectors/smpp/status.ts). */
export const STATUS_CLASSES = [
  "ok",
  "throttled",
  "temporary",
  "bind",
  "permanent",
  "ambiguous",
] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** A TLV's tag, as people write it: "0x1401". */
const tlvTag = z.string().regex(/^0x[0-9a-f]{4}$/, "must be 0x and four hexadecimal digits");

/**
 * A TLV that goes with each submit_sm: a constant, or a field of the message. Integers are written
 * big endian; "text" ends with NUL (a C-octet string), "octets" does not; a constant of octets is hex.
 */
const sentTlv = z
  .strictObject({
    tag: tlvTag,
    type: z.enum(["int8", "int16", "int32", "text", "octets"]),
    value: z.string().max(256).optional(),
    from: z
      .string()
      .regex(
        /^(?:message_id|client_reference|account|sender|traffic_class|tag:.{1,32})$/,
        "must be message_id, client_reference, account, sender, traffic_class or tag:KEY",
      )
      .optional(),
  })
  .refine((one) => (one.value === undefined) !== (one.from === undefined), {
    error: "must have either a value or a field that it is taken from",
  })
  .refine(({ tag }) => !OWN_TLVS.includes(tag), {
    error: "must not be one that long messages are sent with (0x020c, 0x020e, 0x020f, 0x0424)",
    path: ["tag"],
  })
  .refine(({ type, value }) => value === undefined || isOfType(type, value), {
    error:
      "must be what the type holds: a whole number in decimal digits, pairs of hexadecimal digits " +
      "(octets), or 1 to 256 bytes without a NUL (text)",
    path: ["value"],
  });
export type SentTlv = z.output<typeof sentTlv>;

/** Those that a connector writes by itself: sar_* and message_payload. */
const OWN_TLVS: readonly string[] = ["0x020c", "0x020e", "0x020f", "0x0424"];
const INTEGER_BITS: Readonly<Record<string, number>> = { int8: 8, int16: 16, int32: 32 };

/** Whether a constant can be written as this type. */
function isOfType(type: string, value: string): boolean {
  const bits = INTEGER_BITS[type];
  if (bits !== undefined) return /^\d{1,10}$/.test(value) && Number(value) < 2 ** bits;
  if (type === "octets") return /^(?:[0-9A-Fa-f]{2})+$/.test(value);
  return value !== "" && !value.includes("\0") && Buffer.byteLength(value, "utf8") <= 256;
}

const hostAndPort = z.strictObject({ host: z.string().min(1), port: z.int().min(1).max(65_535) });
const octet = z.int().min(0).max(255);

/** `floe_carriers`, key = name. One SMPP link (SMPP 3.4 or 5.0). */
const carrier = z.strictObject({
  name: z
    .string()
    .refine(isCarrierName, "must be lower-case letters, digits and dashes, at most 32"),
  link: z.enum(["smpp"]),
  status: z.enum(["active", "stopped"]),
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  systemId: z.string().min(1).max(15),
  password: z.string().max(8),
  systemType: z.string().max(12).default(""),
  /** How it binds: one transceiver session, or a transmitter and a receiver session. */
  bind: z.enum(["transceiver", "transmitter_receiver"]).default("transceiver"),
  /** Sessions (or pairs of sessions) at the same time, over all connectors. */
  binds: z.int().min(1).max(64).default(1),
  /** submit_sm without an answer, per session. */
  window: z.int().min(1).max(10_000).default(50),
  /** Parts a second over all sessions; 0: no limit. */
  partsPerSecond: z.int().min(0).max(1_000_000).default(0),
  /** What data_coding 0 means there. */
  alphabet: z.enum(["gsm7", "gsm7_packed", "latin1", "ascii"]).default("gsm7"),
  enquireLinkMs: z.int().min(1_000).max(600_000).default(30_000),
  responseMs: z.int().min(1_000).max(600_000).default(60_000),
  /** National language tables that it takes (3GPP TS 23.038, 6.2.1.2.4). */
  languages: z.array(z.string().regex(/^[a-z]{2}$/, "must be two lower-case letters")).optional(),
  /** Whose receipts decide a long message (core/part-merge.ts); absent: those of all parts. */
  partReceipts: z.enum(["all", "first", "last"]).optional(),
  /** Hosts that are bound to, in this order, while `host` cannot be; it is gone back to. */
  fallbackHosts: z.array(hostAndPort).max(8).optional(),
  /** TLS to all of the hosts. Absent: none. */
  tls: z
    .strictObject({
      /** Name that the certificate must have; absent: the host's. */
      serverName: z.string().min(1).max(253).optional(),
      /** PEM, in place of the system's authorities. */
      authorities: z.string().max(65_536).optional(),
      /** PEM of our own certificate and its key, where the carrier asks for one. */
      certificate: z.string().max(65_536).optional(),
      key: z.string().max(65_536).optional(),
    })
    .refine((one) => (one.certificate === undefined) === (one.key === undefined), {
      error: "must have both a certificate and its key, or neither",
    })
    .optional(),
  /** interface_version in the bind (5.2.4). */
  version: z.enum(["3.4", "5.0"], "must be 3.4 or 5.0").optional(),
  /**
   * How a long message is cut (3GPP TS 23.040, 9.2.3.24; SMPP 3.4, 5.3.2.22 to 24 and 5.3.2.32):
   * user data header with a reference of 8 or 16 bits, sar_* TLVs, or whole in message_payload.
   * Absent: udh8.
   */
  longMessages: z.enum(["udh8", "udh16", "sar", "payload"]).optional(),
  /** data_coding of text in the alphabet (absent: 0), of UCS-2 (8), and of octets (4). */
  dataCodings: z
    .strictObject({ text: octet.optional(), ucs2: octet.optional(), binary: octet.optional() })
    .optional(),
  /** service_type (5.2.11); absent: empty. */
  serviceType: z.string().max(5).optional(),
  /** Numbering plan and type of number that its senders and recipients want, where not ours. */
  addressing: z
    .strictObject({
      sourceTon: octet.optional(),
      sourceNpi: octet.optional(),
      destinationTon: octet.optional(),
      destinationNpi: octet.optional(),
    })
    .optional(),
  tlvs: z.array(sentTlv).max(16).optional(),
  /** TLVs of answers and receipts that are kept in the call detail record. */
  keepTlvs: z.array(tlvTag).max(8).optional(),
  /** Class of a command_status where the carrier's use of it is its own; key such as "0x0000000b". */
  statusClasses: z
    .record(
      z.string().regex(/^0x[0-9a-f]{8}$/, "must be 0x and eight hexadecimal digits"),
      z.enum(STATUS_CLASSES).exclude(["ok"]),
    )
    .optional(),
  /** Form of the ids in its receipts (core/carrier-status.ts); absent: learned. Tried first. */
  idForm: z.enum(["same", "decimalToHex", "hexToDecimal"]).optional(),
  /** Id of the API key that wrote it last, and when (milliseconds since 1970). */
  changedBy: z.string().optional(),
  changedAtMs: z.int().min(0).optional(),
});
export type CarrierConfig = z.output<typeof carrier>;

/** `floe_dead`, key = sequence of the dead letter in DEAD: what was done with it. */
const deadEnd = z.strictObject({
  /** `replaying`: claimed, and perhaps published. */
  state: z.enum(["replaying", "replayed", "discarded"]),
  by: z.string(),
  atMs: z.int().min(0),
  /** Ids of the new messages. */
  messageIds: z.array(z.string()),
});
export type DeadEndConfig = z.output<typeof deadEnd>;

/** What is wrong with a carrier that somebody wants to write. */
export function checkCarrier(value: unknown) {
  return carrier.safeParse(value);
}

export const parsePartitions = parser("partitions", partitions);
export const parseTables = parser("tables", tables);
export const parseTableSet = parser("table set", tableSet);
export const parseTableFailure = parser("table failure", tableFailure);
export const parseAccount = parser("account", account);
export const parseKey = parser("key", apiKey);
export const parseDeadEnd = parser("dead letter", deadEnd);
export const parseCarrier = parser("carrier", carrier);

/** @throws FloeError "settings.invalid" naming every field that is wrong, never its value. */
export function parser<S extends z.ZodType>(what: string, schema: S) {
  return (value: Uint8Array | unknown): z.output<S> => {
    let plain: unknown = value;
    if (value instanceof Uint8Array) {
      try {
        plain = JSON.parse(Buffer.from(value).toString("utf8"));
      } catch (cause) {
        throw new FloeError("settings.invalid", { problems: [`${what} is not JSON`] }, cause);
      }
    }
    const parsed = schema.safeParse(plain);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(
      (issue) => `${what}.${issue.path.join(".")} ${issue.message}`,
    );
    throw new FloeError("settings.invalid", { problems });
  };
}

/** What is stored: JSON in UTF-8. Whoever writes has checked it. */
export function encodeConfig(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}
