/**
 * Code keys: numbers of prefixes by their digits, while tables are compiled.
 *
 * Open addressing in pairs of doubles, so that one cache line tells: twenty decks of a million
 * prefixes are mostly the same prefixes in an order of their own, and walking their digits through a
 * tree costs ten times as much. A prefix does not begin with 0, so its value says its length, too.
 */
export interface CodeKeys {
  /** The number that was set for the code; -1: none. */
  get(code: number): number;
  /** @param number from 0. A code is set once. */
  set(code: number, number: number): void;
}

/** @param codes how many are expected; it grows beyond. */
export function openCodeKeys(codes: number): CodeKeys {
  let size = 1_024;
  while (size < codes * 2) size *= 2;
  // Code, and number + 1; 0 is no code.
  let slots = new Float64Array(2 * size);
  let used = 0;

  function slotOf(code: number): number {
    const mask = size - 1;
    const high = Math.floor(code / 2 ** 32);
    let hash = Math.imul(code | 0, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & mask;
    while (slots[2 * slot] !== 0 && slots[2 * slot] !== code) slot = (slot + 1) & mask;
    return slot;
  }

  function put(code: number, value: number): void {
    const slot = slotOf(code);
    slots[2 * slot] = code;
    slots[2 * slot + 1] = value;
  }

  function grow(): void {
    const old = slots;
    size *= 2;
    slots = new Float64Array(2 * size);
    for (let at = 0; at < old.length; at += 2) if (old[at] !== 0) put(old[at]!, old[at + 1]!);
  }

  return {
    get: (code) => slots[2 * slotOf(code) + 1]! - 1,
    set(code, number) {
      if (used * 2 >= size) grow();
      put(code, number + 1);
      used += 1;
    },
  };
}
