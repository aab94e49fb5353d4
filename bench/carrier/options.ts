/** Options of the carrier simulator: what `--help` says, and their bounds. */
import { parseArgs } from "node:util";

export interface CarrierOptions {
  host: string;
  port: number;
  control: number;
  name: string;
  systemId: string;
  password: string;
  /** Between a submit_sm and its answer. */
  latencyMs: number;
  /** Between the answer and the receipt. */
  receiptDelayMs: number;
  /** Parts a second; beyond it ESME_RTHROTTLED. 0: no limit. */
  partsPerSecond: number;
  /** Share of messages delivered, 0 to 1; the others end UNDELIV. */
  delivered: number;
  /** submit_sm without an answer that a session may have; beyond it ESME_RTHROTTLED. 0: no limit. */
  window: number;
  /** Sessions at the same time; beyond it ESME_RALYBND. 0: no limit. */
  binds: number;
  id: IdForm;
  /** How a receipt writes the id that the answer gave. */
  receiptId: ReceiptIdForm;
  track: boolean;
  log: string;
  seed: number;
  /** 1: submit_sm are taken and never answered, as by a carrier that hangs. */
  mute: number;
}

const ID_FORMS = ["hex", "decimal", "uuid"] as const;
export type IdForm = (typeof ID_FORMS)[number];
const RECEIPT_ID_FORMS = ["same", "upper", "padded", "other-base"] as const;
export type ReceiptIdForm = (typeof RECEIPT_ID_FORMS)[number];

export const HELP = `Carrier simulator: an SMPP 3.4 server (SMSC) that answers and sends receipts.

  node dist/bench/carrier/main.js [options]

  --host ADDRESS          listen here (127.0.0.1)
  --port N                SMPP port (0: any free one)
  --control N             port of the HTTP control interface (0: any free one)
  --name NAME             name in the log and in /stats (carrier)
  --system-id ID          who may bind (floe)
  --password TEXT         with which password (secret)
  --latency-ms N          between a submit_sm and its answer (0)
  --receipt-delay-ms N    between the answer and the receipt (0)
  --parts-per-second N    beyond it ESME_RTHROTTLED; 0: no limit (0)
  --delivered SHARE       share of messages delivered, the others end UNDELIV (1)
  --window N              unanswered submit_sm a session; beyond it ESME_RTHROTTLED; 0: no limit (0)
  --binds N               sessions at the same time; beyond it ESME_RALYBND; 0: no limit (0)
  --id FORM               message ids: hex, decimal or uuid (hex)
  --receipt-id FORM       the id in receipts: same, upper, padded (leading zeros), other-base (same)
  --track                 count messages that came more than once
  --log FILE              append a JSON line for each submit_sm (plain numbers: for tests only)
  --seed N                makes the outcomes by --delivered repeatable (1)
  --mute 1                take submit_sm and never answer

When it listens it prints {"msg":"listening","name":...,"port":...,"control":...}.

Numbers by their last four digits, whatever --delivered says:
  0001 undeliverable            0006 no receipt
  0002 expired                  0007 ESME_RTHROTTLED at first
  0003 refused ESME_RINVDSTADR  0008 no answer at first
  0004 ESME_RSYSERR at first    0009 an ENROUTE notification, then delivered
  0005 rejected by receipt      0010 its receipt comes twice
                                0011 its receipt comes before the answer

Control: GET /stats; POST /reset (counters); POST /set?latency-ms=N&... (any option but ports,
name, binds' credentials and log); POST /cut (drop all connections); POST /unbind (ask all to go).
`;

const NUMBERS = {
  latencyMs: { min: 0, max: 3_600_000 },
  receiptDelayMs: { min: 0, max: 86_400_000 },
  partsPerSecond: { min: 0, max: 10_000_000 },
  delivered: { min: 0, max: 1 },
  window: { min: 0, max: 1_000_000 },
  binds: { min: 0, max: 10_000 },
  mute: { min: 0, max: 1 },
} as const;
type NumberOption = keyof typeof NUMBERS;

export const DEFAULTS: CarrierOptions = {
  host: "127.0.0.1",
  port: 0,
  control: 0,
  name: "carrier",
  systemId: "floe",
  password: "secret",
  latencyMs: 0,
  receiptDelayMs: 0,
  partsPerSecond: 0,
  delivered: 1,
  window: 0,
  binds: 0,
  id: "hex",
  receiptId: "same",
  track: false,
  log: "",
  seed: 1,
  mute: 0,
};

const TEXT = { type: "string" } as const;

/** @throws Error with a sentence for the user. `undefined`: help was asked for. */
export function parseCarrierOptions(args: readonly string[]): CarrierOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean" },
      track: { type: "boolean" },
      host: TEXT,
      port: TEXT,
      control: TEXT,
      name: TEXT,
      "system-id": TEXT,
      password: TEXT,
      log: TEXT,
      seed: TEXT,
      ...Object.fromEntries(SETTABLE.map((name) => [name, TEXT])),
    },
  });
  const given = values as Record<string, string | boolean | undefined>;
  if (given["help"] === true) return undefined;
  const options: CarrierOptions = { ...DEFAULTS, track: given["track"] === true };
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== "string") continue;
    if (name === "host" || name === "name" || name === "password" || name === "log") {
      options[name] = value;
    } else if (name === "system-id") options.systemId = value;
    else if (name === "port" || name === "control")
      options[name] = wholeNumber(name, value, 65_535);
    else if (name === "seed") options.seed = wholeNumber(name, value, 0xffff_ffff);
    else setOption(options, name, value);
  }
  return options;
}

/** Names that `/set` takes. */
export const SETTABLE = [...Object.keys(NUMBERS).map(dashed), "id", "receipt-id"];

/** Changes one option while the simulator runs. @throws Error with a sentence for the user. */
export function setOption(options: CarrierOptions, name: string, value: string): void {
  if (name === "id" || name === "receipt-id") {
    const forms: readonly string[] = name === "id" ? ID_FORMS : RECEIPT_ID_FORMS;
    if (!forms.includes(value)) throw new Error(`${name} must be one of ${forms.join(", ")}`);
    if (name === "id") options.id = value as IdForm;
    else options.receiptId = value as ReceiptIdForm;
    return;
  }
  const key = Object.keys(NUMBERS).find((one) => dashed(one) === name) as NumberOption | undefined;
  if (key === undefined) throw new Error(`${name} is not an option`);
  const { min, max } = NUMBERS[key];
  const number = value === "" ? Number.NaN : Number(value);
  if (!(number >= min && number <= max)) {
    throw new Error(`${name} must be a number from ${min} to ${max}`);
  }
  options[key] = number;
}

function wholeNumber(name: string, value: string, max: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= max)) throw new Error(`${name} must be a whole number from 0 to ${max}`);
  return number;
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
