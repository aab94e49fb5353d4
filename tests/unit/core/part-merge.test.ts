/** Which receipts of parts decide a long message. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { mergeStates } from "../../../core/part-merge.js";

const merge = suite("part merge");
const { SUBMITTED, UNKNOWN, EXPIRED, REJECTED, UNDELIVERABLE, PARTIALLY_DELIVERED, DELIVERED } =
  STATE;

merge("all parts together", () => {
  assert.is(mergeStates([DELIVERED, DELIVERED], 2, 0, "all"), DELIVERED);
  assert.is(mergeStates([DELIVERED, 0], 2, 0, "all"), SUBMITTED);
  assert.is(mergeStates([DELIVERED, SUBMITTED], 2, 0, "all"), SUBMITTED);
  assert.is(mergeStates([DELIVERED, EXPIRED], 2, 0, "all"), PARTIALLY_DELIVERED);
  assert.is(mergeStates([UNKNOWN, EXPIRED, UNDELIVERABLE], 3, 0, "all"), UNDELIVERABLE);
  assert.is(mergeStates([DELIVERED, REJECTED], 2, 0b10, "all"), PARTIALLY_DELIVERED);
});

merge("the first, or the last, whatever is known of the others", () => {
  assert.is(mergeStates([DELIVERED, 0, 0], 3, 0, "first"), DELIVERED);
  assert.is(mergeStates([0, 0, EXPIRED], 3, 0, "last"), EXPIRED);
  assert.is(mergeStates([0, DELIVERED, DELIVERED], 3, 0, "first"), SUBMITTED);
  assert.is(mergeStates([DELIVERED, DELIVERED, SUBMITTED], 3, 0, "last"), SUBMITTED);
  assert.is(mergeStates([DELIVERED, UNDELIVERABLE], 2, 0, "first"), DELIVERED);
});

merge("a part that the carrier refused gives its say to the next, and the whole is partial", () => {
  assert.is(mergeStates([REJECTED, DELIVERED, 0], 3, 0b001, "first"), PARTIALLY_DELIVERED);
  assert.is(mergeStates([0, EXPIRED, REJECTED], 3, 0b100, "last"), EXPIRED);
  assert.is(mergeStates([REJECTED, 0, 0], 3, 0b001, "first"), SUBMITTED);
  // All refused is no submission at all; what is known decides.
  assert.is(mergeStates([REJECTED, REJECTED], 2, 0b11, "first"), REJECTED);
});

merge.run();
