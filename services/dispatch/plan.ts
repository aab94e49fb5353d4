/**
 * Plan of a turn: which dispatch frame each routed message goes into.
 *
 * Chunks are cut while the turn is decided, because each verdict names its chunk; the frames are
 * made after the append, because their identity names its sequence. A chunk holds at most 1,000
 * records, 256 KiB, and one second of the carrier's rate; one of messages that go out at most once
 * holds no others, and no more than one window of the carrier. The slot is that of the account's
 * share of the carrier (shares.ts).
 */
import { FRAME_BYTES_MAX, FRAME_RECORDS_MAX } from "../../core/limits.js";
import { DISPATCH_FRAME } from "../../core/stream/fields.js";
import {
  newWriter,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  written,
} from "../../core/stream/frame.js";
import { dispatchSubject, SLOTS } from "../../core/subjects.js";
import { INDEX, INDEX_STRIDE, packPlace } from "../../workers/task.js";
import type { Part, Routed } from "./routed.js";
import { openShares, type Shares } from "./shares.js";

/** Parts (segments) that a carrier takes in a second; infinite: no limit. */
export type RateOf = (carrier: string) => number;
/** Parts that a carrier lets one bind have unanswered. */
export type WindowOf = (carrier: string) => number;

/** A dispatch frame, ready to be published. */
export interface Outgoing {
  readonly subject: string;
  /** Its identity and Nats-Msg-Id. */
  readonly id: string;
  readonly data: Uint8Array;
  readonly records: number;
}

export interface Plan {
  /** Forgets the last turn. */
  clear(): void;
  /** Numbers carriers and lanes of the next part anew. */
  begin(part: Part): void;
  /** Takes a record in. Returns the verdict's place: lane, slot and chunk. */
  take(
    account: number,
    carrier: number,
    lane: number,
    once: number,
    bytes: number,
    segments: number,
  ): number;
  /** A record that is not dispatched. */
  skip(): void;
  /** Puts the records together, while the decision is being appended. */
  fill(turn: readonly Routed[]): void;
  /** The frames, filled, once the decision has its sequence. */
  frames(sequence: number, decidedAtMs: number): Outgoing[];
}

interface Group {
  readonly carrier: string;
  readonly lane: number;
  readonly slot: number;
  readonly subject: string;
  readonly partsMax: number;
  readonly once: boolean;
  /** Counts the chunks of the subject, which two groups may share. */
  readonly counter: { chunks: number };
  open: Chunk | undefined;
}

interface Chunk {
  readonly group: Group;
  /** Among the chunks of its group, and among those of the turn. */
  readonly number: number;
  readonly place: number;
  records: number;
  bytes: number;
  parts: number;
  data: Uint8Array;
  /** While the frame is made: where the next record goes. */
  at: number;
}

/** Room for a frame's header, which is written when the records are in place. */
const HEAD_BYTES = 256;

/** Where nothing is known of a carrier: as its configuration would have it. */
const WINDOW_DEFAULT = 10;

export function openPlan(
  partition: number,
  rateOf: RateOf,
  windowOf: WindowOf = () => WINDOW_DEFAULT,
  shares: Shares = openShares(rateOf),
): Plan {
  const groups = new Map<string, Group>();
  const chunks: Chunk[] = [];
  // Of each record in the order of the turn: its chunk, -1: none.
  let chunkOf = new Int32Array(2 * FRAME_RECORDS_MAX);
  let count = 0;
  let part: Part | undefined;
  // Groups of the part's carriers, by `nearOf`.
  let near: (Group | undefined)[] = [];
  // Numbers of the part's carriers in `shares`; -1: not asked yet.
  let numbers: number[] = [];

  function slotOf(account: number, carrier: number): number {
    let number = numbers[carrier]!;
    if (number < 0) {
      number = shares.carrier(part!.result.carriers[carrier]!);
      numbers[carrier] = number;
    }
    return shares.sent(account, number);
  }

  function groupOf(carrier: number, lane: number, slot: number, once: number): Group {
    const name = part!.result.carriers[carrier]!;
    const subject = dispatchSubject(name, lane, SLOTS[slot]!);
    const key = (of: number): string => `${subject}/${of}`;
    let group = groups.get(key(once));
    if (group === undefined) {
      const partsMax = once === 0 ? rateOf(name) : Math.min(rateOf(name), windowOf(name));
      const counter = groups.get(key(1 - once))?.counter ?? { chunks: 0 };
      group = {
        carrier: name,
        lane,
        slot,
        subject,
        partsMax,
        once: once !== 0,
        counter,
        open: undefined,
      };
      groups.set(key(once), group);
    }
    near[nearOf(carrier, lane, slot, once)] = group;
    return group;
  }

  function openChunk(group: Group): Chunk {
    const data = new Uint8Array(0);
    const [number, place] = [group.counter.chunks, chunks.length];
    const made: Chunk = { group, number, place, records: 0, bytes: 0, parts: 0, data, at: 0 };
    group.counter.chunks += 1;
    group.open = made;
    chunks.push(made);
    return made;
  }

  function note(chunk: number): void {
    if (count === chunkOf.length) {
      const larger = new Int32Array(count * 2);
      larger.set(chunkOf);
      chunkOf = larger;
    }
    chunkOf[count] = chunk;
    count += 1;
  }

  function take(
    account: number,
    carrier: number,
    lane: number,
    once: number,
    bytes: number,
    segments: number,
  ): number {
    const slot = slotOf(account, carrier);
    const group = near[nearOf(carrier, lane, slot, once)] ?? groupOf(carrier, lane, slot, once);
    let chunk = group.open ?? openChunk(group);
    const full =
      chunk.records === FRAME_RECORDS_MAX ||
      chunk.bytes + bytes > FRAME_BYTES_MAX ||
      chunk.parts + segments > group.partsMax;
    if (full && chunk.records > 0) chunk = openChunk(group);
    chunk.records += 1;
    chunk.bytes += bytes;
    chunk.parts += segments;
    note(chunk.place);
    return packPlace(lane, slot, chunk.number);
  }

  /** Copies each record to its chunk; neighbours of one chunk in one piece. */
  function fill(turn: readonly Routed[]): void {
    for (const chunk of chunks) {
      chunk.data = Buffer.allocUnsafeSlow(HEAD_BYTES + chunk.bytes);
      chunk.at = HEAD_BYTES;
    }
    let record = 0;
    for (const { parts } of turn) {
      for (const { result, dispatches, from, to } of parts) {
        let [chunk, runFrom, runEnd] = [-1, 0, 0];
        for (let one = from; one < to; one += 1) {
          const next = chunkOf[record]!;
          record += 1;
          if (next < 0) continue;
          const base = one * INDEX_STRIDE;
          const start = result.index[base + INDEX.dispatchAt]!;
          if (next !== chunk || start !== runEnd) {
            if (chunk >= 0) copy(chunks[chunk]!, dispatches, runFrom, runEnd);
            chunk = next;
            runFrom = start;
          }
          runEnd = result.index[base + INDEX.dispatchEnd]!;
        }
        if (chunk >= 0) copy(chunks[chunk]!, dispatches, runFrom, runEnd);
      }
    }
  }

  return {
    clear() {
      groups.clear();
      chunks.length = 0;
      count = 0;
    },
    begin(next) {
      part = next;
      near = [];
      numbers = next.result.carriers.map(() => -1);
    },
    take,
    skip: () => note(-1),
    fill,
    frames(sequence, decidedAtMs) {
      return chunks.map(({ group, number, records, data }) => {
        const { carrier, lane, slot, once, subject } = group;
        const id = dispatchIdentity(partition, sequence, subject, number);
        const head = { carrier, lane, slot, causedAtMs: decidedAtMs, id, again: false, once };
        return { subject, id, records, data: withHead(data, HEAD_BYTES, partition, head) };
      });
    },
  };
}

function nearOf(carrier: number, lane: number, slot: number, once: number): number {
  return ((carrier * 4 + lane) * 4 + slot) * 2 + once;
}

/** `<partition>/<decision sequence>/<subject>/<chunk>`. */
export function dispatchIdentity(
  partition: number,
  sequence: number,
  subject: string,
  chunk: number,
): string {
  return `${partition}/${sequence}/${subject}/${chunk}`;
}

export interface DispatchHead {
  readonly carrier: string;
  readonly lane: number;
  readonly slot: number;
  readonly causedAtMs: number;
  readonly id: string;
  readonly again: boolean;
  /** Its records are submitted at most once. */
  readonly once: boolean;
}

const head = newWriter(HEAD_BYTES);

/** The frame whose records stand in `data` from `at` on, with its header put right before them. */
export function withHead(
  data: Uint8Array,
  at: number,
  partition: number,
  of: DispatchHead,
): Uint8Array {
  head.at = 0;
  putText(head, DISPATCH_FRAME.carrier, of.carrier);
  putVarint(head, DISPATCH_FRAME.lane, of.lane);
  putFixed32(head, DISPATCH_FRAME.slot, of.slot);
  putFixed64(head, DISPATCH_FRAME.causedAtMs, of.causedAtMs);
  putText(head, DISPATCH_FRAME.identity, of.id);
  putVarint(head, DISPATCH_FRAME.again, of.again ? 1 : 0);
  putFixed32(head, DISPATCH_FRAME.partition, partition);
  putVarint(head, DISPATCH_FRAME.atMostOnce, of.once ? 1 : 0);
  data.set(written(head), at - head.at);
  return data.subarray(at - head.at);
}

function copy(chunk: Chunk, source: Uint8Array, from: number, end: number): void {
  chunk.data.set(source.subarray(from, end), chunk.at);
  chunk.at += end - from;
}
