/** Merge: what a receipt of one part makes of its long message, over the parts in the memory. */
import { STATE } from "../../core/message.js";
import { mergeStates, type PartRule } from "../../core/part-merge.js";
import { entry, type Hit, moveToPart, setPartState } from "./memory.js";

/** Of the message at hand, by part from 0. */
const states = new Uint8Array(256);

/**
 * Notes the state of the part at `hit` and decides the whole; `hit` is at that part afterwards.
 * @returns the state of the whole, SUBMITTED while it is open.
 */
export function mergeParts(hit: Hit, state: number, rule: PartRule = "all"): number {
  if (state > entry.partState(hit)) setPartState(hit, state);
  const part = entry.part(hit);
  const parts = entry.parts(hit);
  let refused = 0;
  for (let one = 1; one <= parts; one += 1) {
    moveToPart(hit, one);
    const known = entry.partState(hit);
    states[one - 1] = known;
    // It was never taken: it has no id, and its state from the submission.
    const hasId = entry.carrierIdEnd(hit) > entry.carrierIdAt(hit);
    if (!hasId && known === STATE.REJECTED) refused |= 1 << (one - 1);
  }
  moveToPart(hit, part);
  return mergeStates(states, parts, refused, rule);
}

/**
 * Whether the parts of the message at `hit` all have the id of the part there: the carrier names the
 * whole by it, and so does a receipt.
 */
export function sharesId(hit: Hit): boolean {
  const part = entry.part(hit);
  const parts = entry.parts(hit);
  const from = entry.carrierIdAt(hit);
  const length = entry.carrierIdEnd(hit) - from;
  let isSame = true;
  for (let one = 1; one <= parts && isSame; one += 1) {
    moveToPart(hit, one);
    const at = entry.carrierIdAt(hit);
    isSame = entry.carrierIdEnd(hit) - at === length;
    for (let index = 0; index < length && isSame; index += 1) {
      isSame = hit.texts[at + index] === hit.texts[from + index];
    }
  }
  moveToPart(hit, part);
  return isSame;
}
