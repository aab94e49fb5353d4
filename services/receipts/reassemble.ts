/**
 * Reassemble: long messages from phones, out of parts that come in any order, twice, or not at all.
 *
 * Parts belong together by carrier, both addresses, reference and number of parts. References come
 * again: a part whose place is taken by another text begins a new message, and ends the old one as
 * it is. What is whole is remembered for a while, since a carrier that got no answer sends a part
 * again. Everything is bounded: beyond it the oldest are ended as they are.
 */
import type { Place } from "./header.js";

/** A part, with whatever its owner keeps with it. */
export interface Part<Kept> {
  /** Carrier and addresses. */
  readonly conversation: string;
  readonly place: Place;
  /** Says whether two parts in one place are the same. */
  readonly content: Uint8Array;
  readonly atMs: number;
  readonly kept: Kept;
}

/** What is whole, or is ended as it is. In the order of the parts; missing ones are left out. */
export interface Gathered<Kept> {
  readonly parts: readonly Part<Kept>[];
  readonly total: number;
}

export interface Added<Kept> {
  readonly gathered: readonly Gathered<Kept>[];
  /** The part is here already, or was a moment ago: nothing waits for it. */
  readonly isRepeat: boolean;
}

export interface Reassembly<Kept> {
  add(part: Part<Kept>): Added<Kept>;
  /** Ends what has waited since `beforeMs` (time of its first part). */
  end(beforeMs: number): readonly Gathered<Kept>[];
  /** Messages that wait for parts. */
  waiting(): number;
}

interface Group<Kept> {
  readonly parts: (Part<Kept> | undefined)[];
  count: number;
  sinceMs: number;
}

/** @param groupsMax messages that wait, and as many that are remembered. */
export function openReassembly<Kept>(groupsMax: number): Reassembly<Kept> {
  const groups = new Map<string, Group<Kept>>();
  /** Whole messages: their parts' contents. */
  const done = new Map<string, readonly Uint8Array[]>();

  function remember(key: string, parts: readonly Part<Kept>[]): void {
    done.delete(key);
    done.set(
      key,
      parts.map(({ content }) => content),
    );
    if (done.size > groupsMax) done.delete(done.keys().next().value!);
  }

  function take(key: string, group: Group<Kept>): Gathered<Kept> {
    groups.delete(key);
    const parts = group.parts.filter((part) => part !== undefined);
    return { parts, total: group.parts.length };
  }

  function begin(key: string, part: Part<Kept>): Group<Kept> {
    const group: Group<Kept> = {
      parts: new Array<undefined>(part.place.total).fill(undefined),
      count: 0,
      sinceMs: part.atMs,
    };
    groups.set(key, group);
    return group;
  }

  return {
    add(part) {
      const { place, content } = part;
      const key = `${part.conversation}/${place.kind}/${place.reference}/${place.total}`;
      const gathered: Gathered<Kept>[] = [];
      let group = groups.get(key);
      const before = group?.parts[place.part - 1]?.content ?? done.get(key)?.[place.part - 1];
      if (before !== undefined && isSame(before, content)) return { gathered, isRepeat: true };
      if (group?.parts[place.part - 1] !== undefined) {
        gathered.push(take(key, group));
        group = undefined;
      }
      group ??= begin(key, part);
      group.parts[place.part - 1] = part;
      group.count += 1;
      group.sinceMs = Math.min(group.sinceMs, part.atMs);
      if (group.count === place.total) {
        const whole = take(key, group);
        remember(key, whole.parts);
        gathered.push(whole);
      } else if (groups.size > groupsMax) {
        const [oldest, first] = groups.entries().next().value!;
        gathered.push(take(oldest, first));
      }
      return { gathered, isRepeat: false };
    },
    end(beforeMs) {
      const due = [...groups].filter(([, { sinceMs }]) => sinceMs < beforeMs);
      return due.map(([key, group]) => take(key, group));
    },
    waiting: () => groups.size,
  };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
