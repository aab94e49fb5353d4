/**
 * Jobs: the frames in work, from a delivery to its acknowledgement.
 *
 * In: deliveries of the carrier's subjects, and records that are done. Out: jobs in the queue, those
 * that may have been here before by way of the lookup; acks, and frames given back or let go.
 */
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { droppedTotal, framesTotal, recordsTotal } from "../../core/metrics.js";
import type { Delivery } from "../../core/stream/stream.js";
import type { Graves } from "./graves.js";
import type { Intake } from "./intake.js";
import {
  hasReady,
  isYoung,
  type Job,
  joinJob,
  keepWorking,
  openJob,
  RECORD,
  WORKING_EVERY_MS,
} from "./job.js";
import { type Fate, isRepeat, isSuspect, type Looked, type Lookup } from "./lookup.js";
import type { JobQueue } from "./queue.js";
import type { Later } from "./retries.js";

export interface JobsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly queue: JobQueue;
  /** What is opened after the jobs, and known when the first frame comes. */
  readonly graves: () => Pick<Graves, "frame">;
  readonly intake: () => Pick<Intake, "taken" | "done">;
  readonly lookup: () => Pick<Lookup, "add">;
  /** A record's refusal is durable in the attempt frame with this sequence: makes what follows. */
  move(
    job: Job,
    index: number,
    carrier: string,
    sequence: number,
    again: boolean,
    later: Later | undefined,
  ): void;
  /** A new job's own part. */
  adopt(job: Job): void;
  /** An at-most-once record that somebody else said to submit: it is in doubt. */
  abandoned(job: Job, index: number): void;
  /** Records that may be promised to be submitted at most once, and are not done; 0: none now. */
  promisedMax(): number;
  /** There is something to send, or room for it. */
  schedule(): void;
}

export interface Jobs {
  /** The job with this number, which it has while it lives. */
  at(number: number): Job;
  all(): Iterable<Job>;
  /** Records in work. */
  records(): number;
  /** A frame of the subject with this place came. */
  receive(delivery: Delivery, from: number): void;
  /** A job that was looked up: what is done is done, the rest is sent. */
  resume(job: Job, looked: Looked): Promise<void>;
  /** Not acknowledged, and not given back or let go. */
  isOpen(job: Job): boolean;
  /** A record is done; perhaps all are. */
  recordDone(job: Job): void;
  /** The record is to be sent again. */
  again(job: Job, index: number): void;
  /** Frames of which nothing is under way go back to the stream, but those to be kept. */
  giveBack(delayMs?: number, isKept?: (job: Job) => boolean): void;
  /** Ack waits are started anew; once a second. */
  tick(): void;
}

/** A frame that is early is looked at again after so long at most. */
const EARLY_MS_MAX = 3_600_000;

export function openJobs(options: JobsOptions): Jobs {
  const { clock, log, queue, schedule } = options;
  const jobs: (Job | undefined)[] = [];
  const freeNumbers: number[] = [];
  const bySequence = new Map<number, Job>();
  const framesIn = framesTotal.labels("DISPATCH", "in");
  const recordsIn = recordsTotal.labels("DISPATCH", "in");
  let inWork = 0;
  /** At-most-once jobs without an intent, and those with one. */
  let unpromised: Job[] = [];
  const promised = new Set<Job>();
  /** Highest sequence that came of each place: what has a higher one was never here. */
  const highest: number[] = [];

  /** Who crashes leaves what it promised unsent, or in doubt: so that is bounded. */
  function promise(): void {
    if (unpromised.length === 0) return;
    const most = options.promisedMax();
    let left = 0;
    for (const job of promised) left += job.left;
    while (unpromised.length > 0 && most > 0) {
      const job = unpromised[0]!;
      if (left > 0 && left + job.left > most) break;
      unpromised.shift();
      promised.add(job);
      left += job.left;
      lookUp(job);
    }
  }

  function receive(delivery: Delivery, from: number): void {
    framesIn.inc();
    const known = bySequence.get(delivery.sequence);
    if (known !== undefined) {
      joinJob(known, delivery);
      // Somebody else may have had it meanwhile: what is left is looked up, like any repeat.
      if (!known.suspect && hasReady(known)) lookUp(known);
      return;
    }
    const number = freeNumbers.pop() ?? jobs.length;
    const job = openJob(delivery, number);
    if (job === undefined || job.place !== from) {
      freeNumbers.push(number);
      droppedTotal.inc({ stage: "connector", code: "frame.malformed" });
      options.graves().frame(delivery);
      return;
    }
    job.first = job.sequence > (highest[from] ?? 0) && !isRepeat(job, delivery);
    highest[from] = Math.max(highest[from] ?? 0, job.sequence);
    const earlyMs = job.notBeforeMs - clock.nowMs();
    if (earlyMs > 0) {
      // It waits at the stream: nothing of it, and no place of another, is held here.
      freeNumbers.push(number);
      delivery.nak(Math.min(earlyMs, EARLY_MS_MAX));
      return;
    }
    jobs[number] = job;
    bySequence.set(job.sequence, job);
    recordsIn.inc(job.count);
    options.adopt(job);
    inWork += job.count;
    options.intake().taken(job.place, job.count);
    if (job.once) {
      job.suspect = true;
      unpromised.push(job);
      promise();
    } else if (isSuspect(job, delivery)) lookUp(job);
    else {
      queue.add(job);
      schedule();
    }
  }

  function lookUp(job: Job): void {
    job.suspect = true;
    queue.remove(job);
    options.lookup().add(job);
  }

  async function resume(job: Job, looked: Looked): Promise<void> {
    const count = looked.isClean(job) ? 0 : job.count;
    // Told in one go, below: those of one attempt frame make one frame, whose name would else be
    // given twice.
    const moves: (() => void)[] = [];
    for (let index = 0; index < count && isOpen(job); index += 1) {
      // What is on its way from here is nobody else's business.
      if (job.status[index] !== RECORD.waiting || job.longs?.has(index)) continue;
      const fate: Fate = looked.fate(job, index);
      if (fate === "none") {
        if (looked.isForeign(job)) options.abandoned(job, index);
        continue;
      }
      if (fate === "doubted" && !job.once) {
        job.doubts ??= new Uint8Array(job.count);
        job.doubts[index] = 1;
        continue;
      }
      job.status[index] = RECORD.answered;
      const moved = fate === "moved" ? await looked.moved(job, index) : undefined;
      if (moved !== undefined) {
        if (moved.doubts > 0) {
          // Its next hop is counted from the one that was refused, as it was the first time.
          job.doubts ??= new Uint8Array(job.count);
          job.doubts[index] = moved.doubts;
        }
        const { carrier, sequence, later } = moved;
        moves.push(() => options.move(job, index, carrier, sequence, true, later));
        continue;
      }
      job.status[index] = RECORD.done;
      job.left -= 1;
    }
    if (!isOpen(job)) return;
    for (const move of moves) move();
    job.suspect = false;
    if (job.left === 0) recordDone(job);
    else if (hasReady(job)) queue.add(job);
    schedule();
  }

  function isOpen(job: Job): boolean {
    return bySequence.get(job.sequence) === job;
  }

  function recordDone(job: Job): void {
    if (job.left === 0 && isOpen(job)) {
      for (const delivery of job.deliveries) delivery.ack();
      close(job);
    }
    promise();
    schedule();
  }

  function close(job: Job): void {
    queue.remove(job);
    bySequence.delete(job.sequence);
    jobs[job.number] = undefined;
    freeNumbers.push(job.number);
    inWork -= job.count;
    promised.delete(job);
    if (job.once) unpromised = unpromised.filter((one) => one !== job);
    options.intake().done(job.place, job.count);
  }

  function forget(job: Job): void {
    log.warn({ sequence: job.sequence, records: job.left }, "a frame grew old here and was let go");
    for (const delivery of job.deliveries) delivery.forget?.();
    close(job);
  }

  return {
    at: (number) => jobs[number]!,
    all: () => bySequence.values(),
    records: () => inWork,
    receive,
    resume,
    isOpen,
    recordDone,
    again(job, index) {
      if (!isOpen(job) || job.status[index] === RECORD.waiting) return;
      job.status[index] = RECORD.waiting;
      job.ready.push(index);
      if (!job.suspect) queue.addFirst(job);
      schedule();
    },
    giveBack(delayMs, isKept = () => false) {
      for (const job of [...bySequence.values()]) {
        if (job.flying > 0 || isSettling(job) || isKept(job)) continue;
        for (const delivery of job.deliveries) delivery.nak(delayMs);
        close(job);
      }
    },
    tick() {
      promise();
      const nowMs = clock.monotonicMs();
      for (const job of bySequence.values()) {
        if (!isYoung(job, nowMs)) {
          if (job.flying === 0 && job.delayed === 0 && !isSettling(job)) forget(job);
        } else if (nowMs - job.workingAtMs >= WORKING_EVERY_MS) {
          keepWorking(job, () => clock.monotonicMs()).catch((err: unknown) => {
            log.debug({ err, sequence: job.sequence }, "ack wait was not started anew");
          });
        }
      }
    },
  };
}

/** Whether an attempt of one of its records is on its way to the stream. */
function isSettling(job: Job): boolean {
  return job.status.includes(RECORD.answered);
}
