/**
 * Taken: the messages of one call, by place, and the pool of them.
 *
 * Fates, ids and key tags lie in flat arrays, and each place has its settled function, made once;
 * both are used again by later calls, so that a message costs no object. Four sizes, so that a
 * unary call does not hold the arrays of a thousand messages.
 */
import type { FloeError } from "../../core/errors.js";
import { BATCH_MESSAGES_MAX } from "../../core/limits.js";
import type { Settled } from "../../core/stream/outbox.js";
import type { AccountState } from "./authenticate.js";

/** What became of a message. */
export const FATE = {
  waiting: 0,
  stored: 1,
  invalid: 2,
  conflict: 3,
  outboxFull: 4,
  streamFull: 5,
  unconfirmed: 6,
} as const;

/** The messages of one call, by place. Valid until `answer` returns. */
export interface Taken {
  readonly count: number;
  /** FATE of each. */
  readonly fates: Uint8Array;
  /** Bits of PROBLEM of each; not 0 for those that are invalid. */
  readonly problems: Int32Array;
  /** 16 bytes for each. */
  readonly ids: Uint8Array;
  /** How many are stored. */
  readonly stored: number;
}

export interface Slot extends Taken {
  readonly capacity: number;
  count: number;
  stored: number;
  /** Key tag of each, low and high half; both 0: no key. */
  readonly tags: Int32Array;
  readonly settled: Settled[];
  /** Records without a fate, and one for the taking itself. */
  outstanding: number;
  answered: boolean;
  answer: (taken: Taken) => void;
  acceptedAtMs: number;
  /** Monotonic. */
  answerByMs: number;
  account: AccountState | undefined;
  /** Of the request that they came in. */
  requestBytes: number;
  /** Place in `waiting`; -1: not there. */
  place: number;
}

/** Sizes of a `Taken`: unary calls, small batches, the usual, the largest. */
const CAPACITIES: readonly number[] = [1, 16, 128, BATCH_MESSAGES_MAX];
/** Kept for use again, of each size. */
const POOL_MAX = 64;

export interface TakenPool {
  /** For `count` messages, outstanding: the taking itself. */
  get(count: number): Slot;
  /** No record of it is outstanding, and it is answered. */
  put(slot: Slot): void;
}

/** @param settled told the fate of the record at place `index`. */
export function openTakenPool(
  settled: (slot: Slot, index: number, error: FloeError | undefined) => void,
): TakenPool {
  const pools: Slot[][] = CAPACITIES.map(() => []);
  return {
    get(count) {
      const size = CAPACITIES.findIndex((capacity) => count <= capacity);
      const slot = pools[size]!.pop() ?? newSlot(CAPACITIES[size]!);
      slot.count = count;
      slot.stored = 0;
      slot.answered = false;
      slot.outstanding = 1;
      while (slot.settled.length < count) {
        const index = slot.settled.length;
        slot.settled.push((error) => settled(slot, index, error));
      }
      return slot;
    },
    put(slot) {
      slot.account = undefined;
      slot.answer = nobody;
      const pool = pools[CAPACITIES.indexOf(slot.capacity)]!;
      if (pool.length < POOL_MAX) pool.push(slot);
    },
  };
}

function nobody(): void {}

function newSlot(capacity: number): Slot {
  return {
    capacity,
    count: 0,
    stored: 0,
    fates: new Uint8Array(capacity),
    problems: new Int32Array(capacity),
    ids: new Uint8Array(16 * capacity),
    tags: new Int32Array(2 * capacity),
    settled: [],
    outstanding: 0,
    answered: true,
    answer: nobody,
    acceptedAtMs: 0,
    answerByMs: 0,
    account: undefined,
    requestBytes: 0,
    place: -1,
  };
}
