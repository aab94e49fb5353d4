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
import { compileTables } from "../../../workers/compile-tables.js";
import routeAndRate from "../../../workers/route-and-rate.js";
import type { TableSource } from "../../../workers/table-source.js";
import type { RouteResult, TaskKeys } from "../../../workers/task.js";

export const ACCEPTED_AT_MS = Date.UTC(2026, 10, 24, 9, 30);
export const TOKEN_KEY = new Uint8Array(16).fill(1);
export const KEYS: TaskKeys = {
  token: TOKEN_KEY,
  data: { "2026-11": new Uint8Array(16).fill(2), "2026-12": new Uint8Array(16).fill(3) },
};

/** Britain by two carriers, Ireland without a price, Belgium without a route. */
export const SOURCE: TableSource = {
  version: 42,
  carriers: [
    { name: "alpha", currency: "GBP", comparisonRateMicros: 0 },
    { name: "beta", currency: "GBP", comparisonRateMicros: 0 },
  ],
  plans: [
    { plan: 1, name: "standard", currency: "GBP", chargeBasis: 1 },
    { plan: 4_000_000_000, name: "delivered", currency: "EUR", chargeBasis: 2 },
  ],
  networks: [
    { prefix: "44", country: "GB", mcc: "", mnc: "" },
    { prefix: "447700900", country: "GB", mcc: "234", mnc: "01" },
    { prefix: "353", country: "IE", mcc: "272", mnc: "01" },
    { prefix: "32", country: "BE", mcc: "206", mnc: "10" },
  ],
  routes: [
    route("44", "alpha", 28_700),
    route("44", "beta", 29_400),
    route("447", "beta", 27_000, 1),
    route("447", "alpha", 28_000),
    route("447", "beta", 29_000),
    route("353", "alpha", 42_700),
  ],
  prices: [
    { plan: 1, prefix: "44", priceMicros: 36_500 },
    { plan: 1, prefix: "4477", priceMicros: 39_000 },
    { plan: 1, prefix: "32", priceMicros: 64_000 },
    { plan: 4_000_000_000, prefix: "44", priceMicros: 50_000 },
  ],
};

export function route(prefix: string, carrier: string, costMicros: number, trafficClass = 0) {
  return { prefix, carrier, costMicros, priority: 0, trafficClass };
}

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
): Answer {
  const joined = Buffer.concat(frames);
  const buffer = new ArrayBuffer(joined.length);
  new Uint8Array(buffer).set(joined);
  let end = 0;
  const ends = frames.map((frame) => {
    end += frame.length;
    return end;
  });
  const result = routeAndRate({ frames: buffer, ends, tables, keys });
  const verdicts = new Uint8Array(result.verdicts, 0, result.verdictsEnd);
  const dispatches = new Uint8Array(result.dispatches, 0, result.dispatchesEnd);
  return {
    result,
    // Both kinds of frame have their records in field 8, so the bytes are frames without a header.
    verdicts: DecisionFrame.decode(verdicts).records,
    dispatches: DispatchFrame.decode(dispatches).records,
  };
}

export function run(records: RequestRecord[], lane = 2): Answer {
  return runFrames([requestFrame(records, lane)]);
}
