/**
 * Options of the carrier simulator: one table that says their bounds, what `--help` tells, and what
 * may be set for a prefix or while it runs.
 */
import { parseArgs } from "node:util";
import { statusRows } from "../../services/connectors/smpp/status.js";

/** How times spread around their mean. */
export const SHAPES = ["constant", "uniform", "exponential", "log-normal"] as const;
export type Shape = (typeof SHAPES)[number];
export const ID_FORMS = ["hex", "upper", "decimal", "padded", "uuid"] as const;
export type IdForm = (typeof ID_FORMS)[number];
export const RECEIPT_ID_FORMS = [
  "same",
  "upper",
  "lower",
  "padded",
  "stripped",
  "other-base",
] as const;
export type ReceiptIdForm = (typeof RECEIPT_ID_FORMS)[number];
export const RECEIPT_FORMS = ["text", "seconds", "long", "case", "short", "tlv", "both"] as const;
export type ReceiptForm = (typeof RECEIPT_FORMS)[number];
export const FLAPS = ["cut", "unbind", "half-open", "any"] as const;
export const NOT_DELIVERED = [
  "undeliverable",
  "expired",
  "rejected",
  "deleted",
  "unknown",
] as const;

/** Shares of messages, 0 to 1, that something befalls. */
export interface Shares {
  refused: number;
  ignored: number;
  nacked: number;
  lostAnswers: number;
  lateAnswers: number;
  twiceAnswered: number;
  strayAnswers: number;
  closedBefore: number;
  closedAfter: number;
  receiptNever: number;
  receiptFirst: number;
  receiptTwice: number;
  receiptLate: number;
  receiptReordered: number;
  receiptEnroute: number;
  receiptStranger: number;
}

export interface CarrierOptions extends Shares {
  host: string;
  port: number;
  control: number;
  /** "host:port" of another host of the same carrier; empty: there is none. */
  second: string;
  /** Files of PEM; empty: plain TCP. Of whose certificates those of clients must be; empty: none. */
  tlsCertificate: string;
  tlsKey: string;
  tlsClients: string;
  name: string;
  systemId: string;
  password: string;
  /** Between a submit_sm and its answer: the mean, and how it spreads. */
  latencyMs: number;
  latencyShape: Shape;
  /** Between the answer and the receipt. */
  receiptDelayMs: number;
  receiptShape: Shape;
  /** Parts a second; beyond it `throttleWith`. 0: no limit. */
  partsPerSecond: number;
  throttleWith: readonly number[];
  /** Share of messages delivered, 0 to 1; the others end as one of `notDelivered`. */
  delivered: number;
  notDelivered: readonly (typeof NOT_DELIVERED)[number][];
  /** submit_sm without an answer that a session may have; beyond it ESME_RTHROTTLED. 0: no limit. */
  window: number;
  /** Sessions at the same time; beyond it ESME_RALYBND. 0: no limit. */
  binds: number;
  /** Share of binds refused, and with what. */
  bindRefused: number;
  bindRefuseWith: readonly number[];
  refuseWith: readonly number[];
  lateMs: number;
  receiptLateMs: number;
  reorderMs: number;
  receiptForm: readonly ReceiptForm[];
  id: IdForm;
  /** How a receipt writes the id that the answer gave. */
  receiptId: ReceiptIdForm;
  /** Mean life of a bind, after which it flaps; 0: for ever. */
  flapMs: number;
  flap: (typeof FLAPS)[number];
  halfOpenMs: number;
  track: boolean;
  /** Submits kept in memory for GET /submits; 0: none. */
  submits: number;
  log: string;
  rules: string;
  seed: number;
  /** 1: submit_sm are taken and never answered, as by a carrier that hangs. */
  mute: number;
}

type Key = keyof CarrierOptions;
type Row = {
  readonly key: Key;
  readonly help: string;
  /** Only when it starts. */
  readonly fixed?: true;
} & (
  | { readonly kind: "number"; readonly min: number; readonly max: number; readonly preset: number }
  | { readonly kind: "share"; readonly preset: number }
  | { readonly kind: "choice"; readonly of: readonly string[]; readonly preset: string }
  | { readonly kind: "list"; readonly of: readonly string[]; readonly preset: readonly string[] }
  | { readonly kind: "statuses"; readonly preset: readonly number[] }
  | { readonly kind: "text"; readonly preset: string }
  | { readonly kind: "flag"; readonly preset: false }
);

const number = (key: Key, max: number, help: string, preset = 0): Row => {
  return { key, kind: "number", min: 0, max, preset, help };
};
const share = (key: Key, help: string, preset = 0): Row => ({ key, kind: "share", preset, help });
const choice = (key: Key, of: readonly string[], help: string): Row => {
  return { key, kind: "choice", of, preset: of[0]!, help };
};
const fixed = (row: Row): Row => ({ ...row, fixed: true });
const text = (key: Key, preset: string, help: string): Row => {
  return { key, kind: "text", preset, help, fixed: true };
};

const HOUR_MS = 3_600_000;
const RSYSERR = 0x08;
const RTHROTTLED = 0x58;
const RBINDFAIL = 0x0d;

const CONNECTION: readonly Row[] = [
  text("host", "127.0.0.1", "listen here"),
  fixed(number("port", 65_535, "SMPP port; 0: any free one")),
  fixed(number("control", 65_535, "port of the HTTP control interface; 0: any free one")),
  text("second", "", "host:port of a second host of this carrier; port 0: any free one"),
  text("tlsCertificate", "", "file of a certificate (PEM): speak TLS, and nothing else"),
  text("tlsKey", "", "file of its key"),
  text("tlsClients", "", "file of the authority that clients must have a certificate of"),
  text("name", "carrier", "name in the log and in /stats"),
  text("systemId", "floe", "who may bind"),
  text("password", "secret", "with which password"),
];
const ANSWERS: readonly Row[] = [
  number("latencyMs", HOUR_MS, "between a submit_sm and its answer, the mean"),
  choice("latencyShape", SHAPES, "how it spreads: uniform from 0 to twice, log-normal by sigma 1"),
  number("receiptDelayMs", 24 * HOUR_MS, "between the answer and the receipt, the mean"),
  choice("receiptShape", SHAPES, "how that spreads"),
  number("partsPerSecond", 10_000_000, "more are refused; 0: no limit"),
  statuses("throttleWith", [RTHROTTLED], "with this (or ESME_RMSGQFUL)"),
  share("delivered", "messages delivered; the others end as one of", 1),
  list("notDelivered", NOT_DELIVERED, ["undeliverable"], "these"),
  number("window", 1_000_000, "unanswered submit_sm a session; more: ESME_RTHROTTLED; 0: no limit"),
  number("binds", 10_000, "sessions at the same time; more: ESME_RALYBND; 0: no limit"),
  choice("id", ID_FORMS, "message ids"),
  choice("receiptId", RECEIPT_ID_FORMS, "the id in receipts, beside that of the answer"),
  list("receiptForm", RECEIPT_FORMS, ["text"], "receipts, one of these forms each"),
  number("mute", 1, "1: take submit_sm and never answer"),
];
const FAULTS: readonly Row[] = [
  share("refused", "refused"),
  statuses("refuseWith", [RSYSERR], "with one of these, by name or number"),
  share("ignored", "not taken, and not answered"),
  share("nacked", "not taken, and answered by generic_nack"),
  share("lostAnswers", "taken, and the answer is lost"),
  share("lateAnswers", "taken, and answered later by"),
  number("lateMs", HOUR_MS, "so much", 5_000),
  share("twiceAnswered", "answered twice"),
  share("strayAnswers", "answered, and so is something that was never asked"),
  share("closedBefore", "taken, and the connection ends before the answer"),
  share("closedAfter", "answered, and then the connection ends"),
  share("receiptNever", "accepted without a receipt ever"),
  share("receiptFirst", "receipt before the answer"),
  share("receiptTwice", "receipt twice"),
  share("receiptLate", "receipt later by"),
  number("receiptLateMs", 24 * HOUR_MS, "so much", 5_000),
  share("receiptReordered", "receipt passed by others, held back for up to"),
  number("reorderMs", HOUR_MS, "so much", 500),
  share("receiptEnroute", "an intermediate notification before the receipt"),
  share("receiptStranger", "beside its receipt, one of an id that nobody was given"),
];
const SESSIONS: readonly Row[] = [
  share("bindRefused", "binds refused"),
  statuses("bindRefuseWith", [RBINDFAIL], "with one of these"),
  number("flapMs", 24 * HOUR_MS, "mean life of a bind; 0: for ever"),
  choice("flap", FLAPS, "how it ends"),
  number("halfOpenMs", HOUR_MS, "how long a half-open connection is kept, deaf and dumb", 60_000),
];
const RECORDS: readonly Row[] = [
  { key: "track", kind: "flag", preset: false, help: "count messages that came more than once" },
  fixed(number("submits", 10_000_000, "the last so many submits are kept for GET /submits")),
  text("log", "", "append a JSON line for each submit (plain numbers: a tool for tests only)"),
  text("rules", "", "file of rules by prefix, as POST /rules takes them"),
  { ...number("seed", 0xffff_ffff, "makes all that chance decides repeatable", 1), fixed: true },
];
const GROUPS: readonly (readonly [string, readonly Row[]])[] = [
  ["Connection", CONNECTION],
  ["Answers and receipts", ANSWERS],
  ["Faults: shares of messages, 0 to 1, and what they mean", FAULTS],
  ["Sessions", SESSIONS],
  ["Records", RECORDS],
];
const ROWS = GROUPS.flatMap(([, rows]) => rows);

/** All that `--faults` sets; a connection that ends takes a window of others with it. */
const FAULT_SHARES = FAULTS.filter(({ kind }) => kind === "share").map(({ key }) => key as Key);
const CLOSING: readonly Key[] = ["closedBefore", "closedAfter"];
const CLOSING_PART = 0.01;

function statuses(key: Key, preset: readonly number[], help: string): Row {
  return { key, kind: "statuses", preset, help };
}

function list(key: Key, of: readonly string[], preset: readonly string[], help: string): Row {
  return { key, kind: "list", of, preset, help };
}

export const DEFAULTS = Object.freeze(
  Object.fromEntries(ROWS.map(({ key, preset }) => [key, preset])),
) as unknown as CarrierOptions;

const INTRODUCTION = `Carrier simulator: an SMPP 3.4 server (SMSC) that answers and sends receipts.

  node dist/bench/carrier/main.js [options]

When it listens it prints {"msg":"listening","name":...,"port":...,"control":...}.
`;

const REST = `
  --faults SHARE                sets all shares under Faults at once (those that end a connection to
                                a hundredth of it: each puts a whole window in doubt)

Numbers by their last four digits, whatever --delivered says:
  0001 undeliverable            0006 no receipt
  0002 expired                  0007 ESME_RTHROTTLED at first
  0003 refused ESME_RINVDSTADR  0008 no answer at first
  0004 ESME_RSYSERR at first    0009 an ENROUTE notification, then delivered
  0005 rejected by receipt      0010 its receipt comes twice
                                0011 its receipt comes before the answer

Chance is drawn from the seed, the message and the number of its try, not from the order of arrival:
the same messages meet the same faults in every run.

Answered as well: query_sm, cancel_sm, replace_sm, submit_multi, data_sm, enquire_link, unbind.

Control (HTTP on 127.0.0.1, answers are JSON):
  GET /stats                    counters
  GET /options                  options as they are
  POST /reset                   counters and what came before
  POST /set?latency-ms=N&...    any option but those of the connection and the records
  GET, POST /rules              [{"prefix":"4479","latency-ms":50,"refused":1,"refuse-with":"0x0b"}]:
                                options by prefix of the recipient, the longest counts
  GET /submits?after=N&limit=N  JSON lines of --submits: number (from 1), time, connection, addresses,
                                hash of the message, part, id, status, what befell it
  POST /mo?from=&to=&text=      a message from a phone (&parts=udh, sar or payload where it is long,
                                &reference=N); it is delivered again until it is acknowledged
  POST /cut                     drops all connections
  POST /unbind                  asks all clients to go
  POST /half-open               all connections stay, deaf and dumb, for half-open-ms
  POST /host?number=1&up=false  takes the first host out of service, or the second; up=true: back
`;

export const HELP = `${INTRODUCTION}${GROUPS.map(helpOf).join("")}${REST}`;

function helpOf([title, rows]: readonly [string, readonly Row[]]): string {
  const lines = rows.map((row) => {
    const name = `--${dashed(row.key)}${row.kind === "flag" ? "" : ` ${placeholder(row)}`}`;
    const of = "of" in row ? ` (${row.of.join(", ")})` : "";
    const preset = Array.isArray(row.preset) ? row.preset.map(statusText).join(",") : row.preset;
    const told = row.kind === "flag" || preset === "" ? "" : ` [${String(preset)}]`;
    return `  ${name.padEnd(28)}  ${row.help}${of}${told}`;
  });
  return `\n${title}\n${lines.join("\n")}\n`;
}

function placeholder({ kind }: Row): string {
  if (kind === "number") return "N";
  return kind === "text" ? "TEXT" : kind === "share" ? "SHARE" : kind.toUpperCase();
}

function statusText(one: unknown): string {
  return typeof one === "number" ? `0x${one.toString(16).padStart(2, "0")}` : String(one);
}

/** @throws Error with a sentence for the user. `undefined`: help was asked for. */
export function parseCarrierOptions(args: readonly string[]): CarrierOptions | undefined {
  const rows = ROWS.map((row) => [
    dashed(row.key),
    { type: row.kind === "flag" ? ("boolean" as const) : ("string" as const) },
  ]);
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean" },
      faults: { type: "string" },
      ...(Object.fromEntries(rows) as Record<string, { type: "string" | "boolean" }>),
    },
  });
  const given = values as Record<string, string | boolean | undefined>;
  if (given["help"] === true) return undefined;
  const options: CarrierOptions = { ...DEFAULTS };
  // First: what is said for one of them alone counts more.
  if (given["faults"] !== undefined) assign(options, "faults", String(given["faults"]));
  for (const [name, value] of Object.entries(given)) {
    if (name !== "faults" && value !== undefined) assign(options, name, String(value));
  }
  return options;
}

/** Names that `/set` and rules take. */
export const SETTABLE = [
  ...ROWS.filter((row) => row.fixed !== true).map(({ key }) => dashed(key)),
  "faults",
];

/** Changes one option while the simulator runs. @throws Error with a sentence for the user. */
export function setOption(options: Partial<CarrierOptions>, name: string, value: string): void {
  if (!SETTABLE.includes(name)) throw new Error(`${name} is not an option that can be set`);
  assign(options, name, value);
}

function assign(options: Partial<CarrierOptions>, name: string, value: string): void {
  const into = options as Record<string, unknown>;
  if (name === "faults") {
    const all = numberOf(name, value, 0, 1);
    for (const key of FAULT_SHARES) into[key] = CLOSING.includes(key) ? all * CLOSING_PART : all;
    return;
  }
  const row = ROWS.find(({ key }) => dashed(key) === name);
  if (row === undefined) throw new Error(`${name} is not an option`);
  into[row.key] = readValue(row, name, value);
}

function readValue(row: Row, name: string, value: string): unknown {
  switch (row.kind) {
    case "number":
      return numberOf(name, value, row.min, row.max, row.fixed === true);
    case "share":
      return numberOf(name, value, 0, 1);
    case "choice":
      return oneOf(name, value, row.of);
    case "list":
      return value.split(",").map((one) => oneOf(name, one, row.of));
    case "statuses":
      return value.split(",").map((one) => statusOf(name, one));
    case "text":
      return value;
    case "flag":
      return oneOf(name, value, ["true", "false"]) === "true";
  }
}

function oneOf(name: string, value: string, of: readonly string[]): string {
  if (of.includes(value)) return value;
  throw new Error(`${name} must be one of ${of.join(", ")}`);
}

function numberOf(name: string, value: string, min: number, max: number, whole = false): number {
  const parsed = value === "" ? Number.NaN : Number(value);
  if (parsed >= min && parsed <= max && !(whole && !Number.isInteger(parsed))) return parsed;
  throw new Error(`${name} must be a ${whole ? "whole " : ""}number from ${min} to ${max}`);
}

function statusOf(name: string, value: string): number {
  const named = statusRows().find((row) => row[1] === value)?.[0];
  const parsed = named ?? (value === "" ? Number.NaN : Number(value));
  if (Number.isInteger(parsed) && parsed > 0 && parsed <= 0xffff_ffff) return parsed;
  throw new Error(`${name} must be statuses by name or number, as in ESME_RSYSERR,0x14`);
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Whether nothing but the rate, the window and the number itself decides over a message. */
export function isPlain(options: CarrierOptions): boolean {
  return (
    options.latencyShape === "constant" &&
    options.receiptShape === "constant" &&
    options.receiptForm.length === 1 &&
    options.receiptForm[0] === "text" &&
    options.delivered === 1 &&
    FAULT_SHARES.every((key) => options[key] === 0)
  );
}
