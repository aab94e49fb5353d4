/**
 * Known: what became of the last messages, for query_sm, cancel_sm and replace_sm. A ring by id, as
 * ids are a counter: two writes a message, nothing to clean up.
 */
import { countersOf } from "./ids.js";
import { FATES, type Fate } from "./outcomes.js";

export interface Known {
  add(id: number, fate: Fate, doneAtMs: number): void;
  /** message_state (5.2.28) and times of a message by its id in any form; undefined: unknown. */
  find(text: string, nowMs: number): KnownMessage | undefined;
  /** Ends a message that is under way. */
  cancel(id: number, nowMs: number): void;
  anyCanceled(): boolean;
  isCanceled(text: string): boolean;
}

export interface KnownMessage {
  readonly id: number;
  readonly state: number;
  readonly isFinal: boolean;
  readonly doneAtMs: number;
  readonly error: number;
}

const KEPT = 1 << 18;
const MASK = KEPT - 1;
/** Beside the state: it was canceled, so its receipt is not sent any more. */
const CANCELED = 0x80;

export function newKnown(): Known {
  const ids = new Float64Array(KEPT);
  const states = new Uint8Array(KEPT);
  const doneAt = new Float64Array(KEPT);
  let canceled = 0;
  return {
    add(id, fate, doneAtMs) {
      const place = id & MASK;
      ids[place] = id;
      states[place] = FATES[fate].state;
      doneAt[place] = doneAtMs;
    },
    find(text, nowMs) {
      const id = countersOf(text).find((one) => one > 0 && ids[one & MASK] === one);
      if (id === undefined) return undefined;
      const state = states[id & MASK]! & ~CANCELED;
      const doneAtMs = doneAt[id & MASK]!;
      const isFinal = doneAtMs <= nowMs;
      const found = Object.values(FATES).find((one) => one.state === state);
      const shown = isFinal ? state : FATES.enroute.state;
      return { id, state: shown, isFinal, doneAtMs, error: isFinal ? Number(found!.error) : 0 };
    },
    cancel(id, nowMs) {
      states[id & MASK] = FATES.deleted.state | CANCELED;
      canceled += 1;
      doneAt[id & MASK] = nowMs;
    },
    anyCanceled: () => canceled > 0,
    isCanceled: (text) =>
      countersOf(text).some((id) => ids[id & MASK] === id && states[id & MASK]! >= CANCELED),
  };
}
