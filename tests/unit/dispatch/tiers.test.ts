/** Tiers: the owner prices a message by what its account has had in the month, in the order of the log. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readUint53 } from "../../../core/stream/frame.js";
import { decidePart } from "../../../services/dispatch/decide.js";
import { monthOf } from "../../../services/dispatch/months.js";
import { openPlan } from "../../../services/dispatch/plan.js";
import { openState } from "../../../services/dispatch/state.js";
import { INDEX, INDEX_STRIDE, VERDICT_AT } from "../../../workers/task.js";
import { LIMITS, NOW_MS, requestFrame, route, type TestMessage } from "./kit.js";

const tiers = suite("dispatch tiers");

/** Decides messages whose rate has tiers (but those of `plain`); returns their prices. */
function decider() {
  const state = openState(LIMITS);
  const plan = openPlan(0, () => Number.POSITIVE_INFINITY);
  return {
    state,
    decide(messages: readonly TestMessage[], plain: readonly number[] = []): number[] {
      const result = route([requestFrame(messages)]);
      for (let record = 0; record < messages.length; record += 1) {
        result.index[record * INDEX_STRIDE + INDEX.tier] = plain.includes(record) ? 0 : 1;
      }
      const verdicts = new Uint8Array(result.verdicts);
      const dispatches = new Uint8Array(result.dispatches);
      plan.clear();
      const part = { result, verdicts, dispatches, from: 0, to: messages.length };
      decidePart(state, part, plan, NOW_MS);
      return messages.map((_, record) => {
        const at = result.index[record * INDEX_STRIDE + INDEX.verdictAt]!;
        return readUint53(verdicts, at + VERDICT_AT.priceMicros);
      });
    },
  };
}

tiers("each message counts for the next one of its account, in one turn and over turns", () => {
  const { state, decide } = decider();
  const long = "x".repeat(200);
  assert.equal(
    decide([
      { id: 1, account: 7 },
      { id: 2, account: 7, text: long },
      { id: 3, account: 8 },
    ]),
    // 1,000 a segment, and 10 for each segment before (kit.ts).
    [1_000, 2_010, 1_000],
  );
  assert.equal(decide([{ id: 4, account: 7 }]), [1_030]);
  const month = monthOf(NOW_MS);
  assert.is(state.months.segments(state.accounts.place(7), month), 4);
  assert.is(state.accounts.sums(state.accounts.place(7)).reservedMicros, 4_040n);
});

tiers("what has no tiers keeps its price, and counts all the same", () => {
  const { decide } = decider();
  const [plain] = decide([{ id: 1, account: 7 }], [0]);
  assert.ok(plain! > 0 && plain !== 1_000);
  assert.equal(decide([{ id: 2, account: 7 }]), [1_010]);
});

tiers("a repeat costs nothing and counts nothing", () => {
  const { decide } = decider();
  assert.equal(decide([{ id: 1, account: 7 }]), [1_000]);
  assert.equal(decide([{ id: 1, account: 7 }]), [0]);
  assert.equal(decide([{ id: 2, account: 7 }]), [1_010]);
});

tiers("another month begins at nothing", () => {
  const { state, decide } = decider();
  const place = state.accounts.place(7);
  state.months.add(place, monthOf(NOW_MS) - 1, 500);
  assert.equal(decide([{ id: 1, account: 7 }]), [1_000]);
});

tiers.run();
