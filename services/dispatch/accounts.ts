/**
 * Accounts: the money of every account of one partition, flat.
 *
 * An account is known here by its place (0, 1, 2, ...), given when it is first seen. Each of its
 * sums is a 64-bit integer in two halves, `high * 2^32 + low`: a year's traffic in a weak currency
 * passes 2^53, and a bigint a message would cost more than the rest of the rules together. A sum
 * beyond 2^63 trips an assertion before it could be stored. The balance is kept by itself, not
 * derived, so that opening + credits = committed + reserved + balance is a check and no definition.
 *
 * What was spent on a day or in a month is the price of what was accepted then and not released:
 * by acceptance in UTC, so that a replay, a release and a late charge all find the same day. Two days
 * and two months are kept: one is still decided a little while after it ended.
 *
 * 96 bytes an account, and 8 of its index: a million of them stay in memory, idle or not.
 */
import assert from "node:assert";

export interface Accounts {
  /** The account's place; a new one if it was not seen before. */
  place(account: number): number;
  /** The account's place, -1: it was not seen before. */
  find(account: number): number;
  count(): number;
  /** The account's number. */
  number(place: number): number;
  /** Sets `priceMicros` aside for a message accepted on `day` (since 1970, UTC) of `month`. */
  reserve(place: number, priceMicros: number, day: number, month: number): void;
  /** What was set aside is charged. Numbers the next ledger record: returns its sequence. */
  commit(place: number, priceMicros: number): number;
  /** What was set aside goes back. Returns the ledger record's sequence. */
  release(place: number, priceMicros: number, day: number, month: number): number;
  /** Charged after a release. Returns the ledger record's sequence. */
  adjust(place: number, priceMicros: number, day: number, month: number): number;
  /** Given, or taken, by hand. Returns the ledger record's sequence. */
  credit(place: number, amountMicros: number): number;
  debit(place: number, amountMicros: number): number;
  /** Whether balance and `limitMicros` together are at least `priceMicros`. */
  covers(place: number, priceMicros: number, limitMicros: number): boolean;
  /** Whether what was spent on the day, and `priceMicros`, are within `capMicros`. */
  withinDay(place: number, day: number, priceMicros: number, capMicros: number): boolean;
  withinMonth(place: number, month: number, priceMicros: number, capMicros: number): boolean;
  /** Whether a credit of so much can be kept. */
  fits(place: number, amountMicros: number): boolean;
  /** Messages without an outcome. */
  outstanding(place: number): number;
  /** Credits less charges as a 64-bit integer: the unsigned low half and the signed high half. */
  bookLow(place: number): number;
  bookHigh(place: number): number;
  /** Sequence of the account's last ledger record, 0: none. */
  ledgerSequence(place: number): number;
  /** Idempotency keys that the account has in the window. */
  keys(place: number): number;
  addKeys(place: number, count: number): void;
  /** For checks, snapshots and questions: not for the hot path. */
  sums(place: number): AccountSums;
  spent(place: number, day: number, month: number): { dayMicros: bigint; monthMicros: bigint };
  /** Bytes that all of it takes. */
  bytes(): number;
  /** Blocks of places that have changed since they were asked for last; the first of all is all. */
  changedBlocks(): number[];
  /** A block as bytes, and back, into accounts that are new, block after block. */
  dump(block: number): Uint8Array;
  restore(bytes: Uint8Array): void;
  /** So many accounts will come: growing step by step would copy each several times. */
  expect(accounts: number): void;
  /** What versions 1 and 2 of snapshots hold; they knew no day, and counted no messages. */
  restoreOld(bytes: Uint8Array): void;
  recount(place: number, priceMicros: number, day: number, month: number): void;
}

export interface AccountSums {
  readonly creditedMicros: bigint;
  readonly committedMicros: bigint;
  readonly reservedMicros: bigint;
  readonly balanceMicros: bigint;
}

const UNIT = 2 ** 32;
const HIGH_MAX = 2 ** 31;
const SUMS = 8;
const CREDITED = 0;
const COMMITTED = 1;
const RESERVED = 2;
const BALANCE = 3;
/** And 5: by the day, and by the month, modulo 2. */
const DAY = 4;
const MONTH = 6;
/** Tags of a place: which day, and which month, each of these sums is of. */
const TAGS = 4;
const FIRST_SIZE = 64;
/** Places of a block: what a snapshot writes again if one of them has changed. */
export const BLOCK_SHIFT = 12;
const BLOCK = 2 ** BLOCK_SHIFT;
const BLOCKS_FIRST = 16;

export function openAccounts(): Accounts {
  let numbers = new Uint32Array(FIRST_SIZE);
  let low = new Uint32Array(FIRST_SIZE * SUMS);
  let high = new Int32Array(FIRST_SIZE * SUMS);
  let tags = new Uint16Array(FIRST_SIZE * TAGS);
  let ledger = new Float64Array(FIRST_SIZE);
  let keyed = new Uint32Array(FIRST_SIZE);
  let unsettled = new Uint32Array(FIRST_SIZE);
  let changed = new Uint8Array(BLOCKS_FIRST);
  // Open addressing: place + 1, 0 is empty. At most half full.
  let slots = new Int32Array(FIRST_SIZE * 2);
  let mask = slots.length - 1;
  let count = 0;
  let lastNumber = -1;
  let lastPlace = -1;

  function find(account: number): number {
    // Frames hold runs of one account.
    if (account === lastNumber) return lastPlace;
    let slot = hash(account) & mask;
    let found = slots[slot]!;
    while (found !== 0 && numbers[found - 1] !== account) {
      slot = (slot + 1) & mask;
      found = slots[slot]!;
    }
    if (found === 0) return -1;
    lastNumber = account;
    lastPlace = found - 1;
    return lastPlace;
  }

  function place(account: number): number {
    const known = find(account);
    if (known >= 0) return known;
    if (count === numbers.length) grow(numbers.length * 2);
    let slot = hash(account) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    numbers[count] = account;
    count += 1;
    slots[slot] = count;
    lastNumber = account;
    lastPlace = count - 1;
    touch(lastPlace);
    return lastPlace;
  }

  function touch(index: number): void {
    changed[index >>> BLOCK_SHIFT] = 1;
  }

  function grow(size: number): void {
    numbers = larger(numbers, new Uint32Array(size));
    low = larger(low, new Uint32Array(size * SUMS));
    high = larger(high, new Int32Array(size * SUMS));
    tags = larger(tags, new Uint16Array(size * TAGS));
    ledger = larger(ledger, new Float64Array(size));
    keyed = larger(keyed, new Uint32Array(size));
    unsettled = larger(unsettled, new Uint32Array(size));
    const blocks = Math.ceil(size / BLOCK);
    if (blocks > changed.length) changed = larger(changed, new Uint8Array(blocks));
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
    const units = Math.floor(amountMicros / UNIT);
    const rest = low[sum]! + (amountMicros - units * UNIT);
    const next = high[sum]! + units + (rest >= UNIT ? 1 : 0);
    assert(next >= -HIGH_MAX && next < HIGH_MAX, "money overflow");
    low[sum] = rest;
    high[sum] = next;
  }

  /** Adds to what was spent in a period. One that is older than those kept counts nowhere. */
  function spend(index: number, first: number, period: number, amountMicros: number): void {
    const tag = index * TAGS + (first === DAY ? 0 : 2) + (period & 1);
    const sum = index * SUMS + first + (period & 1);
    // Given back is only what was counted: of a state that was loaded from an old snapshot not all is.
    if (tags[tag]! > period || (amountMicros < 0 && tags[tag] !== period)) return;
    if (tags[tag]! < period) {
      tags[tag] = period;
      low[sum] = 0;
      high[sum] = 0;
    }
    add(sum, amountMicros);
  }

  function within(
    index: number,
    first: number,
    period: number,
    priceMicros: number,
    capMicros: number,
  ): boolean {
    const tag = index * TAGS + (first === DAY ? 0 : 2) + (period & 1);
    if (tags[tag] !== period) return priceMicros <= capMicros;
    const sum = index * SUMS + first + (period & 1);
    return isWithin(low[sum]!, high[sum]!, priceMicros, capMicros);
  }

  function sum(index: number): bigint {
    return BigInt(high[index]!) * BigInt(UNIT) + BigInt(low[index]!);
  }

  function periodSum(index: number, first: number, period: number): bigint {
    const tag = index * TAGS + (first === DAY ? 0 : 2) + (period & 1);
    return tags[tag] === period ? sum(index * SUMS + first + (period & 1)) : 0n;
  }

  function next(index: number): number {
    const sequence = ledger[index]! + 1;
    ledger[index] = sequence;
    touch(index);
    return sequence;
  }

  /** One message is without an outcome no more. */
  function settle(index: number, priceMicros: number): void {
    const reserved = index * SUMS + RESERVED;
    add(reserved, -priceMicros);
    assert(high[reserved]! >= 0, "no more is settled than was reserved");
    unsettled[index] = unsettled[index]! - 1;
  }

  return {
    place,
    find,
    count: () => count,
    number: (index) => numbers[index]!,
    reserve(index, priceMicros, day, month) {
      add(index * SUMS + RESERVED, priceMicros);
      add(index * SUMS + BALANCE, -priceMicros);
      spend(index, DAY, day, priceMicros);
      spend(index, MONTH, month, priceMicros);
      unsettled[index] = unsettled[index]! + 1;
      touch(index);
    },
    commit(index, priceMicros) {
      settle(index, priceMicros);
      add(index * SUMS + COMMITTED, priceMicros);
      return next(index);
    },
    release(index, priceMicros, day, month) {
      settle(index, priceMicros);
      add(index * SUMS + BALANCE, priceMicros);
      spend(index, DAY, day, -priceMicros);
      spend(index, MONTH, month, -priceMicros);
      return next(index);
    },
    adjust(index, priceMicros, day, month) {
      add(index * SUMS + COMMITTED, priceMicros);
      add(index * SUMS + BALANCE, -priceMicros);
      spend(index, DAY, day, priceMicros);
      spend(index, MONTH, month, priceMicros);
      return next(index);
    },
    credit(index, amountMicros) {
      add(index * SUMS + CREDITED, amountMicros);
      add(index * SUMS + BALANCE, amountMicros);
      return next(index);
    },
    debit(index, amountMicros) {
      add(index * SUMS + COMMITTED, amountMicros);
      add(index * SUMS + BALANCE, -amountMicros);
      return next(index);
    },
    covers(index, priceMicros, limitMicros) {
      // balance + limit - price >= 0: each half by itself is exact.
      const at = index * SUMS + BALANCE;
      const limitHigh = Math.floor(limitMicros / UNIT);
      const priceHigh = Math.floor(priceMicros / UNIT);
      const rest = low[at]! + (limitMicros - limitHigh * UNIT) - (priceMicros - priceHigh * UNIT);
      return high[at]! + limitHigh - priceHigh + Math.floor(rest / UNIT) >= 0;
    },
    withinDay: (index, day, price, cap) => within(index, DAY, day, price, cap),
    withinMonth: (index, month, price, cap) => within(index, MONTH, month, price, cap),
    fits(index, amountMicros) {
      // Room for as much again keeps the sums of a release and a late charge within bounds as well.
      const room = HIGH_MAX / 2 - Math.ceil(amountMicros / UNIT);
      for (const which of [CREDITED, COMMITTED, BALANCE]) {
        if (Math.abs(high[index * SUMS + which]!) >= room) return false;
      }
      return true;
    },
    outstanding: (index) => unsettled[index]!,
    bookLow: (index) => (low[index * SUMS + CREDITED]! - low[index * SUMS + COMMITTED]!) >>> 0,
    bookHigh(index) {
      const at = index * SUMS;
      const borrow = low[at + CREDITED]! < low[at + COMMITTED]! ? 1 : 0;
      return high[at + CREDITED]! - high[at + COMMITTED]! - borrow;
    },
    ledgerSequence: (index) => ledger[index]!,
    keys: (index) => keyed[index]!,
    addKeys(index, more) {
      keyed[index] = keyed[index]! + more;
      touch(index);
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
    spent: (index, day, month) => ({
      dayMicros: periodSum(index, DAY, day),
      monthMicros: periodSum(index, MONTH, month),
    }),
    bytes: () =>
      [numbers, low, high, tags, ledger, keyed, unsettled, changed, slots].reduce(
        (sum, { byteLength }) => sum + byteLength,
        0,
      ),
    changedBlocks() {
      const blocks: number[] = [];
      for (let block = 0; block * BLOCK < count; block += 1) {
        if (changed[block] === 1) blocks.push(block);
      }
      changed.fill(0);
      return blocks;
    },
    dump(block) {
      const from = block * BLOCK;
      const to = Math.min(count, from + BLOCK);
      return joined([
        ledger.subarray(from, to),
        numbers.subarray(from, to),
        keyed.subarray(from, to),
        unsettled.subarray(from, to),
        low.subarray(from * SUMS, to * SUMS),
        high.subarray(from * SUMS, to * SUMS),
        tags.subarray(from * TAGS, to * TAGS),
      ]);
    },
    restore(bytes) {
      // Columns begin where their elements may.
      const { buffer } = new Uint8Array(bytes);
      const rows = bytes.length / ROW_BYTES;
      const accounts = new Uint32Array(buffer, rows * 8, rows);
      const first = count;
      for (const account of accounts) place(account);
      assert(count === first + rows, "a dump has each account once");
      let at = 0;
      const part = <T extends Uint32Array | Int32Array | Uint16Array | Float64Array>(
        into: T,
        columns: number,
        make: (buffer: ArrayBuffer, at: number, length: number) => T,
      ): void => {
        into.set(make(buffer, at, rows * columns), first * columns);
        at += rows * columns * into.BYTES_PER_ELEMENT;
      };
      part(ledger, 1, (...of) => new Float64Array(...of));
      part(numbers, 1, (...of) => new Uint32Array(...of));
      part(keyed, 1, (...of) => new Uint32Array(...of));
      part(unsettled, 1, (...of) => new Uint32Array(...of));
      part(low, SUMS, (...of) => new Uint32Array(...of));
      part(high, SUMS, (...of) => new Int32Array(...of));
      part(tags, TAGS, (...of) => new Uint16Array(...of));
    },
    expect(accounts) {
      let size = numbers.length;
      while (size < accounts) size *= 2;
      if (size > numbers.length) grow(size);
    },
    recount(index, priceMicros, day, month) {
      spend(index, DAY, day, priceMicros);
      spend(index, MONTH, month, priceMicros);
      unsettled[index] = unsettled[index]! + 1;
    },
    restoreOld(bytes) {
      assert(count === 0, "accounts are restored into new ones");
      const rows = new Float64Array(new Uint8Array(bytes).buffer);
      for (let row = 0; row < rows.length; row += OLD_ROW) {
        const index = place(rows[row]!);
        keyed[index] = rows[row + 1]!;
        ledger[index] = rows[row + 2]!;
        for (let which = 0; which < OLD_SUMS; which += 1) {
          const [rest, units] = [rows[row + 3 + which]!, rows[row + 3 + OLD_SUMS + which]!];
          const value = BigInt(units) * 2n ** 50n + BigInt(rest);
          const units32 = Number(value >> 32n);
          assert(units32 >= -HIGH_MAX && units32 < HIGH_MAX, "money overflow");
          low[index * SUMS + which] = Number(value & 0xffff_ffffn);
          high[index * SUMS + which] = units32;
        }
      }
    },
  };
}

/** Of a dump, for each account: columns of 8, 4, 4, 4, then two halves of each sum, and the tags. */
const ROW_BYTES = 8 + 3 * 4 + 2 * 4 * SUMS + 2 * TAGS;
/** Of an old dump, in floats: number, keys, ledger sequence, then low and high of each sum. */
const OLD_SUMS = 4;
const OLD_ROW = 3 + 2 * OLD_SUMS;

/** Whether opening (zero) + credits = committed + reserved + balance. */
export function isBalanced(sums: AccountSums): boolean {
  return sums.creditedMicros === sums.committedMicros + sums.reservedMicros + sums.balanceMicros;
}

/** Whether a sum and `more` are at most `cap`; the sum may be beyond 2^53, the others are not. */
function isWithin(low: number, high: number, more: number, cap: number): boolean {
  const moreHigh = Math.floor(more / UNIT);
  const capHigh = Math.floor(cap / UNIT);
  const rest = cap - capHigh * UNIT - low - (more - moreHigh * UNIT);
  return capHigh - high - moreHigh + Math.floor(rest / UNIT) >= 0;
}

/** Account numbers are given in order, so their low bits alone would do; odd deals need a mix. */
function hash(account: number): number {
  const mixed = Math.imul(account, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function larger<A extends Uint32Array | Int32Array | Uint16Array | Uint8Array | Float64Array>(
  from: A,
  into: A,
): A {
  into.set(from as never);
  return into;
}

function joined(parts: readonly (ArrayBufferView & { byteLength: number })[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}
