/** Finding: one thing that the books show to be wrong. Numbers and texts of messages never stand here. */

export interface Finding {
  /** Name of the check, as `floe verify` lists it. */
  readonly check: string;
  /** 0: of no one account. */
  readonly account: number;
  /** UUID in its text form; "": of no one message. */
  readonly messageId: string;
  /** A sentence. */
  readonly text: string;
}

/** The same of two looks: what a record under way only seemed to be is gone from the second. */
export function confirmed(first: readonly Finding[], second: readonly Finding[]): Finding[] {
  const again = new Set(second.map(keyOf));
  return first.filter((one) => again.has(keyOf(one)));
}

function keyOf({ check, account, messageId, text }: Finding): string {
  // A gap or a chain has no message: its sentence says which.
  return `${check} ${account} ${messageId === "" ? text : messageId}`;
}

/** Which records are looked at. */
export interface Range {
  /** By time of acceptance, milliseconds since 1970 UTC: from, and up to without. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** 0: all accounts. */
  readonly account: number;
  /**
   * Records younger than this are given time: their neighbours may not be there yet. 0 for a system
   * that has come to rest.
   */
  readonly graceMs: number;
  /** How long the sweep waits for a receipt beyond a message's validity (FLOE_CDR_RECEIPT_WAIT_MS). */
  readonly receiptWaitMs: number;
  readonly nowMs: number;
}
