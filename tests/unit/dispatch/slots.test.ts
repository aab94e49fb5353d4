/** Slots: verdicts name them, frames go there, and frames made again do, too. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { DispatchFrame } from "../../../core/proto/floe/v1/frames.js";
import {
  ATTEMPT_IN_DOUBT,
  ATTEMPT_INTENT,
  ATTEMPT_RECEIPT,
  ATTEMPT_REFUSED,
  ATTEMPT_SUBMITTED,
  ATTEMPT_TIMED_OUT,
} from "../../../core/stream/fields.js";
import { newWriter, written } from "../../../core/stream/frame.js";
import { decidePart } from "../../../services/dispatch/decide.js";
import { writeDecision } from "../../../services/dispatch/decision.js";
import { openPlan } from "../../../services/dispatch/plan.js";
import { readCovers, rebuild } from "../../../services/dispatch/rebuild.js";
import { type Held, routed } from "../../../services/dispatch/routed.js";
import { settleFrame } from "../../../services/dispatch/settle.js";
import { openShares } from "../../../services/dispatch/shares.js";
import { openState } from "../../../services/dispatch/state.js";
import {
  attemptFrame,
  decisionOf,
  LIMITS,
  NOW_MS,
  requestFrame,
  route,
  type TestAttempt,
} from "./kit.js";

const test = suite("dispatch slots");
const unlimited = (): number => Number.POSITIVE_INFINITY;

test("puts what an account has beyond its share into a slot of its own, also when made again", () => {
  const messages = Array.from({ length: 300 }, (_, id) => ({ id, account: 7 }));
  const request = requestFrame([...messages, { id: 300, account: 8 }]);
  const result = route([request]);
  const verdicts = new Uint8Array(result.verdicts);
  const dispatches = new Uint8Array(result.dispatches);
  const part = { result, verdicts, dispatches, from: 0, to: 301 };
  const plan = openPlan(0, unlimited);
  plan.clear();
  decidePart(openState(LIMITS), part, plan, NOW_MS);
  const held = { lane: 2, sequence: 3, publishId: "g-3", storedAtMs: NOW_MS } as Held;
  const turn = [routed(held, [part])];
  plan.fill(turn);
  const frames = plan.frames(8, NOW_MS);

  const slots = decisionOf(verdicts).records.map(({ place }) => (place >>> 8) & 0xff);
  const slot = slots[299]!;
  assert.ok(slot >= 1 && slot <= 3);
  assert.equal(slots, [...Array(250).fill(0), ...Array(50).fill(slot), 0]);
  assert.equal(
    frames.map(({ id, records }) => [id, records]),
    [
      ["0/8/dispatch.alpha.normal.0/0", 251],
      [`0/8/dispatch.alpha.normal.${slot}/0`, 50],
    ],
  );
  for (const [index, { data }] of frames.entries()) {
    assert.is(DispatchFrame.decode(data).slot, index === 0 ? 0 : slot);
  }

  const writer = newWriter();
  const head = {
    ...{ partition: 0, decidedAtMs: NOW_MS, previousSequence: 7 },
    ...{ attemptsThrough: 0, epoch: 1, counter: 1 },
  };
  writeDecision(writer, head, turn, undefined);
  const decision = written(writer);
  const again = rebuild(0, 8, decision, readCovers(decision)!, [request])!;
  assert.is(again.length, frames.length);
  for (const [index, frame] of again.entries()) {
    assert.is(frame.subject, frames[index]!.subject);
    assert.is(frame.id, frames[index]!.id);
    const made = DispatchFrame.decode(frame.data);
    const first = DispatchFrame.decode(frames[index]!.data);
    assert.ok(made.again);
    assert.is(made.slot, first.slot);
    assert.equal(
      made.records.map(({ messageId }) => messageId.toString("hex")),
      first.records.map(({ messageId }) => messageId.toString("hex")),
    );
  }
});

test("what is submitted, refused, in doubt or timed out waits no more; each message once", () => {
  const shares = openShares(unlimited);
  const alpha = shares.carrier("alpha");
  for (let sent = 0; sent < 10; sent += 1) shares.sent(7, alpha);
  const told = (attempts: readonly TestAttempt[]): number => {
    settleFrame(openState(LIMITS), attemptFrame(attempts), newWriter(), shares);
    return shares.waiting(7, alpha);
  };
  const of = (id: number, kind: number, more: Partial<TestAttempt> = {}): TestAttempt => ({
    ...{ id, kind, account: 7, ...more },
  });
  assert.is(told([of(1, ATTEMPT_SUBMITTED), of(2, ATTEMPT_REFUSED)]), 8);
  assert.is(told([of(3, ATTEMPT_IN_DOUBT), of(3, ATTEMPT_SUBMITTED, { hop: 1 })]), 7);
  assert.is(told([of(4, ATTEMPT_TIMED_OUT, { state: STATE.EXPIRED })]), 6);
  assert.is(told([of(1, ATTEMPT_TIMED_OUT, { state: STATE.UNKNOWN })]), 6);
  assert.is(told([of(1, ATTEMPT_RECEIPT), of(5, ATTEMPT_INTENT)]), 6);
  assert.is(told([of(6, ATTEMPT_SUBMITTED, { account: 8 })]), 6);
});

test.run();
