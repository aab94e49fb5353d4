/** Outcomes: what becomes of a message at the simulated carrier, by its number or by chance. */

/** Receipt words with their `err` and message_state (SMPP v3.4, 5.2.28 and appendix B). */
export const FATES = {
  delivered: { stat: "DELIVRD", long: "DELIVERED", error: "000", dlvrd: "001", state: 2 },
  undeliverable: { stat: "UNDELIV", long: "UNDELIVERABLE", error: "001", dlvrd: "000", state: 5 },
  expired: { stat: "EXPIRED", long: "EXPIRED", error: "002", dlvrd: "000", state: 3 },
  rejected: { stat: "REJECTD", long: "REJECTED", error: "005", dlvrd: "000", state: 8 },
  deleted: { stat: "DELETED", long: "DELETED", error: "006", dlvrd: "000", state: 4 },
  unknown: { stat: "UNKNOWN", long: "UNKNOWN", error: "007", dlvrd: "000", state: 7 },
  enroute: { stat: "ENROUTE", long: "ENROUTE", error: "000", dlvrd: "000", state: 1 },
} as const;
export type Fate = keyof typeof FATES;

export const OUTCOME = {
  delivered: 0,
  undeliverable: 1,
  expired: 2,
  invalid: 3,
  temporary: 4,
  rejected: 5,
  silent: 6,
  throttled: 7,
  unanswered: 8,
  enroute: 9,
  twice: 10,
  early: 11,
} as const;
export const OUTCOME_LAST = 11;

/** Fate of an accepted message that its number decides. A silent one is delivered unsaid. */
export function fateOf(outcome: number): Fate {
  if (outcome === OUTCOME.undeliverable) return "undeliverable";
  if (outcome === OUTCOME.expired) return "expired";
  return outcome === OUTCOME.rejected ? "rejected" : "delivered";
}

/**
 * Outcome of the number whose ASCII digits are `bytes[from, end)`: its last four digits decide
 * when they are 0001 to 0011; else it is delivered.
 */
export function outcomeOf(bytes: Uint8Array, from: number, end: number): number {
  if (end - from >= 4 && bytes[end - 4] === 48 && bytes[end - 3] === 48) {
    const last = (bytes[end - 2]! - 48) * 10 + bytes[end - 1]! - 48;
    if (last >= 1 && last <= OUTCOME_LAST) return last;
  }
  return OUTCOME.delivered;
}
