/**
 * Outbox: natural batching, and the process's publish window and frame budget.
 *
 * Records are written into the open frame of their key. While a place in the window is free and
 * nothing waits, a record leaves at once; what comes while publishes are in flight leaves with the
 * next. When one returns, the key whose oldest record waits longest goes next, with all its records.
 */
import assert from "node:assert";
import type { Clock } from "../clock.js";
import { type FloeError, isFloeError } from "../errors.js";
import { FRAME_BYTES_MAX, FRAME_RECORDS_MAX } from "../limits.js";
import { droppedTotal, framesTotal, recordsTotal } from "../metrics.js";
import { STREAMS } from "../subjects.js";
import { newBudget } from "./budget.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  newWriter,
  putRaw,
  RECORDS,
  reserve,
} from "./frame.js";
import type { PublishAck, StreamClient } from "./stream.js";

export interface OutboxOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  /** Stage name, for metrics. */
  readonly stage: string;
  /** Frames in flight over all keys. */
  readonly window: number;
  /** Frames a second above which keys linger (their `lingerMs`); 0: they never do. */
  readonly framesPerSecond: number;
  /** Records, and bytes, that may wait or be in flight; beyond, `begin` refuses. */
  readonly recordsMax: number;
  readonly bytesMax: number;
  /** How long one frame is tried before its records fail. */
  readonly publishMsMax: number;
  /** Prefix of Nats-Msg-Ids, unique to this process for ever. */
  readonly writerId: string;
}

export interface KeyOptions {
  readonly subject: string;
  /** How long a record may wait for company while the process is above its frame budget. */
  readonly lingerMs: number;
  /** Writes the fields before the records, at the moment the frame is sealed. */
  header(writer: FrameWriter, nowMs: number): void;
}

/** Told once: `error` undefined means stored. "stream.unavailable" means: outcome unknown. */
export type Settled = (error: FloeError | undefined, ack: PublishAck | undefined) => void;

export interface OutboxKey {
  /**
   * Starts a record: field 8 is begun in the returned writer, fill in its fields and call `end`.
   * Undefined: the outbox is full, hold back. No await between `begin` and `end`.
   */
  begin(bytesHint: number): FrameWriter | undefined;
  /** The record is whole; `settled` is told the fate of its frame. `urgent`: do not linger. */
  end(settled?: Settled, urgent?: boolean): void;
}

export interface Outbox {
  /** The key of a subject; the same one for the same subject. */
  key(options: KeyOptions): OutboxKey;
  /** Records that wait or are in flight. */
  waiting(): number;
  /** Sends what waits and resolves when all of it is settled. */
  drain(): Promise<void>;
}

/** Room kept before the records, so that the header written last stands before them uncopied. */
const HEADER_ROOM = 512;
/** Tag and padded length around a record. */
const RECORD_AROUND = 5;
const BUFFER_BYTES = 16_384;
/** Buffers kept for the next frames; each has grown to what its frames needed. */
const SPARE_BUFFERS_MAX = 16;

interface Key {
  readonly options: KeyOptions;
  readonly stream: string;
  /** The frame that takes records, the last of this key in the queue. */
  open: Frame | undefined;
  /** A frame of this key is in flight: two at a time could be stored in the wrong order. */
  busy: boolean;
}

interface Frame {
  readonly key: Key;
  readonly writer: FrameWriter;
  /** Monotonic time of its first record. */
  sinceMs: number;
  readonly settled: Settled[];
  count: number;
  /** Where the last whole record ends. */
  end: number;
  urgent: boolean;
}

export function openOutbox(options: OutboxOptions): Outbox {
  const { client, clock, window } = options;
  const keys = new Map<string, OutboxKey>();
  /** Frames that wait, the one with the oldest record first. */
  const queue: Frame[] = [];
  const spare: FrameWriter[] = [];
  const header = newWriter(HEADER_ROOM);
  const budget = newBudget(options.framesPerSecond, clock);
  let inFlight = 0;
  let records = 0;
  let bytes = 0;
  let counter = 0;
  let scheduled = false;
  let drains: (() => void)[] = [];
  let wakeAtMs = Infinity;
  let cancelWake = (): void => {};

  function newFrame(key: Key): Frame {
    const writer = spare.pop() ?? newWriter(BUFFER_BYTES);
    writer.at = HEADER_ROOM;
    const frame = {
      key,
      writer,
      sinceMs: 0,
      settled: [],
      count: 0,
      end: HEADER_ROOM,
      urgent: false,
    };
    key.open = frame;
    return frame;
  }

  /** What came in this turn of the event loop leaves together. */
  function schedule(): void {
    if (scheduled || inFlight >= window) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      pump();
    });
  }

  function pump(): void {
    const nowMs = clock.monotonicMs();
    while (inFlight < window) {
      const at = queue.findIndex((frame) => !frame.key.busy && dueMs(frame, nowMs) <= nowMs);
      if (at < 0) break;
      send(queue.splice(at, 1)[0]!);
    }
    wakeForNext(nowMs);
  }

  /** When a frame may leave: at once, unless it has room, lingers, and the budget is spent. */
  function dueMs(frame: Frame, nowMs: number): number {
    const lingerMs = frame.key.options.lingerMs;
    if (lingerMs <= 0 || frame.urgent || frame !== frame.key.open || drains.length > 0)
      return nowMs;
    return Math.min(frame.sinceMs + lingerMs, nowMs + budget.waitMs(nowMs));
  }

  function wakeForNext(nowMs: number): void {
    if (inFlight >= window) return;
    let nextMs = Infinity;
    for (const frame of queue) {
      if (!frame.key.busy) nextMs = Math.min(nextMs, dueMs(frame, nowMs));
    }
    if (nextMs >= wakeAtMs) return;
    cancelWake();
    wakeAtMs = nextMs;
    cancelWake = clock.after(Math.max(0, nextMs - nowMs), () => {
      wakeAtMs = Infinity;
      pump();
    });
  }

  function send(frame: Frame): void {
    const { key } = frame;
    if (key.open === frame) key.open = undefined;
    key.busy = true;
    inFlight += 1;
    budget.spend();
    counter += 1;
    const id = `${options.writerId}-${counter}`;
    client.publish(key.options.subject, seal(frame), { id, timeoutMs: options.publishMsMax }).then(
      (ack) => settle(frame, undefined, ack),
      (error: unknown) => {
        if (!isFloeError(error)) throw error;
        settle(frame, error, undefined);
      },
    );
  }

  /** The frame's bytes: the header goes before the records, where room was kept for it. */
  function seal({ key, writer, end }: Frame): Uint8Array {
    header.at = 0;
    key.options.header(header, clock.nowMs());
    const start = HEADER_ROOM - header.at;
    const fields = header.bytes.subarray(0, header.at);
    if (start < 0) return Buffer.concat([fields, writer.bytes.subarray(HEADER_ROOM, end)]);
    writer.bytes.set(fields, start);
    return writer.bytes.subarray(start, end);
  }

  function settle(frame: Frame, error: FloeError | undefined, ack: PublishAck | undefined): void {
    const { key, writer, count, end } = frame;
    key.busy = false;
    inFlight -= 1;
    records -= count;
    bytes -= end - HEADER_ROOM;
    if (error === undefined) {
      framesTotal.inc({ stream: key.stream, direction: "out" });
      recordsTotal.inc({ stream: key.stream, direction: "out" }, count);
      // After a failure the connection may still hold the bytes; only then a buffer is given up.
      if (spare.length < SPARE_BUFFERS_MAX) spare.push(writer);
    } else {
      droppedTotal.inc({ stage: options.stage, code: error.code }, count);
    }
    // The place in the window is given on before anyone is told: telling may take its time.
    pump();
    for (const tell of frame.settled) tell(error, ack);
    if (records > 0 || drains.length === 0) return;
    const drained = drains;
    drains = [];
    for (const done of drained) done();
  }

  function openKey(keyOptions: KeyOptions): OutboxKey {
    const stream = streamOf(keyOptions.subject);
    const key: Key = { options: keyOptions, stream, open: undefined, busy: false };
    let mark = -1;

    /** The frame for a record of about `size` bytes. */
    function frameFor(size: number): Frame {
      const open = key.open;
      if (open === undefined) return newFrame(key);
      const full = open.count >= FRAME_RECORDS_MAX || open.end + size > FRAME_BYTES_MAX;
      return full ? newFrame(key) : open;
    }

    return {
      begin(bytesHint) {
        if (records >= options.recordsMax || bytes + bytesHint > options.bytesMax) return undefined;
        const size = bytesHint + RECORD_AROUND;
        const { writer, end } = frameFor(size);
        // A record that was begun and never ended is overwritten.
        writer.at = end;
        reserve(writer, size);
        mark = beginNested(writer, RECORDS);
        return writer;
      },
      end(settled, urgent = false) {
        assert(key.open !== undefined && mark >= 0, "no record was begun");
        let frame = key.open;
        endNested(frame.writer, mark);
        mark = -1;
        const size = frame.writer.at - frame.end;
        if (frame.writer.at > FRAME_BYTES_MAX && frame.count > 0) {
          // Longer than its hint: it moves on, and the frame stays within its bound.
          const from = frame;
          frame = newFrame(key);
          putRaw(frame.writer, from.writer.bytes, from.end, from.writer.at);
        }
        if (frame.count === 0) {
          frame.sinceMs = clock.monotonicMs();
          queue.push(frame);
        }
        frame.end = frame.writer.at;
        frame.count += 1;
        records += 1;
        bytes += size;
        if (settled !== undefined) frame.settled.push(settled);
        if (urgent) frame.urgent = true;
        schedule();
      },
    };
  }

  return {
    key(keyOptions) {
      let key = keys.get(keyOptions.subject);
      if (key === undefined) {
        key = openKey(keyOptions);
        keys.set(keyOptions.subject, key);
      }
      return key;
    },
    waiting: () => records,
    drain() {
      if (records === 0) return Promise.resolve();
      return new Promise((resolve) => {
        drains.push(resolve);
        pump();
      });
    },
  };
}

/** The stream that takes a subject, for metrics. */
function streamOf(subject: string): string {
  const first = subject.slice(0, subject.indexOf("."));
  return STREAMS.find(({ subjects }) => subjects[0].startsWith(`${first}.`))?.name ?? "";
}
