/**
 * References: what was done by hand under each reference of the last three months and more, so that
 * a repeat changes nothing and is answered as the first was.
 *
 * Entries, 44 bytes each, lie in a generation for each month of the log (UTC). One that is more than
 * three months behind the last entry is dropped whole: by the log alone, so that a replay drops the
 * same. Within these a reference is never forgotten: when there is no room, further ones are refused.
 */
import assert from "node:assert";
import { createHash } from "node:crypto";

/** What was done under a reference. */
export interface Referred {
  readonly kind: number;
  readonly amountMicros: number;
  readonly ledgerSequence: number;
  readonly atMs: number;
  /** Credits less charges afterwards, as a 64-bit integer: unsigned low and signed high half. */
  readonly bookLow: number;
  readonly bookHigh: number;
}

export interface References {
  find(account: number, reference: string): Referred | undefined;
  room(): boolean;
  /** Adds what `find` has not found; `month` is that of the log. */
  add(account: number, reference: string, month: number, entry: Referred): void;
  count(): number;
  /** Months that have entries, and how many. */
  generations(): readonly { readonly month: number; readonly count: number }[];
  /** A month as bytes, and back, where it is not there yet. */
  dump(month: number): Uint8Array;
  restore(month: number, bytes: Uint8Array): void;
}

/** Months before that of the last entry that are kept whole: 90 days at least. */
const MONTHS_KEPT = 4;
// Words of an entry: 0-3 digest of account and reference; 4 kind; 5-6 amount; 7-8 ledger sequence;
// 9 seconds, 10 milliseconds in it; 11-12 book.
const WORDS = 13;
const FIRST = 16;

interface Generation {
  words: Uint32Array;
  count: number;
}

export function openReferences(referencesMax = 4_000_000): References {
  const generations = new Map<number, Generation>();
  let total = 0;

  function seek(generation: Generation, digest: Uint32Array): number {
    const { words } = generation;
    const slots = words.length / WORDS;
    let slot = digest[0]! & (slots - 1);
    for (;;) {
      const at = slot * WORDS;
      if (words[at + 4] === 0) return at;
      if (
        words[at] === digest[0] &&
        words[at + 1] === digest[1] &&
        words[at + 2] === digest[2] &&
        words[at + 3] === digest[3]
      ) {
        return at;
      }
      slot = (slot + 1) & (slots - 1);
    }
  }

  function insert(month: number, row: Uint32Array): void {
    let generation = generations.get(month);
    if (generation === undefined) {
      generation = { words: new Uint32Array(FIRST * WORDS), count: 0 };
      generations.set(month, generation);
    }
    if ((generation.count + 1) * WORDS * 4 > generation.words.length * 3) grow(generation);
    const at = seek(generation, row);
    assert(generation.words[at + 4] === 0, "a reference is used once");
    generation.words.set(row, at);
    generation.count += 1;
    total += 1;
  }

  function grow(generation: Generation): void {
    const old = generation.words;
    generation.words = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 4] === 0) continue;
      const row = old.subarray(at, at + WORDS);
      generation.words.set(row, seek(generation, row));
    }
  }

  function dropBefore(month: number): void {
    for (const [of, { count }] of generations) {
      if (of > month - MONTHS_KEPT) continue;
      generations.delete(of);
      total -= count;
    }
  }

  return {
    find(account, reference) {
      const digest = digestOf(account, reference);
      for (const generation of generations.values()) {
        const at = seek(generation, digest);
        const { words } = generation;
        if (words[at + 4] === 0) continue;
        return {
          kind: words[at + 4]!,
          amountMicros: words[at + 6]! * 2 ** 32 + words[at + 5]!,
          ledgerSequence: words[at + 8]! * 2 ** 32 + words[at + 7]!,
          atMs: words[at + 9]! * 1_000 + words[at + 10]!,
          bookLow: words[at + 11]!,
          bookHigh: words[at + 12]! | 0,
        };
      }
      return undefined;
    },
    room: () => total < referencesMax,
    add(account, reference, month, entry) {
      dropBefore(month);
      const row = new Uint32Array(WORDS);
      row.set(digestOf(account, reference));
      row[4] = entry.kind;
      row[5] = entry.amountMicros >>> 0;
      row[6] = Math.floor(entry.amountMicros / 2 ** 32);
      row[7] = entry.ledgerSequence >>> 0;
      row[8] = Math.floor(entry.ledgerSequence / 2 ** 32);
      row[9] = Math.floor(entry.atMs / 1_000);
      row[10] = entry.atMs % 1_000;
      row[11] = entry.bookLow;
      row[12] = entry.bookHigh;
      insert(month, row);
    },
    count: () => total,
    generations: () => [...generations].map(([month, { count }]) => ({ month, count })),
    dump(month) {
      const { words, count } = generations.get(month)!;
      const rows = new Uint32Array(count * WORDS);
      let into = 0;
      for (let at = 0; at < words.length; at += WORDS) {
        if (words[at + 4] === 0) continue;
        rows.set(words.subarray(at, at + WORDS), into);
        into += WORDS;
      }
      return new Uint8Array(rows.buffer);
    },
    restore(month, bytes) {
      const rows = new Uint32Array(new Uint8Array(bytes).buffer);
      for (let at = 0; at < rows.length; at += WORDS) insert(month, rows.subarray(at, at + WORDS));
    },
  };
}

/** 128 bits of SHA-256: accounts' references cannot meet by chance. */
function digestOf(account: number, reference: string): Uint32Array {
  const bytes = createHash("sha256").update(`${account}/${reference}`, "utf8").digest();
  return new Uint32Array(new Uint8Array(bytes.subarray(0, 16)).buffer);
}
