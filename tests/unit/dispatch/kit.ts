/**
 * Kit for tests of dispatch: request and attempt frames from plain objects, tables of two carriers
 * and two plans, and a pool that is the real function without its threads.
 */
import assert from "node:assert";
import { acceptedDay } from "../../../core/message.js";
import {
  AttemptFrame,
  DecisionFrame,
  type Lane,
  RequestFrame,
} from "../../../core/proto/floe/v1/frames.js";
import type { TrafficClass } from "../../../core/proto/floe/v1/messaging.js";
import { isBalanced } from "../../../services/dispatch/accounts.js";
import { monthOf } from "../../../services/dispatch/months.js";
import type { RoutedResult } from "../../../services/dispatch/routed.js";
import type { Frames, Router } from "../../../services/dispatch/router.js";
import type { PartitionState, StateLimits } from "../../../services/dispatch/state.js";
import { openWindow } from "../../../services/dispatch/window.js";
import { compileTables } from "../../../workers/compile.js";
import routeAndRate from "../../../workers/route-and-rate.js";
import type { RuleRow } from "../../../workers/source.js";
import { deck, networks, plan } from "../workers/kit.js";

/** 2026-11-24T12:00:00Z. */
export const NOW_MS = Date.UTC(2026, 10, 24, 12);
export const LIMITS: StateLimits = { keysMax: 100_000, accountKeysMax: 50_000 };
/** Plan 1 charges on submission, plan 2 on delivery. */
export const PLAN_SUBMIT = 1;
export const PLAN_DELIVERED = 2;

export interface TestMessage {
  /** Any number: the id is made from it. */
  readonly id: number;
  readonly account?: number;
  readonly plan?: number;
  /** 0: no idempotency key. */
  readonly key?: number;
  readonly acceptedAtMs?: number;
  readonly to?: string;
  readonly from?: string;
  readonly text?: string;
  /** floe.v1.TrafficClass. */
  readonly trafficClass?: number;
}

/** 16 bytes of a UUID that `id` names; its last bytes differ as random ones do. */
export function idOf(id: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(id, 0);
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  bytes.writeInt32BE(Math.imul(id + 1, 0x9e3779b1), 9);
  bytes.writeInt32LE(Math.imul(id + 7, 0x85ebca6b), 12);
  return bytes;
}

export function requestFrame(
  messages: readonly TestMessage[],
  more: { partition?: number; lane?: number; publishedAtMs?: number } = {},
): Uint8Array {
  const { partition = 0, lane = 2, publishedAtMs = NOW_MS } = more;
  return RequestFrame.encode(
    RequestFrame.fromPartial({
      partition,
      lane: lane as Lane,
      publishedAtMs: BigInt(publishedAtMs),
      records: messages.map((one) => ({
        messageId: idOf(one.id),
        acceptedAtMs: BigInt(one.acceptedAtMs ?? NOW_MS),
        account: one.account ?? 1,
        plan: one.plan ?? PLAN_SUBMIT,
        // Spread over the table as a keyed hash is.
        keyTag:
          one.key === undefined
            ? 0n
            : (BigInt(one.key) * 0x9e3779b97f4a7c15n) & 0x7fffffffffffffffn,
        message: {
          to: one.to ?? "+447700900123",
          from: one.from ?? "Floe",
          trafficClass: (one.trafficClass ?? 0) as TrafficClass,
          body: { $case: "text" as const, text: one.text ?? "Hello" },
        },
      })),
    }),
  ).finish();
}

export interface TestAttempt {
  readonly id: number;
  readonly kind: number;
  readonly state?: number;
  readonly final?: boolean;
  readonly hop?: number;
  readonly account?: number;
  readonly acceptedAtMs?: number;
}

export function attemptFrame(attempts: readonly TestAttempt[], partition = 0): Uint8Array {
  return AttemptFrame.encode(
    AttemptFrame.fromPartial({
      partition,
      carrier: "alpha",
      publishedAtMs: BigInt(NOW_MS),
      records: attempts.map((one) => ({
        messageId: idOf(one.id),
        acceptedAtMs: BigInt(one.acceptedAtMs ?? NOW_MS),
        account: one.account ?? 1,
        kind: one.kind,
        state: one.state ?? 0,
        final: one.final ?? false,
        hop: one.hop ?? 0,
        atMs: BigInt(NOW_MS + 1_000),
      })),
    }),
  ).finish();
}

export const decisionOf = (bytes: Uint8Array): DecisionFrame => DecisionFrame.decode(bytes);

const NO_RULES: readonly RuleRow[] = [];
const images = new Map<readonly RuleRow[], SharedArrayBuffer>();

/** Numbers of +44 go to alpha (then beta), others to beta; +1 has no route, +33 no price. */
export function testTables(rules: readonly RuleRow[] = NO_RULES): SharedArrayBuffer {
  const known = images.get(rules);
  if (known !== undefined) return known;
  const sold = [
    { of: "44", priceMicros: 31_200 },
    { of: "49", priceMicros: 70_000 },
  ];
  const compiled = compileTables({
    version: 1,
    made: {},
    carriers: ["alpha", "beta"].map((name) => ({ name, languages: [] })),
    plans: [plan(PLAN_SUBMIT, "EUR"), plan(PLAN_DELIVERED, "GBP", { chargeBasis: 2 })],
    networks: networks([["44", { country: "GB", mcc: "234", mnc: "15" }]]),
    defaultNetworks: [],
    ported: { numbers: new Float64Array(0), of: new Uint16Array(0), ids: [] },
    decks: [
      deck({ carrier: "alpha" }, "EUR", [{ of: "44", priceMicros: 20_000 }]),
      deck({ carrier: "beta" }, "EUR", [
        { of: "44", priceMicros: 21_000 },
        { of: "49", priceMicros: 50_000 },
        { of: "33", priceMicros: 50_000 },
      ]),
      deck({ plan: PLAN_SUBMIT }, "EUR", sold),
      deck({ plan: PLAN_DELIVERED }, "GBP", sold),
    ],
    exchangeRates: ["EUR", "GBP"].map((currency) => ({
      currency,
      effectiveFromMs: 0,
      rateNanos: 1_000_000_000,
    })),
    rules,
    senderRules: [],
    guards: [],
  });
  const image = new SharedArrayBuffer(compiled.length);
  images.set(rules, image);
  new Uint8Array(image).set(compiled);
  return image;
}

/** Of tests that give a message a tier: ten micro-units for each segment before it. */
function tierPrice(_tier: number, segmentsBefore: number, segments: number): number {
  return 1_000 * segments + 10 * segmentsBefore;
}

/** What the pool answers, without its threads. */
export function route(frames: readonly Uint8Array[], rules = NO_RULES): RoutedResult {
  const all = Buffer.concat(frames);
  const buffer = new ArrayBuffer(all.length);
  new Uint8Array(buffer).set(all);
  let at = 0;
  const ends = frames.map(({ length }) => {
    at += length;
    return at;
  });
  const key = new Uint8Array(16).fill(7);
  const keys = { token: key, data: { "2026-11": key, "2026-12": key } };
  return { ...routeAndRate({ frames: buffer, ends, tables: testTables(rules), keys }), tierPrice };
}

/** `before` may throw in place of a task. */
export function testRouter(
  before: (frames: readonly Frames[]) => void = () => {},
  rules = NO_RULES,
): Router {
  return {
    window: openWindow(2),
    async route(frames) {
      before(frames);
      return route(
        frames.map(({ data }) => data),
        rules,
      );
    },
    blame: () => {},
    probe: async () => {},
    ready: () => true,
    whenReady: async () => {},
    close: async () => {},
  };
}

/** The whole state as plain values, in an order of their own: equal states are equal here. */
export function dump(state: PartitionState): object {
  const accounts: Record<number, unknown> = {};
  for (let place = 0; place < state.accounts.count(); place += 1) {
    const sums = state.accounts.sums(place);
    assert.ok(isBalanced(sums), "opening + credits = committed + reserved + balance");
    accounts[state.accounts.number(place)] = {
      ...sums,
      ledgerSequence: state.accounts.ledgerSequence(place),
      keys: state.accounts.keys(place),
      outstanding: state.accounts.outstanding(place),
      ...state.accounts.spent(place, acceptedDay(NOW_MS), monthOf(NOW_MS)),
    };
  }
  const reservations: string[] = [];
  // Places of accounts depend on the order in which these were seen: their numbers stand for them.
  state.reservations.each((words) => {
    reservations.push(
      [...words.slice(0, 4), state.accounts.number(words[4]!), ...words.slice(5)].join(),
    );
  });
  const keys: string[] = [];
  state.keys.each((words) => {
    keys.push([...words.slice(0, 5), state.accounts.number(words[5]!)].join());
  });
  return {
    accounts,
    reservations: reservations.sort(),
    keys: keys.sort(),
    covered: state.covered.map((lane) => lane.sequences()),
    references: state.references.generations().map(({ month }) => rowsOf(state, month)),
    attemptsThrough: state.attemptsThrough,
    sequence: state.sequence,
  };
}

/** References of a month in an order of their own. */
function rowsOf(state: PartitionState, month: number): object {
  const words = new Uint32Array(new Uint8Array(state.references.dump(month)).buffer);
  const rows: string[] = [];
  for (let at = 0; at < words.length; at += 13) rows.push(words.slice(at, at + 13).join());
  return { month, rows: rows.sort() };
}
