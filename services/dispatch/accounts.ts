/**
 * Accounts: the money of every account of one partition, flat.
 *
 * An account is known here by its place (0, 1, 2, ...), given when it is first seen. Each of its
 * sums is two floats, `high * 2^50 + low`, exact to 2^103: a year's traffic in a weak currency
 * passes 2^53, and a bigint a message would cost more than the rest of the rules together. The
 * balance is kept by itself, not derived, so that opening + credits = committed + reserved +
 * balance is a check and no definition. All accounts are postpaid without limit so far: they open
 * at zero, and balances go below it.
 */
import assert from "node:assert";

export interface Accounts {
  /** The account's place; a new one if it was not seen before. */
  place(account: number): number;
  count(): number;
  /** The account's number. */
  number(place: number): number;
  /** Sets `priceMicros` aside. */
  reserve(place: number, priceMicros: number): void;
  /** What was set aside is charged. Numbers the next ledger record: returns its sequence. */
  commit(place: number, priceMicros: number): number;
  /** What was set aside goes back. Returns the ledger record's sequence. */
  release(place: number, priceMicros: number): number;
  /** Charged after a release. Returns the ledger record's sequence. */
  adjust(place: number, priceMicros: number): number;
  /** Sequence of the account's last ledger record, 0: none. */
  ledgerSequence(place: number): number;
  /** Idempotency keys that the account has in the window. */
  keys(place: number): number;
  addKeys(place: number, count: number): void;
  /** For checks, snapshots and questions: not for the hot path. */
  sums(place: number): AccountSums;
  /** All of it as bytes, by place, and back, into accounts that are new. */
  dump(): Uint8Array;
  restore(bytes: Uint8Array): void;
}

export interface AccountSums {
  readonly creditedMicros: bigint;
  readonly committedMicros: bigint;
  readonly reservedMicros: bigint;
  readonly balanceMicros: bigint;
}

const UNIT = 2 ** 50;
const SUMS = 4;
const CREDITED = 0;
const COMMITTED = 1;
const RESERVED = 2;
const BALANCE = 3;
const FIRST_SIZE = 64;
/** Of a dump, in floats: number, keys, ledger sequence, then low and high of each sum. */
const ROW = 3 + 2 * SUMS;

export function openAccounts(): Accounts {
  let numbers = new Uint32Array(FIRST_SIZE);
  let low = new Float64Array(FIRST_SIZE * SUMS);
  let high = new Float64Array(FIRST_SIZE * SUMS);
  let ledger = new Float64Array(FIRST_SIZE);
  let keyed = new Uint32Array(FIRST_SIZE);
  // Open addressing: place + 1, 0 is empty. At most half full.
  let slots = new Int32Array(FIRST_SIZE * 2);
  let mask = slots.length - 1;
  let count = 0;
  let lastNumber = -1;
  let lastPlace = -1;

  function place(account: number): number {
    // Frames hold runs of one account.
    if (account === lastNumber) return lastPlace;
    let slot = hash(account) & mask;
    let found = slots[slot]!;
    while (found !== 0 && numbers[found - 1] !== account) {
      slot = (slot + 1) & mask;
      found = slots[slot]!;
    }
    if (found === 0) found = insert(account, slot);
    lastNumber = account;
    lastPlace = found - 1;
    return lastPlace;
  }

  function insert(account: number, slot: number): number {
    if (count === numbers.length) {
      grow();
      slot = hash(account) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
    }
    numbers[count] = account;
    count += 1;
    slots[slot] = count;
    return count;
  }

  function grow(): void {
    const size = numbers.length * 2;
    numbers = larger(numbers, new Uint32Array(size));
    low = larger(low, new Float64Array(size * SUMS));
    high = larger(high, new Float64Array(size * SUMS));
    ledger = larger(ledger, new Float64Array(size));
    keyed = larger(keyed, new Uint32Array(size));
    slots = new Int32Array(size * 2);
    mask = slots.length - 1;
    for (let index = 0; index < count; index += 1) {
      let slot = hash(numbers[index]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
  }

  /** `amountMicros` is a whole number within 2^53 of zero. */
  function add(sum: number, amountMicros: number): void {
    let units = 0;
    let rest = amountMicros;
    if (rest >= UNIT || rest <= -UNIT) {
      units = Math.trunc(rest / UNIT);
      rest -= units * UNIT;
    }
    rest += low[sum]!;
    if (rest >= UNIT) {
      rest -= UNIT;
      units += 1;
    } else if (rest < 0) {
      rest += UNIT;
      units -= 1;
    }
    low[sum] = rest;
    if (units !== 0) high[sum] = high[sum]! + units;
  }

  function sum(index: number): bigint {
    return BigInt(high[index]!) * BigInt(UNIT) + BigInt(low[index]!);
  }

  function next(index: number): number {
    const sequence = ledger[index]! + 1;
    ledger[index] = sequence;
    return sequence;
  }

  return {
    place,
    count: () => count,
    number: (index) => numbers[index]!,
    reserve(index, priceMicros) {
      add(index * SUMS + RESERVED, priceMicros);
      add(index * SUMS + BALANCE, -priceMicros);
    },
    commit(index, priceMicros) {
      add(index * SUMS + RESERVED, -priceMicros);
      add(index * SUMS + COMMITTED, priceMicros);
      assert(high[index * SUMS + RESERVED]! >= 0, "more is committed than was reserved");
      return next(index);
    },
    release(index, priceMicros) {
      add(index * SUMS + RESERVED, -priceMicros);
      add(index * SUMS + BALANCE, priceMicros);
      assert(high[index * SUMS + RESERVED]! >= 0, "more is released than was reserved");
      return next(index);
    },
    adjust(index, priceMicros) {
      add(index * SUMS + COMMITTED, priceMicros);
      add(index * SUMS + BALANCE, -priceMicros);
      return next(index);
    },
    ledgerSequence: (index) => ledger[index]!,
    keys: (index) => keyed[index]!,
    addKeys(index, more) {
      keyed[index] = keyed[index]! + more;
    },
    dump() {
      const rows = new Float64Array(count * ROW);
      for (let index = 0; index < count; index += 1) {
        const row = index * ROW;
        rows.set([numbers[index]!, keyed[index]!, ledger[index]!], row);
        rows.set(low.subarray(index * SUMS, (index + 1) * SUMS), row + 3);
        rows.set(high.subarray(index * SUMS, (index + 1) * SUMS), row + 3 + SUMS);
      }
      return new Uint8Array(rows.buffer);
    },
    restore(bytes) {
      assert(count === 0, "accounts are restored into new ones");
      const rows = new Float64Array(new Uint8Array(bytes).buffer);
      for (let row = 0; row < rows.length; row += ROW) {
        const index = place(rows[row]!);
        keyed[index] = rows[row + 1]!;
        ledger[index] = rows[row + 2]!;
        low.set(rows.subarray(row + 3, row + 3 + SUMS), index * SUMS);
        high.set(rows.subarray(row + 3 + SUMS, row + ROW), index * SUMS);
      }
    },
    sums(index) {
      const at = index * SUMS;
      return {
        creditedMicros: sum(at + CREDITED),
        committedMicros: sum(at + COMMITTED),
        reservedMicros: sum(at + RESERVED),
        balanceMicros: sum(at + BALANCE),
      };
    },
  };
}

/** Whether opening (zero) + credits = committed + reserved + balance. */
export function isBalanced(sums: AccountSums): boolean {
  return sums.creditedMicros === sums.committedMicros + sums.reservedMicros + sums.balanceMicros;
}

/** Account numbers are given in order, so their low bits alone would do; odd deals need a mix. */
function hash(account: number): number {
  const mixed = Math.imul(account, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function larger<A extends Uint32Array | Float64Array>(from: A, into: A): A {
  into.set(from);
  return into;
}
