/**
 * Next frames: the dispatch frames that follow from refusals, for another carrier (failover.ts) or
 * for the same one later (retries.ts).
 *
 * Records of one job whose refusals are in one attempt frame and name the same place make one frame,
 * published as `<parent>/<sequence of the attempt frame>/<subject>/<chunk>`. All of that can be read
 * from the stream again, so a redelivered parent makes exactly the same frames, marked `again`. A
 * part of a frame fits a frame.
 */
import { type Clock, sleep } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { laneName } from "../../core/message.js";
import { framesTotal, recordsTotal } from "../../core/metrics.js";
import { DISPATCH_FRAME } from "../../core/stream/fields.js";
import {
  type FrameWriter,
  newWriter,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  written,
} from "../../core/stream/frame.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { dispatchSubject, SLOTS } from "../../core/subjects.js";
import type { Job } from "./job.js";

/** Where a refused record goes, and as what. */
export interface NextPlace {
  readonly carrier: string;
  /** Index in SLOTS. */
  readonly slot: number;
  /** Last part of the frame's identity; the same for all that go together. */
  readonly chunk: number;
  /** Not to be sent before; milliseconds since 1970, absent: at once. */
  readonly notBeforeMs?: number;
  /** Writes the record as it is to be there, one hop further. */
  put(writer: FrameWriter, job: Job, index: number, carrier: string): void;
}

export interface NextFrames {
  /** A record's refusal is durable in the attempt frame with this sequence. */
  add(job: Job, index: number, sequence: number, again: boolean, to: NextPlace): void;
  /** Nothing is published any more; what was not stored is made again by its redelivered parent. */
  stop(): void;
}

export interface NextFramesOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** The record's next frame is stored. */
  moved(job: Job, index: number): void;
}

interface Group {
  readonly job: Job;
  readonly sequence: number;
  readonly again: boolean;
  readonly to: NextPlace;
  readonly indexes: number[];
}

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;

export function openNextFrames(options: NextFramesOptions): NextFrames {
  const { client, clock, log } = options;
  let groups: Group[] = [];
  let stopped = false;

  async function publish(group: Group): Promise<void> {
    const { job, sequence, to, indexes } = group;
    const { carrier, chunk } = to;
    const subject = dispatchSubject(carrier, job.lane, SLOTS[to.slot]!);
    // What goes out at most once must have one name, whichever refusal of it was read.
    const cause = job.once ? `r${indexes[0]}` : sequence;
    const id = `${job.identity}/${cause}/${subject}/${chunk}`;
    const data = frameOf(group, id, clock.nowMs());
    for (let pauseMs = PAUSE_MS_MIN; !stopped; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        await client.publish(subject, data, { id });
        framesTotal.inc({ stream: "DISPATCH", direction: "out" });
        recordsTotal.inc({ stream: "DISPATCH", direction: "out" }, indexes.length);
        for (const index of indexes) options.moved(job, index);
        return;
      } catch (err) {
        if (!isFloeError(err)) throw err;
        const place = { next: carrier, lane: laneName(job.lane), slot: SLOTS[to.slot] };
        log.warn({ err, ...place }, "the frame of what was refused is not stored yet");
      }
      await sleep(clock, pauseMs);
    }
  }

  return {
    add(job, index, sequence, again, to) {
      const open = groups.find(
        (group) =>
          !job.once &&
          group.job === job &&
          group.sequence === sequence &&
          group.to.carrier === to.carrier &&
          group.to.slot === to.slot &&
          group.to.chunk === to.chunk,
      );
      if (open !== undefined) {
        open.indexes.push(index);
        return;
      }
      groups.push({ job, sequence, again, to, indexes: [index] });
      // All refusals of one attempt frame are told in one go: what follows them takes them together.
      if (groups.length === 1) {
        queueMicrotask(() => {
          const ready = groups;
          groups = [];
          for (const group of ready) void publish(group);
        });
      }
    },
    stop() {
      stopped = true;
    },
  };
}

function frameOf(group: Group, identity: string, nowMs: number): Uint8Array {
  const { job, again, to, indexes } = group;
  const writer = newWriter(job.bytes.length + 256);
  putText(writer, DISPATCH_FRAME.carrier, to.carrier);
  putVarint(writer, DISPATCH_FRAME.lane, job.lane);
  putFixed32(writer, DISPATCH_FRAME.slot, to.slot);
  const causedAtMs = job.once && again ? job.causedAtMs : nowMs;
  putFixed64(writer, DISPATCH_FRAME.causedAtMs, causedAtMs);
  putText(writer, DISPATCH_FRAME.identity, identity);
  putVarint(writer, DISPATCH_FRAME.again, again ? 1 : 0);
  putFixed32(writer, DISPATCH_FRAME.partition, job.partition);
  putVarint(writer, DISPATCH_FRAME.atMostOnce, job.once ? 1 : 0);
  if (to.notBeforeMs !== undefined) putFixed64(writer, DISPATCH_FRAME.notBeforeMs, to.notBeforeMs);
  for (const index of indexes) to.put(writer, job, index, to.carrier);
  return written(writer);
}
