/**
 * Part merge: what the receipts of a long message's parts say of the whole.
 *
 * A carrier's rule is data of its configuration. `all`: the parts decide together. `first`, `last`:
 * the carrier gives one receipt for a message, under the id of its first or last part, and that one
 * decides. A part that the carrier refused has no receipt to wait for: its state is known from the
 * submission, the next part towards the middle decides in its place, and the whole can be delivered
 * in part at best.
 */
import { STATE } from "./message.js";

export type PartRule = "all" | "first" | "last";

/**
 * The state of the whole.
 * @param states state rank of part 1, 2, ... at [0, count); 0: nothing is known of it.
 * @param refused parts that the carrier never took, a bit each (part 1 is bit 0).
 * @returns SUBMITTED while it is open.
 */
export function mergeStates(
  states: ArrayLike<number>,
  count: number,
  refused: number,
  rule: PartRule,
): number {
  if (rule !== "all") {
    const decider = decidingPart(count, refused, rule);
    if (decider >= 0) {
      const state = states[decider]!;
      if (state <= STATE.SUBMITTED) return STATE.SUBMITTED;
      return state === STATE.DELIVERED && refused !== 0 ? STATE.PARTIALLY_DELIVERED : state;
    }
  }
  let delivered = 0;
  let lowest: number = STATE.DELIVERED;
  let highest = 0;
  for (let part = 0; part < count; part += 1) {
    const state = states[part]!;
    if (state === STATE.DELIVERED) delivered += 1;
    lowest = Math.min(lowest, state);
    highest = Math.max(highest, state);
  }
  if (lowest <= STATE.SUBMITTED) return STATE.SUBMITTED;
  if (delivered === count) return STATE.DELIVERED;
  return delivered > 0 ? STATE.PARTIALLY_DELIVERED : highest;
}

/** The first or last part that the carrier took, from 0; -1: it took none. */
function decidingPart(count: number, refused: number, rule: PartRule): number {
  for (let step = 0; step < count; step += 1) {
    const part = rule === "first" ? step : count - 1 - step;
    if ((refused & (1 << part)) === 0) return part;
  }
  return -1;
}
