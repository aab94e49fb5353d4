/** Assignments: whose a number is, from the bucket `floe_numbers` (core/numbers.ts). */
import type { Logger } from "../../core/log.js";
import { type NumberAssignment, parseAssignment, plainKeyword } from "../../core/numbers.js";
import type { Bucket } from "../../core/stream/stream.js";

/** The owner of a message; account 0: nobody's number. */
export interface Owner {
  readonly account: number;
  /** The keyword that told; "": none did. */
  readonly keyword: string;
}

export interface Assignments {
  /** A keyword goes before the number, the number before its ranges, a narrow range before a wide one. */
  ownerOf(number: string, text: string): Owner;
  /** All accounts that the number belongs to, by keywords too. */
  accountsOf(number: string): readonly number[];
  /** The account of a keyword of the number, undefined if it is none. */
  keyword(number: string, word: string): number | undefined;
}

export interface AssignmentTable extends Assignments {
  set(key: string, assignment: NumberAssignment | undefined): void;
}

export function openAssignments(): AssignmentTable {
  const all = new Map<string, NumberAssignment>();
  let exact = new Map<string, number>();
  let keywords = new Map<string, Map<string, number>>();
  /** Narrow ones first. */
  let ranges: NumberAssignment[] = [];
  let stale = false;

  function make(): void {
    stale = false;
    exact = new Map();
    keywords = new Map();
    ranges = [];
    for (const one of all.values()) {
      if (one.keyword !== "") {
        const words = keywords.get(one.from) ?? new Map<string, number>();
        words.set(one.keyword, one.account);
        keywords.set(one.from, words);
      } else if (one.from === one.to) exact.set(one.from, one.account);
      else ranges.push(one);
    }
    ranges.sort((a, b) => {
      const difference = widthOf(a) - widthOf(b);
      return difference < 0n ? -1 : difference > 0n ? 1 : a.from < b.from ? -1 : 1;
    });
  }

  function plain(number: string): number {
    const own = exact.get(number);
    if (own !== undefined) return own;
    const range = ranges.find(
      ({ from, to }) => from.length === number.length && from <= number && number <= to,
    );
    return range?.account ?? 0;
  }

  return {
    set(key, assignment) {
      if (assignment === undefined) all.delete(key);
      else all.set(key, assignment);
      stale = true;
    },
    ownerOf(number, text) {
      if (stale) make();
      const words = keywords.get(number);
      if (words !== undefined) {
        const keyword = plainKeyword(/\S+/u.exec(text)?.[0] ?? "");
        const account = words.get(keyword);
        if (account !== undefined) return { account, keyword };
      }
      return { account: plain(number), keyword: "" };
    },
    accountsOf(number) {
      if (stale) make();
      const own = plain(number);
      const accounts = new Set(keywords.get(number)?.values());
      if (own !== 0) accounts.add(own);
      return [...accounts];
    },
    keyword(number, word) {
      if (stale) make();
      return keywords.get(number)?.get(plainKeyword(word));
    },
  };
}

function widthOf({ from, to }: NumberAssignment): bigint {
  return BigInt(to) - BigInt(from);
}

/** A table that follows the bucket. */
export async function watchAssignments(
  bucket: Bucket,
  log: Logger,
): Promise<Assignments & { stop(): Promise<void> }> {
  const table = openAssignments();
  const watching = await bucket.watch((key, value) => {
    try {
      table.set(key, value === undefined ? undefined : parseAssignment(value));
    } catch (err) {
      log.error({ err }, "a number's owner cannot be read, the last one stays");
    }
  });
  return { ...table, stop: () => watching.stop() };
}
