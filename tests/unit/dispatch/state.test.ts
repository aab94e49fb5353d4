/** Unit tests of the partition's state: rules, settlements, and that a replay leads to the same. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REASON, STATE } from "../../../core/message.js";
import { DispatchFrame } from "../../../core/proto/floe/v1/frames.js";
import * as FIELDS from "../../../core/stream/fields.js";
import { newWriter, written } from "../../../core/stream/frame.js";
import { decidePart } from "../../../services/dispatch/decide.js";
import { writeDecision } from "../../../services/dispatch/decision.js";
import { openPlan } from "../../../services/dispatch/plan.js";
import { type Held, routed } from "../../../services/dispatch/routed.js";
import { settleFrame } from "../../../services/dispatch/settle.js";
import { applyFrame, openState, type PartitionState } from "../../../services/dispatch/state.js";
import { INDEX, INDEX_STRIDE } from "../../../workers/task.js";
import {
  attemptFrame,
  decisionOf,
  dump,
  LIMITS,
  NOW_MS,
  PLAN_DELIVERED,
  requestFrame,
  route,
  type TestAttempt,
  type TestMessage,
} from "./kit.js";

const state = suite("dispatch state");
const EUR = 31_200;

interface Turn {
  readonly messages?: readonly TestMessage[];
  readonly attempts?: readonly TestAttempt[];
  readonly lane?: number;
}

/** A partition without streams: turns become frames of a log, which can be replayed. */
function open(limits = LIMITS) {
  const live = openState(limits);
  const log: { sequence: number; bytes: Uint8Array }[] = [];
  const writer = newWriter();
  const settlements = newWriter();
  const plan = openPlan(0, () => Number.POSITIVE_INFINITY);
  let requestSequence = 0;
  let attemptSequence = 0;

  function turn({ messages = [], attempts = [], lane = 2 }: Turn) {
    requestSequence += 3;
    const held = {
      lane,
      sequence: requestSequence,
      publishId: `g-${requestSequence}`,
      storedAtMs: NOW_MS,
    } as Held;
    const result = route([requestFrame(messages, { lane })]);
    const part = {
      result,
      verdicts: new Uint8Array(result.verdicts),
      dispatches: new Uint8Array(result.dispatches),
      from: 0,
      to: messages.length,
    };
    const frames = messages.length === 0 ? [] : [routed(held, [part])];
    plan.clear();
    if (messages.length > 0) decidePart(live, part, plan, NOW_MS);
    settlements.at = 0;
    if (attempts.length > 0) {
      settleFrame(live, attemptFrame(attempts), settlements);
      attemptSequence += 2;
      live.attemptsThrough = attemptSequence;
    }
    const head = {
      partition: 0,
      decidedAtMs: NOW_MS,
      previousSequence: live.sequence,
      attemptsThrough: live.attemptsThrough,
      epoch: 1,
      counter: log.length + 1,
    };
    writeDecision(writer, head, frames, { bytes: settlements.bytes, end: settlements.at });
    const sequence = live.sequence + 5;
    log.push({ sequence, bytes: new Uint8Array(written(writer)) });
    if (messages.length > 0) {
      live.covered[lane]!.add(held.sequence, held.publishId, sequence, NOW_MS, NOW_MS);
    }
    live.sequence = sequence;
    plan.fill(frames);
    return { decision: decisionOf(log.at(-1)!.bytes), outgoing: plan.frames(sequence, NOW_MS) };
  }

  function replayed(): PartitionState {
    const again = openState(limits);
    for (const { sequence, bytes } of log) assert.is(applyFrame(again, bytes, sequence), undefined);
    return again;
  }

  /** After each test of a flow: what a restart would load is what is there. */
  function check(): void {
    assert.equal(dump(replayed()), dump(live));
  }
  return { live, log, turn, replayed, check };
}

const states = (decision: { records: { state: number }[] }) =>
  decision.records.map((verdict) => verdict.state);
const reasons = (decision: { records: { reason: number }[] }) =>
  decision.records.map((verdict) => verdict.reason);

state("remembers keys in a replay though those of days before were dropped by time", () => {
  const { live, turn, check } = open();
  const dayMs = 86_400_000;
  turn({ messages: [{ id: 1, key: 1, acceptedAtMs: NOW_MS - 3 * dayMs }] });
  turn({ messages: [{ id: 2, key: 2, acceptedAtMs: NOW_MS - dayMs }] });
  live.keys.drop((NOW_MS - 2 * dayMs) / 1_000, 100, (place) => live.accounts.addKeys(place, -1));
  turn({ messages: [{ id: 3, key: 3 }] });
  assert.is(live.keys.count(), 2);
  check();
});

state("reserves what is routed and rejects what is not", () => {
  const { live, turn, check } = open();
  const { decision, outgoing } = turn({
    messages: [{ id: 1 }, { id: 2, to: "+12025550123" }, { id: 3, to: "+33612345678" }],
  });
  assert.equal(states(decision), [STATE.ROUTED, STATE.REJECTED, STATE.REJECTED]);
  assert.equal(reasons(decision), [REASON.NONE, REASON.NO_ROUTE, REASON.NO_PRICE]);
  assert.is(outgoing.length, 1);
  assert.is(outgoing[0]!.id, "0/5/dispatch.alpha.normal.0/0");
  assert.is(live.accounts.sums(0).reservedMicros, BigInt(EUR));
  assert.is(live.accounts.sums(0).balanceMicros, -BigInt(EUR));
  check();
});

state("gives a repeated idempotency key no second message, and another request a conflict", () => {
  const { live, turn, check } = open();
  turn({ messages: [{ id: 1, key: 9 }] });
  const { decision, outgoing } = turn({
    messages: [
      { id: 1, key: 9 },
      { id: 2, key: 9 },
      { id: 3, key: 10 },
      { id: 3, key: 10 },
      { id: 2, key: 9 },
    ],
  });
  assert.equal(states(decision), [0, STATE.REJECTED, STATE.ROUTED, 0, 0]);
  assert.is(reasons(decision)[1], REASON.IDEMPOTENCY_CONFLICT);
  assert.is(outgoing[0]!.records, 1);
  assert.is(live.accounts.sums(0).reservedMicros, BigInt(2 * EUR));
  check();
});

state("knows a key for 24 hours of acceptance, and not after them", () => {
  const { turn, check } = open();
  const day = 24 * 3_600_000;
  turn({ messages: [{ id: 1, key: 9, acceptedAtMs: NOW_MS - day }] });
  const inside = turn({ messages: [{ id: 1, key: 9, acceptedAtMs: NOW_MS - 1_000 }] });
  assert.equal(states(inside.decision), [0]);
  const outside = turn({ messages: [{ id: 1, key: 9, acceptedAtMs: NOW_MS }] });
  assert.equal(states(outside.decision), [STATE.ROUTED]);
  check();
});

state("keeps keys apart that a rejected message holds", () => {
  const { turn, check } = open();
  const bad = { id: 1, key: 4, to: "+12025550123" };
  assert.equal(states(turn({ messages: [bad] }).decision), [STATE.REJECTED]);
  assert.equal(states(turn({ messages: [bad] }).decision), [0]);
  check();
});

state("refuses further keys when an account's share is full, never forgets an old one", () => {
  const { turn, check } = open({ keysMax: 100, accountKeysMax: 2 });
  const { decision } = turn({
    messages: [
      { id: 1, key: 1 },
      { id: 2, key: 2 },
      { id: 3, key: 3 },
      { id: 4 },
      { id: 5, key: 5, account: 2 },
      { id: 1, key: 1 },
    ],
  });
  const { ROUTED, REJECTED } = STATE;
  assert.equal(states(decision), [ROUTED, ROUTED, REJECTED, ROUTED, ROUTED, 0]);
  assert.is(reasons(decision)[2], REASON.IDEMPOTENCY_FULL);
  check();
});

state("charges a message without a key once, even if it comes twice", () => {
  const { live, turn, check } = open();
  turn({ messages: [{ id: 1 }, { id: 1 }] });
  assert.equal(states(turn({ messages: [{ id: 1 }] }).decision), [0]);
  assert.is(live.accounts.sums(0).reservedMicros, BigInt(EUR));
  check();
});

state("commits on submission where the plan says so, on delivery where it says that", () => {
  const { live, turn, check } = open();
  turn({ messages: [{ id: 1 }, { id: 2, account: 2, plan: PLAN_DELIVERED }] });
  const submitted = { kind: FIELDS.ATTEMPT_SUBMITTED, state: STATE.SUBMITTED };
  const first = turn({
    attempts: [
      { id: 1, ...submitted },
      { id: 2, account: 2, ...submitted },
    ],
  });
  assert.equal(
    first.decision.settlements.map(({ account, kind, ledgerSequence, currency }) => ({
      account,
      kind,
      ledgerSequence,
      currency,
    })),
    [{ account: 1, kind: FIELDS.SETTLEMENT_COMMIT, ledgerSequence: 1n, currency: "EUR" }],
  );
  const receipt = { kind: FIELDS.ATTEMPT_RECEIPT, state: STATE.DELIVERED };
  const second = turn({
    attempts: [
      { id: 1, ...receipt },
      { id: 2, account: 2, ...receipt },
    ],
  });
  assert.is(second.decision.settlements.length, 1);
  assert.is(second.decision.settlements[0]!.currency, "GBP");
  assert.is(live.accounts.sums(0).committedMicros, BigInt(EUR));
  assert.is(live.accounts.sums(1).committedMicros, BigInt(EUR));
  assert.is(live.reservations.held(), 0);
  check();
});

state("takes any receipt as proof of submission", () => {
  const { turn, check } = open();
  turn({ messages: [{ id: 1 }] });
  const attempts = [{ id: 1, kind: FIELDS.ATTEMPT_RECEIPT, state: STATE.UNDELIVERABLE }];
  assert.is(turn({ attempts }).decision.settlements[0]!.kind, FIELDS.SETTLEMENT_COMMIT);
  check();
});

state("releases what is refused for good, undeliverable or timed out", () => {
  const { live, turn, check } = open();
  const plan = PLAN_DELIVERED;
  turn({ messages: [1, 2, 3, 4].map((id) => ({ id, plan })) });
  const { decision } = turn({
    attempts: [
      { id: 1, kind: FIELDS.ATTEMPT_REFUSED, final: true },
      { id: 2, kind: FIELDS.ATTEMPT_RECEIPT, state: STATE.UNDELIVERABLE },
      { id: 3, kind: FIELDS.ATTEMPT_TIMED_OUT, state: STATE.UNKNOWN },
      { id: 4, kind: FIELDS.ATTEMPT_REFUSED },
      { id: 4, kind: FIELDS.ATTEMPT_IN_DOUBT },
      { id: 4, kind: FIELDS.ATTEMPT_INTENT },
    ],
  });
  assert.equal(
    decision.settlements.map(({ kind, ledgerSequence }) => [kind, ledgerSequence]),
    [
      [FIELDS.SETTLEMENT_RELEASE, 1n],
      [FIELDS.SETTLEMENT_RELEASE, 2n],
      [FIELDS.SETTLEMENT_RELEASE, 3n],
    ],
  );
  assert.is(live.accounts.sums(0).reservedMicros, BigInt(EUR));
  check();
});

state("books one adjustment when a released message is delivered after all", () => {
  const { live, turn, check } = open();
  turn({ messages: [{ id: 1, plan: PLAN_DELIVERED }] });
  turn({ attempts: [{ id: 1, kind: FIELDS.ATTEMPT_TIMED_OUT, state: STATE.EXPIRED }] });
  const delivered = { id: 1, kind: FIELDS.ATTEMPT_RECEIPT, state: STATE.DELIVERED };
  const late = turn({ attempts: [delivered, delivered] });
  assert.is(late.decision.settlements.length, 1);
  assert.is(late.decision.settlements[0]!.kind, FIELDS.SETTLEMENT_ADJUST);
  assert.is(turn({ attempts: [delivered] }).decision.settlements.length, 0);
  assert.is(live.accounts.sums(0).committedMicros, BigInt(EUR));
  assert.is(live.accounts.sums(0).balanceMicros, -BigInt(EUR));
  check();
});

state("lets an outcome of a message that it does not hold change nothing", () => {
  const { live, turn, check } = open();
  turn({ messages: [{ id: 1 }] });
  const settled = { id: 1, kind: FIELDS.ATTEMPT_SUBMITTED };
  turn({ attempts: [settled] });
  const { decision } = turn({ attempts: [settled, { id: 77, kind: FIELDS.ATTEMPT_TIMED_OUT }] });
  assert.is(decision.settlements.length, 0);
  assert.is(decision.attemptsThrough, 4n);
  assert.is(live.accounts.ledgerSequence(0), 1);
  check();
});

state("tells a message from one with the same id that was accepted another day", () => {
  const { live, turn, check } = open();
  const yesterday = NOW_MS - 86_400_000;
  turn({ messages: [{ id: 1 }, { id: 1, acceptedAtMs: yesterday }] });
  assert.is(live.reservations.held(), 2);
  turn({ attempts: [{ id: 1, kind: FIELDS.ATTEMPT_SUBMITTED, acceptedAtMs: yesterday }] });
  assert.is(live.reservations.held(), 1);
  check();
});

state("refuses a log with a gap, and one that cannot be read", () => {
  const { log, turn } = open();
  turn({ messages: [{ id: 1 }] });
  turn({ messages: [{ id: 2 }] });
  const again = openState(LIMITS);
  assert.is(applyFrame(again, log[1]!.bytes, log[1]!.sequence), "gap");
  const torn = log[0]!.bytes.subarray(0, log[0]!.bytes.length - 3);
  assert.is(applyFrame(openState(LIMITS), torn, 5), "malformed");
});

state("cuts chunks at a second of the carrier's rate and names them in the verdicts", () => {
  const live = openState(LIMITS);
  const plan = openPlan(0, (carrier) => (carrier === "alpha" ? 2 : Number.POSITIVE_INFINITY));
  const messages = [1, 2, 3, 4, 5].map((id) => ({ id }));
  const result = route([requestFrame(messages)]);
  const verdicts = new Uint8Array(result.verdicts);
  const dispatches = new Uint8Array(result.dispatches);
  const part = { result, verdicts, dispatches, from: 0, to: 5 };
  plan.clear();
  decidePart(live, part, plan, NOW_MS);
  const frames = [routed({} as Held, [part])];
  plan.fill(frames);
  const outgoing = plan.frames(8, NOW_MS);
  assert.equal(
    outgoing.map(({ id, records }) => [id, records]),
    [
      ["0/8/dispatch.alpha.normal.0/0", 2],
      ["0/8/dispatch.alpha.normal.0/1", 2],
      ["0/8/dispatch.alpha.normal.0/2", 1],
    ],
  );
  const places = decisionOf(verdicts).records.map(({ place }) => place >>> 16);
  assert.equal(places, [0, 0, 1, 1, 2]);
});

state("puts messages of at most once into chunks of their own, one window each at most", () => {
  const plan = openPlan(
    0,
    () => Number.POSITIVE_INFINITY,
    () => 2,
  );
  const messages = [1, 2, 3, 4, 5].map((id) => ({ id }));
  const result = route([requestFrame(messages)]);
  for (const once of [0, 2, 3]) result.index[once * INDEX_STRIDE + INDEX.once] = 1;
  const verdicts = new Uint8Array(result.verdicts);
  const dispatches = new Uint8Array(result.dispatches);
  const part = { result, verdicts, dispatches, from: 0, to: 5 };
  plan.clear();
  decidePart(openState(LIMITS), part, plan, NOW_MS);
  plan.fill([routed({} as Held, [part])]);
  const frames = plan.frames(8, NOW_MS).map(({ id, data }) => {
    const { atMostOnce, identity, records } = DispatchFrame.decode(data);
    assert.is(identity, id);
    return [id.at(-1), atMostOnce, records.length];
  });
  assert.equal(frames, [
    ["0", true, 2],
    ["1", false, 2],
    ["2", true, 1],
  ]);
});

state.run();
