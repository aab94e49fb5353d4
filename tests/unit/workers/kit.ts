/**
 * Kit: small table sets and tasks for tests of the workers, and answers read by ts-proto.
 */
import {
  DecisionFrame,
  DispatchFrame,
  type DispatchRecord,
  RequestFrame,
  type RequestRecord,
  type Verdict,
} from "../../../core/proto/floe/v1/frames.js";
import type { Message } from "../../../core/proto/floe/v1/messaging.js";
import { compileTables } from "../../../workers/compile.js";
import routeAndRate from "../../../workers/route-and-rate.js";
import {
  type DeckSource,
  type GuardRow,
  MATCH,
  type NetworkColumns,
  type NetworkId,
  type PlanRow,
  type RateTerms,
  ROUNDING,
  type RuleRow,
  type SenderRuleRow,
  type TableSource,
} from "../../../workers/source.js";
import type { RouteResult, RouteTask, TaskKeys } from "../../../workers/task.js";

export const ACCEPTED_AT_MS = Date.UTC(2026, 10, 24, 9, 30);
export const TOKEN_KEY = new Uint8Array(16).fill(1);
export const KEYS: TaskKeys = {
  token: TOKEN_KEY,
  data: { "2026-11": new Uint8Array(16).fill(2), "2026-12": new Uint8Array(16).fill(3) },
};

/** A deck's row: digits of a prefix ("" is the default row), or "234-01", or "mcc 234". */
export interface Row extends Partial<RateTerms> {
  readonly of: string;
  readonly priceMicros: number;
}

export const TERMS: RateTerms = {
  effectiveFromMs: 0,
  effectiveToMs: 0,
  senderKind: 0,
  trafficClass: 0,
  unit: "segment",
  priceMicros: 0,
  increment: 1,
  messageFeeMicros: 0,
  segmentFeeMicros: 0,
  minimumMicros: 0,
  chargeBasis: 0,
  rounding: ROUNDING.up,
  decimals: 6,
};

export function deck(
  owner: DeckSource["owner"],
  currency: string,
  rows: readonly Row[],
): DeckSource {
  const keys = rows.map(({ of }) => keyOf(of));
  return {
    owner,
    channel: "sms",
    currency,
    rows: {
      count: rows.length,
      kinds: Uint8Array.from(keys, ({ kind }) => kind),
      codes: Float64Array.from(keys, ({ digits }) => Number(digits)),
      lengths: Uint8Array.from(keys, ({ digits }) => digits.length),
      terms: Uint32Array.from(rows.keys()),
    },
    terms: rows.map(({ of: _, ...terms }) => ({ ...TERMS, ...terms })),
  };
}

function keyOf(of: string) {
  if (of === "") return { kind: MATCH.default, digits: "" };
  if (of.startsWith("mcc ")) return { kind: MATCH.mcc, digits: of.slice(4) };
  const network = /^([0-9]{3})-([0-9]{2,3})$/.exec(of);
  if (network !== null) return { kind: MATCH.network, digits: `${network[1]}${network[2]}` };
  return { kind: MATCH.prefix, digits: of };
}

export function rule(id: string, strategy: string, changes: Partial<RuleRow> = {}): RuleRow {
  return {
    id,
    order: 0,
    accounts: [],
    plans: [],
    trafficClasses: [],
    channels: [],
    countries: [],
    prefixes: [],
    networks: [],
    senders: [],
    senderKinds: [],
    strategy,
    marginMicros: 0,
    marginBasisPoints: 0,
    allowLoss: false,
    ...changes,
  };
}

export function senderRule(id: string, changes: Partial<SenderRuleRow> = {}): SenderRuleRow {
  return {
    id,
    country: "",
    carrier: "",
    alphanumeric: "allow",
    numeric: "allow",
    short: "allow",
    replacement: "",
    registered: [],
    ...changes,
  };
}

export function guard(account: number, changes: Partial<GuardRow> = {}): GuardRow {
  return {
    account,
    countries: {},
    otherCountries: "allow",
    priceCeilingMicros: 0,
    trafficClasses: [],
    neverCarriers: [],
    ...changes,
  };
}

export function plan(number: number, currency: string, changes: Partial<PlanRow> = {}): PlanRow {
  const name = `plan-${number}`;
  return {
    plan: number,
    name,
    currency,
    chargeBasis: 1,
    smartEncoding: false,
    possibleNumbers: true,
    ...changes,
  };
}

export function networks(
  rows: readonly (readonly [prefix: string, id: NetworkId])[],
): NetworkColumns {
  return {
    prefixes: rows.map(([prefix]) => prefix),
    of: Uint32Array.from(rows.keys()),
    ids: rows.map(([, id]) => id),
  };
}

/** Britain by two carriers, Ireland without a price, Belgium without a carrier. */
export const SOURCE: TableSource = {
  version: 42,
  made: {},
  carriers: [
    { name: "alpha", languages: [] },
    { name: "beta", languages: [] },
  ],
  plans: [plan(1, "GBP"), plan(4_000_000_000, "EUR", { chargeBasis: 2 })],
  networks: networks([
    ["44", { country: "GB", mcc: "", mnc: "" }],
    ["447700900", { country: "GB", mcc: "234", mnc: "01" }],
    ["353", { country: "IE", mcc: "272", mnc: "01" }],
    ["32", { country: "BE", mcc: "206", mnc: "10" }],
  ]),
  defaultNetworks: [],
  ported: { numbers: new Float64Array(0), of: new Uint16Array(0), ids: [] },
  decks: [
    deck({ carrier: "alpha" }, "GBP", [
      { of: "44", priceMicros: 28_700 },
      { of: "447", priceMicros: 28_000 },
      { of: "353", priceMicros: 42_700 },
    ]),
    deck({ carrier: "beta" }, "GBP", [
      { of: "44", priceMicros: 29_400 },
      { of: "447", priceMicros: 27_000, trafficClass: 1 },
      { of: "447", priceMicros: 29_000 },
    ]),
    deck({ plan: 1 }, "GBP", [
      { of: "44", priceMicros: 36_500 },
      { of: "4477", priceMicros: 39_000 },
      { of: "32", priceMicros: 64_000 },
    ]),
    deck({ plan: 4_000_000_000 }, "EUR", [{ of: "44", priceMicros: 50_000 }]),
  ],
  exchangeRates: [
    { currency: "GBP", effectiveFromMs: 0, rateNanos: 1_000_000_000 },
    { currency: "EUR", effectiveFromMs: 0, rateNanos: 850_000_000 },
  ],
  rules: [],
  senderRules: [],
  guards: [],
};

export function shared(image: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(image.length);
  new Uint8Array(memory).set(image);
  return memory;
}

export const TABLES = shared(compileTables(SOURCE));

export function messageTo(to: string, changes: Partial<Message> = {}): Message {
  return {
    to,
    from: "Floe",
    body: { $case: "text", text: "hello" },
    trafficClass: 0,
    idempotencyKey: "",
    clientReference: "",
    validitySeconds: 0,
    receipt: 0,
    tags: {},
    flash: false,
    ...changes,
  };
}

let lastId = 0;

export function requestTo(
  to: string,
  changes: Partial<Message> = {},
  fields: Partial<RequestRecord> = {},
): RequestRecord {
  lastId += 1;
  const messageId = Buffer.alloc(16, 0x5a);
  messageId.writeUInt32LE(lastId, 12);
  return {
    messageId,
    acceptedAtMs: BigInt(ACCEPTED_AT_MS),
    account: 7,
    plan: 1,
    keyTag: 0n,
    message: messageTo(to, changes),
    ...fields,
  };
}

export function requestFrame(records: RequestRecord[], lane = 2): Uint8Array {
  return RequestFrame.encode(
    RequestFrame.fromPartial({ partition: 3, lane: lane as 1, publishedAtMs: 1n, records }),
  ).finish();
}

export interface Answer {
  readonly result: RouteResult;
  readonly verdicts: readonly Verdict[];
  readonly dispatches: readonly DispatchRecord[];
}

/** Runs a task over whole frames, whatever they hold. */
export function runFrames(
  frames: readonly Uint8Array[],
  tables: SharedArrayBuffer = TABLES,
  keys: TaskKeys = KEYS,
  inputs: Partial<RouteTask> = {},
): Answer {
  const joined = Buffer.concat(frames);
  const buffer = new ArrayBuffer(joined.length);
  new Uint8Array(buffer).set(joined);
  let end = 0;
  const ends = frames.map((frame) => {
    end += frame.length;
    return end;
  });
  const result = routeAndRate({ frames: buffer, ends, tables, keys, ...inputs });
  const verdicts = new Uint8Array(result.verdicts, 0, result.verdictsEnd);
  const dispatches = new Uint8Array(result.dispatches, 0, result.dispatchesEnd);
  return {
    result,
    // Both kinds of frame have their records in field 8, so the bytes are frames without a header.
    verdicts: DecisionFrame.decode(verdicts).records,
    dispatches: DispatchFrame.decode(dispatches).records,
  };
}

/** Runs one message to `to` through the tables of `source`. */
export function decideOne(
  source: TableSource,
  request: RequestRecord,
  inputs: Partial<RouteTask> = {},
): Verdict {
  const tables = shared(compileTables(source));
  return runFrames([requestFrame([request])], tables, KEYS, inputs).verdicts[0]!;
}

export function run(records: RequestRecord[], lane = 2): Answer {
  return runFrames([requestFrame(records, lane)]);
}
